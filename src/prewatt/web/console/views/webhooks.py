"""网络回调: programs that are told what happens; what they were told, and what still waits for them."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _

from prewatt.domain.staff.refusals import Refused
from prewatt.domain.staff.rights import Right
from prewatt.domain.webhooks import operations as webhooks
from prewatt.domain.webhooks import queries
from prewatt.domain.webhooks.models import DeliveryState, Endpoint
from prewatt.web.console.views.estate.forms import Box, Page, Part, draw, form_id, new_id, typed
from prewatt.web.parts import words
from prewatt.web.parts.pages import address, now, operator, page

SHOWN_MAX = 10  # the rest stands in the list of all (`deliveries`)
POST, BOTH = ("POST",), ("GET", "HEAD", "POST")


@page(Right.SETTINGS, methods=BOTH)
def index(request: HttpRequest) -> HttpResponseBase:
    """All of them, and a form for one more. Its secret stands on the answer to this form and nowhere else."""
    _all_buildings(request)
    if request.method != "POST":
        return draw(request, _new(request))
    try:
        made, secret = webhooks.add(form_id=form_id(request), **_given(request))
    except Refused as error:
        return draw(request, _new(request), error=error)
    return _secret(request, made, secret) if secret else HttpResponseRedirect(_address(made))


@page(Right.SETTINGS, methods=BOTH)
def show(request: HttpRequest, pk: int) -> HttpResponseBase:
    """One of them: how it does, its settings, and what it was told."""
    endpoint = _endpoint(request, pk)
    if request.method != "POST":
        return draw(request, _one(request, endpoint))
    try:
        webhooks.change(endpoint=endpoint, on="on" in request.POST, **_given(request))
    except Refused as error:
        return draw(request, _one(request, endpoint), error=error)
    messages.success(request, _("Kept."))
    return HttpResponseRedirect(_address(endpoint))


@page(Right.SETTINGS, methods=POST)
def renew(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Another secret; a second click gives yet another, and the newest is the one that counts."""
    endpoint = _endpoint(request, pk)
    if "sure" not in request.POST:
        messages.error(request, _("Tick that the receiver needs the new secret. The old one still counts."))
        return HttpResponseRedirect(_address(endpoint))
    secret = webhooks.renew(endpoint=endpoint, operator=operator(request), now=now(), address=address(request))
    return _secret(request, endpoint, secret)


@page(Right.SETTINGS, methods=POST)
def try_out(request: HttpRequest, pk: int) -> HttpResponseBase:
    endpoint = _endpoint(request, pk)
    webhooks.try_out(
        endpoint=endpoint, form_id=form_id(request), operator=operator(request), now=now(), address=address(request)
    )
    messages.success(request, _("A test message waits for its turn. It shows below within seconds."))
    return HttpResponseRedirect(_address(endpoint))


@page(Right.SETTINGS)
def live(request: HttpRequest, pk: int) -> HttpResponse:
    """What it was told, alone, while something waits."""
    endpoint = _endpoint(request, pk)
    return render(request, "console/webhooks/_deliveries.html", _told(request, endpoint))


def _all_buildings(request: HttpRequest) -> None:
    """A webhook tells of every building: for who sees only some, these pages are not there."""
    if not operator(request).all_buildings:
        raise Http404


def _endpoint(request: HttpRequest, pk: int) -> Endpoint:
    found = queries.endpoints(operator=operator(request)).filter(pk=pk).first()
    if found is None:
        raise Http404
    return found


def _address(endpoint: Endpoint) -> str:
    return reverse("console:webhook", args=[endpoint.pk])


def _secret(request: HttpRequest, endpoint: Endpoint, secret: str) -> HttpResponse:
    context = {"page": "webhooks", "endpoint": endpoint, "secret": secret}
    return render(request, "console/webhooks/secret.html", context)


def _given(request: HttpRequest) -> dict[str, Any]:
    given = typed(request)
    return {
        "name": given.get("name", ""),
        "url": given.get("url", ""),
        "events": [event.value for event in webhooks.CHOSEN if f"event_{event.value}" in given],
        "private": "private" in given,
        "operator": operator(request),
        "now": now(),
        "address": address(request),
    }


def _parts(one: Endpoint | None) -> tuple[Part, ...]:
    chosen = webhooks.CHOSEN if one is None else one.events
    where = [
        Box("name", _("Who is told"), value=one.name if one else "", length_max=64, required=True),
        Box(
            "url",
            _("Address"),
            value=one.url if one else "",
            length_max=500,
            required=True,
            wide=True,
            note=_("https://…; plain http only to this machine. Redirects are not followed."),
        ),
        Box("private", _("It lies in the own network"), "tick", value="1" if one and one.private else ""),
        *([Box("on", _("Switched on"), "tick", value="1" if one.on else "")] if one else []),
    ]
    what = [
        Box(f"event_{event.value}", event.label, "tick", value="1" if event.value in chosen else "")
        for event in webhooks.CHOSEN
    ]
    return (
        Part(_("Where"), where, note=_("Without the tick, addresses inside the own network are refused.")),
        Part(_("Which events"), what),
    )


def _new(request: HttpRequest) -> Page:
    return Page(
        title=_("Webhooks"),
        page="webhooks",
        back=reverse("console:webhooks"),
        parts=_parts(None),
        save=_("Make it, and show its secret once"),
        more={"endpoints": list(queries.endpoints(operator=operator(request))), "now": now()},
        template="console/webhooks/index.html",
    )


def _one(request: HttpRequest, endpoint: Endpoint) -> Page:
    return Page(
        title=endpoint.name,
        page="webhooks",
        back=reverse("console:webhooks"),
        parts=_parts(endpoint),
        save=_("Keep it"),
        more={
            **_told(request, endpoint),
            "endpoint": endpoint,
            "paused": words.webhook_pause(endpoint.paused_for),
            "test_id": new_id(),
        },
        template="console/webhooks/show.html",
    )


def _told(request: HttpRequest, endpoint: Endpoint) -> dict[str, Any]:
    every = queries.deliveries(operator=operator(request)).filter(endpoint=endpoint)
    waiting = every.filter(state=DeliveryState.WAITING).order_by("pk")
    return {
        "deliveries": list(every[:SHOWN_MAX]),
        "count": every.count(),
        "head": waiting.first(),
        "waiting": waiting.count(),
        "endpoint": endpoint,
        "busy": endpoint.on and not endpoint.paused_for and waiting.exists(),
        "now": now(),
    }
