"""Opening, losing and opening again: a state of its own, with back-off, that makes nobody else wait."""

import asyncio
from itertools import pairwise

import pytest

from prewatt.field.line import Line, LineDown, NoAnswer
from prewatt.field.line.connection import BACK_OFF_S_MAX, STEPS, Connection, State
from prewatt.field.line.null import NullPipe
from prewatt.field.wire import modbus
from prewatt.field.wire.errors import WrongUnit
from prewatt.sim import virtual

QUESTION = modbus.read(7, 100, 4)
ANSWER = modbus.rtu_frame(7, modbus.encode_reply(QUESTION, modbus.Reply(7, 3, (1, 2, 3, 4))))


def test_every_state_can_be_left_and_reached():
    assert set(STEPS) == set(State)
    assert {to for steps in STEPS.values() for to in steps} == set(State)
    assert all(State.CLOSED in STEPS[state] for state in State if state is not State.CLOSED)


def test_attempts_grow_rarer_but_never_stop():
    async def story():
        pipe = NullPipe()
        pipe.refuse = [OSError(f"refused {n}") for n in range(12)]
        attempts: list[float] = []
        loop = asyncio.get_running_loop()
        connection = Connection(
            pipe, lambda _: None, lambda state: attempts.append(loop.time()) if state is State.OPENING else None
        )
        await connection.wait_up()
        pauses = [after - before for before, after in pairwise(attempts)]
        assert pauses[:3] == [0.5, 1.0, 2.0]
        assert max(pauses) == BACK_OFF_S_MAX == pauses[-1]
        assert len(attempts) == 13

    virtual.run(story())


def test_while_it_is_down_asking_waits_its_time_limit_and_says_when_to_come_back():
    async def story():
        pipe = NullPipe()
        pipe.refuse = [OSError("refused")] * 3  # at 0, 0.5 and 1.5 s
        line = Line(pipe)
        loop = asyncio.get_running_loop()
        with pytest.raises(LineDown, match="refused") as caught:
            await line.ask(QUESTION, timeout_s=2)
        assert loop.time() == 2
        assert caught.value.retry_in_s == 1.5
        assert not pipe.sent
        await line.wait_open()
        pipe.script = lambda data: [(0.03, ANSWER)]
        assert (await line.ask(QUESTION, timeout_s=1)).registers == (1, 2, 3, 4)

    virtual.run(story())


def test_a_line_that_worked_is_opened_again_at_once_and_one_that_hangs_up_on_us_is_not():
    async def story():
        pipe = NullPipe(lambda data: [(0.03, ANSWER)])
        line = Line(pipe)
        await line.ask(QUESTION, timeout_s=1)
        pipe.cut()
        await asyncio.sleep(0.001)
        assert line.is_open
        pipe.cut()  # this time before anything was heard
        await asyncio.sleep(0.4)
        assert not line.is_open
        await asyncio.sleep(0.2)
        assert line.is_open

    virtual.run(story())


def test_closing_ends_the_question_under_way_and_every_attempt():
    async def story():
        pipe = NullPipe()
        line = Line(pipe)
        task = asyncio.create_task(line.ask(QUESTION, timeout_s=10))
        await asyncio.sleep(0.1)
        line.close()
        with pytest.raises(LineDown, match="closed"):
            await task
        await asyncio.sleep(60)
        assert pipe.opened == 1

    virtual.run(story())


def test_a_connection_that_died_without_a_word_is_opened_anew():
    async def story():
        pipe = NullPipe()
        line = Line(pipe)
        for _ in range(40):
            with pytest.raises((NoAnswer, LineDown)):
                await line.ask(QUESTION, timeout_s=3)
        assert pipe.opened >= 2

    virtual.run(story())


def test_half_a_frame_spoils_a_tcp_stream_so_it_is_opened_anew():
    async def story():
        pipe = NullPipe(lambda data: [(0.01, modbus.tcp_frame(7, b"\x03\x08" + bytes(8), 1)[:9])])
        line = Line(pipe, framing="tcp")
        with pytest.raises(Exception, match="then silence"):
            await line.ask(QUESTION, timeout_s=0.5)
        await line.wait_open()
        assert pipe.opened == 2

    virtual.run(story())


def test_on_tcp_a_late_answer_is_told_by_its_number():
    async def story():
        def script(data: bytes):
            transaction, request = modbus.TcpServerReader().feed(data)[0]
            registers = tuple(request.address + n for n in range(request.count))
            pdu = modbus.encode_reply(request, modbus.Reply(7, 3, registers))
            yield (0.5 if request.address == 100 else 0.4), modbus.tcp_frame(7, pdu, transaction)

        line = Line(NullPipe(script), framing="tcp")
        with pytest.raises(NoAnswer):
            await line.ask(QUESTION, timeout_s=0.2)
        reply = await line.ask(modbus.read(7, 200, 4), timeout_s=1)  # at once: nothing to wait for
        assert reply.registers == (200, 201, 202, 203)
        assert line.stats["late_answer"] == 1

    virtual.run(story())


def test_what_passes_can_be_watched():
    async def story():
        line = Line(NullPipe(lambda data: [(0.03, ANSWER)]))
        seen = []
        line.observer = lambda time_s, direction, data: seen.append((round(time_s, 2), direction, bytes(data)))
        await line.ask(QUESTION, timeout_s=1)
        assert [(direction, data) for _, direction, data in seen] == [
            ("out", modbus.rtu_encode(QUESTION)),
            ("in", ANSWER),
        ]

    virtual.run(story())


def test_a_broadcast_waits_for_nobody_and_gives_the_meters_time():
    async def story():
        pipe = NullPipe()
        line = Line(pipe)
        loop = asyncio.get_running_loop()
        await line.tell(modbus.Request(0, 16, 100, 0, (1,)))
        assert len(pipe.sent) == 1
        assert loop.time() >= 0.2

    virtual.run(story())


def test_on_tcp_an_error_belongs_to_its_own_question():
    async def story():
        other = modbus.encode_reply(QUESTION, modbus.Reply(8, 3, (1, 2, 3, 4)))
        line = Line(NullPipe(lambda data: [(0.01, modbus.tcp_frame(8, other, 1))]), framing="tcp")
        with pytest.raises(WrongUnit):
            await line.ask(QUESTION, timeout_s=0.5)
        with pytest.raises(NoAnswer):
            await line.ask(QUESTION, timeout_s=0.5)
        assert line.stats["asked"] == 2
        assert line.stats["wrong_unit"] == 1
        assert line.stats["no_answer"] == 1

    virtual.run(story())


def test_on_tcp_half_a_frame_that_nobody_asked_for_costs_the_connection():
    async def story():
        pipe = NullPipe()
        line = Line(pipe, framing="tcp")
        await line.open()
        pipe.deliver(modbus.tcp_frame(7, b"\x03\x08" + bytes(8), 1)[:9])
        await asyncio.sleep(1)
        assert pipe.opened == 2

    virtual.run(story())
