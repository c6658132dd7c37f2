"""日/月/年财务销售统计: sold, reversed, refunded and what remains, by day, month or year and by whom, how or where."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from django.db.models import Max, Q, QuerySet, Sum
from django.utils import timezone

from prewatt.domain.estate import scope
from prewatt.domain.reports.models import SalesDay, SummedDay
from prewatt.domain.reports.summing import Cell, Sums, live

if TYPE_CHECKING:
    from prewatt.domain.staff.models import Operator

_FIELDS = ("sold_fen", "refunded_fen", "reversed_fen", "sold_count", "refunded_count", "reversed_count")


class Per(StrEnum):
    DAY = "day"
    MONTH = "month"
    YEAR = "year"


class By(StrEnum):
    ALL = "all"
    SELLER = "seller"
    TENDER = "tender"
    BUILDING = "building"


_KEY = {By.ALL: "", By.SELLER: "seller_id", By.TENDER: "tender", By.BUILDING: "building_id"}


@dataclass(frozen=True, slots=True)
class Wanted:
    """Business days from `first_day` to `last_day`, both included. Empty values do not narrow."""

    first_day: date
    last_day: date
    per: Per = Per.DAY
    by: By = By.ALL
    seller_id: int | None = None
    building_id: int | None = None
    tender: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """`period` is the first day of the day, month or year. `who` is the seller's id, the tender or the building's id;
    None for all of them, and for meters without a building.
    """

    period: date
    who: Any
    sums: Sums = field(default_factory=Sums)


def rows(*, operator: Operator, wanted: Wanted, now: datetime) -> list[Row]:
    """Only what moved; periods in order. Past days come from their sums, the rest from the movements themselves."""
    found: dict[tuple[date, Any], Sums] = {}
    for day, who, sums in _parts(operator, wanted, now):
        found.setdefault((_period(day, wanted.per), who), Sums()).add(sums)
    keys = sorted(found, key=lambda key: (key[0], str(key[1])))
    return [Row(period, who, found[period, who]) for period, who in keys]


def total(found: Iterable[Row]) -> Sums:
    whole = Sums()
    for row in found:
        whole.add(row.sums)
    return whole


def _period(day: date, per: Per) -> date:
    if per == Per.DAY:
        return day
    return day.replace(day=1) if per == Per.MONTH else day.replace(month=1, day=1)


def _parts(operator: Operator, wanted: Wanted, now: datetime) -> Iterator[tuple[date, Any, Sums]]:
    live_from = _live_from(now)
    yield from _summed(operator, wanted, live_from)
    since, upto = max(wanted.first_day, live_from), wanted.last_day + timedelta(days=1)
    if since >= upto:
        return
    mine = _mine(operator)
    name = _KEY[wanted.by]
    for cell, sums in live(since=since, upto=upto).items():
        if _fits(cell, wanted, mine):
            yield cell.day, getattr(cell, name) if name else None, sums


def _live_from(now: datetime) -> date:
    """The first day whose sums are not laid yet; today at the latest."""
    last = SummedDay.objects.aggregate(last=Max("day"))["last"]
    today = timezone.localdate(now)
    return date.min if last is None else min(last + timedelta(days=1), today)


def _summed(operator: Operator, wanted: Wanted, live_from: date) -> Iterator[tuple[date, Any, Sums]]:
    name = _KEY[wanted.by]
    keys = ("day", name) if name else ("day",)
    found: QuerySet[SalesDay, Any] = SalesDay.objects.filter(
        _narrow(operator, wanted), day__gte=wanted.first_day, day__lte=wanted.last_day, day__lt=live_from
    )
    for row in found.order_by().values_list(*keys).annotate(*(Sum(one, default=0) for one in _FIELDS)):
        yield row[0], row[1] if name else None, Sums(*row[len(keys) :])


def _narrow(operator: Operator, wanted: Wanted) -> Q:
    narrow = Q() if (mine := _mine(operator)) is None else Q(building_id__in=mine)
    for name in ("seller_id", "building_id", "tender"):
        if value := getattr(wanted, name):
            narrow &= Q(**{name: value})
    return narrow


def _mine(operator: Operator) -> frozenset[int] | None:
    """The ids of his buildings; None for whoever sees every building, and meters without one."""
    if operator.is_active and operator.all_buildings:
        return None
    return frozenset(scope.buildings(operator).values_list("pk", flat=True))


def _fits(cell: Cell, wanted: Wanted, mine: frozenset[int] | None) -> bool:
    if mine is not None and cell.building_id not in mine:
        return False
    asked = ((wanted.seller_id, cell.seller_id), (wanted.building_id, cell.building_id), (wanted.tender, cell.tender))
    return all(not value or value == own for value, own in asked)
