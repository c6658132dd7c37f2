"""The demo as a test sees it: a process, its data folder, its pages, and the meters' own memory."""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from django.urls import reverse

from house.processes import start, wait_for
from prewatt.server.demo.log_ins import PASSWORD
from prewatt.server.demo.tower import Wanted, rooms

# Each with a tenant of its own, and prices by time of use.
OPEN_ROOMS = [room for room in rooms() if room.wanted is Wanted.OPEN and not room.shares and not room.flat]
SALE_FEN = 10_000


@dataclass
class Demo:
    process: subprocess.Popen[bytes]
    data: Path
    port: int

    def running(self) -> dict[str, Any]:
        try:
            facts: dict[str, Any] = json.loads((self.data / "running.json").read_text())
        except FileNotFoundError:
            return {}
        return facts

    def meter(self, number: str) -> dict[str, Any]:
        """The meter's own memory, from the simulator's state file, once the simulator lives it."""
        wait_for(lambda: "purchase_count" in self._truth(number), "the simulator")
        return self._truth(number)

    def _truth(self, number: str) -> dict[str, Any]:
        truth: dict[str, Any] = json.loads((self.data / "meters.json").read_text())["meters"][number]
        return truth

    def ports(self) -> list[int]:
        buses: list[int] = json.loads((self.data / "demo.json").read_text())["ports"]
        return [self.port, *buses]

    def client(self) -> httpx.Client:
        return httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=60, follow_redirects=True)


def start_demo(prewatt: tuple[str, ...], data: Path, port: int, **settings: str) -> Demo:
    demo = Demo(start(data, "demo", "--port", str(port), prewatt=prewatt, **settings), data, port)
    wait_for(lambda: demo.running().get("up") or demo.process.poll() is not None, "the demo's first page", seconds=300)
    assert demo.process.poll() is None, (data.parent / f"{data.name}.out").read_text()
    return demo


def log_in(client: httpx.Client, username: str) -> httpx.Response:
    form = client.get(reverse("console:login")).text
    return client.post(
        reverse("console:login"),
        data={"username": username, "password": PASSWORD, "csrfmiddlewaretoken": hidden(form, "csrfmiddlewaretoken")},
        headers={"Referer": str(client.base_url)},
    )


def hidden(form: str, name: str) -> str:
    found = re.search(rf'name="{name}"[^>]*value="([^"]+)"', form)
    assert found, f"no {name} in the form"
    return found.group(1)


def draw(client: httpx.Client, meter: str) -> dict[str, str]:
    """The sale form for 100 yuan in cash, as the page drew it, with the sale's id in it."""
    form = client.get(reverse("console:sale"), params={"meter": meter}).raise_for_status().text
    drawn = {name: hidden(form, name) for name in ("csrfmiddlewaretoken", "sale_id", "meter")}
    return drawn | {"amount": str(SALE_FEN // 100), "tender": "cash"}


def send(client: httpx.Client, form: dict[str, str]) -> None:
    client.post(reverse("console:sale"), data=form, headers={"Referer": str(client.base_url)}).raise_for_status()


def has_arrived(client: httpx.Client, sale_id: str) -> bool:
    answer = client.get(reverse("console:sale-progress", args=[sale_id])).raise_for_status()
    return "已到账" in answer.text and "hx-get" not in answer.text
