"""Small buildings for tests, and a master that notes what it hears and when."""

from __future__ import annotations

import asyncio
from typing import Any

from prewatt.field.wire import modbus
from prewatt.sim import virtual
from prewatt.sim.building import Building
from prewatt.sim.bus import SimPipe
from prewatt.sim.door import DoorPipe
from prewatt.sim.faults import Faults, Plan
from prewatt.sim.fleet import parse_fleet
from sim.meters import START_MS

FLEET = """
[bus_defaults]
baud = 9600
turnaround_ms = 20
[defaults]
watts = 1000
alarm2_fen = 0
[[bus]]
name = "1"
meter = [{ number = "A", unit = 1 }, { number = "B", unit = 2, load = "D017" }, { number = "C", unit = 3 }]
"""


def building(text: str = FLEET, *, faults: Faults | Plan | None = None, seed: int = 0) -> Building:
    """On the running virtual loop."""
    drawn = Faults(seed, faults) if isinstance(faults, Plan) else faults
    return Building.from_fleet(parse_fleet(text), now_ms=virtual.now_ms, seed=seed, faults=drawn)


class Master:
    """Writes frames and keeps what comes back as (loop time, bytes)."""

    def __init__(self, pipe: SimPipe | DoorPipe) -> None:
        self.pipe = pipe
        self.heard: list[tuple[float, bytes]] = []
        self.lost: list[Exception | None] = []

    async def open(self) -> Master:
        await self.pipe.open(self._receive, self.lost.append)
        return self

    def _receive(self, data: bytes | memoryview) -> None:
        self.heard.append((asyncio.get_running_loop().time(), bytes(data)))

    async def ask(self, request: modbus.Request, wait_s: float = 1.0) -> bytes:
        """Everything heard within the wait."""
        self.heard.clear()
        self.pipe.write(modbus.rtu_encode(request))
        await asyncio.sleep(wait_s)
        return b"".join(data for _, data in self.heard)

    async def reply(self, request: modbus.Request, wait_s: float = 1.0) -> modbus.Reply:
        reply = modbus.RtuReader(request).feed(await self.ask(request, wait_s))
        assert reply is not None
        return reply


def run(coroutine: Any, *, seed: int = 0) -> Any:
    return virtual.run(coroutine, start_ms=START_MS, seed=seed)


async def master(one: Building, bus: str = "1") -> Master:
    return await Master(one.pipe(bus)).open()


def read(unit: int = 1, address: int = 0x1000, count: int = 60) -> modbus.Request:
    return modbus.read(unit, address, count)


def recharge(amount_fen: int, count: int, unit: int = 1) -> modbus.Request:
    return modbus.Request(unit, 16, 0x1100, 3, (amount_fen >> 16, amount_fen & 0xFFFF, count))
