"""Real `prewatt` processes for tests: started, found by their session, ended by their own ids only."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

from prewatt.server.processes import die_with_parent

WAIT_S = 120


def wait_for(condition: Callable[[], object], what: str, *, seconds: float = WAIT_S) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.1)


def start(data: Path, *arguments: str, prewatt: tuple[str, ...] = (), **settings: str) -> subprocess.Popen[bytes]:
    """A session of its own: Ctrl-C at the test's terminal does not reach it, and its processes are found again."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PREWATT_")}
    data.mkdir(parents=True, exist_ok=True)
    test = os.getpid()
    with (data.parent / f"{data.name}.out").open("ab") as out:
        return subprocess.Popen(
            [*(prewatt or (sys.executable, "-m", "prewatt.server.cli")), *arguments],
            env=clean | {"PREWATT_DATA": str(data)} | settings,
            cwd=data.parent,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
            preexec_fn=lambda: die_with_parent(test),  # noqa: PLW1509 - so that it ends with a killed test run
        )


def of_session(leader: int) -> dict[int, str]:
    """Living processes of the session that this process leads: pid -> command line."""
    return {pid: line for pid, (_parent, session, line) in _living().items() if session == leader}


def children(parent: int) -> dict[int, str]:
    return {pid: line for pid, (its_parent, _session, line) in _living().items() if its_parent == parent}


def _living() -> dict[int, tuple[int, int, str]]:
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            state, parent, _group, session = (folder / "stat").read_text().rsplit(")", 1)[1].split()[:4]
            line = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except (FileNotFoundError, ProcessLookupError):
            continue
        if state != "Z":
            found[int(folder.name)] = (int(parent), int(session), line)
    return found


def end(process: subprocess.Popen[bytes], how: signal.Signals = signal.SIGINT) -> int:
    process.send_signal(how)
    return process.wait(30)


def sweep(process: subprocess.Popen[bytes]) -> None:
    """Whatever the test left of this session."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)
    for pid in of_session(process.pid):
        os.kill(pid, signal.SIGKILL)


def status(url: str) -> int:
    """The HTTP status, 0 while nobody answers."""
    try:
        with urllib.request.urlopen(url, timeout=10) as response:
            return int(response.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0
