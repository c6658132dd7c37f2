"""Two buildings, so that there is always somebody who may see only the other one."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from prewatt.domain.estate import operations as estate
from prewatt.domain.estate.models import Building, Bus, Floor, Meter, Opening, Room
from prewatt.domain.staff.models import Operator
from prewatt.domain.staff.operations import ready_roles

NOW = datetime(2026, 6, 1, 2, 0, tzinfo=UTC)
PROFILE = "acrel-dtsy1352-nk"


class Tower:
    def __init__(self) -> None:
        self.roles = ready_roles()
        self.a = estate.add_building(code="A", name="海棠湾商务大厦", floors=[1, 2])
        self.b = estate.add_building(code="B", name="东楼", floors=[1])
        self.gateway = estate.add_gateway(code="GW-A", buses=[("bus-1", "tcp://127.0.0.1:1"), ("bus-2", "tcp://h:2")])
        self.bus = Bus.objects.get(code="bus-1")
        self.manager = self.person("manager", all_buildings=True)
        self.of_a = self.person("of-a", self.a)
        self.of_b = self.person("of-b", self.b)
        self.stranger = self.person("stranger")

    def person(self, username: str, *buildings: Building, all_buildings: bool = False) -> Operator:
        made = Operator.objects.create(
            username=username, role=self.roles["admin"], all_buildings=all_buildings, created_at=NOW
        )
        made.buildings.set(buildings)
        return made

    def room(self, number: str, building: Building | None = None, floor: int = 1) -> Room:
        return Room.objects.create(floor=Floor.objects.get(building=building or self.a, number=floor), number=number)

    def meter(self, number: str, room: str = "", building: Building | None = None, **fields: Any) -> Meter:
        place = self.room(room, building) if room else None
        fields.setdefault("unit", Meter.objects.filter(bus=self.bus).count() + 1)
        return estate.add_meter(number=number, bus=self.bus, profile=PROFILE, room=place, **fields)

    def tenant(self, meter: Meter, number: str, name: str, **fields: Any) -> Opening:
        customer = estate.add_customer(number=number, name=name, now=NOW, **fields)
        return Opening.objects.create(meter=meter, customer=customer, opened_at=NOW)
