"""A pipe carries bytes to and from one bus. The port between our line and the world: serial, TCP, or a fake.

A pipe never waits, retries or understands; the line above it does. Everything happens on the running event loop.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

Receive = Callable[[bytes | memoryview], None]
Lost = Callable[[Exception | None], None]


class PipeError(OSError):
    """The pipe could not be opened. The message says what to check; trying again later may help."""


class Pipe(Protocol):
    """Bytes to a bus and back. One owner; open again after it was lost or closed."""

    async def open(self, receive: Receive, lost: Lost) -> None:
        """Open, or raise an OSError (PipeError) saying why not.

        `receive` gets bytes as they come, in order; a memoryview is valid only during the call.
        `lost` is called once when the pipe breaks by itself, with the reason if there is one; never after `close`.
        """

    def write(self, data: bytes) -> None:
        """Hand the bytes over at once and in full. On a pipe that is not open they are dropped: `lost` has told why."""

    def close(self) -> None:
        """Close without a further call-back. Closing twice is once."""
