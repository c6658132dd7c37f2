"""后付费: the monthly statements of accounts that pay afterwards: a list, one on a page, one on paper."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.db.models import F, Q, Sum
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from prewatt.domain.billing import statements
from prewatt.domain.billing.models import Statement
from prewatt.domain.metering import balances
from prewatt.domain.staff.models import Operator
from prewatt.domain.staff.refusals import Refused
from prewatt.domain.staff.rights import Right
from prewatt.web.console.sheet_pdf import a4
from prewatt.web.console.views.resale.publicity import issuer
from prewatt.web.parts.pages import now, operator, page, refusal
from prewatt.web.parts.registers import answer
from prewatt.web.parts.tables import Ask, Column, Filter, Register

OPEN, PAID = "open", "paid"
STATES = {
    OPEN: (pgettext_lazy("statement", "open"), "clock-pause", "warn"),
    PAID: (pgettext_lazy("statement", "paid"), "check", "good"),
}


def _rows(ask: Ask) -> Any:
    found = statements.statements(operator=ask.operator).annotate(amount=F("used_fen") + F("corrected_fen"))
    if ask["month"]:
        found = found.filter(month=date.fromisoformat(f"{ask['month']}-01"))
    if ask["state"]:
        found = found.filter(statements.OPEN) if ask["state"] == OPEN else found.exclude(statements.OPEN)
    if ask["text"]:
        word = ask["text"]
        found = found.filter(
            Q(opening__customer__name__icontains=word)
            | Q(opening__customer__number__icontains=word)
            | Q(opening__meter__number__icontains=word)
            | Q(opening__meter__room__number__icontains=word)
        )
    return found


def _months(who: Operator) -> list[tuple[str, str]]:
    months = statements.statements(operator=who).order_by("-month").values_list("month", flat=True).distinct()
    return [(f"{month:%Y-%m}", f"{month:%Y-%m}") for month in months]


def _state(one: Statement) -> tuple[Any, str, str]:
    return STATES[OPEN if statements.left_fen(one) else PAID]


def _sums(ask: Ask) -> dict[str, int]:
    sums = {"energy": "energy_wh", "used": "used_fen", "corrected": "corrected_fen", "paid": "paid_fen"}
    asked = {f"{name}_sum": Sum(field) for name, field in sums.items()}
    found = {name.removesuffix("_sum"): int(value or 0) for name, value in _rows(ask).aggregate(**asked).items()}
    return found | {"amount": found["used"] + found["corrected"]}


def _room(one: Statement) -> str:
    return one.opening.meter.room.number if one.opening.meter.room else ""


def _or_none(name: str) -> Any:
    return lambda one: getattr(one, name) or None


REGISTER = Register(
    name="statements",
    icon="receipt",
    title=_("Monthly statements"),
    columns=(
        Column(
            "number",
            _("Number"),
            value=lambda one: one.number,
            sort=("month", "opening"),
            link=lambda one: reverse("console:statement", args=[one.pk]),
            width=16,
        ),
        Column("month", _("Month"), value=lambda one: f"{one.month:%Y-%m}", sort=("month",)),
        Column("room", _("Room"), value=_room, sort=("opening__meter__room__number",)),
        Column("name", _("Tenant"), value=lambda one: one.opening.customer.name, sort=("opening__customer__name",)),
        Column("meter", _("Meter number"), value=lambda one: one.opening.meter.number, width=16),
        Column(
            "energy", pgettext_lazy("energy", "Used"), "energy", value=lambda one: one.energy_wh, sort=("energy_wh",)
        ),
        Column("amount", _("Charged in the month (yuan)"), "money", value=lambda one: one.amount_fen, sort=("amount",)),
        Column("corrected", _("Of it corrections (yuan)"), "money", value=_or_none("corrected_fen"), shown=False),
        Column("brought", _("Brought forward (yuan)"), "money", value=_or_none("brought_fen"), shown=False),
        Column("paid", _("Paid in the month (yuan)"), "money", value=lambda one: one.paid_fen, sort=("paid_fen",)),
        Column("open", _("Open then (yuan)"), "money", value=lambda one: one.open_fen),
        Column("left", _("Open of it now (yuan)"), "money", value=statements.left_fen),
        Column(
            "state",
            _("Standing"),
            value=lambda one: _state(one)[0],
            icon=lambda one: _state(one)[1],
            tone=lambda one: _state(one)[2],
        ),
        Column("made", _("Made"), "when", value=lambda one: one.made_at, sort=("made_at",), shown=False, width=20),
    ),
    filters=(
        Filter("month", _("Month"), "choice", choices=_months),
        Filter("state", _("Standing"), "choice", choices=lambda _who: [(key, one[0]) for key, one in STATES.items()]),
        Filter("text", _("Tenant, room or meter number")),
    ),
    order="-number",
    rows=_rows,
    totals=_sums,
    empty=_("No statement yet. A month is stated for accounts that pay afterwards, when all its days are closed."),
)


@page(Right.REPORTS)
def index(request: HttpRequest) -> HttpResponseBase:
    return answer(request, REGISTER, more=lambda _ask: {"page": "statements"})


def _one(request: HttpRequest, pk: int) -> dict[str, Any]:
    found = statements.statements(operator=operator(request)).filter(pk=pk).first()
    if found is None:
        raise Http404
    return {
        "page": "statements",
        "one": found,
        "opening": found.opening,
        "room": _room(found),
        "received_fen": -found.paid_fen,
        "left_fen": statements.left_fen(found),
        "balance": balances.of(found.opening, None),
        "days": [(date.fromisoformat(day), wh, fen) for day, wh, fen in found.days],
        "now": now(),
    }


@page(Right.REPORTS)
def show(request: HttpRequest, pk: int) -> HttpResponse:
    who = operator(request)
    context = _one(request, pk) | {"can": {"sell": who.may(Right.SELL), "read": who.may(Right.READ)}}
    return render(request, "console/customers/statement.html", context)


@page(Right.REPORTS)
def paper(request: HttpRequest, pk: int) -> HttpResponse:
    """电费结算单: for the tenant, to be paid by."""
    found = _one(request, pk) | {"issuer": issuer()}
    try:
        made = a4("console/customers/statement_pdf.html", found)
    except Refused as error:
        context = found | {"refused": refusal(error), "can": {}}
        return render(request, "console/customers/statement.html", context, status=422)
    name = f"statement-{found['one'].number}"
    return HttpResponse(
        made, content_type="application/pdf", headers={"Content-Disposition": f'inline; filename="{name}.pdf"'}
    )
