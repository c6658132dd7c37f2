"""渠道对账: each provider's bill of each day, what in it is not explained, and who looks after it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from django.http import Http404, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext_lazy, pgettext_lazy

from prewatt.domain.payments import matching, queries
from prewatt.domain.payments.models import Bill, Difference, Kind, Provider
from prewatt.domain.staff.refusals import Refused
from prewatt.domain.staff.rights import Right
from prewatt.web.parts.formats import age
from prewatt.web.parts.pages import address, now, operator, page, refusal
from prewatt.web.parts.registers import answer
from prewatt.web.parts.tables import Ask, Column, Filter, Register

if TYPE_CHECKING:
    from django.http import HttpRequest

    from prewatt.domain.staff.models import Operator
    from prewatt.web.parts.words import Text

POST = ("POST",)
# What to do about each class, for whoever looks after it.
DO: dict[str, Text] = {
    Kind.NOT_OURS: gettext_lazy("Ask the provider whose order it is; one of ours is booked as soon as it answers."),
    Kind.NOT_ON_BILL: gettext_lazy("Wait for tomorrow's bill; then ask the provider with its number."),
    Kind.NOT_CREDITED: gettext_lazy("Open the payment: see why the meter does not have it, send it on or pay it back."),
    Kind.NOT_PAID: gettext_lazy("Ask the provider about the order; reverse the sale if it was never paid."),
    Kind.AMOUNT: gettext_lazy("Ask the provider which amount was captured; correct by a refund or a sale."),
    Kind.BACK_MISSING: gettext_lazy("Wait for tomorrow's bill; then ask the provider with the refund's number."),
    Kind.BACK_UNKNOWN: gettext_lazy("Somebody refunded in the provider's own pages: find out who, and why."),
    Kind.BACK_AMOUNT: gettext_lazy("Ask the provider which amount went back."),
    Kind.BACK_TWICE: gettext_lazy("Claim the second refund back from the payer or the provider."),
    Kind.PROVIDER: gettext_lazy("Read the provider's line; a charge-back is settled with the tenant."),
}


def standing(bill: Any) -> tuple[Text, str, str]:
    if bill.closed_at and bill.signed_by_id:
        return pgettext_lazy("bill", "closed, signed for"), "pencil", "warn"
    if bill.closed_at:
        return pgettext_lazy("bill", "closed: everything agrees or is explained"), "circle-check", "good"
    if bill.fetched_at is None:
        return pgettext_lazy("bill", "has not come yet"), "hourglass", "mut"
    return pgettext_lazy("bill", "open"), "alert-triangle", "bad"


def _own(bill: Bill) -> str:
    return reverse("console:online-bill", args=[bill.pk])


def _rows(ask: Ask) -> Any:
    found = queries.bills(operator=ask.operator)
    if ask["channel"]:
        found = found.filter(channel=ask["channel"])
    if ask["state"]:
        found = found.filter(closed_at__isnull=ask["state"] == "open")
    if ask["from"]:
        found = found.filter(day__gte=ask["from"])
    return found.filter(day__lte=ask["to"]) if ask["to"] else found


def _states(_who: Operator) -> list[tuple[str, Text]]:
    return [("open", pgettext_lazy("bill", "open")), ("closed", pgettext_lazy("bill", "closed"))]


REGISTER = Register(
    name="payment-bills",
    icon="scale",
    title=gettext_lazy("Providers' bills"),
    columns=(
        Column("day", gettext_lazy("Day"), "day", sort=("day",), link=_own, width=12),
        Column("channel", gettext_lazy("Method"), value=lambda one: one.get_channel_display(), sort=("channel",)),
        Column("paid", gettext_lazy("Paid"), "money", value=lambda one: one.paid_fen, sort=("paid_fen",)),
        Column("back", gettext_lazy("Paid back"), "money", value=lambda one: one.back_fen, sort=("back_fen",)),
        Column("fee", gettext_lazy("Fee"), "money", value=lambda one: one.fee_fen, sort=("fee_fen",)),
        Column("matched", gettext_lazy("Lines that agree"), "count", value=lambda one: one.matched, sort=("matched",)),
        Column("open", gettext_lazy("Unexplained"), "count", value=lambda one: one.unexplained, sort=("unexplained",)),
        Column(
            "state",
            gettext_lazy("State"),
            value=lambda one: standing(one)[0],
            icon=lambda one: standing(one)[1],
            tone=lambda one: standing(one)[2],
            width=24,
        ),
        Column("signed", gettext_lazy("Signed by"), value=lambda one: str(one.signed_by or ""), shown=False),
        Column("note", gettext_lazy("Note"), value=lambda one: one.signed_note, shown=False, width=30),
    ),
    filters=(
        Filter("from", gettext_lazy("From"), "day"),
        Filter("to", gettext_lazy("To"), "day"),
        Filter("channel", gettext_lazy("Method"), "choice", choices=lambda _who: list(Provider.choices)),
        Filter("state", gettext_lazy("State"), "choice", choices=_states),
    ),
    order="-day",
    rows=_rows,
    tie=("pk",),
)


@page(Right.REPORTS)
def index(request: HttpRequest) -> HttpResponseBase:
    return answer(request, REGISTER, template="console/online/bills.html", more=lambda _ask: {"page": "online-bills"})


def _differences(ask: Ask) -> Any:
    found = queries.differences(operator=ask.operator)
    if ask["kind"]:
        found = found.filter(kind=ask["kind"])
    if ask["channel"]:
        found = found.filter(bill__channel=ask["channel"])
    if ask["state"]:
        found = found.filter(ended_at__isnull=ask["state"] == "open")
    return found


def word_of(one: Difference) -> Text:
    return gettext_lazy("agrees now") if one.word == matching.AGREES and one.ended_by_id is None else one.word


DIFFERENCES = Register(
    name="payment-differences",
    icon="scale",
    title=gettext_lazy("Differences in providers' bills"),
    columns=(
        Column("day", gettext_lazy("Day"), "day", value=lambda one: one.bill.day, sort=("bill__day",), width=12),
        Column("channel", gettext_lazy("Method"), value=lambda one: one.bill.get_channel_display()),
        Column(
            "kind",
            pgettext_lazy("bill", "Difference"),
            value=lambda one: one.get_kind_display(),
            link=lambda one: _own(one.bill),
            sort=("kind",),
            width=30,
        ),
        Column(
            "order", pgettext_lazy("payment", "Order"), value=lambda one: one.order_no, sort=("order_no",), width=28
        ),
        Column("ours", gettext_lazy("Our books"), "money", value=lambda one: one.ours_fen, sort=("ours_fen",)),
        Column("theirs", gettext_lazy("Bill"), "money", value=lambda one: one.theirs_fen, sort=("theirs_fen",)),
        Column(
            "age", gettext_lazy("Age"), value=lambda one: age(one.since, now=one.ended_at or now()), sort=("since",)
        ),
        Column("owner", gettext_lazy("Looked after by"), value=lambda one: str(one.owner or ""), sort=("owner",)),
        Column("do", gettext_lazy("What to do"), value=lambda one: "" if one.ended_at else DO[one.kind], width=50),
        Column("word", gettext_lazy("Explained"), value=word_of, width=30),
        Column("number", gettext_lazy("Provider's number"), value=lambda one: one.channel_no, shown=False, width=32),
    ),
    filters=(
        Filter("state", gettext_lazy("State"), "choice", choices=_states),
        Filter("kind", pgettext_lazy("bill", "Difference"), "choice", choices=lambda _who: list(Kind.choices)),
        Filter("channel", gettext_lazy("Method"), "choice", choices=lambda _who: list(Provider.choices)),
    ),
    order="-day",
    rows=_differences,
    defaults=lambda _who: {"state": "open"},
    tie=("pk",),
)


@page(Right.REPORTS)
def differences(request: HttpRequest) -> HttpResponseBase:
    more = {"page": "online-bills"}
    return answer(request, DIFFERENCES, template="console/online/differences.html", more=lambda _ask: more)


def _bill(request: HttpRequest, pk: int) -> Any:
    found = queries.bills(operator=operator(request)).filter(pk=pk).first()
    if found is None:
        raise Http404
    return found


@page(Right.REPORTS)
def show(request: HttpRequest, pk: int) -> HttpResponse:
    return _show(request, pk)


def _show(request: HttpRequest, pk: int, *, error: Exception | None = None, about: int = 0) -> HttpResponse:
    who, bill = operator(request), _bill(request, pk)
    text, icon, tone = standing(bill)
    found = queries.differences(operator=who).filter(bill=bill).order_by("ended_at", "pk")
    context = {
        "page": "online-bills",
        "bill": bill,
        "text": text,
        "icon": icon,
        "tone": tone,
        "rows": [(one, DO[one.kind], word_of(one)) for one in found],
        "lines": bill.rows.count(),
        "may_decide": who.may(Right.DECIDE),
        "refused": refusal(error) if error else None,
        "about": about,
        "given": request.POST,
    }
    return render(request, "console/online/bill.html", context, status=422 if error else 200)


def _difference(request: HttpRequest, pk: int) -> Difference:
    found = queries.differences(operator=operator(request)).filter(pk=pk).first()
    if found is None:
        raise Http404
    return found


def _do(request: HttpRequest, bill_pk: int, call: Callable[..., Any], *, about: int = 0, **given: Any) -> HttpResponse:
    try:
        call(operator=operator(request), now=now(), address=address(request), **given)
    except Refused as error:
        return _show(request, bill_pk, error=error, about=about)
    return HttpResponseRedirect(reverse("console:online-bill", args=[bill_pk]))


@page(Right.DECIDE, methods=POST)
def take_over(request: HttpRequest, pk: int) -> HttpResponse:
    one = _difference(request, pk)
    return _do(request, one.bill_id, matching.take_over, difference=one)


@page(Right.DECIDE, methods=POST)
def explain(request: HttpRequest, pk: int) -> HttpResponse:
    one = _difference(request, pk)
    word = request.POST.get("word", "")
    return _do(request, one.bill_id, matching.explain, about=one.pk, difference=one, word=word)


@page(Right.DECIDE, methods=POST)
def sign(request: HttpRequest, pk: int) -> HttpResponse:
    return _do(request, pk, matching.sign, bill=_bill(request, pk), note=request.POST.get("note", ""))
