"""Gateway, web and worker of a living demo, killed at random moments under sales: each sale reaches its meter once."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from house.demo import OPEN_ROOMS, SALE_FEN, Demo, draw, has_arrived, log_in, send, start_demo
from house.processes import end, sweep, wait_for
from postgres import Cluster
from prewatt.server.processes import free_port

pytestmark = pytest.mark.slow

KILLS = 50
VICTIMS = ("gateway", "web", "worker")
PREWATT = (sys.executable, "-m", "prewatt.server.cli")


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Demo]:
    yield from _demo(tmp_path, {})


@pytest.fixture
def demo_on_postgres(tmp_path: Path, postgres_cluster: Cluster) -> Iterator[Demo]:
    postgres_cluster.create("demo")
    yield from _demo(tmp_path, {"PREWATT_DATABASE": postgres_cluster.url("demo")})


def _demo(tmp_path: Path, settings: dict[str, str]) -> Iterator[Demo]:
    found = None
    try:
        found = start_demo(PREWATT, tmp_path / "data", free_port(), **settings)
        wait_for(lambda: found.running().get("complete"), "the whole history", seconds=900)
        yield found
    finally:
        if found:
            sweep(found.process)


def _sell(client: httpx.Client, room: int) -> str:
    """A cashier whose page breaks off sends the same form again until it is taken."""
    forms: list[dict[str, str]] = []
    told: list[str] = []

    def sold() -> bool:
        try:
            if not forms:
                forms.append(draw(client, OPEN_ROOMS[room].meter))
            send(client, forms[0])
        except httpx.HTTPStatusError as error:
            told.append(f"{error.response.status_code} {error.request.url}: {error.response.text[-3000:]}")
            return False
        except httpx.HTTPError:
            return False
        return True

    try:
        wait_for(sold, "a sale")
    except AssertionError as error:
        raise AssertionError(f"{error} in {OPEN_ROOMS[room]}; the last answer was {told[-1:]}") from None
    return forms[0]["sale_id"]


def _kill(demo: Demo, chance: random.Random) -> str:
    """One of the parts that live now."""
    wait_for(lambda: set(VICTIMS) & set(demo.running().get("pids", {})), "a part to kill")
    pids: dict[str, int] = demo.running()["pids"]
    name = chance.choice([name for name in VICTIMS if name in pids])
    with contextlib.suppress(ProcessLookupError):
        os.kill(pids[name], signal.SIGKILL)
    return name


def _is_in(client: httpx.Client, sale_id: str) -> bool:
    try:
        return has_arrived(client, sale_id)
    except httpx.HTTPError:
        return False


def _every_sale_once(demo: Demo, before: dict[str, int], sales: dict[str, int]) -> None:
    for room in set(sales.values()):
        number = OPEN_ROOMS[room].meter
        bought = sum(1 for one in sales.values() if one == room) * SALE_FEN
        assert demo.meter(number)["bought_fen"] == before[number] + bought


def _audit(demo: Demo, settings: dict[str, str]) -> None:
    env = os.environ | {"PREWATT_DATA": str(demo.data), "PREWATT_DEMO": "1"} | settings
    ended = subprocess.run(
        [*PREWATT, "audit", "verify"], env=env, check=False, timeout=300, capture_output=True, text=True
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_fifty_times_kill_9(demo: Demo) -> None:
    chance = random.Random(7)
    before = {room.meter: demo.meter(room.meter)["bought_fen"] for room in OPEN_ROOMS}
    sales: dict[str, int] = {}
    killed: list[str] = []
    with demo.client() as client:
        wait_for(lambda: log_in(client, "cashier").status_code == 200, "a log-in")
        for kill in range(KILLS):
            room = kill % len(OPEN_ROOMS)
            sales[_sell(client, room)] = room
            time.sleep(chance.random() * 0.6)  # somewhere in the order's way
            killed.append(_kill(demo, chance))
        for sale_id in sales:
            wait_for(lambda one=sale_id: _is_in(client, one), f"sale {sale_id}", seconds=300)
    assert set(killed) == set(VICTIMS)
    _every_sale_once(demo, before, sales)
    assert end(demo.process) == 0
    _audit(demo, {})


def test_postgres_stopped_and_started(demo_on_postgres: Demo, postgres_cluster: Cluster) -> None:
    demo = demo_on_postgres
    before = {room.meter: demo.meter(room.meter)["bought_fen"] for room in OPEN_ROOMS}
    sales: dict[str, int] = {}
    with demo.client() as client:
        wait_for(lambda: log_in(client, "cashier").status_code == 200, "a log-in")
        for room in range(5):
            sales[_sell(client, room)] = room
            postgres_cluster.stop()
            postgres_cluster.start()
        for sale_id in sales:
            wait_for(lambda one=sale_id: _is_in(client, one), f"sale {sale_id}", seconds=300)
    _every_sale_once(demo, before, sales)
    assert end(demo.process) == 0
    _audit(demo, {"PREWATT_DATABASE": postgres_cluster.url("demo")})
