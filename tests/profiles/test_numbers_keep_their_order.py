"""Registers to numbers: the published values in all byte orders, BCD, and a meter's clock."""

from __future__ import annotations

import math
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prewatt.profiles import numbers
from vector_files import entries

TYPES = {"int32": "i32", "uint32": "u32", "int64": "i64", "uint64": "u64", "float32": "f32", "float64": "f64"}


@pytest.mark.parametrize("vector", entries("modbus_values.json"))
def test_published_values_come_out_and_go_in(vector: dict[str, Any]) -> None:
    kind, order = TYPES[vector["type"]], vector["byte_order"].split()[0]
    registers = vector["expected"]["registers"]
    value = numbers.from_registers(kind, registers, order)
    if kind[0] == "f":
        assert math.isclose(value, vector["value"], rel_tol=1e-7)
    else:
        assert value == vector["value"]
    assert list(numbers.to_registers(kind, vector["value"], order)) == registers
    assert struct.pack(f">{len(registers)}H", *registers) == bytes.fromhex(vector["expected"]["bytes"])


@given(st.integers(0, 2**32 - 1), st.sampled_from(numbers.ORDERS))
def test_every_order_is_its_own_inverse(value: int, order: str) -> None:
    assert numbers.from_registers("u32", numbers.to_registers("u32", value, order), order) == value


def test_the_four_orders_are_four() -> None:
    assert len({numbers.to_registers("u32", 0x01020304, order) for order in numbers.ORDERS}) == 4


@given(st.integers(-7_999_999, 7_999_999))
def test_signed_bcd_comes_back(value: int) -> None:
    assert numbers.from_bcd(numbers.to_bcd(value, 4, signed=True), signed=True) == value


@pytest.mark.parametrize("data", [b"\x1a", b"\xff\xff", b"\xaa"])
def test_what_is_no_digit_is_unknown_not_zero(data: bytes) -> None:
    assert numbers.from_bcd(data) is None


@pytest.mark.parametrize(("value", "size", "signed"), [(10_000, 2, False), (-1, 2, False), (8_000, 2, True)])
def test_bcd_that_does_not_fit_is_refused(value: int, size: int, signed: bool) -> None:
    with pytest.raises(OverflowError):
        numbers.to_bcd(value, size, signed=signed)


@given(st.integers(946_684_800, 4_102_444_799), st.sampled_from([-12 * 3600, 0, 8 * 3600, 20_700]))
def test_the_meters_clock_comes_back(at_s: int, zone_offset_s: int) -> None:
    parts = numbers.ms_to_clock(at_s * 1000, zone_offset_s)
    back = numbers.clock_to_ms(parts[:6], zone_offset_s)
    local_year_s = at_s + zone_offset_s
    if 946_684_800 <= local_year_s < 4_102_444_800:
        assert back == at_s * 1000


def test_a_clock_that_shows_nonsense_is_unknown() -> None:
    assert numbers.clock_to_ms((26, 13, 1, 0, 0, 0), 0) is None
    assert numbers.clock_to_ms((26, 2, 30, 0, 0, 0), 0) is None


def test_the_clock_is_the_sites() -> None:
    """Ten in the morning in Zhuhai is two in the morning UTC."""
    assert numbers.clock_to_ms((26, 6, 1, 10, 0, 0), 8 * 3600) == numbers.clock_to_ms((26, 6, 1, 2, 0, 0), 0)
