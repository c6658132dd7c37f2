"""Whatever a line delivers: only named exceptions, bounded memory, and a good frame after garbage is found."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from prewatt.field.wire import dlt645, modbus
from prewatt.field.wire.errors import WireError

UNIT = 17
REQUEST = modbus.read(UNIT, 0x1000, 6)
GOOD = modbus.rtu_frame(UNIT, modbus.encode_reply(REQUEST, modbus.Reply(UNIT, 3, (1, 2, 3, 40_000, 5, 6))))
TCP_GOOD = modbus.tcp_frame(UNIT, GOOD[1:-2], 77)
ADDRESS = "260305510012"
DLT_REQUEST = dlt645.Read(ADDRESS, 0x00900200)
DLT_GOOD = bytes.fromhex("68 12 00 51 05 03 26 68 91 08 33 35 C3 33 78 56 34 33 8D 16")

# Noise that looks like something: pieces of frames, headers, other units, other lengths.
PIECES = st.sampled_from(
    [
        GOOD[:2],
        GOOD[:3],
        GOOD[:-1],
        GOOD[1:],
        b"\x11\x83",
        b"\x11\x83\x02\xc1\x35",
        b"\x12\x03\x04\x00\x8d",
        b"\x68",
        DLT_GOOD[:9],
        DLT_GOOD[:-1],
        b"\xfe\xfe",
        TCP_GOOD[:7],
        b"\x00\x00\x00\x00\x00\x06",
    ]
)
GARBAGE = st.lists(st.one_of(PIECES, st.binary(max_size=12)), max_size=8).map(b"".join)
CUTS = st.lists(st.integers(min_value=1, max_value=40), max_size=30)


def _split(data: bytes, cuts: list[int]) -> list[bytes]:
    pieces, at = [], 0
    for cut in cuts:
        pieces.append(data[at : at + cut])
        at += cut
    return [piece for piece in [*pieces, data[at:]] if piece]


def _feed(reader: Any, pieces: list[bytes]) -> list[Any]:
    """Replies found. Every exception that is not a WireError fails the test by itself."""
    found, nameless = [], 0
    for piece in pieces:
        try:
            reply = reader.feed(piece)
        except WireError as error:
            nameless += error.code == WireError.code
            continue
        if reply is not None:
            found.append(reply)
            break
        assert len(reader._buffer) <= 600
    assert not nameless
    return found


def _holds_a_refusal(data: bytes) -> bool:
    return any(
        data[at] == UNIT and data[at + 1] == 0x83 and not modbus.crc16(data[at : at + 5]) for at in range(len(data) - 4)
    )


CASES: list[Any] = [
    pytest.param(lambda: modbus.RtuReader(REQUEST), GOOD, id="rtu"),
    pytest.param(lambda: dlt645.Reader(DLT_REQUEST), DLT_GOOD, id="dlt645"),
]


@pytest.mark.parametrize(("make", "good"), CASES)
@given(garbage=GARBAGE, cuts=CUTS)
@settings(max_examples=400, deadline=None)
def test_a_good_frame_after_garbage_is_found(
    make: Callable[[], Any], good: bytes, garbage: bytes, cuts: list[int]
) -> None:
    assume(not garbage.startswith(modbus.rtu_encode(REQUEST)[:4]))  # a damaged echo poisons what follows, on purpose
    assume(not _holds_a_refusal(garbage))
    found = _feed(make(), _split(garbage + good, cuts))
    assert found
    if make is CASES[0].values[0]:
        assert found[0].registers == (1, 2, 3, 40_000, 5, 6)
    else:
        assert found[0].data == bytes.fromhex("45 23 01 00")


@given(cuts=CUTS)
def test_a_frame_in_any_pieces_is_the_same_frame(cuts: list[int]) -> None:
    for reader, frame in (
        (modbus.RtuReader(REQUEST), GOOD),
        (modbus.TcpReader(REQUEST, 77), TCP_GOOD),
        (dlt645.Reader(DLT_REQUEST), DLT_GOOD),
    ):
        assert len(_feed(reader, _split(frame, cuts))) == 1
        assert reader.garbage_bytes == 0


@pytest.mark.parametrize("junk", [b"\x00" * 700, b"\x11\x03" * 400, b"\x68" * 700])
def test_a_good_frame_in_front_of_much_garbage_is_found(junk: bytes) -> None:
    assert len(_feed(modbus.RtuReader(REQUEST), [GOOD + junk])) == 1
    assert len(_feed(dlt645.Reader(DLT_REQUEST), [DLT_GOOD + junk])) == 1
    assert len(_feed(modbus.RtuReader(REQUEST), [junk, GOOD + junk])) == 1


@given(data=st.binary(max_size=900), cuts=CUTS, function=st.sampled_from([7, 8, 11, 17, 20, 23, 43, 100]))
@settings(max_examples=200, deadline=None)
def test_functions_without_a_length_of_their_own_are_safe_too(data: bytes, cuts: list[int], function: int) -> None:
    request = modbus.Request(UNIT, function, data=b"\x01\x02")
    head = bytes((UNIT, function))
    _feed(modbus.RtuReader(request), _split(head + data, cuts))
    answer = modbus.rtu_frame(UNIT, bytes((function,)) + b"\x04abcd"[: 4 if function == 8 else 5])
    size = modbus._reply_size(request)
    if not size or size + 3 == len(answer):
        assert len(_feed(modbus.RtuReader(request), [answer])) == 1


@given(garbage=st.binary(max_size=2000), cuts=CUTS)
@settings(max_examples=300, deadline=None)
def test_nothing_but_garbage_gives_no_reply_and_keeps_little(garbage: bytes, cuts: list[int]) -> None:
    assume(GOOD not in garbage and DLT_GOOD not in garbage and TCP_GOOD not in garbage)
    for reader in (modbus.RtuReader(REQUEST), modbus.TcpReader(REQUEST, 77), dlt645.Reader(DLT_REQUEST)):
        assert _feed(reader, _split(garbage, cuts)) == []
        assert len(reader.faults) <= 16


@given(garbage=GARBAGE, cuts=CUTS)
@settings(max_examples=200, deadline=None)
def test_a_request_after_garbage_reaches_the_meter(garbage: bytes, cuts: list[int]) -> None:
    """A meter hears silence between frames.

    Without it, a good request may have to wait for what looked like a beginning.
    """
    reader = modbus.RtuServerReader()
    for piece in _split(garbage, cuts):
        reader.feed(piece)
        assert len(reader._buffer) <= 600
    reader.reset()
    assert reader.feed(modbus.rtu_encode(REQUEST)) == [REQUEST]


@given(garbage=GARBAGE, cuts=CUTS)
@settings(max_examples=200, deadline=None)
def test_a_dlt645_request_after_garbage_reaches_the_meter(garbage: bytes, cuts: list[int]) -> None:
    reader = dlt645.ServerReader()
    found = []
    for piece in _split(garbage + dlt645.encode(DLT_REQUEST), cuts):
        found += reader.feed(piece)
    assert found[-1:] == [DLT_REQUEST.frame()]


@given(requests=st.lists(st.integers(min_value=1, max_value=125), min_size=1, max_size=8), cuts=CUTS)
def test_requests_that_arrive_joined_are_told_apart(requests: list[int], cuts: list[int]) -> None:
    asked = [modbus.read(UNIT, 7, count) for count in requests]
    rtu, tcp = modbus.RtuServerReader(), modbus.TcpServerReader()
    heard_rtu = [r for piece in _split(b"".join(map(modbus.rtu_encode, asked)), cuts) for r in rtu.feed(piece)]
    joined = b"".join(modbus.tcp_encode(request, index) for index, request in enumerate(asked))
    heard_tcp = [r for piece in _split(joined, cuts) for r in tcp.feed(piece)]
    assert heard_rtu == asked
    assert heard_tcp == list(enumerate(asked))


@given(damage=st.integers(min_value=0, max_value=8 * len(GOOD) - 1))
def test_no_single_flipped_bit_is_believed(damage: int) -> None:
    frame = bytearray(GOOD)
    frame[damage // 8] ^= 1 << damage % 8
    assert _feed(modbus.RtuReader(REQUEST), [bytes(frame)]) == []


@given(damage=st.integers(min_value=0, max_value=8 * len(DLT_GOOD) - 1))
def test_no_single_flipped_bit_of_dlt645_is_believed(damage: int) -> None:
    frame = bytearray(DLT_GOOD)
    frame[damage // 8] ^= 1 << damage % 8
    assert _feed(dlt645.Reader(DLT_REQUEST), [bytes(frame)]) == []
