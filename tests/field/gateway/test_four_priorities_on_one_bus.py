"""What the bus does next, from the outside of the pure schedule:

priorities, freshness, slots, the dead and the living.
"""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prewatt.field.gateway.schedule import Idle, Job, JobKind, Outcome, Plan, Priority, Schedule

T0 = 1_800_000_000_000  # a whole half hour in Beijing
HALF_HOUR = 1_800_000
FULL_MS, STATUS_MS, TURNAROUND_MS = 142, 42, 20


def plan(name: str, *, sweep_ms: int = HALF_HOUR, blocks: int = 1, status_ms: int = 180_000) -> Plan:
    return Plan(
        meter=name,
        sweep_ms=sweep_ms,
        status_ms=status_ms,
        full_wire_ms=(FULL_MS // blocks,) * blocks,
        status_wire_ms=(STATUS_MS,),
    )


class Bus:
    """Runs a schedule against meters that answer or do not, on a time of its own."""

    def __init__(self, schedule: Schedule, *, dead: frozenset[str] = frozenset()) -> None:
        self.schedule, self.dead, self.now = schedule, set(dead), T0
        self.log: list[tuple[int, Job, Outcome]] = []
        self.spent_ms: dict[str, int] = {}
        self.busy_ms = 0

    def run(self, until: int) -> None:
        while self.now < until:
            job = self.schedule.next_job(self.now)
            if isinstance(job, Idle):
                assert job.until_ms > self.now
                self.now = min(until, job.until_ms)
                continue
            self.do(job)

    def do(self, job: Job) -> None:
        wire_ms = FULL_MS if job.kind is JobKind.SWEEP else STATUS_MS
        if job.kind is JobKind.ORDER:
            wire_ms = 3 * STATUS_MS
        silent = job.meter in self.dead
        elapsed = 8 + job.limit_ms + 60 if silent else wire_ms + TURNAROUND_MS
        outcome = Outcome.SILENT if silent else Outcome.ANSWERED
        self.now += elapsed
        self.busy_ms += elapsed
        self.spent_ms[job.meter] = self.spent_ms.get(job.meter, 0) + elapsed
        self.log.append((self.now, job, outcome))
        self.schedule.record(job, outcome, now=self.now, elapsed_ms=elapsed, again_at=self.now)
        if job.kind is JobKind.ORDER and not silent:
            self.schedule.drop_order(job.order_id)

    def answered(self, meter: str, kind: JobKind | None = None, since: int = T0) -> list[int]:
        return [
            at
            for at, job, outcome in self.log
            if job.meter == meter and at > since and outcome is Outcome.ANSWERED and kind in (None, job.kind)
        ]


def names(count: int) -> list[str]:
    return [f"m{number:02d}" for number in range(count)]


def bus_of(count: int, *, dead: int = 0, now: int = T0, **options: int) -> Bus:
    schedule = Schedule([plan(name, **options) for name in names(count)], now=now)
    return Bus(schedule, dead=frozenset(names(count)[:dead]))


def test_money_goes_before_switching_before_verification_before_the_sweep() -> None:
    bus = bus_of(3)
    schedule = bus.schedule
    schedule.verify("m00", at=T0)
    schedule.add_order("read", meter="m00", priority=Priority.VERIFY, now=T0)
    schedule.add_order("off", meter="m01", priority=Priority.SWITCHING, now=T0)
    schedule.add_order("second", meter="m02", priority=Priority.MONEY, now=T0)
    schedule.add_order("third", meter="m01", priority=Priority.MONEY, now=T0)
    bus.run(T0 + 2_000)
    said = [job.order_id or job.kind for _, job, _ in bus.log[:6]]
    assert said == ["second", "third", "off", "read", JobKind.VERIFY, JobKind.SWEEP]


def test_an_order_waits_for_one_frame_at_most() -> None:
    """A full reading of four blocks is interrupted between two of them, and taken up where it was left."""
    schedule = Schedule([plan("m00", blocks=4), plan("m01", blocks=4)], now=T0)
    bus = Bus(schedule)
    first = schedule.next_job(T0)
    assert isinstance(first, Job)
    bus.do(first)
    schedule.add_order("o", meter="m01", priority=Priority.MONEY, now=bus.now)
    bus.run(bus.now + 600)
    jobs = [(job.kind, job.meter, job.block) for _, job, _ in bus.log[:4]]
    assert jobs[0] == (JobKind.SWEEP, "m00", 0)
    assert jobs[1][0] is JobKind.ORDER
    assert jobs[2:4] == [(JobKind.SWEEP, "m00", 1), (JobKind.SWEEP, "m00", 2)]


def test_every_meter_is_read_fully_once_a_slot_of_the_clock() -> None:
    bus = bus_of(19)
    bus.run(T0 + 3 * HALF_HOUR - 1_000)
    for name in names(19):
        fulls = bus.answered(name, JobKind.SWEEP)
        slots = [(at - T0) // HALF_HOUR for at in fulls]
        assert slots == [0, 1, 2], name
        assert all((at - T0) % HALF_HOUR < 8_000 for at in fulls)


def test_intervals_may_differ_from_meter_to_meter() -> None:
    schedule = Schedule([plan("fast", sweep_ms=60_000), plan("slow", sweep_ms=3_600_000)], now=T0)
    bus = Bus(schedule)
    bus.run(T0 + 3_600_000 - 1)
    assert len(bus.answered("fast", JobKind.SWEEP)) == 60
    assert len(bus.answered("slow", JobKind.SWEEP)) == 1


def test_on_an_idle_bus_states_are_as_fresh_as_the_line_allows() -> None:
    bus = bus_of(19)
    bus.run(T0 + 600_000)
    round_ms = 19 * (STATUS_MS + TURNAROUND_MS)
    for name in names(19):
        seen = bus.answered(name, since=T0 + 10_000)
        assert max(b - a for a, b in itertools.pairwise(seen)) <= max(round_ms, 1_000) + 100


def test_one_meter_alone_is_not_asked_more_than_once_a_second() -> None:
    bus = bus_of(1)
    bus.run(T0 + 60_000)
    assert 50 <= len(bus.answered("m00")) <= 62


def test_no_state_grows_older_than_its_limit_when_full_readings_crowd_the_line() -> None:
    """247 meters at a crawl: full readings alone would take longer than a state may be old."""
    slow = [Plan(f"m{n}", HALF_HOUR, 180_000, (1_000,), (300,)) for n in range(200)]
    schedule = Schedule(slow, now=T0)
    seen: dict[str, int] = {}
    now, worst = T0, 0
    while now < T0 + HALF_HOUR:
        job = schedule.next_job(now)
        assert isinstance(job, Job)
        now += 1_020 if job.kind is JobKind.SWEEP else 320
        if job.meter in seen and now > T0 + 300_000:
            worst = max(worst, now - seen[job.meter])
        seen[job.meter] = now
        schedule.record(job, Outcome.ANSWERED, now=now, elapsed_ms=320)
    assert len(seen) == 200
    assert worst <= 180_000


def test_more_than_the_line_can_do_is_delivered_at_the_speed_of_the_line_without_a_backlog() -> None:
    bus = bus_of(19, sweep_ms=1_000)
    bus.run(T0 + 600_000)
    capacity = 600_000 / (FULL_MS + TURNAROUND_MS)
    fulls = [len(bus.answered(name, JobKind.SWEEP)) for name in names(19)]
    assert sum(fulls) >= 0.97 * capacity
    assert max(fulls) - min(fulls) <= 1
    assert bus.schedule.demand() > 1
    assert len(bus.schedule._due) <= 2 * 19


@pytest.mark.parametrize("dead", [1, 5, 12])
def test_dead_meters_cost_at_most_a_twentieth_and_the_living_stay_fresh(dead: int) -> None:
    healthy = bus_of(19)
    healthy.run(T0 + 1_200_000)
    bus = bus_of(19)
    bus.run(T0 + 60_000)  # all answer first; then some fall silent
    bus.dead = set(names(19)[:dead])
    since = bus.now
    busy_before = bus.spent_ms.copy()
    bus.run(since + 1_200_000)
    probes_ms = sum(bus.spent_ms[name] - busy_before[name] for name in names(19)[:dead])
    assert probes_ms / 1_200_000 <= 0.05
    for name in names(19)[dead:]:
        mine = len(bus.answered(name, since=since))
        theirs = len(healthy.answered(name, since=T0))
        assert mine >= 0.9 * theirs * 19 / 19


def test_five_of_nineteen_dead_under_a_full_sweep_without_pause() -> None:
    healthy = bus_of(19, sweep_ms=1_000)
    healthy.run(T0 + 600_000)
    bus = bus_of(19, dead=5, sweep_ms=1_000)
    bus.run(T0 + 600_000)
    living = [len(bus.answered(name, JobKind.SWEEP)) for name in names(19)[5:]]
    fresh = [len(healthy.answered(name, JobKind.SWEEP)) for name in names(19)[5:]]
    assert min(living) >= 0.9 * max(fresh)
    spent = sum(bus.spent_ms[name] for name in names(19)[:5])
    assert spent / 600_000 <= 0.05


def test_the_unknown_are_dead_until_they_answer_and_are_probed_for_ever() -> None:
    bus = bus_of(3, dead=3)
    bus.run(T0 + 3_600_000)
    for name in names(3):
        probes = [at for at, job, _ in bus.log if job.meter == name]
        assert 30 <= len(probes) <= 200
        assert max(b - a for a, b in itertools.pairwise(probes)) <= 70_000


def test_who_answers_again_is_in_the_round_at_once_with_its_orders_first() -> None:
    bus = bus_of(5)
    bus.run(T0 + 10_000)
    bus.dead = {"m02"}
    bus.run(T0 + 400_000)
    bus.schedule.add_order("o", meter="m02", priority=Priority.MONEY, now=bus.now)
    bus.run(bus.now + 60_000)
    assert bus.schedule.is_dead("m02")
    bus.dead = set()
    back_at = bus.now
    bus.run(back_at + 62_000)
    turns = [at for at, job, outcome in bus.log if job.order_id == "o" and outcome is Outcome.ANSWERED]
    assert len(turns) == 1
    seen = bus.answered("m02", since=turns[0])
    assert len(seen) >= (bus.now - turns[0]) // 1_300


def test_when_the_whole_line_was_dead_its_first_answer_wakes_everybody() -> None:
    bus = bus_of(10, dead=10)
    bus.run(T0 + 600_000)
    bus.dead = set()
    bus.run(bus.now + 65_000)
    first = min(bus.answered(name)[0] for name in names(10) if bus.answered(name))
    assert all(bus.answered(name)[0] - first < 2_000 for name in names(10))


def test_a_time_limit_is_learned_from_the_meter() -> None:
    bus = bus_of(1)
    unknown = bus.schedule.limit_ms("m00")
    bus.run(T0 + 60_000)
    assert bus.schedule.limit_ms("m00") < unknown / 4
    bus.dead = {"m00"}
    bus.run(T0 + 120_000)
    waits = {job.limit_ms for _, job, outcome in bus.log if outcome is Outcome.SILENT}
    assert min(waits) < unknown / 4
    assert max(waits) >= unknown  # now and then it gets the patience of an unknown one


def test_one_lost_frame_does_not_make_a_meter_dead() -> None:
    bus = bus_of(2)
    bus.run(T0 + 5_000)
    bus.dead = {"m00"}
    job = bus.schedule.next_job(bus.now)
    while isinstance(job, Idle) or job.meter != "m00":
        if isinstance(job, Idle):
            bus.now = job.until_ms
        else:
            bus.do(job)
        job = bus.schedule.next_job(bus.now)
    bus.do(job)
    bus.dead = set()
    assert not bus.schedule.is_dead("m00")
    silent_at = bus.now
    bus.run(silent_at + 1_000)
    assert bus.answered("m00", since=silent_at)


def test_a_question_that_the_line_still_expects_is_not_repeated_yet() -> None:
    bus = bus_of(2)
    bus.run(T0 + 5_000)
    job = bus.schedule.next_job(bus.now + 2_000)
    assert isinstance(job, Job)
    bus.now += 2_000
    bus.schedule.record(job, Outcome.SILENT, now=bus.now, elapsed_ms=100, hold_until=bus.now + 1_000)
    held_at = bus.now
    bus.run(held_at + 3_000)
    assert min(at for at, one, _ in bus.log if one.meter == job.meter and at > held_at) > held_at + 1_000
    assert bus.answered(job.meter, since=held_at)


def test_meters_come_and_go_while_the_bus_runs() -> None:
    bus = bus_of(2)
    bus.run(T0 + 10_000)
    bus.schedule.add_meter(plan("new"), now=bus.now)
    bus.schedule.drop_meter("m00")
    since = bus.now
    bus.run(since + 10_000)
    assert bus.answered("new", JobKind.SWEEP, since=since)
    assert not [job for at, job, _ in bus.log if job.meter == "m00" and at > since + 200]


def test_a_clock_that_is_set_takes_the_schedule_with_it() -> None:
    bus = bus_of(3, dead=1)
    bus.run(T0 + 100_000)
    before = len(bus.log)
    bus.schedule.shift(-86_400_000)
    bus.now -= 86_400_000
    bus.run(bus.now + 10_000)
    assert 15 <= len(bus.log) - before <= 30


@settings(max_examples=60, deadline=None)
@given(
    count=st.integers(1, 12),
    seed=st.integers(0, 1 << 30),
    sweep_s=st.sampled_from([1, 60, 1800]),
)
def test_whatever_happens_nobody_is_forgotten_and_probes_keep_their_share(count: int, seed: int, sweep_s: int) -> None:
    """Meters die and come back at random; every living one is read again soon, and the dead never take the bus."""
    import random

    chance = random.Random(seed)
    bus = bus_of(count, sweep_ms=1000 * sweep_s)
    for _ in range(8):
        bus.dead = {name for name in names(count) if chance.random() < 0.4}
        bus.run(bus.now + chance.randrange(1_000, 120_000))
    bus.dead = set()
    bus.run(bus.now + 65_000)
    since = bus.now
    bus.run(since + 10_000)
    assert all(bus.answered(name, since=since) for name in names(count))
