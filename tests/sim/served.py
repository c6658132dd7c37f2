"""`prewatt simulate` as a process of its own, for tests on real endpoints."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

FLEET = """
[defaults]
load = "D017"
mean_wh = 1500
alarm2_fen = 0
[bus_defaults]
baud = 38400
turnaround_ms = 5
[[bus]]
name = "serial server"
endpoint = "rtu+tcp://127.0.0.1:0"
meter = [{ number = "A", unit = 1, energy_wh = 68460 }, { number = "B", unit = 2 }]
[[bus]]
name = "gateway"
endpoint = "tcp://127.0.0.1:0"
meter = [{ number = "C", unit = 1, energy_wh = 68460 }, { number = "D", unit = 2 }]
[[bus]]
name = "port"
endpoint = "pty"
meter = [{ number = "E", unit = 1, energy_wh = 68460 }, { number = "F", unit = 2 }]
"""
COMMAND = [sys.executable, "-m", "prewatt.server.cli", "simulate"]


class Simulator:
    """Started, asked for its endpoints, and ended by its own process number."""

    def __init__(self, folder: Path, *options: str, fleet: str = FLEET) -> None:
        self.state_path = folder / "state.json"
        (folder / "fleet.toml").write_text(fleet)
        self.process = subprocess.Popen(
            [*COMMAND, "--fleet", str(folder / "fleet.toml"), "--state", str(self.state_path), *options],
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "src")},
            text=True,
        )
        assert self.process.stdout is not None
        buses = fleet.count("[[bus]]")
        self.endpoints: dict[str, dict[str, Any]] = {}
        for _ in range(buses):
            line = self.process.stdout.readline()
            assert line, "the simulator ended before it was ready"
            endpoint = json.loads(line)
            self.endpoints[endpoint["bus"]] = endpoint

    def url(self, bus: str) -> str:
        url: str = self.endpoints[bus]["url"]
        return url

    def host_port(self, bus: str) -> tuple[str, int]:
        host, _, port = self.url(bus).split("://")[1].partition("?")[0].partition(":")
        return host, int(port)

    def port_path(self, bus: str) -> str:
        return self.url(bus).removeprefix("serial://").partition("?")[0]

    def state(self) -> dict[str, dict[str, Any]]:
        meters: dict[str, dict[str, Any]] = json.loads(self.state_path.read_text())["meters"]
        return meters

    def stop(self) -> int:
        self.process.terminate()
        try:
            return self.process.wait(10)
        finally:
            self.process.kill()
            assert self.process.stdout is not None
            self.process.stdout.close()
