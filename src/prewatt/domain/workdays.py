"""Which days people rest and which they work, by the Chinese calendar: public holidays and make-up workdays (调休).

The one place that knows the library. The State Council announces a year in November of the year before: a year that
the installed library does not know yet is said to be unknown, and goes by its weekends and by the holidays whose dates
never move. A site's own dated exceptions stand above all of it.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from enum import StrEnum
from functools import lru_cache

import chinese_calendar

SATURDAY, SUNDAY, A_WORKING_DAY = 5, 6, 2
# New Year, Labour Day, National Day: the same dates each year, by law of 2025.
_FIXED = frozenset({(1, 1), (5, 1), (5, 2), (10, 1), (10, 2), (10, 3)})
_NOBODYS: frozenset[date] = frozenset()


class DayKind(StrEnum):
    WORK = "work"
    WEEKEND = "weekend"
    HOLIDAY = "holiday"  # with the weekends that belong to it
    MADE_UP = "made_up"  # a Saturday or Sunday on which people work


def is_known(year: int) -> bool:
    """Whether the holidays of that year have been announced, as far as this installation knows."""
    return _official(date(year, 1, 1)) is not None


def kind(day: date, *, off: Collection[date] = _NOBODYS, worked: Collection[date] = _NOBODYS) -> DayKind:
    """`off` and `worked` are the site's own exceptions: days it rests and days it works, whatever the calendar says."""
    weekend = day.weekday() >= SATURDAY
    if day in worked:
        return DayKind.MADE_UP if weekend else DayKind.WORK
    if day in off:
        return DayKind.HOLIDAY
    found = _official(day)
    if found is not None:
        return found
    return DayKind.HOLIDAY if (day.month, day.day) in _FIXED else DayKind.WEEKEND if weekend else DayKind.WORK


def rests(day: date, *, off: Collection[date] = _NOBODYS, worked: Collection[date] = _NOBODYS) -> bool:
    """Weekend or public holiday, and not made up for."""
    return kind(day, off=off, worked=worked) in (DayKind.WEEKEND, DayKind.HOLIDAY)


def like(day: date, *, off: Collection[date] = _NOBODYS) -> int:
    """Whose weekday's use this day will have: a holiday is like a Sunday, a make-up day like any working day."""
    found = kind(day, off=off)
    return SUNDAY if found is DayKind.HOLIDAY else A_WORKING_DAY if found is DayKind.MADE_UP else day.weekday()


@lru_cache(maxsize=4096)
def _official(day: date) -> DayKind | None:
    """What the State Council said of it; None for a year it has not spoken of yet."""
    try:
        holiday, name = chinese_calendar.get_holiday_detail(day)
    except NotImplementedError:
        return None
    weekend = day.weekday() >= SATURDAY
    if not holiday:
        return DayKind.MADE_UP if weekend else DayKind.WORK
    return DayKind.HOLIDAY if name else DayKind.WEEKEND
