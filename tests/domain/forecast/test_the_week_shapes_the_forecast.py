"""The forecast of daily use: level, weekday, gaps, new meters, and the money's end."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prewatt.domain.forecast import rule

MONDAY = date(2026, 3, 2)
SATURDAY = 5


def _history(use: Callable[[date], int], *, days: int = 56, first: date = MONDAY) -> dict[date, int]:
    return {day: use(day) for back in range(1, days + 1) if (day := first - timedelta(days=back))}


def _office(day: date) -> int:
    return 1000 if day.weekday() >= SATURDAY else 10_000


def _made(history: dict[date, int], **more: rule.Like) -> rule.Outlook:
    made = rule.outlook(history, first=MONDAY, **more)
    assert made is not None
    return made


def test_an_office_rests_on_the_weekend() -> None:
    use = _made(_history(_office)).use
    assert use[:5] == pytest.approx([10_000] * 5, rel=0.05)
    assert use[5:7] == pytest.approx([1000] * 2, rel=0.35)
    assert max(use[5], use[6], use[12], use[13]) < 2000 < min(use[0], use[4], use[7], use[11])


def test_a_level_that_changed_for_good_is_followed_within_a_week() -> None:
    changed = MONDAY - timedelta(days=7)
    made = _made(_history(lambda day: 2000 if day >= changed else 1000))
    assert made.use == pytest.approx([2000] * rule.AHEAD_DAYS, rel=0.15)


def test_one_leak_is_not_taken_for_the_rule() -> None:
    history = _history(lambda _day: 1000) | {MONDAY - timedelta(days=9): 500_000}
    assert _made(history).use == pytest.approx([1000] * rule.AHEAD_DAYS, rel=0.5)


def test_a_day_that_nobody_knows_is_no_day_without_use() -> None:
    whole = _history(_office)
    holes = {day: wh for day, wh in whole.items() if day.day % 5}
    assert _made(holes).use == pytest.approx(_made(whole).use, rel=0.25)
    assert _made(holes).known_days < _made(whole).known_days


def test_a_week_of_silence_just_before_leaves_the_last_known_level() -> None:
    old = {day: wh for day, wh in _history(lambda _day: 700).items() if day < MONDAY - timedelta(days=7)}
    assert _made(old).use == pytest.approx([700] * rule.AHEAD_DAYS, rel=0.01)


def test_a_new_meter_is_estimated_and_its_interval_says_how_little_is_known() -> None:
    new, old = (_made(_history(lambda _day: 1000, days=days)) for days in (1, 56))
    assert new.use == pytest.approx(old.use, rel=0.01)
    few, many = (rule.days_left(5000, rule.curve(made), made) for made in (new, old))
    assert few is not None
    assert many is not None
    assert few.days == pytest.approx(5, abs=0.1) == many.days
    assert few.high - few.low > 2 * (many.high - many.low)


def test_a_meter_of_which_no_day_is_known_has_no_forecast() -> None:
    assert rule.outlook({}, first=MONDAY) is None
    assert rule.outlook({MONDAY: 1000}, first=MONDAY) is None  # today is not over: it is not looked at


def test_no_use_lately_is_no_endless_time() -> None:
    made = _made(_history(lambda _day: 0))
    assert made.idle
    assert rule.days_left(10_000, rule.curve(made), made) is None


def test_a_holiday_is_like_a_sunday_and_a_make_up_saturday_like_a_working_day() -> None:
    days_off, made_up = {MONDAY, MONDAY + timedelta(days=1)}, {MONDAY + timedelta(days=5)}

    def like(day: date) -> int:
        return 6 if day in days_off else 2 if day in made_up else day.weekday()

    use = _made(_history(_office), like=like).use
    assert max(use[0], use[1]) < 2500
    assert min(use[2], use[5]) > 8000


def test_the_moment_within_the_day_counts() -> None:
    made = _made(_history(lambda _day: 2400))
    ahead = rule.curve(made)
    morning, noon = (rule.days_left(1200, ahead, made, at_days=at) for at in (0.0, 0.5))
    assert morning is not None
    assert noon is not None
    assert morning.days == pytest.approx(0.5, abs=0.02) == noon.days


def test_what_is_left_after_a_year_is_not_counted() -> None:
    made = _made(_history(lambda _day: 1))
    left = rule.days_left(10**9, rule.curve(made), made)
    assert left == rule.Left(rule.LEFT_DAYS_MAX, rule.LEFT_DAYS_MAX, rule.LEFT_DAYS_MAX)


uses = st.lists(st.integers(0, 200_000), min_size=1, max_size=56)
balances = st.integers(1, 10**7)


def _past(values: list[int]) -> dict[date, int]:
    return {MONDAY - timedelta(days=back): value for back, value in enumerate(values, 1)}


@given(uses, balances, balances, st.floats(0, 1))
def test_more_money_never_lasts_shorter(values: list[int], one: int, other: int, at_days: float) -> None:
    made = _made(_past(values))
    ahead = rule.curve(made)
    less, more = (rule.days_left(balance, ahead, made, at_days=at_days) for balance in sorted((one, other)))
    assert (less is None) == (more is None)
    assert less is None or more is None or less.days <= more.days + 1e-9


@given(uses, balances, st.floats(0, 1))
def test_the_interval_contains_the_estimate(values: list[int], balance: int, at_days: float) -> None:
    made = _made(_past(values))
    left = rule.days_left(balance, rule.curve(made), made, at_days=at_days)
    assert left is None or 0 <= left.low <= left.days <= left.high <= rule.LEFT_DAYS_MAX


@given(st.lists(st.integers(100, 200_000), min_size=1, max_size=56), balances)
def test_twice_the_use_is_half_the_money(values: list[int], balance: int) -> None:
    once, twice = _made(_past(values)), _made(_past([2 * value for value in values]))
    assert twice.use == pytest.approx([2 * one for one in once.use])
    left, same = rule.days_left(balance, rule.curve(once), once), rule.days_left(2 * balance, rule.curve(twice), twice)
    assert left is not None
    assert same is not None
    assert same.days == pytest.approx(left.days, rel=0.02, abs=0.05)


@given(uses)
def test_the_past_alone_decides(values: list[int]) -> None:
    past = _past(values)
    later = past | {MONDAY + timedelta(days=step): 999_999 for step in range(20)}
    assert rule.outlook(later, first=MONDAY) == rule.outlook(past, first=MONDAY)
