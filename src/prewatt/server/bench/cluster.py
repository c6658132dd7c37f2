"""A PostgreSQL cluster of our own in a temporary folder. It starts in about a second and ends with its owner.

For benchmarks and tests: what is measured here is never a shared server, and nothing stays behind.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

BINARIES = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)


class Cluster:
    """`url("name")` is what PREWATT_DATABASE takes. Stop and start it at will; `close` removes everything."""

    def __init__(self, *, durable: bool = False) -> None:
        if not BINARIES:
            raise RuntimeError("PostgreSQL is not installed: apt-get install postgresql (./run test does it)")
        self._bin = BINARIES[0]
        self._durable = durable
        self.folder = Path(tempfile.mkdtemp(prefix="prewatt-pg-"))
        self.port = _free_port()
        if os.getuid() == 0:
            shutil.chown(self.folder, "postgres", "postgres")
        data = self.folder / "data"
        self.call("initdb", "-D", str(data), "-U", "prewatt", "-A", "trust", "-E", "UTF8", "--locale=C", "-N")
        self.start()

    def call(self, program: str, *arguments: str, seconds_max: float = 60) -> str:
        """Run one of PostgreSQL's own programs and return what it prints. Raises RuntimeError with that text."""
        command = [str(self._bin / program), *arguments]
        if os.getuid() == 0:  # PostgreSQL refuses to run as root
            command = ["runuser", "-u", "postgres", "--", *command]
        # To a file: a server started by pg_ctl keeps its output open, and a pipe would never end.
        with tempfile.TemporaryFile("w+") as printed:
            done = subprocess.run(  # noqa: S603  our own programs and arguments
                command,
                cwd="/",
                check=False,
                stdin=subprocess.DEVNULL,
                stdout=printed,
                stderr=subprocess.STDOUT,
                timeout=seconds_max,
            )
            printed.seek(0)
            text = printed.read()
        if done.returncode:
            raise RuntimeError(f"{program} failed:\n{text}")
        return text

    def start(self) -> None:
        options = (
            f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={self.folder}"
            " -c max_connections=60"
        )
        if not self._durable:
            options += " -c fsync=off -c synchronous_commit=off -c full_page_writes=off"
        log = str(self.folder / "log")
        self.call("pg_ctl", "-D", str(self.folder / "data"), "-w", "-t", "30", "-l", log, "-o", options, "start")

    def stop(self, mode: str = "fast") -> None:
        """`immediate` is the power cut: no checkpoint, the log is replayed at the next start."""
        self.call("pg_ctl", "-D", str(self.folder / "data"), "-w", "-t", "30", "-m", mode, "stop")

    def url(self, name: str = "postgres") -> str:
        return f"postgresql://prewatt@127.0.0.1:{self.port}/{name}"

    def create(self, name: str) -> str:
        self.call("createdb", "-h", "127.0.0.1", "-p", str(self.port), "-U", "prewatt", name)
        return self.url(name)

    def close(self) -> None:
        with suppress(RuntimeError):  # it may be stopped already
            self.stop("immediate")
        shutil.rmtree(self.folder, ignore_errors=True)


@contextmanager
def cluster(*, durable: bool = False) -> Iterator[Cluster]:
    """`durable=True` waits for the disk as a real site does; the others need speed only."""
    own = Cluster(durable=durable)
    try:
        yield own
    finally:
        own.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
