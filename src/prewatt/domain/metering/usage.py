"""What was used, by whom and when: sums of closed days over days, months and years.

Months stand in a table of their own (`UsageMonth`, kept by closing): a year is twelve rows a meter, and only the days
that make no whole month are read one by one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from django.db.models import Count, QuerySet, Sum

from prewatt.domain.metering.models import UsageDay, UsageMonth, UsageOfAll
from prewatt.domain.metering.scope import Scope, everything, meters

if TYPE_CHECKING:
    from prewatt.domain.staff.models import Operator


@dataclass(frozen=True, slots=True)
class Days:
    """From the first day to the last, both in it."""

    first: date
    last: date

    def __len__(self) -> int:
        return max(0, (self.last - self.first).days + 1)

    def earlier(self) -> Days:
        """As many days just before these; whole months are held against whole months."""
        end = self.first - timedelta(days=1)
        if self.first.day == 1 and _ends_month(self.last):
            months = (self.last.year - self.first.year) * 12 + self.last.month - self.first.month + 1
            return Days(_months_on(self.first, -months), end)
        return Days(self.first - timedelta(days=len(self)), end)

    def year_earlier(self) -> Days:
        """The same days of the year before; the end of February is the end of February."""
        last = _year_before(self.last)
        return Days(_year_before(self.first), _month_end(last) if _ends_month(self.last) else last)


def _ends_month(day: date) -> bool:
    return (day + timedelta(days=1)).day == 1


def _month_end(day: date) -> date:
    return _months_on(day.replace(day=1), 1) - timedelta(days=1)


def _months_on(first: date, months: int) -> date:
    """The first of a month, so many months on."""
    at = first.year * 12 + first.month - 1 + months
    return date(at // 12, at % 12 + 1, 1)


def _year_before(day: date) -> date:
    there_is = (day.month, day.day) != (2, 29)
    return day.replace(year=day.year - 1, day=day.day if there_is else 28)


def _days(operator: Operator, scope: Scope, days: Days) -> QuerySet[UsageDay]:
    found = UsageDay.objects.filter(day__gte=days.first, day__lte=days.last).order_by()
    return found.filter(meter__in=_mine(operator, scope))


def _mine(operator: Operator, scope: Scope) -> Any:
    return meters(operator=operator, scope=scope).values("pk")


class Per(StrEnum):
    DAY = "day"
    MONTH = "month"
    YEAR = "year"


@dataclass(frozen=True, slots=True)
class Sums:
    """`fen` is what the meters deducted, as far as they show it. `days` counts the meters' closed days."""

    wh: int = 0
    fen: int = 0
    days: int = 0

    def __add__(self, other: Sums) -> Sums:
        return Sums(self.wh + other.wh, self.fen + other.fen, self.days + other.days)


@dataclass(frozen=True, slots=True)
class Row:
    """`key` is a day, or names a thing; `earlier_wh` is None where nothing is compared."""

    key: Any
    now: Sums
    earlier_wh: int | None = None

    @property
    def change_wh(self) -> int | None:
        return None if self.earlier_wh is None else self.now.wh - self.earlier_wh

    @property
    def change_e3(self) -> int | None:
        """In thousandths of the earlier use; None where there was none."""
        if self.earlier_wh is None or self.earlier_wh == 0:
            return None
        return round((self.now.wh - self.earlier_wh) * 1000 / self.earlier_wh)


_ADDED = {"wh": Sum("energy_wh"), "fen": Sum("deducted_fen")}


@dataclass(frozen=True, slots=True)
class Pieces:
    """A span as the tables hold it: whole months, and days before and after them."""

    months: tuple[date, date] | None
    days: tuple[Days, ...]


def pieces(span: Days, newest: date) -> Pieces:
    """`newest` is the last closed day: a month that goes on after it is as whole as it can be."""
    first = span.first if span.first.day == 1 else _months_on(span.first.replace(day=1), 1)
    whole = _ends_month(span.last) or span.last >= newest
    last = span.last.replace(day=1) if whole else _months_on(span.last.replace(day=1), -1)
    if first > last:
        return Pieces(None, (span,))
    head = Days(span.first, first - timedelta(days=1))
    tail = Days(_months_on(last, 1), span.last)
    return Pieces((first, last), tuple(one for one in (head, tail) if len(one)))


def _months(operator: Operator, scope: Scope, months: tuple[date, date]) -> QuerySet[UsageMonth]:
    found = UsageMonth.objects.filter(month__gte=months[0], month__lte=months[1]).order_by()
    return found.filter(meter__in=_mine(operator, scope))


def by_time(*, operator: Operator, scope: Scope, per: Per, days: Days, newest: date) -> dict[date, Sums]:
    """The first day of each day, month or year -> what was used in it, as far as it lies in the span; oldest first."""
    if per == Per.DAY:
        return dict(sorted(_each_day(operator, scope, days)))
    found: defaultdict[date, Sums] = defaultdict(Sums)
    cut = Pieces(None, (days,)) if everything(operator, scope) else pieces(days, newest)
    if cut.months:
        of_months = _months(operator, scope, cut.months).values_list("month").annotate(**_ADDED, n=Sum("days"))
        for month, wh, fen, number in of_months:
            found[_begins(month, per)] += Sums(int(wh), int(fen or 0), int(number))
    for span in cut.days:
        for day, its in _each_day(operator, scope, span):
            found[_begins(day, per)] += its
    return dict(sorted(found.items()))


def _each_day(operator: Operator, scope: Scope, days: Days) -> Iterator[tuple[date, Sums]]:
    """Of all meters they stand added up already."""
    found: Any = _days(operator, scope, days).values_list("day").annotate(**_ADDED, n=Count("pk"))
    if everything(operator, scope):
        rows = UsageOfAll.objects.filter(day__gte=days.first, day__lte=days.last, meters__gt=0)
        found = rows.values_list("day", "energy_wh", "deducted_fen", "meters")
    for day, wh, fen, number in found:
        yield day, Sums(int(wh), int(fen or 0), int(number))


def _begins(day: date, per: Per) -> date:
    return day.replace(month=1, day=1) if per == Per.YEAR else day.replace(day=1)
