"""One process tree: start children, restart the dead with back-off, end everything cleanly.

Each child leads its own process group, so Ctrl-C at the terminal reaches the supervisor alone, which then ends its
children in good order. If the supervisor itself is killed, the kernel tells the children (`die_with_parent`).
The supervisor has no threads and waits for signals only: a child's death, a request to stop, or the next turn.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from prewatt.server.processes import die_with_parent
from prewatt.server.ready import EXIT_WRONG_SETTING

BACK_OFF_S_MIN = 0.5
BACK_OFF_S_MAX = 30.0
LIVED_WELL_S = 10.0  # a child that lived this long starts again with the shortest back-off
TURN_S = 0.25
LOG_BYTES_MAX = 8_000_000
_STOP = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}
_WATCHED = _STOP | {signal.SIGCHLD}


def _at_once() -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Child:
    name: str
    argv: tuple[str, ...]
    env: dict[str, str] = field(default_factory=dict)  # on top of the supervisor's own
    once: bool = False  # done when it ends well; restarted only when it fails
    when: Callable[[], bool] = _at_once  # asked each turn; it starts once this says so
    tries: int | None = None  # after so many failures the whole tree ends; None: never
    log: Path | None = None  # None: the supervisor's own stdout and stderr
    stop_s: float = 10.0


@dataclass(slots=True)
class _Running:
    child: Child
    process: subprocess.Popen[bytes] | None = None
    started_s: float = 0.0
    start_at_s: float = 0.0
    back_off_s: float = BACK_OFF_S_MIN
    finished: bool = False
    failures: int = 0


class Supervisor:
    """`run()` returns the exit code: 0 after a request to stop, a child's own when it says that a setting is wrong."""

    def __init__(self, children: Sequence[Child], *, say: Callable[[str], None]) -> None:
        self._all = [_Running(child) for child in children]
        self._say = say
        self._exit_code: int | None = None

    def run(self, *, each_turn: Callable[[], None] | None = None) -> int:
        old_mask = signal.pthread_sigmask(signal.SIG_BLOCK, _WATCHED)
        try:
            while self._exit_code is None:
                self._start_due(old_mask)
                self._wait_for_signal()
                self._bury_dead()
                if each_turn:
                    each_turn()
            return self._exit_code
        finally:
            self._stop_all()
            signal.pthread_sigmask(signal.SIG_SETMASK, old_mask)

    def stop(self, exit_code: int = 0) -> None:
        self._exit_code = exit_code

    def pids(self) -> dict[str, int]:
        return {one.child.name: one.process.pid for one in self._all if one.process}

    def finished(self, name: str) -> bool:
        return any(one.finished for one in self._all if one.child.name == name)

    def _start_due(self, mask: set[int | signal.Signals]) -> None:
        now_s = time.monotonic()
        for one in self._all:
            if one.process is None and not one.finished and one.start_at_s <= now_s and one.child.when():
                one.process = _start(one.child, mask)
                one.started_s = now_s

    def _wait_for_signal(self) -> None:
        got = signal.sigtimedwait(_WATCHED, TURN_S)
        if got and got.si_signo in _STOP:
            self._exit_code = 0

    def _bury_dead(self) -> None:
        for one in self._all:
            if one.process is None or one.process.poll() is None:
                continue
            _end_group(one.process)
            code = one.process.returncode
            one.process = None
            if code == EXIT_WRONG_SETTING:
                self._exit_code = code
            elif code == 0 and one.child.once:
                one.finished = True
            elif self._exit_code is None:
                self._schedule_restart(one, code)
                self._give_up_on(one)

    def _schedule_restart(self, one: _Running, code: int) -> None:
        now_s = time.monotonic()
        if now_s - one.started_s >= LIVED_WELL_S:
            one.back_off_s = BACK_OFF_S_MIN
        one.start_at_s = now_s + one.back_off_s
        self._say(f"{one.child.name} ended ({_cause(code)}); starting it again in {one.back_off_s:g} s")
        one.back_off_s = min(one.back_off_s * 2, BACK_OFF_S_MAX)

    def _give_up_on(self, one: _Running) -> None:
        one.failures += 1
        if one.child.tries is not None and one.failures >= one.child.tries:
            where = f"; see {one.child.log}" if one.child.log else ""
            self._say(f"{one.child.name} failed {one.failures} times, so everything ends{where}")
            self._exit_code = 1

    def _stop_all(self) -> None:
        alive = [one for one in self._all if one.process]
        for one in alive:
            assert one.process
            one.process.terminate()
        deadline_s = time.monotonic() + max((one.child.stop_s for one in alive), default=0.0)
        for one in alive:
            assert one.process
            try:
                one.process.wait(max(0.0, deadline_s - time.monotonic()))
            except subprocess.TimeoutExpired:
                self._say(f"{one.child.name} did not end in time and was killed")
            _end_group(one.process)
            one.process = None


def _start(child: Child, mask: set[int | signal.Signals]) -> subprocess.Popen[bytes]:
    parent = os.getpid()

    def in_child() -> None:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        die_with_parent(parent)

    log = _open_log(child.log)
    try:
        return subprocess.Popen(  # noqa: S603 - our own commands, never a shell
            child.argv,
            env=os.environ | child.env,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            process_group=0,
            preexec_fn=in_child,  # noqa: PLW1509 - the supervisor has no threads
        )
    finally:
        if log is not None:
            os.close(log)


def _open_log(path: Path | None) -> int | None:
    if path is None:
        return None
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and path.stat().st_size > LOG_BYTES_MAX:
        path.replace(path.with_suffix(".old"))
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)


def _end_group(process: subprocess.Popen[bytes]) -> None:
    """What the child left behind goes with it."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _cause(code: int) -> str:
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
