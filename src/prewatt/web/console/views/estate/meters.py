"""仪表: every meter with what the site says of it, in use or not; adding one, and changing one."""

from __future__ import annotations

from typing import Any

from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponseBase
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from prewatt import profiles
from prewatt.domain.estate import defaults, scope
from prewatt.domain.estate import meters as estate
from prewatt.domain.estate.models import Bus, Meter
from prewatt.domain.staff.models import Operator
from prewatt.domain.staff.rights import Right
from prewatt.web.console.views.estate.forms import Box, Page, Part, draw, form_id, submit, typed
from prewatt.web.console.views.estate.forms import edit as change
from prewatt.web.parts.formats import scaled
from prewatt.web.parts.pages import operator, page
from prewatt.web.parts.registers import answer
from prewatt.web.parts.tables import Ask, Column, Filter, Register
from prewatt.web.parts.words import Text

BOTH = ("GET", "HEAD", "POST")
ROOMS_MAX = 3000
PARENTS_MAX = 300
LEVELS = tuple((str(level), str(level)) for level in range(1, 10))
ALLOW: tuple[tuple[str, Text], ...] = (
    ("manual,observed", gettext_lazy("from the manual, or seen on a meter")),
    ("manual", gettext_lazy("from the manual only")),
    ("manual,observed,unverified", gettext_lazy("also what nobody has verified yet")),
    ("manual,observed,unverified,simulated", gettext_lazy("also what only the simulator knows")),
)


def _edit(meter: Meter) -> str:
    return reverse("console:estate-meter", args=[meter.pk])


def _rows(ask: Ask) -> Any:
    found = Meter.objects.for_operator(ask.operator).select_related(
        "bus__gateway", "room__floor__building", "room__area", "parent"
    )
    if ask["text"]:
        text = ask["text"]
        found = found.filter(
            Q(number__icontains=text)
            | Q(room__number__icontains=text)
            | Q(circuit__icontains=text)
            | Q(remark__icontains=text)
        )
    if ask["building"]:
        found = found.filter(room__floor__building__code=ask["building"])
    if ask["gateway"]:
        found = found.filter(bus__gateway__code=ask["gateway"])
    if ask["profile"]:
        found = found.filter(profile=ask["profile"])
    if ask["level"]:
        found = found.filter(level=int(ask["level"]))
    if ask["active"]:
        found = found.filter(active=ask["active"] == "yes")
    return found


def _of_room(name: str) -> Any:
    """A field of the room's place; nothing for a meter without a room."""

    def value(meter: Meter) -> str:
        if meter.room is None:
            return ""
        return {"room": meter.room.number, "floor": str(meter.room.floor), "building": meter.room.floor.building.name}[
            name
        ]

    return value


def _buildings(who: Operator) -> list[tuple[str, Text]]:
    return [(one.code, one.name) for one in scope.buildings(who)]


def _gateways(who: Operator) -> list[tuple[str, Text]]:
    return [(code, code) for code in scope.gateways(who).order_by("code").values_list("code", flat=True)]


REGISTER = Register(
    name="meter-settings",
    icon="plug",
    title=gettext_lazy("Meters: settings"),
    columns=(
        Column("number", gettext_lazy("Meter number"), link=_edit, sort=("number",), width=16),
        Column(
            "building",
            gettext_lazy("Building"),
            value=_of_room("building"),
            sort=("room__floor__building__sort", "room__floor__building__code"),
            width=18,
        ),
        Column("floor", gettext_lazy("Floor"), value=_of_room("floor"), sort=("room__floor__number",), width=8),
        Column("room", gettext_lazy("Room"), value=_of_room("room"), sort=("room__number",), width=10),
        Column("circuit", gettext_lazy("Site and circuit"), sort=("circuit",), width=18),
        Column("level", gettext_lazy("Level"), "count", sort=("level",), width=8),
        Column(
            "parent",
            gettext_lazy("Fed by meter"),
            value=lambda one: one.parent.number if one.parent else "",
            sort=("parent__number",),
            width=16,
            shown=False,
        ),
        Column("profile", gettext_lazy("Model"), sort=("profile",), width=20),
        Column(
            "gateway",
            pgettext_lazy("estate", "Gateway"),
            value=lambda one: one.bus.gateway.code,
            sort=("bus__gateway__code",),
        ),
        Column("bus", gettext_lazy("Bus"), value=lambda one: one.bus.code, sort=("bus__code",), width=10),
        Column("unit", gettext_lazy("Address"), value=lambda one: one.address or one.unit, sort=("address", "unit")),
        Column("ct", gettext_lazy("CT ratio"), "count", value=lambda one: one.ct_ratio, sort=("ct_ratio",), width=8),
        Column("pt", gettext_lazy("PT ratio"), "count", value=lambda one: one.pt_ratio, sort=("pt_ratio",), width=8),
        Column(
            "active",
            gettext_lazy("In use"),
            value=lambda one: _("yes") if one.active else _("no"),
            sort=("active",),
            width=8,
        ),
        Column("remark", gettext_lazy("Remark"), sort=("remark",), width=24),
        Column(
            "area", gettext_lazy("Area"), value=lambda one: str(one.room.area or "") if one.room else "", shown=False
        ),
        Column("use", gettext_lazy("Kind of use"), value=lambda one: one.room.use if one.room else "", shown=False),
        Column(
            "al1",
            gettext_lazy("Alarm 1 (yuan)"),
            "money",
            value=lambda one: one.alarm1_fen,
            sort=("alarm1_fen",),
            shown=False,
        ),
        Column(
            "al2",
            gettext_lazy("Alarm 2 (yuan)"),
            "money",
            value=lambda one: one.alarm2_fen,
            sort=("alarm2_fen",),
            shown=False,
        ),
        Column(
            "ceiling",
            gettext_lazy("Ceiling (yuan)"),
            "money",
            value=lambda one: one.ceiling_fen,
            sort=("ceiling_fen",),
            shown=False,
        ),
        Column(
            "limit",
            gettext_lazy("Power limit (W)"),
            "count",
            value=lambda one: one.overload_limit_w,
            sort=("overload_limit_w",),
            shown=False,
        ),
    ),
    filters=(
        Filter("text", gettext_lazy("Number, room, circuit or remark")),
        Filter("building", gettext_lazy("Building"), "choice", choices=_buildings),
        Filter("gateway", pgettext_lazy("estate", "Gateway"), "choice", choices=_gateways),
        Filter(
            "profile", gettext_lazy("Model"), "choice", choices=lambda _who: [(one, one) for one in profiles.names()]
        ),
        Filter("level", gettext_lazy("Level"), "choice", choices=lambda _who: LEVELS),
        Filter(
            "active",
            gettext_lazy("In use"),
            "choice",
            choices=lambda _who: [("yes", gettext_lazy("yes")), ("no", gettext_lazy("no"))],
        ),
    ),
    order="number",
    rows=_rows,
    empty=gettext_lazy("No meter yet. Add one, or import a workbook of them."),
)


@page(Right.READ)
def register(request: HttpRequest) -> HttpResponseBase:
    return answer(request, REGISTER, template="console/estate/meters.html", more=lambda _ask: {"page": "estate-meters"})


def _meter(request: HttpRequest, pk: int) -> Meter:
    found = Meter.objects.for_operator(operator(request)).filter(pk=pk)
    meter = found.select_related("bus__gateway", "room__floor__building", "parent").first()
    if meter is None:
        raise Http404
    return meter


def _bus_choices(who: Operator) -> list[tuple[str, Text]]:
    found = scope.buses(who).order_by("gateway__code", "code")
    return [("", "—"), *((str(one.pk), f"{one.gateway.code} / {one.code}") for one in found)]


def _parents(who: Operator, meter: Meter) -> list[str]:
    """What is most likely above it: what feeds others already, and what hangs in no room."""
    found = Meter.objects.for_operator(who).filter(Q(children__isnull=False) | Q(room__isnull=True))
    return list(found.exclude(pk=meter.pk).order_by("number").values_list("number", flat=True).distinct()[:PARENTS_MAX])


def _place(who: Operator, meter: Meter) -> Part:
    rooms = scope.rooms(who).order_by("number").values_list("number", flat=True).distinct()[:ROOMS_MAX]
    room = meter.room if meter.room_id else None
    return Part(
        _("Where it is"),
        (
            Box(
                "building",
                _("Building"),
                "choice",
                room.floor.building.code if room else "",
                [("", "—"), *_buildings(who)],
            ),
            Box(
                "room",
                pgettext_lazy("estate", "Room"),
                value=room.number if room else "",
                suggest=list(rooms),
                length_max=32,
            ),
            Box("circuit", _("Site and circuit"), value=meter.circuit, note=_("For example 1-104"), length_max=64),
            Box(
                "level",
                _("Level"),
                "choice",
                str(meter.level),
                LEVELS,
                note=_("1: the main meter; 2: below it, and so on"),
            ),
            Box(
                "parent",
                _("Fed by meter"),
                value=meter.parent.number if meter.parent else "",
                note=_("The number of the meter above it; empty: none"),
                suggest=_parents(who, meter),
                length_max=32,
            ),
            Box("remark", _("Remark"), value=meter.remark, wide=True),
        ),
    )


def _line(who: Operator, meter: Meter) -> Part:
    allow = ",".join(meter.allow)
    known = [*ALLOW] if allow in dict(ALLOW) else [*ALLOW, (allow, allow)]
    return Part(
        _("Model and line"),
        (
            Box(
                "number",
                _("Meter number"),
                value=meter.number,
                note=_("Letters and leading zeros count"),
                required=True,
                length_max=32,
            ),
            Box(
                "profile",
                _("Model"),
                "choice",
                meter.profile,
                [("", "—"), *((one, one) for one in profiles.names())],
                required=True,
            ),
            Box("bus", _("Bus it hangs on"), "choice", str(meter.bus_id or ""), _bus_choices(who), required=True),
            Box(
                "unit",
                _("Address"),
                value=str(meter.unit or ""),
                note=_("Modbus: 1 to 247, once on a bus"),
                mode="numeric",
                length_max=3,
            ),
            Box(
                "address",
                _("DL/T 645 address"),
                value=meter.address,
                note=_("Twelve digits; only DL/T 645 meters"),
                mode="numeric",
                length_max=12,
            ),
            Box(
                "sweep_s",
                _("Polling interval"),
                value=str(meter.sweep_s or ""),
                unit=_("seconds"),
                note=_("Empty: as its bus, its building or the site says"),
                mode="numeric",
            ),
            Box("allow", _("What may be read and written"), "choice", allow, known),
            Box("active", _("In use"), "tick", "1" if meter.active else ""),
        ),
    )


def _ratios(meter: Meter) -> Part:
    warned = bool(meter.pk) and estate.has_history(meter)
    boxes = [
        Box(
            "ct_ratio", _("CT ratio"), value=str(meter.ct_ratio), note=_("600/5 A is 120"), mode="numeric", length_max=5
        ),
        Box(
            "pt_ratio",
            _("PT ratio"),
            value=str(meter.pt_ratio),
            note=_("10000/100 V is 100"),
            mode="numeric",
            length_max=5,
        ),
    ]
    if warned:
        boxes.append(Box("reason", _("Why the ratio changes"), note=_("Needed for a new ratio; kept in the log")))
    note = _(
        "Energy is multiplied by both. This meter has been read: a new ratio counts from the moment it is saved; "
        "what was used before stays as it was."
    )
    return Part(_("Transformers"), boxes, note if warned else _("Energy and power are multiplied by both."))


def _amounts() -> Part:
    site = defaults.of_meter(None)
    yuan = {name: scaled(site[name], 100) for name in ("alarm1_fen", "alarm2_fen", "ceiling_fen")}
    price = {name: scaled(site[name], 10_000) for name in site if name.startswith("price_")}
    bands = (
        ("price_sharp_e4", _("Price, sharp")),
        ("price_peak_e4", _("Price, peak")),
        ("price_flat_e4", _("Price, flat")),
        ("price_valley_e4", _("Price, valley")),
        ("price_deep_e4", _("Price, deep valley")),
    )
    money = (
        ("alarm1_fen", _("Alarm amount 1")),
        ("alarm2_fen", _("Alarm amount 2")),
        ("ceiling_fen", _("Balance ceiling")),
    )
    return Part(
        _("Amounts and prices"),
        (
            *(Box(name, label, unit=_("yuan"), inherited=yuan[name], mode="decimal") for name, label in money),
            Box(
                "overload_limit_w", _("Power limit"), unit="W", inherited=str(site["overload_limit_w"]), mode="numeric"
            ),
            *(Box(name, label, unit=_("yuan/kWh"), inherited=price[name], mode="decimal") for name, label in bands),
        ),
        _("What is left empty comes from the default parameters of its building, or of the site."),
    )


def _page(request: HttpRequest, meter: Meter) -> Page:
    who = operator(request)
    parts = [_line(who, meter), _place(who, meter), _ratios(meter)]
    known = meter.pk is not None
    return Page(
        title=_("Meter %(number)s") % {"number": meter.number} if known else _("Register a meter"),
        page="estate-meters",
        back=reverse("console:estate-meters"),
        parts=parts if known else [*parts, _amounts()],
        save=_("Save"),
        more={"meter": meter} if known else {},
        template="console/estate/meter.html",
    )


def _fresh(request: HttpRequest) -> Meter:
    """An empty form; on a bus that was named in the address, its next free address, or what a scan found there."""
    asked = request.GET
    bus = scope.buses(operator(request)).filter(pk=_number(asked.get("bus", ""))).first()
    unit = _number(asked.get("unit", "")) or (_free_unit(bus) if bus else 0)
    drawn = Meter(unit=unit, address=asked.get("address", "")[:12], profile=asked.get("profile", "")[:64])
    if bus:
        drawn.bus = bus
    return drawn


def _number(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) < 10 else 0


def _free_unit(bus: Bus) -> int:
    taken = set(bus.meters.filter(active=True, address="").values_list("unit", flat=True))
    return next((unit for unit in range(1, 248) if unit not in taken), 0)


@page(Right.SETTINGS, methods=BOTH)
def create(request: HttpRequest) -> HttpResponseBase:
    drawn = _page(request, _fresh(request))
    if request.method != "POST":
        return draw(request, drawn)
    return submit(
        request,
        drawn,
        call=estate.create_meter,
        done=lambda made: (_edit(made), _("Meter %(number)s is registered.") % {"number": made.number}),
        form_id=form_id(request),
        typed=typed(request),
    )


@page(Right.SETTINGS, methods=BOTH)
def edit(request: HttpRequest, pk: int) -> HttpResponseBase:
    return change(
        request,
        find=lambda: _meter(request, pk),
        page=lambda meter: _page(request, meter),
        call=estate.edit_meter,
        name="meter",
        done=lambda meter: (_edit(meter), _("Saved. The gateway fetches it with its next message.")),
    )
