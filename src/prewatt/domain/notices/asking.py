"""What became of messages that a provider took, or may have taken: providers that push no report are asked.

Asked after a minute, then ever more rarely, for three days. Only this turns `unknown` into something: what the provider
has is sent, what it has not was never sent, and a person may send it again without a second one arriving.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import structlog
from django.db.models import F, QuerySet

from prewatt.domain.notices import sealing
from prewatt.domain.notices.carrying import Asked, Fate
from prewatt.domain.notices.models import Carrier, Message, State, Why
from prewatt.domain.notices.refusals import CarrierRefused, NotKnown
from prewatt.domain.notices.rooms import ROOMS
from prewatt.domain.notices.sending import FIRST_ASK, REPORTED_WITHIN

TOGETHER = 20
RARELY = timedelta(hours=6)
SURE_AFTER = timedelta(minutes=10)  # a provider's own list may lag behind what it took
REPORTS_AGAIN = timedelta(days=30)
OPEN = (State.SENT, State.UNKNOWN)

log = structlog.get_logger()


def ask(now: datetime) -> int:
    """One turn. How many messages were asked about."""
    due = Message.objects.filter(ask_at__lte=now, state__in=OPEN).select_related("carrier").order_by("ask_at", "pk")
    return sum(_about(message, now) for message in due[:TOGETHER])


def _about(message: Message, now: datetime) -> int:
    carrier, at = message.carrier, message.leased_at
    question = ROOMS[carrier.kind].ask if carrier is not None else None
    if carrier is None or at is None or question is None or not carrier.on or now - at > REPORTED_WITHIN:
        Message.objects.filter(pk=message.pk).update(ask_at=None)
        return 0
    again_at = now + min(RARELY, max(FIRST_ASK, now - at))
    if not Message.objects.filter(pk=message.pk, ask_at=message.ask_at, state__in=OPEN).update(ask_at=again_at):
        return 0  # another worker has it
    try:
        secrets = {name: sealing.looked_up(one) for name, one in sealing.opened(carrier.sealed).items()}
        fate = question(carrier.settings, secrets, Asked(message.pk, message.to, tuple(message.handed), at))
    except (CarrierRefused, NotKnown, sealing.CannotOpen, KeyError, ValueError) as error:
        log.warning("message_not_asked", message=message.pk, carrier=carrier.pk, error=str(error))
        return 1
    _learn(message, fate, now - at, now)
    return 1


def _learn(message: Message, fate: Fate, age: timedelta, now: datetime) -> None:
    mine = Message.objects.filter(pk=message.pk, state__in=OPEN)
    if fate is Fate.ARRIVED:
        _was_sent(mine)
        mine.update(state=State.DELIVERED, why="", arrived=message.handed, done_at=now, ask_at=None)
    elif fate is Fate.NOT_ARRIVED:
        _was_sent(mine)
        mine.update(state=State.FAILED, why=Why.NOT_ARRIVED, done_at=now, ask_at=None)
    elif fate is Fate.TAKEN:
        _was_sent(mine)
        mine.filter(state=State.UNKNOWN).update(state=State.SENT, why="", done_at=None)
    elif fate is Fate.NOT_THERE and age >= SURE_AFTER and not message.handed:
        never = {"state": State.FAILED, "why": Why.NOT_THERE, "cost_e4": 0, "done_at": now, "ask_at": None}
        mine.filter(state=State.UNKNOWN).update(**never)


def _was_sent(mine: QuerySet[Message]) -> None:
    mine.filter(sent_at=None).update(sent_at=F("leased_at"))


def forget(now: datetime) -> int:
    """What was sent by a carrier that reports, and was never reported, is not known to have arrived."""
    reporting = Message.objects.filter(state=State.DELIVERED, sent_at__gt=now - REPORTS_AGAIN).values("carrier")
    carriers = list(Carrier.objects.filter(pk__in=reporting).values_list("pk", flat=True))
    old = Message.objects.filter(carrier__in=carriers, state=State.SENT, sent_at__lte=now - REPORTED_WITHIN)
    return old.update(state=State.UNKNOWN, why=Why.NO_REPORT, done_at=now, ask_at=None)
