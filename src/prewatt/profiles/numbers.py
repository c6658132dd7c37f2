"""Registers to numbers and back: 16 to 64 bits, the four byte orders of Modbus, BCD, and a meter's own clock."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

# type -> (struct letter, registers)
NUMBERS: dict[str, tuple[str, int]] = {
    "u16": ("H", 1),
    "i16": ("h", 1),
    "u32": ("I", 2),
    "i32": ("i", 2),
    "f32": ("f", 2),
    "u64": ("Q", 4),
    "i64": ("q", 4),
    "f64": ("d", 4),
}
# A is the highest byte. The maker's manual says which; ABCD unless it does.
ORDERS = ("ABCD", "CDAB", "BADC", "DCBA")
_MS = timedelta(milliseconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def from_registers(kind: str, registers: Sequence[int], order: str = "ABCD") -> int | float:
    """The number that the registers carry; `registers` are exactly those of the type."""
    letter, size = NUMBERS[kind]
    data = struct.pack(f">{size}H", *_reordered(registers, order))
    number: int | float = struct.unpack(f">{letter}", data)[0]
    return number


def to_registers(kind: str, number: int | float, order: str = "ABCD") -> tuple[int, ...]:
    """Raises struct.error or OverflowError when the number does not fit."""
    letter, size = NUMBERS[kind]
    return _reordered(struct.unpack(f">{size}H", struct.pack(f">{letter}", number)), order)


def _reordered(registers: Sequence[int], order: str) -> tuple[int, ...]:
    if order in ("CDAB", "DCBA"):
        registers = registers[::-1]
    if order in ("BADC", "DCBA"):
        return tuple((word & 0xFF) << 8 | word >> 8 for word in registers)
    return tuple(registers)


def from_bcd(data: bytes, *, signed: bool = False) -> int | None:
    """Decimal digits, highest byte first; None when a nibble is no digit. Signed: the top bit is the sign."""
    negative = signed and bool(data) and bool(data[0] & 0x80)
    if negative:
        data = bytes((data[0] & 0x7F,)) + data[1:]
    text = data.hex()
    if not text.isdigit():
        return None
    return -int(text) if negative else int(text)


def to_bcd(number: int, size: int, *, signed: bool = False) -> bytes:
    """Raises OverflowError when the digits do not fit into `size` bytes."""
    text = f"{abs(number):0{2 * size}d}"
    if len(text) > 2 * size or (number < 0 and not signed) or (signed and text[0] > "7"):
        raise OverflowError(f"{number} does not fit into {size} bytes of BCD")
    data = bytearray.fromhex(text)
    if number < 0:
        data[0] |= 0x80
    return bytes(data)


def clock_to_ms(parts: tuple[int, int, int, int, int, int], zone_offset_s: int) -> int | None:
    """Year, month, day, hour, minute, second on the meter's own clock to UTC milliseconds; None for no such time."""
    year, month, day, hour, minute, second = parts
    try:
        local = datetime(2000 + year % 100, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        return None
    return (local - _EPOCH) // _MS - 1000 * zone_offset_s


def ms_to_clock(at_ms: int, zone_offset_s: int) -> tuple[int, int, int, int, int, int, int]:
    """UTC milliseconds to year - 2000, month, day, hour, minute, second,
    weekday (Monday 1 … Sunday 7) on the meter's clock.
    """
    local = _EPOCH + (at_ms + 1000 * zone_offset_s) * _MS
    return local.year - 2000, local.month, local.day, local.hour, local.minute, local.second, local.isoweekday()
