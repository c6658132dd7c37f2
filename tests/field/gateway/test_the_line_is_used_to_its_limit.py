"""A real poller on a 9600 baud bus of nineteen meters, on virtual time: the line's floor, the dead, and money."""

from __future__ import annotations

import asyncio
from pathlib import Path

from field.gateway.site import CHAR_S, Room, Site, recharge, run
from prewatt.field.gateway.journal import OpenOrder
from prewatt.link.messages import Outcome
from prewatt.sim import virtual

GAP_S = 3.5 * CHAR_S
TURNAROUND_S = 0.02


def exchange_s(registers: int) -> float:
    """The floor of one reading on the wire."""
    return 8 * CHAR_S + TURNAROUND_S + (5 + 2 * registers) * CHAR_S + GAP_S


FLOOR_S = 19 * exchange_s(60)


def site_of_nineteen(folder: Path, *, dead: int = 0) -> Site:
    rooms = [Room(unit, f"m{unit}") for unit in range(1, 20)]
    for room in rooms[:dead]:
        room.dead = True
    return Site(folder, rooms=rooms, sweep_s=1, status_s=3_600)


def fulls(site: Site, unit: int, since_ms: int) -> list[int]:
    return [at for at, request in site.wire.requests if request.unit == unit and request.count == 60 and at >= since_ms]


def test_a_full_cycle_takes_the_physical_floor_with_journal_and_uplink_running(tmp_path: Path) -> None:
    async def story() -> None:
        site = site_of_nineteen(tmp_path)
        site.start()
        await asyncio.sleep(10)
        since = virtual.now_ms()
        await asyncio.sleep(120)
        cycles = [len(fulls(site, unit, since)) for unit in range(1, 20)]
        cycle_s = 120 / (sum(cycles) / 19)
        assert FLOOR_S / cycle_s >= 0.97
        assert max(cycles) - min(cycles) <= 1
        assert len(site.centre.readings) >= sum(cycles) * 0.9
        await site.stop()

    run(story())


def test_five_dead_of_nineteen_leave_the_living_their_freshness(tmp_path: Path) -> None:
    async def story() -> None:
        site = site_of_nineteen(tmp_path, dead=5)
        site.start()
        await asyncio.sleep(60)
        since = virtual.now_ms()
        await asyncio.sleep(600)
        living = [len(fulls(site, unit, since)) for unit in range(6, 20)]
        healthy = 600 / FLOOR_S
        assert min(living) >= 0.9 * healthy
        poller = site.gateway.pollers["b1"]
        assert poller.schedule.probes_ms / 660_000 <= 0.05
        await site.stop()

    run(story())


def test_one_silent_meter_costs_a_cycle_at_most_a_twentieth(tmp_path: Path) -> None:
    async def story() -> None:
        site = site_of_nineteen(tmp_path)
        site.start()
        await asyncio.sleep(60)
        site.rooms[7].dead = True
        await asyncio.sleep(60)
        since = virtual.now_ms()
        await asyncio.sleep(600)
        cycle_s = 600 / len(fulls(site, 1, since))
        assert cycle_s <= 1.05 * FLOOR_S
        await site.stop()

    run(story())


def test_a_recharge_under_full_sweep_waits_for_one_frame_and_its_own(tmp_path: Path) -> None:
    async def story() -> None:
        site = site_of_nineteen(tmp_path)
        site.start()
        await asyncio.sleep(10.03)
        times = []
        for unit in range(1, 20):
            order = recharge(f"o{unit}", meter=f"m{unit}")
            await site.journal.take(order, now=virtual.now_ms())
            began = virtual.now_ms()
            site.gateway._hand_over(OpenOrder(order=order))
            poller = site.gateway.pollers["b1"]
            await site.until(lambda poller=poller: not poller.open_order_ids, every_s=0.005)  # type: ignore[misc]
            times.append(virtual.now_ms() - began)
        own_s = 2 * exchange_s(34) + exchange_s(2) + 29 * CHAR_S + TURNAROUND_S + GAP_S  # money twice, ceiling, write
        assert max(times) / 1000 <= exchange_s(60) + own_s + 0.02
        await site.until(lambda: site.centre.outcome("o19"))
        assert all(answer.outcome in (Outcome.DONE, Outcome.TAKEN) for answer in site.centre.answers)
        await site.stop()

    run(story())
