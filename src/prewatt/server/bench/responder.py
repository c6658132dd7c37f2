"""A Modbus TCP device that costs next to nothing: every unit answers every read at once, from one image in memory.

Run as a process of its own (`python -m prewatt.server.bench.responder IMAGE_HEX ADDRESS`), so that its CPU is not
counted as anybody's. Prints the port; ends when its standard input closes.
"""

from __future__ import annotations

import asyncio
import struct
import sys

_REQUEST = struct.Struct(">HHHBBHH")
_BUFFER_BYTES = 64 * 1024


class _Responder(asyncio.BufferedProtocol):
    def __init__(self, image: bytes, address: int) -> None:
        self._image, self._address = image, address
        self._view = memoryview(bytearray(_BUFFER_BYTES))
        self._kept = 0
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002
        return self._view[self._kept :]

    def buffer_updated(self, nbytes: int) -> None:
        view, image, size, at = self._view, self._image, self._kept + nbytes, 0
        answers = []
        while size - at >= _REQUEST.size:
            transaction, _, _, unit, function, address, count = _REQUEST.unpack_from(view, at)
            at += _REQUEST.size
            start = 2 * (address - self._address)
            header = struct.pack(">HHHBBB", transaction, 0, 3 + 2 * count, unit, function, 2 * count)
            answers.append(header + image[start : start + 2 * count])
        view[: size - at] = view[at:size]
        self._kept = size - at
        assert self._transport is not None
        self._transport.write(b"".join(answers))


async def serve(image: bytes, address: int) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Responder(image, address), "127.0.0.1", 0, backlog=1024)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    await reader.read()  # until whoever started us is gone
    server.close()


if __name__ == "__main__":
    asyncio.run(serve(bytes.fromhex(sys.argv[1]), int(sys.argv[2])))
