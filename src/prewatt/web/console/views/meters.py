"""The register of meters, one meter's card, and the orders that a hand gives it."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from prewatt.domain.commands import RIGHTS, place_name
from prewatt.domain.commands import command as give
from prewatt.domain.control import cutting
from prewatt.domain.control.models import Reason
from prewatt.domain.estate import queries as estate
from prewatt.domain.estate.models import Meter
from prewatt.domain.metering import queries as metering
from prewatt.domain.metering.queries import Standing
from prewatt.domain.metering.states import State
from prewatt.domain.staff.models import Operator
from prewatt.domain.staff.refusals import Refused
from prewatt.domain.staff.rights import Right
from prewatt.link.messages import Kind
from prewatt.web.console import tower
from prewatt.web.console.second import second_person
from prewatt.web.parts import words
from prewatt.web.parts.pages import address, now, operator, page, refusal, wants_part
from prewatt.web.parts.registers import answer
from prewatt.web.parts.tables import Ask, Column, Filter, Register

DIALOGS = (Kind.SWITCH_OFF, Kind.SWITCH_ON, Kind.HOLD, Kind.RELEASE)
ID_LENGTH_MAX = 64
# The worst first.
WORST = (State.OWE, State.OFF, State.LOST, State.AL2, State.AL1, State.HOLD, State.OPEN, State.NONE)


def meter_of(request: HttpRequest, pk: int) -> Meter:
    """A meter this operator may see; 404 for all others, whether they exist or not."""
    found = Meter.objects.for_operator(operator(request)).filter(pk=pk)
    meter = found.select_related("room__floor__building", "bus__gateway", "state").first()
    if meter is None:
        raise Http404
    return meter


def _rows(ask: Ask) -> list[Standing]:
    mine = metering.visible(ask.operator)
    if ask["text"]:
        hits = estate.search(text=ask["text"], operator=ask.operator, limit=estate.SEARCH_RESULTS_MAX)
        mine = mine.filter(pk__in=[meter.pk for meter in hits])
    if ask["building"]:
        mine = mine.filter(room__floor__building__code=ask["building"])
    if ask["gateway"]:
        mine = mine.filter(bus__gateway__code=ask["gateway"])
    return [one for one in metering.standings(mine) if ask["state"] in (None, one.state.value)]


def _gateways(who: Operator) -> list[tuple[str, words.Text]]:
    mine = metering.visible(who).order_by().values_list("bus__gateway__code", flat=True).distinct()
    return [(code, code) for code in sorted(mine)]


def _latest(name: str) -> Any:
    return lambda one: getattr(one.latest, name) if one.latest else None


def _power(one: Standing) -> int | None:
    known = one.latest is not None and one.latest.power_w is not None and not one.latest.lost
    return one.latest.power_w * one.meter.ratio if known and one.latest and one.latest.power_w is not None else None


def _switch(one: Standing) -> words.Text:
    if one.latest is None or one.latest.relay_closed is None or one.latest.lost:
        return _("unknown")
    return _("closed") if one.latest.relay_closed else _("open (no power)")


def _poor(one: Standing) -> str:
    return "bad b" if one.balance_fen is not None and one.balance_fen < 0 else ""


def _silent(one: Standing) -> str:
    return "bad" if one.latest is not None and one.latest.lost else ""


REGISTER = Register(
    name="meters",
    title=_("Meters"),
    columns=(
        Column(
            "state",
            _("State"),
            value=lambda one: words.STATES[one.state],
            chip=lambda one: f"s-{one.state.value}",
            icon=lambda one: words.STATE_ICONS[one.state],
            order=lambda one: (WORST.index(one.state), one.room),
            sort=("state",),
        ),
        Column("room", _("Room"), value=lambda one: one.room, link=lambda one: _own_page(one.meter), sort=("room",)),
        Column("tenant", _("Tenant"), value=lambda one: one.tenant, sort=("tenant",), width=24),
        Column("number", _("Meter number"), value=lambda one: one.meter.number, sort=("number",), width=16),
        Column(
            "balance", _("Balance (yuan)"), "money", value=lambda one: one.balance_fen, tone=_poor, sort=("balance",)
        ),
        Column("power", _("Power (kW)"), "energy", value=_power, sort=("power",)),
        Column("switch", _("Switch"), value=_switch, sort=("switch",)),
        Column("count", _("Purchases"), "count", value=_latest("purchase_count"), sort=("count",)),
        Column("energy", _("Register (kWh)"), "energy", value=_latest("energy_wh"), sort=("energy",)),
        Column("ct", _("CT ratio"), "count", value=lambda one: one.meter.ct_ratio, sort=("ct",)),
        Column("taken", _("Last read"), "when", value=_latest("taken_at"), tone=_silent, sort=("taken",), width=20),
        Column("bus", _("Bus"), value=lambda one: one.meter.bus.code, sort=("bus",), shown=False),
        Column("unit", _("Address"), "count", value=lambda one: one.meter.unit, sort=("unit",), shown=False),
        Column("gateway", _("Gateway"), value=lambda one: one.meter.bus.gateway.code, sort=("gateway",), shown=False),
        Column("profile", _("Model"), value=lambda one: one.meter.profile, sort=("profile",), shown=False, width=20),
        Column(
            "building",
            _("Building"),
            value=lambda one: one.meter.room.floor.building.name if one.meter.room else "",
            sort=("building",),
            shown=False,
            width=20,
        ),
    ),
    filters=(
        Filter("text", _("Room, tenant, phone or meter number")),
        Filter(
            "state", _("State"), "choice", choices=lambda _who: [(one.value, words.STATES[one]) for one in words.LEGEND]
        ),
        Filter(
            "building",
            _("Building"),
            "choice",
            choices=lambda who: [(one.code, one.name) for one in estate.buildings(operator=who)],
        ),
        Filter("gateway", _("Gateway"), "choice", choices=_gateways),
    ),
    order="state",
    rows=_rows,
)


def _own_page(meter: Meter) -> str:
    return reverse("console:meter", args=[meter.pk])


@page(Right.READ)
def register(request: HttpRequest) -> HttpResponseBase:
    """All meters; the search field of every page leads here, and on to the room if there is only one."""
    text = request.GET.get("q", "").strip()
    if request.GET.get("go") and text:
        hits = estate.search(text=text, operator=operator(request), limit=2)
        exact = [meter for meter in hits if text in (meter.number, meter.room.number if meter.room else "")]
        if len(hits) == 1 or len(exact) == 1:
            return redirect("console:meter", pk=(exact or hits)[0].pk)
        return redirect(f"{reverse('console:meters')}?{urlencode({'text': text})}")
    return answer(request, REGISTER, more=lambda _ask: {"page": "meters"})


def card_context(meter: Meter, at: datetime) -> dict[str, Any]:
    found = tower.card(meter, now=at)
    return {
        "card": found,
        "chart": tower.day_chart(found.day),
        "hours": tower.day_rows(found.day),
        "read_id": new_id(),
        **_events(meter),
    }


def _events(meter: Meter) -> dict[str, Any]:
    return {"meter": meter, "events": tower.recent(meter), "moving": tower.is_moving(meter)}


def new_id() -> str:
    """Drawn into a form when the form is drawn: the same form sent twice is one order."""
    return uuid.uuid4().hex


@page(Right.READ)
def meter(request: HttpRequest, pk: int) -> HttpResponse:
    one, at = meter_of(request, pk), now()
    context = card_context(one, at)
    more = {"page": "meters", "now": at, "alone": True, **tower.month(one, now=at)}
    return render(request, "console/meters/show.html", {**context, **more})


@page(Right.READ)
def card(request: HttpRequest, pk: int) -> HttpResponse:
    """The card beside the tower, or only what is live in it."""
    one, at = meter_of(request, pk), now()
    context = {**card_context(one, at), "now": at}
    if request.GET.get("part") == "live":
        return render(request, "console/meters/_live.html", context)
    if not wants_part(request):
        return redirect("console:meter", pk=pk)
    return render(request, "console/meters/_card.html", context)


@page(Right.READ)
def orders(request: HttpRequest, pk: int) -> HttpResponse:
    """What happened lately; asks again by itself while an order is on its way."""
    return render(request, "console/meters/_events.html", {**_events(meter_of(request, pk)), "now": now()})


@page(Right.SWITCH, Right.HOLD, Right.METER_ORDERS, methods=("GET", "HEAD", "POST"))
def command(request: HttpRequest, pk: int, kind: str) -> HttpResponse:
    """The dialog of an order, and giving it. One domain call."""
    wanted = next((one for one in RIGHTS if one.value == kind), None)
    if wanted is None:
        raise Http404
    one, at = meter_of(request, pk), now()
    if request.method != "POST":
        return _dialog(request, one, wanted)
    try:
        give(
            order_id=request.POST.get("order_id", "")[:ID_LENGTH_MAX] or new_id(),
            meter=one,
            kind=wanted,
            operator=operator(request),
            reason=request.POST.get("reason", ""),
            note=request.POST.get("note", ""),
            override=request.POST.get("override", ""),
            second_person=second_person(request),
            confirmed=request.POST.get("confirmed", ""),
            address=address(request),
            now=at,
        )
    except Refused as error:
        return _dialog(request, one, wanted, error=error)
    if not wants_part(request):
        return redirect("console:meter", pk=pk)
    return HttpResponse("", headers={"HX-Trigger": "ordered"})


def _dialog(request: HttpRequest, one: Meter, kind: Kind, *, error: Refused | None = None) -> HttpResponse:
    rules, at = cutting.rules(), now()
    context = {
        "reasons": Reason.choices,
        "rules": rules,
        "protected": kind == Kind.SWITCH_OFF and cutting.is_protected(rules, now=at),
        "second_needed": kind == Kind.SWITCH_OFF and cutting.alone_lately(rules, now=at) >= rules.limit_count,
        "given": request.POST,
        "card": metering.standing(one),
        "meter": one,
        "kind": kind.value,
        "place": place_name(one),
        "order_id": request.POST.get("order_id", "") or new_id(),
        "reason": request.POST.get("reason", "").strip(),
        "refused": refusal(error) if error else None,
        "may_send": operator(request).may(RIGHTS[kind]),
        "now": at,
    }
    name = "console/meters/_dialog.html" if wants_part(request) else "console/meters/dialog.html"
    return render(request, name, context, status=422 if error else 200)
