"""The demo's sixty days of readings: each day is lived again from its midnight, looked at as a gateway looks.

The readings go into the database through the same call as live ones. Days can be made in any order, because each starts
from the meter's own memory; the newest come first, so that the pages that people open first fill first.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from prewatt.link.messages import Reading
from prewatt.profiles import Profile, load
from prewatt.server.demo import past, tower
from prewatt.server.demo.past import DAY_MS, Life, Purchase, Switched
from prewatt.sim.meter import Meter

LOOK_MS = 30 * 60_000
IN_TURN_MS = 170  # what one meter's whole block takes on its bus: the next one is read so much later


@cache
def _profile() -> Profile:
    return load(tower.PROFILE)


def readings(life: Life, day: int) -> list[Reading]:
    """One room's readings of one day, every half hour.

    The day of the start ends there, a lost meter's when it fell silent.
    """
    from_ms = life.start_ms + day * DAY_MS
    until_ms = min(from_ms + DAY_MS, life.end_ms, life.silent_from_ms or life.end_ms)
    room = tower.rooms()[life.index]
    return _looked_at(life, day, range(from_ms + room.unit * IN_TURN_MS, until_ms, LOOK_MS))


def values_at(life: Life, at_ms: int) -> dict[str, int]:
    """One full look at one moment of the past."""
    [reading] = _looked_at(life, (at_ms - life.start_ms) // DAY_MS, range(at_ms, at_ms + 1))
    return reading.values


def _looked_at(life: Life, day: int, moments: range) -> list[Reading]:
    room = tower.rooms()[life.index]
    plain = {"at_ms": life.start_ms + day * DAY_MS, "memory": life.midnights[day]}
    meter = Meter.from_dict(past.spec(room), past.room_load(room), plain)
    blocks = _profile().sweep_blocks
    return [
        Reading(meter=room.meter, taken_at_ms=at_ms, values=past.look(_profile(), blocks, meter, at_ms))
        for at_ms in _looks(meter, life, moments)
    ]


def _looks(meter: Meter, life: Life, moments: range) -> Iterator[int]:
    """The moments to look at; what was bought or switched before each has happened to the meter by then."""
    both: list[Purchase | Switched] = [*life.purchases, *life.switched]
    happenings = sorted((one for one in both if one.at_ms >= meter.at_ms), key=lambda one: one.at_ms)
    for at_ms in moments:
        while happenings and happenings[0].at_ms <= at_ms:
            happen(meter, happenings.pop(0))
        yield at_ms


def happen(meter: Meter, one: Purchase | Switched) -> None:
    """What the gateway did to the meter at that moment."""
    if isinstance(one, Switched):
        meter.apply(one.command, {}, one.at_ms)
    else:
        command = "recharge" if one.count else "open"
        meter.apply(command, {"amount_fen": one.amount_fen, "count": one.count}, one.at_ms)
