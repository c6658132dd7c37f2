"""What differs between the protocols on a line: how a request becomes bytes, what tells its answer from another's."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, Literal, Protocol

from prewatt.field.wire import dlt645, modbus

Framing = Literal["rtu", "tcp", "dlt645"]
_ECHOED = frozenset({5, 6, 15, 16})
_RTU_OVERHEAD_BYTES = 5
_DLT_ANSWER_BYTES = 40  # wake-up bytes, frame, identifier and the longest block in use, five energies


class Reader(Protocol):
    """Finds the answer to one request in what arrives (prewatt.field.wire)."""

    garbage_bytes: int
    faults: list[str]

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


class TcpCodec:
    """Modbus TCP: every request has a number and its answer repeats it, so a late answer is nobody's."""

    stall_s = 0.1
    shared_wire = False

    def __init__(self) -> None:
        self._transaction = 0

    def start(self, request: modbus.Request) -> tuple[bytes, Reader]:
        self._transaction = transaction = self._transaction % 0xFFFF + 1
        return modbus.tcp_encode(request, transaction), modbus.TcpReader(request, transaction)

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
