"""Up: everything once, in order, without flooding. Down: orders and a configuration that changes while the bus runs."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from pathlib import Path

import msgspec

from field.gateway.site import ALL, PROFILE, START_MS, Room, Site, recharge, run
from prewatt.field.gateway.uplink import Pace
from prewatt.link.messages import READINGS_PER_BATCH_MAX, BusConfig, MeterConfig, Outcome, Reading


def test_a_week_without_the_centre_is_delivered_in_order_and_paced(tmp_path: Path) -> None:
    async def story() -> None:
        site = Site(tmp_path, rooms=[Room(1, "m1"), Room(2, "m2")], sweep_s=600)
        site.rest_ms = 60_000
        site.start()
        await asyncio.sleep(60)
        site.centre.down = True
        await asyncio.sleep(7 * 86_400)
        before = len(site.centre.batches)
        site.centre.down = False
        back_at = asyncio.get_running_loop().time()
        site.centre.place(recharge())
        answer = await site.answer("o1", seconds=120)
        assert answer.outcome is Outcome.DONE
        await asyncio.sleep(120)
        fulls = [r for r in site.centre.readings if r.meter == "m1" and "energy_wh" in r.values]
        assert len(fulls) >= 7 * 144
        assert max(b.taken_at_ms - a.taken_at_ms for a, b in pairwise(fulls)) <= 610_000
        times = [reading.taken_at_ms for reading in site.centre.readings if reading.meter == "m1"]
        assert times == sorted(times)
        batches = site.centre.batches[before:]
        assert all(len(batch.readings) <= READINGS_PER_BATCH_MAX for batch in batches)
        assert all(b.sent_at_ms - a.sent_at_ms >= 250 for a, b in pairwise(batches[:4]))
        assert all(b.first_seq == a.last_seq + 1 for a, b in pairwise(batches))
        assert asyncio.get_running_loop().time() - back_at < 300
        await site.stop()

    run(story())


def test_while_cut_off_only_full_readings_and_changes_fill_the_disk(tmp_path: Path) -> None:
    async def story() -> None:
        site = Site(tmp_path, sweep_s=600)
        site.rest_ms = 20_000
        site.start()
        await asyncio.sleep(60)
        site.centre.down = True
        await asyncio.sleep(86_400)
        site.centre.down = False
        await asyncio.sleep(200)
        gone = [r for r in site.centre.readings if START_MS + 120_000 < r.taken_at_ms < START_MS + 86_000_000]
        assert 140 <= len(gone) <= 150
        await site.stop()

    run(story())


def test_a_state_is_never_older_than_its_limit_at_the_centre(tmp_path: Path) -> None:
    async def story() -> None:
        site = Site(tmp_path, rooms=[Room(unit, f"m{unit}") for unit in range(1, 20)])
        site.rest_ms = 10_000
        site.start()
        await asyncio.sleep(3_600)
        for unit in range(1, 20):
            times = [r.taken_at_ms for r in site.centre.readings if r.meter == f"m{unit}"]
            assert max(b - a for a, b in pairwise(times)) < 180_000
        rate = len(site.centre.readings) / 3_600
        assert rate < 19 / 85  # and not much fresher either: the centre stores every one of them
        await site.stop()

    run(story())


def test_a_heartbeat_says_that_the_gateway_lives(tmp_path: Path) -> None:
    async def story() -> None:
        site = Site(tmp_path, status_s=36_000)
        site.start()
        await asyncio.sleep(300)
        empty = [batch for batch in site.centre.batches if not batch.readings]
        assert len(empty) >= 6
        assert site.centre.batches[0].software.startswith("prewatt ")
        await site.stop()

    run(story())


def test_an_answer_that_was_not_acknowledged_is_sent_again_after_a_restart(tmp_path: Path) -> None:
    async def story() -> None:
        site = Site(tmp_path)
        site.start()
        site.centre.place(recharge())
        await site.until(lambda: site.wire.writes)
        site.centre.down = True
        await asyncio.sleep(20)
        assert site.centre.outcome("o1") is None
        await site.kill()
        site.centre.down = False
        site.start()
        assert (await site.answer("o1")).outcome is Outcome.DONE
        assert len(site.wire.writes) == 1
        await site.stop()

    run(story())


def test_meters_and_buses_come_and_go_with_the_configuration(tmp_path: Path) -> None:
    async def story() -> None:
        site = Site(tmp_path, rooms=[Room(1, "m1"), Room(2, "m2"), Room(3, "m3")])
        all_meters = list(site.config.meters)
        site.config = msgspec.structs.replace(site.config, meters=all_meters[:2])
        site.centre.config_now = site.config
        site.start()
        await asyncio.sleep(100)
        assert {r.meter for r in site.centre.readings} == {"m1", "m2"}
        # Nobody answers on the second bus.
        second = BusConfig(bus="b2", url="rtu+tcp://127.0.0.1:2?baud=9600")
        other = MeterConfig(meter="m9", bus="b2", unit=9, profile=PROFILE, allow=list(ALL))
        site.centre.config_now = msgspec.structs.replace(
            site.config, version=2, meters=[*all_meters[1:], other], buses=[*site.config.buses, second]
        )
        await asyncio.sleep(60)
        since = site.centre.readings[-1].taken_at_ms
        await asyncio.sleep(200)
        later = {r.meter for r in site.centre.readings if r.taken_at_ms > since}
        assert later == {"m2", "m3"}
        assert set(site.gateway.pollers) == {"b1", "b2"}
        site.centre.config_now = msgspec.structs.replace(site.config, version=3)
        await asyncio.sleep(100)
        assert set(site.gateway.pollers) == {"b1"}
        assert (await site.journal.config()) == site.centre.config_now
        await site.stop()

    run(story())


def test_an_order_for_a_meter_that_only_the_new_configuration_knows_is_carried_out(tmp_path: Path) -> None:
    async def story() -> None:
        site = Site(tmp_path, rooms=[Room(1, "m0"), Room(2, "m1")])
        everything = site.config
        site.config = msgspec.structs.replace(everything, meters=everything.meters[:1])
        site.start()
        await asyncio.sleep(10)
        site.centre.config_now = msgspec.structs.replace(everything, version=2)
        site.centre.place(recharge())
        assert (await site.answer("o1")).outcome is Outcome.DONE
        await site.stop()

    run(story())


def test_two_meters_at_one_address_are_told_and_only_the_first_is_read(tmp_path: Path) -> None:
    async def story() -> None:
        site = Site(tmp_path)
        site.config.meters.append(msgspec.structs.replace(site.config.meters[0], meter="twin"))
        site.config.meters.append(
            msgspec.structs.replace(site.config.meters[0], meter="odd", unit=7, profile="no-such")
        )
        site.start()
        await asyncio.sleep(100)
        events = {(event.code, event.meter) for event in site.centre.events}
        assert ("duplicate_address", "twin") in events
        assert ("bad_profile", "odd") in events
        assert {r.meter for r in site.centre.readings} == {"m1"}
        await site.stop()

    run(story())


def test_a_lost_meter_is_told_after_its_time_and_back_with_its_first_answer(tmp_path: Path) -> None:
    async def story() -> None:
        site = Site(tmp_path, rooms=[Room(1, "m1"), Room(2, "m2")])
        site.start()
        await asyncio.sleep(30)
        assert {(health.meter, health.lost) for health in site.centre.health} == {("m1", False), ("m2", False)}
        site.rooms[0].dead = True
        await asyncio.sleep(500)
        assert "meter_lost" not in {event.code for event in site.centre.events}
        await asyncio.sleep(150)
        last = site.centre.health[-1]
        assert (last.meter, last.lost, last.last_error) == ("m1", True, "no_answer")
        site.rooms[0].dead = False
        await asyncio.sleep(70)
        assert [(event.code, event.meter) for event in site.centre.events[-2:]] == [
            ("meter_lost", "m1"),
            ("meter_back", "m1"),
        ]
        assert not site.centre.health[-1].lost
        await site.stop()

    run(story())


def test_a_drifting_clock_is_told_and_set_and_read_back(tmp_path: Path) -> None:
    async def story() -> None:
        site = Site(tmp_path, rooms=[Room(1, "m1", clock_ppm=50_000)], sweep_s=300)
        site.start()
        await asyncio.sleep(3_000)
        codes = [event.code for event in site.centre.events if event.code.startswith("clock")]
        assert codes[:2] == ["clock_drift", "clock_set"]
        assert len(site.wire.writes) == 1  # once an hour at most
        await asyncio.sleep(3_600)
        assert len(site.wire.writes) == 2
        await site.stop()

    run(story())


def test_meters_clocks_are_left_alone_while_our_own_is_in_doubt(tmp_path: Path) -> None:
    async def story() -> None:
        site = Site(tmp_path, rooms=[Room(1, "m1", clock_ppm=50_000)], sweep_s=300)
        site.start()
        assert site.gateway.uplink is not None
        await asyncio.sleep(5)
        # type: ignore[method-assign, assignment]
        type(site.gateway.uplink).is_clock_trusted = property(lambda _self: False)
        try:
            await asyncio.sleep(3_000)
        finally:
            del type(site.gateway.uplink).is_clock_trusted
        assert "clock_drift" in {event.code for event in site.centre.events}
        assert site.wire.writes == []
        await site.stop()

    run(story())


def test_a_line_that_is_cut_and_mended_goes_on_by_itself(tmp_path: Path) -> None:
    async def story() -> None:
        site = Site(tmp_path)
        site.start()
        await asyncio.sleep(30)
        site.wire.break_line()
        site.centre.place(recharge())
        await asyncio.sleep(900)
        assert site.centre.outcome("o1") is None
        assert site.centre.health[-1].lost
        site.wire.cut = False
        assert (await site.answer("o1", seconds=60)).outcome is Outcome.DONE
        await site.stop()

    run(story())


def test_a_sale_does_not_wait_behind_a_backlog(tmp_path: Path) -> None:
    async def story() -> None:
        site = Site(tmp_path)
        site.pace = Pace(gather_s=0.2, pace_s=30)
        site.start()
        await asyncio.sleep(1)
        for number in range(20 * READINGS_PER_BATCH_MAX):
            site.journal.reading(
                Reading(meter="m1", taken_at_ms=START_MS - 10**6 + number, values={"energy_wh": number})
            )
        site.centre.place(recharge())
        assert (await site.answer("o1", seconds=100)).outcome is Outcome.DONE
        assert len(site.centre.readings) < 5 * READINGS_PER_BATCH_MAX
        await asyncio.sleep(700)
        assert len(site.centre.readings) >= 20 * READINGS_PER_BATCH_MAX
        ended = [one for one in site.centre.answers if one.outcome is Outcome.DONE]
        assert len(ended) == 1
        await site.stop()

    run(story())
