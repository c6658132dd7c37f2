"""DL/T 645, Modbus TCP and a rough line, as the simulated building serves them, through the whole gateway."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import msgspec
import pytest

from field.gateway.site import START_MS, Centre, recharge
from prewatt.field.gateway.gateway import Gateway
from prewatt.field.gateway.journal import SqliteJournal
from prewatt.field.gateway.uplink import Pace
from prewatt.link.looking import Figures, dlt645_questions, question_s
from prewatt.link.messages import Kind, Order, Outcome
from prewatt.sim import virtual
from prewatt.sim.building import Building
from prewatt.sim.faults import Faults
from prewatt.sim.fleet import parse_fleet

DLT = """
[[bus]]
name = "d"
endpoint = "rtu+tcp://127.0.0.1:4001"
baud = 2400
meter = [
  { number = "D1", address = "000000000011", profile = "dlt645-2007", watts = 2000 },
  { number = "D2", address = "000000000012", profile = "dlt645-2007", watts = 1000 },
]
"""
BUS = Figures(char_s=11 / 2400, dlt645=True)
ALONE = DLT.replace('  { number = "D2", address = "000000000012", profile = "dlt645-2007", watts = 1000 },\n', "")
DOOR = """
[[bus]]
name = "t"
endpoint = "tcp://127.0.0.1:4001"
manner = "{manner}"
meter = [{{ number = "A", unit = 1 }}, {{ number = "B", unit = 2 }}, {{ number = "C", unit = 3, present = false }}]
"""
LINE = """
[[bus]]
name = "r"
endpoint = "rtu+tcp://127.0.0.1:4001"
meter = [
  { number = "A", unit = 1, watts = 1500 },
  { number = "B", unit = 2, watts = 300 },
  { number = "C", unit = 3, watts = 9000 },
]
"""


class House:
    """A building on virtual time with its gateway and a centre."""

    def __init__(self, folder: Path, text: str, *, faults: Faults | None = None) -> None:
        fleet = parse_fleet(text)
        self.building = Building.from_fleet(fleet, now_ms=virtual.now_ms, faults=faults)
        self.centre = Centre()
        self.journal = SqliteJournal(folder / "journal.db", threaded=False, synchronous="OFF")
        config = self.building.link_config()
        config.buses[:] = [msgspec.structs.replace(bus, sweep_s=60, status_s=20) for bus in config.buses]
        self.gateway = Gateway(
            config,
            journal=self.journal,
            open_pipe=self.building.open_pipe,
            centre=self.centre,
            now_ms=virtual.now_ms,
            random=random.Random(1),
            pace=Pace(gather_s=0.2),
        )
        self.task = asyncio.get_running_loop().create_task(self.gateway.run())

    async def outcome(self, order: Order, *, seconds: int = 60) -> Outcome:
        self.centre.place(order)
        for _ in range(seconds * 10):
            await asyncio.sleep(0.1)
            assert not self.task.done(), self.task
            if answer := self.centre.outcome(order.order_id):
                return answer.outcome
        raise AssertionError("no answer")

    async def close(self) -> None:
        self.gateway.stop()
        await self.task
        await self.journal.close()


def order(kind: Kind, meter: str) -> Order:
    return Order(order_id=f"{kind}-{meter}", meter=meter, kind=kind, placed_at_ms=START_MS)


def run(story) -> None:  # type: ignore[no-untyped-def]
    virtual.run(story(), start_ms=START_MS)


def test_meters_that_speak_dlt645_are_read_and_switched_and_their_money_is_left_alone(tmp_path: Path) -> None:
    async def story() -> None:
        house = House(tmp_path, DLT)
        await asyncio.sleep(60)
        seen = {reading.meter: reading.values for reading in house.centre.readings}
        assert set(seen) == {"D1", "D2"}
        assert seen["D1"]["balance_fen"] > 0
        for kind in (Kind.SWITCH_OFF, Kind.SWITCH_ON, Kind.HOLD, Kind.RELEASE):
            assert await house.outcome(order(kind, "D1")) is Outcome.DONE
        assert house.building.meters["D1"].memory.forced == 0
        assert await house.outcome(recharge(meter="D2", count=1, bought_before_fen=None)) is Outcome.REFUSED
        assert house.centre.outcome("o1").reason == "no_such_command"  # type: ignore[union-attr]
        await house.close()

    run(story)


def test_a_scan_tells_the_twelve_digits_of_the_only_meter_on_a_dlt645_bus(tmp_path: Path) -> None:
    async def story() -> None:
        house = House(tmp_path, ALONE)
        house.centre.look(bus="d")
        await asyncio.sleep(60)
        (end,) = [one for one in house.centre.found() if one.final]
        assert (end.reason, end.asked) == ("done", 1)
        assert scanned(house) == {"000000000011": ["dlt645-2007"]}
        await house.close()

    run(story)


def test_where_several_answer_at_once_a_scan_gives_more_digits_until_each_is_heard_alone(tmp_path: Path) -> None:
    """On a bus that works each of the hundred questions waits for its share: the scan knows it and takes the time."""

    async def story() -> None:
        house = House(tmp_path, DLT.replace("000000000011", "000000000700").replace("000000000012", "000000000801"))
        house.centre.look(bus="d", seconds=240)
        expected_s = dlt645_questions(["000000000700", "000000000801"]) * question_s(BUS)
        assert 240 < expected_s < 1000
        await asyncio.sleep(expected_s)
        (end,) = [one for one in house.centre.found() if one.final]
        assert (end.reason, end.asked, end.total, end.left_s) == ("done", 101, 101, 0)
        assert set(scanned(house)) == {"000000000700", "000000000801"}
        assert {reading.meter for reading in house.centre.readings} == {"D1", "D2"}
        left = [finding.left_s for finding in house.centre.found() if finding.total == 101]
        assert 0 < left[len(left) // 2] < left[0] <= expected_s
        await house.close()

    run(story)


def scanned(house: House) -> dict[str, list[str]]:
    return {one.address: one.profiles for finding in house.centre.found() for one in finding.found}


@pytest.mark.parametrize("manner", ["0b", "silence"])
def test_modbus_tcp_doors_are_read_switched_and_sold_to_and_their_absent_meter_costs_little(
    tmp_path: Path, manner: str
) -> None:
    async def story() -> None:
        house = House(tmp_path, DOOR.format(manner=manner))
        assert await house.outcome(recharge(meter="A", count=1, bought_before_fen=None)) is Outcome.DONE
        assert await house.outcome(order(Kind.SWITCH_OFF, "B")) is Outcome.DONE
        await asyncio.sleep(700)
        assert house.building.meters["A"].memory.purchase_count == 1
        assert [health.meter for health in house.centre.health if health.lost] == ["C"]
        assert house.gateway.pollers["t"].schedule.probes_ms < 0.06 * 700_000
        assert {reading.meter for reading in house.centre.readings[-6:]} == {"A", "B"}
        await house.close()

    run(story)


@pytest.mark.parametrize("seed", range(4))
def test_on_a_brutal_line_every_sale_is_there_once_or_a_person_is_asked(tmp_path: Path, seed: int) -> None:
    async def story() -> None:
        house = House(tmp_path, LINE, faults=Faults(seed, "brutal"))
        for number in range(1, 6):
            for meter in "ABC":
                memory = house.building.meters[meter].memory
                if house.centre.outcome(f"{meter}{number - 1}") is None and number > 1:
                    continue  # one money order a meter at a time
                before = (memory.purchase_count, memory.bought_fen)
                sale = recharge(
                    f"{meter}{number}",
                    meter=meter,
                    amount_fen=100 * number,
                    count=before[0] + 1,
                    bought_before_fen=before[1],
                )
                outcome = await house.outcome(sale, seconds=3_600)
                after = (memory.purchase_count, memory.bought_fen)
                done = (before[0] + 1, before[1] + 100 * number)
                if outcome is Outcome.DONE:
                    assert after == done
                elif outcome is Outcome.REFUSED:
                    assert after == before
                else:
                    assert outcome is Outcome.UNCLEAR
                    assert after not in (before, done)
        await house.close()

    run(story)
