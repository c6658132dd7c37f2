"""The same trouble on many meters of one bus is one episode of the bus: a cable that is cut is not nineteen alarms."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping

from prewatt.domain.alarms.keys import Held, Key
from prewatt.domain.alarms.models import Kind

GATHERED_FROM = 4
GATHERED = frozenset({Kind.LOST, Kind.PHASE, Kind.RELAY, Kind.BOOKS, Kind.PAYMENT})


def gathered(held: Mapping[Key, Held], going_on: Collection[Key]) -> dict[Key, Held]:
    """`held` with crowds put together. A bus keeps its episode until its last meter is well: it does not fall apart
    into single ones and together again.
    """
    found: dict[Key, Held] = {}
    crowds: dict[Key, dict[Key, Held]] = defaultdict(dict)
    for key, one in held.items():
        if key.kind in GATHERED and key.meter is not None and one.bus is not None:
            crowds[Key(key.kind, bus=one.bus)][key] = one
        else:
            found[key] = one
    for key, crowd in crowds.items():
        begins = sum(one.begins for one in crowd.values()) >= GATHERED_FROM
        found |= {key: _together(crowd, begins=begins)} if begins or key in going_on else crowd
    return found


def _together(crowd: Mapping[Key, Held], *, begins: bool) -> Held:
    """Its value is the number of meters."""
    buildings = {one.building for one in crowd.values()}
    since = min(one.since for one in crowd.values())
    building = next(iter(buildings)) if len(buildings) == 1 else None
    return Held(since, len(crowd), GATHERED_FROM, building=building, begins=begins)
