"""建筑群: buildings, their floors and areas: make, rename, put in order, remove what is empty."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from django.db import models, transaction
from django.db.models import Max, ProtectedError
from django.utils.translation import gettext as _

from prewatt.domain.estate.changes import By
from prewatt.domain.estate.importing.cells import Text, Whole
from prewatt.domain.estate.models import Area, Building, Floor
from prewatt.domain.estate.refusals import StillUsed
from prewatt.domain.estate.scope import areas, buildings, check_building, check_site
from prewatt.domain.estate.typed import Field, Typed, Values, once
from prewatt.domain.staff import operations as staff

if TYPE_CHECKING:
    from prewatt.domain.staff.models import Operator

BUILDING_FIELDS = {
    "code": Field(Text(16, r"[^\s/]+", "no spaces and no slash, for example A"), required=True),
    "name": Field(Text(64), required=True),
}
FLOOR_FIELDS = {"number": Field(Whole(-9, 200), required=True), "name": Field(Text(32))}
AREA_FIELDS = {"name": Field(Text(32), required=True)}
ORDER_MAX = 5000
M = TypeVar("M", bound=models.Model)


def create_building(
    *, form_id: str, typed: Mapping[str, str], operator: Operator, now: datetime, address: str = ""
) -> Building:
    """It stands last until somebody sorts it."""
    check_site(operator)

    def make() -> Building:
        values = _building_values(typed, 0)
        made = Building.objects.create(**values, sort=_next(Building.objects.all()))
        By(operator, address, now).log("estate.building", _name(made), after=values)
        return made

    return once(form_id=form_id, model=Building, now=now, make=make)


@transaction.atomic
def change_building(
    *, building: Building, typed: Mapping[str, str], operator: Operator, now: datetime, address: str = ""
) -> Building:
    check_building(operator, building)
    values = _building_values(typed, building.pk)
    By(operator, address, now).change(building, values, action="estate.building", target=_name(building))
    return building


def _building_values(typed: Mapping[str, str], own: int) -> Values:
    read = Typed(typed, BUILDING_FIELDS)
    if Building.objects.exclude(pk=own).filter(code=read.values.get("code")).exists():
        read.wrong("code", _("is taken: there is a building of this code already."))
    return read.finish()


def create_floor(
    *, form_id: str, building: Building, typed: Mapping[str, str], operator: Operator, now: datetime, address: str = ""
) -> Floor:
    """Floors stand by their number until somebody sorts them; then a new one comes last."""
    check_building(operator, building)

    def make() -> Floor:
        values = _floor_values(typed, building, 0)
        sorted_by_hand = building.floors.filter(sort__gt=0).exists()
        sort = _next(building.floors.all()) if sorted_by_hand else 0
        made = Floor.objects.create(building=building, sort=sort, **values)
        By(operator, address, now).log("estate.floor", _name(made), after=values)
        return made

    return once(form_id=form_id, model=Floor, now=now, make=make)


@transaction.atomic
def change_floor(
    *, floor: Floor, typed: Mapping[str, str], operator: Operator, now: datetime, address: str = ""
) -> Floor:
    check_building(operator, floor.building)
    values = _floor_values(typed, floor.building, floor.pk)
    By(operator, address, now).change(floor, values, action="estate.floor", target=_name(floor))
    return floor


def _floor_values(typed: Mapping[str, str], building: Building, own: int) -> Values:
    read = Typed(typed, FLOOR_FIELDS)
    number = read.values.get("number", "")  # empty where none, or none that can be, was typed
    if number != "" and building.floors.exclude(pk=own).filter(number=number).exists():
        read.wrong("number", _("is taken: this building has such a floor already."))
    return read.finish()


def create_area(
    *, form_id: str, building: Building, typed: Mapping[str, str], operator: Operator, now: datetime, address: str = ""
) -> Area:
    check_building(operator, building)

    def make() -> Area:
        values = _area_values(typed, building, 0)
        made = Area.objects.create(building=building, sort=_next(building.areas.all()), **values)
        By(operator, address, now).log("estate.area", _name(made), after=values)
        return made

    return once(form_id=form_id, model=Area, now=now, make=make)


@transaction.atomic
def change_area(*, area: Area, typed: Mapping[str, str], operator: Operator, now: datetime, address: str = "") -> Area:
    check_building(operator, area.building)
    values = _area_values(typed, area.building, area.pk)
    By(operator, address, now).change(area, values, action="estate.area", target=_name(area))
    return area


def _area_values(typed: Mapping[str, str], building: Building, own: int) -> Values:
    read = Typed(typed, AREA_FIELDS)
    if building.areas.exclude(pk=own).filter(name=read.values.get("name")).exists():
        read.wrong("name", _("is taken: this building has such an area already."))
    return read.finish()


@transaction.atomic
def remove(*, thing: Building | Floor | Area, operator: Operator, now: datetime, address: str = "") -> None:
    """A building without floors and areas, a floor or an area without rooms. Raises StillUsed for others."""
    if isinstance(thing, Building):
        check_site(operator)
    else:
        check_building(operator, thing.building)
    name, shown = _name(thing), str(thing)
    try:
        thing.delete()
    except ProtectedError as error:
        raise StillUsed(
            _("%(thing)s is not empty. Nothing was removed. Move or remove what is in it first.") % {"thing": shown}
        ) from error
    By(operator, address, now).log("estate.removed", name, before={"name": shown})


def _name(thing: Building | Floor | Area) -> str:
    if isinstance(thing, Building):
        return f"building {thing.code}"
    if isinstance(thing, Floor):
        return f"floor {thing.building.code}/{thing.number}"
    return f"area {thing.building.code}/{thing.name}"


def _next(found: models.QuerySet[M]) -> int:
    return int(found.aggregate(most=Max("sort"))["most"] or 0) + 1


@transaction.atomic
def put_in_order(*, order: Sequence[str], operator: Operator, now: datetime, address: str = "") -> int:
    """Take a whole tree as somebody arranged it: `building:2`, `floor:7`, `area:1` …; how many things moved.

    Each is sorted among its own kind in its own building; what the list does not name stays behind what it names.
    """
    wanted: dict[str, list[int]] = {"building": [], "floor": [], "area": []}
    for word in order[:ORDER_MAX]:
        kind, _colon, pk = word.partition(":")
        if kind in wanted and pk.isdecimal() and len(pk) < 10:
            wanted[kind].append(int(pk))
    moved = _sort(Floor.objects.filter(building__in=buildings(operator).order_by().values("pk")), wanted["floor"])
    moved += _sort(areas(operator), wanted["area"])
    if _differs(wanted["building"], operator):
        check_site(operator)
        moved += _sort(Building.objects.all(), wanted["building"])
    if moved:
        after = {kind: pks for kind, pks in wanted.items() if pks}
        staff.log(operator=operator, action="estate.order", target="estate", after=after, address=address, now=now)
    return moved


def _differs(wanted: list[int], operator: Operator) -> bool:
    now_so = [pk for pk in buildings(operator).order_by("sort", "code").values_list("pk", flat=True) if pk in wanted]
    return now_so != wanted


def _sort(found: models.QuerySet[Any], wanted: list[int]) -> int:
    """Whole lists only: a building's floors keep their numbers' order until one of them was moved."""
    known = {one.pk: one for one in found.filter(pk__in=wanted)}
    families: dict[int, list[Any]] = {}
    for pk in wanted:
        if pk in known:
            families.setdefault(getattr(known[pk], "building_id", 0), []).append(known[pk])
    changed = [
        (one, place)
        for family in families.values()
        if _is_new(family)
        for place, one in enumerate(family, 1)
        if one.sort != place
    ]
    for one, place in changed:
        one.sort = place
        one.save(update_fields=["sort"])
    return len(changed)


def _is_new(family: list[Any]) -> bool:
    """Does it stand otherwise now?"""
    now_so = sorted(family, key=lambda one: (one.sort, -one.number if isinstance(one, Floor) else 0, str(one)))
    return now_so != family
