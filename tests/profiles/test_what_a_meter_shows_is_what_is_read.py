"""Simulator and gateway read the same file: what one shows, the other decodes; what is unknown is absent."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prewatt import profiles
from prewatt.profiles import Block, Profile

NK = profiles.load("acrel-dtsy1352-nk")
MODBUS = [name for name in profiles.names() if profiles.load(name).protocol == "modbus-rtu"]
FLAGS = (
    "relay_closed",
    "relay_command",
    "prepaid_open",
    "state_arrears",
    "state_alarm1",
    "state_alarm2",
    "state_overload",
)
VALUES = {
    "energy_wh": st.integers(0, 4_000_000).map(lambda n: 10 * n),
    "energy_peak_wh": st.integers(0, 4_000_000).map(lambda n: 10 * n),
    "voltage_a_v": st.integers(0, 65_535),
    "current_b_a": st.integers(0, 6_000).map(lambda n: 10 * n),
    "power_w": st.integers(-32_768, 32_767),
    "balance_fen": st.integers(-2_000_000_000, 2_000_000_000),
    "purchase_count": st.integers(0, 65_535),
    "bought_fen": st.integers(0, 2_000_000_000),
    "forced": st.integers(0, 2),
    "clock_ms": st.integers(1_700_000_000, 1_900_000_000).map(lambda s: 1000 * s),
    **{name: st.integers(0, 1) for name in FLAGS},
}


@given(st.fixed_dictionaries({}, optional=VALUES), st.sampled_from([0, 28_800, -18_000]))
def test_a_full_reading_of_the_nk_comes_back(values: dict[str, int], zone_offset_s: int) -> None:
    (block,) = NK.sweep_blocks
    shown = NK.show(block, values, zone_offset_s)
    decoded = NK.decode(block, shown, zone_offset_s)
    assert values.items() <= decoded.items()


@given(st.fixed_dictionaries({}, optional=VALUES))
def test_the_image_of_all_registers_agrees_with_each_block(values: dict[str, int]) -> None:
    image = NK.image(values)
    for block in (*NK.sweep_blocks, *NK.status_blocks, *NK.money_blocks):
        registers = tuple(image.get(block.address + index, 0) for index in range(block.count))
        assert registers == NK.show(block, values)


def test_the_three_relays_are_closed_only_when_all_are() -> None:
    (block,) = NK.status_blocks
    shown = list(NK.show(block, {"relay_closed": 1}))
    index = 0x1024 - block.address
    assert shown[index] == 0b1110_0000_0000_0000
    shown[index] &= ~(1 << 14)
    assert NK.decode(block, shown)["relay_closed"] == 0


def test_a_meter_shows_whole_steps_and_holds_at_its_ends() -> None:
    (block,) = NK.sweep_blocks
    shown = NK.decode(block, NK.show(block, {"energy_wh": 19, "power_w": 90_000, "balance_fen": 2**40}))
    assert (shown["energy_wh"], shown["power_w"], shown["balance_fen"]) == (10, 32_767, 2**31 - 1)


def test_only_what_lies_whole_inside_the_answer_is_read() -> None:
    decoded = NK.decode(Block(3, 0x0001, 4), (0, 0, 100, 0))
    assert decoded == {"energy_sharp_wh": 1_000}


@pytest.mark.parametrize("name", MODBUS)
@given(data=st.data())
def test_any_registers_decode_to_whole_numbers(name: str, data: st.DataObject) -> None:
    profile: Profile = profiles.load(name)
    block = data.draw(st.sampled_from(profile.sweep_blocks))
    registers = data.draw(st.lists(st.integers(0, 65_535), min_size=block.count, max_size=block.count).map(tuple))
    decoded = profile.decode(block, registers)
    assert all(type(value) is int for value in decoded.values())


@given(st.binary(max_size=40))
def test_any_bytes_of_dlt645_decode_to_whole_numbers(data: bytes) -> None:
    profile = profiles.load("dlt645-2007")
    for block in profile.sweep_blocks:
        assert all(type(value) is int for value in profile.decode(block, data).values())


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_float_that_is_no_number_is_absent(value: float) -> None:
    profile = profiles.load("eastron-sdm630")
    registers = struct.unpack(">2H", struct.pack(">f", value))
    assert profile.decode(Block(4, 0x46, 2), registers) == {}


def test_phases_are_summed_where_the_total_register_is_too_small() -> None:
    profile = profiles.load("acrel-adf400l")
    assert profile.decode(Block(3, 0x346, 3), (20_000, 20_000, 20_000))["power_w"] == 60_000


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        (0x0000, {"relay_closed": 1, "relay_command": 1, "forced": 0, "prepaid_open": 0, "state_alarm2": 0}),
        (0x0050, {"relay_closed": 0, "relay_command": 0, "forced": 1}),
        (0x1000, {"forced": 2}),
        (0x8010, {"relay_closed": 0, "relay_command": 1, "prepaid_open": 1, "forced": 0}),
    ],
)
def test_state_word_3_is_read(word: int, expected: dict[str, int]) -> None:
    profile = profiles.load("dlt645-2007")
    decoded = profile.decode(Block(0x11, 0x04000503, 0), word.to_bytes(2, "little"))
    assert expected.items() <= decoded.items()


@pytest.mark.parametrize(
    ("di", "data", "expected"),
    [
        (0x02030000, "56 34 12", {"power_w": 12_346}),  # 12.3456 kW: the half goes up
        (0x02030000, "00 50 80", {"power_w": -500}),  # the top bit is the sign
        (0x00900200, "45 23 01 00", {"balance_fen": 12_345}),
        (0x00900200, "45 23 01", {}),
        (0x00900200, "FF FF FF FF", {}),
    ],
)
def test_numbers_of_dlt645_are_read(di: int, data: str, expected: dict[str, int]) -> None:
    assert profiles.load("dlt645-2007").decode(Block(0x11, di, 0), bytes.fromhex(data)) == expected
