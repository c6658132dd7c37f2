"""DL/T 645-2007: frames to facts and back. No I/O, no clock.

    [FE ×0–4]  68  A0…A5  68  C  L  DATA  CS  16

The address is twelve decimal digits, lowest byte first; `AA` in a byte stands for any. Every byte of DATA travels
plus 33H. CS is the
sum of all bytes from the first 68 to the last of DATA. C: D7 from the meter, D6 an error word, D5 another frame
follows, D4–D0 the function.
Identifiers and numbers are lowest byte first. Wake-up bytes FE belong to no checksum; some meters send them, some
need them.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Protocol

import msgspec

from prewatt.field.wire.errors import (
    ChecksumMismatch,
    ErrorAnswer,
    Malformed,
    Truncated,
    Unencodable,
    WireError,
    WrongFunction,
    WrongIdentifier,
    WrongLength,
    WrongUnit,
)

START, END, SHIFT = 0x68, 0x16, 0x33
DATA_BYTES_MAX = 200
FRAME_BYTES_MAX = 12 + DATA_BYTES_MAX
BUFFER_BYTES_MAX = 2 * FRAME_BYTES_MAX
FAULTS_MAX = 16
ANY = "AAAAAAAAAAAA"
BROADCAST = "999999999999"

SECURITY, BROADCAST_TIME, READ, READ_MORE, READ_ADDRESS, WRITE, CONTROL = 0x03, 0x08, 0x11, 0x12, 0x13, 0x14, 0x1C
FROM_METER, REFUSED, MORE, FUNCTION = 0x80, 0x40, 0x20, 0x1F

COMMANDS = {
    "switch_off": 0x1A,  # 跳闸
    "switch_on_allowed": 0x1B,  # 合闸允许: a person closes with the button
    "switch_on": 0x1C,  # 直接合闸
    "remind": 0x1D,  # 预跳闸, closes again by itself
    "alarm": 0x2A,
    "alarm_off": 0x2B,
    "hold": 0x3A,  # 保电
    "release": 0x3B,  # 保电解除
}
# of the error word; the meanings from 08H up differ between documents
ERROR_BITS = ("other", "no_data", "password", "baud_rate", "year_zones", "day_slots", "rates")

Bytes = bytes | bytearray | memoryview


class Frame(msgspec.Struct, frozen=True):
    """A sound frame. `data` is after subtracting 33H, as sent (lowest byte first)."""

    address: str
    control: int
    data: bytes = b""

    @property
    def function(self) -> int:
        return self.control & FUNCTION


class Read(msgspec.Struct, frozen=True):
    """Read one data identifier. A reply with `more` is continued by ReadMore with sequence 1, 2, …"""

    address: str
    di: int

    def frame(self) -> Frame:
        return Frame(self.address, READ, self.di.to_bytes(4, "little"))


class ReadMore(msgspec.Struct, frozen=True):
    address: str
    di: int
    sequence: int

    def frame(self) -> Frame:
        return Frame(self.address, READ_MORE, self.di.to_bytes(4, "little") + bytes((self.sequence,)))


class ReadAddress(msgspec.Struct, frozen=True):
    """Who is there? One meter on the line only."""

    address: str = ANY

    def frame(self) -> Frame:
        return Frame(self.address, READ_ADDRESS)


class Access(msgspec.Struct, frozen=True):
    """Who writes: password level and digits, and the operator's code."""

    level: int = 2
    password: str = "000000"  # noqa: S105 - what meters leave the factory with; a site gives its own
    operator: str = "00000000"

    def bytes(self) -> bytes:
        return bytes((self.level,)) + bytes.fromhex(self.password)[::-1] + bytes.fromhex(self.operator)[::-1]


class Write(msgspec.Struct, frozen=True):
    """Write one identifier; `value` as sent (lowest byte first)."""

    address: str
    di: int
    value: bytes
    access: Access = Access()

    def frame(self) -> Frame:
        return Frame(self.address, WRITE, self.di.to_bytes(4, "little") + self.access.bytes() + self.value)


class Control(msgspec.Struct, frozen=True):
    """Switching.

    `expires` is the meter's local time (year, month, day, hour, minute, second) after which it must not act.
    """

    address: str
    command: str
    expires: tuple[int, int, int, int, int, int]
    access: Access = Access()

    def frame(self) -> Frame:
        year, month, day, hour, minute, second = self.expires
        expiry = bytes(_bcd(part) for part in (second, minute, hour, day, month, year % 100))
        if self.command not in COMMANDS:
            raise Unencodable(f"{self.command!r} is none of {', '.join(COMMANDS)}")
        return Frame(self.address, CONTROL, self.access.bytes() + bytes((COMMANDS[self.command], 0)) + expiry)


class BroadcastTime(msgspec.Struct, frozen=True):
    """Set every meter's clock by at most five minutes. Nobody answers."""

    at: tuple[int, int, int, int, int, int]
    address: str = BROADCAST

    def frame(self) -> Frame:
        year, month, day, hour, minute, second = self.at
        return Frame(
            self.address, BROADCAST_TIME, bytes(_bcd(part) for part in (second, minute, hour, day, month, year % 100))
        )


class Secure(msgspec.Struct, frozen=True):
    """A prepaid function (03H). `payload` comes sealed from a CipherProvider:
    what real meters want here is not public.
    """

    address: str
    di: int
    payload: bytes
    operator: str = "00000000"

    def frame(self) -> Frame:
        data = self.di.to_bytes(4, "little") + bytes.fromhex(self.operator) + self.payload
        return Frame(self.address, SECURITY, data)


Request = Read | ReadMore | ReadAddress | Write | Control | BroadcastTime | Secure


class Reply(msgspec.Struct, frozen=True):
    """A good answer. `data` is what follows the identifier (or all of it where there is none)."""

    address: str
    control: int
    di: int | None
    data: bytes
    more: bool


def _bcd(number: int) -> int:
    return number // 10 << 4 | number % 10


# --- frames ---------------------------------------------------------------------------------------------------------


def encode(request: Request, wake: int = 4) -> bytes:
    """The request as it goes on the line, after `wake` bytes FE. Raises Unencodable."""
    try:
        return b"\xfe" * wake + encode_frame(request.frame())
    except (ValueError, OverflowError) as error:
        raise Unencodable(f"{request}: {error}") from None


def encode_frame(frame: Frame) -> bytes:
    """Raises Unencodable."""
    try:
        address = bytes.fromhex(frame.address)[::-1]
    except ValueError:
        raise Unencodable(f"address {frame.address!r}: twelve digits, or A for any") from None
    if len(address) != 6 or len(frame.data) > DATA_BYTES_MAX:
        raise Unencodable(f"address {frame.address!r} with {len(frame.data)} bytes does not fit into a frame")
    body = bytes((START, *address, START, frame.control, len(frame.data), *((b + SHIFT) & 0xFF for b in frame.data)))
    return body + bytes((sum(body) & 0xFF, END))


def find(buffer: Bytes, start: int = 0) -> tuple[int, int] | None:
    """The first place from `start` where a frame may begin: (offset, size); size 0: too little is known yet.

    None: nowhere.
    """
    end = len(buffer)
    for at in range(start, end):
        if buffer[at] != START:
            continue
        if at + 8 > end or (buffer[at + 7] == START and at + 10 > end):
            return at, 0
        if buffer[at + 7] == START and buffer[at + 9] <= DATA_BYTES_MAX:
            size = 12 + buffer[at + 9]
            if at + size > end or buffer[at + size - 1] == END:
                return at, size
    return None


def decode_frame(data: Bytes) -> Frame:
    """Exactly one whole frame. Raises ChecksumMismatch."""
    if data[-2] != (computed := sum(data[:-2]) & 0xFF):
        raise ChecksumMismatch(f"the sum is {computed:02X}, the frame says {data[-2]:02X}")
    payload = bytes((byte - SHIFT) & 0xFF for byte in data[10:-2])
    return Frame(bytes(data[6:0:-1]).hex().upper(), data[8], payload)


class _Finder:
    """Takes frames out of a stream; damaged ones are named, garbage is counted, at most two frames are kept."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self.garbage_bytes = 0
        self.faults: list[str] = []

    def failure(self) -> WireError | None:
        """Why there is no reply, for the caller whose time limit has passed; None: not a byte came."""
        if self._buffer:
            return Truncated(f"{len(self._buffer)} bytes of an answer, then silence")
        if self.garbage_bytes:
            return Malformed(f"{self.garbage_bytes} bytes that are no answer, then silence")
        return None

    def _frames(self, data: Bytes) -> list[Frame | WireError]:
        """Every whole frame, sound or damaged, in order.

        A beginning that is not whole does not hide a sound frame behind it.
        """
        buffer = self._buffer
        buffer += data
        found: list[Frame | WireError] = []
        at, waiting = 0, -1
        while (place := find(buffer, at)) is not None:
            start, size = place
            if not size or start + size > len(buffer):
                waiting = start if waiting < 0 else waiting
                at = start + 1
                continue
            frame = self._decoded(bytes(buffer[start : start + size]))
            if isinstance(frame, WireError) and waiting >= 0:
                at = start + 1
                continue
            found.append(frame)
            taken = start + (1 if isinstance(frame, WireError) else size)
            self._forget(start if waiting < 0 else waiting)
            del buffer[: taken - (start if waiting < 0 else waiting)]
            at, waiting = 0, -1
        keep = min(len(buffer) - waiting, BUFFER_BYTES_MAX) if waiting >= 0 else 0
        self._forget(len(buffer) - keep)
        return found

    def _decoded(self, data: bytes) -> Frame | WireError:
        try:
            return decode_frame(data)
        except WireError as error:
            self._note(error)
            return error

    def _forget(self, size: int) -> None:
        if size > 0:
            wake = bytes(self._buffer[:size]).count(0xFE)
            self.garbage_bytes += size - wake
            del self._buffer[:size]

    def _note(self, error: WireError) -> None:
        if len(self.faults) < FAULTS_MAX:
            self.faults.append(error.code)


class Reader(_Finder):
    """Finds the reply to one request in what a line delivers. After an error it goes on looking."""

    def __init__(self, request: Request) -> None:
        super().__init__()
        self._request = request
        self._sent = request.frame()

    def feed(self, data: Bytes) -> Reply | None:
        """The reply once it is whole. Raises the name of what is wrong with the answer that came."""
        first: WireError | None = None
        for frame in self._frames(data):
            if isinstance(frame, WireError):
                first = first or frame
                continue
            if frame == self._sent:
                continue  # the converter echoes
            try:
                return self._reply(frame)
            except ErrorAnswer:
                raise
            except WireError as error:
                self._note(error)
                first = first or error
        if first is not None:
            raise first
        return None

    def _reply(self, frame: Frame) -> Reply:
        if not _same_address(self._sent.address, frame.address):
            raise WrongUnit(f"asked {self._sent.address}, {frame.address} answered")
        if not frame.control & FROM_METER or frame.function != self._sent.function:
            raise WrongFunction(f"asked {self._sent.control:02X}, answered {frame.control:02X}")
        if frame.control & REFUSED:
            raise error_answer(frame)
        more = bool(frame.control & MORE)
        asked = getattr(self._request, "di", None)
        if asked is None or (not frame.data and isinstance(self._request, Write | Control | Secure)):
            return Reply(frame.address, frame.control, None, frame.data, more)
        if len(frame.data) < 4:
            raise WrongLength(f"{len(frame.data)} bytes cannot hold an identifier")
        di = int.from_bytes(frame.data[:4], "little")
        if di != asked:
            raise WrongIdentifier(f"asked {asked:08X}, answered {di:08X}")
        return Reply(frame.address, frame.control, di, frame.data[4:], more)


def _same_address(asked: str, answered: str) -> bool:
    return asked == answered or ("A" in asked and all(a in (b, "A") for a, b in zip(asked, answered, strict=True)))


def error_answer(frame: Frame) -> ErrorAnswer:
    """The refusal in an answer whose control byte has the error bit."""
    word = frame.data[0] if frame.data else 0
    return ErrorAnswer(word, tuple(name for bit, name in enumerate(ERROR_BITS) if word >> bit & 1))


# --- meter's side (the simulator) -----------------------------------------------------------------------------------


class ServerReader(_Finder):
    """Finds requests in what a master sends;
    damaged ones are skipped and counted, as a real meter keeps silent on them.
    """

    def feed(self, data: Bytes) -> list[Frame]:
        return [frame for frame in self._frames(data) if isinstance(frame, Frame) and not frame.control & FROM_METER]


def reply(frame: Frame, address: str, data: bytes = b"", *, more: bool = False) -> bytes:
    """The good answer of the meter `address`; for reads `data` begins with the identifier."""
    return encode_frame(Frame(address, frame.function | FROM_METER | (MORE if more else 0), data))


def refusal(frame: Frame, address: str, word: int) -> bytes:
    """The answer with an error word (see ERROR_BITS)."""
    return encode_frame(Frame(address, frame.function | FROM_METER | REFUSED, bytes((word,))))


# --- state word 3 ---------------------------------------------------------------------------------------------------


def state_word_3(word: int) -> dict[str, int]:
    """04000503: four independent code bases agree on these bits. Relay state and relay command are two facts."""
    return {
        "relay_closed": 1 - (word >> 4 & 1),
        "relay_command": 1 - (word >> 6 & 1),
        "reminder_trip": word >> 7 & 1,
        "prepaid_kind": word >> 8 & 3,  # 0 not prepaid, 1 energy, 2 money
        "hold": word >> 12 & 1,
        "authenticated": word >> 13 & 1,
        "opened_locally": word >> 14 & 1,
        "opened_remotely": word >> 15 & 1,
    }


# --- 03H: prepaid functions behind a cipher -------------------------------------------------------------------------


class CipherProvider(Protocol):
    """Seals and opens the payload of 03H.

    Real meters keep the keys in a security chip: whoever owns the master's cipher machine writes one of these for it.
    """

    def seal(self, address: str, di: int, payload: bytes) -> bytes: ...

    def open(self, address: str, di: int, sealed: bytes) -> bytes:
        """Raises Malformed when the seal does not fit."""
        ...


class ToyKey:
    """NOT FOR METERS. A key that everybody knows, so that the simulator and tests can walk the 03H path.

    sealed = payload ‖ first 4 bytes of HMAC-SHA256(key, address ‖ identifier ‖ payload),
    key = SHA-256("prewatt toy key").
    """

    _KEY = hashlib.sha256(b"prewatt toy key").digest()

    def seal(self, address: str, di: int, payload: bytes) -> bytes:
        return payload + self._mac(address, di, payload)

    def open(self, address: str, di: int, sealed: bytes) -> bytes:
        payload, mac = sealed[:-4], sealed[-4:]
        if not hmac.compare_digest(mac, self._mac(address, di, payload)):
            raise Malformed("03H: the seal does not fit; nothing was believed")
        return payload

    def _mac(self, address: str, di: int, payload: bytes) -> bytes:
        message = bytes.fromhex(address) + di.to_bytes(4, "little") + payload
        return hmac.digest(self._KEY, message, "sha256")[:4]
