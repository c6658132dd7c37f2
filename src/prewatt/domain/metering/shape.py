"""The shape of use: how much in which hour of which weekday, what runs through the night, and the highest hour.

From closed hours alone. Whole buildings have sums of their own (`BuildingHour`); for anything narrower the hours of
its meters are added up, of so many days as stay quick to read.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple
from zoneinfo import ZoneInfo

from django.db.models import QuerySet, Sum

from prewatt.domain import workdays
from prewatt.domain.estate import scope as estate
from prewatt.domain.metering.closing import HOUR_MS, day_start_ms
from prewatt.domain.metering.models import BuildingHour, UsageHour
from prewatt.domain.metering.queries import zone
from prewatt.domain.metering.scope import Scope, everything, meters
from prewatt.domain.metering.usage import Days
from prewatt.units.values import round_half_up

if TYPE_CHECKING:
    from prewatt.domain.staff.models import Operator

HOURS_READ_MAX = 400_000  # of single meters, at once
DAYS_MAX = 366
WEEK = 7
NIGHT = range(1, 5)  # nobody should be in: what is used from one to five runs by itself


@dataclass(slots=True)
class Cell:
    """The hours of one kind: how many, and what was used in them together."""

    hours: int = 0
    wh: int = 0

    def take(self, wh: int) -> None:
        self.hours, self.wh = self.hours + 1, self.wh + wh

    @property
    def mean_wh(self) -> int | None:
        return round_half_up(self.wh, self.hours) if self.hours else None


class Highest(NamedTuple):
    """`at` is the beginning of the hour, in the site's zone."""

    wh: int
    at: datetime


@dataclass(slots=True)
class Shape:
    """`days` is what it was drawn from: less than was asked for where that was too much to read."""

    days: Days
    asked: Days
    cells: dict[tuple[int, int], Cell] = field(default_factory=dict)
    kinds: dict[tuple[bool, int], Cell] = field(default_factory=dict)  # whether people rest that day, hour
    highest: Highest | None = None

    def mean(self, weekdays: Iterable[int], hours: Iterable[int]) -> int | None:
        """Wh an hour, over these hours of these weekdays; None where nothing is known."""
        known = [self.cells[day, hour] for day in weekdays for hour in hours if (day, hour) in self.cells]
        return Cell(sum(one.hours for one in known), sum(one.wh for one in known)).mean_wh

    def mean_of(self, hour: int, *, rests: bool) -> int | None:
        """Wh in this hour of the days on which people rest, or work, by the calendar; None where nothing is known."""
        found = self.kinds.get((rests, hour))
        return found.mean_wh if found is not None else None

    @property
    def wh(self) -> int:
        return sum(one.wh for one in self.cells.values())

    @property
    def hours(self) -> int:
        return sum(one.hours for one in self.cells.values())

    @property
    def missing(self) -> int:
        """Hours of which nothing is known."""
        return _hours(self.days, zone()) - self.hours

    @property
    def base_wh(self) -> int | None:
        """Wh an hour in the small hours of the night, every day of the week: the base load, in W."""
        return self.mean(range(WEEK), NIGHT)

    @property
    def load_factor_e3(self) -> int | None:
        """The mean hour in thousandths of the highest."""
        if self.highest is None or self.highest.wh <= 0:
            return None
        return round_half_up(self.wh * 1000, self.hours * self.highest.wh)

    @property
    def base_share_e3(self) -> int | None:
        """What the base load would use round the clock, in thousandths of what was used."""
        base = self.base_wh
        return None if base is None or self.wh <= 0 else round_half_up(base * self.hours * 1000, self.wh)


def shape(*, operator: Operator, scope: Scope, days: Days) -> Shape:
    """The whole hours of these days, over his meters within the scope added together."""
    asked = Days(max(days.first, days.last - timedelta(days=DAYS_MAX - 1)), days.last)
    rows, read = _rows(operator, scope, asked)
    found, here = Shape(read, asked), zone()
    for start_ms, wh in rows:
        at = datetime.fromtimestamp(start_ms / 1000, here)
        found.cells.setdefault((at.weekday(), at.hour), Cell()).take(wh)
        found.kinds.setdefault((workdays.rests(at.date()), at.hour), Cell()).take(wh)
        if found.highest is None or wh > found.highest.wh:
            found.highest = Highest(wh, at)
    return found


def _rows(operator: Operator, scope: Scope, days: Days) -> tuple[Iterable[tuple[int, int]], Days]:
    if _only_buildings(scope):
        return _of_buildings(operator, scope, days), days
    mine = meters(operator=operator, scope=scope)
    count = mine.count()
    read = min(len(days), max(WEEK, HOURS_READ_MAX // 24 // max(1, count) // WEEK * WEEK))
    shorter = Days(days.last - timedelta(days=read - 1), days.last)
    hours = _within(UsageHour.objects.filter(meter__in=mine.values("pk")), shorter)
    return _summed(hours), shorter


def _only_buildings(scope: Scope) -> bool:
    return scope == Scope(building=scope.building)


def _of_buildings(operator: Operator, scope: Scope, days: Days) -> Iterable[tuple[int, int]]:
    hours = _within(BuildingHour.objects.all(), days)
    if not everything(operator, scope):
        mine = estate.buildings(operator)
        mine = mine.filter(code=scope.building) if scope.building else mine
        hours = hours.filter(place__in=mine.order_by().values("pk"))
    return _summed(hours)


def _within(hours: QuerySet[Any], days: Days) -> QuerySet[Any]:
    here = zone()
    from_ms, to_ms = day_start_ms(days.first, here), day_start_ms(days.last + timedelta(days=1), here)
    return hours.filter(start_ms__gte=from_ms, start_ms__lt=to_ms).order_by()


def _summed(hours: QuerySet[Any]) -> Iterable[tuple[int, int]]:
    return [(at, int(wh)) for at, wh in hours.values_list("start_ms").annotate(wh=Sum("energy_wh"))]


def _hours(days: Days, here: ZoneInfo) -> int:
    """With the hour that a change to summer time takes or gives."""
    return (day_start_ms(days.last + timedelta(days=1), here) - day_start_ms(days.first, here)) // HOUR_MS


def curve(found: Shape, *, rests: bool) -> list[int | None]:
    """Wh of each hour of the day, mean over the days on which people rest, or work."""
    return [found.mean_of(hour, rests=rests) for hour in range(24)]
