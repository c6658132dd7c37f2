"""The real command in a process of its own: what is wrong, in words, with an exit code that means something."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from prewatt.server.processes import port_is_free
from prewatt.server.ready import EXIT_TRY_AGAIN, EXIT_WRONG_SETTING


def _prewatt(*arguments: str, data: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PREWATT_")}
    process = subprocess.Popen(
        [sys.executable, "-m", "prewatt.server.cli", *arguments],
        env=clean | {"PREWATT_DATA": str(data)} | settings,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        out, error = process.communicate(timeout=60)
    except subprocess.TimeoutExpired:
        process.terminate()  # a supervisor ends its children, who hold our pipes too
        pytest.fail(f"`prewatt {' '.join(arguments)}` did not end: {process.communicate(timeout=30)}")
    return subprocess.CompletedProcess(arguments, process.returncode, out, error)


def _is_one_sentence(ended: subprocess.CompletedProcess[str], *words: str) -> None:
    assert "Traceback" not in ended.stderr
    assert len(ended.stderr.strip().splitlines()) == 1
    for word in words:
        assert word in ended.stderr


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"PREWATT_DATABASE": "mysql://somewhere/db"}, ["PREWATT_DATABASE", "postgresql://"]),
        ({"PREWATT_ZONE": "Asia/Zhuhai"}, ["Asia/Zhuhai", "PREWATT_ZONE"]),
        ({"PREWATT_HOSTS": "a.example,,b.example"}, ["PREWATT_HOSTS"]),
        ({"PREWATT_HOSTS": "*"}, ["PREWATT_HOSTS"]),
        ({"PREWATT_HOSTS": "power.example.cn", "PREWATT_DEMO": "1"}, ["PREWATT_DEMO", "power.example.cn"]),
    ],
)
def test_a_setting_that_cannot_be(tmp_path: Path, settings: dict[str, str], words: list[str]) -> None:
    ended = _prewatt("migrate", data=tmp_path, **settings)
    assert ended.returncode == EXIT_WRONG_SETTING
    _is_one_sentence(ended, *words)


def test_a_data_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    ended = _prewatt("migrate", data=tmp_path / "file" / "data")
    assert ended.returncode == EXIT_WRONG_SETTING
    _is_one_sentence(ended, "PREWATT_DATA")


def test_a_database_that_does_not_answer_may_answer_later(tmp_path: Path) -> None:
    ended = _prewatt("migrate", data=tmp_path, PREWATT_DATABASE="postgresql://nobody@127.0.0.1:1/none")
    assert ended.returncode == EXIT_TRY_AGAIN
    assert "Traceback" not in ended.stderr
    assert "PREWATT_DATABASE does not answer" in ended.stderr


def test_pages_without_tables_ask_for_migrate(tmp_path: Path) -> None:
    ended = _prewatt("web", data=tmp_path)
    assert ended.returncode == EXIT_TRY_AGAIN
    _is_one_sentence(ended, "prewatt migrate")


@pytest.mark.parametrize("name", ["web", "serve", "demo"])
def test_a_port_that_is_taken_is_named(tmp_path: Path, name: str) -> None:
    if name == "web":
        assert _prewatt("migrate", data=tmp_path).returncode == 0
    with socket.create_server(("127.0.0.1", 0), reuse_port=True) as other:
        port = str(other.getsockname()[1])
        ended = _prewatt(name, "--port", port, data=tmp_path)
    assert ended.returncode == EXIT_TRY_AGAIN
    _is_one_sentence(ended, port, "--port")


def test_a_server_that_shares_its_port_still_counts_as_taken() -> None:
    with socket.create_server(("127.0.0.1", 0), reuse_port=True) as other:
        assert not port_is_free("127.0.0.1", other.getsockname()[1])


def test_the_demo_leaves_a_real_sites_folder_alone(tmp_path: Path) -> None:
    assert _prewatt("migrate", data=tmp_path).returncode == 0
    before = (tmp_path / "prewatt.sqlite3").read_bytes()
    ended = _prewatt("demo", "--fresh", data=tmp_path)
    assert ended.returncode == EXIT_WRONG_SETTING
    _is_one_sentence(ended, "real site")
    assert (tmp_path / "prewatt.sqlite3").read_bytes() == before
