"""One asyncio task owns one bus: it asks what the schedule says, believes what can be believed, and carries out orders.

The bus waits for nothing but the line: opening, decoding, the journal and the uplink all happen elsewhere or at no cost
worth naming. Only a money or switching step waits for the disk, because its bytes must not leave before it is stored.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import structlog

from prewatt import profiles
from prewatt.field.gateway.desk import Desk
from prewatt.field.gateway.journal import Journal, JournalFull, OpenOrder, is_money
from prewatt.field.gateway.meters import SETTINGS_EVERY_MS, SETTINGS_FIRST_MS, Meter, Question, Wiring
from prewatt.field.gateway.recharge import RechargeRules
from prewatt.field.gateway.schedule import Idle, Job, JobKind, Outcome, Priority, Schedule
from prewatt.field.gateway.switching import SwitchRules
from prewatt.field.gateway.turn import Turn, Turned, Work, outcome_of
from prewatt.field.line.line import Line, LineDown, LineError, LineNoisy, NoAnswer
from prewatt.field.line.opening import framing_for
from prewatt.field.line.pipe import Pipe
from prewatt.field.line.url import Url
from prewatt.field.wire.errors import ErrorAnswer, ExceptionAnswer, WireError
from prewatt.link.messages import (
    SWITCH_KINDS,
    BusConfig,
    Config,
    Event,
    Finding,
    Inquiry,
    Kind,
    MeterConfig,
    MeterHealth,
    Order,
    Reading,
)
from prewatt.link.messages import Outcome as OrderOutcome
from prewatt.profiles import NotAllowed, ProfileError

log = structlog.get_logger()

HOUSE_MS_MIN, HOUSE_MS_MAX = 1_000, 30_000  # how often health is looked after: a twentieth of what makes a meter lost
CLOCK_JUMP_MS = 5_000  # a wall clock that moved by more takes the schedule with it
CEILING_FRESH_MS = 1_800_000  # fresher than a recharge asks for, so that it finds it known
CLOCK_PAUSE_MS = 3_600_000  # a meter's clock is set at most once an hour
FULL_AGAIN_MS = 10_000
VERIFY_AGAIN_MS = 4_000
BASELINE_MS = 900_000  # how often a meter's last good reading is also remembered over a restart
_TOLD = ("energy_wh", "balance_fen", "purchase_count")
_FAILURES = (LineError, WireError)


class Poller:
    """The owner of one bus."""

    def __init__(
        self,
        bus: BusConfig,
        meters: Sequence[MeterConfig],
        *,
        config: Config,
        pipe: Pipe,
        journal: Journal,
        now_ms: Callable[[], int],
        baselines: dict[str, Reading] | None = None,
        recharge_rules: RechargeRules | None = None,
        switch_rules: SwitchRules | None = None,
        directories: Sequence[Path | str] = (),
        rest_ms: int | None = None,
        is_linked: Callable[[], bool] = lambda: True,
        is_clock_trusted: Callable[[], bool] = lambda: True,
        tell_finding: Callable[[Finding], object] = lambda _finding: None,
    ) -> None:
        self.bus = bus
        self.meters: dict[str, Meter] = {}
        self._works: dict[str, Work] = {}
        self._journal, self._now_ms = journal, now_ms
        self._recharge, self._switch = recharge_rules or RechargeRules(), switch_rules or SwitchRules()
        self._directories, self._baselines = directories, baselines or {}
        self._is_linked, self._is_clock_trusted = is_linked, is_clock_trusted
        self._url = Url.parse(bus.url)
        self._protocol = _protocol_of(meters, directories)
        framing = framing_for(self._url, self._protocol)
        self.line = Line(pipe, framing=framing, baud=self._url.baud, bits_per_char=self._url.bits_per_char)
        char_s = 0.0 if framing == "tcp" else self._url.bits_per_char / self._url.baud
        self._wiring = Wiring(framing=framing, char_s=char_s)
        self._desk = Desk(
            self.line,
            wiring=self._wiring,
            meters=self.meters,
            directories=directories,
            now_ms=now_ms,
            tell=tell_finding,
        )
        self._loop = asyncio.get_running_loop()
        self._offset_ms: int | None = None
        self._pace = {} if rest_ms is None else {"rest_ms": rest_ms}
        self.schedule = Schedule((), now=now_ms(), **self._pace)
        self._wake = asyncio.Event()
        self._stopping = False
        self._house_at = 0
        self._next_config: tuple[Config, BusConfig, list[MeterConfig]] | None = (config, bus, list(meters))
        self._config = config
        self._current: Job | None = None

    # --- the estate ---------------------------------------------------------------------------------------------------

    def update(self, config: Config, bus: BusConfig, meters: Sequence[MeterConfig]) -> None:
        """A new configuration, taken over between two jobs."""
        self._next_config = (config, bus, list(meters))
        self._wake.set()

    def _configure(self, config: Config, bus: BusConfig, meters: list[MeterConfig], now: int) -> None:
        self._config, self.bus = config, bus
        places: set[tuple[int, str]] = set()
        wanted: dict[str, MeterConfig] = {}
        for meter in meters:
            place = (meter.unit, meter.address) if self._wiring.framing != "dlt645" else (0, meter.address)
            if place in places:
                detail: dict[str, str | int] = {"bus": bus.bus, "unit": meter.unit, "address": meter.address}
                self._tell("duplicate_address", meter.meter, detail)
                continue
            places.add(place)
            wanted[meter.meter] = meter
        for name in [name for name in self.meters if name not in wanted]:
            self._drop(name)
        for name, meter in wanted.items():
            known = self.meters.get(name)
            if known is None or known.config != meter or known.plan.status_ms != 1000 * bus.status_s:
                self._add(meter, now)

    def _add(self, config: MeterConfig, now: int) -> None:
        try:
            meter = Meter(config, bus=self.bus, wiring=self._wiring, directories=self._directories)
            if meter.profile.protocol != self._protocol:
                raise ProfileError(f"{config.meter} speaks {meter.profile.protocol}, its bus {self._protocol}")
        except ProfileError as error:
            self._tell("bad_profile", config.meter, {"error": str(error)[:200]})
            return
        known = self.meters.get(config.meter)
        if known is not None and known.limits == meter.limits and known.config.profile == config.profile:
            meter.quarantine = known.quarantine
            meter.lost, meter.last_answer_at = known.lost, known.last_answer_at
        elif (baseline := self._baselines.get(config.meter)) is not None:
            meter.quarantine.rebase(baseline.values, at=baseline.taken_at_ms)
        meter.unheard_since = self._now_ms()
        self.meters[config.meter] = meter
        self.schedule.add_meter(meter.plan, now=now)

    def _drop(self, name: str) -> None:
        """Its open orders stay in the journal, for whoever gets the meter."""
        del self.meters[name]
        self.schedule.drop_meter(name)
        self._works = {key: work for key, work in self._works.items() if work.order.meter != name}

    # --- orders -------------------------------------------------------------------------------------------------------

    def add_order(self, opened: OpenOrder) -> bool:
        """Take over a journalled order. False: no such meter on this bus (now)."""
        order = opened.order
        self._reconfigure()
        if order.meter not in self.meters:
            return False
        self._works.setdefault(order.order_id, Work(opened))
        self.schedule.add_order(order.order_id, meter=order.meter, priority=_priority(order), now=self._clock())
        self._wake.set()
        return True

    def repeat_order(self, order: Order) -> bool:
        """The same order again: it may now carry a wish to cancel. False: not worked on here."""
        work = self._works.get(order.order_id)
        if work is None:
            return False
        work.order = order
        self.schedule.add_order(order.order_id, meter=order.meter, priority=_priority(order), now=self._clock())
        self._wake.set()
        return True

    def inquire(self, inquiry: Inquiry, *, life_ms: int) -> None:
        """An engineer wants to look at this bus, or no longer does."""
        if inquiry.cancel:
            self._desk.cancel(inquiry.inquiry_id)
        else:
            self._desk.take(inquiry, life_ms=life_ms, now=self._clock())
        self._wake.set()

    @property
    def open_order_ids(self) -> list[str]:
        return list(self._works)

    # --- the loop -----------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Until `stop`. Errors of line and meters never end it."""
        self._loop = asyncio.get_running_loop()
        try:
            while not self._stopping:
                if self._next_config is not None:
                    self._reconfigure()
                now = self._clock()
                if now >= self._house_at:
                    self._keep_house(now)
                self._desk.tick(now)
                self.schedule.inquire(self._desk.step_ms(now))
                job = self.schedule.next_job(now)
                if isinstance(job, Idle):
                    await self._rest(min(job.until_ms, self._house_at, self._desk.wake_at(now)) - now)
                else:
                    await self._do(job)
        finally:
            self._desk.close()
            self.line.close()

    def stop(self) -> None:
        """The job under way is finished first."""
        self._stopping = True
        self._wake.set()

    def _reconfigure(self) -> None:
        if self._next_config is not None and self._current is None:
            config, self._next_config = self._next_config, None
            self._configure(*config, self._clock())

    def _clock(self) -> int:
        """Steady milliseconds that began as UTC. A wall clock that was set takes the schedule with it, in one step."""
        steady = round(self._loop.time() * 1000)
        if self._offset_ms is None:
            self._offset_ms = self._now_ms() - steady
        return steady + self._offset_ms

    async def _rest(self, wait_ms: int) -> None:
        self._wake.clear()
        if self._stopping or self._next_config is not None:
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(1, wait_ms) / 1000):
                await self._wake.wait()

    async def _do(self, job: Job) -> None:
        self._current = job
        try:
            if job.kind is JobKind.ORDER:
                await self._turn(job)
            elif job.kind is JobKind.VERIFY:
                await self._verify(job)
            elif job.kind is JobKind.INQUIRY:
                await self._inquiry_step(job)
            else:
                await self._block(job)
        except LineDown as down:
            log.warning("line_down", bus=self.bus.bus, reason=str(down))
        except LineNoisy:
            await self._rest(1_000)
        finally:
            self._current = None
        if not self.line.is_open and not self._stopping:
            await self._wait_for_line()

    async def _inquiry_step(self, job: Job) -> None:
        began = max(self._loop.time(), self.line.ready_at)
        try:
            await self._desk.step(self._clock())
        finally:
            elapsed_s = max(self.line.ready_at, self._loop.time()) - began
            self.schedule.inquired(job, elapsed_ms=max(0, round(1000 * elapsed_s)))

    async def _wait_for_line(self) -> None:
        """Nobody on the bus is to blame. Health is looked after meanwhile; orders wait."""
        while not self.line.is_open and not self._stopping:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(HOUSE_MS_MIN / 1000):
                    await self.line.wait_open()
            self._reconfigure()
            self._keep_house(self._clock())
            self._desk.tick(self._clock())

    # --- one block ----------------------------------------------------------------------------------------------------

    async def _block(self, job: Job) -> None:
        meter = self.meters[job.meter]
        full = job.kind is JobKind.SWEEP
        question = (meter.sweep if full else meter.status)[job.block]
        line, loop = self.line, self._loop
        began = max(loop.time(), line.ready_at)
        try:
            reply = await line.ask(question.request, timeout_s=question.wire_s + job.limit_ms / 1000)
        except _FAILURES as error:
            self._failed(job, meter, question, error, began)
            if isinstance(error, LineDown | LineNoisy):
                raise
            if job.last and outcome_of(error) is Outcome.REFUSED:
                self._landed(meter, {}, full=full)
            return
        elapsed_ms = round((loop.time() - began) * 1000)
        self.schedule.record(job, Outcome.ANSWERED, now=self._clock(), elapsed_ms=elapsed_ms)
        values = meter.decode(question.block, reply)
        self._heard(meter)
        if job.last:
            if full:
                values = {**values, **await self._look_at_settings(meter, job.limit_ms)}
            self._landed(meter, values, full=full)
            if not full and (meter.ceiling_at is None or self._now_ms() - meter.ceiling_at >= CEILING_FRESH_MS):
                await self._look_at_ceiling(meter, job.limit_ms)
        elif full:
            meter.partial = {**(meter.partial or {}), **values}
        else:
            meter.partial_status = {**(meter.partial_status or {}), **values}

    async def _look_at_settings(self, meter: Meter, limit_ms: int) -> dict[str, int]:
        """Once a day, with a full reading, for the centre to compare with what it sent. What fails waits a day."""
        now = self._now_ms()
        if meter.settings_due is None:
            meter.settings_due = now + SETTINGS_FIRST_MS
        if now < meter.settings_due:
            return {}
        meter.settings_due = now + SETTINGS_EVERY_MS
        found: dict[str, int] = {}
        for question in meter.settings:
            with contextlib.suppress(ExceptionAnswer, ErrorAnswer, NoAnswer, WireError):
                reply = await self.line.ask(question.request, timeout_s=question.wire_s + limit_ms / 1000)
                found.update(meter.decode(question.block, reply))
        return found

    async def _look_at_ceiling(self, meter: Meter, limit_ms: int) -> None:
        """Now, while there is time, so that a recharge need not. A meter that does not tell has none that we know."""
        meter.ceiling_at = self._now_ms()
        for question in meter.named(["ceiling_fen"]):
            with contextlib.suppress(ExceptionAnswer, ErrorAnswer, NoAnswer, WireError):
                reply = await self.line.ask(question.request, timeout_s=question.wire_s + limit_ms / 1000)
                meter.ceiling_fen = meter.decode(question.block, reply).get("ceiling_fen")

    def _failed(self, job: Job, meter: Meter, question: Question, error: Any, began: float) -> None:
        now = self._clock()
        outcome = outcome_of(error)
        meter.last_error = error.code
        elapsed_ms = round((max(self.line.ready_at, self._loop.time()) - began) * 1000)
        hold_until = now + self._clear_ms(question)
        self.schedule.record(job, outcome, now=now, elapsed_ms=max(0, elapsed_ms), hold_until=hold_until)
        if outcome is Outcome.REFUSED:
            self._heard(meter)

    def _clear_ms(self, question: Question) -> int:
        """How long until the line could tell a repeated question's answer from the one that it still expects."""
        wait_s = self.line.clear_at(question.request) - max(self._loop.time(), self.line.ready_at)
        return max(0, int(wait_s * 1000) + 1) if wait_s > 0 else 0

    def _landed(self, meter: Meter, values: dict[str, int], *, full: bool) -> None:
        """The last block is in: with those before it, the values are a reading."""
        if full:
            if meter.partial is not None:
                values, meter.partial = {**meter.partial, **values}, None
            self._full(meter, values)
        else:
            if meter.partial_status is not None:
                values, meter.partial_status = {**meter.partial_status, **values}, None
            self._status(meter, values)

    # --- readings -----------------------------------------------------------------------------------------------------

    def _full(self, meter: Meter, values: dict[str, int]) -> None:
        at = self._now_ms()
        if not values or not self._believe(meter, values, at):
            return
        self._emit(meter, values, at, baseline=True)
        meter.energy_wh = values.get("energy_wh", meter.energy_wh)
        if "clock_ms" in values:
            self._check_clock(meter, values["clock_ms"], at)

    def _status(self, meter: Meter, values: dict[str, int]) -> None:
        """A status is journalled when something changed, and often enough that the centre's picture stays fresh."""
        at = self._now_ms()
        if not values or not self._believe(meter, values, at):
            return
        seen = meter.status_seen
        changed = any(seen.get(name) != values.get(name) for name in meter.status_names)
        if changed or (self._is_linked() and at - meter.sent_at >= meter.plan.status_ms // 2):
            self._emit(meter, values, at, baseline=False)

    def _emit(self, meter: Meter, values: dict[str, int], at: int, *, baseline: bool) -> None:
        seen = meter.status_seen
        for name in meter.status_names:
            if name in values:
                seen[name] = values[name]
        meter.sent_at = at
        baseline = baseline and at - meter.baseline_at >= BASELINE_MS
        if baseline:
            meter.baseline_at = at
        self._journal.reading(Reading(meter=meter.name, taken_at_ms=at, values=values), baseline=baseline)

    def _believe(self, meter: Meter, values: dict[str, int], at: int) -> bool:
        verdict = meter.quarantine.judge(values, at=at)
        if verdict.again:
            self._tell("reaccepted", meter.name, {"reason": verdict.reason})
        elif not verdict.believed:
            detail: dict[str, str | int] = {"reason": verdict.reason}
            detail.update((name, values[name]) for name in _TOLD if name in values)
            self._tell("quarantined", meter.name, detail)
            self.schedule.verify(meter.name, at=self._clock() + VERIFY_AGAIN_MS)
        return verdict.believed

    async def _verify(self, job: Job) -> None:
        """Read everything at once again; before that, set a clock that was found wrong."""
        meter = self.meters[job.meter]
        question = meter.sweep[0]
        began = max(self._loop.time(), self.line.ready_at)
        values: dict[str, int] = {}
        try:
            if meter.clock_wanted:
                await self._set_clock(meter, job.limit_ms)
            for question in meter.sweep:
                reply = await self.line.ask(question.request, timeout_s=question.wire_s + job.limit_ms / 1000)
                values.update(meter.decode(question.block, reply))
        except _FAILURES as error:
            self._failed(job, meter, question, error, began)
            if isinstance(error, LineDown | LineNoisy):
                raise
            return
        self.schedule.record(job, Outcome.ANSWERED, now=self._clock())
        self._heard(meter)
        self._full(meter, values)

    # --- the meter's clock --------------------------------------------------------------------------------------------

    def _check_clock(self, meter: Meter, shown_ms: int, at: int) -> None:
        drift_s = (shown_ms - at) // 1000
        off = abs(shown_ms - at) > 1000 * self._config.clock_drift_s_max
        if off and not meter.clock_off:
            self._tell("clock_drift", meter.name, {"drift_s": drift_s})
        elif meter.clock_off and not off and meter.clock_set_at:
            self._tell("clock_set", meter.name, {"drift_s": drift_s})
        meter.clock_off = off
        due = not meter.clock_set_at or at - meter.clock_set_at >= CLOCK_PAUSE_MS
        if off and due and self._is_clock_trusted() and "clock" in meter.profile.commands:
            meter.clock_wanted = True
            self.schedule.verify(meter.name, at=self._clock())

    async def _set_clock(self, meter: Meter, limit_ms: int) -> None:
        """Written once; the full reading that follows is the read-back."""
        meter.clock_wanted = False
        meter.clock_set_at = now = self._now_ms()
        order = Order(order_id="", meter=meter.name, kind=Kind.CLOCK, placed_at_ms=now)
        try:
            requests = meter.writes(order, before={}, now=now)
        except NotAllowed:
            return
        for request in requests:
            with contextlib.suppress(ExceptionAnswer, ErrorAnswer):
                await self.line.ask(request, timeout_s=self._wiring.wire_s(request) + limit_ms / 1000)

    # --- orders on the line -------------------------------------------------------------------------------------------

    async def _turn(self, job: Job) -> None:
        work, meter = self._works[job.order_id], self.meters[job.meter]
        turn = Turn(
            work,
            meter,
            ask=self._ask,
            journal=self._journal,
            now_ms=self._now_ms,
            recharge_rules=self._recharge,
            switch_rules=self._switch,
        )
        began = max(self._loop.time(), self.line.ready_at)
        try:
            turned = await turn.run()
        except JournalFull as error:
            log.error("journal_full", order=work.order.order_id, error=str(error))
            turned = Turned(outcome=Outcome.DOWN, again_at=self._now_ms() + FULL_AGAIN_MS)
        self._turned(job, work, meter, turned, began)

    async def _ask(self, meter: Meter, request: Any, wire_s: float) -> Any:
        limit_ms = self.schedule.limit_ms(meter.name)
        return await self.line.ask(request, timeout_s=wire_s + limit_ms / 1000)

    def _turned(self, job: Job, work: Work, meter: Meter, turned: Turned, began: float) -> None:
        now = self._clock()
        elapsed_ms = round((max(self.line.ready_at, self._loop.time()) - began) * 1000)
        again_at = turned.again_at + now - self._now_ms()
        if questions := meter.questions_for(work.order):
            again_at = max(again_at, now + self._clear_ms(questions[0]))
        if turned.answer is not None:
            self._works.pop(work.order.order_id, None)
            self.schedule.drop_order(work.order.order_id)
        self.schedule.record(job, turned.outcome, now=now, elapsed_ms=max(0, elapsed_ms), again_at=again_at)
        if turned.outcome is Outcome.ANSWERED:
            self._heard(meter)
            self._told(meter, work.order, turned)

    def _told(self, meter: Meter, order: Order, turned: Turned) -> None:
        """What an order read is a reading as well; what it proved is the new baseline."""
        values, at = turned.values, self._now_ms()
        if turned.answer is None or not values:
            return
        if turned.answer.outcome is OrderOutcome.DONE and is_money(order.kind):
            meter.quarantine.rebase(values, at=at)
            believed = True
        else:
            believed = self._believe(meter, values, at)
        if believed:
            self._emit(meter, values, at, baseline=order.kind is Kind.READ)

    # --- health -------------------------------------------------------------------------------------------------------

    def _heard(self, meter: Meter) -> None:
        meter.last_answer_at = self._now_ms()
        if meter.lost is not False:
            if meter.lost:
                self._tell("meter_back", meter.name, {})
            meter.lost = False
            self._health(meter)

    def _keep_house(self, now: int) -> None:
        self._house_at = now + min(HOUSE_MS_MAX, max(HOUSE_MS_MIN, 50 * self._config.lost_after_s))
        wall = self._now_ms()
        if abs(wall - now) > CLOCK_JUMP_MS and self._offset_ms is not None:
            self._offset_ms += wall - now
            self._house_at += wall - now
            self.schedule.shift(wall - now)
        for meter in self.meters.values():
            since = meter.unheard_since if meter.last_answer_at is None else meter.last_answer_at
            if not meter.lost and wall - since >= 1000 * self._config.lost_after_s:
                meter.lost = True
                self._tell("meter_lost", meter.name, {"error": meter.last_error})
                self._health(meter)

    def _health(self, meter: Meter) -> None:
        health = MeterHealth(
            meter=meter.name,
            lost=bool(meter.lost),
            last_answer_at_ms=meter.last_answer_at,
            last_error=meter.last_error,
        )
        self._journal.health(health)

    def report(self) -> dict[str, Any]:
        """Facts for a status page, whole numbers and text only."""
        lost = sorted(name for name, meter in self.meters.items() if meter.lost)
        return {
            "bus": self.bus.bus,
            "url": str(self._url),
            "open": self.line.is_open,
            "meters": len(self.meters),
            "lost": lost,
            "silent": sorted(name for name in self.meters if self.schedule.is_dead(name)),
            "orders": len(self._works),
            "demand_percent": round(100 * self.schedule.demand()),
            "line": dict(sorted(self.line.stats.items())),
        }

    def _tell(self, code: str, meter: str, detail: dict[str, str | int]) -> None:
        log.info(code, meter=meter, **detail)
        self._journal.event(Event(at_ms=self._now_ms(), code=code, meter=meter, detail=detail))


def _priority(order: Order) -> Priority:
    if is_money(order.kind):
        return Priority.MONEY
    return Priority.SWITCHING if order.kind in SWITCH_KINDS else Priority.VERIFY


def _protocol_of(meters: Sequence[MeterConfig], directories: Sequence[Path | str]) -> str:
    """A bus speaks one protocol: that of its first meter whose model is known."""
    for meter in meters:
        with contextlib.suppress(ProfileError):
            return profiles.load(meter.profile, directories).protocol
    return "modbus-rtu"
