"""户号: the register of rooms, a room's form, and the kinds of use that a site chooses from."""

from __future__ import annotations

from typing import Any

from django.db.models import Count, Q
from django.http import Http404, HttpRequest, HttpResponseBase
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from prewatt.domain.estate import rooms as estate
from prewatt.domain.estate import scope
from prewatt.domain.estate.models import Floor, Room
from prewatt.domain.staff.models import Operator
from prewatt.domain.staff.rights import Right
from prewatt.web.console.views.estate.forms import Box, Page, Part, act, draw, form_id, submit, typed
from prewatt.web.console.views.estate.forms import edit as change
from prewatt.web.parts.pages import operator, page
from prewatt.web.parts.registers import answer
from prewatt.web.parts.tables import Ask, Column, Filter, Register
from prewatt.web.parts.words import Text

POST = ("POST",)
BOTH = ("GET", "HEAD", "POST")


def _edit(room: Room) -> str:
    return reverse("console:estate-room", args=[room.pk])


def _rows(ask: Ask) -> Any:
    found = scope.rooms(ask.operator).select_related("floor__building", "area").annotate(meter_count=Count("meters"))
    if ask["text"]:
        found = found.filter(number__icontains=ask["text"])
    if ask["building"]:
        found = found.filter(floor__building__code=ask["building"])
    if ask["area"]:
        found = found.filter(area=int(ask["area"]))
    if ask["use"]:
        found = found.filter(use=ask["use"])
    if ask["meters"]:
        found = found.filter(meter_count=0) if ask["meters"] == "none" else found.filter(meter_count__gt=0)
    return found


def _buildings(who: Operator) -> list[tuple[str, Text]]:
    return [(one.code, one.name) for one in scope.buildings(who)]


def _areas(who: Operator) -> list[tuple[str, Text]]:
    found = scope.areas(who).select_related("building")
    return [(str(one.pk), f"{one.building.code} · {one.name}") for one in found]


REGISTER = Register(
    name="rooms",
    icon="building",
    title=gettext_lazy("Room register"),
    columns=(
        Column("number", pgettext_lazy("estate", "Room"), link=_edit, sort=("number",), width=12),
        Column(
            "building",
            gettext_lazy("Building"),
            value=lambda one: one.floor.building.name,
            sort=("floor__building__sort", "floor__building__code"),
            width=20,
        ),
        Column("floor", gettext_lazy("Floor"), value=lambda one: str(one.floor), sort=("floor__number",), width=8),
        Column("area", gettext_lazy("Area"), value=lambda one: str(one.area or ""), sort=("area__name",)),
        Column("use", gettext_lazy("Kind of use"), sort=("use",)),
        Column("meters", gettext_lazy("Meters"), "count", value=lambda one: one.meter_count, sort=("meter_count",)),
    ),
    filters=(
        Filter("text", pgettext_lazy("estate", "Room")),
        Filter("building", gettext_lazy("Building"), "choice", choices=_buildings),
        Filter("area", gettext_lazy("Area"), "choice", choices=_areas),
        Filter(
            "use", gettext_lazy("Kind of use"), "choice", choices=lambda _who: [(one, one) for one in estate.uses()]
        ),
        Filter(
            "meters",
            gettext_lazy("Meters"),
            "choice",
            choices=lambda _who: [("some", gettext_lazy("with meters")), ("none", gettext_lazy("without"))],
        ),
    ),
    order="number",
    rows=_rows,
    empty=gettext_lazy("No room yet. Add one, or import a workbook of them."),
)


@page(Right.READ)
def register(request: HttpRequest) -> HttpResponseBase:
    return answer(request, REGISTER, template="console/estate/rooms.html", more=lambda _ask: {"page": "estate-rooms"})


def _room(request: HttpRequest, pk: int) -> Room:
    found = scope.rooms(operator(request)).select_related("floor__building", "area").filter(pk=pk).first()
    if found is None:
        raise Http404
    return found


def _page(request: HttpRequest, room: Room | None) -> Page:
    who = operator(request)
    mine = scope.buildings(who).order_by().values("pk")
    floors = Floor.objects.filter(Q(building__in=mine)).select_related("building")
    known = estate.uses()
    kinds = [*known, room.use] if room and room.use and room.use not in known else known
    boxes = (
        Box(
            "number",
            pgettext_lazy("estate", "Room"),
            value=room.number if room else "",
            note=_("As on the door, for example 0306"),
            required=True,
            length_max=32,
        ),
        Box(
            "floor",
            _("Building and floor"),
            "choice",
            str(room.floor_id) if room else "",
            [("", "—"), *((str(one.pk), f"{one.building.name} · {one}") for one in floors)],
            required=True,
        ),
        Box("area", _("Area"), "choice", str(room.area_id or "") if room else "", [("", "—"), *_areas(who)]),
        Box("use", _("Kind of use"), "choice", room.use if room else "", [("", "—"), *((one, one) for one in kinds)]),
    )
    return Page(
        title=_("Room %(number)s") % {"number": room.number} if room else _("New room"),
        page="estate-rooms",
        back=reverse("console:estate-rooms"),
        parts=[Part(pgettext_lazy("estate", "Room"), boxes)],
        save=_("Save"),
        more={"room": room, "meters": room.meters.order_by("number") if room else []},
        template="console/estate/room.html",
    )


@page(Right.SETTINGS, methods=BOTH)
def create(request: HttpRequest) -> HttpResponseBase:
    drawn = _page(request, None)
    if request.method != "POST":
        return draw(request, drawn)
    return submit(
        request,
        drawn,
        call=estate.create_room,
        done=lambda made: (
            reverse("console:estate-rooms"),
            _("Room %(number)s is registered.") % {"number": made.number},
        ),
        form_id=form_id(request),
        typed=typed(request),
    )


@page(Right.SETTINGS, methods=BOTH)
def edit(request: HttpRequest, pk: int) -> HttpResponseBase:
    return change(
        request,
        find=lambda: _room(request, pk),
        page=lambda room: _page(request, room),
        call=estate.change_room,
        name="room",
        done=lambda _room: (reverse("console:estate-rooms"), _("Saved.")),
    )


@page(Right.SETTINGS, methods=POST)
def remove(request: HttpRequest, pk: int) -> HttpResponseBase:
    room = _room(request, pk)
    said = _("Room %(number)s is removed.") % {"number": room.number}
    done = reverse("console:estate-rooms")
    return act(request, call=estate.remove_room, room=room, done=done, failed=_edit(room), said=said)


@page(Right.SETTINGS, methods=BOTH)
def uses(request: HttpRequest) -> HttpResponseBase:
    """用电类型: one a line."""
    box = Box(
        "uses",
        _("Kinds of use, one a line"),
        "lines",
        "\n".join(estate.uses()),
        note=_("In the order in which they are offered. A kind that rooms have cannot go."),
        wide=True,
        length_max=2000,
    )
    back = reverse("console:estate-rooms")
    drawn = Page(_("Kinds of use"), "estate-rooms", back, [Part(_("Kinds of use"), (box,))], _("Save"))
    if request.method != "POST":
        return draw(request, drawn)
    saved = (back, _("Saved."))
    return submit(request, drawn, call=estate.set_uses, done=lambda _made: saved, text=request.POST.get("uses", ""))
