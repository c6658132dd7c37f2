"""发送通道: what takes messages away, a test through each, and the site's rules of sending."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _

from prewatt.domain.alarms.models import Kind
from prewatt.domain.notices import keeping, operations, queries
from prewatt.domain.notices.models import Carrier, CarrierKind, Door
from prewatt.domain.notices.rooms import ROOMS
from prewatt.domain.staff.refusals import Refused
from prewatt.domain.staff.rights import Right
from prewatt.web.console.views.estate.forms import Box, Page, Part, draw, form_id, new_id, typed
from prewatt.web.console.views.estate.texts import LANGUAGES, TITLES
from prewatt.web.parts.pages import address, now, operator, page

POST, BOTH = ("POST",), ("GET", "HEAD", "POST")


def _all_buildings(request: HttpRequest) -> None:
    """A carrier sends for every building: for who sees only some, these pages are not there."""
    if not operator(request).all_buildings:
        raise Http404


def _who(request: HttpRequest) -> dict[str, Any]:
    return {"operator": operator(request), "now": now(), "address": address(request)}


@page(Right.SETTINGS)
def index(request: HttpRequest) -> HttpResponse:
    _all_buildings(request)
    context = {
        "page": "carriers",
        "carriers": list(queries.carriers()),
        "kinds": CarrierKind.choices,
        "rules": operations.rules(),
        "muted": [TITLES[kind] for kind in operations.rules().muted if kind in TITLES],
        "now": now(),
    }
    return render(request, "console/notices/carriers.html", context)


@page(Right.SETTINGS, methods=BOTH)
def new(request: HttpRequest, kind: str) -> HttpResponseBase:
    _all_buildings(request)
    if kind not in ROOMS:
        raise Http404
    drawn = _form(CarrierKind(kind), None)
    if request.method != "POST":
        return draw(request, drawn)
    try:
        made = keeping.add(form_id=form_id(request), kind=kind, given=typed(request), **_who(request))
    except Refused as error:
        return draw(request, drawn, error=error)
    messages.success(request, _("Kept. Send a test to see that it works."))
    return HttpResponseRedirect(reverse("console:carrier", args=[made.pk]))


@page(Right.SETTINGS, methods=BOTH)
def show(request: HttpRequest, pk: int) -> HttpResponseBase:
    """How it does, a test, and its settings. An empty secret stays as it is."""
    carrier = _carrier(request, pk)
    drawn = _form(CarrierKind(carrier.kind), carrier)
    if request.method != "POST":
        return draw(request, drawn)
    try:
        keeping.change(carrier=carrier, given=typed(request), **_who(request))
    except Refused as error:
        return draw(request, drawn, error=error)
    messages.success(request, _("Kept."))
    return HttpResponseRedirect(reverse("console:carrier", args=[carrier.pk]))


@page(Right.SETTINGS, methods=POST)
def try_out(request: HttpRequest, pk: int) -> HttpResponseBase:
    carrier = _carrier(request, pk)
    try:
        made = keeping.try_out(
            carrier=carrier, form_id=form_id(request), to=request.POST.get("to", ""), **_who(request)
        )
    except Refused as error:
        return draw(request, _form(CarrierKind(carrier.kind), carrier), error=error)
    messages.success(request, _("A test message waits for its turn. What became of it shows here."))
    return HttpResponseRedirect(reverse("console:notice", args=[made.pk]))


@page(Right.SETTINGS, methods=BOTH)
def rules(request: HttpRequest) -> HttpResponseBase:
    """Quiet hours, how many messages one person gets, and which kinds are not sent at all."""
    _all_buildings(request)
    drawn = _rules()
    if request.method != "POST":
        return draw(request, drawn)
    muted = [name.removeprefix("mute_") for name in request.POST if name.startswith("mute_")]
    try:
        keeping.set_rules(given=typed(request), muted=muted, **_who(request))
    except Refused as error:
        return draw(request, drawn, error=error)
    messages.success(request, _("Kept."))
    return HttpResponseRedirect(reverse("console:carriers"))


def _carrier(request: HttpRequest, pk: int) -> Carrier:
    _all_buildings(request)
    found = Carrier.objects.filter(pk=pk).first()
    if found is None:
        raise Http404
    return found


def _form(kind: CarrierKind, one: Carrier | None) -> Page:
    held = one.settings if one else {}
    own = []
    for field in ROOMS[kind].fields:
        note: Any = field.note
        if field.secret:
            kept = _("Kept; empty leaves it as it is. ") if one is not None and one.sealed else ""
            note = kept + _("Or env:PREWATT_NOTICES_… or file:NAME in the folder secrets.")
        own.append(
            Box(
                field.name,
                field.title,
                "lines" if field.lines else "text",
                "" if field.secret else held.get(field.name, field.shipped),
                note=note,
                required=field.needed and not (field.secret and one is not None and bool(one.sealed)),
                length_max=keeping.LENGTH_MAX,
                wide=field.lines or field.secret,
            )
        )
    title = one.name if one else str(kind.label)
    more = {"carrier": one, "test_id": new_id(), "now": now(), "group": one is not None and one.door == Door.GROUP}
    return Page(
        title=title,
        page="carriers",
        back=reverse("console:carriers"),
        parts=_parts(kind, one, own),
        save=_("Keep it"),
        more=more,
        template="console/notices/carrier.html",
    )


def _parts(kind: CarrierKind, one: Carrier | None, own: list[Box]) -> tuple[Part, ...]:
    general = [
        Box("name", _("Name of the carrier"), value=one.name if one else str(kind.label), length_max=64, required=True),
        Box("per_minute", _("Messages a minute, at most"), value=str(one.per_minute if one else 8), mode="numeric"),
        Box(
            "price_e4",
            _("Price of one part (1/10,000 yuan)"),
            value=str(one.price_e4 if one else 0),
            mode="numeric",
            note=_("450 is 0.045 yuan."),
        ),
        Box(
            "sort",
            _("Position"),
            value=str(one.sort if one else 0),
            mode="numeric",
            note=_("The carrier with the smaller number goes first; the next one helps when it fails."),
        ),
        *([Box("on", _("Switched on"), "tick", value="1" if one.on else "")] if one else []),
    ]
    chosen = one.alarms if one else []
    kinds = [Box(f"alarm_{name}", title, "tick", value="1" if name in chosen else "") for name, title in Kind.choices]
    told = Part(_("Which alarms operators are told here"), kinds, note=_("One message for many of the same moment."))
    return (Part(str(kind.label), own), Part(_("How it sends"), general), *(() if _is_text(kind) else (told,)))


def _is_text(kind: CarrierKind) -> bool:
    """Operators get texts at the numbers of the default parameters."""
    return kind in (CarrierKind.MODEM, CarrierKind.ALIYUN, CarrierKind.TENCENT)


def _rules() -> Page:
    held = operations.rules()
    hours = [
        Box("quiet_from", _("Quiet from"), value=f"{held.quiet_from:%H:%M}", length_max=5),
        Box("quiet_until", _("Quiet until"), value=f"{held.quiet_until:%H:%M}", length_max=5),
    ]
    limits = [
        Box("per_hour", _("To one recipient in an hour"), value=str(held.per_hour), mode="numeric"),
        Box("per_day", _("To one recipient in a day"), value=str(held.per_day), mode="numeric"),
        Box("valid_hours", _("Given up after (hours)"), value=str(held.valid_hours), mode="numeric"),
        Box("language", _("Language of the messages"), "choice", held.language, choices=list(LANGUAGES.items())),
    ]
    mute = [
        Box(f"mute_{key}", title, "tick", value="1" if key in held.muted else "")
        for key, title in TITLES.items()
        if key not in keeping.ALWAYS
    ]
    return Page(
        title=_("Rules of sending"),
        page="carriers",
        back=reverse("console:carriers"),
        parts=(
            Part(_("Quiet hours"), hours, _("A log-in code goes out at any hour. Equal times: no quiet hours.")),
            Part(_("Limits"), limits),
            Part(_("Kinds that this site does not send"), mute),
        ),
        save=_("Keep it"),
    )
