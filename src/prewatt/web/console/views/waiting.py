"""Money that waits for a lost meter: how old, how much, and what can be done: wait, send again, or pay back instead."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db.models import F, Q, QuerySet, Sum
from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext_lazy, pgettext_lazy

from prewatt.domain import settlement
from prewatt.domain.dispatch.operations import OrderEnded, OrderUnclear
from prewatt.domain.dispatch.states import State
from prewatt.domain.estate import queries as estate
from prewatt.domain.estate.models import Meter
from prewatt.domain.staff.rights import Right
from prewatt.domain.vending import counters
from prewatt.domain.vending.checks import Refused
from prewatt.domain.vending.models import Sale, SaleState
from prewatt.web.console.cases import MONEY_STATES
from prewatt.web.console.views.sale import given_id, new_id, sale_of, tenders
from prewatt.web.parts import words
from prewatt.web.parts.formats import age
from prewatt.web.parts.pages import address, now, operator, page, refusal
from prewatt.web.parts.registers import answer
from prewatt.web.parts.tables import Ask, Column, Filter, Register

if TYPE_CHECKING:
    from django.http import HttpRequest

    from prewatt.domain.staff.models import Operator

WHERE = {
    "centre": pgettext_lazy("waiting order", "not sent yet"),
    "gateway": pgettext_lazy("waiting order", "at the gateway"),
    "asked": pgettext_lazy("waiting order", "being cancelled: must be proven"),
    "wallet": pgettext_lazy("waiting order", "in the wallet"),
}


DO = gettext_lazy("Pay back, send again…")


def where(sale: Sale) -> str:
    """How far the order is, which decides what can be done with its money."""
    if sale.state == SaleState.WAITING:
        return "wallet"
    if sale.order is None:
        return "wallet"
    if sale.order.cancel_asked_at is not None:
        return "asked"
    return "centre" if sale.order.state == State.QUEUED else "gateway"


def waiting(who: Operator) -> QuerySet[Sale]:
    meters = Meter.objects.for_operator(who).values("pk")
    lost = Q(state=SaleState.PAID, order__state__in=MONEY_STATES, meter__state__lost=True)
    asked = Q(state=SaleState.PAID, order__cancel_asked_at__isnull=False)
    found = Sale.objects.filter(lost | asked | Q(state=SaleState.WAITING), meter__in=meters)
    related = ("meter__room__floor__building", "meter__state", "meter__bus__gateway", "customer", "operator", "order")
    return found.select_related(*related).annotate(seen_at=F("meter__state__taken_at"))


def _rows(ask: Ask) -> QuerySet[Sale]:
    found = waiting(ask.operator)
    if ask["building"]:
        found = found.filter(meter__room__floor__building=int(ask["building"]))
    if ask["where"] == "wallet":
        found = found.filter(state=SaleState.WAITING)
    elif ask["where"] == "asked":
        found = found.filter(state=SaleState.PAID, order__cancel_asked_at__isnull=False)
    elif ask["where"]:
        queued = Q(order__state=State.QUEUED)
        found = found.filter(queued if ask["where"] == "centre" else ~queued, state=SaleState.PAID)
        found = found.filter(order__cancel_asked_at__isnull=True)
    if ask["text"]:
        word = ask["text"]
        hit = Q(meter__number__icontains=word) | Q(meter__room__number__icontains=word)
        found = found.filter(hit | Q(customer__name__icontains=word))
    return found


def buildings(who: Operator) -> list[tuple[str, words.Text]]:
    return [(str(one.pk), one.name) for one in estate.buildings(operator=who)]


def _own(sale: Sale) -> str:
    return reverse("console:waiting-show", args=[sale.pk])


def _room(sale: Sale) -> str:
    return sale.meter.room.number if sale.meter.room else ""


REGISTER = Register(
    name="waiting",
    icon="circle-check",
    title=gettext_lazy("Money that waits for its meter"),
    columns=(
        Column("at", gettext_lazy("Sold"), "when", value=lambda one: one.sold_at, sort=("sold_at",), width=20),
        Column("age", gettext_lazy("Age"), value=lambda one: age(one.sold_at, now=now()), sort=("sold_at",)),
        Column("receipt", gettext_lazy("Receipt"), value=lambda one: one.receipt, link=_own, sort=("series", "number")),
        Column("room", gettext_lazy("Room"), value=_room, sort=("meter__room__number",), width=10),
        Column("customer", gettext_lazy("Tenant"), value=lambda one: one.customer.name, sort=("customer__name",)),
        Column("meter", gettext_lazy("Meter"), value=lambda one: one.meter.number, sort=("meter__number",)),
        Column(
            "contact",
            gettext_lazy("Meter's last contact"),
            "when",
            value=lambda one: one.seen_at,
            sort=("seen_at",),
            width=20,
        ),
        Column("gateway", gettext_lazy("Gateway"), value=lambda one: one.meter.bus.gateway.code, shown=False),
        Column("amount", gettext_lazy("Amount"), "money", value=lambda one: one.amount_fen, sort=("amount_fen",)),
        Column(
            "tender",
            gettext_lazy("Method"),
            value=lambda one: words.TENDERS.get(one.tender, one.tender),
            sort=("tender",),
            shown=False,
        ),
        Column("where", gettext_lazy("Where it is"), value=lambda one: WHERE[where(one)], width=26),
        Column("do", gettext_lazy("What can be done"), value=lambda _one: DO, link=_own, width=18),
    ),
    filters=(
        Filter("building", gettext_lazy("Building"), "choice", choices=buildings),
        Filter("where", gettext_lazy("Where it is"), "choice", choices=lambda _who: list(WHERE.items())),
        Filter("text", gettext_lazy("Room, tenant or meter")),
    ),
    order="at",
    rows=_rows,
    totals=lambda ask: {"amount": int(_rows(ask).aggregate(sum=Sum("amount_fen"))["sum"] or 0)},
    empty=gettext_lazy("No money waits: every sale is on its meter."),
)


@page(Right.READ)
def index(request: HttpRequest) -> HttpResponseBase:
    return answer(request, REGISTER, more=lambda _ask: {"page": "waiting"})


@page(Right.READ)
def show(request: HttpRequest, sale_id: str) -> HttpResponse:
    return _draw(request, sale_id)


def _draw(request: HttpRequest, sale_id: str, error: Exception | None = None) -> HttpResponse:
    sale_of(request, sale_id)
    sale = waiting(operator(request)).filter(pk=sale_id).first()
    if sale is None:
        return redirect("console:sale-show", sale_id)
    who = operator(request)
    context: dict[str, Any] = {
        "page": "waiting",
        "sale": sale,
        "where": where(sale),
        "where_text": WHERE[where(sale)],
        "now": now(),
        "tenders": tenders(counters.settings().methods),
        "pay_id": new_id(),
        "resend_id": new_id(),
        "can_pay": who.may(Right.REFUND),
        "can_send": who.may(Right.SELL) and sale.state == SaleState.WAITING,
        "given": request.POST,
        "refused": refusal(error) if error else None,
    }
    return render(request, "console/waiting/show.html", context, status=422 if error else 200)


@page(Right.REFUND, methods=("POST",))
def pay_back(request: HttpRequest, sale_id: str) -> HttpResponse:
    """Cancel with proof, then pay back. What a gateway has must be proven first: the page says so and waits."""
    sale = sale_of(request, sale_id)
    try:
        done = settlement.pay_back_instead(
            refund_id=given_id(request, "form_id"),
            sale_id=sale.pk,
            tender=request.POST.get("tender", ""),
            note=request.POST.get("note", "").strip(),
            operator=operator(request),
            now=now(),
            address=address(request),
        )
    except (Refused, OrderEnded, OrderUnclear) as error:
        return _draw(request, sale_id, error)
    except Sale.DoesNotExist as gone:
        raise Http404 from gone
    return redirect("console:back", "refund", done.pk) if done else redirect("console:waiting-show", sale.pk)
