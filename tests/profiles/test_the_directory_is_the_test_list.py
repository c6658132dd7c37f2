"""Every shipped profile: it loads, its own recorded answers come out, and it says where each fact is from."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from prewatt import profiles
from prewatt.field.wire import dlt645, modbus
from prewatt.profiles import Block, Profile, Recorded

NAMES = profiles.names()
FOLDER = Path(profiles.__file__).parent


def _recorded() -> list[Any]:
    found = [(name, item) for name in NAMES for item in profiles.load(name).recorded]
    return [pytest.param(name, item, id=f"{name}-{index}") for index, (name, item) in enumerate(found)]


def _read(profile: Profile, item: Recorded) -> tuple[Block, Any]:
    """The recorded frames through the real codec: what was asked, and what the decoder gets."""
    asked, answered = bytes.fromhex(item.request), bytes.fromhex(item.response)
    if profile.protocol == "dlt645-2007":
        frame = dlt645.ServerReader().feed(asked)[0]
        di = int.from_bytes(frame.data[:4], "little")
        reply = dlt645.Reader(dlt645.Read(frame.address, di)).feed(answered)
        assert reply is not None
        return Block(frame.function, di, 0), reply.data
    request = modbus.RtuServerReader().feed(asked)[0]
    modbus_reply = modbus.RtuReader(request).feed(answered)
    assert modbus_reply is not None
    return Block(request.function, request.address, request.count), modbus_reply.registers


def test_the_promised_models_are_there() -> None:
    promised = {
        "acrel-dtsy1352-nk",
        "acrel-ddsy1352",
        "acrel-adf400l",
        "dlt645-2007",
        "eastron-sdm630",
        "chint-dtsu666",
    }
    assert promised <= set(NAMES)
    assert {path.stem for path in FOLDER.glob("*.toml")} == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_each_carries_a_recorded_answer(name: str) -> None:
    profile = profiles.load(name)
    assert profile.name == name
    assert profile.recorded


@pytest.mark.parametrize(("name", "item"), _recorded())
def test_a_recorded_answer_comes_out(name: str, item: Recorded) -> None:
    profile = profiles.load(name)
    block, data = _read(profile, item)
    assert profile.decode(block, data) == dict(item.values)


@pytest.mark.parametrize("name", NAMES)
def test_every_fact_says_where_it_is_from(name: str) -> None:
    profile = profiles.load(name)
    for row in (*profile.rows, *profile.command_rows):
        assert row.source
        assert row.confidence in ("manual", "observed", "unverified", "simulated")
        assert row.confidence != "simulated" or len(row.reason) > 20


@pytest.mark.parametrize("name", NAMES)
def test_what_is_read_by_default_was_published(name: str) -> None:
    allowed = profiles.load(name).allowed(["manual", "observed"])
    assert allowed.rows
    assert allowed.sweep_blocks
    assert all(row.confidence == "manual" for row in (*allowed.rows, *allowed.command_rows))


@pytest.mark.parametrize("name", NAMES)
def test_no_money_write_is_offered_that_nobody_documented(name: str) -> None:
    allowed = profiles.load(name).allowed(["manual", "observed", "unverified"])
    assert not {"recharge", "refund", "open"} & set(allowed.commands)
    assert allowed.proof == "none"


@pytest.mark.parametrize("name", NAMES)
def test_what_a_block_reads_fits_its_frame(name: str) -> None:
    profile = profiles.load(name)
    for block in (*profile.sweep_blocks, *profile.status_blocks, *profile.money_blocks):
        assert 0 <= block.count <= profile.length_max


def test_calibration_is_nobodys_business() -> None:
    """Vendor functions 98 and 99 hex calibrate; 20 hex writes money blindly. No profile may send them."""
    for name in NAMES:
        functions = {row.function for row in profiles.load(name).command_rows}
        assert functions <= {0x06, 0x10, 0x1C}


def test_files_carry_no_number_without_a_unit() -> None:
    for path in FOLDER.glob("*.toml"):
        for line in path.read_text().splitlines():
            if re.search(r'name = "\w+_(wh|v|a|w|fen|e4|hz|var)"', line) and "type" in line and "bit" not in line:
                assert "step" in line, (path.name, line)
