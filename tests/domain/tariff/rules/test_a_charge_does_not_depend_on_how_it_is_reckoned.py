"""Plans and loads made at random: cutting, shuffling and closing day by day change nothing; lines add up."""

from __future__ import annotations

from datetime import UTC, datetime
from fractions import Fraction
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prewatt.domain.tariff.rules.charging import Running, price
from prewatt.domain.tariff.rules.plan import Plan
from prewatt.domain.tariff.rules.timeline import CannotPrice, Interval, seconds
from random_plans import plans
from tariffs import at, plan, use

QUICK = settings(max_examples=40, deadline=None)


@st.composite
def loads(draw: Any) -> list[Interval]:
    """A week of intervals of odd lengths around a change of clocks and of versions, with gaps."""
    at_s, found = seconds(datetime(2026, 3, 26, 20, tzinfo=UTC)), []
    for _ in range(draw(st.integers(1, 40))):
        length = draw(st.integers(1, 8 * 3600))
        found.append(Interval(at_s, at_s + length, draw(st.integers(0, 40_000))))
        at_s += length + draw(st.sampled_from([0, 0, 0, 1800]))
    return found


@QUICK
@given(plans(), loads(), st.randoms(use_true_random=False))
def test_cutting_an_interval_anywhere_changes_nothing(chosen: Plan, load: list[Interval], chance: Random) -> None:
    """Cut where both parts are whole Wh: one in so many seconds of them."""
    cut = []
    for one in load:
        length = one.end_s - one.start_s
        part = chance.randrange(0, length + 1)
        wh = Fraction(one.wh * part, length)
        if 0 < part < length and wh.denominator == 1:
            middle = one.start_s + part
            cut += [Interval(one.start_s, middle, int(wh)), Interval(middle, one.end_s, one.wh - int(wh))]
        else:
            cut.append(one)
    # and one that always can be cut
    last = load[-1].end_s
    whole = Interval(last, last + 7200, 7200)
    parts = [Interval(at_s, at_s + 600, 600) for at_s in range(last, last + 7200, 600)]
    assert price(chosen, [*cut, *parts]).statements == price(chosen, [*load, whole]).statements


@QUICK
@given(plans(), loads(), st.randoms(use_true_random=False))
def test_the_order_of_readings_changes_nothing(chosen: Plan, load: list[Interval], chance: Random) -> None:
    shuffled = list(load)
    chance.shuffle(shuffled)
    assert price(chosen, shuffled) == price(chosen, load)


@QUICK
@given(plans(), loads())
def test_charging_interval_by_interval_is_charging_at_once(chosen: Plan, load: list[Interval]) -> None:
    running = Running(chosen)
    charged = [running.add([one]) for one in load]
    assert sum(charged) == running.fen == price(chosen, load).fen


@QUICK
@given(plans(), loads())
def test_the_lines_of_a_charge_add_up_and_count_all_energy_once(chosen: Plan, load: list[Interval]) -> None:
    for one in (bill := price(chosen, load)).statements:
        by_line = chosen.rounding.each == "line"
        shown = sum((Fraction(line.fen) if by_line else line.exact for line in one.lines), Fraction(0))
        assert shown == one.exact
        assert abs(one.exact - one.fen) <= Fraction(1, 2)
        assert sum(line.wh or 0 for line in one.lines if line.kind in ("energy", "free")) == one.wh
    assert bill.wh == sum(one.wh for one in load)


def test_a_year_closed_day_by_day_is_the_year_priced_at_once() -> None:
    slots = [{"at": "00:00", "band": "valley"}, {"at": "08:00", "band": "peak"}, {"at": "22:00", "band": "valley"}]
    steps = [{"up_to_kwh": "2760", "add": "0"}, {"up_to_kwh": "4800", "add": "0.05"}, {"add": "0.3"}]
    banded = {"prices": {"peak": "0.56871", "valley": "0.28833"}, "tables": {"a": slots}, "ladder": {"steps": steps}}
    flat = {"from": "2026-06-17T10:20", "price": "0.61234567", "fees": [{"name": "line", "amount": "3.10"}]}
    chosen = plan(banded, flat, settlement={"every": "year", "month": 1, "day": 1})
    chance, start = Random(7), seconds(at("2026-01-01T00:00"))
    days = [
        [Interval(first, first + 3600, chance.randrange(3000)) for first in range(day, day + 86_400, 3600)]
        for day in range(start, start + 365 * 86_400, 86_400)
    ]
    running = Running(chosen)
    charged = [running.add(day) for day in days]
    at_once = price(chosen, [one for day in days for one in day])
    assert len(at_once.statements) == 1
    assert sum(charged) == at_once.fen
    assert len({line.version for line in at_once.statements[0].lines}) == 2


def test_history_is_never_priced_again() -> None:
    old, change = {"price": "0.60"}, {"from": "2026-05-01T00:30", "price": "0.90"}
    april, across = use("2026-04-30T10:00", "10"), use("2026-05-01T00:00", "10")
    assert price(plan(old, change), [april]) == price(plan(old), [april])
    assert price(plan(old, change), [across]).fen == 300 + 450


def test_late_use_is_not_charged_as_if_it_came_in_time() -> None:
    running = Running(plan({"price": "0.60"}))
    running.add([use("2026-05-02T00:00", "1")])
    with pytest.raises(CannotPrice, match="earlier"):
        running.add([use("2026-05-01T00:00", "1")])
