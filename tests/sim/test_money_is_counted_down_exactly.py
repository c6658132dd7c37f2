"""Whoever reads the registers can compute the balance; looking more often changes nothing; fractions never pile up."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from prewatt.sim.loads import RoomLoad, SteppedLoad
from prewatt.sim.memory import Memory, MeterSpec
from prewatt.sim.meter import Meter
from prewatt.sim.tariff import RATES
from prewatt.units import Energy, Price, charge
from sim.meters import HOUR_MS, START_MS, at, meter


def test_one_kilowatt_for_one_hour_costs_one_yuan() -> None:
    one = meter(1000, opened_with_fen=10_000)
    shown = one.values(at(1))
    assert (shown["energy_wh"], shown["balance_fen"], one.deducted_fen) == (1000, 9_900, 100)


def test_the_balance_is_what_anybody_computes_from_the_registers() -> None:
    one = _room(ct_ratio=1)
    for hour in range(1, 24 * 7):
        shown = one.values(at(hour))
        total = sum(Price(one.memory.prices_e4[n]).e4 * shown[f"energy_{rate}_wh"] for n, rate in enumerate(RATES))
        assert one.deducted_fen == (2 * total + 100_000) // 200_000
        assert shown["balance_fen"] == 1_000_000 - one.deducted_fen


def test_with_one_price_it_is_the_charge_of_the_units() -> None:
    one = meter(777, prices_e4=[7_263] * 5, opened_with_fen=100_000)
    for hour in range(1, 60):
        shown = one.values(at(hour))
        assert one.deducted_fen == charge(Price(7_263), Energy(shown["energy_wh"])).fen


def test_behind_a_current_transformer_the_register_times_its_ratio_is_charged() -> None:
    one = meter(40_000, spec={"ct_ratio": 40}, opened_with_fen=1_000_000)
    shown = one.values(at(1))
    assert (shown["energy_wh"], shown["ct_ratio"], shown["power_w"]) == (1000, 40, 1000)
    assert one.deducted_fen == charge(Price(10_000), Energy(shown["energy_wh"] * 40)).fen == 4000


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(1, 5 * HOUR_MS), min_size=1, max_size=60), st.integers(0, 9))
def test_looking_more_often_changes_nothing(steps: list[int], salt: int) -> None:
    often, seldom = _room(ct_ratio=1 + salt, seed=salt), _room(ct_ratio=1 + salt, seed=salt)
    now = START_MS
    for step in steps:
        now += step
        often.advance(now)
    seldom.advance(now)
    assert often.memory.to_dict() == seldom.memory.to_dict()
    assert often.values(now) == seldom.values(now)


def test_a_new_price_holds_from_its_moment_on_and_the_past_keeps_the_old_one() -> None:
    one = meter(1000, opened_with_fen=10_000)
    one.apply("prices", {"price_flat_e4": 20_000}, at(1))
    assert one.values(at(2))["balance_fen"] == 10_000 - 100 - 200


def test_energy_is_not_used_and_not_charged_while_the_relay_is_open() -> None:
    one = meter(1000)
    one.apply("switch_off", {}, at(1))
    shown = one.values(at(30))
    assert (shown["energy_wh"], shown["balance_fen"], shown["power_w"], shown["current_a_a"]) == (1000, 9_900, 0, 0)
    assert shown["voltage_a_v"] > 2000


def test_a_meter_without_an_account_gives_power_and_takes_no_money() -> None:
    one = meter(1000, opened_with_fen=None)
    shown = one.values(at(5))
    assert (shown["energy_wh"], shown["balance_fen"], shown["prepaid_open"], shown["relay_closed"]) == (5000, 0, 0, 1)


def test_bought_less_balance_is_always_what_was_deducted() -> None:
    one, chance, count = meter(3000, opened_with_fen=5_000), random.Random(4), 0
    for hour in range(1, 80):
        kind = chance.choice(["recharge", "refund", "nothing"])
        amount = chance.randrange(1, 2_000)
        if kind == "recharge" or (kind == "refund" and amount <= one.status(at(hour))["balance_fen"]):
            count += 1
            one.apply(kind, {"amount_fen": amount, "count": count}, at(hour))
        shown = one.status(at(hour, seconds=1))
        assert shown["bought_fen"] - shown["balance_fen"] == one.deducted_fen
    assert count > 20


def _room(*, ct_ratio: int, seed: int = 0) -> Meter:
    load = RoomLoad("D017", mean_wh=1500, seed=seed)
    one = Meter(MeterSpec(number="1", ct_ratio=ct_ratio, clock_ppm=seed * 300, salt=seed), load, now_ms=START_MS)
    one.memory = Memory(clock_set_ms=START_MS, clock_set_at_ms=START_MS, opened=True, credit_fen=1_000_000)
    one.power_fails(START_MS)
    return one


def test_a_load_of_nothing_costs_nothing_and_a_free_price_too() -> None:
    idle, free = meter(SteppedLoad((START_MS, 0))), meter(5000, prices_e4=[0] * 5)
    assert idle.values(at(1000))["balance_fen"] == free.values(at(1000))["balance_fen"] == 10_000
    assert free.values(at(1000))["energy_wh"] == 5_000_000


def test_at_a_higher_speed_it_counts_so_many_times_what_it_shows() -> None:
    fast = meter(1000, spec={"speed": 60}, opened_with_fen=100_000)
    shown = fast.values(at(1))
    assert (shown["power_w"], shown["energy_wh"], shown["balance_fen"]) == (1000, 60_000, 94_000)
