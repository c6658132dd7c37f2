"""The article's installation, and rooms that got into their states by themselves."""

from __future__ import annotations

from collections import Counter

import pytest

from prewatt.server.demo import past, tower
from prewatt.server.demo.tower import Wanted
from prewatt.sim.meter import Meter

END_MS = 1_795_315_320_000


def test_152_meters_on_8_buses_of_19_in_20_floors() -> None:
    rooms = tower.rooms()
    assert Counter(room.bus for room in rooms) == dict.fromkeys(range(1, 9), 19)
    assert {(room.bus, room.unit) for room in rooms} == {(bus, unit) for bus in range(1, 9) for unit in range(1, 20)}
    assert Counter(room.floor for room in rooms) == {floor: 6 if floor <= 4 else 8 for floor in range(1, 21)}
    for unique in ("number", "meter"):
        assert len({getattr(room, unique) for room in rooms}) == 152


def test_two_tenants_have_several_rooms_and_all_others_one() -> None:
    rooms = tower.rooms()
    several = [number for number, count in Counter(room.customer for room in rooms).items() if count > 1]
    shared = [[room.number for room in rooms if room.customer == customer] for customer in several]
    assert shared == [["0703", "0705", "0706"], ["1606", "1607"]]
    assert [room.number for room in rooms if room.shares] == [number for numbers in shared for number in numbers]
    for one in ("customer", "tenant", "phone", "contact"):
        assert all(len({getattr(room, one) for room in rooms if room.number in numbers}) == 1 for numbers in shared)
    for one in ("customer", "tenant", "phone"):
        assert len({getattr(room, one) for room in rooms}) == 149


def test_as_many_rooms_in_each_state_as_the_picture_shows() -> None:
    assert Counter(room.wanted for room in tower.rooms()) == {
        "open": 121, "al1": 9, "al2": 5, "owe": 4, "none": 6, "lost": 3, "hold": 2, "off": 2,
    }  # fmt: skip


IN_A_STATE = [room.index for room in tower.rooms() if room.wanted is not Wanted.OPEN]
OPEN = [room.index for room in tower.rooms() if room.wanted is Wanted.OPEN]


@pytest.mark.parametrize("index", [*IN_A_STATE, *OPEN[::12]])
def test_each_meter_comes_to_the_state_that_its_room_shows(index: int) -> None:
    room = tower.rooms()[index]
    life = past.live(index, END_MS)
    meter = Meter.from_dict(past.spec(room), past.room_load(room), life.last)
    balance_fen, is_on, forced = meter.balance_fen, meter.memory.contact_closed, meter.memory.forced
    match room.wanted:
        case Wanted.OPEN:
            assert balance_fen > tower.ALARM1_FEN
            assert is_on
        case Wanted.AL1:
            assert tower.ALARM2_FEN < balance_fen <= tower.ALARM1_FEN
        case Wanted.AL2:
            assert 0 < balance_fen <= tower.ALARM2_FEN
        case Wanted.OWE:
            assert balance_fen < 0
        case Wanted.NONE:
            assert not meter.memory.opened
        case Wanted.HOLD:
            assert (forced, is_on) == (2, True)
        case Wanted.OFF:
            assert (forced, is_on) == (1, False)
        case Wanted.LOST:
            assert life.silent_from_ms
    assert meter.purchase_count == max(0, len(life.purchases) - 1)
