"""How near a bus comes to its physical limit: the real gateway, journal and uplink against emulated buses.

Eight buses of 19 meters run in a process of their own (`prewatt simulate`), each byte taking its time; the gateway here
reads them over real sockets. Three parts: everybody alive, five of 19 silent, and recharges while the sweep goes on.
See docs/benchmarks.md for the floor and how to read the figures.
"""

from __future__ import annotations

import asyncio
import contextlib
import json as json_text
import logging
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Coroutine, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import structlog
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from prewatt import profiles
from prewatt.field.gateway.gateway import Gateway
from prewatt.field.gateway.journal import SqliteJournal
from prewatt.field.line import open_pipe
from prewatt.field.line.line import gap_s
from prewatt.field.line.loop import new_loop
from prewatt.link.messages import (
    Answer,
    Batch,
    BatchReply,
    BusConfig,
    Config,
    ConfigRequest,
    Kind,
    MeterConfig,
    Order,
    OrdersReply,
    OrdersRequest,
    Outcome,
    Reading,
)
from prewatt.profiles import Profile
from prewatt.profiles.rows import CONFIDENCES

_T = TypeVar("_T")

BUSES = 8
METERS_PER_BUS = 19
DEAD = 5
TURNAROUND_S = 0.020
BITS_PER_CHAR = 10
PROFILE = "acrel-dtsy1352-nk"
WARM_UP_S = 6.0
WARM_UP_DEAD_S = 15.0  # finding out that a meter is silent, and how fast the others are, is not the steady state
ORDER_EVERY_S = 1.5  # on every bus
FULL = "voltage_a_v"  # only a full reading has it
STRICT_SWEEP_S = 1  # more often than the line can: the line's own limit shows
STATUS_S = 3600

RATIO_TARGET, LIVING_TARGET, PROBE_TARGET, RECHARGE_TARGET_MS = 0.97, 0.90, 0.05, 250


# --- the floor


@dataclass(frozen=True)
class Wire:
    """The physics of one bus, and how many meters stand on it."""

    baud: int
    meters: int = METERS_PER_BUS

    @property
    def char_s(self) -> float:
        return BITS_PER_CHAR / self.baud

    def exchange_s(self, request_chars: int, answer_chars: int) -> float:
        """Request, turnaround (at least 3.5 characters), answer, silence: nothing else has to be."""
        silence_s = gap_s(self.baud, BITS_PER_CHAR)
        turnaround_s = max(TURNAROUND_S, silence_s)
        return (request_chars + answer_chars) * self.char_s + turnaround_s + silence_s

    def read_s(self, registers: int) -> float:
        return self.exchange_s(8, 5 + 2 * registers)

    def sweep_s(self, profile: Profile) -> float:
        """One full reading of one meter."""
        return sum(self.read_s(block.count) for block in profile.sweep_blocks)

    def recharge_s(self, profile: Profile) -> float:
        """Read, write once, read again. Waiting for the frame under way is not in it."""
        read_s = sum(self.read_s(block.count) for block in profile.money_blocks)
        registers = len(profile.encode("recharge", {"amount_fen": 100, "count": 1}).registers)
        return 2 * read_s + self.exchange_s(9 + 2 * registers, 8)


# --- the other side


def _fleet_toml(wire: Wire, dead: int) -> str:
    lines = [f"[bus_defaults]\nbaud = {wire.baud}\nturnaround_ms = {TURNAROUND_S * 1000}\n"]
    for bus in range(BUSES):
        lines.append(f'[[bus]]\nname = "{bus}"\nendpoint = "rtu+tcp://127.0.0.1:0"\n')
        for unit in range(1, wire.meters + 1):
            present = "true" if unit > dead else "false"
            number = f"{bus:02d}{unit:03d}"
            lines.append(f'[[bus.meter]]\nnumber = "{number}"\nunit = {unit}\nwatts = 500\npresent = {present}\n')
    return "\n".join(lines)


@contextlib.contextmanager
def _simulator(folder: Path, wire: Wire, dead: int) -> Iterator[dict[str, str]]:
    """The emulated buses; bus name -> address."""
    fleet = folder / f"fleet-{dead}.toml"
    fleet.write_text(_fleet_toml(wire, dead))
    command = [sys.executable, "-m", "prewatt.server.cli", "simulate", "--fleet", str(fleet)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)  # noqa: S603
    try:
        assert process.stdout is not None
        endpoints = [msgspec.json.decode(process.stdout.readline()) for _ in range(BUSES)]
        yield {endpoint["bus"]: endpoint["url"] for endpoint in endpoints}
    finally:
        process.terminate()
        process.wait(timeout=10)


class _Centre:
    """A centre on this machine's memory: takes every batch, hands out what is queued."""

    def __init__(self) -> None:
        self.queue: list[Order] = []
        self._news = asyncio.Event()

    def place(self, order: Order) -> None:
        self.queue.append(order)
        self._news.set()

    async def send(self, batch: Batch) -> BatchReply:
        return BatchReply(acked_seq=batch.last_seq, centre_time_ms=_now_ms(), config_version=1)

    async def orders(self, request: OrdersRequest) -> OrdersReply:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._news.wait(), request.wait_s)
        self._news.clear()
        orders, self.queue = self.queue, []
        return OrdersReply(orders=orders, centre_time_ms=_now_ms(), config_version=1)

    async def config(self, request: ConfigRequest) -> Config:  # noqa: ARG002
        raise AssertionError("the configuration does not change here")


@dataclass
class _Log:
    """What was seen, in seconds of the loop."""

    full: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))  # by meter
    answers: list[tuple[float, Answer]] = field(default_factory=list)
    sent: dict[str, list[tuple[float, int]]] = field(default_factory=lambda: defaultdict(list))  # by bus: when, unit


class _Journal(SqliteJournal):
    """The real journal, with a note of when things came to it."""

    def __init__(self, path: Path, log: _Log) -> None:
        super().__init__(path)
        self._log = log

    def reading(self, reading: Reading, *, baseline: bool = False) -> None:
        if FULL in reading.values:
            self._log.full[reading.meter].append(time.perf_counter())
        super().reading(reading, baseline=baseline)

    async def end(self, answer: Answer) -> None:
        self._log.answers.append((time.perf_counter(), answer))
        await super().end(answer)


@contextlib.asynccontextmanager
async def _running(folder: Path, urls: dict[str, str], meters: int) -> AsyncIterator[tuple[_Log, _Centre]]:
    """The gateway at work."""
    log, centre = _Log(), _Centre()
    journal = _Journal(folder / f"journal-{time.monotonic_ns()}.sqlite3", log)
    gateway = Gateway(
        _config(urls, meters),
        journal=journal,
        open_pipe=lambda bus: open_pipe(bus.url),
        centre=centre,
        now_ms=_now_ms,
        random=random.Random(1),  # noqa: S311
    )
    task = asyncio.create_task(gateway.run())
    try:
        await asyncio.sleep(0.5)
        for name, poller in gateway.pollers.items():
            poller.line.observer = _observer(log.sent[name])
        yield log, centre
    finally:
        gateway.stop()
        await task
        await journal.close()


def _observer(sent: list[tuple[float, int]]) -> Any:
    def observe(_at: float, direction: str, data: bytes) -> None:
        if direction == "out":
            sent.append((time.perf_counter(), data[0]))

    return observe


def _config(urls: dict[str, str], meters_per_bus: int) -> Config:
    buses = [BusConfig(bus=name, url=url, sweep_s=STRICT_SWEEP_S, status_s=STATUS_S) for name, url in urls.items()]
    meters = [
        MeterConfig(meter=f"{int(name):02d}{unit:03d}", bus=name, unit=unit, profile=PROFILE, allow=list(CONFIDENCES))
        for name in urls
        for unit in range(1, meters_per_bus + 1)
    ]
    return Config(version=1, gateway="bench", buses=buses, meters=meters)


# --- the three parts


def run(*, json: bool, seconds: float = 20.0, baud: int = 9600, meters: int = METERS_PER_BUS) -> None:
    """Measure and print. Takes three times `seconds` and a little."""
    _log_to_stderr()
    wire = Wire(baud, meters)
    profile = profiles.load(PROFILE).allowed(CONFIDENCES)
    with Progress(console=Console(stderr=True), transient=True, disable=json) as progress:
        task = progress.add_task("all alive", total=3)
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            with _simulator(folder, wire, 0) as urls:
                healthy = _run(_cycle(folder, urls, wire, 0, seconds))
                progress.update(task, advance=1, description="recharges")
                recharges = _run(_recharges(folder, urls, wire, seconds))
            progress.update(task, advance=1, description="five silent")
            with _simulator(folder, wire, DEAD) as urls:
                living = _run(_cycle(folder, urls, wire, DEAD, max(seconds, 30.0)))
    facts = _facts(wire, profile, healthy, living, recharges)
    if json:
        sys.stdout.write(json_text.dumps(facts) + "\n")
    else:
        _print(facts, wire)


def _run(job: Coroutine[Any, Any, _T]) -> _T:
    with asyncio.Runner(loop_factory=new_loop) as runner:
        return runner.run(job)


def _log_to_stderr() -> None:
    """Standard output carries the figures and nothing else."""
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


@dataclass(frozen=True)
class _Cycle:
    cycle_s: float  # median over the buses of the time in which every living meter was read once
    probe_share: float  # of the bus time, worst bus


async def _cycle(folder: Path, urls: dict[str, str], wire: Wire, dead: int, seconds: float) -> _Cycle:
    async with _running(folder, urls, wire.meters) as (log, _):
        await asyncio.sleep(WARM_UP_DEAD_S if dead else WARM_UP_S)
        began = time.perf_counter()
        await asyncio.sleep(seconds)
        until = time.perf_counter()
    cycles = []
    for name in urls:
        times = sorted(
            at for meter, full in log.full.items() if meter.startswith(f"{int(name):02d}") for at in full if at >= began
        )
        cycles.append((times[-1] - times[0]) / (len(times) - 1) * (wire.meters - dead))
    shares = [_probe_share(sent, began, until, dead) for sent in log.sent.values()]
    return _Cycle(statistics.median(cycles), max(shares))


def _probe_share(sent: list[tuple[float, int]], began: float, until: float, dead: int) -> float:
    """From a probe's first byte to the next request: all of that was lost to the living."""
    lost_s = 0.0
    for (at, unit), (after, _) in pairwise(sent):
        if unit <= dead and began <= at < until:
            lost_s += after - at
    return lost_s / (until - began)


async def _recharges(folder: Path, urls: dict[str, str], wire: Wire, seconds: float) -> list[float]:
    """Seconds from placing each order to the read-back that proves it, the sweep going on at full speed."""
    chance = random.Random(2)  # noqa: S311
    placed: dict[str, float] = {}
    counts: dict[str, int] = defaultdict(int)
    async with _running(folder, urls, wire.meters) as (log, centre):
        await asyncio.sleep(WARM_UP_S)

        async def sell(bus: str) -> None:
            until = time.perf_counter() + seconds
            unit = 0
            while time.perf_counter() < until:
                await asyncio.sleep(chance.uniform(0.5, 1.5) * ORDER_EVERY_S)
                unit = unit % wire.meters + 1
                order = _order(f"{int(bus):02d}{unit:03d}", counts)
                placed[order.order_id] = time.perf_counter()
                centre.place(order)

        await asyncio.gather(*(sell(bus) for bus in urls))
        await asyncio.sleep(3.0)
    done = {answer.order_id: at for at, answer in log.answers if answer.outcome is Outcome.DONE}
    if missing := len(placed) - len(done):
        raise RuntimeError(f"{missing} of {len(placed)} recharges were not proven: the figures would be worth nothing")
    return sorted(done[order_id] - at for order_id, at in placed.items())


def _order(meter: str, counts: dict[str, int]) -> Order:
    counts[meter] += 1
    return Order(
        order_id=f"{meter}-{counts[meter]}",
        meter=meter,
        kind=Kind.RECHARGE,
        placed_at_ms=_now_ms(),
        amount_fen=100,
        count=counts[meter],
    )


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


# --- telling


def _facts(
    wire: Wire, profile: Profile, healthy: _Cycle, living: _Cycle, recharges: list[float]
) -> dict[str, float | int]:
    floor_s = wire.meters * wire.sweep_s(profile)
    living_floor_s = (wire.meters - DEAD) * wire.sweep_s(profile)
    return {
        "floor_s": round(floor_s, 3),
        "cycle_s": round(healthy.cycle_s, 3),
        "ratio": round(floor_s / healthy.cycle_s, 4),
        "living_ratio_5_dead": round(living_floor_s / living.cycle_s, 4),
        "probe_share": round(living.probe_share, 4),
        "recharge_floor_ms": round(wire.recharge_s(profile) * 1000),
        "recharge_p50_ms": round(statistics.median(recharges) * 1000),
        "recharge_p95_ms": round(recharges[int(0.95 * (len(recharges) - 1))] * 1000),
        "recharges": len(recharges),
    }


def _print(facts: dict[str, float | int], wire: Wire) -> None:
    title = f"{BUSES} buses of {wire.meters} meters, {wire.baud} baud 8N1, {TURNAROUND_S * 1000:g} ms turnaround"
    table = Table(title=title, title_justify="left")
    for heading in ("", "measured", "limit or target"):
        table.add_column(heading, justify="right" if heading else "left")
    table.add_row("one cycle over a bus", f"{facts['cycle_s']:.3f} s", f"{facts['floor_s']:.3f} s")
    table.add_row("of the physical limit", f"{facts['ratio']:.3f}", f"≥ {RATIO_TARGET}")
    table.add_row(
        f"the living, {DEAD} of {wire.meters} silent", f"{facts['living_ratio_5_dead']:.3f}", f"≥ {LIVING_TARGET}"
    )
    table.add_row("bus time for probing the silent", f"{facts['probe_share']:.3f}", f"≤ {PROBE_TARGET}")
    floor_ms = facts["recharge_floor_ms"]
    table.add_row("recharge, median", f"{facts['recharge_p50_ms']} ms", f"{floor_ms} ms on the wire")
    table.add_row("recharge, 95 of 100", f"{facts['recharge_p95_ms']} ms", f"≤ {floor_ms + RECHARGE_TARGET_MS} ms")
    Console().print(table)
