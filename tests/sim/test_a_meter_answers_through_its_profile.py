"""What goes over the wires is what the profile's file says: reads, writes, and exceptions by their number."""

from __future__ import annotations

import asyncio

import pytest

from prewatt import profiles
from prewatt.field.wire import modbus
from prewatt.field.wire.errors import ExceptionAnswer
from prewatt.profiles import Block
from sim.buildings import building, master, read, recharge, run


def exception(request: modbus.Request) -> int:
    async def ask() -> bytes:
        return await (await master(building())).ask(request)

    with pytest.raises(ExceptionAnswer) as refusal:
        modbus.RtuReader(request).feed(run(ask()))
    return refusal.value.exception


def test_a_full_block_decodes_to_what_the_meter_shows() -> None:
    async def ask() -> tuple[dict[str, int], dict[str, int]]:
        one = building()
        reply = await (await master(one)).reply(read(1))
        return profiles.load("acrel-dtsy1352-nk").decode(Block(3, 0x1000, 60), reply.registers), one.meters["A"].status(
            0
        )

    decoded, shown = run(ask())
    assert len(decoded) > 30
    assert {name: decoded[name] for name in ("balance_fen", "purchase_count", "bought_fen", "relay_closed")} == {
        name: shown[name] for name in ("balance_fen", "purchase_count", "bought_fen", "relay_closed")
    }
    assert (decoded["power_w"], decoded["forced"]) == (1000, 0)


def test_a_recharge_is_taken_acknowledged_and_found_by_reading() -> None:
    async def ask() -> tuple[modbus.Reply, int]:
        one = building()
        station = await master(one)
        reply = await station.reply(recharge(5_000, 1))
        return reply, one.truth()["A"]["bought_fen"]

    reply, bought = run(ask())
    assert (reply.function, bought) == (16, 15_000)


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (modbus.Request(1, 1, 0, 8), 1),
        (modbus.Request(1, 4, 0, 2), 1),
        (modbus.Request(1, 17), 1),
        (read(address=0x3000, count=2), 2),
        (read(address=0x0009, count=125), 2),
        (modbus.Request(1, 16, 0x3000, 1, (1,)), 2),
        (modbus.Request(1, 16, 0x1100, 2, (0, 5)), 3),
        (recharge(5_000, 2), 3),
        (recharge(0, 1), 3),
        (modbus.Request(1, 16, 0x110A, 1, (0,)), 3),
    ],
)
def test_what_the_meter_does_not_take_has_its_exception(request_: modbus.Request, expected: int) -> None:
    assert exception(request_) == expected


def test_a_trip_on_hold_is_a_device_failure() -> None:
    async def ask() -> bytes:
        station = await master(building())
        await station.ask(modbus.Request(1, 16, 0x0057, 2, (1, 0)))
        return await station.ask(modbus.Request(1, 16, 0x0057, 2, (1, 1)))

    assert run(ask())[1:3] == bytes((0x90, 4))


def test_the_published_force_off_frame_opens_the_relay_and_is_echoed() -> None:
    async def ask() -> tuple[bytes, int]:
        one = building()
        station = await master(one)
        station.pipe.write(bytes.fromhex("01100057000204000100012775"))
        await asyncio.sleep(1)
        return station.heard[0][1], one.truth()["A"]["relay_closed"]

    echo, relay = run(ask())
    assert (echo[:6].hex(), relay) == ("011000570002", 0)


def test_gaps_within_a_block_read_as_zero() -> None:
    async def ask() -> modbus.Reply:
        return await (await master(building())).reply(read(address=0x0046, count=28))

    registers = run(ask()).registers
    assert registers[:2] == (0, 1000)
    assert registers[6:8] == (0, 0)


def test_a_broadcast_is_obeyed_in_silence() -> None:
    async def ask() -> tuple[bytes, list[int]]:
        one = building()
        heard = await (await master(one)).ask(modbus.Request(0, 16, 0x0057, 2, (1, 1)))
        return heard, [truth["relay_closed"] for truth in one.truth().values()]

    assert run(ask()) == (b"", [0, 0, 0])


def test_an_absent_meter_and_one_that_is_starting_are_silent() -> None:
    async def ask() -> list[bytes]:
        one = building()
        station = await master(one)
        one.buses["1"].stations[0].is_present = False
        absent = await station.ask(read(1))
        one.meters["B"].power_fails(one.buses["1"].now_ms())
        starting = await station.ask(read(2))
        await asyncio.sleep(3)
        return [absent, starting, await station.ask(read(2))]

    absent, starting, started = run(ask())
    assert (absent, starting) == (b"", b"")
    assert len(started) == 125
