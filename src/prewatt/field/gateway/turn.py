"""One turn of one order on the line: read, judge, journal, write once, read back.

What happens next is never decided here: `recharge.judge` and `switching.judge` turn readings into facts, and the rules'
table turns facts into actions. This module carries the actions out, in an order that a power cut cannot turn against
anyone: the step is on the disk before the bytes leave.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from prewatt.field.gateway import recharge, switching
from prewatt.field.gateway.journal import Journal, OpenOrder, is_money
from prewatt.field.gateway.meters import Meter, Question
from prewatt.field.gateway.recharge import RechargeRules
from prewatt.field.gateway.schedule import Outcome
from prewatt.field.gateway.switching import SwitchRules
from prewatt.field.gateway.turns import ENDS, Action, Fact, Judgement, Memory, Step, StepName, remember
from prewatt.field.line.line import LineError
from prewatt.field.wire.errors import ErrorAnswer, ExceptionAnswer, WireError
from prewatt.link.messages import Answer, Kind, Order
from prewatt.link.messages import Outcome as OrderOutcome

ACTIONS_MAX = 12  # a turn is short; a table that goes round in circles is stopped
CEILING_LIFE_MS = 3_600_000
AGAIN_MS = 200
STRANGE_AGAIN_MS = 5_000

_OUTCOMES = {
    Action.DONE: OrderOutcome.DONE,
    Action.REFUSE: OrderOutcome.REFUSED,
    Action.CANCEL: OrderOutcome.CANCELLED,
    Action.EXPIRE: OrderOutcome.EXPIRED,
    Action.UNCLEAR: OrderOutcome.UNCLEAR,
}

Ask = Callable[[Meter, Any, float], Awaitable[Any]]


class Silence(Exception):
    """The meter did not answer a reading, or the line is down. Nothing follows from it but another reading, later."""

    def __init__(self, outcome: Outcome, code: str) -> None:
        super().__init__(code)
        self.outcome, self.code = outcome, code


class Work:
    """An order that is being carried out, with what survives a power cut, and what need not."""

    def __init__(self, opened: OpenOrder) -> None:
        self.order: Order = opened.order
        self.memory: Memory = remember(opened.steps)
        self.denied = False  # the meter refused the last write; only names the reason, decides nothing
        self.values: dict[str, int] = {}
        self.turns = 0


class Turned(msgspec.Struct, frozen=True):
    """How a turn ended: for the schedule, and for the poller."""

    outcome: Outcome
    again_at: int = 0
    answer: Answer | None = None
    values: dict[str, int] = {}  # the last reading of this turn


class Turn:
    """Carries out one turn. `ask(meter, request, wire_s)` sends exactly once and returns the reply or raises."""

    def __init__(
        self,
        work: Work,
        meter: Meter,
        *,
        ask: Ask,
        journal: Journal,
        now_ms: Callable[[], int],
        recharge_rules: RechargeRules,
        switch_rules: SwitchRules,
    ) -> None:
        self.work, self.meter = work, meter
        self._ask, self._journal, self._now = ask, journal, now_ms
        self._recharge, self._switch = recharge_rules, switch_rules
        self._is_money = is_money(work.order.kind)
        self._writes = 0  # in this turn
        self._heard = False

    async def run(self) -> Turned:
        """One turn. Raises JournalFull when a step could not be stored: then nothing that depends on it has left."""
        self.work.turns += 1
        early = self._without_reading()
        if early is not None:
            return await self._act(early)
        try:
            return await self._act(await self._look())
        except Silence as silence:
            return self._later(0, outcome=Outcome.ANSWERED if self._heard else silence.outcome)

    def _without_reading(self) -> Judgement | None:
        if self._is_money:
            return None
        return switching.without_reading(self.work.order, memory=self.work.memory, now=self._now())

    async def _act(self, judgement: Judgement) -> Turned:
        """From fact to action to fact, until the turn ends."""
        for _ in range(ACTIONS_MAX):
            action = self._table()[self.work.memory.phase, judgement.fact]
            if action in ENDS:
                return await self._end(action, judgement)
            if action is Action.LATER or (action is Action.WRITE and self._writes and judgement.fact is Fact.BEFORE):
                return await self._pause(judgement)  # one write a turn: the next turn starts by reading
            judgement = await (self._write() if action is Action.WRITE else self._look())
        return self._later(STRANGE_AGAIN_MS)

    def _table(self) -> Any:
        return self._recharge.table if self._is_money else self._switch.table

    # --- looking ------------------------------------------------------------------------------------------------------

    async def _look(self) -> Judgement:
        """Read and judge. Raises Silence."""
        work, meter = self.work, self.meter
        since_write_ms = self._now() - work.memory.before_at_ms if work.memory.writes else 0
        values = await self.read(meter.questions_for(work.order, since_write_ms=since_write_ms))
        if work.order.kind is Kind.RECHARGE and not work.memory.writes:
            values = await self._with_ceiling(values)
        if work.order.kind is Kind.READ:
            values = await self._with_settings(values)
        work.values = values
        judgement = self._judge(values)
        if work.memory.doubt_at_ms is not None and judgement.fact not in (Fact.DOUBT, Fact.NEITHER):
            await self._remember(Step(name=StepName.CALM, at_ms=self._now()))
        return judgement

    async def read(self, questions: tuple[Question, ...]) -> dict[str, int]:
        values: dict[str, int] = {}
        for question in questions:
            try:
                reply = await self._ask(self.meter, question.request, question.wire_s)
            except (LineError, WireError) as error:
                self._heard = self._heard or outcome_of(error) is Outcome.REFUSED
                raise Silence(outcome_of(error), error.code) from error
            self._heard = True
            values.update(self.meter.decode(question.block, reply))
        return values

    async def _with_settings(self, values: dict[str, int]) -> dict[str, int]:
        """Everything means what orders have set as well. A meter that does not give it is not asked for ever."""
        for question in self.meter.settings:
            try:
                values = {**await self.read((question,)), **values}
            except Silence as silence:
                if silence.outcome is not Outcome.REFUSED:
                    raise
        return values

    async def _with_ceiling(self, values: dict[str, int]) -> dict[str, int]:
        """The ceiling costs a request of its own:

        it is read when it is not known of late, and again before it refuses.
        """
        meter, order, now = self.meter, self.work.order, self._now()
        if "ceiling_fen" in values:
            return values
        if meter.ceiling_at is not None and now - meter.ceiling_at < CEILING_LIFE_MS:
            known = values if meter.ceiling_fen is None else {**values, "ceiling_fen": meter.ceiling_fen}
            if recharge.refusal(order, known) != "above_ceiling":
                return known
        read = await self.read(meter.named(["ceiling_fen"]))
        meter.ceiling_fen, meter.ceiling_at = read.get("ceiling_fen"), now
        return {**values, **read}

    def _judge(self, values: dict[str, int]) -> Judgement:
        work, now = self.work, self._now()
        forbidden = self.meter.forbidden(work.order)
        if not self._is_money:
            return switching.judge(
                order=work.order, memory=work.memory, values=values, now=now, rules=self._switch, forbidden=forbidden
            )
        return recharge.judge(
            order=work.order,
            proof=self.meter.profile.proof,
            memory=work.memory,
            values=values,
            now=now,
            limits=self.meter.limits,
            rules=self._recharge,
            forbidden=forbidden,
        )

    # --- writing ------------------------------------------------------------------------------------------------------

    async def _write(self) -> Judgement:
        """Journal the reading that allows it, then send exactly once. The answer is a fact, and no proof."""
        work, now = self.work, self._now()
        requests = self.meter.writes(work.order, before=work.values, now=now)
        step = Step(name=StepName.WRITING, at_ms=now, values=self._with_energy(work.values))
        self._writes += 1
        if self._recharge.journal_first or not self._is_money:
            await self._remember(step)
            return Judgement(fact=await self._send(requests))
        fact = await self._send(requests)
        await self._remember(step)
        return Judgement(fact=fact)

    def _with_energy(self, values: dict[str, int]) -> dict[str, int]:
        """An older energy reading only widens the bound on use: the last one believed will do where none came along."""
        energy_wh = self.meter.energy_wh
        if not self._is_money or energy_wh is None or "energy_wh" in values:
            return values
        return {**values, "energy_wh": energy_wh}

    async def _remember(self, step: Step) -> None:
        await self._journal.step(self.work.order.order_id, step)
        self.work.memory = self.work.memory.after(step)

    async def _send(self, requests: list[Any]) -> Fact:
        if self._is_too_late():  # the disk was slow; an order that expired is never sent
            return Fact.UNANSWERED
        for request in requests:
            try:
                await self._ask(self.meter, request, self.meter.wiring.wire_s(request))
            except (ExceptionAnswer, ErrorAnswer):
                self.work.denied = True
                return Fact.DENIED
            except (LineError, WireError):
                return Fact.UNANSWERED
        self.work.denied = False
        return Fact.ACKED

    def _is_too_late(self) -> bool:
        expires_at = None if self._is_money else switching.expires_at_ms(self.work.order)
        return expires_at is not None and self._now() >= expires_at

    # --- ending -------------------------------------------------------------------------------------------------------

    async def _pause(self, judgement: Judgement) -> Turned:
        if judgement.fact is Fact.DOUBT and self.work.memory.doubt_at_ms is None:
            await self._remember(Step(name=StepName.DOUBT, at_ms=self._now()))
        return self._later(max(AGAIN_MS, judgement.again_at_ms - self._now()))

    def _later(self, wait_ms: int, outcome: Outcome = Outcome.ANSWERED) -> Turned:
        return Turned(outcome=outcome, again_at=self._now() + wait_ms, values=self.work.values)

    async def _end(self, action: Action, judgement: Judgement) -> Turned:
        work, now = self.work, self._now()
        reason = judgement.reason
        if judgement.fact is Fact.WORN_OUT and work.denied:
            reason = "meter_refused"
        answer = Answer(
            order_id=work.order.order_id,
            meter=work.order.meter,
            outcome=_OUTCOMES[action],
            at_ms=now,
            reason=reason,
            before=work.memory.before or work.values,
            after=work.values,
            writes=work.memory.writes,
        )
        await self._journal.end(answer)
        return Turned(outcome=Outcome.ANSWERED if self._heard else Outcome.DOWN, answer=answer, values=work.values)


def outcome_of(error: Exception) -> Outcome:
    """What an error says of the meter: it lives, it is silent, or nobody could ask it."""
    if isinstance(error, ExceptionAnswer) and error.exception in (10, 11):
        return Outcome.SILENT  # a gateway before the meter answered in its place
    if isinstance(error, ExceptionAnswer | ErrorAnswer):
        return Outcome.REFUSED
    if isinstance(error, LineError) and not error.sent:
        return Outcome.DOWN
    return Outcome.SILENT
