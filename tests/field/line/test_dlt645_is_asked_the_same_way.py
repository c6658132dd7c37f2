"""DL/T 645 on the same line: its answers show meter and identifier, and silence is treated alike."""

import asyncio

import pytest

from prewatt.field.line import Line, NoAnswer
from prewatt.field.line.null import NullPipe
from prewatt.field.wire import dlt645
from prewatt.sim import virtual

METER = "260305510012"
BALANCE = dlt645.Read(METER, 0x00900200)
ENERGY = dlt645.Read(METER, 0x00010000)


def answer_to(request: dlt645.Read, value: str = "00012345") -> bytes:
    data = request.di.to_bytes(4, "little") + bytes.fromhex(value)[::-1]
    return b"\xfe\xfe" + dlt645.reply(request.frame(), METER, data)


def test_a_question_is_answered_behind_wake_up_bytes():
    async def story():
        line = Line(NullPipe(lambda data: [(0.1, answer_to(BALANCE))]), framing="dlt645", baud=2400, bits_per_char=11)
        reply = await line.ask(BALANCE, timeout_s=1)
        assert reply.data == bytes.fromhex("45230100")
        assert line.stats["garbage_bytes"] == 0

    virtual.run(story())


def test_a_late_answer_does_not_answer_another_identifier():
    async def story():
        pipe = NullPipe(lambda data: [(0.6, answer_to(BALANCE))])
        line = Line(pipe, framing="dlt645", baud=2400, bits_per_char=11)
        with pytest.raises(NoAnswer):
            await line.ask(BALANCE, timeout_s=0.2)
        pipe.script = lambda data: [(0.5, answer_to(ENERGY, "00000026"))]
        reply = await line.ask(ENERGY, timeout_s=1)
        assert reply.di == 0x00010000
        assert line.stats["late_answer"] == 1

    virtual.run(story())


def test_a_late_answer_does_not_answer_the_same_question_asked_again():
    async def story():
        pipe = NullPipe(lambda data: [(0.4, answer_to(BALANCE, "00000001"))])
        line = Line(pipe, framing="dlt645", baud=9600)
        with pytest.raises(NoAnswer):
            await line.ask(BALANCE, timeout_s=0.2)
        pipe.script = lambda data: [(0.1, answer_to(BALANCE, "00000002"))]
        assert (await line.ask(BALANCE, timeout_s=1)).data == bytes.fromhex("02000000")
        assert line.stats["late_answer"] == 1

    virtual.run(story())


def test_a_pause_that_the_standard_allows_does_not_end_an_answer():
    async def story():
        whole = answer_to(BALANCE)
        line = Line(
            NullPipe(lambda data: [(0.1, whole[:5]), (0.5, whole[5:9]), (0.9, whole[9:])]), framing="dlt645", baud=9600
        )
        assert (await line.ask(BALANCE, timeout_s=0.3)).di == 0x00900200
        await asyncio.sleep(0)

    virtual.run(story())
