"""Public holidays, make-up workdays, years that nobody announced, and the site's own days."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from prewatt.domain import workdays
from prewatt.domain.control.cutting import is_protected
from prewatt.domain.control.models import SwitchRules
from prewatt.domain.workdays import DayKind

FAR = 2099


@pytest.mark.parametrize(
    ("day", "kind"),
    [
        (date(2026, 10, 1), DayKind.HOLIDAY),  # a Thursday
        (date(2026, 10, 3), DayKind.HOLIDAY),  # a Saturday in the middle of it
        (date(2026, 10, 10), DayKind.MADE_UP),  # the Saturday that pays for it
        (date(2026, 2, 14), DayKind.MADE_UP),
        (date(2026, 2, 23), DayKind.HOLIDAY),  # the ninth day of Spring Festival, a Monday
        (date(2026, 6, 6), DayKind.WEEKEND),
        (date(2026, 6, 8), DayKind.WORK),
    ],
)
def test_a_day_is_what_was_announced(day: date, kind: DayKind) -> None:
    assert workdays.kind(day) is kind
    assert workdays.rests(day) == (kind in (DayKind.HOLIDAY, DayKind.WEEKEND))


def test_a_year_nobody_announced_says_so_and_goes_by_its_weekends() -> None:
    assert workdays.is_known(2026)
    assert not workdays.is_known(FAR)
    assert not workdays.is_known(1990)
    assert workdays.kind(date(FAR, 10, 1)) is DayKind.HOLIDAY  # its date never moves
    assert workdays.kind(date(FAR, 6, 6)) is DayKind.WEEKEND
    assert workdays.kind(date(FAR, 6, 8)) is DayKind.WORK


def test_the_sites_own_days_stand_above_the_calendar() -> None:
    monday, saturday, national = date(2026, 6, 8), date(2026, 6, 6), date(2026, 10, 1)
    assert workdays.rests(monday, off=[monday])
    assert not workdays.rests(saturday, worked=[saturday])
    assert not workdays.rests(national, worked=[national], off=[national])


def test_a_holiday_is_used_like_a_sunday_and_a_make_up_saturday_like_a_working_day() -> None:
    assert workdays.like(date(2026, 10, 1)) == workdays.SUNDAY
    assert workdays.like(date(2026, 10, 10)) == workdays.A_WORKING_DAY
    assert workdays.like(date(2026, 6, 6)) == workdays.SATURDAY


def test_nobody_is_switched_off_on_a_public_holiday_but_on_a_make_up_saturday() -> None:
    rules = SwitchRules()
    assert is_protected(rules, now=datetime(2026, 10, 1, 2, tzinfo=UTC))
    assert not is_protected(rules, now=datetime(2026, 10, 10, 2, tzinfo=UTC))
    assert is_protected(SwitchRules(protected_days=["2026-10-10"]), now=datetime(2026, 10, 10, 2, tzinfo=UTC))
    assert not is_protected(SwitchRules(protect_weekends=False), now=datetime(2026, 10, 1, 2, tzinfo=UTC))
