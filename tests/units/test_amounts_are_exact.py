"""Money, energy, price: whole numbers of their smallest unit, one rounding, and no float gets in."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prewatt.units.values import Energy, Money, Price, Rate, UnitError, charge, round_half_up

FEN = st.integers(-(10**13), 10**13)


@pytest.mark.parametrize(
    ("text", "fen"),
    [("100", 10_000), ("0.01", 1), ("-3.5", -350), (" 12.30 ", 1_230), (7, 700), (Decimal("1.10"), 110), ("+1", 100)],
)
def test_yuan_become_whole_fen(text: Any, fen: int) -> None:
    assert Money.parse(text).fen == fen


@pytest.mark.parametrize("text", ["1.001", "1e3", "", "-", "1,000", "0x10", "NaN", "inf", "１2x", "1" * 13, 12.3, None])
def test_what_is_no_amount_is_refused(text: Any) -> None:
    with pytest.raises(UnitError):
        Money.parse(text)


@pytest.mark.parametrize("kind", [Money, Energy, Price])
@pytest.mark.parametrize("value", [1.0, True, "1", None, Decimal(1)])
def test_only_whole_numbers_get_in(kind: Any, value: Any) -> None:
    with pytest.raises(UnitError):
        kind(value)


def test_a_float_says_why_it_is_refused() -> None:
    with pytest.raises(UnitError, match="float"):
        Money.parse(0.1)  # type: ignore[arg-type]


@given(FEN)
def test_money_reads_back_what_it_prints(fen: int) -> None:
    assert Money.parse(str(Money(fen))) == Money(fen)


@given(st.integers(-(10**14), 10**14))
def test_energy_reads_back_what_it_prints(wh: int) -> None:
    assert Energy.parse_kwh(str(Energy(wh))) == Energy(wh)


@given(st.integers(0, 10**9))
def test_a_price_reads_back_what_it_prints(e4: int) -> None:
    assert Price.parse(str(Price(e4))) == Price(e4)


def test_a_price_is_never_negative() -> None:
    with pytest.raises(UnitError):
        Price(-1)
    with pytest.raises(UnitError):
        Price.parse("-0.5")


@given(FEN, FEN)
def test_sums_and_differences_agree(a: int, b: int) -> None:
    assert (Money(a) + Money(b)) - Money(b) == Money(a)
    assert -Money(a) + Money(a) == Money(0)
    assert bool(Money(a)) == (a != 0)
    assert (Money(a) < Money(b)) == (a < b)


@pytest.mark.parametrize(
    ("numerator", "denominator", "rounded"),
    [(5, 10, 1), (-5, 10, -1), (4, 10, 0), (-4, 10, 0), (15, 10, 2), (25, 10, 3), (0, 7, 0), (7, 7, 1)],
)
def test_halves_go_away_from_zero(numerator: int, denominator: int, rounded: int) -> None:
    assert round_half_up(numerator, denominator) == rounded


@given(st.integers(-(10**30), 10**30), st.integers(1, 10**15))
def test_rounding_is_never_off_by_more_than_a_half(numerator: int, denominator: int) -> None:
    assert abs(Fraction(numerator, denominator) - round_half_up(numerator, denominator)) <= Fraction(1, 2)


@pytest.mark.parametrize(
    ("price", "kwh", "yuan"),
    [
        ("0.7263", "1", "0.73"),
        ("0.7263", "100", "72.63"),
        ("1.25", "2.68", "3.35"),
        ("0.0050", "1", "0.01"),
        ("0.0049", "1", "0.00"),
    ],
)
def test_what_energy_costs(price: str, kwh: str, yuan: str) -> None:
    assert str(charge(Price.parse(price), Energy.parse_kwh(kwh))) == yuan


@given(e4=st.integers(0, 20_000), steps=st.lists(st.integers(0, 5_000), max_size=60))
def test_fractions_of_a_fen_never_pile_up_when_charged_cumulatively(e4: int, steps: list[int]) -> None:
    """charge(total so far) - already charged: the sum is the rounded whole, however finely it was cut."""
    price, total, charged = Price(e4), Energy(0), Money(0)
    for wh in steps:
        total += Energy(wh)
        part = charge(price, total) - charged
        assert part.fen >= 0
        charged += part
    assert charged == charge(price, Energy(sum(steps)))


@pytest.mark.parametrize(
    ("text", "e8", "shown"),
    [
        ("1.67036875", 167_036_875, "1.67036875"),
        ("0.5", 50_000_000, "0.5000"),
        (Decimal("0.735686"), 73_568_600, "0.735686"),
        ("-0.05", -5_000_000, "-0.0500"),
        (2, 200_000_000, "2.0000"),
    ],
)
def test_a_rate_keeps_eight_decimals(text: Any, e8: int, shown: str) -> None:
    assert Rate.parse(text).e8 == e8
    assert str(Rate(e8)) == shown


@pytest.mark.parametrize("text", ["0.123456789", "1e-3", "", "--1", "- 1", 0.5])
def test_what_is_no_rate_is_refused(text: Any) -> None:
    with pytest.raises(UnitError):
        Rate.parse(text)
