"""The demo's sixty days of readings: each day is lived again from its midnight, looked at as a gateway looks.

The readings go into the database through the same call as live ones. Days can be made in any order, because each starts
from the meter's own memory; the newest come first, so that the pages that people open first fill first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
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

    The day of the start ends there, a lost meter's when it fell silent; a night without a line has none.
    """
    return [reading(life, meter, at_ms) for meter, at_ms in living(life, day)]


def living(life: Life, day: int) -> Iterator[tuple[Meter, int]]:
    """The meter at each moment of a day at which it was looked at; what was bought or switched before has happened."""
    from_ms = life.start_ms + day * DAY_MS
    until_ms = min(from_ms + DAY_MS, life.end_ms, life.silent_from_ms or life.end_ms)
    moments = range(from_ms + tower.rooms()[life.index].unit * IN_TURN_MS, until_ms, LOOK_MS)
    return _living(life, day, [at for at in moments if not any(one.holds(at) for one in life.outages)])


def values_at(life: Life, at_ms: int) -> dict[str, int]:
    """One full look at one moment of the past."""
    [(meter, at)] = _living(life, (at_ms - life.start_ms) // DAY_MS, [at_ms])
    return past.look(_profile(), _profile().sweep_blocks, meter, at)


def reading(life: Life, meter: Meter, at_ms: int) -> Reading:
    values = past.look(_profile(), _profile().sweep_blocks, meter, at_ms)
    return Reading(meter=tower.rooms()[life.index].meter, taken_at_ms=at_ms, values=values)


def _living(life: Life, day: int, moments: Iterable[int]) -> Iterator[tuple[Meter, int]]:
    room = tower.rooms()[life.index]
    plain = {"at_ms": life.start_ms + day * DAY_MS, "memory": life.midnights[day]}
    meter = Meter.from_dict(past.spec(room), past.room_load(room), plain)
    return ((meter, at_ms) for at_ms in _looks(meter, life, moments))


def _looks(meter: Meter, life: Life, moments: Iterable[int]) -> Iterator[int]:
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
