"""What differs between the protocols on a line: how a request becomes bytes, what tells its answer from another's."""

from __future__ import annotations

import struct
from collections.abc import Hashable
from typing import Any, Literal, Protocol

from prewatt.field.wire import dlt645, modbus

Framing = Literal["rtu", "tcp", "dlt645"]
_ECHOED = frozenset({5, 6, 15, 16})
_RTU_OVERHEAD_BYTES = 5
_DLT_ANSWER_BYTES = 40  # wake-up bytes, frame, identifier and the longest block in use, five energies
_DLT_ADDRESS_BYTES = 22  # six digit pairs, and four bytes that wake the line


_KNOWN_MAX = 4096
_NUMBER = struct.Struct(">H").pack


class Reader(Protocol):
    """Finds the answer to one request in what arrives (prewatt.field.wire)."""

    @property
    def garbage_bytes(self) -> int: ...

    @property
    def faults(self) -> list[str]: ...

    def feed(self, data: bytes | bytearray | memoryview, /) -> Any: ...

    def failure(self) -> Exception | None: ...


class Codec(Protocol):
    """One protocol on a line."""

    stall_s: float  # an answer under way whose next byte does not come for so long has ended
    shared_wire: bool  # every answer can be heard by every request: quiet gaps, late answers, one speaker at a time

    def start(self, request: Any) -> tuple[bytes, Reader]:
        """The bytes to send now, and the reader that will know the answer."""

    def likeness(self, request: Any) -> Hashable:
        """Equal for two requests whose answers cannot be told apart by what is in them."""

    def who(self, request: Any) -> Hashable:
        """The device that answers."""

    def refusal_likeness(self, request: Any) -> Hashable:
        """Equal for two requests whose refusals cannot be told apart."""

    def answer_bytes(self, request: Any) -> int:
        """How long the good answer is; an upper estimate where only the answer tells."""


class RtuCodec:
    """Modbus RTU: no transaction number; an answer shows its unit, its function and how long it is, nothing else."""

    stall_s = 0.1
    shared_wire = True

    def start(self, request: modbus.Request) -> tuple[bytes, Reader]:
        return modbus.rtu_encode(request), modbus.RtuReader(request)

    def likeness(self, request: modbus.Request) -> Hashable:
        if request.function in _ECHOED:
            return request.unit, request.function, request.address, len(request.values), request.values[:1]
        return request.unit, request.function, self.answer_bytes(request)

    def who(self, request: modbus.Request) -> Hashable:
        return request.unit

    def refusal_likeness(self, request: modbus.Request) -> Hashable:
        return request.unit, request.function

    def answer_bytes(self, request: modbus.Request) -> int:
        if request.function in (3, 4):
            return _RTU_OVERHEAD_BYTES + 2 * request.count
        if request.function in (1, 2):
            return _RTU_OVERHEAD_BYTES + (request.count + 7) // 8
        return 8 if request.function in _ECHOED else modbus.FRAME_BYTES_MAX


class _Known:
    """What repeats of one request and its usual answer, all but the number."""

    __slots__ = ("answer", "function", "request", "size", "unit", "unpack")

    def __init__(self, request: modbus.Request) -> None:
        self.request = modbus.tcp_encode(request, 0)[2:]
        self.unit, self.function = request.unit, request.function
        is_block = request.function in (3, 4)
        count = request.count if is_block else 0
        self.size = 9 + 2 * count if is_block else 0
        self.answer = struct.pack(">HHBBB", 0, 3 + 2 * count, request.unit, request.function, 2 * count)
        self.unpack = struct.Struct(f">{count}H").unpack_from


class _NumberedAnswer:
    """The reader of Modbus TCP, used again for every request.

    The usual answer (a block of registers, whole, at once) is told by its first nine bytes; for everything else the
    patient reader is called in.
    """

    __slots__ = ("_known", "_number", "_request", "_transaction", "patient")

    def __init__(self) -> None:
        self.patient: modbus.TcpReader | None = None  # called in for what is not the usual answer

    def expect(self, request: modbus.Request, transaction: int, number: bytes, known: _Known) -> None:
        self._request, self._transaction, self._number, self._known = request, transaction, number, known
        self.patient = None

    def feed(self, data: bytes | bytearray | memoryview, /) -> modbus.Reply | None:
        if self.patient is None:
            known = self._known
            if len(data) == known.size and data[:2] == self._number and data[2:9] == known.answer:
                return modbus.Reply(known.unit, known.function, known.unpack(data, 9))
            self.patient = modbus.TcpReader(self._request, self._transaction)
        return self.patient.feed(data)

    def failure(self) -> Exception | None:
        return None if self.patient is None else self.patient.failure()

    @property
    def faults(self) -> list[str]:
        return [] if self.patient is None else self.patient.faults

    @property
    def garbage_bytes(self) -> int:
        return 0 if self.patient is None else self.patient.garbage_bytes


class TcpCodec:
    """Modbus TCP: every request has a number and its answer repeats it, so a late answer is nobody's."""

    stall_s = 0.1
    shared_wire = False

    def __init__(self) -> None:
        self._transaction = 0
        self._answer = _NumberedAnswer()  # one at a time, so one is enough
        self._known: dict[int, tuple[modbus.Request, _Known]] = {}  # by id, which is cheaper than a hash of all fields

    def start(self, request: modbus.Request) -> tuple[bytes, _NumberedAnswer]:
        self._transaction = transaction = self._transaction % 0xFFFF + 1
        kept = self._known.get(id(request))
        known = kept[1] if kept is not None and kept[0] is request else self._learn(request)
        number = _NUMBER(transaction)
        answer = self._answer
        answer.expect(request, transaction, number, known)
        return number + known.request, answer

    def _learn(self, request: modbus.Request) -> _Known:
        if len(self._known) >= _KNOWN_MAX:
            self._known.clear()
        known = _Known(request)
        self._known[id(request)] = request, known  # keeps the request alive, so its id stays its own
        return known

    def likeness(self, request: modbus.Request) -> Hashable:
        return id(request)

    def who(self, request: modbus.Request) -> Hashable:
        return request.unit

    def refusal_likeness(self, request: modbus.Request) -> Hashable:
        return id(request)

    def answer_bytes(self, request: modbus.Request) -> int:  # noqa: ARG002
        return modbus.FRAME_BYTES_MAX


class Dlt645Codec:
    """DL/T 645-2007: an answer shows its meter, and a read shows what was read; a doubled or late one can still pass
    for the answer to the same question.
    """

    stall_s = 0.5  # the standard lets a meter pause so long between two bytes
    shared_wire = True

    def start(self, request: dlt645.Request) -> tuple[bytes, Reader]:
        return dlt645.encode(request), dlt645.Reader(request)

    def likeness(self, request: dlt645.Request) -> Hashable:
        return request.address, type(request), getattr(request, "di", None)

    def who(self, request: dlt645.Request) -> Hashable:
        return request.address

    def refusal_likeness(self, request: dlt645.Request) -> Hashable:
        return request.address, type(request)

    def answer_bytes(self, request: dlt645.Request) -> int:
        if isinstance(request, dlt645.ReadAddress):
            return _DLT_ADDRESS_BYTES
        return _DLT_ANSWER_BYTES if isinstance(request, dlt645.Read) else dlt645.FRAME_BYTES_MAX


def codec_for(framing: Framing) -> Codec:
    """The codec of this framing, fresh: transaction numbers belong to one line."""
    if framing == "rtu":
        return RtuCodec()
    if framing == "tcp":
        return TcpCodec()
    if framing == "dlt645":
        return Dlt645Codec()
    raise ValueError(f"there is no framing {framing!r}; there are rtu, tcp and dlt645")
