"""拉闸, 合闸, 保电, 恢复预付费 and the settings: read, written once, read back; never sent after their time."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from field.gateway.site import START_MS, Room, Site, run
from prewatt.field.gateway import switching
from prewatt.field.gateway.journal import SqliteJournal
from prewatt.field.gateway.switching import SWITCH_OFF_LIFE_MS, SwitchRules
from prewatt.field.gateway.turns import Action, Fact, Memory, Phase, Step, StepName, remember
from prewatt.link.messages import Answer, Kind, Order, Outcome

NOW = START_MS + 1_000
RULES = SwitchRules()
ON = {"forced": 0, "relay_command": 1, "relay_closed": 1}
OFF = {"forced": 1, "relay_command": 0, "relay_closed": 0}


def order(kind: Kind, **changes: Any) -> Order:
    facts: dict[str, Any] = {"order_id": "s1", "meter": "m1", "placed_at_ms": START_MS}
    return Order(kind=kind, **{**facts, **changes})


def carry_out(folder: Path, *orders: Order, room: Room | None = None, wait_s: float = 120) -> tuple[list[Answer], Site]:
    async def story() -> tuple[list[Answer], Site]:
        site = Site(folder, rooms=[room or Room(1, "m1")])
        site.start()
        answers = []
        for one in orders:
            site.centre.place(one)
            answers.append(await site.answer(one.order_id, seconds=wait_s))
        await site.stop()
        return answers, site

    return run(story())


def test_each_command_is_written_once_and_read_back(tmp_path: Path) -> None:
    kinds = [Kind.SWITCH_OFF, Kind.SWITCH_ON, Kind.HOLD, Kind.RELEASE]
    answers, site = carry_out(tmp_path, *[order(kind, order_id=str(kind)) for kind in kinds])
    assert [(answer.outcome, answer.reason, answer.writes) for answer in answers] == [
        (Outcome.DONE, "", 1),
        (Outcome.DONE, "", 1),
        (Outcome.DONE, "", 1),
        (Outcome.DONE, "", 1),
    ]
    assert [(answer.after["forced"], answer.after["relay_closed"]) for answer in answers] == [
        (1, 0),
        (0, 1),
        (2, 1),
        (0, 1),
    ]
    assert len(site.wire.writes) == 4


def test_a_meter_that_is_there_already_is_not_written(tmp_path: Path) -> None:
    [answer], site = carry_out(tmp_path, order(Kind.SWITCH_ON))
    assert (answer.outcome, answer.writes) == (Outcome.DONE, 0)
    assert site.wire.writes == []


def test_a_breaker_that_waits_for_a_hand_is_done_and_said_to_differ(tmp_path: Path) -> None:
    room = Room(1, "m1", breaker="shunt")
    off, on = order(Kind.SWITCH_OFF, order_id="off"), order(Kind.SWITCH_ON, order_id="on")
    answers, _ = carry_out(tmp_path, off, on, room=room)
    assert answers[0].outcome is Outcome.DONE
    assert (answers[1].outcome, answers[1].reason) == (Outcome.DONE, "relay_differs")
    assert answers[1].after["relay_command"] == 1
    assert answers[1].after["relay_closed"] == 0


def test_a_breaker_that_never_opens_is_said_to_differ(tmp_path: Path) -> None:
    [answer], _ = carry_out(tmp_path, order(Kind.SWITCH_OFF), room=Room(1, "m1", breaker="failed"))
    assert (answer.outcome, answer.reason) == (Outcome.DONE, "relay_differs")
    assert answer.after["relay_closed"] == 1


def test_a_trip_for_a_silent_meter_expires_unsent_and_stays_unsent(tmp_path: Path) -> None:
    async def story() -> None:
        room = Room(1, "m1")
        room.dead = True
        site = Site(tmp_path, rooms=[room])
        site.start()
        site.centre.place(order(Kind.SWITCH_OFF, expires_at_ms=NOW + 60_000))
        answer = await site.answer("s1", seconds=200)
        assert (answer.outcome, answer.reason) == (Outcome.EXPIRED, "expired")
        assert answer.at_ms >= NOW + 60_000
        room.dead = False
        await asyncio.sleep(300)
        assert site.wire.writes == []
        await site.stop()

    run(story())


def test_a_trip_that_comes_too_late_never_leaves_even_to_a_meter_that_answers(tmp_path: Path) -> None:
    [answer], site = carry_out(tmp_path, order(Kind.SWITCH_OFF, expires_at_ms=NOW))
    assert answer.outcome is Outcome.EXPIRED
    assert site.wire.writes == []


def test_a_trip_without_an_expiry_of_its_own_ends_all_the_same() -> None:
    trip = order(Kind.SWITCH_OFF)
    late = switching.without_reading(trip, memory=Memory(), now=START_MS + SWITCH_OFF_LIFE_MS)
    assert late is not None
    assert late.fact is Fact.EXPIRED
    assert switching.without_reading(trip, memory=Memory(), now=START_MS + SWITCH_OFF_LIFE_MS - 1) is None
    assert switching.without_reading(order(Kind.SWITCH_ON), memory=Memory(), now=START_MS + 10**9) is None


def test_a_trip_under_hold_is_refused_by_the_meter(tmp_path: Path) -> None:
    answers, _ = carry_out(tmp_path, order(Kind.HOLD, order_id="hold"), order(Kind.SWITCH_OFF, order_id="off"))
    assert answers[0].outcome is Outcome.DONE
    assert (answers[1].outcome, answers[1].reason) == (Outcome.REFUSED, "meter_refused")
    assert answers[1].after["forced"] == 2


def test_a_cancelled_trip_that_never_left_needs_no_reading(tmp_path: Path) -> None:
    async def story() -> None:
        room = Room(1, "m1")
        room.dead = True
        site = Site(tmp_path, rooms=[room])
        site.start()
        site.centre.place(order(Kind.SWITCH_OFF))
        await asyncio.sleep(5)
        site.centre.place(order(Kind.SWITCH_OFF, cancel=True))
        assert (await site.answer("s1")).outcome is Outcome.CANCELLED
        await site.stop()

    run(story())


def test_settings_are_compared_value_by_value(tmp_path: Path) -> None:
    prices = order(Kind.PRICES, order_id="p", values={"price_sharp_e4": 12_345, "price_deep_e4": 2_500})
    limits = order(Kind.LIMITS, order_id="l", values={"alarm1_fen": 4_000, "alarm2_fen": 1_500, "ceiling_fen": 500_000})
    clock = order(Kind.CLOCK, order_id="c")
    read = order(Kind.READ, order_id="r")
    answers, site = carry_out(tmp_path, prices, limits, clock, read)
    assert [answer.outcome for answer in answers] == [Outcome.DONE] * 4
    memory = site.rooms[0].meter.memory
    assert memory.prices_e4[0] == 12_345
    assert (memory.alarm1_fen, memory.ceiling_fen) == (4_000, 500_000)
    assert answers[1].after == {**answers[1].after, "alarm1_fen": 4_000, "alarm2_fen": 1_500, "ceiling_fen": 500_000}
    assert "energy_wh" in answers[3].after


def test_what_the_profile_cannot_send_or_show_is_refused_by_name(tmp_path: Path) -> None:
    async def story() -> None:
        site = Site(tmp_path)
        site.config.meters[0].allow[:] = ["manual", "unverified"]
        site.start()
        for one in (
            order(Kind.LIMITS, order_id="l", values={"alarm1_fen": 4_000}),
            order(Kind.LIMITS, order_id="x", values={"no_such": 1}),
            order(Kind.RECHARGE, order_id="m", amount_fen=100, count=2),
        ):
            site.centre.place(one)
        assert (await site.answer("l")).reason == "unverified_write"
        assert (await site.answer("x")).outcome is Outcome.REFUSED
        assert (await site.answer("m")).reason == "unverified_write"
        assert site.wire.writes == []
        await site.stop()

    run(story())


ROWS = [
    (Fact.BEFORE, order(Kind.SWITCH_OFF), Memory(), ON, Action.WRITE),
    (Fact.AFTER, order(Kind.SWITCH_OFF), Memory(), OFF, Action.DONE),
    (Fact.AFTER, order(Kind.SWITCH_OFF), Memory(), {**OFF, "relay_closed": 1}, Action.DONE),
    (Fact.FORBIDDEN, order(Kind.SWITCH_OFF), Memory(), {"relay_closed": 1}, Action.REFUSE),
    (Fact.CANCEL, order(Kind.SWITCH_ON, cancel=True), Memory(), OFF, Action.CANCEL),
    (Fact.EXPIRED, order(Kind.SWITCH_ON, expires_at_ms=NOW), Memory(), OFF, Action.EXPIRE),
]
WRITTEN = remember([Step(name=StepName.WRITING, at_ms=NOW - 500, values={})])
WRITTEN_ROWS = [
    (Fact.BEFORE, order(Kind.HOLD), WRITTEN, ON, Action.WRITE),
    (Fact.AFTER, order(Kind.HOLD), WRITTEN, {**ON, "forced": 2}, Action.DONE),
    (Fact.EARLY, order(Kind.SWITCH_OFF), WRITTEN, {**OFF, "relay_closed": 1}, Action.LATER),
    (Fact.FORBIDDEN, order(Kind.HOLD), WRITTEN, {}, Action.REFUSE),
    (Fact.CANCEL, order(Kind.HOLD, cancel=True), WRITTEN, ON, Action.CANCEL),
    (Fact.EXPIRED, order(Kind.HOLD, expires_at_ms=NOW), WRITTEN, ON, Action.EXPIRE),
    (Fact.WORN_OUT, order(Kind.HOLD), remember([Step(name=StepName.WRITING, at_ms=NOW)] * 3), ON, Action.REFUSE),
]


@pytest.mark.parametrize(("fact", "asked", "memory", "values", "action"), ROWS + WRITTEN_ROWS)
def test_every_row_of_the_table(
    fact: Fact, asked: Order, memory: Memory, values: dict[str, int], action: Action
) -> None:
    judgement = switching.judge(order=asked, memory=memory, values=values, now=NOW, rules=RULES)
    assert judgement.fact is fact
    assert switching.STANDARD[memory.phase, fact] is action


def test_the_rows_above_are_the_table_but_for_the_line() -> None:
    walked = {(memory.phase, fact) for fact, _, memory, _, _ in ROWS + WRITTEN_ROWS}
    line = {key for key, action in switching.STANDARD.items() if action in (Action.READ, Action.LATER)}
    assert walked | line == set(switching.STANDARD)
    assert all(phase is Phase.WRITTEN or fact in (Fact.SILENT, Fact.EARLY) for phase, fact in line)


def test_a_trip_that_expired_while_the_disk_was_slow_does_not_leave(tmp_path: Path) -> None:
    class SlowDisk(SqliteJournal):
        async def step(self, order_id: str, step: Step) -> None:
            await asyncio.sleep(30)
            await super().step(order_id, step)

    async def story() -> None:
        site = Site(tmp_path)
        site.make_journal = lambda path: SlowDisk(path, threaded=False, synchronous="OFF")
        site.start()
        site.centre.place(order(Kind.SWITCH_OFF, expires_at_ms=NOW + 20_000))
        answer = await site.answer("s1")
        assert answer.outcome is Outcome.EXPIRED
        assert site.wire.writes == []
        assert answer.after["forced"] == 0
        await site.stop()

    run(story())


def test_a_meter_whose_own_money_is_gone_stays_on_while_the_platform_bills(tmp_path: Path) -> None:
    """Opened once, nothing left: by its own prepaid logic it is dark, and refuses an ordinary order to switch on."""
    on, off = {"values": {"hold": 1}}, {"values": {"release": 1}}
    orders = [
        order(Kind.SWITCH_ON, order_id="plain"),
        order(Kind.SWITCH_ON, order_id="on", **on),
        order(Kind.SWITCH_ON, order_id="again", **on),
        order(Kind.SWITCH_OFF, order_id="refused"),
        order(Kind.SWITCH_OFF, order_id="off", **off),
        order(Kind.SWITCH_ON, order_id="back", **on),
    ]
    room = Room(1, "m1")
    room.meter.refund(amount_fen=room.meter.balance_fen, count=2)
    answers, _ = carry_out(tmp_path, *orders, room=room)
    assert [answer.outcome.value for answer in answers] == ["refused", "done", "done", "refused", "done", "done"]
    assert [(answers[n].after["forced"], answers[n].after["relay_closed"]) for n in (1, 4, 5)] == [
        (2, 1),
        (1, 0),
        (2, 1),
    ]
    assert answers[2].writes == 0
