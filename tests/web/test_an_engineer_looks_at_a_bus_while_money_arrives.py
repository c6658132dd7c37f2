"""Centre, door, seals, gateway and a simulated bus together:

an engineer scans, reads live and watches frames through the pages, and a sale arrives on the meter meanwhile.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from counter import Counter
from door import FieldGateway, _outside_the_loop
from field.gateway.site import ALL, PROFILE, Room, Site, Wire
from prewatt.domain.commissioning.models import Inquiry, SeenFrame
from prewatt.domain.commissioning.queries import Verdict, compare, suspicions
from prewatt.domain.estate.enrolment import new_code
from prewatt.domain.estate.models import Bus, Meter
from prewatt.domain.vending.models import Sale
from prewatt.link.messages import Batch, BatchReply, Config, ConfigRequest, OrdersReply, OrdersRequest
from prewatt.sim import virtual

POLL_S = 0.3
TWIN, UNKNOWN, GONE = 4, 9, 3


class TwinWire(Wire):
    """Two meters have the same address: the second one, a little slower, answers as well."""

    def __init__(self, rooms: list[Room], twin: Room) -> None:
        super().__init__(rooms)
        self.twin = twin

    def _heard(self, request: Any) -> None:
        super()._heard(request)
        if request.unit == self.twin.unit:
            rooms, self.rooms = self.rooms, {self.twin.unit: self.twin}
            super()._heard(request)
            self.rooms = rooms


class Door:
    """The real door behind sealed envelopes. Waiting happens on virtual time, not in the view."""

    def __init__(self, gateway: FieldGateway) -> None:
        self._centre = gateway.centre

    async def send(self, batch: Batch) -> BatchReply:
        return await self._centre.send(batch)

    async def orders(self, request: OrdersRequest) -> OrdersReply:
        await asyncio.sleep(POLL_S)
        at_once = OrdersRequest(sent_at_ms=request.sent_at_ms, wait_s=0, config_version=request.config_version)
        return await self._centre.orders(at_once)

    async def config(self, request: ConfigRequest) -> Config:
        return await self._centre.config(request)


class Building:
    """A bus with four meters of the estate, one of them silent and one with a twin, and one that nobody knows."""

    def __init__(self, folder: Path) -> None:
        self.tower = tower = Counter(meters=0)
        tower.bus.delete()
        tower.bus = Bus.objects.create(gateway=tower.gateway, code="b1", url="rtu+tcp://127.0.0.1:1?baud=9600")
        self.meters = [
            Meter.objects.create(
                number=f"m{unit}", bus=tower.bus, unit=unit, profile=PROFILE, room=tower.room, allow=ALL
            )
            for unit in (1, 2, GONE, TWIN)
        ]
        tower.meters = self.meters
        tower.opened(self.meters[0], count=1, balance_fen=15_000, bought_fen=15_000)
        self.rooms = {unit: Room(unit, f"m{unit}") for unit in (1, 2, GONE, TWIN, UNKNOWN)}
        self.rooms[GONE].dead = True
        self.site = Site(folder, rooms=list(self.rooms.values()))
        twin = Room(TWIN, "twin")
        twin.turnaround_s = 0.06
        self.site.wire = TwinWire(list(self.rooms.values()), twin)
        enrolled = FieldGateway.enrolled(new_code(gateway=tower.gateway, now=timezone.now()))
        self.site.config = enrolled.config
        self.site.centre = Door(enrolled)  # type: ignore[assignment]
        self.client = Client()
        self.client.force_login(tower.admin)

    def page(self, name: str, *args: Any, post: dict[str, Any] | None = None) -> str:
        """A page of the console, from inside the gateway's loop."""
        address = reverse(f"console:{name}", args=args)
        with _outside_the_loop():
            if post is not None:
                answer = self.client.post(address, {"bus": self.tower.bus.pk, **post})
                assert answer.status_code == 302, answer.content
                return ""
            return self.client.get(address).content.decode()

    async def until(self, condition: Callable[[], object], *, seconds: float = 600) -> None:
        def outside() -> object:
            with _outside_the_loop():
                return condition()

        await self.site.until(outside, seconds=seconds, every_s=0.5)

    async def ended(self, inquiry_id: str) -> Inquiry:
        await self.until(lambda: Inquiry.objects.get(pk=inquiry_id).ended_at)
        with _outside_the_loop():
            return Inquiry.objects.select_related("bus").get(pk=inquiry_id)


@pytest.fixture
def building(db: None, tmp_path: Path) -> Building:
    return Building(tmp_path)


def run(story: Any) -> None:
    virtual.run(story, start_ms=int(timezone.now().timestamp() * 1000), seed=1)


def sell(building: Building) -> str:
    with _outside_the_loop():
        building.tower.sell("s1", amount="100", now=timezone.now())
    return "s1"


def test_a_scan_finds_known_unknown_missing_and_twins_while_a_sale_arrives(building: Building) -> None:
    async def story() -> None:
        building.site.start()
        await building.until(lambda: building.tower.gateway.__class__.objects.get(code="gw-1").last_seen_at)
        building.page("commissioning-scan", post={"form_id": "scan", "first": "1", "last": "12"})
        await building.until(lambda: Inquiry.objects.get(pk="scan").asked > 1)
        sell(building)
        await building.until(lambda: Sale.objects.get(pk="s1").state == "arrived", seconds=30)
        inquiry = await building.ended("scan")
        with _outside_the_loop():
            verdicts = {place.unit: place.verdict for place in compare(inquiry)}
            told = [(one.label, one.why, one.numbers) for one in suspicions(building.tower.admin)]
        assert verdicts == {
            1: Verdict.KNOWN,
            2: Verdict.KNOWN,
            GONE: Verdict.MISSING,
            TWIN: Verdict.TWICE,
            UNKNOWN: Verdict.UNKNOWN,
        }
        assert told == [(str(TWIN), "twice", [f"m{TWIN}"])]
        truth = building.rooms[1].meter.values(virtual.now_ms())
        assert (truth["purchase_count"], truth["bought_fen"]) == (2, 25_000)
        assert f">m{TWIN}<" in building.page("commissioning-scan")
        await building.site.stop()

    run(story())


def test_a_live_reading_equals_the_meters_own_memory_while_its_frames_are_watched(building: Building) -> None:
    async def story() -> None:
        building.site.start()
        await building.until(lambda: building.tower.gateway.__class__.objects.get(code="gw-1").last_seen_at)
        meter = building.meters[1]
        building.page("commissioning-frames", post={"form_id": "watch"})
        building.page("commissioning-live-read", post={"form_id": "read", "target": str(meter.pk)})
        await building.until(lambda: Inquiry.objects.get(pk="read").values_at)
        with _outside_the_loop():
            read = Inquiry.objects.get(pk="read")
        assert read.values_at is not None
        truth = building.rooms[2].meter.values(round(read.values_at.timestamp() * 1000))
        for name in ("purchase_count", "bought_fen", "relay_closed", "alarm1_fen", "alarm2_fen"):
            assert read.values[name] == truth[name], name
        assert abs(read.values["balance_fen"] - truth["balance_fen"]) <= 1
        assert abs(read.values["energy_wh"] - truth["energy_wh"]) <= 10
        sell(building)
        await building.until(lambda: Sale.objects.get(pk="s1").state == "arrived", seconds=30)
        written = SeenFrame.objects.filter(fields__function=16, unit=1, out=True)
        await building.until(written.exists, seconds=30)
        page = building.page("commissioning-frames")
        shown = re.findall(r'<li class="cm-frame([^"]*)"', page)
        assert len(shown) > 10
        assert {" out", ""} <= set(shown)
        await building.site.stop()

    run(story())
