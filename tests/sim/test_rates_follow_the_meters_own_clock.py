"""The rate is chosen by the meter's own clock: what drifts moves money between rates."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest

from prewatt.sim.meter import Meter
from prewatt.sim.tariff import ZHUHAI, Tariff, TariffError, parse_tariff
from sim.meters import START_MS, at, meter

DAY_MS = 86_400_000


def local(month: int, day: int, hour: int, minute: int = 0) -> int:
    return int(datetime(2026, month, day, hour, minute, tzinfo=UTC).timestamp()) * 1000


def test_the_plan_of_the_season_and_the_slot_of_the_hour_decide() -> None:
    assert ZHUHAI.rate_at(local(6, 30, 11)) == (1, local(6, 30, 12))
    assert ZHUHAI.rate_at(local(7, 1, 11)) == (0, local(7, 1, 12))
    assert ZHUHAI.rate_at(local(10, 1, 11)) == (1, local(10, 1, 12))
    assert ZHUHAI.rate_at(local(1, 1, 23, 59)) == (2, local(1, 2, 0))
    assert ZHUHAI.rate_at(local(1, 1, 8) - 1) == (3, local(1, 1, 8))


def test_before_the_first_segment_of_the_year_the_last_one_runs_on() -> None:
    tariff = parse_tariff([["00:00 flat"], ["00:00 valley"]], ["03-01 1", "11-01 2"])
    assert [tariff.rate_at(local(month, 15, 0))[0] for month in (1, 4, 12)] == [3, 2, 3]


def test_energy_goes_into_the_register_of_its_slot() -> None:
    one = meter(1000, tariff=parse_tariff([["00:00 valley", "08:00 flat", "10:00 peak", "12:00 deep"]]))
    shown = one.values(at(5))  # from 8:00 to 13:00
    registers = [shown[f"energy_{rate}_wh"] for rate in ("sharp", "peak", "flat", "valley", "deep")]
    assert registers == [0, 2000, 2000, 0, 1000]
    assert shown["energy_wh"] == 5000


def test_a_clock_that_is_an_hour_fast_changes_the_rate_an_hour_early() -> None:
    tariff = parse_tariff([["00:00 valley", "08:00 flat", "10:00 peak"]])
    fast = meter(1000, tariff=tariff, clock_set_ms=START_MS - 1000 + 3_600_000)
    assert fast.values(at(4))["energy_peak_wh"] == 3000
    fast.apply("clock", {"clock_ms": at(4)}, at(4))
    assert fast.values(at(4))["clock_ms"] == at(4)


def test_drift_is_exact_to_the_millisecond() -> None:
    tariff = parse_tariff([["00:00 valley", "12:00 peak"]])
    drifting = meter(3_600_000, tariff=tariff, spec={"clock_ppm": 100}, opened_with_fen=None)  # 1 Wh each ms
    year_ms = 365 * DAY_MS
    assert drifting.clock_ms(START_MS + year_ms) - (START_MS + year_ms) == (year_ms + 1000) // 10_000
    shown = drifting.values(START_MS + DAY_MS)
    noon, midnight = (first_ms(drifting, START_MS + hours * 3_600_000) for hours in (4, 16))
    assert shown["energy_peak_wh"] == midnight - noon
    assert START_MS + 4 * 3_600_000 - noon > 1400, "0.1 ‰ of four hours"


def first_ms(one: Meter, clock_ms: int) -> int:
    """The first true millisecond at which the meter's clock says so."""
    return next(now for now in range(clock_ms - 10_000, clock_ms + 10_000) if one.clock_ms(now) >= clock_ms)


@pytest.mark.parametrize(
    ("plans", "dates"),
    [
        ([["08:00 flat"]], None),
        ([["00:00 flat", "00:10 peak"]], None),
        ([["00:00 flat", "09:00 peak", "08:00 flat"]], None),
        ([[f"{hour:02d}:00 flat" for hour in range(15)]], None),
        ([["00:00 cheap"]], None),
        ([["00:00 flat"]], ["01-01 2"]),
        ([["00:00 flat"]], ["02-30 1"]),
        ([["00:00 flat"]], ["07-01 1", "01-01 1"]),
        ([["24:00 flat"]], None),
        ([[]], None),
    ],
)
def test_tables_that_no_meter_takes_are_refused(plans: list[list[str]], dates: list[str] | None) -> None:
    with pytest.raises(TariffError):
        parse_tariff(plans, dates)


def test_tables_survive_a_round_trip_through_memory() -> None:
    assert msgspec.convert(msgspec.to_builtins(ZHUHAI), Tariff) == ZHUHAI
