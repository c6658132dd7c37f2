"""Every frame takes its time on the wires: the floor formula of the design, exactly, in virtual time."""

from __future__ import annotations

import asyncio

import pytest

from prewatt.field.wire import modbus
from sim.buildings import FLEET, Master, building, master, read, run


@pytest.mark.parametrize("baud", [1200, 9600, 19200, 38400, 115200])
@pytest.mark.parametrize(("parity", "bits"), [("N", 10), ("E", 11)])
@pytest.mark.parametrize("turnaround_ms", [0, 20, 500])
def test_an_exchange_takes_request_turnaround_and_answer(baud: int, parity: str, bits: int, turnaround_ms: int) -> None:
    text = FLEET.replace("baud = 9600", f'baud = {baud}\nparity = "{parity}"').replace("= 20", f"= {turnaround_ms}")

    async def one_exchange() -> float:
        station = await master(building(text))
        await station.ask(read(count=60), wait_s=10)
        return station.heard[0][0]

    char_s = bits / baud
    gap_s = 0.00175 if baud > 19200 else 3.5 * char_s
    assert run(one_exchange()) == pytest.approx(
        8 * char_s + max(turnaround_ms / 1000, gap_s) + (5 + 2 * 60) * char_s, abs=1e-9
    )


def test_two_requests_without_a_gap_are_answered_by_two_at_once() -> None:
    async def two_at_once() -> list[float]:
        station = await master(building())
        station.pipe.write(modbus.rtu_encode(read(1, count=1)) + modbus.rtu_encode(read(2, count=1)))
        await asyncio.sleep(1)
        return [at for at, _ in station.heard]

    times = run(two_at_once())
    assert len(times) == 1, "two answers at once garble each other, and are heard as one"


def test_who_speaks_into_an_answer_garbles_both() -> None:
    async def impatient() -> tuple[list[bytes], int]:
        one = building()
        station = await master(one)
        station.pipe.write(modbus.rtu_encode(read(1)))
        await asyncio.sleep(0.1)  # the answer of 125 characters is on the wires now
        station.pipe.write(modbus.rtu_encode(read(2)))
        await asyncio.sleep(2)
        return [data for _, data in station.heard], one.frames

    heard, frames = run(impatient())
    assert frames == 1, "nobody understood the second request"
    assert len(heard) == 1
    assert modbus.crc16(heard[0]) != 0


def test_two_meters_with_one_address_garble_each_other() -> None:
    text = FLEET.replace("unit = 2", "unit = 1")

    async def ask() -> bytes:
        station = await master(building(text))
        await asyncio.sleep(600)
        return await station.ask(read(1))

    heard = run(ask())
    assert len(heard) == 125
    assert modbus.crc16(heard) != 0


def test_the_wrong_unit_and_a_damaged_request_are_met_with_silence() -> None:
    async def ask() -> list[bytes]:
        station = await master(building())
        nobody = await station.ask(read(9))
        station.heard.clear()
        station.pipe.write(modbus.rtu_encode(read(1))[:-1] + b"\0")
        await asyncio.sleep(2)
        damaged = b"".join(data for _, data in station.heard)
        return [nobody, damaged, await station.ask(read(1))]

    nobody, damaged, good = run(ask())
    assert (nobody, damaged) == (b"", b"")
    assert modbus.crc16(good) == 0, "a good request after a damaged one is understood"


def test_everybody_connected_hears_every_answer() -> None:
    async def ask() -> tuple[bytes, bytes]:
        one = building()
        first, second = await master(one), await master(one)
        answer = await first.ask(read(1))
        return answer, b"".join(data for _, data in second.heard)

    answer, overheard = run(ask())
    assert answer == overheard != b""


def test_a_closed_pipe_hears_nothing_and_writes_nothing() -> None:
    async def ask() -> tuple[list[tuple[float, bytes]], int]:
        one = building()
        station = await master(one)
        station.pipe.close()
        station.pipe.close()
        await station.ask(read(1))
        return station.heard, one.frames

    assert run(ask()) == ([], 0)


def test_jitter_makes_turnarounds_differ_and_the_seed_repeats_them() -> None:
    text = FLEET.replace("turnaround_ms = 20", "turnaround_ms = 20\njitter_ms = 15")

    async def times() -> list[float]:
        station: Master = await master(building(text, seed=3))
        seen = []
        for _ in range(20):
            start = asyncio.get_running_loop().time()
            await station.ask(read(1))
            seen.append(round(station.heard[0][0] - start, 9))
        return seen

    assert len(set(run(times()))) > 10
    assert run(times()) == run(times())


def test_a_master_that_floods_the_line_does_not_grow_it_for_ever() -> None:
    async def flood() -> int:
        one = building()
        station = await master(one)
        for _ in range(1000):
            station.pipe.write(b"\xff" * 100)
        return one.buses["1"].dropped_bytes

    assert run(flood()) > 90_000
