"""To the centre and back: journal rows go up in order until acknowledged, orders come down. Outbound only.

One batch is under way at a time. A gateway that was cut off for a week delivers the week in order, a batch at a time
with a pause between, so that many gateways that come back together do not flood their centre; answers about money do
not wait behind those readings.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable

import msgspec
import structlog

from prewatt.field.gateway.findings import Findings
from prewatt.field.gateway.journal import Journal, Pending
from prewatt.link.messages import (
    READINGS_PER_BATCH_MAX,
    Answer,
    Batch,
    BatchReply,
    Config,
    ConfigRequest,
    Finding,
    Inquiry,
    Order,
    OrdersRequest,
)
from prewatt.link.port import CentrePort, LinkError

log = structlog.get_logger()

GATHER_S = 1.0  # readings of about the same time travel together; answers do not wait for them
PACE_S = 0.25  # between two batches of a backlog
HEARTBEAT_S = 30.0
POLL_S = 20
BACK_OFF_S_MIN, BACK_OFF_S_MAX = 1.0, 60.0
CLOCK_ERROR_MS_MAX = 60_000
AHEAD_MEMORY_MAX = 10_000


class Pace(msgspec.Struct, frozen=True):
    """How eagerly the centre is spoken to."""

    gather_s: float = GATHER_S
    pace_s: float = PACE_S
    heartbeat_s: float = HEARTBEAT_S
    poll_s: int = POLL_S
    rows_max: int = READINGS_PER_BATCH_MAX


class BackOff:
    """Doubling waits with jitter, so that gateways that lost their centre together do not come back together."""

    def __init__(self, chance: random.Random) -> None:
        self._random = chance
        self._wait_s = 0.0

    def reset(self) -> None:
        self._wait_s = 0.0

    def next_s(self, *, hopeless: bool) -> float:
        """`hopeless`: the same message will never be taken (a wrong key); a person has to act, so ask rarely."""
        self._wait_s = BACK_OFF_S_MAX if hopeless else min(BACK_OFF_S_MAX, max(BACK_OFF_S_MIN, 2 * self._wait_s))
        return self._wait_s * (0.5 + self._random.random())


class Uplink:
    """The two conversations with the centre: batches up, orders down."""

    def __init__(
        self,
        *,
        centre: CentrePort,
        journal: Journal,
        now_ms: Callable[[], int],
        chance: random.Random,
        config_version: Callable[[], int],
        on_orders: Callable[[list[Order]], Awaitable[None]],
        on_config: Callable[[Config], Awaitable[None]],
        on_inquiries: Callable[[list[Inquiry], int], None] = lambda _inquiries, _centre_time_ms: None,
        findings: Findings | None = None,
        pace: Pace | None = None,
        software: str = "",
    ) -> None:
        self._centre, self._journal, self._now_ms = centre, journal, now_ms
        self._config_version, self._on_orders, self._on_config = config_version, on_orders, on_config
        self._on_inquiries, self._findings = on_inquiries, findings or Findings()
        self._pace = pace or Pace()
        self._software = software
        self._send_back_off, self._poll_back_off = BackOff(chance), BackOff(chance)
        self._news = asyncio.Event()  # rows wait
        self._urgent = asyncio.Event()  # and shall not wait for others
        self._unsent: Pending | None = None  # a full batch that did not get through: not read from the disk again
        self._ahead: set[str] = set()  # answers that the centre already has, from further back in the queue
        self.is_linked = False
        self.last_error = ""
        self.centre_clock_error_ms: int | None = None
        self.config_seen = 0  # the version that the centre has; 0: not heard yet
        journal.on_news(self._on_news)
        self._findings.on_news(self._news.set)

    def _on_news(self, urgent: bool) -> None:
        self._news.set()
        if urgent:
            self._urgent.set()

    @property
    def is_clock_trusted(self) -> bool:
        """The centre agrees about the time, or has not been asked: only then may meters' clocks be set by ours."""
        return self.centre_clock_error_ms is None or abs(self.centre_clock_error_ms) <= CLOCK_ERROR_MS_MAX

    # --- up -----------------------------------------------------------------------------------------------------------

    async def deliver(self) -> None:
        """Send what waits, for ever; an empty batch now and then says that we live."""
        while True:
            more = await self._deliver_once()
            if more:
                await asyncio.sleep(self._pace.pace_s)
            else:
                await self._wait_for_news()

    async def _deliver_once(self) -> bool:
        self._news.clear()
        self._urgent.clear()
        pending = self._unsent or await self._journal.pending(self._pace.rows_max)
        findings = self._findings.next()
        try:
            reply = await self._centre.send(self._batch(pending, findings))
        except LinkError as error:
            self._unsent = pending if pending.more else None
            if not error.retry:
                self._findings.delivered(findings)  # never again: they must not be what keeps the readings here
            await self._failed(error, self._send_back_off, "send")
            return True
        self._unsent = None
        self._findings.delivered(findings)
        await self._delivered(pending, reply)
        return pending.more

    def _batch(self, pending: Pending, findings: list[Finding]) -> Batch:
        ahead = [answer for answer in pending.ahead if _mark(answer) not in self._ahead]
        return Batch(
            sent_at_ms=self._now_ms(),
            first_seq=pending.first_seq,
            last_seq=pending.last_seq,
            readings=pending.readings,
            answers=pending.answers + ahead,
            events=pending.events,
            health=pending.health,
            findings=findings,
            software=self._software,
        )

    async def _delivered(self, pending: Pending, reply: BatchReply) -> None:
        self._succeeded(self._send_back_off)
        self.centre_clock_error_ms = self._now_ms() - reply.centre_time_ms
        self._ahead.update(_mark(answer) for answer in pending.ahead)
        self._ahead.difference_update(_mark(answer) for answer in pending.answers)
        if len(self._ahead) > AHEAD_MEMORY_MAX:
            self._ahead.clear()  # sending an answer twice is harmless
        if pending and reply.acked_seq >= pending.first_seq:
            await self._journal.acknowledge(min(reply.acked_seq, pending.last_seq))
        await self._look_at_config(reply.config_version)

    async def _wait_for_news(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._pace.heartbeat_s):
                await self._news.wait()
        if not self._urgent.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._pace.gather_s):
                    await self._urgent.wait()

    # --- down ---------------------------------------------------------------------------------------------------------

    async def listen(self) -> None:
        """Long-poll for orders, for ever."""
        while True:
            request = OrdersRequest(
                sent_at_ms=self._now_ms(), wait_s=self._pace.poll_s, config_version=self._config_version()
            )
            try:
                reply = await self._centre.orders(request)
            except LinkError as error:
                await self._failed(error, self._poll_back_off, "orders")
                continue
            self._succeeded(self._poll_back_off)
            self.centre_clock_error_ms = self._now_ms() - reply.centre_time_ms
            await self._look_at_config(reply.config_version)
            if reply.orders:
                await self._on_orders(reply.orders)
            if reply.inquiries:
                self._on_inquiries(reply.inquiries, reply.centre_time_ms)
            await asyncio.sleep(0)

    async def _look_at_config(self, version: int) -> None:
        self.config_seen = version or self._config_version()
        if self.config_seen == self._config_version():
            return
        try:
            config = await self._centre.config(ConfigRequest(sent_at_ms=self._now_ms()))
        except LinkError as error:
            log.warning("config_not_fetched", error=str(error))
            return
        if config.version != self._config_version():
            await self._on_config(config)

    # --- failures -----------------------------------------------------------------------------------------------------

    def _succeeded(self, back_off: BackOff) -> None:
        back_off.reset()
        if not self.is_linked:
            log.info("link_up")
        self.is_linked, self.last_error = True, ""

    async def _failed(self, error: LinkError, back_off: BackOff, what: str) -> None:
        wait_s = back_off.next_s(hopeless=not error.retry)
        if self.is_linked or error.code != self.last_error:
            log.warning("link_down", what=what, code=error.code, error=str(error), retry_in_s=round(wait_s, 1))
        self.is_linked, self.last_error = False, error.code
        await asyncio.sleep(wait_s)


def _mark(answer: Answer) -> str:
    return f"{answer.order_id}:{answer.outcome}"
