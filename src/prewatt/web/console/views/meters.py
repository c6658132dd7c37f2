"""Finding a meter, one meter's card, and the orders that a hand gives it."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _

from prewatt.domain.commands import RIGHTS, place_name
from prewatt.domain.commands import command as give
from prewatt.domain.control import cutting
from prewatt.domain.control.models import Reason
from prewatt.domain.cutoff import queries as cutoff
from prewatt.domain.estate import queries as estate
from prewatt.domain.estate.models import Meter, Opening
from prewatt.domain.metering import queries as metering
from prewatt.domain.staff.refusals import Refused
from prewatt.domain.staff.rights import Right
from prewatt.link.messages import Kind
from prewatt.web.console import tower
from prewatt.web.console.second import second_person
from prewatt.web.parts import charted
from prewatt.web.parts import cutoff as stages
from prewatt.web.parts.pages import address, now, operator, page, refusal, wants_part

DIALOGS = (Kind.SWITCH_OFF, Kind.SWITCH_ON, Kind.HOLD, Kind.RELEASE)
ID_LENGTH_MAX = 64


def meter_of(request: HttpRequest, pk: int) -> Meter:
    """A meter this operator may see; 404 for all others, whether they exist or not."""
    found = Meter.objects.for_operator(operator(request)).filter(pk=pk)
    meter = found.select_related("room__floor__building", "bus__gateway", "state").first()
    if meter is None:
        raise Http404
    return meter


@page(Right.READ)
def register(request: HttpRequest) -> HttpResponseBase:
    """The search field of every page leads here, and on to the room if there is only one, else to the list."""
    text = request.GET.get("q", "").strip()
    there = reverse("console:fleet")
    if not (request.GET.get("go") and text):
        return redirect(f"{there}?{request.GET.urlencode()}" if request.GET else there)
    hits = estate.search(text=text, operator=operator(request), limit=2)
    exact = [meter for meter in hits if text in (meter.number, meter.room.number if meter.room else "")]
    if len(hits) == 1 or len(exact) == 1:
        return redirect("console:meter", pk=(exact or hits)[0].pk)
    return redirect(f"{there}?{urlencode({'text': text})}")


def card_context(meter: Meter, at: datetime) -> dict[str, Any]:
    found = tower.card(meter, now=at)
    return {
        "card": found,
        "chart": tower.day_chart(found.day),
        "hours": tower.day_rows(found.day),
        "read_id": new_id(),
        **_following(found.standing.opening),
        **_events(meter),
    }


def _following(opening: Opening | None) -> dict[str, Any]:
    """What comes next for an account that runs out of money."""
    standing = cutoff.standing_of(opening) if opening is not None else None
    if standing is None:
        return {}
    return {"stage": standing, "stage_word": stages.STAGES[standing.stage], "following": stages.following(standing)}


def _events(meter: Meter) -> dict[str, Any]:
    return {"meter": meter, "events": tower.recent(meter), "moving": tower.is_moving(meter)}


def new_id() -> str:
    """Drawn into a form when the form is drawn: the same form sent twice is one order."""
    return uuid.uuid4().hex


@page(Right.READ)
def meter(request: HttpRequest, pk: int) -> HttpResponseBase:
    one, at = meter_of(request, pk), now()
    context = card_context(one, at)
    more = {"page": "meters", "now": at, "alone": True, **tower.month(one, now=at)}
    drawn = {"day": (_("Energy today"), context["chart"]), "month": (_("Last 30 days"), more.get("month"))}
    word, chart = drawn.get(request.GET.get("export", ""), ("", None))
    if chart:
        who = str(operator(request))
        return charted.file(
            [chart], title=f"{one.number} {word}", name=f"meter-{one.number}", about=[], who=who, now=at
        )
    return render(request, "console/meters/show.html", {**context, **more})


@page(Right.READ)
def card(request: HttpRequest, pk: int) -> HttpResponse:
    """The card beside the tower, or only what is live in it."""
    one, at = meter_of(request, pk), now()
    context = {**card_context(one, at), "now": at, "alone": request.GET.get("alone") == "1"}
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
