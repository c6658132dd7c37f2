"""How amounts, energy, times and ages are written."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import translation

from prewatt.web.parts import formats

NOW = datetime(2026, 11, 22, 2, 42, 18, tzinfo=UTC)  # 10:42 in Shanghai


@pytest.mark.parametrize(
    ("fen", "text"), [(0, "0.00"), (5, "0.05"), (123456789, "1,234,567.89"), (-1260, "−12.60"), (None, "—")]
)
def test_money_has_two_digits_and_a_real_minus(fen: int | None, text: str) -> None:
    assert formats.yuan(fen) == text


@pytest.mark.parametrize(
    ("fen", "text"),
    [(100_00, "100"), (99_96, "100.0"), (99_94, "99.9"), (431_50, "432"), (-1260, "−12.6"), (0, "0.0"), (None, "—")],
)
def test_a_tile_shortens_from_a_hundred_up(fen: int | None, text: str) -> None:
    assert formats.tile_yuan(fen) == text


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (11_864, 2, "11.86"),
        (11_865, 2, "11.87"),
        (2_846_300, 1, "2,846.3"),
        (-4, 2, "0.00"),
        (-5, 2, "−0.01"),
        (999, 0, "1"),
    ],
)
def test_watt_hours_are_written_as_kilowatt_hours(value: int, digits: int, text: str) -> None:
    assert formats.thousandth(value, digits) == text


def test_a_scaled_number_keeps_its_digits() -> None:
    assert formats.scaled(2298, 10) == "229.8"
    assert formats.scaled(970, 1000) == "0.970"
    assert formats.scaled(-5, 10) == "−0.5"
    assert formats.scaled(None, 10) == "—"


@pytest.mark.parametrize(
    ("seconds", "chinese", "english"),
    [
        (3, "刚刚", "just now"),
        (12, "12 秒前", "12 s ago"),
        (185, "3 分钟前", "3 min ago"),
        (8040, "2 小时 14 分前", "2 h 14 min ago"),
        (3 * 86_400, "3 天前", "3 days ago"),
    ],
)
def test_an_age_stands_alone(seconds: int, chinese: str, english: str) -> None:
    at = NOW - timedelta(seconds=seconds)
    with translation.override("zh-hans"):
        assert formats.age(at, now=NOW) == chinese
    with translation.override("en"):
        assert formats.age(at, now=NOW) == english


def test_a_value_is_old_after_three_minutes() -> None:
    assert not formats.is_old(NOW - timedelta(seconds=180), now=NOW)
    assert formats.is_old(NOW - timedelta(seconds=181), now=NOW)
    assert formats.is_old(None, now=NOW)


def test_times_are_the_sites() -> None:
    assert formats.clock(NOW) == "10:42:18"
    assert formats.short_moment(NOW, now=NOW) == "10:42"
    assert formats.short_moment(NOW - timedelta(days=2), now=NOW) == "11-20 10:42"
    assert formats.short_moment(NOW - timedelta(days=400), now=NOW) == "2025-10-18"


def test_a_phone_is_recognised_but_not_copied() -> None:
    assert formats.masked("13800000123") == "138****0123"
    assert formats.masked("8000") == "8000"
