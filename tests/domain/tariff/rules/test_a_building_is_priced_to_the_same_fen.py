"""The rule for many meters at once against the rule for one: the same fen for plans made at random."""

from __future__ import annotations

import subprocess
import sys
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prewatt.domain.tariff.rules.bulk import Bulk, Grid
from prewatt.domain.tariff.rules.charging import Customer, price
from prewatt.domain.tariff.rules.plan import Plan
from prewatt.domain.tariff.rules.timeline import CannotPrice, Interval, seconds
from random_plans import plans
from tariffs import DOCUMENTS, at, plan, plan_of

QUICK = settings(max_examples=50, deadline=None)
HALF_HOUR = 1800
ALL = Customer(persons=5, quantities={"demand_kw": Fraction("120.5"), "capacity_kva": Fraction(1, 3)})


def _intervals(grid: Grid, row: Any) -> list[Interval]:
    return [
        Interval(grid.start_s + index * grid.step_s, grid.start_s + (index + 1) * grid.step_s, int(wh))
        for index, wh in enumerate(row)
    ]


def _agree(chosen: Plan, grid: Grid, table: Any, customer: Customer) -> None:
    bulk = Bulk(chosen, grid, customer)
    found = np.concatenate(list(bulk.chunks(table, 2)))
    for row, fen in zip(table, found, strict=True):
        one = price(chosen, _intervals(grid, row), customer)
        assert [statement.span for statement in one.statements] == bulk.spans
        assert [statement.fen for statement in one.statements] == fen.tolist()


def _table(seed: int, count: int, most: int, meters: int = 3) -> Any:
    chance = np.random.default_rng(seed)
    table = chance.integers(0, most, size=(meters, count), dtype=np.int32)
    table[-1] = 0
    return table


@QUICK
@given(plans(), st.sampled_from([900, 1800, 3600, 7000]), st.integers(0, 3599), st.integers(0, 2**32), st.booleans())
def test_the_same_fen_on_any_plan_and_grid(chosen: Plan, step_s: int, late_s: int, seed: int, much: bool) -> None:
    """Also where bands, versions and settlements change within an interval, and over a change of clocks."""
    grid = Grid(seconds(at("2026-03-25T20:00")) + late_s, step_s, 9 * 86_400 // step_s)
    _agree(chosen, grid, _table(seed, grid.count, 4000 if much else 60), ALL)


WITH_HOURS = [name for name in DOCUMENTS if plan_of(name).versions[0].tables or not plan_of(name).versions[0].banded]


@pytest.mark.parametrize("name", WITH_HOURS)
@pytest.mark.parametrize("most", [3, 1000])
def test_the_same_fen_on_every_published_tariff(name: str, most: int) -> None:
    chosen = plan_of(name)
    since = chosen.versions[0].since
    start = f"{since:%Y-%m-%dT%H:%M}" if since else "2024-02-20T00:00"
    grid = Grid(seconds(at(start, chosen.zone)), HALF_HOUR, 30 * 48)
    _agree(chosen, grid, _table(7, grid.count, most), ALL)


def test_a_year_of_half_hours() -> None:
    grid = Grid(seconds(at("2026-01-01T00:00")), HALF_HOUR, 365 * 48)
    slots = [{"at": "00:00", "band": "valley"}, {"at": "08:15", "band": "peak"}, {"at": "22:00", "band": "valley"}]
    steps = [{"up_to_kwh": "2760", "add": "0"}, {"up_to_kwh": "4800", "add": "0.05"}, {"add": "0.3"}]
    version = {"prices": {"peak": "0.568", "valley": "0.288"}, "tables": {"a": slots}, "ladder": {"steps": steps}}
    later = version | {"from": "2026-07-05T11:11", "minimum": "9", "free": {"amount": "20"}}
    chosen = plan(version, later, settlement={"every": "year"})
    _agree(chosen, grid, _table(3, grid.count, 900, meters=2), ALL)


@pytest.mark.parametrize("every", ["span", "month"])
def test_what_is_free_over_several_months_is_counted_once(every: str) -> None:
    ladder = {"steps": [{"up_to_kwh": "20", "add": "0"}, {"add": "0.5"}]}
    chosen = plan({"price": "1", "ladder": ladder, "free": {"kwh": "12", "every": every}}, settlement={"every": "year"})
    grid = Grid(seconds(at("2026-01-20T00:00")), HALF_HOUR, 60 * 48)
    _agree(chosen, grid, _table(5, grid.count, 20), ALL)


def test_what_the_one_rule_refuses_the_other_refuses() -> None:
    grid = Grid(seconds(at("2026-01-01T00:00")), HALF_HOUR, 48)
    flat, row = plan({"price": "1"}), np.zeros((1, 48), dtype=np.int64)
    for table in (row - 1, row[:, :47], row.astype(float), row + 2**60):
        with pytest.raises(CannotPrice):
            Bulk(flat, grid).price(table)
    closed = plan({"ladder": {"steps": [{"up_to_kwh": "1", "price": "1"}]}})
    assert Bulk(closed, grid).price(row + 20).tolist() == [[96]]
    with pytest.raises(CannotPrice, match="no price above"):
        Bulk(closed, grid).price(row + 21)
    with pytest.raises(CannotPrice, match="no version"):
        Bulk(plan({"price": "1", "until": "2026-01-01T12:00"}), grid)
    with pytest.raises(CannotPrice, match="tables"):
        Bulk(plan({"prices": {"peak": "1"}}), grid)


def test_sums_that_need_more_than_64_bits_are_exact() -> None:
    grid = Grid(seconds(at("2026-01-01T00:00")), HALF_HOUR, 48)
    table = np.full((1, 48), 10**13, dtype=np.int64)
    _agree(plan({"price": "9999.99999999"}), grid, table, Customer())


def test_numpy_is_loaded_only_when_many_are_priced() -> None:
    program = "import sys, prewatt.server.commands.tariff, prewatt.server.bench.cli; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
