"""The worker's half: ask about what no notification settled, close what nobody shall pay any more, follow refunds.

Bounded in every turn. A provider that is down is asked about one thing a turn and the rest waits its turn; what was not
answered is asked again ever more seldom, at least once an hour, for as long as it takes.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TypeVar

import structlog
from django.db.models import F

from prewatt.domain.payments import channels, giving
from prewatt.domain.payments.channel import Channel, Fact, Forged, Standing, Unreachable
from prewatt.domain.payments.models import BACK_OPEN, UNSETTLED, Attempt, BackStanding, Heard, PaidBack, State
from prewatt.domain.payments.refusals import ChannelOff
from prewatt.domain.payments.taking import settle_fact
from prewatt.domain.vending.models import BackState, Refund, Reversal

TOGETHER = 20
HELD = timedelta(minutes=2)  # whoever asks and dies is followed after this
WHILE_PAYING = timedelta(seconds=30)  # a payer may be typing his password: the notification is usually faster
PAUSE_MAX = timedelta(hours=1)
GRACE = timedelta(seconds=30)  # after it expired, before it is closed: two clocks are never the same
GIVEN_UP = timedelta(hours=3)  # after it expired: where a provider knows no closing, an unpaid order counts as closed

log = structlog.get_logger()
Row = TypeVar("Row", Attempt, PaidBack)


def tend(*, now: datetime) -> int:
    """One bounded turn. Returns how many things were settled."""
    return _attempts(now) + _backs(now) + _adopted(now)


def _attempts(now: datetime) -> int:
    due = Attempt.objects.filter(state__in=UNSETTLED, next_ask_at__lte=now).order_by("next_ask_at", "pk")
    return _each(list(due[:TOGETHER]), lambda channel, one: _ask(channel, one, now), lambda one: one.channel, now)


def _each(rows: list[Row], ask: Callable[[Channel, Row], bool], name_of: Callable[[Row], str], now: datetime) -> int:
    """Each row is claimed first: two workers ask once. After one silence the rest of that channel waits."""
    done, silent = 0, set[str]()
    for one in rows:
        if name_of(one) in silent:
            continue
        mine = type(one)._default_manager.filter(pk=one.pk, next_ask_at=one.next_ask_at)
        if not mine.update(next_ask_at=now + HELD, asked=F("asked") + 1):
            continue
        try:
            done += ask(channels.channel(name_of(one)), one)
        except (Unreachable, Forged, ChannelOff) as error:
            silent.add(name_of(one))
            log.warning("payment_not_answered", channel=name_of(one), row=one.pk, why=str(error)[:200])
            type(one)._default_manager.filter(pk=one.pk, next_ask_at__isnull=False).update(
                next_ask_at=now + _pause(one.asked), says=str(error)[:300]
            )
    return done


def _pause(asked: int) -> timedelta:
    times: int = 2 ** min(asked, 10)
    return min(PAUSE_MAX, WHILE_PAYING * times)


def _ask(channel: Channel, one: Attempt, now: datetime) -> bool:
    over = one.unwanted or now >= one.expires_at + GRACE
    heard = Heard.CLOSE if over else Heard.QUERY
    if over:
        fact = channel.close(one.order_no, created_at=one.created_at, now=now)
        if fact.standing not in (Standing.CLOSED, Standing.PAID) or (fact.standing, fact.amount_fen) == (
            Standing.PAID,
            None,
        ):
            fact, heard = channel.query(one.order_no, created_at=one.created_at, now=now), Heard.QUERY
        fact = _given_up(fact, one, now)
    else:
        fact = channel.query(one.order_no, created_at=one.created_at, now=now)
    settle_fact(channel=channel.name, fact=fact, now=now, heard=heard)
    left = Attempt.objects.filter(pk=one.pk, state__in=UNSETTLED)
    if not left.exists():
        Attempt.objects.filter(pk=one.pk).update(next_ask_at=None)
        return True
    pause = _pause(one.asked)
    left.update(next_ask_at=now + pause if over else min(now + pause, max(now + WHILE_PAYING, one.expires_at + GRACE)))
    return False


def _given_up(fact: Fact, one: Attempt, now: datetime) -> Fact:
    """Unknown to the provider after its time, or unpaid long after it: nobody pays it any more. If somebody does all
    the same, the money is not lost (`Why.LATE`).
    """
    long_over = now >= one.expires_at + GIVEN_UP
    if fact.standing == Standing.ABSENT or (fact.standing == Standing.WAITING and long_over):
        return Fact(one.order_no, Standing.CLOSED)
    return fact


def _backs(now: datetime) -> int:
    due = PaidBack.objects.filter(state__in=BACK_OPEN, next_ask_at__lte=now).select_related("attempt")
    rows = list(due.order_by("next_ask_at", "pk")[:TOGETHER])
    done = sum(giving.follow_meter(one, now=now) for one in rows if one.state == BackStanding.METER)
    asking = [one for one in rows if one.state != BackStanding.METER]
    return done + _each(asking, lambda channel, one: _ask_back(channel, one, now), lambda one: one.attempt.channel, now)


def _ask_back(channel: Channel, one: PaidBack, now: datetime) -> bool:
    if giving.ask_back(channel=channel, back=one, now=now):
        return True
    PaidBack.objects.filter(pk=one.pk, next_ask_at__isnull=False).update(next_ask_at=now + _pause(one.asked))
    return False


def _adopted(now: datetime) -> int:
    """What the counter reversed or paid out by a channel's own way."""
    done = {"state": BackState.DONE, "paid_back": None, "sale__attempt__state": State.PAID}
    rows: list[Refund | Reversal] = []
    for model in (Refund, Reversal):
        found = model._default_manager.filter(**done, tender=F("sale__attempt__channel")).order_by("asked_at")
        if keys := list(found.values_list("pk", flat=True)[:TOGETHER]):  # nearly every turn ends here
            rows += model._default_manager.filter(pk__in=keys).select_related("sale__attempt").order_by("asked_at")
    for row in rows:
        assert row.sale is not None  # asked for
        giving.adopt(row, attempt=row.sale.attempt, now=now)
    return len(rows)
