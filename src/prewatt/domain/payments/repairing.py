"""The worker's half: ask about what no notification settled, close what nobody shall pay any more, follow refunds.

Bounded in every turn, and each provider has turns of its own. One that is down is asked about one thing a turn and the
rest waits its turn; what was not answered is asked again ever more seldom, at least once an hour, for as long as it
takes. What a notification told is asked at once: only the answer is money.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TypeVar

import structlog
from django.db.models import F, QuerySet

from prewatt.domain.payments import channels, giving
from prewatt.domain.payments.channel import Channel, Fact, Forged, Standing, Unreachable
from prewatt.domain.payments.models import (
    BACK_OPEN,
    UNSETTLED,
    Attempt,
    BackStanding,
    Heard,
    PaidBack,
    Provider,
    State,
)
from prewatt.domain.payments.refusals import ChannelOff
from prewatt.domain.payments.taking import settle_fact
from prewatt.domain.vending.models import BackState, Refund, Reversal

TOGETHER = 20
HELD = timedelta(minutes=2)  # whoever asks and dies is followed after this
WHILE_PAYING = timedelta(seconds=30)  # a payer may be typing his password: the notification is usually faster
WHEN_TOLD = timedelta(seconds=2)  # the notification may come from a quicker machine than the answer
PAUSE_MAX = timedelta(hours=1)
GRACE = timedelta(seconds=30)  # after it expired, before it is closed: two clocks are never the same
GIVEN_UP = timedelta(hours=3)  # after it expired: where a provider knows no closing, an unpaid order counts as closed

log = structlog.get_logger()
Row = TypeVar("Row", Attempt, PaidBack)


def tend(*, now: datetime) -> int:
    """One bounded turn of everything. Returns how many things were settled."""
    return sum(ask_channel(name, now=now) for name in Provider.values) + follow(now=now)


def ask_channel(name: str, *, now: datetime) -> int:
    """One bounded turn of one provider: orders, then refunds."""
    due = Attempt.objects.filter(channel=name, next_ask_at__lte=now).order_by("next_ask_at", "pk")
    done = _each(list(due[:TOGETHER]), lambda channel, one: _ask(channel, one, now), lambda one: one.channel, now)
    asking = _backs(now).filter(attempt__channel=name).exclude(state=BackStanding.METER)
    rows = list(asking[:TOGETHER])
    return done + _each(rows, lambda channel, one: _ask_back(channel, one, now), lambda one: one.attempt.channel, now)


def follow(*, now: datetime) -> int:
    """What needs no provider: refunds that meters have given back, and those that the counter made."""
    at_meters = _backs(now).filter(state=BackStanding.METER)
    return sum(giving.follow_meter(one, now=now) for one in list(at_meters[:TOGETHER])) + _adopted(now)


def _backs(now: datetime) -> QuerySet[PaidBack]:
    due = PaidBack.objects.filter(state__in=BACK_OPEN, next_ask_at__lte=now)
    return due.select_related("attempt").order_by("next_ask_at", "pk")


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
            claimed = type(one)._default_manager.filter(pk=one.pk, next_ask_at=now + HELD)
            claimed.update(next_ask_at=now + _pause(one), says=str(error)[:300])
    return done


def _pause(one: Attempt | PaidBack) -> timedelta:
    told = isinstance(one, Attempt) and one.told_at is not None
    times: int = 2 ** min(one.asked, 11)
    return min(PAUSE_MAX, (WHEN_TOLD if told else WHILE_PAYING) * times)


def _ask(channel: Channel, one: Attempt, now: datetime) -> bool:
    """Whatever came in between (a notification, a withdrawal) has asked for a turn of its own: that is left to it."""
    over = one.unwanted or now >= one.expires_at + GRACE
    fact, heard = _answered(channel, one, over=over, now=now)
    settle_fact(channel=channel.name, fact=fact, now=now, heard=heard)
    claimed = Attempt.objects.filter(pk=one.pk, next_ask_at=now + HELD)
    if _is_settled(one, fact):
        claimed.update(next_ask_at=None)
        return True
    again = now + _pause(one)
    if not over and one.told_at is None:  # when it is over it is closed, not later
        again = min(again, max(now + WHILE_PAYING, one.expires_at + GRACE))
    claimed.update(next_ask_at=again)
    return False


def _answered(channel: Channel, one: Attempt, *, over: bool, now: datetime) -> tuple[Fact, Heard]:
    """What is over is closed, unless we were told that it was paid: then it is asked about first."""
    if over and one.told_at is None:
        fact = channel.close(one.order_no, created_at=one.created_at, now=now)
        if fact.standing == Standing.CLOSED or (fact.standing == Standing.PAID and fact.amount_fen is not None):
            return fact, Heard.CLOSE
    fact = channel.query(one.order_no, created_at=one.created_at, now=now)
    return (_given_up(fact, one, now) if over else fact), Heard.QUERY


def _is_settled(one: Attempt, fact: Fact) -> bool:
    state = Attempt.objects.values_list("state", flat=True).get(pk=one.pk)
    if state == State.PAID:
        return True
    unpaid = one.told_at is None or fact.standing in (Standing.CLOSED, Standing.ABSENT)
    return state not in UNSETTLED and unpaid


def _given_up(fact: Fact, one: Attempt, now: datetime) -> Fact:
    """Unknown to the provider after its time, or unpaid long after it: nobody pays it any more. If somebody does all
    the same, the money is not lost (`Why.LATE`).
    """
    long_over = now >= one.expires_at + GIVEN_UP
    if fact.standing == Standing.ABSENT or (fact.standing == Standing.WAITING and long_over):
        return Fact(one.order_no, Standing.CLOSED)
    return fact


def _ask_back(channel: Channel, one: PaidBack, now: datetime) -> bool:
    if giving.ask_back(channel=channel, back=one, now=now):
        return True
    PaidBack.objects.filter(pk=one.pk, next_ask_at=now + HELD).update(next_ask_at=now + _pause(one))
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
