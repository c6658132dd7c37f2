"""Modbus: frames to facts and back. No I/O, no clock.

An RTU frame is `unit, function, data…, CRC low, CRC high`, at most 256 bytes; it carries no length and no transaction
number, so a reply
can only be told by what was asked: unit, function and length. A Modbus TCP frame is `transaction, protocol 0, length,
unit, function, data…`.

A reader is made for one request and fed whatever arrives, in pieces or joined. It returns the reply once it is whole,
or raises the name of
what is wrong; after an error it goes on looking, so a caller may feed more. What it skipped is counted in
`garbage_bytes` and named in `faults`.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

import msgspec

from prewatt.field.wire.errors import (
    CorruptEcho,
    CrcMismatch,
    ExceptionAnswer,
    Malformed,
    Truncated,
    Unencodable,
    WireError,
    WrongEcho,
    WrongFunction,
    WrongLength,
    WrongUnit,
)

FRAME_BYTES_MAX = 256
BUFFER_BYTES_MAX = 2 * FRAME_BYTES_MAX
FAULTS_MAX = 16
REGISTERS_READ_MAX = 125
REGISTERS_WRITE_MAX = 123
BITS_READ_MAX = 2000
BITS_WRITE_MAX = 1968
EXCEPTION_BIT = 0x80
COIL_ON = 0xFF00

Bytes = bytes | bytearray | memoryview


class Request(msgspec.Struct, frozen=True):
    """One question. `values` are registers (6, 16), the coil word FF00/0000 (5) or bits 0/1 (15);
    `data` is what follows any other function.
    """

    unit: int
    function: int
    address: int = 0
    count: int = 0
    values: tuple[int, ...] = ()
    data: bytes = b""

    @property
    def is_write(self) -> bool:
        return self.function not in _READS

    @property
    def is_broadcast(self) -> bool:
        """On RS-485 nobody answers unit 0; on Modbus TCP unit 0 is often the device itself."""
        return self.unit == 0


class Reply(msgspec.Struct, frozen=True):
    """One answer. Writes (5, 6, 15, 16) answer with empty registers: their echo was checked."""

    unit: int
    function: int
    registers: tuple[int, ...] = ()
    bits: tuple[int, ...] = ()
    data: bytes = b""


_READS = frozenset({1, 2, 3, 4, 7, 11, 12, 17, 20, 24, 43})


# CRC-16/MODBUS is reflected and 16 bits wide, so two bytes at a time pass through one table of 65,536: half the steps
# of the usual one.
def _crc_table() -> tuple[int, ...]:
    low = [_shift(byte, 16) for byte in range(256)]
    high = [_shift(byte << 8, 16) for byte in range(256)]
    return tuple(a ^ b for b in high for a in low)


def _shift(crc: int, bits: int) -> int:
    for _ in range(bits):
        crc = (crc >> 1) ^ 0xA001 if crc & 1 else crc >> 1
    return crc


_CRC = _crc_table()
_CRC_BYTE = tuple(_shift(byte, 8) for byte in range(256))
_WORDS_LITTLE: list[Callable[..., tuple[Any, ...]]] = [
    struct.Struct(f"<{n}H").unpack_from for n in range(BUFFER_BYTES_MAX // 2)
]
_WORDS_BIG: list[Callable[..., tuple[Any, ...]]] = [
    struct.Struct(f">{n}H").unpack_from for n in range(FRAME_BYTES_MAX // 2)
]


def crc16(data: Bytes) -> int:
    """CRC-16/MODBUS of at most 1,023 bytes; on the wire its low byte goes first. Over a frame with its CRC it is 0."""
    crc = 0xFFFF
    table = _CRC
    size = len(data)
    for word in _WORDS_LITTLE[size >> 1](data):
        crc = table[crc ^ word]
    if size & 1:
        crc = (crc >> 8) ^ _CRC_BYTE[(crc ^ data[size - 1]) & 0xFF]
    return crc


def _sealed(frame: bytes) -> bytes:
    return frame + crc16(frame).to_bytes(2, "little")


# --- requests -------------------------------------------------------------------------------------------------------


def rtu_encode(request: Request) -> bytes:
    """The request as it goes on RS-485. Raises Unencodable."""
    pdu = request_pdu(request)
    return _sealed(bytes((request.unit,)) + pdu)


def tcp_encode(request: Request, transaction: int) -> bytes:
    pdu = request_pdu(request)
    return struct.pack(">HHHB", transaction & 0xFFFF, 0, len(pdu) + 1, request.unit) + pdu


def request_pdu(request: Request) -> bytes:
    """Function and data, without unit and checksum. Raises Unencodable."""
    try:
        pdu = _request_pdu(request)
    except struct.error as error:
        raise Unencodable(f"{request}: a number does not fit its field ({error})") from None
    if not 0 <= request.unit <= 255 or len(pdu) > FRAME_BYTES_MAX - 3:
        raise Unencodable(f"{request}: does not fit into a frame")
    return pdu


def _request_pdu(request: Request) -> bytes:
    function, count, values = request.function, request.count, request.values
    if function in (1, 2, 3, 4):
        _check_count(request, count, REGISTERS_READ_MAX if function > 2 else BITS_READ_MAX)
        return struct.pack(">BHH", function, request.address, count)
    if function in (5, 6):
        return struct.pack(">BHH", function, request.address, *values)
    if function == 15:
        _check_count(request, len(values), BITS_WRITE_MAX)
        packed = pack_bits(values)
        return struct.pack(">BHHB", function, request.address, len(values), len(packed)) + packed
    if function == 16:
        _check_count(request, len(values), REGISTERS_WRITE_MAX)
        return struct.pack(f">BHHB{len(values)}H", function, request.address, len(values), 2 * len(values), *values)
    return bytes((function,)) + request.data


def _check_count(request: Request, count: int, count_max: int) -> None:
    if not 1 <= count <= count_max or request.address + count > 0x10000:
        raise Unencodable(f"{request}: count must be 1 to {count_max} and end within 65536")


def pack_bits(bits: Iterable[int]) -> bytes:
    """Bits to bytes, the first bit lowest in the first byte."""
    bits = tuple(bits)
    number = sum(1 << index for index, bit in enumerate(bits) if bit)
    return number.to_bytes((len(bits) + 7) // 8, "little")


def unpack_bits(data: Bytes, count: int) -> tuple[int, ...]:
    number = int.from_bytes(data, "little")
    return tuple(number >> index & 1 for index in range(count))


# --- replies, master's side -----------------------------------------------------------------------------------------


def _reply_size(request: Request) -> int:
    """Bytes of function + data of the good answer; 0 when only the end of the answer can tell."""
    function = request.function
    if function in (3, 4):
        return 2 + 2 * request.count
    if function in (1, 2):
        return 2 + (request.count + 7) // 8
    if function in (5, 6, 15, 16):
        return 5
    return {8: 1 + len(request.data), 22: 7, 7: 2, 11: 5}.get(function, 0)


def _parse_reply(request: Request, pdu: Bytes) -> Reply:
    """A sound frame of the right unit becomes the reply, or the name of why it is not."""
    function = request.function
    if pdu[0] == function | EXCEPTION_BIT and len(pdu) == 2:
        raise ExceptionAnswer(pdu[1])
    if pdu[0] != function:
        raise WrongFunction(f"asked function {function}, answered {pdu[0]}")
    if function in (5, 6, 15, 16):
        return _parse_echo(request, pdu)
    if function > 4:
        return Reply(request.unit, function, (), (), bytes(pdu[1:]))
    if len(pdu) != _reply_size(request) or pdu[1] != len(pdu) - 2:
        raise WrongLength(f"asked {request.count} from {request.address}, answered {len(pdu) - 2} bytes")
    if function > 2:
        return Reply(request.unit, function, _WORDS_BIG[request.count](pdu, 2))
    return Reply(request.unit, function, (), unpack_bits(pdu[2:], request.count))


def _parse_echo(request: Request, pdu: Bytes) -> Reply:
    if len(pdu) != 5:
        raise WrongLength(f"a write is answered by 5 bytes, not {len(pdu)}")
    if bytes(pdu) != request_pdu(request)[:5]:
        raise WrongEcho(f"wrote to {request.address}, answered {bytes(pdu[1:]).hex(' ')}")
    return Reply(request.unit, request.function)


class RtuReader:
    """Finds the reply to one request in what a serial line delivers."""

    __slots__ = (
        "_buffer",
        "_data_bytes",
        "_function",
        "_registers",
        "_request",
        "_size",
        "_unit",
        "faults",
        "garbage_bytes",
    )

    def __init__(self, request: Request) -> None:
        self._request = request
        self._unit = request.unit
        self._function = request.function
        size = _reply_size(request)
        self._size = size + 3 if size else 0
        self._data_bytes = size - 2
        self._registers = _WORDS_BIG[request.count] if request.function in (3, 4) else None
        self._buffer = bytearray()
        self.garbage_bytes = 0
        self.faults: list[str] = []

    def feed(self, data: Bytes) -> Reply | None:
        """The reply once it is whole.

        Raises the name of a sound frame that is not it, or of a whole frame that is damaged.
        """
        if (
            len(data) == self._size
            and self._registers is not None
            and not self._buffer
            and data[0] == self._unit
            and data[1] == self._function
            and data[2] == self._data_bytes
            and not crc16(data)
        ):  # the usual case: the whole answer at once
            return Reply(self._unit, self._function, self._registers(data, 3))
        return self._search(data)

    def failure(self) -> WireError | None:
        """Why there is no reply, for the caller whose time limit has passed; None: not a byte came."""
        if self._buffer:
            return Truncated(f"{len(self._buffer)} bytes of an answer, then silence")
        if self.garbage_bytes:
            return Malformed(f"{self.garbage_bytes} bytes that are no answer, then silence")
        return None

    def _search(self, data: Bytes) -> Reply | None:
        buffer = self._buffer
        buffer += data
        if self._skip_echo():
            return None
        first: WireError | None = None
        start = 0
        while start < len(buffer):
            size = self._frame_size(start)
            if size < 0 or (size and start + size > len(buffer)):
                break  # a possible answer begins here and is not whole yet
            if not size:
                start += 1
                continue
            try:
                reply = self._take(start, size)
            except ExceptionAnswer:
                self._drop(start, start + size)
                raise
            except WireError as error:
                self._note(error)
                first = first or error
                start += 1 if isinstance(error, CrcMismatch) else size
                continue
            self._drop(start, start + size)
            return reply
        self._rest(start, first)
        return None

    def _rest(self, start: int, first: WireError | None) -> None:
        """Nothing whole is left:
        a refusal may still stand at the very end, behind something that only looked like a beginning.
        """
        buffer = self._buffer
        tail = len(buffer) - 5
        if (
            tail > start
            and buffer[tail] == self._unit
            and buffer[tail + 1] == self._function | EXCEPTION_BIT
            and not crc16(buffer[tail:])
        ):
            exception = buffer[tail + 2]
            self._drop(tail, len(buffer))
            raise ExceptionAnswer(exception)
        self._drop(max(start, len(buffer) - BUFFER_BYTES_MAX))
        if first is not None:
            raise first

    def _frame_size(self, start: int) -> int:
        """How long the frame that may begin here is: 0 none begins here, -1 too little is known yet."""
        buffer = self._buffer
        left = len(buffer) - start
        ours = buffer[start] == self._unit
        if left < 2:
            return -1 if ours else 0
        function = buffer[start + 1]
        if ours and function == self._function | EXCEPTION_BIT:
            return 5
        if ours and function == self._function:
            return self._own_size(start, left)
        size = _foreign_size(buffer, start)
        return size if size and size <= left and not crc16(buffer[start : start + size]) else 0

    def _own_size(self, start: int, left: int) -> int:
        if self._function > 4:
            if self._size or left > FRAME_BYTES_MAX:
                return self._size
            return -1 if crc16(self._buffer[start:]) else left
        if left < 3:
            return -1
        if self._buffer[start + 2] == self._data_bytes:
            return self._size
        size = 5 + self._buffer[start + 2]  # another length: believed to be a frame only if its checksum says so
        return size if size <= left and not crc16(self._buffer[start : start + size]) else 0

    def _take(self, start: int, size: int) -> Reply | None:
        with memoryview(self._buffer) as view, view[start : start + size] as frame:
            if crc16(frame):
                raise CrcMismatch(f"{size} bytes of unit {frame[0]}: the checksum does not fit")
            if frame[0] != self._unit:
                raise WrongUnit(f"asked unit {self._unit}, unit {frame[0]} answered")
            with frame[1:-2] as pdu:
                return _parse_reply(self._request, pdu)

    def _skip_echo(self) -> bool:
        """Some converters give back what we send. True: the buffer may still be only that echo."""
        buffer = self._buffer
        if self._function in (5, 6) or len(buffer) < 4 or buffer[0] != self._unit or buffer[1] != self._function:
            return False
        if self._function <= 4 and buffer[2] == self._data_bytes:
            return False
        sent = rtu_encode(self._request)
        if not sent.startswith(buffer[:4]):
            return False
        if self._function > 4 and len(buffer) >= 8 and not crc16(buffer[:8]):
            return False
        if buffer.startswith(sent):
            del buffer[: len(sent)]
            return False
        if sent.startswith(buffer):
            return True
        if self._function <= 4 and len(buffer) >= len(sent):
            self._drop(len(buffer))
            error = CorruptEcho("the line gave back another request than was sent")
            self._note(error)
            raise error
        return False

    def _note(self, error: WireError) -> None:
        if len(self.faults) < FAULTS_MAX:
            self.faults.append(error.code)

    def _drop(self, garbage: int, end: int | None = None) -> None:
        """Forget `garbage` bytes from the front, counted, and what follows up to `end`, not counted."""
        if garbage > 0:
            self.garbage_bytes += garbage
        if (end := max(garbage, end or 0)) > 0:
            del self._buffer[:end]


def _foreign_size(buffer: bytearray, start: int) -> int:
    """The length that a reply beginning here would have, by its own function; 0: no reply we know begins so."""
    function = buffer[start + 1]
    if function & EXCEPTION_BIT:
        return 5
    if function in (1, 2, 3, 4, 23, 17, 12) and len(buffer) - start > 2:
        return 5 + buffer[start + 2]
    return {5: 8, 6: 8, 15: 8, 16: 8}.get(function, 0)


_MBAP = struct.Struct(">HHH")
_MBAP_LENGTH_MAX = 254


class TcpReader:
    """Finds the reply to one transaction on a Modbus TCP connection. Answers to other transactions are late:
    skipped and counted.
    """

    __slots__ = ("_buffer", "_request", "_size", "_transaction", "faults", "garbage_bytes", "late")

    def __init__(self, request: Request, transaction: int) -> None:
        self._request = request
        self._transaction = transaction & 0xFFFF
        size = _reply_size(request)
        self._size = size + 7 if size else 0
        self._buffer = bytearray()
        self.garbage_bytes = 0
        self.late = 0
        self.faults: list[str] = []

    def feed(self, data: Bytes) -> Reply | None:
        """The reply once it is whole. Raises the name of why an answer to this transaction is not a good one."""
        if len(data) == self._size and not self._buffer:
            transaction, protocol, length = _MBAP.unpack_from(data)
            if (
                transaction == self._transaction
                and not protocol
                and length == self._size - 6
                and data[6] == self._request.unit
            ):
                with memoryview(data) as view, view[7:] as pdu:
                    return _parse_reply(self._request, pdu)
        return self._search(data)

    def failure(self) -> WireError | None:
        """Why there is no reply, for the caller whose time limit has passed; None: not a byte came."""
        if self._buffer:
            return Truncated(f"{len(self._buffer)} bytes of an answer, then silence")
        if self.garbage_bytes:
            return Malformed(f"{self.garbage_bytes} bytes that are no answer, then silence")
        return None

    def _search(self, data: Bytes) -> Reply | None:
        self._buffer += data
        for transaction, unit, pdu in _mbap_frames(self):
            if transaction != self._transaction:
                self.late += 1
                if len(self.faults) < FAULTS_MAX:
                    self.faults.append("wrong_transaction")
                continue
            if unit != self._request.unit:
                raise WrongUnit(f"asked unit {self._request.unit}, unit {unit} answered")
            return _parse_reply(self._request, pdu)
        return None


def _mbap_frames(reader: Any) -> Iterable[tuple[int, int, bytes]]:
    """Whole frames, taken from the front of the reader's buffer one by one;
    bytes that cannot begin a frame are garbage.
    """
    buffer: bytearray = reader._buffer
    while len(buffer) >= 6:
        transaction, protocol, length = _MBAP.unpack_from(buffer)
        if protocol or not 2 <= length <= _MBAP_LENGTH_MAX:
            del buffer[0]
            reader.garbage_bytes += 1
            continue
        if len(buffer) < 6 + length:
            return
        unit, pdu = buffer[6], bytes(buffer[7 : 6 + length])
        del buffer[: 6 + length]
        yield transaction, unit, pdu


# --- server's side (the simulator) ----------------------------------------------------------------------------------


def encode_reply(request: Request, reply: Reply) -> bytes:
    """Function and data of the good answer; wrap with `rtu_frame` or `tcp_frame`."""
    function = request.function
    if function in (3, 4):
        registers = reply.registers
        return struct.pack(f">BB{len(registers)}H", function, 2 * len(registers), *registers)
    if function in (1, 2):
        packed = pack_bits(reply.bits)
        return bytes((function, len(packed))) + packed
    if function in (5, 6, 15, 16):
        return request_pdu(request)[:5]
    return bytes((function,)) + reply.data


def encode_exception(request: Request, exception: int) -> bytes:
    """Function and data of a refusal; wrap with `rtu_frame` or `tcp_frame`."""
    return bytes((request.function | EXCEPTION_BIT, exception))


def rtu_frame(unit: int, pdu: bytes) -> bytes:
    return _sealed(bytes((unit,)) + pdu)


def tcp_frame(unit: int, pdu: bytes, transaction: int) -> bytes:
    return struct.pack(">HHHB", transaction & 0xFFFF, 0, len(pdu) + 1, unit) + pdu


def parse_request(unit: int, pdu: Bytes) -> Request:
    """Raises Malformed when lengths inside contradict each other."""
    function, size = pdu[0], len(pdu)
    if function in (1, 2, 3, 4, 5, 6) and size == 5:
        address, word = struct.unpack_from(">HH", pdu, 1)
        return Request(unit, function, address, word) if function < 5 else Request(unit, function, address, 1, (word,))
    if function in (15, 16) and size > 6 and size == 6 + pdu[5]:
        address, count = struct.unpack_from(">HH", pdu, 1)
        if function == 16 and pdu[5] == 2 * count:
            return Request(unit, function, address, count, _WORDS_BIG[count](pdu, 6))
        if function == 15 and pdu[5] == (count + 7) // 8:
            return Request(unit, function, address, count, unpack_bits(pdu[6:], count))
    if function in (1, 2, 3, 4, 5, 6, 15, 16):
        raise Malformed(f"function {function} with {size} bytes: counts and lengths contradict each other")
    return Request(unit, function, data=bytes(pdu[1:]))


class RtuServerReader:
    """Finds requests in what a master sends, in pieces or joined."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self.garbage_bytes = 0

    def feed(self, data: Bytes) -> list[Request]:
        """Every whole request, in order; damaged ones are skipped and counted, as a real meter keeps silent on them."""
        buffer = self._buffer
        buffer += data
        found: list[Request] = []
        start = 0
        while len(buffer) - start >= 4:
            request, size = self._at(start)
            if size == 0:
                break
            if request is None:
                self.garbage_bytes += 1
                start += 1
                continue
            found.append(request)
            start += size
        del buffer[:start]
        return found

    def reset(self) -> None:
        """The line was silent: what is left can no longer become a request."""
        self.garbage_bytes += len(self._buffer)
        self._buffer.clear()

    def _at(self, start: int) -> tuple[Request | None, int]:
        """The request that begins here and its length; (None, 0): not whole yet; (None, 1): none begins here."""
        buffer = self._buffer
        left = len(buffer) - start
        size = _request_size(buffer, start)
        if size < 0 or (size > left and size <= FRAME_BYTES_MAX):
            return None, 0
        size = size or left
        frame = bytes(buffer[start : start + size])
        if size > FRAME_BYTES_MAX or crc16(frame):
            return None, 1
        try:
            return parse_request(frame[0], frame[1:-2]), size
        except Malformed:
            return None, 1


def _request_size(buffer: bytearray, start: int) -> int:
    """How long a request beginning here is; 0: the function does not tell, -1: too little is known yet."""
    function, left = buffer[start + 1], len(buffer) - start
    if function in (15, 16):
        return 9 + buffer[start + 6] if left > 6 else -1
    if function == 23:
        return 13 + buffer[start + 10] if left > 10 else -1
    return {1: 8, 2: 8, 3: 8, 4: 8, 5: 8, 6: 8, 8: 8, 22: 10, 7: 4, 11: 4, 12: 4, 17: 4, 43: 7}.get(function, 0)


class TcpServerReader:
    """Finds requests on a Modbus TCP connection: `feed` gives (transaction, request) pairs."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self.garbage_bytes = 0

    def feed(self, data: Bytes) -> list[tuple[int, Request]]:
        self._buffer += data
        found: list[tuple[int, Request]] = []
        for transaction, unit, pdu in _mbap_frames(self):
            try:
                found.append((transaction, parse_request(unit, pdu)))
            except Malformed:
                self.garbage_bytes += 6 + 1 + len(pdu)
        return found


@lru_cache(maxsize=1024)
def read(unit: int, address: int, count: int, function: int = 3) -> Request:
    """Read `count` registers: the request that is asked most."""
    return Request(unit, function, address, count)
