"""Buildings, floors, areas and rooms: made, changed, put in order, removed where empty."""

from __future__ import annotations

from typing import Annotated, Any

from django.http import HttpRequest
from ninja import Schema
from pydantic import Field, StrictInt

from prewatt.domain.estate import rooms as housing
from prewatt.domain.estate import scope, structure
from prewatt.domain.estate.models import Area, Building, Floor, Room
from prewatt.domain.staff.rights import Right
from prewatt.web.api import shapes
from prewatt.web.api.doors import Chapter, bearer, by, reads, write_id, writes
from prewatt.web.api.finding import one
from prewatt.web.api.paging import Parts, take
from prewatt.web.api.shapes import Given, Id, Pk, Word, changed, texts

chapter = Chapter("estate")
FloorNumber = Annotated[StrictInt, Field(ge=-9, le=200)]
Short = Annotated[str, Field(max_length=32, pattern=shapes.PRINTABLE)]


def _building(request: HttpRequest, pk: int) -> Building:
    return one(scope.buildings(bearer(request)).filter(pk=pk))


def _floor(request: HttpRequest, pk: int) -> Floor:
    mine = scope.buildings(bearer(request)).order_by().values("pk")
    return one(Floor.objects.filter(pk=pk, building__in=mine).select_related("building"))


def _area(request: HttpRequest, pk: int) -> Area:
    return one(scope.areas(bearer(request)).filter(pk=pk).select_related("building"))


def _room(request: HttpRequest, pk: int) -> Room:
    return one(scope.rooms(bearer(request)).filter(pk=pk).select_related("floor__building", "area"))


class BuildingIn(Given):
    code: Annotated[str, Field(max_length=16, pattern=shapes.PRINTABLE)]
    name: Word


class BuildingChange(Given):
    """What is left out stays."""

    code: Annotated[str, Field(max_length=16, pattern=shapes.PRINTABLE)] | None = None
    name: Word | None = None


@writes(chapter, "/buildings", Right.SETTINGS, of=shapes.BuildingOut)
def add_building(request: HttpRequest, given: BuildingIn) -> Any:
    """A new building; it stands last until somebody sorts it"""
    return shapes.building(
        structure.create_building(form_id=write_id(request), typed=texts(given.dict()), **by(request))
    )


@writes(chapter, "/buildings/{building_id}", Right.SETTINGS, of=shapes.BuildingOut, change=True)
def change_building(request: HttpRequest, building_id: Pk, given: BuildingChange) -> Any:
    """Change a building's code or name"""
    held = _building(request, building_id)
    return shapes.building(structure.change_building(building=held, typed=changed(held, given), **by(request)))


@writes(chapter, "/buildings/{building_id}/remove", Right.SETTINGS, of=shapes.BuildingOut)
def remove_building(request: HttpRequest, building_id: Pk, given: shapes.NothingIn) -> Any:  # noqa: ARG001
    """Remove a building without floors and areas"""
    held = _building(request, building_id)
    was = shapes.building(held)
    structure.remove(thing=held, **by(request))
    return was


class FloorOut(Schema):
    id: int
    building_id: int
    number: int
    name: str


class FloorsOut(Schema):
    items: list[FloorOut]
    next: str


class FloorIn(Given):
    """`name` left out: its number with an F."""

    number: FloorNumber
    name: Short = ""


class FloorChange(Given):
    """What is left out stays."""

    number: FloorNumber | None = None
    name: Short | None = None


def _floor_out(held: Floor) -> dict[str, Any]:
    return {name: getattr(held, name) for name in FloorOut.model_fields}


@reads(chapter, "/floors", Right.READ, of=FloorsOut)
def list_floors(request: HttpRequest, part: Parts) -> Any:
    """Floors"""
    mine = scope.buildings(bearer(request)).order_by().values("pk")
    rows, after = take(Floor.objects.filter(building__in=mine), part)
    return {"items": [_floor_out(row) for row in rows], "next": after}


@writes(chapter, "/buildings/{building_id}/floors", Right.SETTINGS, of=FloorOut)
def add_floor(request: HttpRequest, building_id: Pk, given: FloorIn) -> Any:
    """A new floor"""
    building = _building(request, building_id)
    made = structure.create_floor(
        form_id=write_id(request), building=building, typed=texts(given.dict()), **by(request)
    )
    return _floor_out(made)


@writes(chapter, "/floors/{floor_id}", Right.SETTINGS, of=FloorOut, change=True)
def change_floor(request: HttpRequest, floor_id: Pk, given: FloorChange) -> Any:
    """Change a floor's number or name"""
    held = _floor(request, floor_id)
    return _floor_out(structure.change_floor(floor=held, typed=changed(held, given), **by(request)))


@writes(chapter, "/floors/{floor_id}/remove", Right.SETTINGS, of=FloorOut)
def remove_floor(request: HttpRequest, floor_id: Pk, given: shapes.NothingIn) -> Any:  # noqa: ARG001
    """Remove a floor without rooms"""
    held = _floor(request, floor_id)
    was = _floor_out(held)
    structure.remove(thing=held, **by(request))
    return was


class AreaOut(Schema):
    id: int
    building_id: int
    name: str


class AreasOut(Schema):
    items: list[AreaOut]
    next: str


class AreaIn(Given):
    name: Short


def _area_out(held: Area) -> dict[str, Any]:
    return {name: getattr(held, name) for name in AreaOut.model_fields}


@reads(chapter, "/areas", Right.READ, of=AreasOut)
def list_areas(request: HttpRequest, part: Parts) -> Any:
    """Areas: named parts of buildings"""
    rows, after = take(scope.areas(bearer(request)), part)
    return {"items": [_area_out(row) for row in rows], "next": after}


@writes(chapter, "/buildings/{building_id}/areas", Right.SETTINGS, of=AreaOut)
def add_area(request: HttpRequest, building_id: Pk, given: AreaIn) -> Any:
    """A new area"""
    building = _building(request, building_id)
    made = structure.create_area(form_id=write_id(request), building=building, typed=texts(given.dict()), **by(request))
    return _area_out(made)


@writes(chapter, "/areas/{area_id}", Right.SETTINGS, of=AreaOut, change=True)
def change_area(request: HttpRequest, area_id: Pk, given: AreaIn) -> Any:
    """Rename an area"""
    held = _area(request, area_id)
    return _area_out(structure.change_area(area=held, typed=texts(given.dict()), **by(request)))


@writes(chapter, "/areas/{area_id}/remove", Right.SETTINGS, of=AreaOut)
def remove_area(request: HttpRequest, area_id: Pk, given: shapes.NothingIn) -> Any:  # noqa: ARG001
    """Remove an area without rooms"""
    held = _area(request, area_id)
    was = _area_out(held)
    structure.remove(thing=held, **by(request))
    return was


class OrderIn(Given):
    """Each kind in its new order; what is not named stays behind."""

    buildings: Annotated[list[Id], Field(max_length=1000)] = Field(default_factory=list)
    floors: Annotated[list[Id], Field(max_length=2000)] = Field(default_factory=list)
    areas: Annotated[list[Id], Field(max_length=2000)] = Field(default_factory=list)


class OrderedOut(Schema):
    moved: int


@writes(chapter, "/buildings-order", Right.SETTINGS, of=OrderedOut)
def put_in_order(request: HttpRequest, given: OrderIn) -> Any:
    """Put buildings, floors and areas in order"""
    kinds = {"building": given.buildings, "floor": given.floors, "area": given.areas}
    order = [f"{kind}:{pk}" for kind, pks in kinds.items() for pk in pks]
    return {"moved": structure.put_in_order(order=order, **by(request))}


class RoomIn(Given):
    """`use` is one of the site's kinds of use."""

    floor_id: Id
    number: Short
    area_id: Id | None = None
    use: Short = ""


class RoomChange(Given):
    """What is left out stays."""

    floor_id: Id | None = None
    number: Short | None = None
    area_id: Id | None = None
    use: Short | None = None


def _typed(said: dict[str, Any]) -> dict[str, str]:
    return texts({name.removesuffix("_id"): value for name, value in said.items()})


@writes(chapter, "/rooms", Right.SETTINGS, of=shapes.RoomOut)
def add_room(request: HttpRequest, given: RoomIn) -> Any:
    """A new room"""
    made = housing.create_room(form_id=write_id(request), typed=_typed(given.dict()), **by(request))
    return shapes.room(_room(request, made.pk))


@reads(chapter, "/rooms/{room_id}", Right.READ, of=shapes.RoomOut)
def get_room(request: HttpRequest, room_id: Pk) -> Any:
    """One room"""
    return shapes.room(_room(request, room_id))


@writes(chapter, "/rooms/{room_id}", Right.SETTINGS, of=shapes.RoomOut, change=True)
def change_room(request: HttpRequest, room_id: Pk, given: RoomChange) -> Any:
    """Change a room"""
    held = _room(request, room_id)
    known = {name: getattr(held, name) for name in RoomChange.model_fields}
    housing.change_room(room=held, typed=_typed(known | given.dict(exclude_unset=True)), **by(request))
    return shapes.room(_room(request, room_id))


@writes(chapter, "/rooms/{room_id}/remove", Right.SETTINGS, of=shapes.RoomOut)
def remove_room(request: HttpRequest, room_id: Pk, given: shapes.NothingIn) -> Any:  # noqa: ARG001
    """Remove a room without meters"""
    held = _room(request, room_id)
    was = shapes.room(held)
    housing.remove_room(room=held, **by(request))
    return was


class UsesOut(Schema):
    items: list[str]


class UsesIn(Given):
    items: Annotated[list[Short], Field(max_length=housing.USES_MAX)]


@reads(chapter, "/settings/uses", Right.READ, of=UsesOut)
def get_uses(request: HttpRequest) -> Any:  # noqa: ARG001 - the site's
    """The kinds of use that rooms and accounts choose from"""
    return {"items": housing.uses()}


@writes(chapter, "/settings/uses", Right.SETTINGS, of=UsesOut)
def set_uses(request: HttpRequest, given: UsesIn) -> Any:
    """Set the whole list of kinds of use"""
    return {"items": housing.set_uses(text="\n".join(given.items), **by(request))}
