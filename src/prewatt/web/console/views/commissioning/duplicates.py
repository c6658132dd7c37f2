"""Addresses that two meters may have: what gateways told of their configuration, and what scans heard."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponseBase
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext_lazy as _

from prewatt.domain.commissioning import queries
from prewatt.domain.commissioning.queries import Suspicion
from prewatt.domain.staff.rights import Right
from prewatt.web.console.views.commissioning import telling
from prewatt.web.parts.pages import page
from prewatt.web.parts.registers import answer
from prewatt.web.parts.tables import Ask, Column, Filter, Register


def _rows(ask: Ask) -> list[Suspicion]:
    wanted = ask["text"] or ""
    return [one for one in queries.suspicions(ask.operator) if _fits(one, wanted)]


def _fits(one: Suspicion, wanted: str) -> bool:
    return any(wanted in text for text in (one.label, one.bus.code, *one.numbers))


def _scan(one: Suspicion) -> str:
    asked = {"bus": str(one.bus.pk)}
    if one.label.isdecimal():
        asked |= {"first": one.label, "last": one.label}
    return f"{reverse('console:commissioning-scan')}?{urlencode(asked)}"


REGISTER = Register(
    name="duplicates",
    icon="circle-check",
    title=_("Addresses used twice"),
    columns=(
        Column("at", _("Noticed"), "when", value=lambda one: one.at, sort=("at",), width=20),
        Column("gateway", _("Gateway"), value=lambda one: one.bus.gateway.code, sort=("gateway",)),
        Column("bus", _("Bus"), value=lambda one: one.bus.code, sort=("bus",)),
        Column("address", _("Address"), value=lambda one: one.label, link=_scan, sort=("address",)),
        Column("numbers", _("Meters in the estate"), value=lambda one: ", ".join(one.numbers), width=30),
        Column("why", _("How it was noticed"), value=lambda one: telling.WHYS[one.why], width=60),
    ),
    filters=(Filter("text", _("Bus, address or meter number")),),
    order="-at",
    rows=_rows,
)


@page(Right.METER_ORDERS)
def register(request: HttpRequest) -> HttpResponseBase:
    return answer(request, REGISTER, more=lambda _ask: {"page": "duplicates"})
