"""Scan, identify, live reading and frame watch from the centre, on a bus that goes on working for its meters."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from field.gateway.site import PROFILE, Room, Site, recharge, run
from field.gateway.test_the_line_is_used_to_its_limit import FLOOR_S, fulls, site_of_nineteen
from prewatt.field.gateway.desk import NotARead, ReadOnly, is_read
from prewatt.field.gateway.findings import WAITING_MAX, Findings
from prewatt.field.gateway.meters import Wiring
from prewatt.field.gateway.watch import RING_FRAMES, Watch
from prewatt.field.line.line import Line, NoAnswer
from prewatt.field.line.null import NullPipe
from prewatt.field.wire import dlt645, modbus
from prewatt.link.messages import FRAMES_PER_FINDING_MAX, Batch, BatchReply, Finding, Frame, Outcome
from prewatt.link.port import LinkError
from prewatt.sim import virtual


def small_site(folder: Path) -> Site:
    """Two configured meters, of which one is silent, and a third that nobody has told the centre of."""
    rooms = [Room(unit, f"m{unit}") for unit in (1, 2, 9)]
    site = Site(folder, rooms=rooms)
    site.config = type(site.config)(
        version=1, gateway="g1", buses=site.config.buses, meters=[one for one in site.config.meters if one.unit != 9]
    )
    rooms[1].dead = True
    return site


async def ended(site: Site, inquiry_id: str = "i1", *, seconds: float = 900) -> Finding:
    await site.until(lambda: site.centre.end(inquiry_id), seconds=seconds)
    found = site.centre.end(inquiry_id)
    assert found is not None
    return found


def test_a_scan_finds_the_known_the_unknown_and_who_is_missing(tmp_path: Path) -> None:
    async def story() -> None:
        site = small_site(tmp_path)
        site.start()
        site.centre.look(last_unit=12)
        end = await ended(site)
        told = site.centre.found()
        assert (end.reason, end.asked, end.total) == ("done", 12, 12)
        found = {one.unit: one for finding in told for one in finding.found}
        assert sorted(found) == [1, 9]
        assert found[1].profiles == [PROFILE]
        assert PROFILE in found[9].profiles
        assert [unit for finding in told for unit in finding.missing] == [2]
        assert [finding.seq for finding in told] == list(range(1, len(told) + 1))
        await site.stop()

    run(story())


class Reluctant:
    """A line that does not let every second question leave."""

    def __init__(self, line: Any) -> None:
        self.line, self.stats, self.count = line, line.stats, 0

    async def ask(self, request: Any, *, timeout_s: float) -> Any:
        self.count += 1
        if self.count % 2:
            raise NoAnswer("an earlier answer may still come", sent=False)
        return await self.line.ask(request, timeout_s=timeout_s)


def test_an_address_whose_question_did_not_leave_is_asked_again_and_not_called_empty(tmp_path: Path) -> None:
    async def story() -> None:
        site = small_site(tmp_path)
        site.start()
        await asyncio.sleep(2)
        desk = site.gateway.pollers["b1"]._desk
        desk._asker = Reluctant(desk._asker)
        site.centre.look(last_unit=12)
        end = await ended(site)
        told = site.centre.found()
        assert (end.reason, end.asked, end.total) == ("done", 12, 12)
        assert {one.unit: PROFILE in one.profiles for finding in told for one in finding.found} == {1: True, 9: True}
        assert [unit for finding in told for unit in finding.missing] == [2]
        await site.stop()

    run(story())


def test_a_scan_tells_how_far_it_is_while_it_goes_on(tmp_path: Path) -> None:
    async def story() -> None:
        site = site_of_nineteen(tmp_path)
        site.start()
        site.centre.look(first_unit=100, last_unit=120)
        await ended(site)
        asked = [finding.asked for finding in site.centre.found()]
        assert asked == sorted(asked)
        assert len(set(asked)) > 5
        await site.stop()

    run(story())


@pytest.mark.parametrize("dead", [0, 5])
def test_a_scan_of_every_address_leaves_the_living_nine_tenths_of_their_freshness(tmp_path: Path, dead: int) -> None:
    async def readings(folder: Path, *, scanning: bool) -> int:
        site = site_of_nineteen(folder, dead=dead)
        site.start()
        await asyncio.sleep(60)
        if scanning:
            site.centre.look(seconds=1800, expires_at_ms=virtual.now_ms() + 2_000_000)
        since = virtual.now_ms()
        await asyncio.sleep(300)
        if scanning:
            assert site.centre.found()[-1].asked > 60
            assert site.centre.end() is None
        least = min(len(fulls(site, unit, since)) for unit in range(1 + dead, 20))
        await site.stop()
        return least

    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    quiet = run(readings(tmp_path / "a", scanning=False))
    beside = run(readings(tmp_path / "b", scanning=True))
    assert beside >= 0.9 * quiet
    assert beside >= 0.9 * 300 / FLOOR_S


def test_money_does_not_wait_for_a_scan(tmp_path: Path) -> None:
    async def story() -> None:
        site = site_of_nineteen(tmp_path)
        site.start()
        await asyncio.sleep(30)
        site.centre.look(seconds=1800, expires_at_ms=virtual.now_ms() + 2_000_000)
        await asyncio.sleep(5)
        took_s = []
        for count in range(2, 12):
            began = virtual.now_ms()
            site.centre.place(
                recharge(f"o{count}", count=count, amount_fen=100, bought_before_fen=15_000 + 100 * (count - 2))
            )
            answer = await site.answer(f"o{count}")
            assert answer.outcome is Outcome.DONE
            took_s.append((answer.at_ms - began) / 1000)
            await asyncio.sleep(1.37)
        assert max(took_s) < 1.5
        assert site.centre.end() is None
        await site.stop()

    run(story())


def test_a_live_reading_is_what_the_meter_holds(tmp_path: Path) -> None:
    async def story() -> None:
        site = small_site(tmp_path)
        site.start()
        site.centre.look(kind="read", unit=1, seconds=10)
        end = await ended(site)
        assert end.reason == "done"
        assert len([finding for finding in site.centre.found() if finding.read_at_ms]) >= 3
        assert end.read_at_ms is not None
        truth = site.rooms[0].meter.values(end.read_at_ms)
        names = ("purchase_count", "bought_fen", "relay_closed", "alarm1_fen")
        assert {name: end.values[name] for name in names} == {name: truth[name] for name in names}
        assert abs(end.values["balance_fen"] - truth["balance_fen"]) <= 1
        assert abs(end.values["energy_wh"] - truth["energy_wh"]) <= 10
        await site.stop()

    run(story())


def test_of_a_meter_that_is_not_configured_only_what_its_papers_confirm_is_read(tmp_path: Path) -> None:
    async def story() -> None:
        site = small_site(tmp_path)
        site.start()
        site.centre.look(kind="read", unit=9, profile=PROFILE, seconds=5)
        end = await ended(site)
        assert "energy_wh" in end.values
        assert "balance_fen" not in end.values
        await site.stop()

    run(story())


def test_a_silent_meter_is_told_as_silent_and_not_as_old_figures(tmp_path: Path) -> None:
    async def story() -> None:
        site = small_site(tmp_path)
        site.start()
        site.centre.look(kind="read", unit=2, seconds=5)
        await ended(site)
        read = next(finding for finding in site.centre.found() if finding.read_at_ms)
        assert read.values == {}
        assert read.reason == "no_answer"
        await site.stop()

    run(story())


def test_one_meter_is_identified_among_all_models(tmp_path: Path) -> None:
    async def story() -> None:
        site = small_site(tmp_path)
        site.start()
        site.centre.look(kind="identify", unit=9)
        await ended(site)
        (found,) = [one for finding in site.centre.found() for one in finding.found]
        assert (found.unit, PROFILE in found.profiles) == (9, True)
        await site.stop()

    run(story())


def test_frames_are_shown_decoded_and_cost_the_bus_nothing(tmp_path: Path) -> None:
    async def story() -> None:
        site = small_site(tmp_path)
        site.start()
        await asyncio.sleep(5)
        before = len(site.wire.requests)
        site.centre.look(kind="watch", seconds=10)
        end = await ended(site)
        assert end.reason == "done"
        frames = [frame for finding in site.centre.found() for frame in finding.frames]
        asked = [frame for frame in frames if frame.out]
        assert 0 < len(asked) <= len(site.wire.requests) - before + 1
        assert {frame.unit for frame in asked} <= {1, 2}
        answer = next(frame for frame in frames if not frame.out)
        assert answer.fields["function"] == 3
        assert isinstance(answer.fields["registers"], list)
        assert [frame.number for frame in frames] == sorted({frame.number for frame in frames})
        assert site.gateway.pollers["b1"].line.observer is None
        await site.stop()

    run(story())


def test_a_watch_of_one_unit_shows_only_its_frames(tmp_path: Path) -> None:
    async def story() -> None:
        site = Site(tmp_path, rooms=[Room(1, "m1"), Room(2, "m2")])
        site.start()
        site.centre.look(kind="watch", unit=2, seconds=5)
        await ended(site)
        frames = [frame for finding in site.centre.found() for frame in finding.frames]
        assert {frame.unit for frame in frames} == {2}
        await site.stop()

    run(story())


def test_a_bus_that_is_faster_than_the_link_loses_frames_and_says_so() -> None:
    watch = Watch(framing="rtu", unit=0, now_ms=lambda: 0)
    for _ in range(10 * RING_FRAMES):
        watch.observe(0.0, "out", modbus.rtu_encode(modbus.read(1, 0, 1)))
    frames = watch.drain()
    assert len(frames) == FRAMES_PER_FINDING_MAX
    assert frames[0].number == 9 * RING_FRAMES + 1


def test_a_damaged_frame_is_shown_with_the_name_of_its_damage() -> None:
    watch = Watch(framing="rtu", unit=0, now_ms=iter(range(0, 10_000, 1_000)).__next__)
    frame = bytearray(modbus.rtu_encode(modbus.read(1, 0, 1)))
    frame[3] ^= 1
    watch.observe(0.0, "in", bytes(frame))
    assert [one.error for one in watch.drain()] == ["crc_mismatch"]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"kind": "reset"}, "unknown_kind"),
        ({"bus": "b7"}, "unknown_bus"),
        ({"kind": "read", "unit": 9}, "model_needed"),
        ({"kind": "read", "unit": 9, "profile": "nobody-knows"}, "unknown_model"),
        ({"kind": "read", "unit": 9, "profile": "dlt645-2007"}, "other_protocol"),
        ({"seconds": 3}, "expired"),
        ({"expires_at_ms": 0}, "expired"),
    ],
)
def test_what_cannot_be_is_answered_by_its_name(tmp_path: Path, changes: dict[str, Any], reason: str) -> None:
    async def story() -> None:
        site = small_site(tmp_path)
        site.start()
        site.centre.look(**changes)
        assert (await ended(site)).reason == reason
        await site.stop()

    run(story())


def test_an_inquiry_ends_when_the_engineer_says_so(tmp_path: Path) -> None:
    async def story() -> None:
        site = site_of_nineteen(tmp_path)
        site.start()
        site.centre.look(first_unit=20)
        await site.until(lambda: any(one.asked > 3 for one in site.centre.found()))
        site.centre.look(cancel=True)
        assert (await ended(site)).reason == "cancelled"
        before = [request for _, request in site.wire.requests if request.unit > 19]
        await asyncio.sleep(30)
        assert [request for _, request in site.wire.requests if request.unit > 19] == before
        await site.stop()

    run(story())


def test_the_same_inquiry_again_begins_once(tmp_path: Path) -> None:
    async def story() -> None:
        site = small_site(tmp_path)
        site.start()
        for _ in range(3):
            site.centre.look(last_unit=3)
            await asyncio.sleep(5)
        assert [one.final for one in site.centre.found()].count(True) == 1
        await site.stop()

    run(story())


def test_the_gateways_clock_does_not_shorten_an_inquiry(tmp_path: Path) -> None:
    async def story() -> None:
        site = small_site(tmp_path)
        site.start()
        site.gateway._now_ms = lambda: virtual.now_ms() + 86_000_000
        site.centre.look(last_unit=3)
        assert (await ended(site)).reason == "done"
        await site.stop()

    run(story())


WRITES = [
    modbus.Request(1, 5, 0, 1, (0xFF00,)),
    modbus.Request(1, 6, 0, 1, (1,)),
    modbus.Request(1, 15, 0, 1, (1,)),
    modbus.Request(1, 16, 0, 1, (1,)),
    modbus.Request(1, 22, 0, 0, (1, 2)),
    modbus.Request(1, 23, 0, 1, (1,)),
    modbus.Request(1, 8, data=b"\0\1\0\0"),
    modbus.Request(1, 0x65, data=b"\1"),
    dlt645.Control("000000000001", "switch_off", (26, 1, 1, 0, 0, 0)),
    dlt645.BroadcastTime((26, 1, 1, 0, 0, 0)),
]


@pytest.mark.parametrize("request_", WRITES, ids=lambda one: str(getattr(one, "function", type(one).__name__)))
def test_what_could_change_a_meter_never_leaves_for_an_inquiry(request_: Any) -> None:
    async def story() -> None:
        with pytest.raises(NotARead):
            await ReadOnly(Line(NullPipe()), Wiring(framing="rtu", char_s=0.001)).ask(request_, timeout_s=1)

    assert not is_read(request_)
    run(story())


def test_no_inquiry_writes(tmp_path: Path) -> None:
    async def story() -> None:
        site = small_site(tmp_path)
        site.start()
        for number, kind in enumerate(("scan", "duplicates", "identify", "read", "watch")):
            site.centre.look(f"i{number}", kind, last_unit=12, unit=1, seconds=10)
            await ended(site, f"i{number}")
        assert site.wire.writes == []
        await site.stop()

    run(story())


def test_findings_are_bounded_and_the_end_is_kept_longest() -> None:
    findings = Findings()
    end = Finding(inquiry_id="i", seq=1, at_ms=0, final=True)
    findings.add(end)
    for seq in range(2, 1000):
        findings.add(Finding(inquiry_id="i", seq=seq, at_ms=0))
    waiting = []
    while batch := findings.next():
        findings.delivered(batch)
        waiting += batch
    assert len(waiting) == WAITING_MAX
    assert waiting[0] is end


def test_a_batch_carries_few_frames() -> None:
    frames = [Frame(number=n, at_ms=0, out=True, hex="00" * 300) for n in range(FRAMES_PER_FINDING_MAX)]
    findings = Findings()
    for seq in range(20):
        findings.add(Finding(inquiry_id="i", seq=seq, at_ms=0, frames=frames))
    assert len(findings.next()) == 2


def test_findings_that_the_centre_will_never_take_do_not_keep_the_readings_back(tmp_path: Path) -> None:
    async def story() -> None:
        site = small_site(tmp_path)
        take = site.centre.send

        async def picky(batch: Batch) -> BatchReply:
            if batch.findings:
                raise LinkError("too large", retry=False, code="too_large")
            return await take(batch)

        site.centre.send = picky  # type: ignore[method-assign]
        site.start()
        site.centre.look(last_unit=3)
        await site.until(lambda: site.centre.readings, seconds=300)
        await site.stop()

    run(story())
