"""A pipe that goes nowhere: what a line does when the other side does anything at all, without a wire."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from prewatt.field.line.pipe import Lost, PipeError, Receive

# What comes back for what was sent: (seconds after the request, bytes), in any number.
Answers = Iterable[tuple[float, bytes]]


class NullPipe:
    """Keeps what was sent; answers by a script, or by hand with `deliver`. Silent without either."""

    def __init__(self, script: Callable[[bytes], Answers] | None = None) -> None:
        self.script = script
        self.sent: list[bytes] = []
        self.refuse: list[Exception] = []  # the next openings fail with these, one each
        self.opened = 0
        self._receive: Receive | None = None
        self._lost: Lost | None = None

    async def open(self, receive: Receive, lost: Lost) -> None:
        if self.refuse:
            raise self.refuse.pop(0)
        self.opened += 1
        self._receive, self._lost = receive, lost

    def write(self, data: bytes) -> None:
        if self._receive is None:
            return
        self.sent.append(data)
        if self.script is not None:
            loop = asyncio.get_running_loop()
            for delay_s, answer in self.script(data):
                loop.call_later(delay_s, self.deliver, answer)

    def deliver(self, data: bytes) -> None:
        """Bytes arrive from the bus, asked for or not."""
        if self._receive is not None:
            self._receive(memoryview(data))

    def cut(self, reason: Exception | None = None) -> None:
        """The pipe breaks."""
        lost, self._receive, self._lost = self._lost, None, None
        if lost is not None:
            lost(reason or PipeError("cut"))

    def close(self) -> None:
        self._receive = self._lost = None
