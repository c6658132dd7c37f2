"""Real processes: what a supervisor starts is gone when it ends, however it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from prewatt.server.ready import EXIT_WRONG_SETTING

# A child that leaves its pid, starts a grandchild that leaves its own, and then waits to be ended.
FAMILY = """
import os, pathlib, subprocess, sys, time
here = pathlib.Path(sys.argv[1])
grandchild = subprocess.Popen(["sleep", "100"])
(here / f"grandchild-{grandchild.pid}").touch()
(here / f"child-{os.getpid()}").touch()
time.sleep(100)
"""
SUPERVISE = """
import sys
from prewatt.server.supervisor import Child, Supervisor
def say(text): print(text, flush=True)
children = [Child(f"c{i}", (sys.executable, "-c", code, sys.argv[1])) for i, code in enumerate(sys.argv[2:])]
sys.exit(Supervisor(children, say=say).run())
"""


def _supervise(folder: Path, *codes: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", SUPERVISE, str(folder), *codes],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def _wait_for(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.02)


def _pids(folder: Path, kind: str) -> list[int]:
    return [int(path.name.split("-")[1]) for path in folder.glob(f"{kind}-*")]


def _alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_a_request_to_stop_ends_children_and_grandchildren(tmp_path: Path, how: signal.Signals) -> None:
    process = _supervise(tmp_path, FAMILY, FAMILY)
    _wait_for(lambda: len(_pids(tmp_path, "child")) == 2, "both children")
    process.send_signal(how)
    assert process.wait(20) == 0
    assert not [pid for kind in ("child", "grandchild") for pid in _pids(tmp_path, kind) if _alive(pid)]


def test_kill_9_of_the_supervisor_takes_its_children_along(tmp_path: Path) -> None:
    process = _supervise(tmp_path, FAMILY)
    _wait_for(lambda: len(_pids(tmp_path, "child")) == 1, "the child")
    process.kill()
    process.wait(20)
    try:
        _wait_for(lambda: not _alive(_pids(tmp_path, "child")[0]), "the child's end")
    finally:
        os.kill(_pids(tmp_path, "grandchild")[0], signal.SIGKILL)  # a stranger to us: only the child's own business


def test_a_dead_child_is_started_again_and_its_leftovers_end_with_it(tmp_path: Path) -> None:
    process = _supervise(tmp_path, FAMILY)
    _wait_for(lambda: len(_pids(tmp_path, "child")) == 1, "the child")
    [first], [orphan] = _pids(tmp_path, "child"), _pids(tmp_path, "grandchild")
    os.kill(first, signal.SIGKILL)
    _wait_for(lambda: len(_pids(tmp_path, "child")) == 2, "the second life")
    assert not _alive(orphan)
    process.terminate()
    assert "SIGKILL" in process.communicate(timeout=20)[0]


def test_a_child_that_ignores_the_request_is_killed_in_the_end(tmp_path: Path) -> None:
    stubborn = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN);" + FAMILY
    code = SUPERVISE.replace("sys.argv[1]))", "sys.argv[1]), stop_s=0.3)")
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path), stubborn], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    _wait_for(lambda: len(_pids(tmp_path, "child")) == 1, "the child")
    process.terminate()
    assert "did not end in time" in process.communicate(timeout=20)[0]
    assert not _alive(_pids(tmp_path, "child")[0])


def test_a_wrong_setting_ends_the_whole_tree_with_its_own_code(tmp_path: Path) -> None:
    process = _supervise(tmp_path, FAMILY, f"import sys; sys.exit({EXIT_WRONG_SETTING})")
    assert process.wait(20) == EXIT_WRONG_SETTING
    assert not [pid for pid in _pids(tmp_path, "child") if _alive(pid)]
