"""Carriers of messages that have stopped: the modem is gone, the contract ended, or nothing goes out any more."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.db.models import Q

from prewatt.domain.alarms.keys import Held, Key
from prewatt.domain.alarms.models import Kind
from prewatt.domain.notices.models import Carrier

FAILING_MIN = 3  # a modem that restarts, a provider that stumbles, is back by then
MISSED = 5  # so many messages in a row that did not go out
PERSON, FAILING, NOTHING_OUT = "person", "failing", "nothing_out"


def held(now: datetime) -> Iterator[tuple[Key, Held]]:
    ailing = Q(failing_since__isnull=False) | ~Q(stopped_for="") | Q(missed__gte=MISSED)
    for one in Carrier.objects.filter(ailing, on=True):
        since = one.failing_since or one.missed_since or now
        stopped = bool(one.stopped_for)
        begins = stopped or one.missed >= MISSED or now - since >= timedelta(minutes=FAILING_MIN)
        detail = PERSON if stopped else FAILING if one.failing_since else NOTHING_OUT
        value = None if detail != NOTHING_OUT else one.missed
        yield Key(Kind.CARRIER, carrier=one.pk), Held(min(now, since), value, None, detail, begins=begins)
