"""Desired against reported: meters that show something else than was sent to them, and sending it again."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from prewatt.domain.control.models import LIMIT_NAMES, PRICE_NAMES
from prewatt.domain.estate import queries as estate
from prewatt.domain.fleet import queries
from prewatt.domain.fleet.operations import send_again
from prewatt.domain.fleet.queries import Difference
from prewatt.domain.staff.refusals import Refused
from prewatt.domain.staff.rights import Right
from prewatt.link.messages import Kind
from prewatt.units.values import Money, Price
from prewatt.web.console.views.estate.forms import form_id, new_id
from prewatt.web.parts.pages import address, now, operator, page
from prewatt.web.parts.registers import answer
from prewatt.web.parts.tables import Ask, Column, Filter, Register
from prewatt.web.parts.words import Text

NAMES: dict[str, Text] = {
    "alarm1_fen": gettext_lazy("Alarm 1 (yuan)"),
    "alarm2_fen": gettext_lazy("Alarm 2 (yuan)"),
    "ceiling_fen": gettext_lazy("Balance ceiling (yuan)"),
    "overdraft_limit_fen": gettext_lazy("Overdraft limit (yuan)"),
    "overload_limit_w": gettext_lazy("Load threshold (W)"),
    "price_sharp_e4": gettext_lazy("Price sharp (yuan/kWh)"),
    "price_peak_e4": gettext_lazy("Price peak (yuan/kWh)"),
    "price_flat_e4": gettext_lazy("Price flat (yuan/kWh)"),
    "price_valley_e4": gettext_lazy("Price valley (yuan/kWh)"),
    "price_deep_e4": gettext_lazy("Price deep valley (yuan/kWh)"),
}
SORTS: dict[str, tuple[Text, tuple[str, ...]]] = {
    Kind.PRICES.value: (gettext_lazy("Prices"), PRICE_NAMES),
    Kind.LIMITS.value: (gettext_lazy("Limits"), LIMIT_NAMES),
}


def shown(name: str, value: int) -> str:
    """A setting in the unit that its name in `NAMES` gives."""
    if name.endswith("_e4"):
        return str(Price(value))
    return str(Money(value)) if name.endswith("_fen") else str(value)


def _side(place: int) -> Any:
    return lambda one: "; ".join(f"{NAMES[name]} {shown(name, pair[place])}" for name, pair in one.off.items())


def _rows(ask: Ask) -> list[Difference]:
    meters = queries.differing_meters(operator=ask.operator)
    if ask["building"]:
        meters = meters.filter(room__floor__building__code=ask["building"])
    names = SORTS[ask["kind"]][1] if ask["kind"] else (*LIMIT_NAMES, *PRICE_NAMES)
    return [one for one in queries.differences_of(meters) if not set(names).isdisjoint(one.off)]


REGISTER = Register(
    name="differing",
    icon="circle-check",
    title=gettext_lazy("Sent against shown"),
    columns=(
        Column(
            "room",
            gettext_lazy("Room"),
            value=lambda one: one.meter.room.number if one.meter.room else "",
            sort=("room",),
        ),
        Column(
            "number",
            gettext_lazy("Meter number"),
            value=lambda one: one.meter.number,
            link=lambda one: reverse("console:meter", args=[one.meter.pk]),
            sort=("number",),
            width=16,
        ),
        Column("sent", gettext_lazy("Sent"), value=_side(0), width=40),
        Column("shown", gettext_lazy("The meter shows"), value=_side(1), tone=lambda _one: "bad", width=40),
        Column("sent_at", gettext_lazy("Sent at"), "when", value=lambda one: one.desired.sent_at, sort=("sent_at",)),
        Column("read_at", gettext_lazy("Read at"), "when", value=lambda one: one.reported.read_at, sort=("read_at",)),
        Column(
            "moving",
            gettext_lazy("Order"),
            value=lambda one: _("on its way") if one.on_its_way else "",
            sort=("moving",),
        ),
    ),
    filters=(
        Filter(
            "kind",
            gettext_lazy("What"),
            "choice",
            choices=lambda _who: [(code, words[0]) for code, words in SORTS.items()],
        ),
        Filter(
            "building",
            gettext_lazy("Building"),
            "choice",
            choices=lambda who: [(one.code, one.name) for one in estate.buildings(operator=who)],
        ),
    ),
    order="room",
    rows=_rows,
    empty=gettext_lazy("Every meter shows what was sent to it."),
)


@page(Right.READ)
def register(request: HttpRequest) -> HttpResponseBase:
    return answer(
        request,
        REGISTER,
        template="console/control/differing.html",
        more=lambda _ask: {
            "page": "differing",
            "may_send": operator(request).may(Right.METER_ORDERS),
            "kinds": [(code, words[0], new_id()) for code, words in SORTS.items()],
        },
    )


@page(Right.METER_ORDERS, methods=("POST",))
def send(request: HttpRequest) -> HttpResponseBase:
    """What was sent last, once more, to every meter of this operator's that shows something else."""
    kind = Kind.PRICES if request.POST.get("kind") == Kind.PRICES.value else Kind.LIMITS
    who = operator(request)
    try:
        batch = send_again(
            batch_id=form_id(request)[:40],
            kind=kind,
            meters=queries.differing_meters(operator=who),
            operator=who,
            now=now(),
            address=address(request),
        )
    except Refused as error:
        messages.error(request, str(error))
        return HttpResponseRedirect(reverse("console:differing"))
    return HttpResponseRedirect(reverse("console:fleet-batch", args=[batch.pk]))
