"""Every published DL/T 645 frame: told to the field, encoded to the byte, refused where its sum is wrong."""

from __future__ import annotations

from typing import Any

import pytest

from prewatt.field.wire import dlt645
from prewatt.field.wire.describe import describe
from prewatt.field.wire.errors import ChecksumMismatch
from vector_files import entries, group

FILE = "dlt645.json"
GOOD = ("read_request", "read_response", "read_response_error", "relay_request", "read_address_request")
ADDRESS = "260305510012"
UNTIL = (2099, 12, 31, 23, 59, 59)


@pytest.mark.parametrize("vector", entries(FILE, *GOOD, "read_address_response", "1997"))
def test_a_frame_is_told_in_exactly_the_published_fields(vector: dict[str, Any]) -> None:
    assert describe(vector["frame"]) == vector["expected"]
    assert describe(vector["frame"], "dlt645") == vector["expected"]


@pytest.mark.parametrize("vector", entries(FILE, *GOOD, "read_address_response", "1997"))
def test_a_frame_encodes_to_the_same_bytes(vector: dict[str, Any]) -> None:
    raw = bytes.fromhex(vector["frame"])
    place = dlt645.find(raw)
    assert place is not None
    frame = raw[place[0] : sum(place)]
    assert dlt645.encode_frame(dlt645.decode_frame(frame)) == frame


@pytest.mark.parametrize("vector", entries(FILE, "bad_checksum"))
def test_a_wrong_published_sum_is_refused(vector: dict[str, Any]) -> None:
    told = describe(vector["frame"])
    assert told["ok"] is False
    assert told["error"] == "checksum_mismatch"
    assert {key: told[key] for key in vector["expected"]} == vector["expected"]
    with pytest.raises(ChecksumMismatch):
        dlt645.decode_frame(bytes.fromhex(vector["frame"]))


@pytest.mark.parametrize("entry", group("meter_frames.json", "dlt645_2007", "published", "computed"))
def test_the_frames_of_the_reference_come_out(entry: dict[str, Any]) -> None:
    told = describe(entry["input"]["hex"])
    expected = entry["expected"]
    assert told["address"] == expected["address"].upper()
    assert told["control"] == expected["control"]
    assert told["data"].replace(" ", "").upper() == expected["data"]
    assert told.get("di") == expected.get("di")
    assert told.get("value") == expected.get("value")
    assert told.get("err_byte") == expected.get("error")
    if "expiry_ssmmhhDDMMYY" in expected:
        assert told["valid_until_ssmmhhDDMMYY"].replace(" ", "") == expected["expiry_ssmmhhDDMMYY"]


@pytest.mark.parametrize("entry", group("meter_frames.json", "dlt645_2007", "negative"))
def test_the_negative_frame_of_the_reference_is_refused(entry: dict[str, Any]) -> None:
    told = describe(entry["input"]["hex"])
    assert (told["error"], told["checksum_computed"]) == ("checksum_mismatch", entry["expected"]["right_checksum"])


@pytest.mark.parametrize("entry", group("meter_frames.json", "dlt645_1997"))
def test_the_1997_frames_of_the_reference_come_out(entry: dict[str, Any]) -> None:
    told = describe(entry["input"]["hex"])
    assert told["version"] == "1997"
    assert told["di"] == entry["expected"]["di"]
    assert told.get("value") == entry["expected"].get("value")


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("switch_off", "4D 33 8C 8C 56 64 45 CC 8A"),
        ("switch_on_allowed", "4E 33 8C 8C 56 64 45 CC 8B"),
        ("switch_on", "4F 33 8C 8C 56 64 45 CC 8C"),
        ("alarm", "5D 33 8C 8C 56 64 45 CC 9A"),
        ("alarm_off", "5E 33 8C 8C 56 64 45 CC 9B"),
        ("hold", "6D 33 8C 8C 56 64 45 CC AA"),
        ("release", "6E 33 8C 8C 56 64 45 CC AB"),
    ],
)
def test_every_control_command_is_encoded_with_its_expiry(command: str, code: str) -> None:
    frame = dlt645.encode(dlt645.Control(ADDRESS, command, UNTIL), wake=0)
    assert frame == bytes.fromhex(f"68 12 00 51 05 03 26 68 1C 10 35 33 33 33 33 33 33 33 {code} 16")


@pytest.mark.parametrize(
    ("di", "tail"),
    [
        (0x00900200, "33 35 C3 33 D4"),
        (0x00900201, "34 35 C3 33 D5"),
        (0x03330201, "34 35 66 36 7B"),
        (0x04000503, "36 38 33 37 4E"),
        (0x0001FF00, "33 32 34 33 42"),
    ],
)
def test_a_read_is_encoded_to_the_byte(di: int, tail: str) -> None:
    frame = dlt645.encode(dlt645.Read(ADDRESS, di), wake=0)
    assert frame == bytes.fromhex(f"68 12 00 51 05 03 26 68 11 04 {tail} 16")


def test_reading_the_address_is_encoded_to_the_byte() -> None:
    assert dlt645.encode(dlt645.ReadAddress()) == bytes.fromhex("FE FE FE FE 68 AA AA AA AA AA AA 68 13 00 DF 16")


def test_anybody_may_answer_a_question_to_anybody() -> None:
    reader = dlt645.Reader(dlt645.ReadAddress())
    reply = reader.feed(bytes.fromhex("68 01 01 19 00 00 00 68 93 06 34 34 4C 33 33 33 D1 16"))
    assert reply is not None
    assert reply.data[::-1].hex() == "000000190101"


def test_a_prepaid_function_carries_its_operator_as_published() -> None:
    published = "68 12 00 51 05 03 26 68 03 08 32 35 B4 3A 44 55 66 77 37 16"
    assert dlt645.encode(dlt645.Secure(ADDRESS, 0x078102FF, b"", "11223344"), wake=0) == bytes.fromhex(published)


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        (0x0000, {"relay_closed": 1, "relay_command": 1, "hold": 0, "prepaid_kind": 0}),
        (0x0010, {"relay_closed": 0, "relay_command": 1}),  # open although commanded closed: a breaker waits for a hand
        (0x0050, {"relay_closed": 0, "relay_command": 0}),
        (0x9280, {"hold": 1, "opened_remotely": 1, "prepaid_kind": 2, "reminder_trip": 1, "relay_closed": 1}),
    ],
)
def test_state_word_3_tells_command_from_fact(word: int, expected: dict[str, int]) -> None:
    told = dlt645.state_word_3(word)
    assert {key: told[key] for key in expected} == expected


def test_the_dlt645_package_agrees_on_data_and_sum() -> None:
    """PyPI's dlt645 puts the address high byte first, so it is given the address reversed."""
    from dlt645.protocol.protocol import DLT645Protocol

    reversed_address = bytes.fromhex(ADDRESS)[::-1]
    theirs = bytes(DLT645Protocol.build_frame(bytearray(reversed_address), 0x11, bytearray(b"\x00\x02\x90\x00")))
    ours = dlt645.encode(dlt645.Read(ADDRESS, 0x00900200), wake=0)
    assert theirs[theirs.index(0x68) :] == ours
