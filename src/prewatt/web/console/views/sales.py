"""The list of what moved over the counter, and each sale's own page with everything that can be done to it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from django.http import Http404, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext_lazy

from prewatt.domain import settlement
from prewatt.domain.dispatch.operations import OrderEnded, OrderUnclear
from prewatt.domain.metering import queries as metering
from prewatt.domain.staff.models import Operator
from prewatt.domain.staff.rights import Right
from prewatt.domain.vending import movements, shifts
from prewatt.domain.vending import operations as vending
from prewatt.domain.vending.checks import Refused
from prewatt.domain.vending.models import BackState, SaleState
from prewatt.domain.vending.movements import Wanted
from prewatt.domain.vending.returning import NoteNeeded
from prewatt.units.values import Money
from prewatt.web.console import desk, history
from prewatt.web.console.moving import WHAT, standing
from prewatt.web.console.views.sale import given_id, new_id, progress_of, sale_of, tenders
from prewatt.web.console.views.waiting import buildings
from prewatt.web.parts import words
from prewatt.web.parts.pages import address, now, operator, page, refusal
from prewatt.web.parts.registers import answer
from prewatt.web.parts.tables import Ask, Column, Filter, Register

if TYPE_CHECKING:
    from django.http import HttpRequest

SHIFTS_MAX = 100  # the newest, in the filter


def _sellers(who: Operator) -> Iterable[tuple[str, words.Text]]:
    found = Operator.objects.order_by("name", "username")
    return [(str(one.pk), str(one)) for one in (found if who.all_buildings else found.filter(pk=who.pk))]


def _states(_who: Operator) -> list[tuple[str, words.Text]]:
    sales = [(str(state.value), words.SALES[state][0]) for state in SaleState]
    backs = [(str(state.value), words.BACKS[state][0]) for state in BackState if state.value != "unclear"]
    return [*sales, *backs]


def wanted(ask: Ask) -> Wanted:
    return Wanted(
        first_day=ask["from"],
        last_day=ask["to"],
        what=ask["what"] or "",
        seller_id=int(ask["seller"]) if ask["seller"] else None,
        tender=ask["tender"] or "",
        state=ask["state"] or "",
        text=ask["text"] or "",
        building_id=int(ask["building"]) if ask["building"] else None,
        shift_id=ask["shift"] or "",
        least_fen=_fen(ask["least"]),
        most_fen=_fen(ask["most"]),
        meter=ask["meter"] or "",
        receipt=ask["receipt"] or "",
    )


def _fen(text: str | None) -> int | None:
    """An amount to filter by; what is none does not narrow."""
    try:
        return Money.parse((text or "").replace(",", "").replace("，", "")).fen
    except ValueError:
        return None


def _shifts(who: Operator) -> list[tuple[str, words.Text]]:
    return [(one.pk, str(one)) for one in shifts.shifts(operator=who)[:SHIFTS_MAX]]


class Found:
    """One page asks for its sums to count its rows, to add them up and to show them: they are read once."""

    def __init__(self) -> None:
        self._sums: movements.Sums | None = None

    def sums(self, ask: Ask) -> movements.Sums:
        if self._sums is None:
            self._sums = movements.sums(operator=ask.operator, wanted=wanted(ask))
        return self._sums

    def count(self, ask: Ask) -> int:
        return self.sums(ask).count

    def totals(self, ask: Ask) -> Mapping[str, int]:
        return {"amount": self.sums(ask).income_fen}


def _today(_who: Operator) -> Mapping[str, str]:
    day = metering.today(now()).isoformat()
    return {"from": day, "to": day}


def _receipt(row: Mapping[str, Any]) -> str:
    return f"{row['receipt_series']}-{row['receipt_number']:06d}" if row["receipt_number"] else ""


def _own_page(row: Mapping[str, Any]) -> str:
    return desk.own_page(row)


REGISTER = Register(
    name="sales",
    icon="receipt",
    title=gettext_lazy("Sales, refunds and reversals"),
    columns=(
        Column("at", gettext_lazy("Time"), "when", sort=("at",), width=20),
        Column(
            "receipt",
            gettext_lazy("Receipt"),
            value=_receipt,
            link=_own_page,
            sort=("receipt_series", "receipt_number"),
        ),
        Column("room", gettext_lazy("Room"), value=lambda row: row["room_number"], sort=("room_number",), width=10),
        Column(
            "customer",
            gettext_lazy("Tenant"),
            value=lambda row: row["customer_name"],
            sort=("customer_name",),
            width=24,
        ),
        Column("meter", gettext_lazy("Meter"), value=lambda row: row["meter_number"], sort=("meter_number",), width=16),
        Column(
            "user",
            gettext_lazy("User number"),
            value=lambda row: row["customer_number"],
            sort=("customer_number",),
            shown=False,
        ),
        Column("what", gettext_lazy("Kind"), value=lambda row: WHAT[row["what"]].text, sort=("what",), width=10),
        Column(
            "tender",
            gettext_lazy("Method"),
            value=lambda row: words.TENDERS.get(row["way"], row["way"]),
            sort=("way",),
            width=12,
        ),
        Column("seller", gettext_lazy("Seller"), sort=("seller",), width=12),
        Column("amount", gettext_lazy("Amount"), "money", value=lambda row: row["signed_fen"], sort=("signed_fen",)),
        Column(
            "state",
            gettext_lazy("State"),
            value=lambda row: standing(row["what"], row["standing"]).text,
            icon=lambda row: standing(row["what"], row["standing"]).icon,
            tone=lambda row: standing(row["what"], row["standing"]).tone,
            sort=("standing",),
        ),
        Column(
            "reason",
            gettext_lazy("Reason"),
            value=lambda row: words.reason(row["why"]) if row["why"] else "",
            shown=False,
            width=30,
        ),
        Column("day", gettext_lazy("Business day"), "day", sort=("day",), shown=False, width=12),
    ),
    filters=(
        Filter("from", gettext_lazy("From"), "day"),
        Filter("to", gettext_lazy("To"), "day"),
        Filter(
            "what",
            gettext_lazy("Kind"),
            "choice",
            choices=lambda _who: [(key, word.text) for key, word in WHAT.items()],
        ),
        Filter("seller", gettext_lazy("Seller"), "choice", choices=_sellers),
        Filter("tender", gettext_lazy("Method"), "choice", choices=lambda _who: list(words.TENDERS.items())),
        Filter("state", gettext_lazy("State"), "choice", choices=_states),
        Filter("building", gettext_lazy("Building"), "choice", choices=buildings),
        Filter("shift", gettext_lazy("Shift"), "choice", choices=_shifts),
        Filter("least", gettext_lazy("Amount from"), width="short"),
        Filter("most", gettext_lazy("Amount to"), width="short"),
        Filter("meter", gettext_lazy("Meter number"), width="short"),
        Filter("receipt", gettext_lazy("Receipt number"), width="short"),
        Filter("text", gettext_lazy("Room, tenant, number or receipt")),
    ),
    order="-at",
    rows=lambda ask: movements.movements(operator=ask.operator, wanted=wanted(ask)),
    defaults=_today,
    tie=("key",),
)


@page(Right.READ)
def index(request: HttpRequest) -> HttpResponseBase:
    """Sales, refunds and reversals; today's, unless the address says otherwise. With `export` as an Excel file."""
    return listed(request, REGISTER, template="console/sales/index.html", page_name="sales")


def _by_time(ask: Ask, sort: str) -> movements.ByTime | None:
    """In the order of time, which is how the list is nearly always looked at; any other order asks for all rows."""
    if sort.removeprefix("-") != "at":
        return None
    return movements.by_time(operator=ask.operator, wanted=wanted(ask), falling=sort.startswith("-"))


def listed(request: HttpRequest, register: Register, *, template: str, page_name: str) -> HttpResponseBase:
    """A register of movements, with what they come to."""
    found = Found()
    register = replace(register, totals=found.totals, count=found.count, pages=_by_time)
    return answer(request, register, template=template, more=lambda ask: {"page": page_name, "sums": found.sums(ask)})


@page(Right.READ)
def show(request: HttpRequest, sale_id: str) -> HttpResponse:
    return _show(request, sale_id)


def _show(request: HttpRequest, sale_id: str, *, error: Exception | None = None, doing: str = "") -> HttpResponse:
    at = now()
    sale = sale_of(request, sale_id)
    context = {
        "page": "sales",
        **progress_of(sale.pk, at),
        "steps_done": history.of_sale(sale),
        "reversals": sale.reversals.select_related("operator", "order").order_by("asked_at"),
        "can": _can(request, sale_id),
        "tenders": tenders(),
        "new_reverse": new_id(),
        "new_refund": new_id(),
        "new_resend": new_id(),
        "new_pay_out": new_id(),
        "refused": refusal(error) if error else None,
        "fits_fen": getattr(error, "fits_fen", None),
        "doing": doing,
    }
    return render(request, "console/sales/show.html", context, status=422 if error else 200)


def _can(request: HttpRequest, sale_id: str) -> dict[str, bool]:
    """What this operator may do to this sale now. The domain asks again; this only spares a vain click."""
    who, sale = operator(request), sale_of(request, sale_id)
    waiting, arrived = sale.state == SaleState.WAITING, sale.state == SaleState.ARRIVED
    on_its_way = sale.reversals.filter(state__in=(BackState.SENDING, BackState.UNCLEAR)).exists()
    return {
        "resend": waiting and who.may(Right.SELL),
        "pay_out": waiting and who.may(Right.REFUND),
        "reverse": (waiting or arrived) and not on_its_way and who.may(Right.REVERSE),
        "refund": arrived and who.may(Right.REFUND),
        "cancel": sale.state == SaleState.PAID
        and sale.order is not None
        and sale.order.cancel_asked_at is None
        and who.may(Right.SELL),
    }


Call = Callable[..., Any]


def _do(
    request: HttpRequest, key: str, /, *, doing: str, call: Call, id_as: str = "", why: bool = False, **given: Any
) -> HttpResponse:
    """One domain call. A refusal comes back on the same page, in words; the form that was used can be used again."""
    sale_of(request, key)
    try:
        if id_as:
            given[id_as] = given_id(request, "form_id")
        if why:
            given["note"] = _note(request)
        call(operator=operator(request), now=now(), address=address(request), **given)
    except (Refused, OrderEnded, OrderUnclear) as error:
        return _show(request, key, error=error, doing=doing)
    return HttpResponseRedirect(reverse("console:sale-show", args=[key]))


POST = ("POST",)


def _note(request: HttpRequest) -> str:
    """What the dialog asks for, asked again here. Raises NoteNeeded."""
    note = str(request.POST.get("note", "")).strip()
    if not note:
        raise NoteNeeded
    return note


@page(Right.REVERSE, methods=POST)
def reverse_sale(request: HttpRequest, sale_id: str) -> HttpResponse:
    return _do(
        request,
        sale_id,
        doing="reverse",
        call=vending.reverse,
        id_as="reversal_id",
        sale_id=sale_id,
        why=True,
    )


@page(Right.REFUND, methods=POST)
def refund(request: HttpRequest, sale_id: str) -> HttpResponse:
    return _do(
        request,
        sale_id,
        doing="refund",
        call=vending.refund,
        id_as="refund_id",
        meter=sale_of(request, sale_id).meter,
        amount=request.POST.get("amount", "").replace(",", ""),
        tender=request.POST.get("tender", ""),
        why=True,
    )


@page(Right.SELL, methods=POST)
def resend(request: HttpRequest, sale_id: str) -> HttpResponse:
    return _do(request, sale_id, doing="resend", call=vending.resend, id_as="order_id", sale_id=sale_id)


@page(Right.REFUND, methods=POST)
def pay_out(request: HttpRequest, sale_id: str) -> HttpResponse:
    return _do(
        request,
        sale_id,
        doing="pay_out",
        call=vending.pay_out,
        id_as="refund_id",
        sale_id=sale_id,
        tender=request.POST.get("tender", ""),
        note=request.POST.get("note", "").strip(),
    )


@page(Right.SELL, methods=POST)
def cancel(request: HttpRequest, sale_id: str) -> HttpResponse:
    order_id = sale_of(request, sale_id).order_id
    if order_id is None:  # it went to no meter: there is nothing to recall
        raise Http404
    return _do(request, sale_id, doing="cancel", call=settlement.cancel, order_id=order_id)
