"""A new user's way: the wheel in an empty environment, `prewatt demo`, log in, sell 100 yuan, see it arrive, Ctrl-C."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from house.demo import OPEN_ROOMS, SALE_FEN, Demo, draw, has_arrived, log_in, send, start_demo
from house.processes import end, of_session, sweep, wait_for
from prewatt.server.demo.log_ins import LOG_INS
from prewatt.server.processes import free_port, port_is_free

ROOT = Path(__file__).resolve().parents[2]
ROOM = OPEN_ROOMS[0]


@pytest.fixture(scope="module")
def prewatt(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The program, installed from a wheel with the centre's extra into an environment with nothing else of ours."""
    place = tmp_path_factory.mktemp("wheel")
    uv = Path(sys.executable).with_name("uv")
    python = str(place / "env/bin/python")
    for command in (
        (sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(place)),
        (uv, "venv", "--quiet", "--python", sys.executable, place / "env"),
        (uv, "pip", "install", "--quiet", "--python", python, "--require-hashes", "-r", "requirements/demo.txt"),
    ):
        subprocess.run(command, cwd=ROOT, check=True, timeout=300)
    [wheel] = place.glob("*.whl")
    subprocess.run(
        (uv, "pip", "install", "--quiet", "--python", python, "--no-deps", wheel), cwd=place, check=True, timeout=300
    )
    return str(place / "env/bin/prewatt")


@pytest.fixture
def demo(prewatt: str, tmp_path: Path) -> Iterator[Demo]:
    found = None
    try:
        found = start_demo((prewatt,), tmp_path / "data", free_port())
        yield found
    finally:
        if found:
            sweep(found.process)


def test_a_sale_reaches_the_meter_once_and_ctrl_c_leaves_nothing(demo: Demo) -> None:
    before = demo.meter(ROOM.meter)
    with demo.client() as client:
        assert log_in(client, "cashier").status_code == 200
        assert client.get("/static/vendor/htmx.min.js").status_code == 200
        form = draw(client, ROOM.meter)
        for _twice in range(2):  # the cashier clicks twice
            send(client, form)
        wait_for(lambda: has_arrived(client, form["sale_id"]), "已到账", seconds=300)
    after = demo.meter(ROOM.meter)
    assert after["purchase_count"] == before["purchase_count"] + 1
    assert after["bought_fen"] == before["bought_fen"] + SALE_FEN
    assert [event["amount_fen"] for event in after["events"]] == [SALE_FEN]

    ports = demo.ports()
    assert end(demo.process) == 0
    assert of_session(demo.process.pid) == {}
    assert all(port_is_free("127.0.0.1", port) for port in ports)
    assert not (demo.data / "running.json").exists()


@pytest.mark.slow
def test_a_second_start_continues_and_the_books_are_clean_when_the_history_is_complete(
    demo: Demo, prewatt: str, tmp_path: Path
) -> None:
    with demo.client() as client:
        log_in(client, "cashier")
        form = draw(client, ROOM.meter)
        send(client, form)
        wait_for(lambda: has_arrived(client, form["sale_id"]), "已到账", seconds=300)
    sold = demo.meter(ROOM.meter)
    assert end(demo.process) == 0

    again = start_demo((prewatt,), demo.data, demo.port)
    try:
        wait_for(lambda: again.running().get("complete"), "the whole history", seconds=600)
        now = again.meter(ROOM.meter)
        assert now["purchase_count"] == sold["purchase_count"]
        assert now["deducted_fen"] >= sold["deducted_fen"]
        assert now["at_ms"] > sold["at_ms"]
        with again.client() as client:
            for one in LOG_INS:
                assert log_in(client, one.username).status_code == 200
                client.cookies.clear()
        assert end(again.process) == 0
    finally:
        sweep(again.process)
    settings = {"PREWATT_DATA": str(demo.data), "PREWATT_DEMO": "1"}
    subprocess.run((prewatt, "audit", "verify"), env=settings, cwd=tmp_path, check=True, timeout=120)
