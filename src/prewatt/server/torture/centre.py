"""The centre in a run: the real operations on a real database, behind a bad link, and mortal at every statement."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Any, TypeVar

import msgspec
from django.db import connection

from prewatt.domain import settlement
from prewatt.domain.dispatch import operations as dispatch
from prewatt.domain.estate import operations as estate
from prewatt.domain.estate import queries as estate_queries
from prewatt.domain.estate.models import Gateway
from prewatt.domain.metering import operations as metering
from prewatt.link.messages import Batch, BatchReply, Config, ConfigRequest, Message, OrdersReply, OrdersRequest
from prewatt.link.port import LinkError
from prewatt.server.torture.history import History
from prewatt.server.torture.process import Life, ProcessDead

T = TypeVar("T")
DOWN_S = (1.0, 300.0)


class CentreDown(Exception):
    """The centre died on us, before or after it did what was asked. Ask again with the same id."""


class Centre:
    """Serves the gateway's port and the people at the counter. `calm` ends all misfortune."""

    def __init__(
        self,
        gateway: Gateway,
        *,
        now_ms: Callable[[], int],
        luck: random.Random,
        misfortune: Misfortune,
        history: History,
    ) -> None:
        self._gateway, self._now_ms, self._luck, self._history = gateway, now_ms, luck, history
        self.misfortune = misfortune
        self._news, self._settled = asyncio.Event(), asyncio.Event()
        self._down_until_ms = 0
        self._cut_until_ms = 0
        self._next_cut_ms = self._draw_cut(now_ms())

    # --- people ------------------------------------------------------------------------------------------

    def ask(self, work: Callable[[], T]) -> T:
        """One domain call by a person. Raises CentreDown, perhaps after the call was committed."""
        return self._alive(work)

    def tend(self, work: Callable[[], int]) -> None:
        """One turn of the centre's own worker. Dying is no news to anybody; the gateway hears of what it did."""
        try:
            if self._alive(work, told=False):
                self._news.set()
        except CentreDown:
            self._history.note("worker_died")

    async def settled(self, *, timeout_s: float) -> None:
        """Until the next answer was settled, or the time is over."""
        self._settled.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._settled.wait()

    def now(self) -> datetime:
        return datetime.fromtimestamp(self._now_ms() / 1000, UTC)

    # --- the gateway's port ------------------------------------------------------------------------------

    async def send(self, batch: Batch) -> BatchReply:
        return await self._exchange(batch, self._take)

    async def orders(self, request: OrdersRequest) -> OrdersReply:
        reply = await self._exchange(request, lambda _: self._lease())
        if reply.orders:
            return reply
        self._news.clear()
        try:
            async with asyncio.timeout(request.wait_s):
                await self._news.wait()
        except TimeoutError:
            return reply
        return await self._exchange(request, lambda _: self._lease())

    async def config(self, request: ConfigRequest) -> Config:
        return await self._exchange(request, lambda _: estate_queries.gateway_config(self._fresh_gateway()))

    def _fresh_gateway(self) -> Gateway:
        """As it stands now: a meter that was changed gives it a new configuration."""
        return Gateway.objects.get(pk=self._gateway.pk)

    def _version(self) -> int:
        with connection.cursor() as cursor:  # asked for twice a message: not through the query builder
            cursor.execute("SELECT config_version FROM estate_gateway WHERE id = %s", [self._gateway.pk])
            return int(cursor.fetchone()[0])

    def _take(self, batch: Batch) -> BatchReply:
        now = self.now()
        estate.seen(gateway=self._gateway, now=now, sent_at_ms=batch.sent_at_ms)
        metering.record_readings(batch.readings, gateway=self._gateway, now=now)
        metering.record_health(batch.health, gateway=self._gateway, now=now)
        for answer in batch.answers:
            settled = settlement.settle(answer, gateway=self._gateway, now=now)
            self._history.note("settle", order=answer.order_id, outcome=answer.outcome.value, was=settled.value)
        if batch.answers:
            self._news.set()  # a settled order may have let the next one of its meter go ahead
            self._settled.set()
        return BatchReply(acked_seq=batch.last_seq, centre_time_ms=self._now_ms(), config_version=self._version())

    def _lease(self) -> OrdersReply:
        orders = dispatch.lease(gateway=self._gateway, now=self.now())
        for order in orders:
            self._history.note("lease", order=order.order_id, count=order.count, cancel=order.cancel)
        return OrdersReply(orders=orders, centre_time_ms=self._now_ms(), config_version=self._version())

    # --- the link ----------------------------------------------------------------------------------------

    async def _exchange(self, message: Message, work: Callable[[Any], T]) -> T:
        """There and back over the wire format; either way may be lost, and the other may have worked."""
        bad = self.misfortune
        got = msgspec.msgpack.decode(msgspec.msgpack.encode(message), type=type(message))
        await asyncio.sleep(self._luck.uniform(0.002, 0.3))
        if self._is_cut() or self._luck.random() < bad.lost_message:
            raise LinkError("lost on the way", retry=True, code="lost")
        copies = 2 if self._luck.random() < bad.doubled_message else 1
        try:
            replies = [self._alive(lambda: work(got), told=False) for _ in range(copies)]
        except CentreDown as error:
            raise LinkError("the centre is down", retry=True, code="down") from error
        await asyncio.sleep(self._luck.uniform(0.002, 0.3))
        if self._is_cut() or self._luck.random() < bad.lost_message:
            self._history.note("reply_lost", message=type(message).__name__)
            raise LinkError("the reply was lost", retry=True, code="reply_lost")
        return replies[-1]

    def _is_cut(self) -> bool:
        """The link is down for a while now and then, in bad cases for days."""
        now_ms = self._now_ms()
        if self.misfortune.cuts_per_day and now_ms >= self._next_cut_ms:
            self._cut_until_ms = now_ms + round(1000 * self._luck.uniform(*self.misfortune.cut_s))
            self._next_cut_ms = self._draw_cut(self._cut_until_ms)
            self._history.note("link_cut", until_ms=self._cut_until_ms)
        return bool(self.misfortune.cuts_per_day) and now_ms < self._cut_until_ms

    def _draw_cut(self, after_ms: int) -> int:
        per_day = self.misfortune.cuts_per_day
        return after_ms + round(self._luck.expovariate(per_day) * 86_400_000) if per_day else after_ms

    # --- death -------------------------------------------------------------------------------------------

    def _alive(self, work: Callable[[], T], *, told: bool = True) -> T:
        """Do it in one life of the centre: it may die at any statement, or between commit and reply."""
        if self._now_ms() < self._down_until_ms:
            raise CentreDown
        life = Life("centre", chance=self.misfortune.centre_death, luck=self._luck, history=self._history)
        try:
            with _mortal_statements(life):
                result = work()
            life.step("reply")
        except ProcessDead as death:
            self._down_until_ms = self._now_ms() + round(1000 * self._luck.uniform(*DOWN_S))
            _let_go()
            raise CentreDown from death
        if told:
            self._news.set()
        return result


class Misfortune(msgspec.Struct, frozen=True):
    """How bad the link and the centre's luck are. Chances are per message and per SQL statement."""

    lost_message: float = 0.0
    doubled_message: float = 0.0
    cuts_per_day: float = 0.0
    cut_s: tuple[float, float] = (30.0, 7200.0)
    centre_death: float = 0.0
    gateway_death: float = 0.0  # per call of a port
    held_write: float = 0.0  # a converter keeps a frame for a moment before it sends it on


MISFORTUNES = {
    "mild": Misfortune(
        lost_message=0.01,
        doubled_message=0.01,
        cuts_per_day=0.2,
        centre_death=2e-5,
        gateway_death=1e-4,
        held_write=0.02,
    ),
    "rough": Misfortune(
        lost_message=0.05,
        doubled_message=0.03,
        cuts_per_day=1.0,
        centre_death=1e-4,
        gateway_death=5e-4,
        held_write=0.25,
    ),
    "brutal": Misfortune(
        lost_message=0.2,
        doubled_message=0.1,
        cuts_per_day=2.0,
        cut_s=(60.0, 2.5 * 86_400),
        centre_death=1e-3,
        gateway_death=4e-3,
        held_write=0.25,
    ),
}


def _let_go() -> None:
    """What the database does when a client is gone: its open transaction is rolled back. The client's memory is new."""
    raw = connection.connection
    if raw.in_transaction:
        raw.execute("ROLLBACK")
    connection.in_atomic_block = connection.needs_rollback = False
    connection.savepoint_ids, connection.atomic_blocks, connection.run_on_commit = [], [], []


@contextmanager
def _mortal_statements(life: Life) -> Iterator[None]:
    def wrapper(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        life.step("sql")
        result = execute(sql, params, many, context)
        life.step("sql.after")
        return result

    with connection.execute_wrapper(wrapper):
        yield
