"""Real loads, scaled: each hour's energy is exact, weekdays stay weekdays, gaps are filled and marked."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prewatt.sim import loads
from prewatt.sim.loads import HOUR_MS, LoadError, RoomLoad

ZONE_MS = 8 * HOUR_MS
FIRST_MS = int(datetime(2023, 1, 2, tzinfo=UTC).timestamp() * 1000) - ZONE_MS
WEEKS_MS = 104 * 7 * 24 * HOUR_MS


def energy_wms(load: RoomLoad, start_ms: int, end_ms: int) -> int:
    total = 0
    while start_ms < end_ms:
        watts, until = load.segment(start_ms)
        until = min(until, end_ms)
        total += watts * (until - start_ms)
        start_ms = until
    return total


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(loads.names()), st.integers(0, 40_000), st.integers(0, 50), st.integers(1, 20_000))
def test_the_segments_of_an_hour_add_up_to_the_hour(name: str, hour: int, seed: int, mean_wh: int) -> None:
    load = RoomLoad(name, mean_wh=mean_wh, seed=seed)
    start = FIRST_MS + hour * HOUR_MS
    assert energy_wms(load, start, start + HOUR_MS) == load.hour_wh(start) * HOUR_MS


def test_the_mean_of_the_data_is_the_mean_asked_for() -> None:
    load = RoomLoad("D101", mean_wh=10_000)
    total = sum(load.hour_wh(FIRST_MS + hour * HOUR_MS) for hour in range(104 * 168))
    assert abs(total / (104 * 168) - 10_000) < 100
    assert load.scale == 10_000 / load.column.mean_wh


def test_within_the_hour_power_varies_by_seed_and_the_same_seed_gives_the_same() -> None:
    shapes = [
        [RoomLoad("D017", mean_wh=9000, seed=s).segment(FIRST_MS + q * HOUR_MS // 4) for q in range(96)]
        for s in (1, 1, 2)
    ]
    assert shapes[0] == shapes[1] != shapes[2]
    assert len({watts for watts, _ in shapes[0][:4]}) > 1


def test_after_104_weeks_the_hours_repeat_on_the_same_weekday() -> None:
    load = RoomLoad("D017", mean_wh=9000)
    for hour in (0, 5000, 17_471):
        now = FIRST_MS + hour * HOUR_MS
        assert load.hour_wh(now) == load.hour_wh(now + WEEKS_MS) == load.hour_wh(now - WEEKS_MS)


def test_the_wall_clock_of_the_site_is_that_of_the_data() -> None:
    here = RoomLoad("D017", mean_wh=9000, zone_offset_s=8 * 3600)
    there = RoomLoad("D017", mean_wh=9000, zone_offset_s=0)
    assert [here.hour_wh(FIRST_MS + h * HOUR_MS) for h in range(48)] == [
        there.hour_wh(FIRST_MS + ZONE_MS + h * HOUR_MS) for h in range(48)
    ]


def test_all_152_columns_are_there_and_gaps_are_marked_as_filled() -> None:
    names = loads.names()
    assert (len(names), names[0], names[-1]) == (152, "D001", "D152")
    gaps = {name: sum(length for _, length in loads.column(name).gaps) for name in names}
    assert round(sum(gaps.values()) / (152 * 17_472) * 100, 2) == 0.39
    assert (gaps["D001"], gaps["D002"], gaps["D003"]) == (0, 5, 260), "as the source's own table says"
    start, length = loads.column("D002").gaps[0]
    load = RoomLoad("D002", mean_wh=1000)
    marks = [load.is_filled(FIRST_MS + hour * HOUR_MS) for hour in range(start - 1, start + length + 1)]
    assert marks == [False] + [True] * length + [False]


def test_a_filled_hour_shows_the_same_hour_of_another_week() -> None:
    start, _ = loads.column("D002").gaps[0]
    load = RoomLoad("D002", mean_wh=1000)
    now = FIRST_MS + start * HOUR_MS
    week = 7 * 24 * HOUR_MS
    assert load.hour_wh(now) in {load.hour_wh(now - week), load.hour_wh(now + week)}


def test_at_a_higher_speed_the_same_day_passes_sooner() -> None:
    fast = RoomLoad("D017", mean_wh=9000, speed=60, start_ms=FIRST_MS)
    slow = RoomLoad("D017", mean_wh=9000)
    for minute in range(240):
        now = FIRST_MS + minute * 60_000
        watts, until = fast.segment(now)
        assert watts == slow.segment(FIRST_MS + minute * HOUR_MS)[0]
        assert until > now


def test_an_unknown_load_is_named() -> None:
    with pytest.raises(LoadError, match="D001 to D152"):
        RoomLoad("X1", mean_wh=1)
