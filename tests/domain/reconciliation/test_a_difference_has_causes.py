"""Each cause is told from the others by its own mark, and every fen of a difference belongs to exactly one part."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prewatt.domain.reconciliation.classify import (
    FEN_E7,
    Cause,
    Classified,
    Facts,
    MeterDay,
    MoneyOrder,
    classify,
    rated_fen,
)
from prewatt.sim.memory import Memory, MeterSpec
from prewatt.sim.meter import WMS_PER_WH, Meter

DAY = date(2026, 6, 1)
PRICES = {"sharp": 12_000, "peak": 10_000, "flat": 7_000, "valley": 4_000, "deep": 3_000}
ENERGY = {"sharp": 1_000, "peak": 20_000, "flat": 30_010, "valley": 15_000, "deep": 0}
RATED = rated_fen(ENERGY, PRICES)


def day(n: int = 0, **changed: Any) -> MeterDay:
    true = MeterDay(DAY + timedelta(days=n), ENERGY, RATED, PRICES, PRICES)
    return replace(true, **changed)


def of(**facts: Any) -> Classified:
    return classify(Facts(**{"bought_books_fen": 10_000, "bought_meter_fen": 10_000, "count_meter": 0} | facts))


def causes(found: Classified) -> dict[Cause, int]:
    return {part.cause: part.amount_fen for part in found.parts}


def test_an_honest_meter_has_nothing_to_explain() -> None:
    found = of(days=[day(), day(1)])
    assert (found.drift_fen, found.parts, found.cause) == (0, (), None)


def test_a_fen_in_a_band_is_rounding_and_nothing_to_look_at() -> None:
    found = of(days=[day(deducted_fen=RATED + 1), day(1, deducted_fen=RATED - 2)])
    assert causes(found) == {Cause.ROUNDING: 1}
    assert found.cause is None


def test_a_price_that_is_not_on_the_meter_is_told_from_which_day_and_how_much() -> None:
    old = PRICES | {"peak": 9_000}
    cheap = rated_fen(ENERGY, old)
    found = of(days=[day(), *(day(n, deducted_fen=cheap, reported_e4=old) for n in (1, 2))])
    assert causes(found) == {Cause.PRICE: 2 * (RATED - cheap)}
    span, price = found.parts[0].evidence
    assert (span.figures["first"], span.figures["days"]) == ("2026-06-02", 2)
    assert (price.figures["band"], price.figures["desired_e4"], price.figures["reported_e4"]) == ("peak", 10_000, 9_000)


def test_a_wrong_price_is_no_rounding_however_little_it_comes_to() -> None:
    """Behind a large transformer a step of the register is worth more than a quiet day's difference."""
    old, little = PRICES | {"peak": 9_900}, ENERGY | {"peak": 3_000}
    cheap, dear = rated_fen(little, old), rated_fen(little, PRICES)
    quiet = [day(n, energy_wh=little, deducted_fen=cheap, reported_e4=old) for n in range(3)]
    found = of(days=[*quiet, day(3, energy_wh=little, deducted_fen=dear + 1, reported_e4=old)], ratio=120)
    assert causes(found) == {Cause.PRICE: 3 * (dear - cheap), Cause.ROUNDING: -1}


def test_a_deduction_by_another_ratio_names_it() -> None:
    found = of(days=[day(deducted_fen=RATED * 40 // 30)], ratio=30)
    assert causes(found) == {Cause.RATIO: RATED - RATED * 40 // 30}
    assert found.parts[0].evidence[1].figures["other"] == 40


def test_a_ratio_that_was_once_set_goes_before_the_usual_ones() -> None:
    found = of(days=[day(deducted_fen=RATED * 37 // 30)], ratio=30, ratios=(37,))
    assert found.parts[0].evidence[1].figures["other"] == 37


ORDERS = (MoneyOrder("b", 5_000, "cancelled", False), MoneyOrder("a", 3_000, "unclear", False))


def test_an_order_that_we_gave_up_and_the_meter_took_is_found_by_amount_and_count() -> None:
    found = of(orders=ORDERS, bought_meter_fen=15_000, count_meter=1)
    assert causes(found) == {Cause.MISSED: 5_000}
    assert found.parts[0].evidence[1].figures == {"order": "b", "state": "cancelled", "fen": 5_000}
    assert causes(of(orders=ORDERS, bought_meter_fen=18_000, count_meter=2)) == {Cause.MISSED: 8_000}


def test_an_order_that_we_have_as_confirmed_and_the_meter_lost_is_found_too() -> None:
    done = (MoneyOrder("c", 2_000, "done", True),)
    found = of(orders=done, bought_meter_fen=8_000, count_books=4, count_meter=3)
    assert causes(found) == {Cause.MISSED: -2_000}


def test_a_purchase_with_no_order_of_ours_is_foreign() -> None:
    assert causes(of(orders=ORDERS, bought_meter_fen=14_999, count_meter=1)) == {Cause.FOREIGN: 4_999}
    assert causes(of(orders=ORDERS, bought_meter_fen=15_000, count_meter=2)) == {Cause.FOREIGN: 5_000}


def test_a_count_alone_moves_no_money() -> None:
    assert causes(of(count_meter=3)) == {Cause.COUNT: 0}


def test_register_and_count_that_fell_together_are_another_meter() -> None:
    found = of(bought_meter_fen=0, count_books=7, count_meter=0, fell_wh=123_000)
    assert causes(found) == {Cause.CHANGED: -10_000}
    assert found.parts[0].evidence[1].figures == {"wh": 123_000}


def test_energy_without_deduction_and_deduction_without_energy_are_tampering() -> None:
    assert causes(of(days=[day(deducted_fen=0)])) == {Cause.TAMPER: RATED}
    still = dict.fromkeys(ENERGY, 0)
    assert causes(of(days=[day(energy_wh=still, deducted_fen=500)])) == {Cause.TAMPER: -500}
    assert causes(of(bought_meter_fen=12_000)) == {Cause.TAMPER: 2_000}


def test_a_gap_is_not_judged() -> None:
    found = of(days=[day(deducted_fen=None), day(1, whole=False, deducted_fen=1)])
    assert (found.drift_fen, causes(found)) == (0, {Cause.NOT_READ: 0})


def test_what_fits_nothing_is_said_to_be_unexplained() -> None:
    found = of(days=[day(deducted_fen=RATED + 777)], bought_meter_fen=9_000)
    assert found.unexplained_fen == -777 - 1_000 == found.drift_fen


def test_several_causes_stand_side_by_side() -> None:
    found = of(days=[day(deducted_fen=0), day(1, deducted_fen=RATED + 1)], bought_meter_fen=15_000, count_meter=1)
    assert causes(found) == {Cause.TAMPER: RATED, Cause.FOREIGN: 5_000, Cause.ROUNDING: -1}
    assert [part.cause for part in found.parts] == [Cause.FOREIGN, Cause.TAMPER, Cause.ROUNDING]


wh = st.integers(0, 500_000)
price = st.integers(0, 20_000)
fen = st.integers(-20_000, 200_000)
days = st.builds(
    MeterDay,
    day=st.dates(date(2026, 1, 1), date(2026, 12, 31)),
    energy_wh=st.fixed_dictionaries(dict.fromkeys(PRICES, wh)),
    deducted_fen=st.none() | fen,
    desired_e4=st.none() | st.fixed_dictionaries(dict.fromkeys(PRICES, price)),
    reported_e4=st.none() | st.fixed_dictionaries(dict.fromkeys(PRICES, price)),
    whole=st.booleans(),
)
orders = st.builds(MoneyOrder, st.text("ab", min_size=1), st.integers(-3, 3), st.sampled_from(["x"]), st.booleans())
facts = st.builds(
    Facts,
    days=st.lists(days, max_size=5),
    ratio=st.integers(1, 400),
    ratios=st.lists(st.integers(1, 400), max_size=2),
    orders=st.lists(orders, max_size=5),
    count_books=st.integers(0, 4),
    count_meter=st.none() | st.integers(0, 4),
    bought_books_fen=st.none() | st.integers(0, 5),
    bought_meter_fen=st.none() | st.integers(0, 5),
    over_booked_fen=st.integers(0, 9),
    fell_wh=st.integers(0, 9),
)


@given(facts)
def test_the_parts_add_up_to_the_whole_difference_to_the_fen(one: Facts) -> None:
    found = classify(one)
    predicted = sum(
        rated_fen(d.energy_wh, prices) - d.deducted_fen
        for d in one.days
        if d.whole and d.deducted_fen is not None and (prices := d.desired_e4 or d.reported_e4)
    )
    assert found.drift_fen == predicted + one.beyond_fen + one.over_booked_fen
    explained = sum(part.amount_fen for part in found.parts if part.cause != Cause.UNEXPLAINED)
    assert explained + found.unexplained_fen == found.drift_fen


@given(facts)
def test_nothing_is_said_twice(one: Facts) -> None:
    """Several unexplained parts may stand side by side (registers, days); of a named day cause there is one."""
    daily = [p.cause for p in classify(one).parts if p.evidence[0].code == "days"]
    assert len(daily) == len(set(daily))


class Even:
    """The same draw all day."""

    def segment(self, at_ms: int) -> tuple[int, int]:
        return 2_345, at_ms + 3_600_000


def lived(*, true_ratio: int = 1, ours: int = 1, on_meter: dict[str, int] | None = None) -> Facts:
    """Three days of a simulated meter as the books would see them: registers times our ratio, and what it deducted."""
    prices = PRICES | (on_meter or {})
    memory = Memory(opened=True, credit_fen=10_000_000, prices_e4=[prices[band] for band in BANDS])
    meter = Meter(MeterSpec(number="1", ct_ratio=true_ratio), Even(), memory)
    days, before = [], _seen(meter, true_ratio)
    for n in range(3):
        meter.advance((n + 1) * 86_400_000)
        after = _seen(meter, true_ratio)
        used = {band: (after[0][band] - before[0][band]) * ours for band in BANDS}
        days.append(MeterDay(DAY + timedelta(days=n), used, after[1] - before[1], PRICES, prices))
        before = after
    return Facts(days=days, ratio=ours)


def _seen(meter: Meter, ratio: int) -> tuple[dict[str, int], int]:
    wms = zip(BANDS, meter.memory.energy_wms, strict=True)
    registers = {band: value // (WMS_PER_WH * ratio) for band, value in wms}
    return registers, (meter.memory.cost_e7 + FEN_E7 // 2) // FEN_E7


BANDS = tuple(PRICES)


@pytest.mark.parametrize("ratio", [1, 30])
def test_a_simulated_meter_with_our_prices_and_ratio_drifts_by_rounding_at_most(ratio: int) -> None:
    found = classify(lived(true_ratio=ratio, ours=ratio))
    assert set(causes(found)) <= {Cause.ROUNDING}
    assert abs(found.drift_fen) <= 3


def test_a_simulated_meter_with_an_old_price_is_told_as_that() -> None:
    found = classify(lived(on_meter={"flat": 6_000, "peak": 9_500}))
    assert found.cause == Cause.PRICE
    assert set(causes(found)) == {Cause.PRICE}
    assert found.parts[0].evidence[0].figures["days"] == 3


@pytest.mark.parametrize(("true", "ours"), [(40, 30), (1, 30), (20, 40)])
def test_a_simulated_meter_behind_another_transformer_is_told_as_that(true: int, ours: int) -> None:
    found = classify(lived(true_ratio=true, ours=ours))
    assert set(causes(found)) == {Cause.RATIO}
    assert found.parts[0].evidence[1].figures == found.parts[0].evidence[1].figures | {"ratio": ours, "other": true}
