"""On a shared wire an answer shows little of whose it is: every way in which it can be another's, on virtual time."""

import asyncio

import pytest

from prewatt.field.line import Line, LineDown, NoAnswer
from prewatt.field.line.null import NullPipe
from prewatt.field.wire import errors, modbus
from prewatt.sim import virtual

CHAR_S = 10 / 9600
FIRST = modbus.read(7, 100, 4)
SECOND = modbus.read(7, 200, 4)
OTHER_LENGTH = modbus.read(7, 300, 6)
OTHER_UNIT = modbus.read(8, 100, 4)


def answer_to(request: modbus.Request) -> bytes:
    """The good answer: every register holds its own address."""
    registers = tuple(request.address + n for n in range(request.count))
    pdu = modbus.encode_reply(request, modbus.Reply(request.unit, request.function, registers))
    return modbus.rtu_frame(request.unit, pdu)


def refusal_of(request: modbus.Request, exception: int) -> bytes:
    return modbus.rtu_frame(request.unit, modbus.encode_exception(request, exception))


class Bus:
    """Answers after 20 ms and the time of the bytes on the wire, or as late as `answers` says."""

    def __init__(self) -> None:
        self.pipe = NullPipe(self._script)
        self.line = Line(self.pipe, baud=9600)
        self.delays_s: dict[modbus.Request, list[float | None]] = {}

    def answers(self, request: modbus.Request, *delays_s: float | None) -> None:
        """How late the answers to this request come, one after the other; None: never."""
        self.delays_s[request] = list(delays_s)

    def _script(self, data: bytes):
        request = modbus.RtuServerReader().feed(data)[0]
        delays_s = self.delays_s.get(request)
        delay_s = (delays_s.pop(0) if len(delays_s) > 1 else delays_s[0]) if delays_s else 0.02
        if delay_s is not None:
            yield len(data) * CHAR_S + delay_s + len(answer_to(request)) * CHAR_S, answer_to(request)


def test_a_question_is_sent_once_and_answered():
    async def story():
        bus = Bus()
        reply = await bus.line.ask(FIRST, timeout_s=1)
        assert reply.registers == (100, 101, 102, 103)
        assert bus.pipe.sent == [modbus.rtu_encode(FIRST)]
        assert bus.line.stats["answered"] == 1

    virtual.run(story())


def test_silence_is_sent_once_too():
    async def story():
        bus = Bus()
        bus.answers(FIRST, None)
        with pytest.raises(NoAnswer) as caught:
            await bus.line.ask(FIRST, timeout_s=1)
        assert caught.value.sent
        assert caught.value.code == "no_answer"
        await asyncio.sleep(30)
        assert len(bus.pipe.sent) == 1

    virtual.run(story())


@pytest.mark.parametrize("late_s", [0.25, 0.3, 0.5, 0.9])
def test_a_late_answer_is_never_the_answer_to_the_next_question_of_the_same_look(late_s):
    async def story():
        bus = Bus()
        bus.answers(FIRST, late_s)
        with pytest.raises(NoAnswer):
            await bus.line.ask(FIRST, timeout_s=0.2)
        reply = await bus.line.ask(SECOND, timeout_s=1)
        assert reply.registers == (200, 201, 202, 203)
        assert bus.line.stats["late_answer"] == 1

    virtual.run(story())


def test_a_late_answer_is_not_taken_for_a_fresh_one_to_the_same_question():
    async def story():
        bus = Bus()
        bus.answers(FIRST, 0.4)
        with pytest.raises(NoAnswer):
            await bus.line.ask(FIRST, timeout_s=0.2)
        bus.answers(FIRST, None)
        with pytest.raises(NoAnswer):
            await bus.line.ask(FIRST, timeout_s=0.2)
        assert bus.line.stats["late_answer"] == 1

    virtual.run(story())


@pytest.mark.parametrize("next_question", [OTHER_LENGTH, OTHER_UNIT])
def test_a_late_answer_that_looks_different_does_not_disturb_the_question_under_way(next_question):
    async def story():
        bus = Bus()
        bus.answers(FIRST, 0.45)
        bus.answers(next_question, 0.3)
        with pytest.raises(NoAnswer):
            await bus.line.ask(FIRST, timeout_s=0.2)
        reply = await bus.line.ask(next_question, timeout_s=1)
        assert reply.registers[0] == next_question.address
        assert bus.line.stats["late_answer"] == 1
        assert bus.line.stats["wrong_unit"] == bus.line.stats["wrong_length"] == 0

    virtual.run(story())


def test_after_silence_the_line_waits_until_it_is_quiet():
    async def story():
        bus = Bus()
        loop = asyncio.get_running_loop()
        bus.answers(FIRST, None)
        with pytest.raises(NoAnswer):
            await bus.line.ask(FIRST, timeout_s=0.2)
        loop.call_later(0.02, bus.pipe.deliver, b"\x55")  # noise restarts the silence
        sent_before = len(bus.pipe.sent)
        task = loop.create_task(bus.line.ask(OTHER_UNIT, timeout_s=1))
        guard_s = bus.line.turnaround_s + len(answer_to(FIRST)) * CHAR_S
        await asyncio.sleep(0.02 + guard_s)
        assert len(bus.pipe.sent) == sent_before
        await asyncio.sleep(0.02)
        assert len(bus.pipe.sent) == sent_before + 1
        await task

    virtual.run(story())


def test_a_scheduler_can_ask_another_meter_meanwhile():
    async def story():
        bus = Bus()
        loop = asyncio.get_running_loop()
        bus.answers(FIRST, None, 0.02)
        with pytest.raises(NoAnswer):
            await bus.line.ask(FIRST, timeout_s=0.2)
        assert bus.line.clear_at(SECOND) - loop.time() > 0.9
        assert bus.line.clear_at(OTHER_UNIT) - loop.time() < 0.1
        await bus.line.ask(OTHER_UNIT, timeout_s=1)
        await bus.line.ask(OTHER_LENGTH, timeout_s=1)  # the meter answered something later: it is done with the first
        assert bus.line.clear_at(SECOND) - loop.time() < 0.1
        assert (await bus.line.ask(SECOND, timeout_s=1)).registers[0] == 200

    virtual.run(story())


@pytest.mark.parametrize("after_s", [0.015, 0.12])  # while the line still holds back, and while the next is asked
def test_an_answer_that_comes_twice_is_not_the_answer_to_the_next_block(after_s):
    async def story():
        bus = Bus()
        await bus.line.ask(FIRST, timeout_s=1)
        loop = asyncio.get_running_loop()
        loop.call_later(after_s, bus.pipe.deliver, answer_to(FIRST))
        reply = await bus.line.ask(SECOND, timeout_s=1)
        assert reply.registers == (200, 201, 202, 203)
        assert bus.line.stats["doubled_answer"] == 1

    virtual.run(story())


@pytest.mark.parametrize("after_s", [0.015, 0.12])
def test_an_answer_that_comes_twice_is_not_a_fresh_one_to_the_same_question(after_s):
    async def story():
        bus = Bus()
        await bus.line.ask(FIRST, timeout_s=1)
        asyncio.get_running_loop().call_later(after_s, bus.pipe.deliver, answer_to(FIRST))
        registers = (7, 7, 7, 7)
        fresh = modbus.rtu_frame(7, modbus.encode_reply(FIRST, modbus.Reply(7, 3, registers)))
        bus.pipe.script = lambda data: [(0.04, fresh)]
        assert (await bus.line.ask(FIRST, timeout_s=1)).registers == registers

    virtual.run(story())


def test_a_block_that_truly_holds_the_same_as_the_one_before_is_believed():
    async def story():
        pipe = NullPipe()
        zeros = modbus.rtu_frame(7, modbus.encode_reply(FIRST, modbus.Reply(7, 3, (0, 0, 0, 0))))
        pipe.script = lambda data: [(0.03, zeros)]
        line = Line(pipe)
        assert (await line.ask(FIRST, timeout_s=1)).registers == (0, 0, 0, 0)
        assert (await line.ask(SECOND, timeout_s=1)).registers == (0, 0, 0, 0)
        assert line.stats["doubled_answer"] == 0

    virtual.run(story())


def test_a_doubled_echo_of_a_write_is_not_the_read_back():
    async def story():
        write = modbus.Request(7, 16, 100, 0, (1, 2))
        echo = modbus.rtu_frame(7, modbus.encode_reply(write, modbus.Reply(7, 16)))
        bus = Bus()
        bus.pipe.script = lambda data: [(0.03, echo)]
        await bus.line.ask(write, timeout_s=1)
        bus.pipe.script = lambda data: [(0.01, echo), (0.05, answer_to(FIRST))]
        assert (await bus.line.ask(FIRST, timeout_s=1)).registers == (100, 101, 102, 103)
        assert bus.line.stats["doubled_answer"] == 1

    virtual.run(story())


def test_a_refusal_that_may_belong_to_an_open_question_is_not_believed():
    async def story():
        bus = Bus()
        bus.answers(FIRST, None)
        with pytest.raises(NoAnswer):
            await bus.line.ask(FIRST, timeout_s=0.2)
        bus.pipe.script = lambda data: [(0.01, refusal_of(FIRST, 6)), (0.05, answer_to(OTHER_LENGTH))]
        reply = await bus.line.ask(OTHER_LENGTH, timeout_s=1)
        assert reply.registers[0] == 300
        assert bus.line.stats["late_answer"] == 1

    virtual.run(story())


def test_a_question_that_was_abandoned_is_remembered_like_one_that_met_silence():
    async def story():
        bus = Bus()
        bus.answers(FIRST, 0.5)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await bus.line.ask(FIRST, timeout_s=5)
        assert (await bus.line.ask(SECOND, timeout_s=1)).registers == (200, 201, 202, 203)

    virtual.run(story())


def test_only_one_may_ask():
    async def story():
        bus = Bus()
        first = asyncio.create_task(bus.line.ask(FIRST, timeout_s=1))
        await asyncio.sleep(0)
        with pytest.raises(RuntimeError, match="one owner"):
            await bus.line.ask(SECOND, timeout_s=1)
        assert (await first).registers[0] == 100

    virtual.run(story())


def test_a_line_that_never_falls_silent_is_not_asked():
    async def story():
        bus = Bus()
        await bus.line.open()

        async def babble():
            while True:
                bus.pipe.deliver(b"\x00")
                await asyncio.sleep(0.002)

        noise = asyncio.create_task(babble())
        await asyncio.sleep(0)
        with pytest.raises(Exception, match="not silent") as caught:
            await bus.line.ask(FIRST, timeout_s=1)
        assert caught.value.code == "line_noisy"
        assert not caught.value.sent
        assert not bus.pipe.sent
        noise.cancel()

    virtual.run(story())


def test_what_was_never_sent_is_told_apart_from_what_was():
    async def story():
        bus = Bus()
        bus.pipe.refuse = [OSError("no such port")] * 2
        with pytest.raises(LineDown, match="no such port") as caught:
            await bus.line.ask(FIRST, timeout_s=1)
        assert not caught.value.sent
        await bus.line.wait_open()
        bus.answers(FIRST, 5.0)
        asyncio.get_running_loop().call_later(0.5, bus.pipe.cut, OSError("unplugged"))
        with pytest.raises(LineDown, match="unplugged") as caught:
            await bus.line.ask(FIRST, timeout_s=10)
        assert caught.value.sent

    virtual.run(story())


@pytest.mark.parametrize(
    ("bytes_", "error"),
    [
        (answer_to(FIRST)[:-1] + b"\x00", errors.CrcMismatch),
        (answer_to(FIRST)[:7], errors.Truncated),
        (answer_to(OTHER_UNIT), errors.WrongUnit),
        (answer_to(OTHER_LENGTH), errors.WrongLength),
        (modbus.rtu_frame(7, b"\x04\x08" + bytes(8)), errors.WrongFunction),
        (refusal_of(FIRST, 2), errors.ExceptionAnswer),
        (b"\x00\xff\x13\x37" * 3, errors.Malformed),
    ],
    ids=["damaged", "truncated", "unit", "length", "function", "refusal", "garbage"],
)
def test_each_bad_answer_has_its_name_and_the_next_question_works(bytes_, error):
    async def story():
        bus = Bus()
        bus.pipe.script = lambda data: [(0.05, bytes_)]
        with pytest.raises(error) as caught:
            await bus.line.ask(FIRST, timeout_s=0.3)
        assert bus.line.stats[caught.value.code] == 1
        assert len(bus.pipe.sent) == 1
        bus.pipe.script = lambda data: [(0.05, answer_to(SECOND))]
        assert (await bus.line.ask(SECOND, timeout_s=0.3)).registers[0] == 200

    virtual.run(story())


FOREIGN_AND_OURS = b"\xff\x00" + answer_to(OTHER_UNIT) + b"\x12" + answer_to(FIRST)


def test_a_good_answer_joined_to_garbage_and_a_foreign_frame_is_found():
    async def story():
        bus = Bus()
        bus.pipe.script = lambda data: [(0.03, FOREIGN_AND_OURS)]
        assert (await bus.line.ask(FIRST, timeout_s=0.5)).registers == (100, 101, 102, 103)
        assert bus.line.stats["wrong_unit"] == 1
        assert bus.line.stats["garbage_bytes"] == 3 + len(answer_to(OTHER_UNIT))

    virtual.run(story())


def test_a_good_answer_behind_garbage_is_found_byte_by_byte():
    async def story():
        bus = Bus()
        whole = FOREIGN_AND_OURS
        bus.pipe.script = lambda data: [(0.03 + n * 0.001, whole[n : n + 1]) for n in range(len(whole))]
        assert (await bus.line.ask(FIRST, timeout_s=0.5)).registers == (100, 101, 102, 103)
        assert bus.line.stats["garbage_bytes"] == len(whole) - len(answer_to(FIRST))

    virtual.run(story())


def test_a_late_answer_in_pieces_is_recognised_too():
    async def story():
        bus = Bus()
        bus.answers(FIRST, None)
        with pytest.raises(NoAnswer):
            await bus.line.ask(FIRST, timeout_s=0.2)
        late, good = answer_to(FIRST), answer_to(OTHER_UNIT)
        bus.pipe.script = lambda data: [
            (0.03 + n * 0.001, byte) for n, byte in enumerate(bytes([b]) for b in late + good)
        ]
        assert (await bus.line.ask(OTHER_UNIT, timeout_s=0.5)).registers[0] == 100
        assert bus.line.stats["late_answer"] == 1
        assert bus.line.stats["garbage_bytes"] == 0

    virtual.run(story())

    virtual.run(story())


def test_an_answer_that_is_arriving_at_the_limit_is_heard_out():
    async def story():
        bus = Bus()
        whole = answer_to(FIRST)
        bus.pipe.script = lambda data: [(0.19 + n * 0.01, whole[n : n + 1]) for n in range(len(whole))]
        assert (await bus.line.ask(FIRST, timeout_s=0.2)).registers[0] == 100

    virtual.run(story())
