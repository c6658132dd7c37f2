"""A pipe over TCP: a Modbus TCP device, or a serial server that passes bytes through (RTU-over-TCP)."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from typing import cast

from prewatt.field.line.pipe import Lost, PipeError, Receive

OPEN_S_MAX = 5.0
_BUFFER_SIZE = 512  # two frames; what comes beyond is read in the next turn
_KEEPALIVE = (("TCP_KEEPIDLE", 20), ("TCP_KEEPINTVL", 5), ("TCP_KEEPCNT", 3))


class _Socket(asyncio.BufferedProtocol):
    """Reads into a buffer of its own: three times cheaper than `asyncio.Protocol`, which makes bytes of packets."""

    def __init__(self, receive: Receive, lost: Lost) -> None:
        self._view = memoryview(bytearray(_BUFFER_SIZE))
        self._receive, self._lost = receive, lost
        self.transport: asyncio.Transport | None = None
        self._reason: Exception | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's is none by name

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002
        return self._view

    def buffer_updated(self, nbytes: int) -> None:
        self._receive(self._view[:nbytes])

    def pause_writing(self) -> None:
        # Requests are a few bytes and wait for answers: a full buffer means that the other side stopped reading.
        self._reason = PipeError("the other side no longer takes requests")
        if self.transport is not None:
            self.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self.transport = None
        self._lost(self._reason or exc)

    def detach(self) -> None:
        """No call-back from here on; what still arrives is dropped."""
        self._receive = lambda _data: None
        self._lost = lambda _error: None


class TcpPipe:
    """One TCP connection. Opening gives up after OPEN_S_MAX seconds."""

    def __init__(self, host: str, port: int) -> None:
        self._host, self._port = host, port
        self._socket: _Socket | None = None

    async def open(self, receive: Receive, lost: Lost) -> None:
        self.close()
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(OPEN_S_MAX):
                _, protocol = await loop.create_connection(lambda: _Socket(receive, lost), self._host, self._port)
        except TimeoutError as error:
            raise PipeError(
                f"{self} did not take the connection within {OPEN_S_MAX:g} s; is it powered and reachable?"
            ) from error
        except OSError as error:
            raise PipeError(f"{self} cannot be reached: {error.strerror or error}") from error
        self._socket = protocol
        assert protocol.transport is not None
        _keep_alive(protocol.transport.get_extra_info("socket"))

    def write(self, data: bytes) -> None:
        if self._socket is not None and self._socket.transport is not None:
            self._socket.transport.write(data)

    def close(self) -> None:
        if self._socket is not None:
            self._socket.detach()
            if self._socket.transport is not None:
                self._socket.transport.abort()  # close() would first send what is buffered: a request nobody waits for
            self._socket = None

    def __str__(self) -> str:
        return f"{self._host}:{self._port}"


def _keep_alive(sock: socket.socket | None) -> None:
    """A peer that lost its power is noticed within a minute, not after two hours."""
    if sock is None:
        return
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, seconds in _KEEPALIVE:
            if hasattr(socket, name):
                sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), seconds)
