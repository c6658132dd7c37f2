"""A checked plan into the database: all of it in one transaction."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db import transaction

from prewatt.domain.estate import defaults
from prewatt.domain.estate.importing.plan import Plan, Values
from prewatt.domain.estate.models import Area, Building, Bus, Customer, Floor, Gateway, Meter, Room
from prewatt.domain.estate.operations import initials
from prewatt.domain.estate.versions import bump_config
from prewatt.domain.staff import operations as staff

if TYPE_CHECKING:
    from prewatt.domain.staff.models import Operator

_TOGETHER = 500
Tick = Callable[[str, int], None]


@transaction.atomic
def write(
    plan: Plan,
    *,
    operator: Operator | None,
    now: datetime,
    source: str,
    address: str = "",
    tick: Tick = lambda _kind, _rows: None,
) -> None:
    """Add everything new, in order. `tick(kind, rows)` tells how far it is."""
    steps: dict[str, Callable[[list[Values]], object]] = {
        "buildings": _buildings,
        "rooms": _rooms,
        "gateways": lambda rows: Gateway.objects.bulk_create([Gateway(**row) for row in rows]),
        "buses": _buses,
        "meters": _meters,
        "customers": lambda rows: Customer.objects.bulk_create([_customer(row, operator, now) for row in rows]),
    }
    for kind, step in steps.items():
        rows = plan.new.get(kind, [])
        for start in range(0, len(rows), _TOGETHER):
            step(rows[start : start + _TOGETHER])
            tick(kind, min(_TOGETHER, len(rows) - start))
    after = plan.counts() | ({"rows_left_out": plan.bad_rows} if plan.bad_rows else {})
    target = f"file {source}"[:128]
    staff.log(operator=operator, action="estate.import", target=target, after=after, address=address, now=now)


def _buildings(rows: list[Values]) -> None:
    Building.objects.bulk_create([Building(code=row["code"], name=row["name"]) for row in rows])


def _rooms(rows: list[Values]) -> None:
    buildings = {one.code: one for one in Building.objects.all()}
    floors = {(one.building.code, one.number): one for one in Floor.objects.select_related("building")}
    for row in rows:
        place = (row["building"], row["floor"])
        if place not in floors:
            floors[place] = Floor.objects.create(
                building=buildings[row["building"]], number=row["floor"], name=row.get("floor_name", "")
            )
    areas = _areas(rows, buildings)
    Room.objects.bulk_create(
        [
            Room(
                floor=floors[row["building"], row["floor"]],
                number=row["number"],
                use=row.get("use", ""),
                area=areas.get((row["building"], row.get("area", ""))),
            )
            for row in rows
        ]
    )


def _areas(rows: list[Values], buildings: dict[str, Building]) -> dict[tuple[str, str], Area]:
    """Found, or made where a row names a new one."""
    named = {(row["building"], row["area"]) for row in rows if row.get("area")}
    return {
        (code, name): Area.objects.get_or_create(building=buildings[code], name=name)[0] for code, name in sorted(named)
    }


def _buses(rows: list[Values]) -> None:
    gateways = {one.code: one for one in Gateway.objects.all()}
    Bus.objects.bulk_create([Bus(**row | {"gateway": gateways[row["gateway"]]}) for row in rows])
    bump_config(gateways[row["gateway"]].pk for row in rows)


def _meters(rows: list[Values]) -> None:
    buses = {(one.gateway.code, one.code): one for one in Bus.objects.select_related("gateway")}
    rooms = {
        (one.floor.building.code, one.number): one
        for one in Room.objects.select_related("floor__building").filter(number__in={row.get("room") for row in rows})
    }
    codes = {row.get("building") for row in rows}
    taken = {one.code: defaults.of_meter(one) for one in Building.objects.filter(code__in=codes - {None})}
    site = defaults.of_meter(None)
    made = [_meter(taken.get(row.get("building", ""), site) | row, buses, rooms) for row in rows]
    Meter.objects.bulk_create(made)
    _feed({row["number"]: row["parent"] for row in rows if "parent" in row})
    bump_config(meter.bus.gateway_id for meter in made)


def _feed(parents: dict[str, str]) -> None:
    """Meter number -> the number of the one above it, which may have come in the same rows."""
    numbers = {*parents, *parents.values()}
    known = {one.number: one for one in Meter.objects.filter(number__in=numbers).only("number", "parent")}
    for number, parent in parents.items():
        known[number].parent = known[parent]
    Meter.objects.bulk_update([known[number] for number in parents], ["parent"])


def _meter(row: Values, buses: dict[Any, Bus], rooms: dict[Any, Room]) -> Meter:
    fields = {
        name: value for name, value in row.items() if name not in {"gateway", "bus", "building", "room", "parent"}
    }
    room = rooms[row["building"], row["room"]] if "room" in row else None
    return Meter(bus=buses[row["gateway"], row["bus"]], room=room, **fields)


def _customer(row: Values, operator: Operator | None, now: datetime) -> Customer:
    return Customer(**row, pinyin=initials(row["name"]), created_at=now, created_by=operator)
