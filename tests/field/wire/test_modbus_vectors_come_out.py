"""Every published Modbus frame: encoded to the byte, decoded to the field, and refused where a master must refuse."""

from __future__ import annotations

from typing import Any

import pytest
from pymodbus.framer.rtu import FramerRTU

from prewatt.field.wire import modbus
from prewatt.field.wire.describe import describe
from prewatt.field.wire.errors import ExceptionAnswer, WireError
from vector_files import entries, group

FILE = "modbus_rtu.json"


def _request(vector: dict[str, Any]) -> modbus.Request:
    found = modbus.RtuServerReader().feed(bytes.fromhex(vector["request"]))
    assert len(found) == 1
    return found[0]


@pytest.mark.parametrize("vector", entries(FILE, "request_response", "request_exception", "must_reject_response"))
def test_a_request_is_parsed_and_encodes_to_the_same_bytes(vector: dict[str, Any]) -> None:
    request = _request(vector)
    expected = vector["expected"]["request"]
    assert (request.unit, request.function, request.address) == (
        expected["unit"],
        expected["function"],
        expected["address"],
    )
    assert modbus.rtu_encode(request) == bytes.fromhex(vector["request"])


@pytest.mark.parametrize("vector", entries(FILE, "request_response"))
def test_a_response_is_the_reply_to_its_request(vector: dict[str, Any]) -> None:
    reply = modbus.RtuReader(_request(vector)).feed(bytes.fromhex(vector["response"]))
    expected = vector["expected"]["response"]
    assert reply is not None
    assert list(reply.registers) == expected.get("registers", [])
    if vector["function"] in (1, 2):
        assert list(reply.bits) == expected["bits"]


@pytest.mark.parametrize("vector", entries(FILE, "request_response"))
def test_the_simulators_side_answers_with_the_published_bytes(vector: dict[str, Any]) -> None:
    request = _request(vector)
    expected = vector["expected"]["response"]
    reply = modbus.Reply(
        request.unit, request.function, tuple(expected.get("registers", ())), tuple(expected.get("bits", ()))
    )
    assert modbus.rtu_frame(request.unit, modbus.encode_reply(request, reply)) == bytes.fromhex(vector["response"])


@pytest.mark.parametrize("vector", entries(FILE, "request_exception"))
def test_an_exception_is_raised_with_its_number(vector: dict[str, Any]) -> None:
    with pytest.raises(ExceptionAnswer) as caught:
        modbus.RtuReader(_request(vector)).feed(bytes.fromhex(vector["response"]))
    assert caught.value.exception == vector["expected"]["response"]["exception"]
    assert caught.value.code == "exception_illegal_address"


REJECTED = {
    "mb-098": "wrong_echo",
    "mb-100": "truncated",
    "mb-101": "crc_mismatch",
    "mb-103": "wrong_echo",
    "mb-105": "crc_mismatch",
    "mb-108": "corrupt_echo",
}


@pytest.mark.parametrize("vector", entries(FILE, "must_reject_response", "local_echo"))
def test_a_response_that_a_master_must_reject_is_rejected_by_name(vector: dict[str, Any]) -> None:
    reader = modbus.RtuReader(_request(vector))
    try:
        reply = reader.feed(bytes.fromhex(vector["response"]))
        error = reader.failure()
    except WireError as raised:
        reply, error = None, raised
    assert reply is None
    assert error is not None
    assert error.code == REJECTED[vector["id"]]


@pytest.mark.parametrize("vector", entries(FILE, "crc"))
def test_the_checksum_is_the_published_one(vector: dict[str, Any]) -> None:
    crc = modbus.crc16(bytes.fromhex(vector["data"]))
    assert crc.to_bytes(2, "little") == bytes.fromhex(vector["expected"]["crc_on_wire"])


@pytest.mark.parametrize("size", [*range(1, 20), 125, 254, 255, 256])
def test_the_checksum_agrees_with_an_independent_one(size: int) -> None:
    data = bytes((7 * index + size) & 0xFF for index in range(size))
    theirs = FramerRTU.compute_CRC(data)
    assert modbus.crc16(data).to_bytes(2, "little") == theirs.to_bytes(2, "big")


@pytest.mark.parametrize("vector", entries(FILE, "request", "response", "exception", "modbus_tcp"))
def test_one_frame_is_told_in_exactly_the_published_fields(vector: dict[str, Any]) -> None:
    assert describe(vector["frame"]) == vector["expected"]


@pytest.mark.parametrize("vector", entries(FILE, "request_response", "request_exception"))
def test_a_request_with_its_response_is_told_in_exactly_the_published_fields(vector: dict[str, Any]) -> None:
    assert describe(vector["request"] + vector["response"]) == vector["expected"]


@pytest.mark.parametrize("vector", entries(FILE, "request_response", "must_reject_response"))
def test_a_request_alone_is_told_as_one(vector: dict[str, Any]) -> None:
    for side in (None, "request"):
        assert describe(vector["request"], None, side) == {**vector["expected"]["request"], "crc_ok": True}


@pytest.mark.parametrize("vector", entries(FILE, "request_response"))
def test_a_response_alone_is_told_as_one(vector: dict[str, Any]) -> None:
    expected = dict(vector["expected"]["response"])
    told = describe(vector["response"], "modbus-rtu", "response")
    bits = expected.pop("bits", None)
    if bits is not None:  # how many of the last byte were asked for stands in the request only
        assert told.pop("bits")[: len(bits)] == bits
    assert told == {**expected, "crc_ok": True}


@pytest.mark.parametrize("vector", entries(FILE, "must_reject_response"))
def test_a_rejected_response_is_told_with_its_fault(vector: dict[str, Any]) -> None:
    told = describe(vector["request"] + vector["response"])
    assert told["ok"] is False
    assert told["error"] == REJECTED[vector["id"]]
    expected = vector["expected"]
    assert {key: told[key] for key in expected} == expected


@pytest.mark.parametrize("entry", group("meter_frames.json", "modbus_rtu"))
def test_the_frames_of_known_meters_are_encoded_to_the_byte(entry: dict[str, Any]) -> None:
    given = entry["input"]
    request = modbus.Request(
        given["unit"], given["function"], int(given["address"], 16), given["quantity"], tuple(given.get("values", ()))
    )
    published = given.get("request") or entry["expected"]["request"]
    assert modbus.rtu_encode(request) == bytes.fromhex(published)
    if answer := entry["expected"].get("answer"):
        reply = modbus.RtuReader(request).feed(bytes.fromhex(answer))
        assert reply is not None
        assert 2 * len(reply.registers) == entry["expected"]["bytes"]
