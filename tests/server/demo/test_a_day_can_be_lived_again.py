"""The past is lived once, coarsely; each of its days again, finely. Both must come to the same meter."""

from __future__ import annotations

from itertools import pairwise

import pytest

from prewatt.server.demo import days, past, tower
from prewatt.server.demo.past import DAY_MS, Life
from prewatt.server.demo.tower import Wanted
from prewatt.sim.memory import Memory
from prewatt.sim.meter import Meter

END_MS = 1_795_315_320_000  # 2026-11-22 10:42 in Zhuhai
ONE_OF_EACH = {room.wanted: room.index for room in tower.rooms()}


@pytest.fixture(scope="module")
def lives() -> dict[Wanted, Life]:
    return {wanted: past.live(index, END_MS) for wanted, index in ONE_OF_EACH.items()}


def _meter(life: Life, day: int) -> Meter:
    room = tower.rooms()[life.index]
    at = {"at_ms": life.start_ms + day * DAY_MS, "memory": life.midnights[day]}
    return Meter.from_dict(past.spec(room), past.room_load(room), at)


@pytest.mark.parametrize("wanted", list(Wanted))
@pytest.mark.parametrize("day", [0, 1, 17, 36, 58, 59])
def test_from_midnight_to_midnight_looking_every_half_hour(lives: dict[Wanted, Life], wanted: Wanted, day: int) -> None:
    life = lives[wanted]
    meter = _meter(life, day)
    end_ms = meter.at_ms + DAY_MS
    for one in sorted([*life.purchases, *life.switched], key=lambda one: one.at_ms):
        if meter.at_ms <= one.at_ms < end_ms:
            for look_ms in range(meter.at_ms, one.at_ms, days.LOOK_MS):
                meter.values(look_ms)
            days.happen(meter, one)
    meter.values(end_ms)
    assert meter.memory == Memory.from_dict(life.midnights[day + 1])


def test_readings_are_half_an_hour_apart_and_end_where_the_past_ends(lives: dict[Wanted, Life]) -> None:
    life = lives[Wanted.OPEN]
    whole, last = days.readings(life, 30), days.readings(life, past.DAYS)
    assert len(whole) == 48
    assert {b.taken_at_ms - a.taken_at_ms for a, b in pairwise(whole)} == {days.LOOK_MS}
    assert last[-1].taken_at_ms < END_MS <= last[-1].taken_at_ms + days.LOOK_MS


def test_a_reading_shows_what_was_bought_before_it(lives: dict[Wanted, Life]) -> None:
    life = lives[Wanted.OPEN]
    bought = life.purchases[-1]
    day = (bought.at_ms - life.start_ms) // DAY_MS
    counts = {
        reading.taken_at_ms > bought.at_ms: reading.values["purchase_count"] for reading in days.readings(life, day)
    }
    assert counts == {False: bought.count - 1, True: bought.count}


def test_a_lost_meter_is_not_read_after_it_fell_silent(lives: dict[Wanted, Life]) -> None:
    life = lives[Wanted.LOST]
    assert life.silent_from_ms is not None
    taken = [reading.taken_at_ms for day in (57, 58, 59, 60) for reading in days.readings(life, day)]
    assert max(taken) < life.silent_from_ms
    assert life.last["at_ms"] == END_MS  # but it lived on
