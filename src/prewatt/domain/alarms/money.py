"""Books that differ from a meter, and money paid online that did not become electricity."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.db.models import Count, Min

from prewatt.domain.alarms.keys import Held, Key
from prewatt.domain.alarms.models import Kind
from prewatt.domain.metering.queries import GATEWAY_SILENT_S
from prewatt.domain.payments.models import Attempt, Became, Difference, State
from prewatt.domain.reconciliation import queries as reconciliation
from prewatt.domain.vending.models import SaleState

LATE_MIN = 15  # so long a payment may be on its way to its meter
SILENT_MIN = 30  # so long a provider may owe an answer
LOOKED_BACK_DAYS = 60
BILL, SILENT, LATE = "bill", "silent", "late"
_NOT_THERE = (SaleState.PAID, SaleState.UNCLEAR, SaleState.WAITING)


def books(now: datetime) -> Iterator[tuple[Key, Held]]:
    """Meters whose money the newest comparison could not explain. Where the count differs too, that is the alarm."""
    for meter, opening, fen, cause, read_at, building, bus in reconciliation.differing_money():
        since = min(now, read_at or now)
        yield Key(Kind.BOOKS, meter=meter), Held(since, fen, None, cause, opening, building, bus=bus)


_PLACE = ("meter", "opening", "meter__room__floor__building", "meter__bus", "meter__bus__gateway__last_seen_at")


def payments(now: datetime) -> Iterator[tuple[Key, Held]]:
    yield from _in_wallets(now)
    yield from _late(now)
    yield from _of_channels(now)


def _in_wallets(now: datetime) -> Iterator[tuple[Key, Held]]:
    """Paid, and kept in the wallet, and nobody has taken note."""
    kept = Attempt.objects.filter(became=Became.WALLET, seen_at=None).order_by("-settled_at")
    rows = kept.values_list(*_PLACE, "paid_fen", "why", "settled_at")
    for meter, opening, building, bus, _heard_at, fen, why, settled_at in rows:
        since = min(now, settled_at or now)
        yield Key(Kind.PAYMENT, meter=meter), Held(since, fen, None, why, opening, building, bus=bus)


def _late(now: datetime) -> Iterator[tuple[Key, Held]]:
    """Paid, sold, and not on the meter. Behind a gateway that is silent nothing new begins: its own alarm tells."""
    since = now - timedelta(days=LOOKED_BACK_DAYS)
    sold = Attempt.objects.filter(became=Became.SALE, settled_at__gte=since, sale__state__in=_NOT_THERE)
    late = sold.filter(settled_at__lte=now - timedelta(minutes=LATE_MIN)).order_by("-settled_at")
    silent_since = now - timedelta(seconds=GATEWAY_SILENT_S)
    for meter, opening, building, bus, heard_at, fen, settled_at in late.values_list(*_PLACE, "paid_fen", "settled_at"):
        begins = heard_at is not None and heard_at >= silent_since
        at = min(now, settled_at or now)
        yield Key(Kind.PAYMENT, meter=meter), Held(at, fen, None, LATE, opening, building, begins, bus)


def _of_channels(now: datetime) -> Iterator[tuple[Key, Held]]:
    """One of each provider: differences in its bills that nobody has explained, else payments it says nothing of."""
    silent = Attempt.objects.filter(state=State.UNKNOWN, state_at__lte=now - timedelta(minutes=SILENT_MIN)).order_by()
    for channel, count, since in silent.values_list("channel").annotate(Count("pk"), Min("state_at")):
        yield Key(Kind.PAYMENT, channel=channel), Held(min(now, since), count, None, SILENT)
    open_ = Difference.objects.filter(ended_at=None).order_by()
    for channel, count, since in open_.values_list("bill__channel").annotate(Count("pk"), Min("since")):
        yield Key(Kind.PAYMENT, channel=channel), Held(min(now, since), count, None, BILL)
