"""kill -9 in the middle of a file: nobody is offered a half one, and the file is written by the next or given up."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import openpyxl
import pytest

SCRIPT = Path(__file__).parents[2] / "exporters.py"
LATER = "61"  # seconds: the lease of whoever died is over


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def migrated(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Makes a site of its own for each test, with three files asked for: made once, copied for each."""
    folder = tmp_path_factory.mktemp("exports")
    common = os.environ | {"DJANGO_SETTINGS_MODULE": "prewatt.server.settings", "PREWATT_DATA": str(folder)}
    first, template = folder / "first.sqlite3", f"exports{os.getpid()}"
    cluster = request.getfixturevalue("postgres_cluster") if request.param == "postgresql" else None
    url = cluster.create(template) if cluster else f"sqlite:///{first}"
    call(common | {"PREWATT_DATABASE": url}, "-m", "django", "migrate", "-v0", "--skip-checks")
    call(common | {"PREWATT_DATABASE": url}, str(SCRIPT), "ASK")

    def copied(name: str) -> dict[str, str]:
        site = common | {"PREWATT_DATA": str(folder / name)}
        if cluster is None:
            shutil.copyfile(first, folder / f"{name}.sqlite3")
            return site | {"PREWATT_DATABASE": f"sqlite:///{folder / name}.sqlite3"}
        at = ("-h", "127.0.0.1", "-p", str(cluster.port), "-U", "prewatt")
        cluster.call("createdb", *at, "-T", template, f"{name}{os.getpid()}")
        return site | {"PREWATT_DATABASE": cluster.url(f"{name}{os.getpid()}")}

    return copied


def call(site: dict[str, str], *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, *arguments], env=site, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def work(site: dict[str, str], later: str = LATER) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(call(site, str(SCRIPT), "WORK", later))
    return found


def die(site: dict[str, str], later: str = "0") -> dict[str, Any]:
    """A worker that hangs over half a file, and is killed. How things stood until then."""
    running = subprocess.Popen([sys.executable, str(SCRIPT), "DIE", later], env=site, stdout=subprocess.PIPE, text=True)
    try:
        assert running.stdout is not None
        found: dict[str, Any] = json.loads(running.stdout.readline())
    finally:
        running.send_signal(signal.SIGKILL)
        running.wait(10)
    return found


def test_the_next_worker_writes_it_anew_and_one_at_a_time_still_holds(migrated: Any) -> None:
    site = migrated("anew")
    before = die(site)
    assert before["files"] == [[".part", 4]]
    assert before["a1"] == ["running", 1, "", ""]

    soon = work(site, "0")  # the dead one still holds its lease
    assert soon["a1"] == ["running", 1, "", ""], "nobody else has it, and nothing of it is offered"
    assert soon["a2"][0] == "waiting", "one at a time for each operator"
    assert soon["b1"][0] == "ready", "and another operator's does not wait for it"

    found = work(site)
    assert [found[name][:2] for name in ("a1", "a2", "b1")] == [["ready", 2], ["ready", 1], ["ready", 1]]
    for name in ("a1", "a2", "b1"):
        lines = list(openpyxl.load_workbook(found[name][3]).active.iter_rows(values_only=True))
        assert sum(1 for line in lines if str(line[0]).startswith("2026-06-01")) == 5
    assert [size for suffix, size in found["files"] if suffix == ".part"] == [4], (
        "the half one stays a part, to be swept"
    )


def test_what_every_worker_dies_of_is_given_up_with_a_sentence(migrated: Any) -> None:
    site = migrated("given")
    for later in ("0", "100", "200"):
        died = die(site, later)
    assert died["a1"][:2] == ["running", 3]
    found = work(site, "300")
    state, _tries, error, offered = found["a1"]
    assert (state, offered) == ("failed", "")
    assert error.startswith("The program was stopped 3 times while it wrote this file. There is no file.")
    assert found["a2"][0] == "ready", "the next one of the same operator has its turn"
