"""A recharge over a real line to a virtual meter: exactly once, whatever the answers say."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from field.gateway.site import Room, Script, Site, recharge, run
from prewatt.field.wire import modbus
from prewatt.link.messages import Answer, Kind, Outcome
from prewatt.sim import virtual

DEVICE_FAILURE = 4


def is_money_write(request: modbus.Request) -> bool:
    return request.function == 16 and 0x1100 <= request.address < 0x110C


def nth_write(number: int, do: Callable[[Room, modbus.Request, Callable[[], bytes]], bytes | None]) -> Script:
    """Misfortune at the n-th money write (1, 2, ...), honesty otherwise; 0: at every one."""
    seen = 0

    def script(room: Room, request: modbus.Request, answer: Callable[[], bytes]) -> bytes | None:
        nonlocal seen
        if not is_money_write(request):
            return answer()
        seen += 1
        return do(room, request, answer) if number in (0, seen) else answer()

    return script


def lose_request(_room: Room, _request: modbus.Request, _answer: Callable[[], bytes]) -> bytes | None:
    return None


def lose_answer(_room: Room, _request: modbus.Request, answer: Callable[[], bytes]) -> bytes | None:
    answer()
    return None


def say_no_and_do_it(_room: Room, request: modbus.Request, answer: Callable[[], bytes]) -> bytes | None:
    answer()
    return modbus.encode_exception(request, DEVICE_FAILURE)


def say_no(_room: Room, request: modbus.Request, _answer: Callable[[], bytes]) -> bytes | None:
    return modbus.encode_exception(request, DEVICE_FAILURE)


def say_yes_and_do_nothing(_room: Room, request: modbus.Request, _answer: Callable[[], bytes]) -> bytes | None:
    return modbus.encode_reply(request, modbus.Reply(request.unit, request.function))


def do_it_twice(_room: Room, _request: modbus.Request, answer: Callable[[], bytes]) -> bytes | None:
    answer()
    return answer()


def fall_silent(room: Room, _request: modbus.Request, answer: Callable[[], bytes]) -> bytes | None:
    """Applied, and the meter is gone for two minutes."""
    answer()
    room.dead = True
    asyncio.get_running_loop().call_later(120, lambda: setattr(room, "dead", False))
    return None


def sell(folder: Path, script: Script, **order: Any) -> tuple[Answer, Site]:
    async def story() -> tuple[Answer, Site]:
        site = Site(folder, script=script)
        site.start()
        site.centre.place(recharge(**order))
        answer = await site.answer("o1", seconds=600)
        await asyncio.sleep(20)
        await site.stop()
        return answer, site

    return run(story())


@pytest.mark.parametrize(
    ("misfortune", "writes"),
    [
        (lose_request, 2),
        (lose_answer, 1),
        (say_no_and_do_it, 1),
        (say_no, 2),
        (say_yes_and_do_nothing, 2),
        (do_it_twice, 1),
        (fall_silent, 1),
    ],
)
def test_one_misfortune_at_the_write_and_the_money_arrives_once(tmp_path: Path, misfortune: Any, writes: int) -> None:
    answer, site = sell(tmp_path, nth_write(1, misfortune))
    assert answer.outcome is Outcome.DONE
    assert answer.writes == writes == len(site.wire.writes)
    assert answer.after["bought_fen"] - answer.before["bought_fen"] == 10_000
    memory = site.rooms[0].meter.memory
    assert (memory.purchase_count, memory.bought_fen) == (2, 25_000)


@pytest.mark.parametrize(
    ("misfortune", "reason"),
    [(lose_request, "not_taken"), (say_no, "meter_refused"), (say_yes_and_do_nothing, "not_taken")],
)
def test_a_meter_that_never_takes_it_is_left_alone_after_three_writes(
    tmp_path: Path, misfortune: Any, reason: str
) -> None:
    answer, site = sell(tmp_path, nth_write(0, misfortune))
    assert (answer.outcome, answer.reason) == (Outcome.REFUSED, reason)
    assert len(site.wire.writes) == 3
    assert site.rooms[0].meter.memory.bought_fen == 15_000


@pytest.mark.parametrize("torn_after", [1, 2])
def test_a_meter_torn_between_count_and_balance_is_left_to_a_person(tmp_path: Path, torn_after: int) -> None:
    """The power fails after the first, or the second, of the meter's own steps."""

    def tear(room: Room, _request: modbus.Request, answer: Callable[[], bytes]) -> bytes | None:
        answer()
        room.meter.power_fails(virtual.now_ms() + 4 * torn_after)
        return None

    async def story() -> None:
        site = Site(
            tmp_path, rooms=[Room(1, "m1", persist=("count", "balance", "bought", "record"))], script=nth_write(1, tear)
        )
        site.start()
        site.centre.place(recharge())
        answer = await site.answer("o1")
        assert answer.outcome is Outcome.UNCLEAR
        assert answer.reason == "half_applied"
        assert answer.before["purchase_count"] == 1
        assert answer.after["purchase_count"] == 2
        assert answer.after["bought_fen"] == 15_000
        assert len(site.wire.writes) == 1
        await site.stop()

    run(story())


def test_a_late_write_that_lands_after_its_read_back_is_not_called_refused(tmp_path: Path) -> None:
    """A converter keeps the request for two seconds: the centre wanted to cancel meanwhile, and the truth is DONE."""

    async def story() -> None:
        site: Site

        def hold_back(room: Room, request: modbus.Request, answer: Callable[[], bytes]) -> bytes | None:
            asyncio.get_running_loop().call_later(2, answer)
            site.centre.place(recharge(cancel=True))
            return None

        site = Site(tmp_path, script=nth_write(1, hold_back))
        site.start()
        site.centre.place(recharge())
        answer = await site.answer("o1")
        assert answer.outcome is Outcome.DONE
        assert site.rooms[0].meter.memory.bought_fen == 25_000
        await site.stop()

    run(story())


def test_what_a_reading_forbids_never_leaves_the_gateway(tmp_path: Path) -> None:
    async def story(number: int, change: Callable[[Room], None], **order: Any) -> Answer:
        folder = tmp_path / str(number)
        folder.mkdir()
        site = Site(folder)
        change(site.rooms[0])
        site.start()
        site.centre.place(recharge(**order))
        answer = await site.answer("o1")
        assert site.wire.writes == []
        await site.stop()
        return answer

    def lower_ceiling(room: Room) -> None:
        room.meter.memory.ceiling_fen = 20_000

    def shut(room: Room) -> None:
        room.meter.memory.opened = False

    def nothing(_room: Room) -> None:
        pass

    cases: list[tuple[Callable[[Room], None], dict[str, Any], Outcome, str]] = [
        (lower_ceiling, {}, Outcome.REFUSED, "above_ceiling"),
        (shut, {}, Outcome.REFUSED, "not_open"),
        (nothing, {"kind": Kind.REFUND, "amount_fen": 15_001}, Outcome.REFUSED, "balance_too_small"),
        (nothing, {"cancel": True}, Outcome.CANCELLED, "cancelled"),
        (nothing, {"count": 7}, Outcome.UNCLEAR, "count_mismatch"),
        (nothing, {"meter": "elsewhere"}, Outcome.UNCLEAR, "unknown_meter"),
        (nothing, {"amount_fen": 0}, Outcome.REFUSED, "bad_amount"),
    ]
    for number, (change, order, outcome, reason) in enumerate(cases):
        answer = run(story(number, change, **order))
        assert (answer.outcome, answer.reason) == (outcome, reason)


def test_a_silent_meter_keeps_its_order_open_and_a_cancel_waits_for_a_reading(tmp_path: Path) -> None:
    async def story() -> None:
        site = Site(tmp_path)
        site.rooms[0].dead = True
        site.start()
        site.centre.place(recharge())
        await asyncio.sleep(300)
        site.centre.place(recharge(cancel=True))
        await asyncio.sleep(300)
        assert site.centre.outcome("o1") is None
        assert {one.outcome for one in site.centre.answers} == {Outcome.TAKEN}
        site.rooms[0].dead = False
        answer = await site.answer("o1")
        assert answer.outcome is Outcome.CANCELLED
        assert site.wire.writes == []
        await site.stop()

    run(story())


def test_a_refund_and_an_opening_take_the_same_road(tmp_path: Path) -> None:
    async def story() -> None:
        site = Site(tmp_path, script=nth_write(1, lose_answer))
        site.start()
        site.centre.place(recharge("back", kind=Kind.REFUND, amount_fen=4_000))
        assert (await site.answer("back")).outcome is Outcome.DONE
        memory = site.rooms[0].meter.memory
        assert (memory.purchase_count, memory.bought_fen) == (2, 11_000)
        site.centre.place(recharge("open", kind=Kind.OPEN, amount_fen=700, count=None, bought_before_fen=None))
        answer = await site.answer("open")
        assert answer.outcome is Outcome.DONE
        assert site.rooms[0].meter.purchase_count == 0
        assert 690 <= site.rooms[0].meter.balance_fen <= 700
        assert len(site.wire.writes) == 2
        await site.stop()

    run(story())


def test_an_opened_account_is_believed_at_once_and_not_quarantined(tmp_path: Path) -> None:
    async def story() -> None:
        site = Site(tmp_path)
        site.start()
        await asyncio.sleep(10)
        site.centre.place(recharge(kind=Kind.OPEN, amount_fen=700, count=None, bought_before_fen=None))
        await site.answer("o1")
        await asyncio.sleep(200)
        assert [event for event in site.centre.events if event.code == "quarantined"] == []
        assert site.centre.readings[-1].values["purchase_count"] == 0
        await site.stop()

    run(story())


def test_the_same_order_again_is_the_same_order(tmp_path: Path) -> None:
    async def story() -> None:
        site = Site(tmp_path)
        site.start()
        site.centre.place(recharge())
        await site.answer("o1")
        site.centre.answers.clear()
        site.centre.place(recharge())
        assert (await site.answer("o1")).outcome is Outcome.DONE
        assert len(site.wire.writes) == 1
        assert site.rooms[0].meter.purchase_count == 2
        await site.stop()

    run(story())


def test_a_turn_writes_once_and_then_lets_others_have_theirs(tmp_path: Path) -> None:
    async def story() -> None:
        site = Site(tmp_path, rooms=[Room(1, "m1"), Room(2, "m2")], script=nth_write(1, lose_request))
        site.start()
        await asyncio.sleep(5)
        site.centre.place(recharge("first"))
        site.centre.place(recharge("second", meter="m2"))
        assert (await site.answer("first")).outcome is Outcome.DONE
        assert (await site.answer("second")).outcome is Outcome.DONE
        assert [request.unit for request in site.wire.writes] == [1, 2, 1]
        await site.stop()

    run(story())
