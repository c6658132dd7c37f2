"""The sums of past business days, made once by the worker: a report never adds up more than a day of single sales."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.db.models import Count, Exists, F, Max, Min, OuterRef, Sum, Value
from django.db.models.functions import Concat
from django.utils import timezone

from prewatt.domain.ledger.models import Seal
from prewatt.domain.reports.models import SalesDay, SummedDay
from prewatt.domain.turns import give_way
from prewatt.domain.vending.models import BackState, Refund, Reversal, Sale

if TYPE_CHECKING:
    from django.db.models import QuerySet

DAYS_TOGETHER = 31
# A sale is dated before it is committed, and a refund by the moment the meter proved it: days that have just ended are
# looked at again.
DAYS_LOOKED_AT_AGAIN = 3


@dataclass(frozen=True, slots=True)
class Cell:
    """One row of sums by its key, before it is a row."""

    day: date
    building_id: int | None
    seller_id: int
    tender: str


@dataclass(slots=True)
class Sums:
    sold_fen: int = 0
    refunded_fen: int = 0
    reversed_fen: int = 0
    sold_count: int = 0
    refunded_count: int = 0
    reversed_count: int = 0

    @property
    def income_fen(self) -> int:
        """财务收入 = 售电 - 冲正 - 退电."""
        return self.sold_fen - self.reversed_fen - self.refunded_fen

    @property
    def moved(self) -> int:
        return self.sold_count + self.refunded_count + self.reversed_count

    def add(self, other: Sums) -> None:
        for name, value in asdict(other).items():
            setattr(self, name, getattr(self, name) + value)


def sum_days(*, now: datetime) -> int:
    """Sum every business day that has ended and is not summed, or whose movements are others by now.

    Returns how many days were written. Safe in several workers: a day is written whole, by its own row's lock.
    """
    today = timezone.localdate(now)
    since = _first_day(today)
    written = 0
    while since is not None and since < today:
        upto = min(since + timedelta(days=DAYS_TOGETHER), today)
        written += _sum_span(since, upto, now)
        since = upto
        give_way()
    return written


def _first_day(today: date) -> date | None:
    """From here on days are to be looked at."""
    last: date | None = SummedDay.objects.aggregate(last=Max("day"))["last"]
    if last is not None:
        return min(last + timedelta(days=1), today - timedelta(days=DAYS_LOOKED_AT_AGAIN))
    firsts: list[date | None] = [
        model.objects.aggregate(first=Min("business_day"))["first"] for model in (Sale, Refund, Reversal)
    ]
    return min((first for first in firsts if first is not None), default=None)


def _sum_span(since: date, upto: date, now: datetime) -> int:
    found = _by_day(live(since=since, upto=upto))
    summed = dict(SummedDay.objects.filter(day__gte=since, day__lt=upto).values_list("day", "moved"))
    days = [since + timedelta(days=place) for place in range((upto - since).days)]
    stale = [day for day in days if summed.get(day) != sum(one.moved for one in found.get(day, {}).values())]
    for day in stale:
        _write(day, now)
    return len(stale)


def _by_day(cells: Mapping[Cell, Sums]) -> dict[date, dict[Cell, Sums]]:
    days: dict[date, dict[Cell, Sums]] = {}
    for cell, sums in cells.items():
        days.setdefault(cell.day, {})[cell] = sums
    return days


@transaction.atomic
def _write(day: date, now: datetime) -> None:
    """Anew from the movements, so that a day is right however often it is summed."""
    row, _made = SummedDay.objects.select_for_update().get_or_create(day=day, defaults={"summed_at": now})
    cells = live(since=day, upto=day + timedelta(days=1))
    SalesDay.objects.filter(day=day).delete()
    SalesDay.objects.bulk_create([SalesDay(**asdict(cell), **asdict(sums)) for cell, sums in cells.items()])
    row.moved, row.summed_at = sum(one.moved for one in cells.values()), now
    row.save(update_fields=["moved", "summed_at"])


def live(*, since: date, upto: date, sealed_upto: int | None = None) -> dict[Cell, Sums]:
    """The sums of business days from `since` to before `upto`, from the movements themselves; with `sealed_upto` only
    of those whose money the ledger's chain holds up to this seal.
    """
    cells: dict[Cell, Sums] = {}
    done = {"state": BackState.DONE}
    for name, rows in (
        ("sold", Sale.objects.all()),
        ("refunded", Refund.objects.filter(**done)),
        ("reversed", Reversal.objects.filter(**done)),
    ):
        for row in _grouped(booked(rows, sealed_upto), since, upto):
            cell = Cell(row["business_day"], row["building"], row["operator_id"], row["tender"])
            sums = cells.setdefault(cell, Sums())
            setattr(sums, f"{name}_fen", row["fen"])
            setattr(sums, f"{name}_count", row["number"])
    return cells


def booked(rows: QuerySet[Any], sealed_upto: int | None) -> QuerySet[Any]:
    """Those whose payment has a seal up to this one; all of them for None."""
    if sealed_upto is None:
        return rows
    key = Concat(Value(f"{rows.model._meta.model_name}:"), OuterRef("pk"), Value(":paid"))
    return rows.filter(Exists(Seal.objects.filter(transfer__key=key, seq__lte=sealed_upto)))


def _grouped(rows: QuerySet[Any], since: date, upto: date) -> QuerySet[Any, Any]:
    within = rows.filter(business_day__gte=since, business_day__lt=upto).order_by()
    named = within.annotate(building=F("meter__room__floor__building_id"))
    keys = ("business_day", "building", "operator_id", "tender")
    grouped: QuerySet[Any, Any] = named.values(*keys).annotate(fen=Sum("amount_fen"), number=Count("pk"))
    return grouped
