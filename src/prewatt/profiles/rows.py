"""The rows of a profile: a quantity in its registers, a command by its name.

Values are whole numbers in stored units.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass

from prewatt.profiles import numbers
from prewatt.units.values import round_half_up

CONFIDENCES = ("manual", "observed", "unverified", "simulated")
GAP_MAX = 30  # registers: a longer gap costs more line time at 9600 baud than a second request
LENGTH_MAX = 125
ZONE_OFFSET_S = 8 * 3600  # China has one zone; a gateway elsewhere passes its own
PARTS = ("bits", "field", "cases")  # kinds that are a part of a word
_WHOLE = ("u16", "i16", "u32", "i32", "u64", "i64")
READ_DATA = 0x11  # DL/T 645: the function that reads an identifier


class ProfileError(Exception):
    """A profile file cannot be used as it is. The message names the file and the key; correct it and load again."""


class NotAllowed(ProfileError):
    """The profile does not offer this, or the site has not allowed its confidence. Nothing was sent."""


class CannotRepresent(ProfileError):
    """The meter's register has no such value (a step too fine, a number too large). Nothing was sent."""


@dataclass(frozen=True, slots=True, order=True)
class Block:
    """What one request reads. Modbus: registers. DL/T 645: `address` is the data identifier and `count` is 0."""

    function: int
    address: int
    count: int


@dataclass(frozen=True, slots=True)
class Write:
    """What one write carries. Send it exactly once, then read back."""

    function: int
    address: int
    registers: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Quantity:
    """One register (or part of one) and the quantity it shows.

    stored value = raw × numerator / denominator. `size` counts registers (Modbus) or bytes (DL/T 645, from byte
    `offset`).
    """

    name: str
    address: int
    kind: str
    size: int
    source: str
    confidence: str
    reason: str = ""
    function: int = 3
    order: str = "ABCD"
    numerator: int = 1
    denominator: int = 1
    bits: tuple[int, ...] = ()  # kind "bits": 1 when all of them are set
    shift: int = 0  # kind "field": a number inside a word, `width` bits from `shift`
    width: int = 16
    inverted: bool = False
    cases: tuple[tuple[int, int, int], ...] = ()  # kind "cases": (mask, equals, stored), the first that fits counts
    meanings: tuple[tuple[int, int], ...] = ()  # raw -> stored; a raw value that is not listed is unknown, so absent
    offset: int = 0
    signed: bool = False
    access: str = "R"

    @property
    def plain(self) -> bool:
        """Can be unpacked by struct and multiplied: the fast path."""
        return self.kind in _WHOLE and self.order == "ABCD" and self.denominator == 1 and not self.meanings

    def decode(self, words: Sequence[int], zone_offset_s: int) -> int | None:
        """The stored value in `words` (exactly this quantity's registers), or None when they say nothing."""
        if self.kind in numbers.NUMBERS:
            return self._scaled(numbers.from_registers(self.kind, words, self.order))
        if self.kind in PARTS:
            return self._part(words[0])
        data = struct.pack(f">{len(words)}H", *words)
        if self.kind == "bcd":
            number = numbers.from_bcd(data, signed=self.signed)
            return None if number is None else self._scaled(number)
        return _clock(self.kind, data, zone_offset_s)

    def decode_bytes(self, data: bytes) -> int | None:
        """DL/T 645: `data` is what follows the identifier, as sent (lowest byte first)."""
        part = data[self.offset : self.offset + self.size]
        if len(part) < self.size:
            return None
        if self.kind in PARTS:
            return self._part(int.from_bytes(part, "little"))
        number = numbers.from_bcd(part[::-1], signed=self.signed)
        return None if number is None else self._scaled(number)

    def _scaled(self, number: int | float) -> int | None:
        if isinstance(number, float):
            if not math.isfinite(number):
                return None
            return math.floor(number * self.numerator / self.denominator + 0.5)
        if self.meanings:
            return dict(self.meanings).get(number)
        if self.denominator == 1:
            return number * self.numerator
        return round_half_up(number * self.numerator, self.denominator)

    def _part(self, word: int) -> int | None:
        if self.kind == "bits":
            value = int(all(word >> bit & 1 for bit in self.bits))
            return 1 - value if self.inverted else value
        if self.kind == "cases":
            return next((stored for mask, equals, stored in self.cases if word & mask == equals), None)
        return self._scaled(word >> self.shift & (1 << self.width) - 1)

    def raw(self, value: int) -> int | float:
        """The number to write so that the register shows exactly `value`. Raises CannotRepresent."""
        if self.meanings:
            for raw, stored in self.meanings:
                if stored == value:
                    return raw
            raise CannotRepresent(f"{self.name}: {value} has no meaning in this register")
        if self.kind in ("f32", "f64"):
            return value * self.denominator / self.numerator
        if value * self.denominator % self.numerator:
            raise CannotRepresent(
                f"{self.name}: {value} is no whole number of steps of {self.numerator}/{self.denominator}"
            )
        return value * self.denominator // self.numerator

    def encode(self, value: int, zone_offset_s: int = ZONE_OFFSET_S) -> tuple[int, ...]:
        """The registers that show exactly `value`. Raises CannotRepresent."""
        try:
            if self.kind in numbers.NUMBERS:
                return numbers.to_registers(self.kind, self.raw(value), self.order)
            if self.kind == "bcd":
                data = numbers.to_bcd(int(self.raw(value)), 2 * self.size, signed=self.signed)
            elif self.kind in PARTS:
                return (self.merged(0, value),)
            else:
                data = _clock_bytes(self.kind, value, zone_offset_s)
        except (struct.error, OverflowError):
            raise CannotRepresent(f"{self.name}: {value} does not fit into a {self.kind} register") from None
        return struct.unpack(f">{self.size}H", data)

    def shown(self, value: int, zone_offset_s: int) -> tuple[int, ...]:
        """The registers in which a meter shows `value`: steps cut off, ends held.

        For the simulator, which must always show something.
        """
        if self.kind in numbers.NUMBERS and not self.meanings and self.kind[0] != "f":
            bits = 16 * self.size
            low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if self.kind[0] == "i" else (0, (1 << bits) - 1)
            raw = min(max(value * self.denominator // self.numerator, low), high)
            return numbers.to_registers(self.kind, raw, self.order)
        return self.encode(value, zone_offset_s)

    def merged(self, word: int, value: int) -> int:
        """The word with this part of it showing `value`. Raises CannotRepresent."""
        if self.kind == "cases":
            for mask, equals, stored in self.cases:
                if stored == value:
                    return word & ~mask | equals
            raise CannotRepresent(f"{self.name}: {value} has no place in this register")
        if self.kind == "bits":
            mask = sum(1 << bit for bit in self.bits)
            return word | mask if bool(value) != self.inverted else word & ~mask
        raw = int(self.raw(value))
        if not 0 <= raw < 1 << self.width:
            raise CannotRepresent(f"{self.name}: {value} does not fit into {self.width} bits")
        return word & ~((1 << self.width) - 1 << self.shift) | raw << self.shift


def _clock(kind: str, data: bytes, zone_offset_s: int) -> int | None:
    if kind == "clock-ymdwhms":  # one byte each, binary
        year, month, day, _, hour, minute, second = data[:7]
        return numbers.clock_to_ms((year, month, day, hour, minute, second), zone_offset_s)
    second, minute, hour, _, day, month, year = data[:7]  # clock-smhwdmy
    return numbers.clock_to_ms((year, month, day, hour, minute, second), zone_offset_s)


def _clock_bytes(kind: str, at_ms: int, zone_offset_s: int) -> bytes:
    year, month, day, hour, minute, second, weekday = numbers.ms_to_clock(at_ms, zone_offset_s)
    if kind == "clock-ymdwhms":
        return bytes((year, month, day, weekday % 7, hour, minute, second, 0))
    return bytes((second, minute, hour, weekday % 7, day, month, year, 0))


@dataclass(frozen=True, slots=True)
class Command:
    """A write by name. `fields` are written together in one frame, unless `each`:
    then any of them, neighbours in one frame.
    """

    name: str
    function: int
    address: int
    count: int
    fields: tuple[Quantity, ...]
    constants: tuple[tuple[int, int], ...]  # (address, word)
    source: str
    confidence: str
    reason: str = ""
    each: bool = False
