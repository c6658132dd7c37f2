"""Frames on a bus as an engineer sees them: kept in a ring while the bus works, decoded when there is time."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

import msgspec

from prewatt.field.line.framing import Framing
from prewatt.field.line.line import Direction
from prewatt.field.wire.describe import describe
from prewatt.link.messages import FRAME_BYTES_MAX, FRAMES_PER_FINDING_MAX, Frame

RING_FRAMES = 2 * FRAMES_PER_FINDING_MAX
PAUSE_MS = 50  # bytes further apart than this are not one frame
_PROTOCOLS: dict[Framing, str] = {"rtu": "modbus-rtu", "tcp": "modbus-tcp", "dlt645": "dlt645"}
_UNIT_AT = {"rtu": 0, "tcp": 6}


class Seen(msgspec.Struct, frozen=True):
    number: int
    at_ms: int
    out: bool
    data: bytes


class Watch:
    """`observe` is the line's observer: it only keeps. `drain` decodes, a bounded number at a time."""

    def __init__(self, *, framing: Framing, unit: int, now_ms: Callable[[], int]) -> None:
        self._framing, self._unit, self._now_ms = framing, unit, now_ms
        self._ring: deque[Seen] = deque(maxlen=RING_FRAMES)
        self._number = 0
        self._heard = bytearray()
        self._heard_at = self._heard_since = 0

    def observe(self, _at: float, direction: Direction, data: bytes) -> None:
        now = self._now_ms()
        if direction == "out" or now - self._heard_at > PAUSE_MS:
            self._close_heard()
        if direction == "out":
            self._keep(now, data, out=True)
            return
        if not self._heard:
            self._heard_since = now
        self._heard += data[: FRAME_BYTES_MAX - len(self._heard)]
        self._heard_at = now

    def _close_heard(self) -> None:
        if self._heard:
            self._keep(self._heard_since, bytes(self._heard), out=False)
            self._heard.clear()

    def _keep(self, at_ms: int, data: bytes, *, out: bool) -> None:
        if self._unit and self._unit_of(data) not in (self._unit, 0):
            return
        self._number += 1
        self._ring.append(Seen(self._number, at_ms, out, data[:FRAME_BYTES_MAX]))

    def _unit_of(self, data: bytes) -> int:
        at = _UNIT_AT.get(self._framing, len(data))
        return data[at] if at < len(data) else 0

    def drain(self) -> list[Frame]:
        if self._heard and self._now_ms() - self._heard_at > PAUSE_MS:
            self._close_heard()
        count = min(len(self._ring), FRAMES_PER_FINDING_MAX)
        return [self._told(self._ring.popleft()) for _ in range(count)]

    def _told(self, seen: Seen) -> Frame:
        fields = describe(seen.data, _PROTOCOLS[self._framing], "request" if seen.out else "response", full=True)
        fields.pop("ok", None)
        error = fields.pop("error", "")
        return Frame(
            number=seen.number,
            at_ms=seen.at_ms,
            out=seen.out,
            hex=seen.data.hex(" "),
            unit=self._unit_of(seen.data),
            error=error if isinstance(error, str) else "refused" if error else "",
            fields={name: _plain(value) for name, value in fields.items()},
        )


def _plain(value: Any) -> str | int | bool | list[int]:
    if isinstance(value, bool | int | str):
        return value
    if isinstance(value, list) and all(isinstance(one, int) for one in value):
        return value
    if isinstance(value, dict):
        return ", ".join(f"{name} {_plain(one)}" for name, one in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
