"""What the bus does next. Pure: time comes in as an argument, nothing is sent or awaited here.

One bus carries one exchange at a time. Four priorities: money > switching > verification reads > sweep. Money and
switching are whole turns (read, write, read back); a sweep is asked block by block, so that a turn waits for one frame
at most.

- Every meter is read fully once per interval, aligned to the clock. A slot that passed is not made up for: when the
  intervals ask for more than the line can do, the meters take turns at the line's full speed and nothing piles up.
- What is left of the line goes to status blocks, the meter with the oldest state first; a state older than its limit
  goes before a full reading, at most every other time.
- An engineer's inquiry gets what the meters leave idle. On a busy bus it gets `INQUIRY_SHARE`, after orders,
  verification reads and probes; less while dead meters have a share of their own.
- A meter that misses is dead until it answers. Dead meters are probed ever more rarely, one short block each, and all
  of them together get at most `PROBE_SHARE` of the bus. An order for a dead meter rides on its next probe.

All times are whole milliseconds on one clock that never runs backwards and started as UTC.
"""

from __future__ import annotations

import heapq
from collections import OrderedDict
from collections.abc import Iterable
from enum import IntEnum, StrEnum

import msgspec

from prewatt.link.looking import INQUIRY_SHARE, INQUIRY_SHARE_PROBING

PROBE_SHARE = 0.04  # the promise is 5 %; the rest covers the guard time of a probe that began inside the budget
INQUIRY_BURST_MS = 500  # ahead of its share, so that a reading of three blocks is not told in pieces
PROBE_BURST_MS = 1_000
PROBE_DEBT_MS_MAX = 1_000  # many that fall silent at once shall not end all probing for minutes
PROBE_DELAY_MS_MIN = 2_000
PROBE_DELAY_MS_MAX = 60_000
LONG_PROBE_EVERY = 4  # every fourth probe waits as long as for an unknown meter: it may have come back slower
LIMIT_MS_MIN = 60
LIMIT_MS_UNKNOWN = 500
LIMIT_MS_MAX = 1_500
MISSES_MAX = 2  # a living meter may lose one frame
STATUS_SOFT_SHARE = 0.6  # of the age limit; from here on a state goes before a full reading
REST_MS = 1_000  # no meter's state is read more often than this: a fast line shall not burn a processor
ZONE_MS = 28_800_000  # intervals of hours and days align to Beijing time
NEVER = -(1 << 62)


class Priority(IntEnum):
    MONEY = 0
    SWITCHING = 1
    VERIFY = 2
    SWEEP = 3


class JobKind(StrEnum):
    ORDER = "order"  # one turn of an order
    VERIFY = "verify"  # read everything again now: a reading was quarantined
    SWEEP = "sweep"  # one block of a full reading
    STATUS = "status"  # one block of a short one
    PROBE = "probe"  # the first status block of a dead meter
    INQUIRY = "inquiry"  # a step of an engineer's look at the bus; belongs to no meter


class Outcome(StrEnum):
    ANSWERED = "answered"
    REFUSED = "refused"  # the meter lives, and does not give this block
    SILENT = "silent"  # no answer, or nothing that can be believed
    DOWN = "down"  # the line itself is not there: no meter is to blame


class Plan(msgspec.Struct, frozen=True):
    """One meter on the bus. `*_ms`: wire time of each block, without the meter's turnaround."""

    meter: str
    sweep_ms: int
    status_ms: int  # the age limit of its state
    full_wire_ms: tuple[int, ...]
    status_wire_ms: tuple[int, ...]


class Job(msgspec.Struct, frozen=True):
    kind: JobKind
    meter: str
    limit_ms: int  # how long to wait for the first byte of an answer, beyond the wire time
    block: int = 0
    last: bool = True  # the reading is complete when this block is in
    order_id: str = ""
    free: bool = False  # INQUIRY: it takes nothing from anybody


class Idle(msgspec.Struct, frozen=True):
    """Nothing to do before `until_ms`, unless an order comes."""

    until_ms: int


class _Meter:
    """What the schedule knows of one meter."""

    __slots__ = (
        "answered_ever",
        "dev_ms",
        "due_ms",
        "full_block",
        "held_until",
        "limit_ms",
        "mean_ms",
        "misses",
        "orders",
        "plan",
        "probe_at",
        "state_ms",
        "status_block",
        "tick",
    )

    def __init__(self, plan: Plan, now: int) -> None:
        self.plan = plan
        self.due_ms = now
        self.state_ms = NEVER
        self.full_block = self.status_block = 0
        self.misses = 0
        self.answered_ever = False
        self.probe_at = self.held_until = now
        self.mean_ms, self.dev_ms = float(LIMIT_MS_UNKNOWN), 0.0
        self.limit_ms = LIMIT_MS_UNKNOWN
        self.tick = 0  # the number of its valid entry in the heap of due readings
        self.orders: list[_Waiting] = []

    @property
    def dead(self) -> bool:
        return self.misses >= (MISSES_MAX if self.answered_ever else 1)

    def learn(self, turnaround_ms: int) -> None:
        """As TCP learns a time-out: the mean, four deviations, and a margin for the computer between."""
        if not self.answered_ever:
            self.answered_ever = True
            self.mean_ms, self.dev_ms = float(turnaround_ms), turnaround_ms / 2
        error = turnaround_ms - self.mean_ms
        self.mean_ms += error / 8
        self.dev_ms += (abs(error) - self.dev_ms) / 4
        limit = int(self.mean_ms + 4 * self.dev_ms) + 20
        self.limit_ms = min(LIMIT_MS_MAX, max(LIMIT_MS_MIN, limit))

    def patience_ms(self) -> int:
        """After a miss wait longer once; a dead meter gets the long wait only now and then."""
        if not self.misses:
            return self.limit_ms
        if self.dead and self.misses % LONG_PROBE_EVERY:
            return self.limit_ms
        return min(LIMIT_MS_MAX, max(2 * self.limit_ms, LIMIT_MS_UNKNOWN))


class _Waiting:
    """An order that waits for its turn."""

    __slots__ = ("meter", "number", "order_id", "priority", "ready_at")

    def __init__(self, order_id: str, meter: str, priority: Priority, ready_at: int, number: int) -> None:
        self.order_id, self.meter, self.priority, self.ready_at, self.number = (
            order_id,
            meter,
            priority,
            ready_at,
            number,
        )


class Schedule:
    """The queue of one bus. `next_job(now)` says what to do, `record(...)` what came of it."""

    def __init__(self, plans: Iterable[Plan], *, now: int, rest_ms: int = REST_MS) -> None:
        self._rest_ms = rest_ms
        self._meters: dict[str, _Meter] = {}
        self._living: OrderedDict[str, _Meter] = OrderedDict()  # the oldest state first
        self._dead: dict[str, _Meter] = {}
        self._held: dict[str, _Meter] = {}  # missed once, and may not be asked again yet
        self._due: list[tuple[int, int, str]] = []
        self._orders: dict[str, _Waiting] = {}
        self._verify: dict[str, int] = {}
        self._tick = 0
        self._begun: _Meter | None = None  # its full reading is half done
        self._status_last = False
        self._budget_ms, self._budget_at = 0.0, now
        self.probes_ms = 0  # bus time spent on dead meters, ever
        self._inquiry_ms: int | None = None  # how long the next step of an inquiry may take
        self._inquiry_debt_ms, self._inquiry_at = 0.0, now
        for plan in plans:
            self.add_meter(plan, now=now)

    # --- meters and orders come and go ---

    def add_meter(self, plan: Plan, *, now: int) -> None:
        """A new meter is read fully at once. A known one keeps what was learned of it."""
        known = self._meters.get(plan.meter)
        if known is not None:
            if known.plan.sweep_ms != plan.sweep_ms:
                known.due_ms = min(known.due_ms, _next_slot(now, plan.sweep_ms))
            known.plan, known.full_block, known.status_block = plan, 0, 0
            self._push_due(known)
            return
        meter = self._meters[plan.meter] = _Meter(plan, now)
        self._living[plan.meter] = meter
        self._push_due(meter)

    def drop_meter(self, name: str) -> None:
        meter = self._meters.pop(name, None)
        if meter is None:
            return
        meter.tick = 0
        self._living.pop(name, None)
        self._dead.pop(name, None)
        self._held.pop(name, None)
        self._verify.pop(name, None)
        if self._begun is meter:
            self._begun = None
        for waiting in meter.orders:
            self._orders.pop(waiting.order_id, None)

    def add_order(self, order_id: str, *, meter: str, priority: Priority, now: int) -> None:
        """Queue an order; the same one again only makes it ready now.

        A dead meter is tried at once, within the probes' budget.
        """
        known = self._meters[meter]
        waiting = self._orders.get(order_id)
        if waiting is None:
            self._tick += 1
            waiting = self._orders[order_id] = _Waiting(order_id, meter, priority, now, self._tick)
            known.orders.append(waiting)
            known.orders.sort(key=lambda one: (one.priority, one.number))
        waiting.ready_at = now
        known.probe_at = min(known.probe_at, now)

    def drop_order(self, order_id: str) -> None:
        waiting = self._orders.pop(order_id, None)
        if waiting is not None and waiting.meter in self._meters:
            self._meters[waiting.meter].orders.remove(waiting)

    def verify(self, meter: str, *, at: int) -> None:
        """Read this meter fully again at `at`, before the sweep goes on."""
        if meter in self._meters:
            self._verify[meter] = at

    def inquire(self, step_ms: int | None) -> None:
        """An inquiry wants to make a step that takes so long at most; None: none does."""
        self._inquiry_ms = step_ms

    def inquired(self, job: Job, *, elapsed_ms: int) -> None:
        """A step was made. What filled a pause that nobody wanted is not owed."""
        if not job.free:
            self._inquiry_debt_ms += elapsed_ms

    def shift(self, delta_ms: int) -> None:
        """The clock was set: every remembered time moves with it."""
        for meter in self._meters.values():
            meter.due_ms += delta_ms
            meter.probe_at += delta_ms
            meter.held_until += delta_ms
            meter.state_ms += delta_ms if meter.state_ms != NEVER else 0
        for waiting in self._orders.values():
            waiting.ready_at += delta_ms
        self._verify = {name: at + delta_ms for name, at in self._verify.items()}
        self._due = [(due + delta_ms, tick, name) for due, tick, name in self._due]
        self._budget_at += delta_ms
        self._inquiry_at += delta_ms

    # --- what next ---

    def next_job(self, now: int) -> Job | Idle:
        self._earn(now)
        if self._held:
            self._let_go(now)
        if self._orders and (job := self._next_order(now)):
            return job
        if self._verify and (job := self._next_verify(now)):
            return job
        if self._dead and (job := self._next_probe(now)):
            return job
        if self._inquiry_ms is None:
            return self._next_sweep(now)
        return self._next_beside(now, self._inquiry_ms)

    def _next_beside(self, now: int, step_ms: int) -> Job | Idle:
        """An inquiry's step, if its share has been earned or nobody wants the bus for as long as it takes."""
        share = INQUIRY_SHARE_PROBING if self._dead else INQUIRY_SHARE
        self._inquiry_debt_ms = max(0.0, self._inquiry_debt_ms - (now - self._inquiry_at) * share)
        self._inquiry_at = now
        ahead_ms = self._inquiry_debt_ms - INQUIRY_BURST_MS
        if ahead_ms <= 0:
            return Job(kind=JobKind.INQUIRY, meter="", limit_ms=step_ms, free=not (self._living or self._held))
        job = self._next_sweep(now)
        if not isinstance(job, Idle):
            return job
        if job.until_ms - now >= step_ms:
            return Job(kind=JobKind.INQUIRY, meter="", limit_ms=step_ms, free=True)
        return Idle(until_ms=max(now + 1, min(job.until_ms, now + int(ahead_ms / share) + 1)))

    def _let_go(self, now: int) -> None:
        for name in [name for name, meter in self._held.items() if meter.held_until <= now]:
            self._living[name] = meter = self._held.pop(name)
            self._living.move_to_end(name, last=False)
            self._push_due(meter)

    def _next_order(self, now: int) -> Job | None:
        best: _Waiting | None = None
        for waiting in self._orders.values():
            if waiting.ready_at > now or waiting.meter in self._dead:
                continue
            if best is None or (waiting.priority, waiting.number) < (best.priority, best.number):
                best = waiting
        return None if best is None else self._turn(best)

    def _turn(self, waiting: _Waiting) -> Job:
        limit_ms = self._meters[waiting.meter].patience_ms()
        return Job(kind=JobKind.ORDER, meter=waiting.meter, limit_ms=limit_ms, order_id=waiting.order_id)

    def _next_verify(self, now: int) -> Job | None:
        for name, at in self._verify.items():
            if at <= now and name in self._living:
                return Job(kind=JobKind.VERIFY, meter=name, limit_ms=self._meters[name].patience_ms())
        return None

    def _next_probe(self, now: int) -> Job | None:
        """Within the budget, or without one where nobody lives whom it could slow down."""
        if self._budget_ms < 0 and (self._living or self._held):
            return None
        meter = min(self._dead.values(), key=lambda one: one.probe_at)
        if meter.probe_at > now:
            return None
        for waiting in meter.orders:
            if waiting.ready_at <= now:
                return self._turn(waiting)
        return Job(
            kind=JobKind.PROBE,
            meter=meter.plan.meter,
            limit_ms=meter.patience_ms(),
            last=len(meter.plan.status_wire_ms) == 1,
        )

    def _next_sweep(self, now: int) -> Job | Idle:
        if self._begun is not None:
            return self._full(self._begun)
        due = self._first_due()
        oldest = next(iter(self._living.values()), None)
        if oldest is None or due is None:
            return Idle(until_ms=self._wake_at(now, None, None))
        overdue = now - oldest.state_ms >= oldest.plan.status_ms * STATUS_SOFT_SHARE
        if due.due_ms <= now and (oldest is due or not overdue or self._status_last):
            self._status_last = False
            return self._full(due)
        if now - oldest.state_ms >= self._rest_ms:
            self._status_last = True
            return self._status(oldest)
        return Idle(until_ms=self._wake_at(now, due, oldest))

    def _full(self, meter: _Meter) -> Job:
        last = meter.full_block + 1 >= len(meter.plan.full_wire_ms)
        return Job(
            kind=JobKind.SWEEP, meter=meter.plan.meter, limit_ms=meter.patience_ms(), block=meter.full_block, last=last
        )

    def _status(self, meter: _Meter) -> Job:
        last = meter.status_block + 1 >= len(meter.plan.status_wire_ms)
        return Job(
            kind=JobKind.STATUS,
            meter=meter.plan.meter,
            limit_ms=meter.patience_ms(),
            block=meter.status_block,
            last=last,
        )

    def _first_due(self) -> _Meter | None:
        """The living meter whose full reading is due first; entries of the dead and of earlier slots are skipped."""
        while self._due:
            _, tick, name = self._due[0]
            meter = self._living.get(name)
            if meter is not None and meter.tick == tick:
                return meter
            heapq.heappop(self._due)
        return None

    def _wake_at(self, now: int, due: _Meter | None, oldest: _Meter | None) -> int:
        times = [now + 60_000]
        if due is not None:
            times.append(due.due_ms)
        if oldest is not None:
            times.append(oldest.state_ms + self._rest_ms)
        times += [waiting.ready_at for waiting in self._orders.values() if waiting.meter not in self._dead]
        times += [at for name, at in self._verify.items() if name in self._living]
        times += [meter.held_until for meter in self._held.values()]
        if self._dead:
            earned_at = now + int(max(0.0, -self._budget_ms) / PROBE_SHARE) if self._living else now
            times.append(max(earned_at, min(meter.probe_at for meter in self._dead.values())))
        return max(now + 1, min(times))

    # --- what came of it ---

    def record(
        self,
        job: Job,
        outcome: Outcome,
        *,
        now: int,
        elapsed_ms: int = 0,
        again_at: int | None = None,
        hold_until: int | None = None,
    ) -> None:
        """What came of a job. `elapsed_ms`: its bus time. `again_at`: when the next turn of this order may begin.

        `hold_until`: after silence, when the line could tell the answer to a repeated question from the missing one.
        A single block teaches the meter's time limit; a turn is made of several exchanges and teaches nothing.
        """
        meter = self._meters.get(job.meter)
        if meter is None:
            return
        if job.kind is JobKind.ORDER and again_at is not None and job.order_id in self._orders:
            self._orders[job.order_id].ready_at = again_at
        if outcome is Outcome.SILENT:
            self._missed(meter, job, now=now, elapsed_ms=elapsed_ms, hold_until=hold_until or now)
        elif outcome is not Outcome.DOWN:
            self._heard(meter, job, answered=outcome is Outcome.ANSWERED, now=now, elapsed_ms=elapsed_ms)

    def _heard(self, meter: _Meter, job: Job, *, answered: bool, now: int, elapsed_ms: int) -> None:
        if meter.misses:
            self._revive(meter, now)
        kind = job.kind
        if kind is JobKind.SWEEP:
            self._read_full(meter, job, answered=answered, now=now, elapsed_ms=elapsed_ms)
        elif kind in (JobKind.STATUS, JobKind.PROBE):
            if answered:
                meter.learn(max(0, elapsed_ms - meter.plan.status_wire_ms[job.block]))
            meter.status_block = 0 if job.last else job.block + 1
            if job.last:
                self._fresh(meter, now)
        elif kind is JobKind.VERIFY:
            self._verify.pop(job.meter, None)
            self._read_all(meter, now)

    def _read_full(self, meter: _Meter, job: Job, *, answered: bool, now: int, elapsed_ms: int) -> None:
        plan = meter.plan
        if answered and job.block < len(plan.full_wire_ms):
            meter.learn(max(0, elapsed_ms - plan.full_wire_ms[job.block]))
        if not job.last:
            meter.full_block = job.block + 1
            self._begun = meter
            return
        self._begun = None
        self._read_all(meter, now)

    def _read_all(self, meter: _Meter, now: int) -> None:
        meter.full_block = 0
        meter.due_ms = _next_slot(now, meter.plan.sweep_ms)
        self._push_due(meter)
        self._fresh(meter, now)

    def _fresh(self, meter: _Meter, now: int) -> None:
        meter.state_ms = now
        self._living.move_to_end(meter.plan.meter)

    def _missed(self, meter: _Meter, job: Job, *, now: int, elapsed_ms: int, hold_until: int) -> None:
        meter.misses += 1
        if meter.dead:
            self._budget_ms = max(-PROBE_DEBT_MS_MAX, self._budget_ms - elapsed_ms)
            self.probes_ms += elapsed_ms
        name = meter.plan.meter
        if not meter.dead:
            if hold_until > now and self._living.pop(name, None) is not None:
                meter.held_until = hold_until
                self._held[name] = meter
                self._begun = None if self._begun is meter else self._begun
            return  # else it is the oldest or the first due again, and is asked again at once
        self._living.pop(name, None)
        self._held.pop(name, None)
        self._dead[name] = meter
        meter.full_block = meter.status_block = 0
        if self._begun is meter:
            self._begun = None
        if job.kind is JobKind.VERIFY:
            self._verify[name] = now
        meter.probe_at = now + min(PROBE_DELAY_MS_MAX, PROBE_DELAY_MS_MIN << min(10, meter.misses - 1))

    def _revive(self, meter: _Meter, now: int) -> None:
        """It answers:

        at once in the round again, its orders first. If all were dead it was the line: try every one now.
        """
        everybody_was_dead = not self._living and not self._held
        meter.misses = 0
        for waiting in meter.orders:
            waiting.ready_at = min(waiting.ready_at, now)
        name = meter.plan.meter
        if self._dead.pop(name, None) is None and self._held.pop(name, None) is None:
            return
        self._living[name] = meter
        self._living.move_to_end(name, last=False)
        self._push_due(meter)
        if everybody_was_dead:
            self._budget_ms = float(sum(other.limit_ms for other in self._dead.values()))
            for other in self._dead.values():
                other.probe_at = now

    def _push_due(self, meter: _Meter) -> None:
        self._tick += 1
        meter.tick = self._tick
        heapq.heappush(self._due, (meter.due_ms, self._tick, meter.plan.meter))

    def _earn(self, now: int) -> None:
        if now > self._budget_at:
            earned = self._budget_ms + (now - self._budget_at) * PROBE_SHARE
            self._budget_ms = min(max(PROBE_BURST_MS * PROBE_SHARE, self._budget_ms), earned)
            self._budget_at = now

    # --- facts ---

    def is_dead(self, meter: str) -> bool:
        return meter in self._dead

    def limit_ms(self, meter: str) -> int:
        return self._meters[meter].patience_ms()

    def demand(self) -> float:
        """The share of the bus that the full readings ask for; above 1 the line cannot keep the intervals."""
        return sum(
            (sum(m.plan.full_wire_ms) + m.mean_ms * len(m.plan.full_wire_ms)) / m.plan.sweep_ms
            for m in self._living.values()
        )


def _next_slot(now: int, interval_ms: int) -> int:
    """The next whole interval of the clock after `now`."""
    return ((now + ZONE_MS) // interval_ms + 1) * interval_ms - ZONE_MS
