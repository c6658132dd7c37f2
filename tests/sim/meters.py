"""Meters for tests: one steady load, one price, one start."""

from __future__ import annotations

from typing import Any

from prewatt.sim.loads import SteppedLoad
from prewatt.sim.memory import Memory, MeterSpec
from prewatt.sim.meter import Load, Meter
from prewatt.sim.tariff import parse_tariff

START_MS = 1_790_035_200_000  # 2026-09-22 08:00 in China
HOUR_MS = 3_600_000
FLAT = parse_tariff([["00:00 flat"]])
# 1 yuan per kWh at 1 kW: 100 fen an hour, a fen every 36 s
YUAN = [10_000] * 5


def meter(
    load: Load | int = 1000, *, spec: dict[str, Any] | None = None, opened_with_fen: int | None = 10_000, **memory: Any
) -> Meter:
    """A meter of 1 yuan per kWh at all hours; opened, and everything kept, at START_MS."""
    settings = {
        "prices_e4": list(YUAN),
        "tariff": FLAT,
        "alarm1_fen": 2000,
        "alarm2_fen": 0,
        "clock_set_ms": START_MS - 1000,
        "clock_set_at_ms": START_MS - 1000,
    } | memory
    made = Meter(
        MeterSpec(number="030001040A", **(spec or {})),
        SteppedLoad((START_MS, load)) if isinstance(load, int) else load,
        Memory(**settings),
        now_ms=START_MS - 1000,
    )
    if opened_with_fen is not None:
        made.apply("open", {"amount_fen": opened_with_fen, "count": 0}, START_MS - 1000)
    made.advance(START_MS)
    return made


def at(hours: float = 0, *, seconds: int = 0, ms: int = 0) -> int:
    return START_MS + round(hours * HOUR_MS) + seconds * 1000 + ms
