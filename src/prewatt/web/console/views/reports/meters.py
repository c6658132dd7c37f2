"""全量电表综合报表: one line for every meter with everything that is known of it now."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from prewatt.domain.metering.board import Line
from prewatt.domain.staff.rights import Right
from prewatt.web.console import fleet
from prewatt.web.parts import words
from prewatt.web.parts.pages import page
from prewatt.web.parts.registers import answer
from prewatt.web.parts.tables import Column, Register

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponseBase


def _latest(name: str) -> Any:
    return lambda line: getattr(line.standing.latest, name, None)


def _meter(name: str) -> Any:
    return lambda line: getattr(line.meter, name)


def _limit(name: str) -> Any:
    """Zero is no limit: then nothing is said."""
    return lambda line: getattr(line.meter, name) or None


def _tenth(name: str) -> Any:
    """Tenths of a volt as the thousandths that a column shows."""

    def value(line: Line) -> int | None:
        shown = getattr(line.standing.latest, name, None)
        return None if shown is None else int(shown) * 100

    return value


def _balance(line: Line) -> int | None:
    return line.standing.balance_fen


def _floor(line: Line) -> str:
    return str(line.meter.room.floor) if line.meter.room else ""


def _building(line: Line) -> str:
    return line.meter.room.floor.building.name if line.meter.room else ""


def _user(name: str) -> Any:
    return lambda line: getattr(line.standing.opening.customer, name) if line.standing.opening else ""


def _use(line: Line) -> str:
    said = line.standing.opening.use if line.standing.opening else ""
    return said or (line.meter.room.use if line.meter.room else "")


def _switch(line: Line) -> words.Text:
    latest = line.standing.latest
    if latest is None or latest.relay_closed is None or latest.lost:
        return _("unknown")
    return _("closed") if latest.relay_closed else _("open (no power)")


def _tenant(line: Line) -> str:
    return line.standing.tenant


def _unbroken(_line: Line) -> str:
    """So many columns would fold a name letter by letter."""
    return "nw"


_more = partial(Column, shown=False)

REGISTER = Register(
    name="meters",
    title=_("All meters, with everything"),
    icon="plug",
    columns=(
        Column(
            "number",
            _("Meter number"),
            value=_meter("number"),
            link=lambda line: reverse("console:meter", args=[line.meter.pk]),
            sort=("number",),
            width=16,
        ),
        Column("building", _("Building"), value=_building, sort=("building",), tone=_unbroken, width=12),
        _more("floor", _("Floor"), value=_floor, width=8),
        Column("room", _("Room"), value=lambda line: line.standing.room, sort=("room",), width=12),
        _more("circuit", _("Place and circuit"), value=_meter("circuit"), width=24),
        Column("tenant", _("Tenant"), value=_tenant, sort=("tenant",), tone=_unbroken, width=24),
        _more("user", _("User number"), value=_user("number"), width=12),
        _more("use", _("Kind of use"), value=_use, width=12),
        Column(
            "state",
            _("State"),
            value=lambda line: words.STATES[line.state],
            chip=lambda line: f"s-{line.state.value}",
            icon=lambda line: words.STATE_ICONS[line.state],
            sort=("state",),
        ),
        Column(
            "balance", _("Balance (yuan)"), "money", value=lambda line: line.standing.balance_fen, sort=("balance",)
        ),
        Column("count", _("Purchases"), "count", value=_latest("purchase_count"), sort=("count",)),
        Column("bought", _("Bought in all (yuan)"), "money", value=_latest("bought_fen")),
        Column("energy", _("Register (kWh)"), "energy", value=_latest("energy_wh"), sort=("energy",)),
        _more("ct", _("CT ratio"), "count", value=_meter("ct_ratio"), sort=("ct",)),
        _more("pt", _("PT ratio"), "count", value=_meter("pt_ratio")),
        _more("sharp", _("Sharp (kWh)"), "energy", value=_latest("energy_sharp_wh")),
        _more("peak", _("Peak (kWh)"), "energy", value=_latest("energy_peak_wh")),
        _more("flat", _("Flat (kWh)"), "energy", value=_latest("energy_flat_wh")),
        _more("valley", _("Valley (kWh)"), "energy", value=_latest("energy_valley_wh")),
        _more("today", _("Today (kWh)"), "energy", value=lambda line: line.today_wh),
        Column("power", _("Power (kW)"), "energy", value=lambda line: line.power_w, sort=("power",)),
        _more("voltage", _("Voltage A (V)"), "energy", value=_tenth("voltage_a_dv")),
        _more("current", _("Current A (A)"), "energy", value=_latest("current_a_ma")),
        _more("switch", _("Switch"), value=_switch),
        Column("taken", _("Last read"), "when", value=_latest("taken_at"), sort=("taken",), width=20),
        _more("energy_at", _("Last full reading"), "when", value=_latest("energy_at"), width=20),
        Column(
            "plan", _("Price plan"), value=lambda line: line.plan.name if line.plan else "", sort=("plan",), width=20
        ),
        _more("price_sharp", _("Sharp price"), "price", value=_meter("price_sharp_e4")),
        _more("price_peak", _("Peak price"), "price", value=_meter("price_peak_e4")),
        _more("price_flat", _("Flat price"), "price", value=_meter("price_flat_e4")),
        _more("price_valley", _("Valley price"), "price", value=_meter("price_valley_e4")),
        _more("alarm1", _("Alarm 1 (yuan)"), "money", value=_meter("alarm1_fen")),
        _more("alarm2", _("Alarm 2 (yuan)"), "money", value=_meter("alarm2_fen")),
        _more("ceiling", _("Ceiling (yuan)"), "money", value=_limit("ceiling_fen")),
        _more("overload", _("Overload (kW)"), "energy", value=_limit("overload_limit_w")),
        _more("gateway", _("Gateway"), value=lambda line: line.meter.bus.gateway.code, sort=("gateway",)),
        _more("bus", _("Bus"), value=lambda line: line.meter.bus.code, sort=("bus",)),
        _more("unit", _("Address"), value=lambda line: line.meter.address or str(line.meter.unit), sort=("unit",)),
        _more("profile", _("Model"), value=_meter("profile"), sort=("profile",), width=20),
        _more("level", _("Level"), "count", value=_meter("level")),
        _more("remark", _("Remark"), value=_meter("remark"), width=24),
    ),
    filters=fleet.REGISTER.filters,
    order="number",
    rows=fleet.REGISTER.rows,
    empty=_("No meter stands in your buildings yet."),
)


@page(Right.REPORTS)
def index(request: HttpRequest) -> HttpResponseBase:
    return answer(
        request, REGISTER, template="console/reports/meters.html", more=lambda _ask: {"page": "report-meters"}
    )
