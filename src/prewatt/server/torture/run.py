"""One seed: a building, a gateway, a centre and people on virtual time until all has settled; then the verdict."""

from __future__ import annotations

import asyncio
import logging
import os
import random
import re
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import msgspec
import structlog

from prewatt.server.torture import database

database.set_up()

from prewatt.domain import settlement  # noqa: E402 - the database is chosen first
from prewatt.domain.billing import operations as billing  # noqa: E402
from prewatt.domain.dispatch import operations as dispatch  # noqa: E402
from prewatt.domain.dispatch.models import MeterOrder  # noqa: E402
from prewatt.domain.dispatch.states import OPEN  # noqa: E402
from prewatt.domain.estate import queries as estate_queries  # noqa: E402
from prewatt.domain.fleet import operations as fleet  # noqa: E402
from prewatt.domain.fleet import plans as fleet_plans  # noqa: E402
from prewatt.domain.ledger import operations as ledger  # noqa: E402
from prewatt.domain.metering import operations as metering  # noqa: E402
from prewatt.domain.staff.sealing import seal_log  # noqa: E402
from prewatt.domain.tariff import versions  # noqa: E402
from prewatt.domain.vending import closing, closing_queries  # noqa: E402
from prewatt.domain.vending.models import Sale  # noqa: E402
from prewatt.field.gateway.gateway import Gateway  # noqa: E402
from prewatt.field.gateway.journal import SqliteJournal  # noqa: E402
from prewatt.field.gateway.uplink import Pace  # noqa: E402
from prewatt.field.line.pipe import Pipe  # noqa: E402
from prewatt.link.messages import BusConfig  # noqa: E402
from prewatt.server.torture import checks, site  # noqa: E402
from prewatt.server.torture.centre import MISFORTUNES, Centre, Misfortune  # noqa: E402
from prewatt.server.torture.history import History  # noqa: E402
from prewatt.server.torture.payers import Payers  # noqa: E402
from prewatt.server.torture.people import People  # noqa: E402
from prewatt.server.torture.process import Life, MortalCentre, MortalJournal, MortalPipe, ProcessDead, is_write  # noqa: E402
from prewatt.server.torture.result import SeedResult  # noqa: E402
from prewatt.server.torture.rules import RULES, in_force  # noqa: E402
from prewatt.server.torture.tenants import Tenants  # noqa: E402
from prewatt.sim import virtual  # noqa: E402
from prewatt.sim.building import Building  # noqa: E402
from prewatt.sim.faults import LEVELS, Faults, Plan, Spells, Trouble  # noqa: E402

START_MS = 1_772_366_400_000  # 2026-03-01 12:00 UTC: the site's midnight is in the middle of a third of a day
DAY_MS = 86_400_000
SETTLE_DAYS_MAX = 3
RESTART_S = ((0.2, 2.5), (2.5, 120.0))  # a supervisor is quick, a power cut is not
PACE = Pace(gather_s=30.0, heartbeat_s=3600.0, poll_s=1800)
CLOSER_S, CLOSER_REST_S = 600.0, 2.0  # looks when an order ended, and now and then
REST_MS = 1_800_000  # an idle bus rests: money and misfortune are to dominate
TENANTS = 0.4  # how many wishes of a tenant whose money the platform counts come to one of the others
PAYERS = 0.5  # orders paid by providers, of all tenants together, to the wishes of one meter
WORK_S = 10800.0  # seldom: what it does is most of what a seed costs beyond the money itself
WORK: tuple[Callable[[datetime], object], ...] = (
    lambda now: dispatch.expire(now=now),
    lambda now: versions.take_effect(now=now),
    lambda now: fleet_plans.send_due(now=now),
    lambda now: fleet.close_finished(now=now),
    lambda now: metering.close_hours(now=now),
    lambda now: metering.close_days(now=now),
    lambda now: billing.rate(now=now, every=timedelta(0)),  # its turns are seldom enough
    lambda now: settlement.post_closed_days(now=now),
    lambda _now: ledger.seal(),
    lambda _now: seal_log(),
)
STORY_LINES_MAX = 120
MISTAKES_MAX = 20


class ToldFaults(Faults):
    """Every fault goes into the history; once `calm` is set there are no more."""

    def __init__(self, seed: int, plan: Plan, history: History) -> None:
        super().__init__(seed, plan)
        self.calm = False
        self._history = history

    def draw(self, *, is_write: bool) -> str | None:
        kind = super().draw(is_write=is_write)
        return None if self.calm else kind

    def record(self, at_ms: int, bus: str, meter: str, kind: str, detail: str = "") -> None:
        super().record(at_ms, bus, meter, kind, detail)
        self._history.note("fault", meter=meter, kind=kind, detail=detail)

    def spells(self, name: str, trouble: Trouble) -> Spells:
        return _CalmSpells(super().spells(name, trouble), self)


class _CalmSpells(Spells):
    def __init__(self, spells: Spells, faults: ToldFaults) -> None:
        super().__init__(spells._random, spells._trouble)
        self._faults = faults

    def current(self, now_ms: int) -> tuple[int, int] | None:
        return None if self._faults.calm else super().current(now_ms)

    def upcoming(self, now_ms: int) -> tuple[int, int] | None:
        return None if self._faults.calm else super().upcoming(now_ms)


class Plot(msgspec.Struct, frozen=True, kw_only=True):
    """What a run is made of. The same plot and seed give the same history to the byte."""

    seed: int
    days: float
    level: str = "rough"  # of FAULTS and MISFORTUNES
    meters: int = 3
    sales: float = 40.0  # wishes a meter and day: sales, refunds, reversals, switching
    rules: str = "good"


def run_seed(plot: Plot) -> SeedResult:
    """Raises nothing for what a strategy does wrong: that is the result."""
    _quiet()
    result = _once(plot)
    return result if not result.failed else _shortest(plot, result)


def _shortest(plot: Plot, result: SeedResult) -> SeedResult:
    """The same seed for fewer days is a prefix of the same run: find a short one that still fails, and tell that."""
    low, best = 0.0, result
    for _ in range(5):
        middle = (low + best.days) / 2
        shorter = _once(msgspec.structs.replace(plot, days=middle))
        if shorter.failed:
            best = shorter
        else:
            low = middle
    return replace(result, story=(f"still fails after {best.days:.2f} days:", *best.story))


def _once(plot: Plot) -> SeedResult:
    database.fresh()
    folder = Path(tempfile.mkdtemp(prefix="prewatt-torture-", dir=_in_memory()))
    try:
        with in_force(RULES[plot.rules]):
            return virtual.run(_world(plot, folder), start_ms=START_MS, seed=plot.seed)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _in_memory() -> str | None:
    """Journals of dead gateways need no disk."""
    shared = Path("/dev/shm")  # noqa: S108 - a folder of our own, with a random name, is made in it
    return str(shared) if shared.is_dir() and os.access(shared, os.W_OK) else None


async def _world(plot: Plot, folder: Path) -> SeedResult:
    return await World(plot, folder).run()


class World:
    """Everything of one run."""

    def __init__(self, plot: Plot, folder: Path) -> None:
        self.plot, self.folder, self.strategy = plot, folder, RULES[plot.rules]
        self.now_ms = virtual.now_ms
        self.history = History(self.now_ms)
        site.write_profiles(folder)
        plan = site.fleet(plot.meters, self._luck("fleet"))
        self.faults = ToldFaults(plot.seed, LEVELS[plot.level], self.history)
        self.building = Building.from_fleet(
            plan, now_ms=self.now_ms, seed=plot.seed, faults=self.faults, profile_dirs=(folder,)
        )
        self.estate = site.Estate(plan, self.now_ms())
        self.misfortune = MISFORTUNES[plot.level]
        self.centre = Centre(
            self.estate.gateway,
            now_ms=self.now_ms,
            luck=self._luck("link"),
            misfortune=self.misfortune,
            history=self.history,
        )
        self.people = People(
            self.estate, self.centre, luck=self._luck("people"), history=self.history, sales_per_day=plot.sales
        )
        self.tenants = Tenants(
            self.estate,
            self.centre,
            luck=self._luck("tenants"),
            history=self.history,
            sales_per_day=plot.sales * TENANTS,
            look=lambda meter: self.building.meters[meter.number].values(self.now_ms()),
        )
        self.payers = Payers(
            self.estate,
            self.centre,
            luck=self._luck("payers"),
            history=self.history,
            per_day=plot.sales * PAYERS,
        )
        self._death = self._luck("death")
        self.frames = 0
        self._lives = 0
        self.mistakes: list[BaseException] = []
        self._stopping = False
        self._ghosts: set[asyncio.Task[None]] = set()

    def _luck(self, what: str) -> random.Random:
        return random.Random(f"{self.plot.seed} {what}")  # noqa: S311 - a seed that can be repeated is the point

    async def run(self) -> SeedResult:
        keeper = asyncio.create_task(self._keep_gateway(), name="keeper")
        worker = asyncio.create_task(self._worker(), name="worker")
        closer = asyncio.create_task(self._closer(), name="closer")
        end_ms = START_MS + round(self.plot.days * DAY_MS)
        async with asyncio.TaskGroup() as lives:
            lives.create_task(self.people.live(end_ms, self.now_ms))
            lives.create_task(self.tenants.live(end_ms, self.now_ms))
            lives.create_task(self.payers.live(end_ms, self.now_ms))
        await self._settle()
        self._stopping = True
        keeper.cancel()
        worker.cancel()
        closer.cancel()
        await asyncio.gather(keeper, worker, closer, return_exceptions=True)
        return self._result()

    # --- the gateway's lives -----------------------------------------------------------------------------

    async def _keep_gateway(self) -> None:
        """Start it, let it die, start it again from its journal."""
        path = self.folder / "journal-0.sqlite3"
        while not self._stopping:
            path = await self._live(path)
            if len(self.mistakes) > MISTAKES_MAX:
                raise self.mistakes[-1]
            await asyncio.sleep(self._death.uniform(*self._death.choice(RESTART_S)))

    async def _live(self, path: Path) -> Path:
        self._lives += 1
        life = Life("gateway", chance=self.misfortune.gateway_death, luck=self._death, history=self.history)
        died = asyncio.Event()
        life.on_death = died.set
        pipes: list[MortalPipe] = []

        def open_pipe(bus: BusConfig) -> Pipe:
            pipes.append(self._pipe(bus, life))
            return pipes[-1]

        running = asyncio.create_task(self._be_gateway(path, life, open_pipe), name=f"gateway-{self._lives}")
        waiting = asyncio.create_task(died.wait(), name=f"death-{self._lives}")
        try:
            await asyncio.wait([running, waiting], return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiting.cancel()
            life.kill("end")
        return self._bury(running, pipes, path)

    async def _be_gateway(self, path: Path, life: Life, open_pipe: Callable[[BusConfig], Pipe]) -> None:
        journal = SqliteJournal(path, threaded=False, synchronous="OFF")
        config = await journal.config() or estate_queries.gateway_config(self.estate.gateway)
        gateway = Gateway(
            config,
            journal=MortalJournal(journal, life),
            open_pipe=open_pipe,
            centre=MortalCentre(self.centre, life),
            now_ms=self.now_ms,
            random=self._luck(f"gateway {self._lives}"),
            recharge_rules=self.strategy.recharge,
            directories=(self.folder,),
            pace=PACE,
            rest_ms=REST_MS,
        )
        await gateway.run()

    def _pipe(self, bus: BusConfig, life: Life) -> MortalPipe:
        return MortalPipe(_Converter(self.building.open_pipe(bus), self, bus.bus), life)

    def _bury(self, running: asyncio.Task[None], pipes: list[MortalPipe], path: Path) -> Path:
        """What the dead life had committed is copied; what it still mumbles goes into the old file."""
        if running.done() and not running.cancelled() and (error := running.exception()) is not None:
            self._told_of(error)
        running.cancel()
        self._ghosts.add(running)
        running.add_done_callback(self._laid)
        for pipe in pipes:
            pipe.close()
        copy = self.folder / f"journal-{self._lives}.sqlite3"
        for tail in ("", "-wal"):
            if (old := path.with_name(path.name + tail)).exists():
                shutil.copyfile(old, copy.with_name(copy.name + tail))
                old.unlink()  # the ghost keeps its handle; nobody else may find it
        return copy

    def _laid(self, ghost: asyncio.Task[None]) -> None:
        """It mumbles no more: whatever that gateway was made of can go."""
        self._ghosts.discard(ghost)
        _forget(ghost)

    def _told_of(self, error: BaseException) -> None:
        """The gateway ended by itself: a mistake of the program, unless it was killed."""
        if not isinstance(error, ProcessDead):
            self.history.note("gateway_ended", error=f"{type(error).__name__}: {error}")
            self.mistakes.append(error)

    # --- the centre's worker -----------------------------------------------------------------------------

    async def _worker(self) -> None:
        while True:
            await asyncio.sleep(WORK_S)
            self._work()

    async def _closer(self) -> None:
        """What drives accounts that end, as mortal as everything at the centre."""
        while True:
            await self.centre.settled(timeout_s=CLOSER_S)
            await asyncio.sleep(CLOSER_REST_S)
            self.centre.tend(lambda: closing.advance(now=self.centre.now()))

    def _work(self) -> None:
        """Every loop of the worker, in their order; each may die in the middle, and begins again at the next turn."""
        for work in WORK:
            self.centre.tend(partial(self._turn, work))

    def _turn(self, work: Callable[[datetime], object]) -> int:
        """Orders that it places wait until the gateway asks by itself: nobody is told."""
        work(self.centre.now())
        return 0

    # --- the end -----------------------------------------------------------------------------------------

    async def _settle(self) -> None:
        """No more misfortune: everything that was begun ends, every meter is read, every day is closed."""
        self.history.note("calm")
        self.faults.calm = True
        self.misfortune = self.centre.misfortune = Misfortune()
        await self.payers.settle()
        for _ in range(SETTLE_DAYS_MAX * 24):
            await asyncio.sleep(3600)
            await self.people.decide_all()
            await self.people.look_after()
            await self.payers.settle()
            under_way = closing_queries.under_way(operator=self.estate.operator)
            if not MeterOrder.objects.filter(state__in=OPEN).exists() and not under_way.exists():
                break
        await self.tenants.type_in()
        await asyncio.sleep(2 * site.SWEEP_S / 1000 + 2 * site.SWEEP_S)
        self.building.advance(self.now_ms())
        self._work()

    def _result(self) -> SeedResult:
        truth = self.building.truth()
        verdict = checks.judge(truth)
        for what in self.payers.judge():
            verdict.blame(what)
        for error in self.mistakes[:3]:
            verdict.blame(f"the gateway ended by itself: {type(error).__name__}: {error}")
        kills = self.history.counts.get("kill", 0)
        return SeedResult(
            seed=self.plot.seed,
            days=self.plot.days,
            sales=Sale.objects.count(),
            orders=MeterOrder.objects.filter(kind__in=("recharge", "refund", "open"), count__isnull=False).count(),
            frames=self.frames,
            faults=sum(self.faults.counts.values()),
            kills=kills,
            decided=self.people.decided,
            double=verdict.double,
            lost=verdict.lost,
            unexplained=verdict.unexplained,
            broken=tuple(verdict.broken[:20]),
            history_sha256=self.history.sha256,
            story=tuple(self._story(verdict)) if verdict.broken else (),
        )

    def _story(self, verdict: checks.Verdict) -> list[str]:
        """The lines about the blamed orders, else the last ones, with what happened to their meters between them."""
        names = set(verdict.orders[:3]) or self._of_blamed_meters(verdict)
        told = [line for line in self.history.told if any(name in line for name in names)] if names else []
        return (told or self.history.last(STORY_LINES_MAX))[:STORY_LINES_MAX]

    def _of_blamed_meters(self, verdict: checks.Verdict) -> set[str]:
        """Nobody's order is blamed: the last orders of the first meter that a broken statement names."""
        numbers = [number for what in verdict.broken for number in re.findall(r"meter (\d+)", what)][:1]
        orders = MeterOrder.objects.filter(meter__number__in=numbers).order_by("-placed_at")
        return set(orders.values_list("pk", flat=True)[:5])


class _Converter:
    """The serial converter between gateway and bus. It may keep a frame for a moment; all that passes is told."""

    def __init__(self, pipe: Pipe, world: World, bus: str) -> None:
        self._pipe, self._world, self._bus = pipe, world, world.building.buses[bus]

    async def open(self, receive: object, lost: object) -> None:
        history = self._world.history

        def told(data: bytes | memoryview) -> None:
            history.note("in", bytes=bytes(data).hex())
            receive(data)  # type: ignore[operator]

        await self._pipe.open(told, lost)  # type: ignore[arg-type]

    def write(self, data: bytes) -> None:
        world = self._world
        world.frames += 1
        if world._death.random() < (world.misfortune.held_write if is_write(data) else 0.0):
            wait_s = world._death.uniform(0.2, 3.0)
            world.history.note("held", bytes=data.hex(), s=round(wait_s, 3))
            # It is in the converter's memory: the death of who wrote it does not take it back.
            asyncio.get_running_loop().call_later(wait_s, self._bus.transmit, data)
            return
        world.history.note("out", bytes=data.hex())
        self._pipe.write(data)

    def close(self) -> None:
        self._pipe.close()


def _forget(task: asyncio.Task[None]) -> None:
    if not task.cancelled():
        task.exception()


def _quiet() -> None:
    logging.disable(logging.CRITICAL)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
