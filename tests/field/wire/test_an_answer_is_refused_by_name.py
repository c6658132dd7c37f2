"""What is not the answer to this question has a name of its own."""

from __future__ import annotations

import pytest

from prewatt.field.wire import dlt645, errors, modbus

ASKED = modbus.read(5, 0x0000, 10)


def _answer(unit: int = 5, function: int = 3, count: int = 10) -> bytes:
    request = modbus.Request(unit, function, 0, count)
    return modbus.rtu_frame(unit, modbus.encode_reply(request, modbus.Reply(unit, function, tuple(range(count)))))


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (_answer(unit=6), errors.WrongUnit),
        (_answer(function=4), errors.WrongFunction),
        (_answer(count=9), errors.WrongLength),
        (_answer(count=11), errors.WrongLength),
        (_answer()[:-1] + b"\x00", errors.CrcMismatch),
        (modbus.rtu_frame(5, b"\x83\x06"), errors.ExceptionAnswer),
    ],
)
def test_a_whole_frame_that_is_not_the_answer(answer: bytes, error: type[errors.WireError]) -> None:
    with pytest.raises(error):
        modbus.RtuReader(ASKED).feed(answer)


def test_the_good_answer_behind_a_late_one_is_found() -> None:
    reader = modbus.RtuReader(ASKED)
    reply = reader.feed(_answer(unit=6) + _answer())
    assert reply is not None
    assert reply.registers == tuple(range(10))
    assert reader.faults == ["wrong_unit"]


def test_after_an_error_the_reader_goes_on_looking() -> None:
    reader = modbus.RtuReader(ASKED)
    with pytest.raises(errors.CrcMismatch):
        reader.feed(_answer()[:-1] + b"\x00")
    assert reader.feed(_answer()) is not None


def test_silence_in_the_middle_is_named() -> None:
    reader = modbus.RtuReader(ASKED)
    assert reader.failure() is None
    assert reader.feed(_answer()[:8]) is None
    failure = reader.failure()
    assert failure is not None
    assert failure.code == "truncated"


def test_bytes_that_are_no_answer_are_named() -> None:
    reader = modbus.RtuReader(ASKED)
    assert reader.feed(b"\xff\xff\xff") is None
    failure = reader.failure()
    assert failure is not None
    assert failure.code == "malformed"


def test_a_converter_that_echoes_is_understood() -> None:
    reader = modbus.RtuReader(ASKED)
    echo = modbus.rtu_encode(ASKED)
    assert reader.feed(echo[:5]) is None
    assert reader.feed(echo[5:] + _answer()) is not None


def test_a_write_is_believed_only_with_its_own_echo() -> None:
    write = modbus.Request(5, 16, 0x57, 2, (1, 1))
    good = modbus.rtu_frame(5, modbus.encode_reply(write, modbus.Reply(5, 16)))
    assert modbus.RtuReader(write).feed(good) == modbus.Reply(5, 16)
    other = modbus.rtu_frame(5, b"\x10\x00\x58\x00\x02")
    with pytest.raises(errors.WrongEcho):
        modbus.RtuReader(write).feed(other)


def test_tcp_takes_only_its_own_transaction() -> None:
    late = modbus.tcp_frame(5, _answer()[1:-2], 41)
    reader = modbus.TcpReader(ASKED, 42)
    assert reader.feed(late) is None
    assert reader.late == 1
    assert reader.feed(modbus.tcp_frame(5, _answer()[1:-2], 42)) is not None


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (modbus.tcp_frame(6, _answer()[1:-2], 42), errors.WrongUnit),
        (modbus.tcp_frame(5, _answer(function=4)[1:-2], 42), errors.WrongFunction),
        (modbus.tcp_frame(5, _answer(count=9)[1:-2], 42), errors.WrongLength),
        (modbus.tcp_frame(5, b"\x83\x0b", 42), errors.ExceptionAnswer),
    ],
)
def test_a_tcp_frame_that_is_not_the_answer(answer: bytes, error: type[errors.WireError]) -> None:
    with pytest.raises(error):
        modbus.TcpReader(ASKED, 42).feed(answer)


def test_tcp_finds_its_frame_behind_garbage() -> None:
    reader = modbus.TcpReader(ASKED, 42)
    assert reader.feed(b"\xff\xff\xff" + modbus.tcp_frame(5, _answer()[1:-2], 42)) is not None
    assert reader.garbage_bytes == 3


@pytest.mark.parametrize(
    "request_",
    [
        modbus.Request(5, 3, 0, 0),
        modbus.Request(5, 3, 0, 126),
        modbus.Request(5, 3, 0xFFFF, 2),
        modbus.Request(5, 16, 0, 0, (0x10000,)),
        modbus.Request(5, 16, 0, 0, ()),
        modbus.Request(5, 6, 0, 1, (-1,)),
        modbus.Request(256, 3, 0, 1),
    ],
)
def test_a_request_that_fits_no_frame_is_refused_before_it_leaves(request_: modbus.Request) -> None:
    with pytest.raises(errors.Unencodable):
        modbus.rtu_encode(request_)


DLT = dlt645.Read("260305510012", 0x00900200)


@pytest.mark.parametrize(
    ("hex_", "error"),
    [
        ("68 13 00 51 05 03 26 68 91 08 33 35 C3 33 78 56 34 33 8E 16", errors.WrongUnit),
        ("68 12 00 51 05 03 26 68 91 08 34 35 C3 33 78 56 34 33 8E 16", errors.WrongIdentifier),
        ("68 12 00 51 05 03 26 68 94 08 33 35 C3 33 78 56 34 33 90 16", errors.WrongFunction),
        ("68 12 00 51 05 03 26 68 91 08 33 35 C3 33 78 56 34 33 8C 16", errors.ChecksumMismatch),
        ("68 12 00 51 05 03 26 68 91 02 33 35 5C 16", errors.WrongLength),
        ("68 12 00 51 05 03 26 68 D1 01 35 68 16", errors.ErrorAnswer),
    ],
)
def test_a_dlt645_frame_that_is_not_the_answer(hex_: str, error: type[errors.WireError]) -> None:
    with pytest.raises(error):
        dlt645.Reader(DLT).feed(bytes.fromhex(hex_))


def test_an_error_word_is_told_by_its_bits() -> None:
    reader = dlt645.Reader(dlt645.Control("260305510012", "switch_off", (2099, 12, 31, 23, 59, 59)))
    with pytest.raises(errors.ErrorAnswer) as caught:
        reader.feed(bytes.fromhex("68 12 00 51 05 03 26 68 DC 01 37 75 16"))
    assert caught.value.names == ("password",)
    assert caught.value.code == "error_password"


def test_an_answer_with_more_frames_says_so() -> None:
    meter = dlt645.Frame(DLT.address, dlt645.READ)
    data = DLT.di.to_bytes(4, "little") + b"\x01\x02"
    reply = dlt645.Reader(DLT).feed(dlt645.reply(meter, DLT.address, data, more=True))
    assert reply is not None
    assert reply.more
    rest = dlt645.ReadMore(DLT.address, DLT.di, 1)
    frame = dlt645.Frame(DLT.address, dlt645.READ_MORE)
    last = dlt645.Reader(rest).feed(dlt645.reply(frame, DLT.address, data + b"\x01"))
    assert last is not None
    assert not last.more


def test_wake_up_bytes_are_no_garbage() -> None:
    reader = dlt645.Reader(DLT)
    reply = reader.feed(bytes.fromhex("FE FE FE FE 68 12 00 51 05 03 26 68 91 08 33 35 C3 33 78 56 34 33 8D 16"))
    assert reply is not None
    assert reader.garbage_bytes == 0


def test_the_toy_key_opens_what_it_sealed_and_nothing_else() -> None:
    toy = dlt645.ToyKey()
    sealed = toy.seal("260305510012", 0x070102FF, b"\x01\x02")
    assert toy.open("260305510012", 0x070102FF, sealed) == b"\x01\x02"
    for address, di, data in (
        ("260305510013", 0x070102FF, sealed),
        ("260305510012", 0x070101FF, sealed),
        ("260305510012", 0x070102FF, b"\x09" + sealed[1:]),
        ("260305510012", 0x070102FF, b""),
    ):
        with pytest.raises(errors.Malformed):
            toy.open(address, di, data)
