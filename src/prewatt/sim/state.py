"""Each meter's own memory in one file, where a test can read it and a restart goes on from it.

    {"version": 1, "meters": {"030001040A": {"at_ms": …, "memory": {…}, "balance_fen": …, "deducted_fen": …, …}}}

The file is always whole (written beside and renamed). It is at most a second old, and money is in it before the meter's
answer has left the bus. Meters are encoded a few at a time, so that no frame on a bus waits for the file.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from pathlib import Path
from typing import Any

import msgspec

from prewatt.sim.building import Building, meter_truth
from prewatt.sim.station import Station

VERSION = 1
ROUND_S = 1.0  # every meter is written anew within this time
TURNS = 20  # in so many small steps


class StateError(ValueError):
    """The state file cannot be continued. The message says why; begin afresh by removing the file."""


def read_state(path: Path) -> dict[str, Any]:
    """The meters of an earlier run, empty if there was none. Raises StateError."""
    try:
        whole = json.loads(path.read_text())
        if whole["version"] != VERSION:
            raise StateError(f"{path}: version {whole['version']}, this program writes {VERSION}")
        meters: dict[str, Any] = whole["meters"]
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StateError(f"{path} is no state of this simulator: {error}. Remove it to begin afresh.") from error
    return meters


class StateFile:
    """Keeps the file; `run` until cancelled."""

    def __init__(self, path: Path, building: Building) -> None:
        self._path = path
        self._beside = path.with_name(path.name + ".new")
        self._building = building
        self._numbers = list(building.meters)
        self._encoded: dict[str, bytes] = {}
        for bus in building.buses.values():
            bus.before_answer = self._soon

    async def run(self) -> None:
        """Refresh all meters once a second, a few at a time. Cancelled: write the last state."""
        self.save_all()
        share = -(-len(self._numbers) // TURNS)
        at = 0
        try:
            while True:
                await asyncio.sleep(ROUND_S / TURNS)
                for number in self._numbers[at : at + share]:
                    self._encode(number)
                at += share
                if at >= len(self._numbers):
                    at = 0
                    self._write()
        finally:
            self.save_all()

    def save_all(self) -> None:
        for number in self._numbers:
            self._encode(number)
        self._write()

    def _soon(self, station: Station) -> None:
        """After a write: as soon as the meter has kept it, which is before its answer is out."""
        spec = station.meter.spec
        asyncio.get_running_loop().call_later(spec.keeping_s, self._save, spec.number)

    def _save(self, number: str) -> None:
        self._encode(number)
        self._write()

    def _encode(self, number: str) -> None:
        meter = self._building.meters[number]
        meter.advance(next(iter(self._building.buses.values())).now_ms())
        self._encoded[number] = msgspec.json.encode(number) + b":" + msgspec.json.encode(meter_truth(meter))

    def _write(self) -> None:
        whole = b'{"version":%d,"meters":{\n%s\n}}\n' % (VERSION, b",\n".join(self._encoded.values()))
        with contextlib.suppress(FileNotFoundError):  # the folder was removed under us while ending
            self._beside.write_bytes(whole)
            os.replace(self._beside, self._path)
