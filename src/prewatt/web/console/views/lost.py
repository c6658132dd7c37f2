"""失联表 / 失联通讯管理机: who does not answer now, since when, and what waits for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django.db.models import F
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from prewatt.domain.alarms import lost
from prewatt.domain.alarms.lost import LostGateway, Wanted
from prewatt.domain.estate import scope
from prewatt.domain.staff.rights import Right
from prewatt.web.console.views.alarms import buildings
from prewatt.web.console.views.estate.gateways import EVENTS
from prewatt.web.parts import formats, words
from prewatt.web.parts.pages import now, page
from prewatt.web.parts.registers import answer
from prewatt.web.parts.tables import Ask, Column, Filter, Register

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponseBase

    from prewatt.domain.staff.models import Operator


def _wanted(ask: Ask) -> Wanted:
    return Wanted(
        text=ask["text"] or "",
        building=ask["building"] or "",
        floors=ask["floor"] or "",
        gateway=ask["gateway"] or "",
        bus=ask["bus"] or "",
        waits=ask["waits"] == "yes",
    )


def _rows(ask: Ask) -> Any:
    found = lost.meters(operator=ask.operator, wanted=_wanted(ask))
    return found.annotate(tenant=F("current__customer__name"))


def error(meter: Any) -> str:
    """Why, as far as the line has told."""
    state = getattr(meter, "state", None)
    if state is None:
        return _("It has never answered.")
    if not state.last_error:
        return _("Nothing comes; the gateway has told no reason.")
    return str(words.line_error(state.last_error))


def _meter(meter: Any) -> str:
    return reverse("console:meter", args=[meter.pk])


def _gateways(who: Operator) -> list[tuple[str, words.Text]]:
    return [(code, code) for code in scope.gateways(who).order_by("code").values_list("code", flat=True)]


def _buses(who: Operator) -> list[tuple[str, words.Text]]:
    codes = scope.buses(who).order_by("code").values_list("code", flat=True).distinct()
    return [(code, code) for code in codes]


def _totals(ask: Ask) -> Mapping[str, int]:
    waiting, money = lost.sums(operator=ask.operator, wanted=_wanted(ask))
    return {"waiting": waiting, "money": money}


METERS = Register(
    name="lost-meters",
    icon="circle-check",
    title=gettext_lazy("Lost meters"),
    columns=(
        Column(
            "since",
            gettext_lazy("Lost since"),
            "when",
            value=lambda one: one.gone_since,
            sort=("gone_since",),
            width=20,
        ),
        Column(
            "lasts",
            gettext_lazy("Duration"),
            value=lambda one: formats.duration(now() - one.gone_since) if one.gone_since else "",
            sort=("gone_since",),
        ),
        Column(
            "room",
            gettext_lazy("Room"),
            value=lambda one: one.room.number if one.room else one.number,
            link=_meter,
            sort=("room__number",),
            width=10,
        ),
        Column("tenant", gettext_lazy("Tenant"), value=lambda one: one.tenant or "", sort=("tenant",), width=24),
        Column("number", gettext_lazy("Meter number"), sort=("number",), width=16),
        Column(
            "building",
            gettext_lazy("Building"),
            value=lambda one: one.room.floor.building.name if one.room else "",
            sort=("room__floor__building__sort", "room__floor__building__code"),
        ),
        Column(
            "floor",
            gettext_lazy("Floor"),
            value=lambda one: str(one.room.floor) if one.room else "",
            sort=("room__floor__number",),
            shown=False,
        ),
        Column(
            "answered",
            gettext_lazy("Last answer"),
            "when",
            value=lambda one: one.answered_at,
            sort=("answered_at",),
            width=20,
        ),
        Column("error", gettext_lazy("Why, as far as is known"), value=error, sort=("state__last_error",), width=40),
        Column(
            "bus",
            gettext_lazy("Gateway, bus, address"),
            value=lambda one: f"{one.bus.gateway.code} · {one.bus.code} · {one.address or one.unit}",
            sort=("bus__gateway__code", "bus__code", "unit"),
            width=24,
        ),
        Column("profile", gettext_lazy("Model"), sort=("profile",), shown=False, width=20),
        Column(
            "waiting",
            gettext_lazy("Orders waiting"),
            "count",
            tone=lambda one: "warn b" if one.waiting else "",
            sort=("waiting",),
        ),
        Column(
            "money",
            gettext_lazy("Money waiting"),
            "money",
            value=lambda one: one.waiting_fen or None,
            sort=("waiting_fen",),
        ),
        Column(
            "balance",
            gettext_lazy("Last balance"),
            "money",
            value=lambda one: one.net_fen,
            sort=("net_fen",),
            shown=False,
        ),
    ),
    filters=(
        Filter("building", gettext_lazy("Building"), "choice", choices=buildings),
        Filter("floor", gettext_lazy("Floor, or 11-20"), width="short"),
        Filter("gateway", gettext_lazy("Gateway"), "choice", choices=_gateways),
        Filter("bus", gettext_lazy("Bus"), "choice", choices=_buses),
        Filter(
            "waits",
            gettext_lazy("Orders waiting"),
            "choice",
            choices=lambda _who: [("yes", pgettext_lazy("orders wait", "only with orders"))],
        ),
        Filter("text", gettext_lazy("Room, tenant or meter")),
    ),
    order="since",
    rows=_rows,
    totals=_totals,
    empty=gettext_lazy("Every meter answers."),
)


def _lost_gateways(ask: Ask) -> list[LostGateway]:
    word = (ask["text"] or "").lower()
    found = lost.gateways(operator=ask.operator, now=now())
    return [one for one in found if word in f"{one.gateway.code} {one.gateway.name}".lower()]


def _gateway_totals(ask: Ask) -> Mapping[str, int]:
    found = _lost_gateways(ask)
    return {name: sum(getattr(one, name) for one in found) for name in ("meters", "lost", "buses", "waiting")}


def _never(one: LostGateway) -> str:
    if one.gone_since is None:
        return _("It has never reported: enrol it, or see that it reaches this centre.")
    return _("Nothing comes from it: power, network or the machine itself.")


GATEWAYS = Register(
    name="lost-gateways",
    icon="circle-check",
    title=gettext_lazy("Lost gateways"),
    columns=(
        Column(
            "since",
            gettext_lazy("Last heard of"),
            "when",
            value=lambda one: one.gone_since,
            sort=("since",),
            width=20,
            order=lambda one: one.gone_since.timestamp() if one.gone_since else 0.0,
        ),
        Column(
            "lasts",
            gettext_lazy("Duration"),
            value=lambda one: formats.duration(now() - one.gone_since) if one.gone_since else _("never heard of"),
        ),
        Column(
            "code",
            gettext_lazy("Gateway"),
            value=lambda one: one.gateway.code,
            link=lambda one: reverse("console:estate-gateway", args=[one.gateway.pk]),
            sort=("code",),
        ),
        Column(
            "name", pgettext_lazy("of a thing", "Name"), value=lambda one: one.gateway.name, sort=("name",), width=20
        ),
        Column("why", gettext_lazy("Why, as far as is known"), value=_never, width=40),
        Column("meters", gettext_lazy("Meters"), "count", sort=("meters",)),
        Column(
            "lost", gettext_lazy("Lost meters"), "count", sort=("lost",), tone=lambda one: "bad b" if one.lost else ""
        ),
        Column("buses", gettext_lazy("Buses"), "count", sort=("buses",)),
        Column(
            "waiting",
            gettext_lazy("Orders waiting"),
            "count",
            sort=("waiting",),
            tone=lambda one: "warn b" if one.waiting else "",
        ),
        Column("told", gettext_lazy("What it told last"), value=lambda one: EVENTS.get(one.told, one.told), width=34),
        Column("told_at", gettext_lazy("Told at"), "when", shown=False, width=20),
    ),
    filters=(Filter("text", gettext_lazy("Gateway or name")),),
    order="since",
    rows=_lost_gateways,
    totals=_gateway_totals,
    empty=gettext_lazy("Every gateway reports."),
)


@page(Right.READ)
def meters(request: HttpRequest) -> HttpResponseBase:
    return answer(request, METERS, template="console/alarms/lost.html", more=lambda _ask: {"page": "lost"})


@page(Right.READ)
def gateways(request: HttpRequest) -> HttpResponseBase:
    return answer(request, GATEWAYS, template="console/alarms/lost.html", more=lambda _ask: {"page": "lost-gateways"})
