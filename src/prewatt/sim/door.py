"""A Modbus TCP gateway before a serial bus: it asks on the bus for whoever is connected, one question at a time.

Such gateways differ in what they say about a silent meter: some answer exception 0B, some say nothing (`manner`).
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Literal, NamedTuple

from prewatt.field.line.pipe import Lost, Receive
from prewatt.field.wire import modbus
from prewatt.field.wire.errors import ExceptionAnswer, Unencodable, WireError
from prewatt.sim.bus import Bus, SimPipe

QUEUE_MAX = 64
ILLEGAL_VALUE, BUSY, NO_ANSWER = 3, 6, 11
BROADCAST_S = 0.1

Manner = Literal["0b", "silence"]
Send = Callable[[bytes], None]


class _Question(NamedTuple):
    send: Send
    transaction: int
    request: modbus.Request


class Door:
    """The gateway's inside, shared by all its connections. `timeout_s` runs from the end of the question on the bus."""

    def __init__(self, bus: Bus, *, manner: Manner = "0b", timeout_s: float = 0.5) -> None:
        self.bus = bus
        self.manner = manner
        self.timeout_s = timeout_s
        self._queue: deque[_Question] = deque()
        self._asking: _Question | None = None
        self._reader: modbus.RtuReader | None = None
        self._timer: asyncio.TimerHandle | None = None
        bus.listen(self._receive)

    def ask(self, send: Send, transaction: int, request: modbus.Request) -> None:
        """Queue a question; the answer goes to `send`, if there is one."""
        if len(self._queue) >= QUEUE_MAX:
            _refuse(_Question(send, transaction, request), BUSY)
            return
        self._queue.append(_Question(send, transaction, request))
        if self._asking is None:
            self._next()

    def forget(self, send: Send) -> None:
        """This connection is gone: its questions are not asked any more."""
        self._queue = deque(question for question in self._queue if question.send != send)

    def _next(self) -> None:
        self._timer = None
        while self._queue:
            self._asking = question = self._queue.popleft()
            try:
                frame = modbus.rtu_encode(question.request)
            except Unencodable:
                _refuse(question, ILLEGAL_VALUE)
                continue
            self._reader = modbus.RtuReader(question.request)
            end = self.bus.transmit(frame)
            wait_s = BROADCAST_S if question.request.is_broadcast else self.timeout_s
            self._timer = asyncio.get_running_loop().call_at(end + wait_s, self._give_up)
            return
        self._asking = None

    def _receive(self, data: bytes | memoryview) -> None:
        if self._asking is None or self._reader is None:
            return
        try:
            reply = self._reader.feed(data)
        except ExceptionAnswer as refusal:
            _refuse(self._asking, refusal.exception)
        except WireError:
            return  # garbage: the real answer may still come, or the time passes
        else:
            if reply is None:
                return
            _answer(self._asking, modbus.encode_reply(self._asking.request, reply))
        self._after_gap()

    def _give_up(self) -> None:
        if self._asking is not None and self.manner == "0b" and not self._asking.request.is_broadcast:
            _refuse(self._asking, NO_ANSWER)
        self._after_gap()

    def _after_gap(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._reader = None
        loop = asyncio.get_running_loop()
        self._timer = loop.call_at(loop.time() + self.bus.gap_s, self._next)


def _answer(question: _Question, pdu: bytes) -> None:
    question.send(modbus.tcp_frame(question.request.unit, pdu, question.transaction))


def _refuse(question: _Question, exception: int) -> None:
    _answer(question, modbus.encode_exception(question.request, exception))


class DoorPipe:
    """`field.line.pipe.Pipe` to a door of this process: Modbus TCP on whatever loop runs."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._line = SimPipe(door.bus)
        self._reader = modbus.TcpServerReader()
        self._to_master: Receive | None = None

    async def open(self, receive: Receive, lost: Lost) -> None:
        """Raises PipeError while the line is cut."""
        await self._line.open(_ignore, lost)
        self._to_master = receive

    def write(self, data: bytes) -> None:
        for transaction, request in self._reader.feed(data):
            self._door.ask(self._send, transaction, request)

    def close(self) -> None:
        self._to_master = None
        self._door.forget(self._send)
        self._line.close()

    def _send(self, data: bytes) -> None:
        if self._to_master is not None:
            self._to_master(data)


def _ignore(_data: bytes | memoryview) -> None:
    """What goes over the bus is not what goes over the connection."""
