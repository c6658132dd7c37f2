"""建筑群: the tree of buildings, floors and areas, put in order by hand; and the forms of each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from django.db.models import Count, Model, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from prewatt.domain.estate import scope
from prewatt.domain.estate import structure as estate
from prewatt.domain.estate.models import Area, Building, Floor
from prewatt.domain.staff.rights import Right
from prewatt.web.console.views.estate.forms import Box, Page, Part, act, draw, edit, form_id, submit, typed
from prewatt.web.parts.pages import operator, page

POST = ("POST",)
BOTH = ("GET", "HEAD", "POST")
WORDS_MAX = 5000
M = TypeVar("M", bound=Model)


def _tree() -> str:
    return reverse("console:estate-structure")


@page(Right.READ)
def tree(request: HttpRequest) -> HttpResponse:
    mine = scope.buildings(operator(request)).order_by("sort", "code")
    counted = mine.annotate(room_count=Count("floors__rooms"))
    floors: dict[int, list[Any]] = {}
    for floor in Floor.objects.filter(building__in=mine.order_by().values("pk")).annotate(room_count=Count("rooms")):
        floors.setdefault(floor.building_id, []).append(floor)
    areas: dict[int, list[Any]] = {}
    for area in scope.areas(operator(request)).annotate(room_count=Count("rooms")):
        areas.setdefault(area.building_id, []).append(area)
    context = {
        "page": "estate-structure",
        "buildings": [(one, floors.get(one.pk, []), areas.get(one.pk, [])) for one in counted],
        "may_site": operator(request).all_buildings,
    }
    return render(request, "console/estate/structure.html", context)


@page(Right.SETTINGS, methods=POST)
def order(request: HttpRequest) -> HttpResponseBase:
    """The whole tree as it was arranged, in one request."""
    words = request.POST.get("order", "").split(",")[:WORDS_MAX]
    return act(
        request, call=estate.put_in_order, order=words, done=_tree(), failed=_tree(), said=_("The order is saved.")
    )


def _building(request: HttpRequest, pk: int) -> Building:
    return _mine(scope.buildings(operator(request)), pk)


def _mine(found: QuerySet[M], pk: int) -> M:
    one = found.filter(pk=pk).first()
    if one is None:
        raise Http404
    return one


def _floors(request: HttpRequest) -> QuerySet[Floor]:
    mine = scope.buildings(operator(request)).order_by().values("pk")
    return Floor.objects.filter(Q(building__in=mine)).select_related("building")


def _page(title: str, boxes: tuple[Box, ...]) -> Page:
    return Page(title=title, page="estate-structure", back=_tree(), parts=[Part(title, boxes)], save=_("Save"))


def _building_page(one: Building | None) -> Page:
    title = _("Building %(name)s") % {"name": one.name} if one else _("New building")
    code = Box(
        "code", _("Code"), value=one.code if one else "", note=_("Short, for example A"), required=True, length_max=16
    )
    return _page(
        title,
        (
            code,
            Box("name", pgettext("of a thing", "Name"), value=one.name if one else "", required=True, length_max=64),
        ),
    )


def _floor_page(building: Building, one: Floor | None) -> Page:
    title = _("Floor %(floor)s of %(building)s") if one else _("New floor of %(building)s")
    number = Box(
        "number",
        _("Floor number"),
        value=str(one.number) if one else "",
        note=_("-1 is the first basement"),
        required=True,
        mode="text",
        length_max=4,
    )
    name = Box(
        "name",
        pgettext("of a thing", "Name"),
        value=one.name if one else "",
        note=_("Empty: its number with an F"),
        length_max=32,
    )
    return _page(title % {"floor": one, "building": building.name}, (number, name))


def _area_page(building: Building, one: Area | None) -> Page:
    title = _("Area %(area)s of %(building)s") if one else _("New area of %(building)s")
    note = _("A part of the building that rooms may belong to: east wing, food court …")
    name = Box(
        "name", pgettext("of a thing", "Name"), value=one.name if one else "", note=note, required=True, length_max=32
    )
    return _page(title % {"area": one, "building": building.name}, (name,))


def _save(request: HttpRequest, drawn: Page, call: Any, **given: Any) -> HttpResponseBase:
    if request.method != "POST":
        return draw(request, drawn)
    saved = (_tree(), _("Saved."))
    return submit(request, drawn, call=call, done=lambda _made: saved, typed=typed(request), **given)


def _change(
    request: HttpRequest, find: Callable[[], M], drawn: Callable[[M], Page], call: Any, name: str
) -> HttpResponseBase:
    return edit(request, find=find, page=drawn, call=call, name=name, done=lambda _one: (_tree(), _("Saved.")))


@page(Right.SETTINGS, methods=BOTH)
def create_building(request: HttpRequest) -> HttpResponseBase:
    return _save(request, _building_page(None), estate.create_building, form_id=form_id(request))


@page(Right.SETTINGS, methods=BOTH)
def edit_building(request: HttpRequest, pk: int) -> HttpResponseBase:
    return _change(request, lambda: _building(request, pk), _building_page, estate.change_building, "building")


@page(Right.SETTINGS, methods=BOTH)
def create_floor(request: HttpRequest, pk: int) -> HttpResponseBase:
    building = _building(request, pk)
    drawn = _floor_page(building, None)
    return _save(request, drawn, estate.create_floor, building=building, form_id=form_id(request))


@page(Right.SETTINGS, methods=BOTH)
def edit_floor(request: HttpRequest, pk: int) -> HttpResponseBase:
    return _change(
        request,
        lambda: _mine(_floors(request), pk),
        lambda one: _floor_page(one.building, one),
        estate.change_floor,
        "floor",
    )


@page(Right.SETTINGS, methods=BOTH)
def create_area(request: HttpRequest, pk: int) -> HttpResponseBase:
    building = _building(request, pk)
    drawn = _area_page(building, None)
    return _save(request, drawn, estate.create_area, building=building, form_id=form_id(request))


@page(Right.SETTINGS, methods=BOTH)
def edit_area(request: HttpRequest, pk: int) -> HttpResponseBase:
    return _change(
        request,
        lambda: _mine(scope.areas(operator(request)).select_related("building"), pk),
        lambda one: _area_page(one.building, one),
        estate.change_area,
        "area",
    )


@page(Right.SETTINGS, methods=POST)
def remove(request: HttpRequest, kind: str, pk: int) -> HttpResponseBase:
    thing: Building | Floor | Area
    if kind == "building":
        thing = _building(request, pk)
    elif kind == "floor":
        thing = _mine(_floors(request), pk)
    elif kind == "area":
        thing = _mine(scope.areas(operator(request)).select_related("building"), pk)
    else:
        raise Http404
    said = _("%(thing)s is removed.") % {"thing": thing}
    return act(request, call=estate.remove, thing=thing, done=_tree(), failed=_tree(), said=said)
