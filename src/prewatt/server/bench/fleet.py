"""CPU per reading with 2,000 meters on fast TCP: ours, ours with the fsynced journal, and a plain pymodbus loop.

All ask the same block of 60 registers of the same responder over the same number of connections, turn about in one
process, and CPU time (user and system, all threads) is read around each. A reading is polled, decoded and handed over:
ours as the gateway does it (37 quantities), pymodbus as its documentation does it (`convert_from_registers`, the 28 of
them that are plain numbers). `journalled` waits until all of it is on the disk. Polling alone is measured beside it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json as json_text
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from pymodbus.client import AsyncModbusTcpClient
from pymodbus.client.mixin import ModbusClientMixin
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from prewatt import profiles
from prewatt.field.gateway.journal import SqliteJournal
from prewatt.field.line import Line, open_line
from prewatt.field.line.questions import read_request
from prewatt.link.messages import Reading
from prewatt.profiles import Block, Profile, Quantity
from prewatt.profiles.rows import CONFIDENCES

DATATYPE = ModbusClientMixin.DATATYPE
UNITS_PER_CONNECTION = 100
PROFILE = "acrel-dtsy1352-nk"
TARGET_OF_PYMODBUS = 1 / 3
TIMEOUT_S = 5.0
_VALUES = {
    "energy_wh": 68_460,
    "balance_fen": 12_345,
    "voltage_a_v": 2298,
    "current_a_a": 5_120,
    "power_w": 1_170,
    "purchase_count": 7,
    "clock_ms": 1_767_225_600_000,
}


@dataclass
class Contender:
    """One way to read all meters once."""

    name: str
    read_all: Callable[[], Awaitable[None]]
    us: list[float]
    wall_s: list[float]


def run(*, json: bool, meters: int = 2000, rounds: int = 5) -> None:
    """Measure and print. Takes some seconds."""
    profile = profiles.load(PROFILE).allowed(CONFIDENCES)
    block = profile.sweep_blocks[0]
    connections = -(-meters // UNITS_PER_CONNECTION)
    with responder(profile, block) as port:
        facts = asyncio.run(_measure(profile, block, port, connections, rounds, quiet=json))
    if json:
        sys.stdout.write(json_text.dumps(facts) + "\n")
    else:
        _print(facts, block, connections * UNITS_PER_CONNECTION)


@contextlib.contextmanager
def responder(profile: Profile, block: Block) -> Iterator[int]:
    """The process that answers; its port."""
    image = b"".join(word.to_bytes(2, "big") for word in profile.show(block, _VALUES))
    command = [sys.executable, "-m", "prewatt.server.bench.responder", image.hex(), str(block.address)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)  # noqa: S603
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield int(process.stdout.readline())
    finally:
        process.stdin.close()
        process.wait(timeout=10)


async def _measure(
    profile: Profile, block: Block, port: int, connections: int, rounds: int, *, quiet: bool
) -> dict[str, float]:
    fields = _fields(profile, block)
    rss_before = _rss_bytes()
    lines = [open_line(f"tcp://127.0.0.1:{port}") for _ in range(connections)]
    readers = [_Ours(profile, block, line) for line in lines]
    await asyncio.gather(*(reader.read_all() for reader in readers))
    rss = _rss_bytes() - rss_before
    with tempfile.TemporaryDirectory() as folder:
        async with _journal(Path(folder)) as journal, _pymodbus(port, connections) as clients:
            contenders = [
                Contender("ours", lambda: _all(reader.read_all() for reader in readers), [], []),
                Contender("journalled", lambda: _journalled(readers, journal), [], []),
                Contender(
                    "pymodbus", lambda: _all(_read_pymodbus(client, block, fields) for client in clients), [], []
                ),
                Contender("poll", lambda: _all(reader.poll_all() for reader in readers), [], []),
                Contender("pymodbus poll", lambda: _all(_poll_pymodbus(client, block) for client in clients), [], []),
            ]
            await _turn_about(contenders, rounds, connections * UNITS_PER_CONNECTION, quiet=quiet)
    for line in lines:
        line.close()
    ours, journalled, pymodbus, poll, pymodbus_poll = contenders
    return {
        "ours_us": round(statistics.median(ours.us), 1),
        "journalled_us": round(statistics.median(journalled.us), 1),
        "pymodbus_us": round(statistics.median(pymodbus.us), 1),
        "poll_us": round(statistics.median(poll.us), 1),
        "pymodbus_poll_us": round(statistics.median(pymodbus_poll.us), 1),
        "meters_per_s": round(connections * UNITS_PER_CONNECTION / statistics.median(ours.wall_s)),
        "rss_mb_per_1000": round(rss / 1e6 * 1000 / (connections * UNITS_PER_CONNECTION), 2),
    }


async def _turn_about(contenders: Sequence[Contender], rounds: int, readings: int, *, quiet: bool) -> None:
    """One round to warm up, then every contender in every round, so that the machine's moods meet all alike."""
    with Progress(console=Console(stderr=True), transient=True, disable=quiet) as progress:
        task = progress.add_task("reading", total=(rounds + 1) * len(contenders))
        for number in range(rounds + 1):
            for contender in contenders:
                cpu, wall = time.process_time(), time.perf_counter()
                await contender.read_all()
                if number:
                    contender.us.append((time.process_time() - cpu) * 1e6 / readings)
                    contender.wall_s.append(time.perf_counter() - wall)
                progress.advance(task)


async def _all(jobs: Iterator[Awaitable[None]]) -> None:
    await asyncio.gather(*jobs)


class _Ours:
    """Poll, decode, hand over: what the gateway does with every block."""

    def __init__(self, profile: Profile, block: Block, line: Line) -> None:
        self._profile, self._block, self._line = profile, block, line
        self._requests = [read_request(profile, block, unit=unit) for unit in range(1, UNITS_PER_CONNECTION + 1)]
        self._names = [f"{id(self):x}-{unit}" for unit in range(1, UNITS_PER_CONNECTION + 1)]
        self.latest: list[dict[str, int]] = [{} for _ in self._requests]

    async def poll_all(self) -> None:
        ask = self._line.ask
        for request in self._requests:
            reply = await ask(request, timeout_s=TIMEOUT_S)
            assert len(reply.registers) == self._block.count

    async def read_all(self) -> None:
        ask, decode, block, latest = self._line.ask, self._profile.decode, self._block, self.latest
        for index, request in enumerate(self._requests):
            reply = await ask(request, timeout_s=TIMEOUT_S)
            latest[index] = decode(block, reply.registers)

    async def journal_all(self, journal: SqliteJournal, now_ms: int) -> None:
        for index, request in enumerate(self._requests):
            reply = await self._line.ask(request, timeout_s=TIMEOUT_S)
            values = self._profile.decode(self._block, reply.registers)
            self.latest[index] = values
            journal.reading(Reading(meter=self._names[index], taken_at_ms=now_ms, values=values), baseline=True)


async def _journalled(readers: Sequence[_Ours], journal: SqliteJournal) -> None:
    """Done only when every reading is on the disk."""
    now_ms = time.time_ns() // 1_000_000
    await asyncio.gather(*(reader.journal_all(journal, now_ms) for reader in readers))
    await journal.pending(1)  # commits what is still gathered


@contextlib.asynccontextmanager
async def _journal(folder: Path) -> AsyncIterator[SqliteJournal]:
    journal = SqliteJournal(folder / "journal.sqlite3")
    try:
        yield journal
    finally:
        await journal.close()


@contextlib.asynccontextmanager
async def _pymodbus(port: int, connections: int) -> AsyncIterator[list[AsyncModbusTcpClient]]:
    clients = [AsyncModbusTcpClient("127.0.0.1", port=port, timeout=TIMEOUT_S) for _ in range(connections)]
    try:
        for client in clients:
            await client.connect()
        yield clients
    finally:
        for client in clients:
            client.close()


async def _poll_pymodbus(client: AsyncModbusTcpClient, block: Block) -> None:
    for unit in range(1, UNITS_PER_CONNECTION + 1):
        reply = await client.read_holding_registers(block.address, count=block.count, device_id=unit)
        assert len(reply.registers) == block.count


@dataclass(frozen=True)
class _Field:
    """One plain number as a pymodbus user writes it down: where, what type, times what."""

    name: str
    start: int
    end: int
    kind: DATATYPE
    factor: int


def _fields(profile: Profile, block: Block) -> list[_Field]:
    kinds = {"u16": DATATYPE.UINT16, "i16": DATATYPE.INT16, "u32": DATATYPE.UINT32, "i32": DATATYPE.INT32}
    rows = [row for row in profile.rows if row.kind in kinds and row.plain and _lies_in(row, block)]
    return [
        _Field(
            row.name,
            row.address - block.address,
            row.address - block.address + row.size,
            kinds[row.kind],
            row.numerator,
        )
        for row in rows
    ]


def _lies_in(row: Quantity, block: Block) -> bool:
    return block.address <= row.address and row.address + row.size <= block.address + block.count


async def _read_pymodbus(client: AsyncModbusTcpClient, block: Block, fields: Sequence[_Field]) -> None:
    convert = client.convert_from_registers
    for unit in range(1, UNITS_PER_CONNECTION + 1):
        reply = await client.read_holding_registers(block.address, count=block.count, device_id=unit)
        words = reply.registers
        values = {f.name: cast(int, convert(words[f.start : f.end], f.kind)) * f.factor for f in fields}
        assert values["balance_fen"] == _VALUES["balance_fen"]


def _rss_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _print(facts: dict[str, float], block: Block, meters: int) -> None:
    table = Table(title=f"{meters} meters, {block.count} registers each, TCP on loopback", title_justify="left")
    for heading in ("", "CPU µs a reading", "of pymodbus", "target"):
        table.add_column(heading, justify="right" if heading else "left")
    rows = (
        ("ours", "ours_us", "≤ 0.33"),
        ("ours, journalled (fsync)", "journalled_us", "≤ 1"),
        ("pymodbus", "pymodbus_us", ""),
        ("polling alone, ours", "poll_us", ""),
        ("polling alone, pymodbus", "pymodbus_poll_us", ""),
    )
    for name, key, target in rows:
        table.add_row(name, f"{facts[key]:.1f}", f"{facts[key] / facts['pymodbus_us']:.2f}", target)
    console = Console()
    console.print(table)
    console.print(f"{facts['meters_per_s']:.0f} meters a second · {facts['rss_mb_per_1000']} MB per 1,000 meters")
