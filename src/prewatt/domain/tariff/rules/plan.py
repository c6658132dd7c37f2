"""A price plan as a value. Rates count 1e-8 yuan per kWh, energy whole Wh, money whole fen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import Literal

FORMAT = "prewatt-tariff-1"
ALL_HOURS = "all"  # the band of a version that has one price for all hours
DAY_KINDS = ("weekday", "weekend", "holiday")
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
SLOTS_MAX = 14  # what a meter's own day table holds

Every = Literal["month", "year", "bill"]


@dataclass(frozen=True, slots=True)
class Settlement:
    """结算. The span over which a ladder counts and money is rounded: it begins on this day at this time.

    `bill`: all that is priced together is one span, as when a meter is read at odd dates.
    """

    every: Every = "month"
    month: int = 1
    day: int = 1
    at: time = time(0)


@dataclass(frozen=True, slots=True)
class Rounding:
    """Half up to `to_fen`: once on the sum, or each line before it is added."""

    each: Literal["total", "line"] = "total"
    to_fen: int = 1


@dataclass(frozen=True, slots=True)
class Slot:
    at: time
    band: str


@dataclass(frozen=True, slots=True)
class Season:
    """Some days of the year: whole months, or from one day to another (both included, over New Year if need be)."""

    months: frozenset[int] = frozenset()
    first: tuple[int, int] | None = None
    last: tuple[int, int] | None = None

    def holds(self, day: date) -> bool:
        if self.months:
            return day.month in self.months
        if self.first is None or self.last is None:
            return True
        at = (day.month, day.day)
        if self.first <= self.last:
            return self.first <= at <= self.last
        return at >= self.first or at <= self.last


@dataclass(frozen=True, slots=True)
class CalendarRule:
    """The first rule that fits a day names its table. No days: any day."""

    table: str
    season: Season = Season()
    days: frozenset[str] = frozenset()

    def fits(self, day: date, kind: str) -> bool:
        return self.season.holds(day) and (not self.days or kind in self.days or WEEKDAYS[day.weekday()] in self.days)


@dataclass(frozen=True, slots=True)
class Step:
    """A step of a ladder: up to this many Wh of the span (None: without end), this rate in each band."""

    up_to_wh: int | None
    rates_e8: Mapping[str, int]
    add_e8: int | None = None  # its surcharge, where it is one on top of the band's rate


@dataclass(frozen=True, slots=True)
class Slab:
    """Applies to the whole span when the span's total is at most this (None: any)."""

    up_to_wh: int | None
    fixed_fen: int
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class SeasonSteps:
    season: Season
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Household:
    """From so many persons on, every limit of the ladder lies so much higher."""

    persons: int
    add_wh: int


@dataclass(frozen=True, slots=True)
class Ladder:
    """阶梯. Either `seasons` (by the span's first day; one of the whole year if there are none) or `slabs`."""

    seasons: tuple[SeasonSteps, ...] = ()
    slabs: tuple[Slab, ...] = ()
    per_days: int | None = None  # limits are for so many days, and grow with the days of the span
    whole_kwh: bool = False  # ... and are rounded to whole kWh then
    households: tuple[Household, ...] = ()


@dataclass(frozen=True, slots=True)
class Free:
    """基础电量, 基础金额: energy that costs nothing, or money taken off the price of energy."""

    wh: int = 0
    fen: int = 0
    every: Literal["span", "month"] = "span"


@dataclass(frozen=True, slots=True)
class Fee:
    """A line beside the energy. Exactly one of: a fixed amount, a rate per kWh, a part of other lines."""

    name: str
    fen: int | None = None
    every: Literal["span", "month", "day"] = "month"
    times: str = ""  # the fixed amount is for each unit of this quantity, such as demand_kw
    per_kwh_e8: int | None = None
    part_e8: int | None = None  # 1e-8 of the lines named by `of`
    of: Literal["energy", "fees", "all"] = "all"
    above_wh: int = 0  # of energy: only of the steps that begin here or higher


@dataclass(frozen=True, slots=True)
class Version:
    """What holds from an instant on (local time of the plan), until the next version or until an end."""

    since: datetime | None
    until: datetime | None
    rates_e8: Mapping[str, int]  # by band; with a ladder of its own prices: those of its first step
    tables: Mapping[str, tuple[Slot, ...]] = field(default_factory=dict)
    calendar: tuple[CalendarRule, ...] = ()
    holidays: frozenset[date] = frozenset()
    workdays: frozenset[date] = frozenset()
    dates: Mapping[date, str] = field(default_factory=dict)
    ladder: Ladder | None = None
    free: Free | None = None
    fees: tuple[Fee, ...] = ()
    minimum_fen: int = 0

    @property
    def bands(self) -> tuple[str, ...]:
        return tuple(self.rates_e8)

    @property
    def banded(self) -> bool:
        return ALL_HOURS not in self.rates_e8

    def kind_of(self, day: date) -> str:
        if day in self.holidays:
            return "holiday"
        return "weekend" if day.weekday() >= 5 and day not in self.workdays else "weekday"

    def table_of(self, day: date) -> str | None:
        """The name of the day's table; None where no rule fits."""
        if day in self.dates:
            return self.dates[day]
        kind = self.kind_of(day)
        return next((rule.table for rule in self.calendar if rule.fits(day, kind)), None)


@dataclass(frozen=True, slots=True)
class Plan:
    """电价方案. Versions stand in the order of their instants."""

    name: str
    zone: str
    currency: str
    settlement: Settlement
    rounding: Rounding
    versions: tuple[Version, ...]
