"""户号: rooms, and the kinds of use (用电类型) that a site chooses from."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import ProtectedError
from django.utils.translation import gettext as _

from prewatt.domain.estate.changes import By
from prewatt.domain.estate.importing.cells import Text, Whole
from prewatt.domain.estate.models import Area, Floor, Room, Use
from prewatt.domain.estate.refusals import FieldsRefused, StillUsed
from prewatt.domain.estate.scope import areas, buildings, check_building, check_site
from prewatt.domain.estate.typed import Field, Typed, Values, once
from prewatt.domain.staff import operations as staff

if TYPE_CHECKING:
    from prewatt.domain.staff.models import Operator

# What a site chooses from until it wrote its own list.
SHIPPED_USES = ("商铺", "办公", "住宅", "宿舍", "公共用电", "充电桩", "其他")
USES_MAX = 50
USE_LENGTH_MAX = 32
FIELDS = {
    "floor": Field(Whole(1, 2**31), required=True),
    "number": Field(Text(32), required=True),
    "area": Field(Whole(1, 2**31), empty=None),
    "use": Field(Text(USE_LENGTH_MAX)),
}


def uses() -> list[str]:
    own = list(Use.objects.values_list("name", flat=True))
    return own or list(SHIPPED_USES)


@transaction.atomic
def set_uses(*, text: str, operator: Operator, now: datetime, address: str = "") -> list[str]:
    """One kind a line, in the order in which they are offered. A kind that rooms have cannot go."""
    check_site(operator)
    names = list(dict.fromkeys(line.strip() for line in text.splitlines() if line.strip()))
    if not names or len(names) > USES_MAX or any(len(name) > USE_LENGTH_MAX for name in names):
        raise FieldsRefused({"uses": _("takes 1 to 50 lines of up to 32 characters.")})
    gone = Room.objects.exclude(use="").exclude(use__in=names).filter(use__in=uses())
    first = gone.select_related("floor__building").first()
    if first is not None:
        raise StillUsed(
            _("%(count)d room(s) have the kind “%(use)s”, such as %(room)s. Nothing was changed. Change them first.")
            % {"count": gone.filter(use=first.use).count(), "use": first.use, "room": first.number}
        )
    before = uses()
    if names != before:
        Use.objects.all().delete()
        Use.objects.bulk_create([Use(name=name, sort=place) for place, name in enumerate(names)])
        By(operator, address, now).log("estate.uses", "site", before={"uses": before}, after={"uses": names})
    return names


def create_room(
    *, form_id: str, typed: Mapping[str, str], operator: Operator, now: datetime, address: str = ""
) -> Room:
    def make() -> Room:
        values = _values(typed, None, operator)
        made = Room.objects.create(**values)
        after = {name: str(value or "") for name, value in values.items()}
        staff.log(operator=operator, action="estate.room", target=_name(made), after=after, address=address, now=now)
        return made

    return once(form_id=form_id, model=Room, now=now, make=make)


@transaction.atomic
def change_room(*, room: Room, typed: Mapping[str, str], operator: Operator, now: datetime, address: str = "") -> Room:
    check_building(operator, room.floor.building)
    target = _name(room)
    values = _values(typed, room, operator)
    By(operator, address, now).change(room, values, action="estate.room", target=target)
    return room


@transaction.atomic
def remove_room(*, room: Room, operator: Operator, now: datetime, address: str = "") -> None:
    """A room without meters."""
    check_building(operator, room.floor.building)
    name = _name(room)
    try:
        room.delete()
    except ProtectedError as error:
        raise StillUsed(
            _("Room %(room)s has meters or a history. Nothing was removed. Move its meters to another room first.")
            % {"room": room.number}
        ) from error
    By(operator, address, now).log("estate.removed", name, before={"use": room.use})


def _name(room: Room) -> str:
    return f"room {room.floor.building.code}/{room.number}"


def _values(typed: Mapping[str, str], room: Room | None, operator: Operator) -> Values:
    read = Typed(typed, FIELDS)
    floor = _floor(read, operator)
    area = _area(read, floor, operator)
    number = read.values.get("number")
    others = Room.objects.exclude(pk=room.pk if room else 0)
    if floor and others.filter(floor__building=floor.building_id, number=number).exists():
        read.wrong("number", _("is taken: this building has such a room already."))
    use = read.values.get("use")
    if use and use not in uses() and not (room and room.use == use):
        read.wrong("use", _("is not in the list of kinds of use."))
    return read.finish() | {"floor": floor, "area": area}


def _floor(read: Typed, operator: Operator) -> Floor | None:
    mine = Floor.objects.filter(building__in=buildings(operator).order_by().values("pk"))
    floor = mine.select_related("building").filter(pk=read.values.get("floor") or 0).first()
    if floor is None:
        read.wrong("floor", _("is empty."))
    return floor


def _area(read: Typed, floor: Floor | None, operator: Operator) -> Area | None:
    wanted = read.values.get("area")
    if not wanted:
        return None
    area = areas(operator).filter(pk=wanted).first()
    if area is None or (floor and area.building_id != floor.building_id):
        read.wrong("area", _("is an area of another building."))
    return area
