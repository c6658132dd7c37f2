"""A small site on virtual time:

real gateway, real journal, real line; virtual meters behind a wire that obeys a script.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

from prewatt import profiles
from prewatt.field.gateway.gateway import Gateway
from prewatt.field.gateway.journal import SqliteJournal
from prewatt.field.gateway.uplink import Pace
from prewatt.field.line.pipe import Lost, PipeError, Receive
from prewatt.field.wire import modbus
from prewatt.link.messages import (
    Answer,
    Batch,
    BatchReply,
    BusConfig,
    Config,
    ConfigRequest,
    Finding,
    Inquiry,
    Kind,
    MeterConfig,
    Order,
    OrdersReply,
    OrdersRequest,
    Outcome,
    Reading,
)
from prewatt.link.port import LinkError
from prewatt.sim import virtual
from prewatt.sim.memory import MeterSpec, Refused
from prewatt.sim.meter import Meter

START_MS = 1_800_000_000_000
PROFILE = "acrel-dtsy1352-nk"
ALL = ["manual", "observed", "unverified", "simulated"]
CHAR_S = 10 / 9600
T = TypeVar("T")


class SteadyLoad:
    def __init__(self, watts: int = 1_000) -> None:
        self.watts = watts

    def segment(self, at_ms: int) -> tuple[int, int]:
        return self.watts, at_ms + 3_600_000


class Room:
    """One virtual meter at a unit of the bus. `script` may change what happens to a request (see `Wire`)."""

    def __init__(self, unit: int, number: str, **spec: Any) -> None:
        self.unit, self.number = unit, number
        self.meter = Meter(MeterSpec(number=number, **spec), SteadyLoad(), now_ms=START_MS)
        self.meter.open_account(amount_fen=10_000)
        self.meter.recharge(amount_fen=5_000, count=1)
        self.meter.advance(START_MS + 1_000)
        self.profile = profiles.load(PROFILE).allowed(ALL)
        self.dead = False
        self.turnaround_s = 0.02

    def answer(self, request: modbus.Request) -> bytes:
        """The pdu of the answer."""
        now = virtual.now_ms()
        if request.function == 3:
            block = profiles.Block(3, request.address, request.count)
            registers = self.profile.show(block, self.meter.values(now))
            return modbus.encode_reply(request, modbus.Reply(request.unit, 3, registers))
        command = self.profile.parse_write(request.function, request.address, request.values)
        if command is None:
            return modbus.encode_exception(request, 2)
        try:
            self.meter.apply(*command, now)
        except Refused:
            return modbus.encode_exception(request, 4)
        return modbus.encode_reply(request, modbus.Reply(request.unit, request.function))


# What a script says of one request: the answer as it would leave, or a replacement; None: silence.
Script = Callable[["Room", modbus.Request, Callable[[], bytes]], bytes | None]


def honest(_room: Room, _request: modbus.Request, answer: Callable[[], bytes]) -> bytes | None:
    return answer()


class Wire:
    """A 9600 baud RS-485 bus with true times. `script(room, request, answer)`: calling `answer` lets the meter act."""

    def __init__(self, rooms: list[Room], script: Script = honest) -> None:
        self.rooms = {room.unit: room for room in rooms}
        self.script = script
        self.requests: list[tuple[int, modbus.Request]] = []
        self.cut = False
        self.busy_s = 0.0
        self._reader = modbus.RtuServerReader()
        self._receive: Receive | None = None
        self._lost: Lost | None = None

    @property
    def writes(self) -> list[modbus.Request]:
        return [request for _, request in self.requests if request.is_write]

    async def open(self, receive: Receive, lost: Lost) -> None:
        if self.cut:
            raise PipeError("cut")
        self._receive, self._lost = receive, lost
        self._reader.reset()

    def write(self, data: bytes) -> None:
        loop = asyncio.get_running_loop()
        for request in self._reader.feed(data):
            loop.call_later(len(data) * CHAR_S, self._heard, request)

    def _heard(self, request: modbus.Request) -> None:
        self.requests.append((virtual.now_ms(), request))
        room = self.rooms.get(request.unit)
        if room is None or room.dead:
            return
        pdu = self.script(room, request, lambda: room.answer(request))
        if pdu is not None:
            frame = modbus.rtu_frame(request.unit, pdu)
            loop = asyncio.get_running_loop()
            loop.call_later(room.turnaround_s + len(frame) * CHAR_S, self._deliver, frame)

    def _deliver(self, frame: bytes) -> None:
        if self._receive is not None:
            self._receive(frame)

    def break_line(self) -> None:
        self.cut = True
        lost, self._receive, self._lost = self._lost, None, None
        if lost is not None:
            lost(PipeError("cut"))

    def close(self) -> None:
        self._receive = self._lost = None


class Centre:
    """A centre that keeps what comes, in memory, and gives out orders until they are taken."""

    def __init__(self) -> None:
        self.readings: list[Reading] = []
        self.answers: list[Answer] = []
        self.events: list[Any] = []
        self.health: list[Any] = []
        self.batches: list[Batch] = []
        self.queue: dict[str, Order] = {}
        self.acked_seq = 0
        self.inquiries: list[Inquiry] = []  # given out once
        self.findings: list[Finding] = []
        self.down = False
        self.config_now: Config | None = None
        self.wake: asyncio.Event | None = None

    def place(self, order: Order) -> None:
        self.queue[order.order_id] = order
        if self.wake is not None:
            self.wake.set()

    def look(self, inquiry_id: str = "i1", kind: str = "scan", **changes: Any) -> None:
        """An engineer looks at the bus."""
        facts: dict[str, Any] = {"bus": "b1", "seconds": 900, "expires_at_ms": virtual.now_ms() + 1_000_000, **changes}
        self.inquiries.append(Inquiry(inquiry_id=inquiry_id, kind=kind, **facts))
        if self.wake is not None:
            self.wake.set()

    def found(self, inquiry_id: str = "i1") -> list[Finding]:
        return [one for one in self.findings if one.inquiry_id == inquiry_id]

    def end(self, inquiry_id: str = "i1") -> Finding | None:
        return next((one for one in self.found(inquiry_id) if one.final), None)

    async def send(self, batch: Batch) -> BatchReply:
        await asyncio.sleep(0.05)
        if self.down:
            raise LinkError("down", retry=True)
        self.batches.append(batch)
        self.findings += batch.findings
        if batch.last_seq > self.acked_seq:
            self.readings += batch.readings
            self.events += batch.events
            self.health += batch.health
            self.acked_seq = batch.last_seq
        for answer in batch.answers:
            if answer not in self.answers:
                self.answers.append(answer)
            self.queue.pop(answer.order_id, None)
        return BatchReply(acked_seq=self.acked_seq, centre_time_ms=virtual.now_ms(), config_version=self._version())

    async def orders(self, request: OrdersRequest) -> OrdersReply:
        self.wake = asyncio.Event()
        if not self.queue and not self.inquiries:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(request.wait_s):
                    await self.wake.wait()
        await asyncio.sleep(0.05)
        if self.down:
            raise LinkError("down", retry=True)
        inquiries, self.inquiries = self.inquiries, []
        return OrdersReply(
            orders=list(self.queue.values()),
            centre_time_ms=virtual.now_ms(),
            config_version=self._version(),
            inquiries=inquiries,
        )

    async def config(self, _request: ConfigRequest) -> Config:
        assert self.config_now is not None
        return self.config_now

    def _version(self) -> int:
        return 0 if self.config_now is None else self.config_now.version

    def outcome(self, order_id: str) -> Answer | None:
        """How the order ended, if it did."""
        ended = [one for one in self.answers if one.order_id == order_id and one.outcome is not Outcome.TAKEN]
        assert len({one.outcome for one in ended}) <= 1, ended
        return ended[0] if ended else None


class Site:
    """Everything of one site, to be run inside `virtual.run`."""

    def __init__(self, folder: Path, *, rooms: list[Room] | None = None, script: Script = honest, **bus: Any) -> None:
        self.folder = folder
        self.rooms = rooms if rooms is not None else [Room(1, "m1")]
        self.wire = Wire(self.rooms, script)
        self.centre = Centre()
        self.config = Config(
            version=1,
            gateway="g1",
            buses=[BusConfig(bus="b1", url="rtu+tcp://127.0.0.1:1?baud=9600", **bus)],
            meters=[
                MeterConfig(
                    meter=room.number,
                    bus="b1",
                    unit=room.unit,
                    profile=PROFILE,
                    allow=list(ALL),
                    ct_ratio=room.meter.spec.ct_ratio,
                )
                for room in self.rooms
            ],
        )
        self.journal: SqliteJournal = None  # type: ignore[assignment]
        self.gateway: Gateway = None  # type: ignore[assignment]
        self._task: asyncio.Task[None] | None = None
        self.rest_ms: int | None = None
        self.pace = Pace(gather_s=0.2)
        self.make_journal: Callable[[Path], SqliteJournal] = lambda path: SqliteJournal(
            path, threaded=False, synchronous="OFF"
        )
        self.rules: dict[str, Any] = {}

    def start(self, *, centre: bool = True) -> None:
        self.journal = self.make_journal(self.folder / "journal.db")
        self.gateway = Gateway(
            self.config,
            journal=self.journal,
            open_pipe=lambda bus: self.wire if bus.bus == "b1" else Wire([]),
            centre=self.centre if centre else None,
            now_ms=virtual.now_ms,
            random=random.Random(1),
            pace=self.pace,
            rest_ms=self.rest_ms,
            **self.rules,
        )
        self._task = asyncio.get_running_loop().create_task(self.gateway.run(), name="gateway")

    async def kill(self) -> None:
        """As kill -9: nothing is finished, nothing that was not on the disk survives."""
        assert self._task is not None
        self._task.cancel()
        for task in (*self.gateway._tasks.values(), *self.gateway._retiring.values()):
            task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        self.wire.close()
        self.journal._db.close()

    @property
    def crashed(self) -> BaseException | None:
        assert self._task is not None
        return self._task.exception() if self._task.done() and not self._task.cancelled() else None

    async def stop(self) -> None:
        self.gateway.stop()
        assert self._task is not None
        await self._task
        await self.journal.close()

    async def until(self, condition: Callable[[], object], *, seconds: float = 120.0, every_s: float = 0.05) -> None:
        """Wait on virtual time; fails when it does not come true."""
        loop = asyncio.get_running_loop()
        limit = loop.time() + seconds
        while not condition():
            assert loop.time() < limit, "it did not happen in time"
            assert self.crashed is None, self.crashed
            await asyncio.sleep(every_s)

    async def answer(self, order_id: str, *, seconds: float = 120.0) -> Answer:
        await self.until(lambda: self.centre.outcome(order_id), seconds=seconds)
        found = self.centre.outcome(order_id)
        assert found is not None
        return found


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    return virtual.run(coroutine, start_ms=START_MS + 1_000, seed=1)


def recharge(order_id: str = "o1", **changes: Any) -> Order:
    facts: dict[str, Any] = {"meter": "m1", "kind": Kind.RECHARGE, "amount_fen": 10_000, "count": 2}
    return Order(order_id=order_id, placed_at_ms=START_MS, **{**facts, "bought_before_fen": 15_000, **changes})
