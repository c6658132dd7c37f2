"""A building's year priced three ways, in one run, one core: the rule for many meters, the rule for one, and the loop
that everybody would write first (a Decimal times a Decimal for each interval, the band looked up by the hour).

The loop knows bands alone (the plan "bands") and must come to the same fen on its meters: its task is no other.
CPU time is counted, user and system, and given for each interval.
"""

from __future__ import annotations

import json as json_text
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from prewatt.domain.tariff.rules.bulk import CHUNK_METERS, Bulk, Grid
from prewatt.domain.tariff.rules.charging import price
from prewatt.domain.tariff.rules.plan import FORMAT, Plan
from prewatt.domain.tariff.rules.reading import read
from prewatt.domain.tariff.rules.timeline import Interval, seconds

TARGET_PER_S = 40_000_000
HALF_HOUR_S = 1800
COUNT = 365 * 48
SCALAR_METERS = 2
ZONE = ZoneInfo("Asia/Shanghai")
START = datetime(2026, 1, 1, tzinfo=ZONE)
SLOTS = {"00:00": "valley", "08:00": "flat", "10:00": "peak", "12:00": "flat", "14:00": "peak", "19:00": "flat"}
HOT = {"00:00": "valley", "08:00": "flat", "10:00": "peak", "11:00": "sharp", "12:00": "flat", "14:00": "peak",
       "15:00": "sharp", "17:00": "peak", "19:00": "flat"}  # fmt: skip
PRICES = {"sharp": "1.4291", "peak": "1.1433", "flat": "0.6725", "valley": "0.2556"}
HOT_MONTHS = (7, 8, 9)
STEPS = [{"up_to_kwh": "260", "add": "0"}, {"up_to_kwh": "600", "add": "0.05"}, {"add": "0.3"}]


@dataclass(frozen=True)
class Spent:
    intervals: int
    cpu_s: float

    @property
    def ns(self) -> float:
        return self.cpu_s / self.intervals * 1e9


def run(*, json: bool, meters: int = 1000, rounds: int = 3) -> None:
    """Measure and print. The loop takes some seconds."""
    facts = measure(meters, rounds)
    if json:
        sys.stdout.write(json_text.dumps(facts) + "\n")
    else:
        _print(facts)


def measure(meters: int, rounds: int) -> dict[str, Any]:
    grid = Grid(seconds(START), HALF_HOUR_S, COUNT)
    table = np.random.default_rng(1).integers(0, 4000, size=(meters, COUNT), dtype=np.int32)
    before = _rss_mb()
    plans = {"bands": bands_plan(), "ladder": ladder_plan()}
    many = {name: _many(plan, grid, table, rounds) for name, plan in plans.items()}
    grown = _rss_mb() - before
    few = table[:SCALAR_METERS]
    loop, fen = _spent(lambda: [naive_fen(row) for row in few], few.size)
    one, same = _spent(lambda: [_scalar(plans["bands"], grid, row) for row in few], few.size)
    if not fen == same == Bulk(plans["bands"], grid).price(few).tolist():
        raise AssertionError("the three ways do not come to the same fen")
    return {
        "meters": meters,
        "intervals": int(table.size),
        "bulk_ns": {name: round(spent.ns, 2) for name, spent in many.items()},
        "bulk_per_s": {name: round(1e9 / spent.ns) for name, spent in many.items()},
        "target_per_s": TARGET_PER_S,
        "scalar_ns": round(one.ns, 1),
        "decimal_loop_ns": round(loop.ns, 1),
        "times_decimal_loop": {name: round(loop.ns / spent.ns) for name, spent in many.items()},
        "scalar_times_decimal_loop": round(loop.ns / one.ns, 2),
        "table_mb": round(table.nbytes / 2**20, 1),
        "grown_mb": round(grown, 1),
        "same_fen": True,
    }


def bands_plan() -> Plan:
    return read({"format": FORMAT, "name": "bands", "versions": [_bands()]})


def ladder_plan() -> Plan:
    """Bands, and a ladder on top of them, month by month."""
    return read({"format": FORMAT, "name": "ladder", "versions": [_bands() | {"ladder": {"steps": STEPS}}]})


def _bands() -> dict[str, Any]:
    tables = {name: [{"at": at, "band": band} for at, band in slots.items()] for name, slots in _TABLES.items()}
    calendar = [{"table": "hot", "months": list(HOT_MONTHS)}, {"table": "usual"}]
    return {"prices": PRICES, "tables": tables, "calendar": calendar}


_TABLES = {"usual": SLOTS, "hot": HOT}


def _many(plan: Plan, grid: Grid, table: NDArray[Any], rounds: int) -> Spent:
    """The best of some rounds; the plan is laid over the grid in each of them."""
    found = [
        _spent(lambda: [fen.sum() for fen in Bulk(plan, grid).chunks(table)], table.size)[0] for _ in range(rounds)
    ]
    return min(found, key=lambda spent: spent.cpu_s)


def _spent(work: Callable[[], Any], intervals: int) -> tuple[Spent, Any]:
    begun = time.process_time()
    result = work()
    return Spent(intervals, time.process_time() - begun), result


def _scalar(plan: Plan, grid: Grid, row: NDArray[Any]) -> list[int]:
    bill = price(
        plan,
        [
            Interval(grid.start_s + index * HALF_HOUR_S, grid.start_s + (index + 1) * HALF_HOUR_S, wh)
            for index, wh in enumerate(row.tolist())
        ],
    )
    return [one.fen for one in bill.statements]


def naive_fen(row: NDArray[Any]) -> list[int]:
    """One Decimal multiplication an interval; a sum a month, rounded once."""
    prices = {band: Decimal(text) for band, text in PRICES.items()}
    months: dict[tuple[int, int], Decimal] = {}
    at = START
    for wh in row.tolist():
        slots = HOT if at.month in HOT_MONTHS else SLOTS
        clock = f"{at:%H:%M}"
        band = [name for start, name in slots.items() if start <= clock][-1]
        key = (at.year, at.month)
        months[key] = months.get(key, Decimal(0)) + Decimal(wh) / 1000 * prices[band]
        at += timedelta(seconds=HALF_HOUR_S)
    return [int((yuan * 100).quantize(Decimal(1), ROUND_HALF_UP)) for yuan in months.values()]


def _rss_mb() -> float:
    """The most this process ever had in memory."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _print(facts: dict[str, Any]) -> None:
    table = Table(title=f"{facts['meters']} meters, a year of half-hours, one core", title_justify="left")
    for heading in ("", "CPU ns an interval", "a second", "times the loop"):
        table.add_column(heading, justify="right" if heading else "left")
    for name in facts["bulk_ns"]:
        ratio = str(facts["times_decimal_loop"][name])
        table.add_row(f"many meters, {name}", f"{facts['bulk_ns'][name]:.2f}", f"{facts['bulk_per_s'][name]:,}", ratio)
    scalar, loop = facts["scalar_ns"], facts["decimal_loop_ns"]
    table.add_row("one meter, bands", f"{scalar:.0f}", f"{1e9 / scalar:,.0f}", f"{facts['scalar_times_decimal_loop']}")
    table.add_row("Decimal loop, bands", f"{loop:.0f}", f"{1e9 / loop:,.0f}", "1")
    console = Console()
    console.print(table)
    console.print(
        f"target {facts['target_per_s']:,} a second · the table has {facts['table_mb']} MB, pricing took"
        f" {facts['grown_mb']} MB more, {CHUNK_METERS} meters at a time · the same fen in all three ways"
    )
