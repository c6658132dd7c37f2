"""批量操作: the list of all meters as a register, worst first. Reads only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from django.db.models import OuterRef, Subquery
from django.http import QueryDict
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from prewatt.domain.dispatch.models import MeterOrder
from prewatt.domain.estate import queries as estate
from prewatt.domain.estate.models import Gateway, Meter
from prewatt.domain.metering import board
from prewatt.domain.metering.board import Line, Lines, Wanted
from prewatt.domain.metering.states import State
from prewatt.domain.tariff.models import Plan
from prewatt.web.parts import formats, words
from prewatt.web.parts.pages import now
from prewatt.web.parts.tables import Ask, Column, Filter, Register, Table

if TYPE_CHECKING:
    from prewatt.domain.staff.models import Operator

FILTERS = ("text", "building", "floors", "state", "plan", "gateway", "bus", "differs")


def wanted(values: Mapping[str, Any]) -> Wanted:
    """The filters of the address as the domain understands them."""
    named = {name: str(values.get(name) or "") for name in FILTERS if name != "differs"}
    return Wanted(**named, differs=values.get("differs") == "1")


@dataclass(frozen=True, slots=True)
class Counted(Lines):
    """The list, and how many meters the other filters leave in each state: counted once for chips and pages."""

    states: Mapping[State, int] = field(default_factory=dict)


def rows(ask: Ask) -> Counted:
    asked = wanted(ask.values)
    counted = count(asked, operator=ask.operator)
    known = counted[State(asked.state)] if asked.state else sum(counted.values())
    return Counted(board.board(operator=ask.operator, wanted=asked), now(), known, counted)


def count(asked: Wanted, *, operator: Operator) -> dict[State, int]:
    return board.counts(board.board(operator=operator, wanted=replace(asked, state="")))


def gateways(who: Operator) -> list[tuple[str, words.Text]]:
    found = Gateway.objects.order_by("code")
    if not who.all_buildings:
        mine = Meter.objects.for_operator(who).order_by().values("bus__gateway")
        found = found.filter(pk__in=mine)
    return [(one.code, f"{one.code} {one.name}".strip()) for one in found]


def _plans(_who: Operator) -> list[tuple[str, words.Text]]:
    found: list[tuple[str, words.Text]] = [(str(one.pk), one.name) for one in Plan.objects.order_by("name")]
    return [*found, (board.NO_PLAN, _("without a plan"))]


def _latest(name: str) -> Any:
    return lambda line: getattr(line.standing.latest, name) if line.standing.latest else None


def _switch(line: Line) -> words.Text:
    latest = line.standing.latest
    if latest is None or latest.relay_closed is None or latest.lost:
        return _("unknown")
    return _("closed") if latest.relay_closed else _("open (no power)")


def _switch_icon(line: Line) -> str:
    latest = line.standing.latest
    if latest is None or latest.relay_closed is None or latest.lost:
        return ""
    return "plug" if latest.relay_closed else "power"


def _poor(line: Line) -> str:
    balance = line.standing.balance_fen
    return "bad b" if balance is not None and balance < 0 else ""


def _short(line: Line) -> str:
    return "bad b" if line.days_left is not None and line.days_left < 1 else ""


def _lasts(line: Line) -> words.Text:
    if line.idle:
        return _("no use lately")
    if line.left is not None:
        return formats.lasting(line.left)
    return formats.days(line.days_left) if line.days_left is not None else ""


def _silent(line: Line) -> str:
    return "bad" if line.state is State.LOST else ""


def _place(name: str) -> Any:
    return lambda line: getattr(line.meter.room.floor, name) if line.meter.room else None


REGISTER = Register(
    name="fleet",
    icon="plug",
    title=_("Fleet"),
    columns=(
        Column(
            "state",
            _("State"),
            value=lambda line: words.STATES[line.state],
            chip=lambda line: f"s-{line.state.value}",
            icon=lambda line: words.STATE_ICONS[line.state],
            sort=("state",),
        ),
        Column(
            "room",
            _("Room"),
            value=lambda line: line.standing.room,
            link=lambda line: reverse("console:meter", args=[line.meter.pk]),
            sort=("room",),
        ),
        Column("tenant", _("Tenant"), value=lambda line: line.standing.tenant, sort=("tenant",), width=24),
        Column("number", _("Meter number"), value=lambda line: line.meter.number, sort=("number",), width=16),
        Column(
            "balance",
            _("Balance (yuan)"),
            "money",
            value=lambda line: line.standing.balance_fen,
            tone=_poor,
            sort=("balance",),
        ),
        Column(
            "lasts",
            _("Lasts"),
            value=_lasts,
            tone=lambda line: f"num {_short(line)}",
            sort=("lasts",),
        ),
        Column("today", _("Today (kWh)"), "energy", value=lambda line: line.today_wh),
        Column("power", _("Power (kW)"), "energy", value=lambda line: line.power_w, sort=("power",)),
        Column("switch", _("Switch"), value=_switch, icon=_switch_icon),
        Column("count", _("Purchases"), "count", value=_latest("purchase_count"), sort=("count",), shown=False),
        Column(
            "plan",
            _("Price plan"),
            value=lambda line: line.plan.name if line.plan else "",
            sort=("plan",),
            width=20,
        ),
        Column("taken", _("Last read"), "when", value=_latest("taken_at"), tone=_silent, sort=("taken",), width=20),
        Column(
            "differs",
            _("Sent and shown"),
            value=lambda line: _("differs") if line.differs else "",
            tone=lambda line: "warn" if line.differs else "",
            shown=False,
        ),
        Column("energy", _("Register (kWh)"), "energy", value=_latest("energy_wh"), sort=("energy",), shown=False),
        Column("ct", _("CT ratio"), "count", value=lambda line: line.meter.ct_ratio, sort=("ct",), shown=False),
        Column("gateway", _("Gateway"), value=lambda line: line.meter.bus.gateway.code, sort=("gateway",), shown=False),
        Column("bus", _("Bus"), value=lambda line: line.meter.bus.code, sort=("bus",), shown=False),
        Column("unit", _("Address"), "count", value=lambda line: line.meter.unit, sort=("unit",), shown=False),
        Column("profile", _("Model"), value=lambda line: line.meter.profile, sort=("profile",), shown=False, width=20),
        Column("building", _("Building"), value=_place("building"), sort=("building",), shown=False),
        Column("floor", _("Floor"), value=lambda line: line.meter.room.floor if line.meter.room else "", shown=False),
    ),
    filters=(
        Filter("text", _("Room, tenant, phone, meter number")),
        Filter(
            "building",
            _("Building"),
            "choice",
            choices=lambda who: [(one.code, one.name) for one in estate.buildings(operator=who)],
        ),
        Filter("floors", _("Floor, e.g. 11-20")),
        Filter(
            "state", _("State"), "choice", choices=lambda _who: [(one.value, words.STATES[one]) for one in words.LEGEND]
        ),
        Filter("plan", _("Price plan"), "choice", choices=_plans),
        Filter("gateway", _("Gateway"), "choice", choices=gateways),
        Filter("bus", _("Bus, e.g. bus-3")),
        Filter("differs", _("Sent and shown"), "choice", choices=lambda _who: [("1", _("differs"))]),
    ),
    order="state",
    rows=rows,
    empty=_("No meter stands in your buildings yet."),
)


@dataclass(frozen=True, slots=True)
class StateChip:
    state: State
    count: int
    href: str
    on: bool


def state_chips(table: Table, counted: Mapping[State, int]) -> list[StateChip]:
    """A click chooses a state, or all of them again."""
    chosen = table.ask["state"]
    return [
        StateChip(
            state,
            counted[state],
            table.href(page=None, ids=None, state="" if state.value == chosen else state.value),
            state.value == chosen,
        )
        for state in words.LEGEND
    ]


def filter_query(table: Table) -> str:
    """The filters alone, as a selection of “all of them” carries them."""
    return urlencode([(name, table.ask[name]) for name in FILTERS if table.ask[name] is not None])


def from_query(text: str, *, operator: Operator) -> Wanted:
    """What `filter_query` wrote, read as strictly as an address."""
    given = QueryDict(text)
    known = {one.key: one.read(given.get(one.key, ""), one.options(operator)) for one in REGISTER.filters}
    return wanted(known)


def last_orders(ids: list[int]) -> dict[int, MeterOrder]:
    """The newest order to each meter that is no sale's."""
    newest = (
        MeterOrder.objects.filter(meter=OuterRef("pk")).exclude(kind__in=("recharge", "refund")).order_by("-placed_at")
    )
    found = Meter.objects.filter(pk__in=ids).annotate(newest=Subquery(newest.values("pk")[:1]))
    keys = [key for key in found.order_by().values_list("newest", flat=True) if key]
    return {order.meter_id: order for order in MeterOrder.objects.filter(pk__in=keys)}
