"""Count, balance and total bought reach memory in separate steps; a power failure keeps those that were done."""

from __future__ import annotations

from itertools import permutations

import pytest

from prewatt.sim.memory import MeterSpec
from prewatt.sim.meter import Meter
from sim.meters import START_MS, at, meter

BEFORE = (0, 10_000, 10_000)
AFTER = (1, 10_500, 10_500)
ORDERS = [order for order in permutations(["count", "balance", "bought", "record"]) if order[-1] == "record"]


def torn(order: tuple[str, ...], steps: int) -> Meter:
    """A meter whose power failed when this many steps of its recharge had been kept."""
    one = meter(0, spec={"persist": order, "persist_ms": 10})
    one.apply("recharge", {"amount_fen": 500, "count": 1}, START_MS)
    shown = one.status(START_MS)
    assert (shown["purchase_count"], shown["balance_fen"], shown["bought_fen"]) == AFTER, "shown before it is kept"
    one.power_fails(START_MS + 10 * steps + 5)
    return one


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("steps", [0, 1, 2, 3])
def test_exactly_the_steps_that_were_done_are_found_again(order: tuple[str, ...], steps: int) -> None:
    shown = torn(order, steps).status(at(1))
    for number, name in enumerate(("count", "balance", "bought")):
        found = shown[{"count": "purchase_count", "balance": "balance_fen", "bought": "bought_fen"}[name]]
        assert found == (AFTER if name in order[:steps] else BEFORE)[number]


@pytest.mark.parametrize("steps", [0, 1, 2])
def test_what_was_lost_does_not_come_later(steps: int) -> None:
    one = torn(("count", "balance", "bought", "record"), steps)
    shown = one.status(at(1))
    one.power_fails(at(2))
    assert one.status(at(3)) == shown


def test_count_first_leaves_a_count_without_its_money() -> None:
    shown = torn(("count", "balance", "bought", "record"), 1).status(at(1))
    assert (shown["purchase_count"], shown["balance_fen"]) == (1, 10_000)


def test_balance_first_leaves_money_without_its_count() -> None:
    shown = torn(("balance", "bought", "count", "record"), 2).status(at(1))
    assert (shown["purchase_count"], shown["balance_fen"]) == (0, 10_500)


def test_steps_joined_by_a_plus_cannot_be_torn_apart() -> None:
    one = meter(0, spec={"persist": ("count+balance+bought+record",)})
    one.apply("recharge", {"amount_fen": 500, "count": 1}, START_MS)
    one.power_fails(START_MS + 3)
    shown = one.status(at(1))
    assert (shown["purchase_count"], shown["balance_fen"], shown["bought_fen"]) == BEFORE


def test_the_meter_itself_knows_how_far_each_purchase_came() -> None:
    one = torn(("count", "balance", "bought", "record"), 2)
    assert [(event.kind, event.kept) for event in one.events][-1] == ("recharge", ["count", "balance"])


def test_energy_and_deductions_survive_and_the_meter_is_silent_while_it_starts() -> None:
    one = meter(1000, spec={"boot_ms": 3000})
    one.power_fails(at(1))
    assert (one.silent_until_ms, one.resets) == (at(1) + 3000, 1)
    shown = one.values(at(2))
    assert (shown["energy_wh"], shown["balance_fen"]) == (2000, 9_800)


def test_what_is_handed_over_goes_on_as_if_nothing_had_happened() -> None:
    one, same = meter(1000, opened_with_fen=350), meter(1000, opened_with_fen=350)
    one.advance(at(2))
    other = Meter.from_dict(one.spec, one.load, one.memory_dict())
    assert other.values(at(9)) == same.values(at(9))


def test_a_step_cannot_be_forgotten_or_named_twice() -> None:
    for persist in (("count", "balance"), ("count", "balance", "bought", "record", "count"), ("count+x",)):
        with pytest.raises(ValueError, match="persist"):
            MeterSpec(number="1", persist=persist)
