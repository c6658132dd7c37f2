"""`prewatt serve` as a site runs it: parts that are killed come back, and nothing outlives its supervisor."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from house.processes import children, end, of_session, start, status, sweep, wait_for
from prewatt.server.processes import free_port, port_is_free


class Site:
    def __init__(self, process: subprocess.Popen[bytes], port: int) -> None:
        self.process, self.port = process, port

    def answers(self) -> bool:
        return status(f"http://127.0.0.1:{self.port}/field/v1/enrol") in {200, 302, 405}

    def part(self, name: str) -> int | None:
        """The supervisor's own child, not what that child starts itself."""
        for pid, line in children(self.process.pid).items():
            if f"prewatt.server.cli {name}" in line:
                return pid
        return None


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    port = free_port()
    one = Site(start(tmp_path / "data", "serve", "--port", str(port)), port)
    try:
        wait_for(one.answers, "the first page")
        wait_for(lambda: one.part("worker"), "the worker")
        yield one
    finally:
        sweep(one.process)


@pytest.mark.parametrize("name", ["web", "worker"])
def test_a_killed_part_comes_back(site: Site, name: str) -> None:
    before = site.part(name)
    assert before
    os.kill(before, signal.SIGKILL)
    wait_for(lambda: site.part(name) not in {None, before}, f"another {name}")
    wait_for(site.answers, "a page from the new process")


def test_ctrl_c_leaves_no_process_and_no_port(site: Site) -> None:
    assert end(site.process) == 0
    assert of_session(site.process.pid) == {}
    assert port_is_free("127.0.0.1", site.port)


def test_kill_9_of_the_supervisor_leaves_no_process_and_no_port(site: Site) -> None:
    site.process.kill()
    site.process.wait(10)
    wait_for(lambda: not of_session(site.process.pid), "the children's end")
    assert port_is_free("127.0.0.1", site.port)
