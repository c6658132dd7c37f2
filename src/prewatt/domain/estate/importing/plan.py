"""What a workbook would add, and every cell that keeps it from being added. Nothing is written here."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _

from prewatt import profiles
from prewatt.domain.estate import defaults
from prewatt.domain.estate.feeding import in_another_building
from prewatt.domain.estate.importing.cells import CellError
from prewatt.domain.estate.importing.sheets import Sheet
from prewatt.domain.estate.importing.workbook import Page, Row
from prewatt.domain.estate.models import Building, Bus, Customer, Gateway, Meter, Room

PROBLEMS_MAX = 1000
Values = dict[str, Any]
Key = tuple[Any, ...]


@dataclass(frozen=True)
class Problem:
    """One cell that must be changed in the file."""

    sheet: str
    cell: str  # as the spreadsheet names it, e.g. C5
    column: str
    text: str

    def __str__(self) -> str:
        return f"{self.sheet}!{self.cell} {self.column} {self.text}"


@dataclass
class Plan:
    """`new` rows by kind, in file order; `unchanged` counts rows that are there already, just so."""

    new: dict[str, list[Values]] = field(default_factory=dict)
    unchanged: dict[str, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    bad_rows: int = 0

    def counts(self) -> dict[str, int]:
        return {kind: len(rows) for kind, rows in self.new.items()}


def check(pages: Iterable[Page]) -> Plan:
    """Read every cell. A row with a bad cell is left out, and so is every row that names it."""
    plan, there = Plan(), _There()
    for page in pages:
        plan.new[page.sheet.kind], plan.unchanged[page.sheet.kind] = [], 0
        for row in page.rows:
            if len(plan.problems) < PROBLEMS_MAX:
                _take(page, row, plan, there)
    return plan


class _There:
    """What may be named: rows of the database, then good rows of the file. Identity -> the fields it has."""

    def __init__(self) -> None:
        self.rows: dict[str, dict[Key, Values]] = {
            "buildings": {(one.code,): {"name": one.name} for one in Building.objects.all()},
            "rooms": {
                _room_key(one): _room_values(one) for one in Room.objects.select_related("floor__building", "area")
            },
            "gateways": {(one.code,): {"name": one.name, "suite": one.suite} for one in Gateway.objects.all()},
            "buses": {(one.gateway.code, one.code): _bus_values(one) for one in Bus.objects.select_related("gateway")},
            "meters": {(one.number,): _meter_values(one) for one in _meters()},
            "customers": {(one["number"],): dict(one) for one in Customer.objects.values()},
        }
        self.addresses = {
            (values["gateway"], values["bus"], values["address"] or values["unit"]): number
            for (number,), values in self.rows["meters"].items()
            if values["active"]
        }
        self.from_file: dict[tuple[str, Key], int] = {}
        self._defaults: dict[str, Values] = {}

    def default(self, building: str, name: str) -> int:
        """What a new meter of this building takes where its row says nothing."""
        if building not in self._defaults:
            self._defaults[building] = defaults.of_meter(Building.objects.filter(code=building).first())
        return int(self._defaults[building][name])

    def has(self, kind: str, *key: Any) -> bool:
        return key in self.rows[kind]


def _rooms() -> Iterable[Room]:
    return Room.objects.select_related("floor__building", "area")


def _meters() -> Iterable[Meter]:
    return Meter.objects.select_related("bus__gateway", "room__floor__building", "parent")


def _room_key(room: Room) -> Key:
    return (room.floor.building.code, room.number)


def _room_values(room: Room) -> Values:
    area = room.area.name if room.area else ""
    return {"floor": room.floor.number, "floor_name": room.floor.name, "use": room.use, "area": area}


def _bus_values(bus: Bus) -> Values:
    return {"url": bus.url, "sweep_s": bus.sweep_s or defaults.site_sweep_s(), "status_s": bus.status_s}


def _meter_values(meter: Meter) -> Values:
    fields = {one.attname: getattr(meter, one.attname) for one in Meter._meta.concrete_fields}
    place = _room_key(meter.room) if meter.room else ("", "")
    return fields | {
        "gateway": meter.bus.gateway.code,
        "bus": meter.bus.code,
        "building": place[0],
        "room": place[1],
        "parent": meter.parent.number if meter.parent else "",
    }


def _take(page: Page, row: Row, plan: Plan, there: _There) -> None:
    sheet = page.sheet
    before = len(plan.problems)

    def wrong(key: str, text: str) -> None:
        column = next(column for column in sheet.columns if column.key == key)
        letter = page.letters.get(key, page.letters[sheet.identity[-1]])
        plan.problems.append(Problem(sheet.title, f"{letter}{row.number}", column.title, text))

    values = _values(sheet, row, wrong)
    if len(plan.problems) == before:
        known = _known(sheet, row, values, there, wrong)
        if len(plan.problems) == before and not known:
            _CHECKS[sheet.kind](values, there, wrong)
        if len(plan.problems) == before:
            if known:
                plan.unchanged[sheet.kind] += 1
            else:
                plan.new[sheet.kind].append(values)
                _remember(sheet, row, values, there)
    plan.bad_rows += len(plan.problems) > before


_Wrong = Callable[[str, str], None]


def _values(sheet: Sheet, row: Row, wrong: _Wrong) -> Values:
    values: Values = {}
    for column in sheet.columns:
        cell = row.cells.get(column.key, "")
        if cell is None or str(cell).strip() == "":
            if column.required:
                wrong(column.key, _("is empty."))
            continue
        try:
            values[column.key] = column.parse(cell)
        except CellError as error:
            wrong(column.key, str(error))
    return values


def _identity(sheet: Sheet, values: Values) -> Key:
    return tuple(values[key] for key in sheet.identity)


def _known(sheet: Sheet, row: Row, values: Values, there: _There, wrong: _Wrong) -> bool:
    """Is the row there already? Twice in the file, or there with other values, is a problem."""
    key = _identity(sheet, values)
    first = there.from_file.get((sheet.kind, key))
    if first is not None:
        wrong(sheet.identity[-1], _("is there twice: it stands in row %(row)s already.") % {"row": first})
        return False
    had = there.rows[sheet.kind].get(key)
    if had is None:
        return False
    there.from_file[sheet.kind, key] = row.number
    for name, value in values.items():
        if name in had and had[name] != value:
            wrong(name, _("is %(value)s already. An import adds; change it in the console.") % {"value": had[name]})
    return True


def _remember(sheet: Sheet, row: Row, values: Values, there: _There) -> None:
    key = _identity(sheet, values)
    there.from_file[sheet.kind, key] = row.number
    there.rows[sheet.kind][key] = values
    if sheet.kind == "meters":
        there.addresses[_call(values)] = values["number"]


def _call(values: Values) -> Key:
    return (values["gateway"], values["bus"], values.get("address") or values.get("unit"))


def _nothing_more(_values: Values, _there: _There, _wrong: _Wrong) -> None:
    """The cells say it all."""


def _check_room(values: Values, there: _There, wrong: _Wrong) -> None:
    if not there.has("buildings", values["building"]):
        wrong("building", _("“%(code)s” is no building.") % {"code": values["building"]})


def _check_bus(values: Values, there: _There, wrong: _Wrong) -> None:
    if not there.has("gateways", values["gateway"]):
        wrong("gateway", _("“%(code)s” is no gateway.") % {"code": values["gateway"]})


def _check_meter(values: Values, there: _There, wrong: _Wrong) -> None:
    if not there.has("buses", values["gateway"], values["bus"]):
        wrong("bus", _("“%(bus)s” is no bus of gateway %(gateway)s.") % values)
    _check_place(values, there, wrong)
    _check_parent(values, there, wrong)
    _check_call(values, there, wrong)
    alarm1, alarm2 = (
        values.get(name, there.default(values.get("building", ""), name)) for name in ("alarm1_fen", "alarm2_fen")
    )
    if alarm2 > alarm1:
        wrong("alarm2_fen", _("is above alarm 1: it would never be the second."))


def _check_place(values: Values, there: _There, wrong: _Wrong) -> None:
    building, room = values.get("building"), values.get("room")
    if room is None and building is None:
        return
    if building is None:
        wrong("building", _("is empty: a room needs its building."))
    elif room is None:
        wrong("room", _("is empty: a building needs a room."))
    elif not there.has("rooms", building, room):
        wrong("room", _("“%(room)s” is no room of building %(building)s.") % values)


def _check_parent(values: Values, there: _There, wrong: _Wrong) -> None:
    """What feeds it stands before it, so that no two feed each other."""
    number = values.get("parent")
    if number is None:
        return
    parent = there.rows["meters"].get((number,))
    if parent is None:
        wrong("parent", _("“%(number)s” is no meter, and none in a row before this one.") % {"number": number})
    elif parent.get("room") and values.get("building") != parent["building"]:
        wrong("parent", in_another_building(number))


def _check_call(values: Values, there: _There, wrong: _Wrong) -> None:
    """Two meters that answer to one call garble each other."""
    by_address = profiles.load(values["profile"]).protocol == "dlt645-2007"
    key = "address" if by_address else "unit"
    if key not in values:
        wrong(key, _("is empty: meters of this model are called by it."))
        return
    values.pop("unit" if by_address else "address", None)
    other = there.addresses.get(_call(values))
    if other is not None:
        wrong(
            key,
            _("%(address)s is the address of meter %(other)s on this bus.") % {"address": values[key], "other": other},
        )


_CHECKS: dict[str, Callable[[Values, _There, _Wrong], None]] = {
    "buildings": _nothing_more,
    "rooms": _check_room,
    "gateways": _nothing_more,
    "buses": _check_bus,
    "meters": _check_meter,
    "customers": _nothing_more,
}
