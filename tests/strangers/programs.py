"""Starts strangers: each ends with its `with`, and when this process dies."""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

HERE = Path(__file__).parent


@contextlib.contextmanager
def _started(command: list[str]) -> Iterator[str]:
    """Started, and its first line of output read."""
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        line = process.stdout.readline().strip()
        assert line, f"{command} said nothing"
        yield line
    finally:
        process.stdin.close()
        try:
            process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()


@contextlib.contextmanager
def pymodbus_server(units: dict[int, dict[int, int]], framer: str = "socket") -> Iterator[int]:
    """A pymodbus server on 127.0.0.1 (`framer` socket or rtu); its port."""
    script = str(HERE / "pymodbus_server.py")
    with _started([sys.executable, script, framer, json.dumps(units)]) as port:
        yield int(port)


@contextlib.contextmanager
def libmodbus_server(*arguments: str, folder: Path) -> Iterator[str]:
    """Our C program on Debian's libmodbus: its port, or `ready`. See libmodbus_server.c for its bad manners."""
    with _started([str(_built(folder)), *arguments]) as line:
        yield line


def _built(folder: Path) -> Path:
    """Compiled once a folder. Skips where the Debian packages are missing; `./run test` installs them."""
    program = folder / "libmodbus_server"
    if not program.exists():
        if shutil.which("gcc") is None or not Path("/usr/include/modbus/modbus.h").exists():
            pytest.skip("needs gcc and libmodbus-dev")
        command = ["gcc", "-Wall", "-Werror", "-O1", "-I/usr/include/modbus", str(HERE / "libmodbus_server.c")]
        subprocess.run([*command, "-o", str(program), "-lmodbus"], check=True)
    return program


@contextlib.contextmanager
def serial_cable(folder: Path) -> Iterator[tuple[Path, Path]]:
    """Two pseudo-terminals joined by socat: a serial cable without the serial."""
    if shutil.which("socat") is None:
        pytest.skip("needs socat")
    place = Path(tempfile.mkdtemp(dir=folder))
    ends = place / "near", place / "far"
    process = subprocess.Popen(["socat", *(f"pty,raw,echo=0,link={end}" for end in ends)])
    try:
        for _ in range(200):
            if all(end.exists() for end in ends):
                break
            time.sleep(0.01)
        yield ends
    finally:
        process.terminate()
        process.wait(timeout=5)
