"""Modbus TCP: one question at a time on the bus, and two manners with a silent meter."""

from __future__ import annotations

import asyncio

import pytest

from prewatt.field.line import Line, NoAnswer
from prewatt.field.wire import modbus
from prewatt.field.wire.errors import ExceptionAnswer
from sim.buildings import FLEET, building, read, run

TCP = FLEET.replace('name = "1"', 'name = "1"\nendpoint = "tcp://127.0.0.1:0"')


def test_a_reading_comes_through_with_the_bus_time_and_no_more() -> None:
    async def ask() -> tuple[int, float]:
        line = Line(building(TCP).pipe("1"), framing="tcp")
        start = asyncio.get_running_loop().time()
        reply = await line.ask(read(1), timeout_s=1)
        line.close()
        return len(reply.registers), asyncio.get_running_loop().time() - start

    registers, took_s = run(ask())
    assert registers == 60
    assert took_s == pytest.approx((8 + 125) * 10 / 9600 + 0.020)


@pytest.mark.parametrize("manner", ["0b", "silence"])
def test_a_silent_meter_is_exception_0b_or_silence(manner: str) -> None:
    async def ask() -> str:
        line = Line(building(TCP.replace("[[bus]]", f'[[bus]]\nmanner = "{manner}"')).pipe("1"), framing="tcp")
        try:
            await line.ask(read(9), timeout_s=2)
        except (ExceptionAnswer, NoAnswer) as error:
            return error.code
        finally:
            line.close()
        return "answered"

    assert run(ask()) == ("exception_gateway_no_answer" if manner == "0b" else "no_answer")


def test_questions_of_two_connections_wait_for_each_other() -> None:
    async def ask() -> tuple[list[int], float]:
        one = building(TCP)
        lines = [Line(one.pipe("1"), framing="tcp") for _ in range(2)]
        start = asyncio.get_running_loop().time()
        replies = await asyncio.gather(*(line.ask(read(unit), timeout_s=2) for unit, line in enumerate(lines, 1)))
        for line in lines:
            line.close()
        return [reply.unit for reply in replies], asyncio.get_running_loop().time() - start

    units, took_s = run(ask())
    assert units == [1, 2]
    assert took_s > 2 * 0.158


def test_what_does_not_fit_a_frame_and_what_the_meter_refuses_have_their_exceptions() -> None:
    async def ask() -> list[int]:
        one = building(TCP)
        heard: list[bytes] = []
        pipe = one.pipe("1")
        await pipe.open(lambda data: heard.append(bytes(data)), print)
        for number, request in enumerate([modbus.Request(1, 3, 0, 2), modbus.Request(1, 3, 0x3000, 1)]):
            frame = bytearray(modbus.tcp_encode(request, number))
            if number == 0:
                frame[10:12] = b"\0\0"  # nothing asked for
            pipe.write(bytes(frame))
        await asyncio.sleep(1)
        pipe.close()
        return [frame[8] for frame in heard]

    assert run(ask()) == [3, 2]


def test_more_questions_than_the_queue_holds_are_busy() -> None:
    async def ask() -> tuple[int, int]:
        one = building(TCP)
        heard: list[bytes] = []
        pipe = one.pipe("1")
        await pipe.open(lambda data: heard.append(bytes(data)), print)
        for number in range(100):
            pipe.write(modbus.tcp_encode(read(1), number))
        await asyncio.sleep(60)
        pipe.close()
        busy = sum(1 for frame in heard if frame[7] == 0x83 and frame[8] == 6)
        return busy, len(heard)

    busy, answered = run(ask())
    assert (busy, answered) == (35, 100)
