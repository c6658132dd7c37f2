"""What rooms draw: real buildings, scaled to a room's size, by the wall clock of the site.

A value of the data is the energy of one hour. Within the hour the power varies by the seed, in quarters of constant
whole watts, and the hour's energy stays exact to the Wh. The data (104 weeks) repeat by whole weeks, so weekdays stay
weekdays.
"""

from __future__ import annotations

import json
import sys
import zlib
from array import array
from bisect import bisect_right
from datetime import UTC, datetime
from functools import lru_cache
from importlib import resources
from itertools import accumulate

import msgspec

HOUR_MS = 3_600_000
QUARTER_MS = HOUR_MS // 4
FOREVER_MS = 1 << 61
_MASK = (1 << 64) - 1


class LoadError(ValueError):
    """There is no such load. The message names what there is."""


class Column(msgspec.Struct, frozen=True):
    """One recorded meter: `mean_wh` is its real mean hour, `gaps` the hours [start, length] that were filled."""

    name: str
    offset: int
    size: int
    mean_wh: int
    gaps: list[tuple[int, int]]


class _Head(msgspec.Struct, frozen=True):
    first: str
    hours: int
    mean_units: int
    columns: list[Column]


@lru_cache(maxsize=1)
def _file() -> tuple[bytes, int, _Head]:
    data = (resources.files("prewatt.sim") / "data" / "loads.bin").read_bytes()
    start = 8 + int.from_bytes(data[4:8], "big")
    return data, start, msgspec.convert(json.loads(zlib.decompress(data[8:start])), _Head)


def names() -> list[str]:
    return [column.name for column in _file()[2].columns]


def span() -> tuple[str, int]:
    """The wall-clock time of the first hour, and how many hours every column has."""
    return _file()[2].first, _file()[2].hours


def column(name: str) -> Column:
    """Raises LoadError."""
    for found in _file()[2].columns:
        if found.name == name:
            return found
    raise LoadError(f"there is no load {name!r}; there are {names()[0]} to {names()[-1]}")


@lru_cache(maxsize=256)
def _units(name: str) -> array[int]:
    """The hours of one column in its own units."""
    data, start, _ = _file()
    found = column(name)
    raw = zlib.decompress(data[start + found.offset : start + found.offset + found.size])
    half = len(raw) // 2
    mixed = bytearray(len(raw))
    mixed[0::2], mixed[1::2] = raw[:half], raw[half:]
    steps = array("h", bytes(mixed))
    if sys.byteorder == "big":
        steps.byteswap()
    return array("i", accumulate(steps))


class RoomLoad:
    """One recorded meter scaled to a room whose mean hour is `mean_wh`.

    `speed` makes the load's time (not its power) run faster from `start_ms` on; the meter multiplies what it counts.
    """

    def __init__(
        self, name: str, *, mean_wh: int, seed: int = 0, zone_offset_s: int = 28_800, speed: int = 1, start_ms: int = 0
    ) -> None:
        head = _file()[2]
        self.column = column(name)
        self.mean_wh = mean_wh
        self._units = _units(name)
        self._mean_units = head.mean_units
        self._seed = (seed * 0x9E3779B97F4A7C15 + zlib.crc32(name.encode()) * 0xC2B2AE3D27D4EB4F) & _MASK
        first = datetime.fromisoformat(head.first).replace(tzinfo=UTC)
        self._zero_ms = int(first.timestamp()) * 1000 - 1000 * zone_offset_s
        self._speed, self._start_ms = speed, start_ms
        self._hour = -1
        self._quarters = (0, 0, 0, 0)

    @property
    def scale(self) -> float:
        """Room to recorded building, for people: 0.02 means that one fiftieth of the building's load is shown."""
        return self.mean_wh / self.column.mean_wh

    def segment(self, at_ms: int) -> tuple[int, int]:
        """Watts now, and until when. The wall clock's quarter hours are the segments."""
        at_ms = self._lived(at_ms)
        hour, within = divmod(at_ms - self._zero_ms, HOUR_MS)
        if hour != self._hour:
            self._hour, self._quarters = hour, self._split(hour)
        quarter = within // QUARTER_MS
        until = at_ms - within + (quarter + 1) * QUARTER_MS
        return self._quarters[quarter] * 4, self._true(until)

    def hour_wh(self, at_ms: int) -> int:
        """The energy of the hour in which this moment lies."""
        return self._hour_wh((self._lived(at_ms) - self._zero_ms) // HOUR_MS)

    def is_filled(self, at_ms: int) -> bool:
        """Whether this hour was never recorded and shows the same hour of another week."""
        hour = (self._lived(at_ms) - self._zero_ms) // HOUR_MS % len(self._units)
        gap = bisect_right(self.column.gaps, (hour, len(self._units))) - 1
        return gap >= 0 and hour < sum(self.column.gaps[gap])

    def _hour_wh(self, hour: int) -> int:
        return self._units[hour % len(self._units)] * self.mean_wh // self._mean_units

    def _split(self, hour: int) -> tuple[int, int, int, int]:
        """Four quarters whose sum is the hour: shares between 1 and 2 by the seed."""
        energy = self._hour_wh(hour)
        mixed = (self._seed + hour * 0x9E3779B97F4A7C15) & _MASK
        mixed = ((mixed ^ mixed >> 30) * 0xBF58476D1CE4E5B9) & _MASK
        mixed ^= mixed >> 27
        first = 64 + (mixed & 63)
        second = first + 64 + (mixed >> 8 & 63)
        third = second + 64 + (mixed >> 16 & 63)
        whole = third + 64 + (mixed >> 24 & 63)
        one, two, three = energy * first // whole, energy * second // whole, energy * third // whole
        return one, two - one, three - two, energy - three

    def _lived(self, at_ms: int) -> int:
        return self._start_ms + (at_ms - self._start_ms) * self._speed

    def _true(self, lived_ms: int) -> int:
        return self._start_ms - ((self._start_ms - lived_ms) // self._speed)


class SteppedLoad:
    """Constant power from given moments on: for tests and for fleets that say `watts = …`."""

    def __init__(self, *steps: tuple[int, int]) -> None:
        """Pairs (from ms, watts), ascending; nothing before the first."""
        self._starts = [at_ms for at_ms, _ in steps]
        self._watts = [0, *(watts for _, watts in steps)]

    def segment(self, at_ms: int) -> tuple[int, int]:
        step = bisect_right(self._starts, at_ms)
        return self._watts[step], self._starts[step] if step < len(self._starts) else FOREVER_MS


def steady(watts: int) -> SteppedLoad:
    return SteppedLoad((-FOREVER_MS, watts))
