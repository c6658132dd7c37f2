"""The sandbox on a real socket of this machine."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from prewatt.sim.paying.desk import Desk
from prewatt.sim.paying.keys import Keys, make, write
from prewatt.sim.paying.post import Post
from prewatt.sim.paying.talk import Request, Response

HOST = "127.0.0.1"
BODY_MAX = 256 * 1024
TIMEOUT_S = 10.0


class Sandbox(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def __init__(self, *, port: int = 0, keys: Keys | None = None, hurry: float = 1.0) -> None:
        super().__init__((HOST, port), _Handler)
        self.base = f"http://{HOST}:{self.server_address[1]}"
        self.keys = keys or make(now=datetime.now(UTC))
        self.post = Post(hurry=hurry)
        self.desk = Desk(self.keys, self.base, self.post)

    def write_keys(self, path: Path) -> None:
        write(self.keys, self.base, path)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = TIMEOUT_S
    server: Sandbox

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def _answer(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        if not 0 <= length <= BODY_MAX:
            self._write(Response(413))
            self.close_connection = True
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        self._write(self.server.desk.answer(Request(self.command, self.path, headers, self.rfile.read(length))))

    def _write(self, response: Response) -> None:
        self.send_response(response.status)
        for name, value in response.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Type", response.content_type)
        self.send_header("Content-Length", str(len(response.body)))
        self.end_headers()
        self.wfile.write(response.body)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: orders are on the page, and keys belong into no log."""


@contextmanager
def running(*, port: int = 0, keys: Keys | None = None, hurry: float = 1.0) -> Iterator[Sandbox]:
    """Until the end of the block."""
    with Sandbox(port=port, keys=keys, hurry=hurry) as sandbox:
        sandbox.post.start()
        threading.Thread(target=sandbox.serve_forever, name="sandbox", daemon=True).start()
        try:
            yield sandbox
        finally:
            sandbox.shutdown()
            sandbox.post.stop()
