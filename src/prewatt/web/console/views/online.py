"""线上支付: what tenants paid by themselves, each payment's own page, and what is done when it became no sale."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from django.http import Http404, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext_lazy, pgettext_lazy

from prewatt.domain.metering import queries as metering
from prewatt.domain.payments import caring, giving, queries
from prewatt.domain.payments.channel import Way
from prewatt.domain.payments.models import Attempt, BackStanding, Became, Notice, Provider, State, Verdict
from prewatt.domain.payments.queries import Wanted
from prewatt.domain.staff.refusals import Refused
from prewatt.domain.staff.rights import Right
from prewatt.domain.vending.models import SaleState
from prewatt.web.console.views.sale import given_id, new_id, tenders
from prewatt.web.console.views.waiting import buildings
from prewatt.web.parts import words
from prewatt.web.parts.pages import address, now, operator, page, refusal
from prewatt.web.parts.registers import answer
from prewatt.web.parts.tables import Ask, Column, Filter, Register

if TYPE_CHECKING:
    from django.http import HttpRequest

    from prewatt.domain.staff.models import Operator

POST = ("POST",)
STATES: dict[str, tuple[words.Text, str, str]] = {
    State.NEW: (State.NEW.label, "circle-dashed", "mut"),
    State.WAITING: (State.WAITING.label, "hourglass", "mut"),
    State.UNKNOWN: (State.UNKNOWN.label, "help-circle", "warn"),
    State.CLOSED: (State.CLOSED.label, "circle-x", "mut"),
    State.REFUSED: (State.REFUSED.label, "ban", "bad"),
}
WAYS: dict[str, words.Text] = {
    Way.PAGE: pgettext_lazy("way of paying", "page on a computer"),
    Way.PHONE: pgettext_lazy("way of paying", "page on a phone"),
    Way.CODE: pgettext_lazy("way of paying", "QR code"),
    Way.INSIDE: pgettext_lazy("way of paying", "inside the provider's app"),
}
DOORS: dict[str, words.Text] = {
    "tenant": pgettext_lazy("door", "phone site"),
    "kiosk": pgettext_lazy("door", "kiosk"),
}
BACKS: dict[str, tuple[str, str]] = {
    BackStanding.METER: ("accent", "loader-2"),
    BackStanding.ASKING: ("accent", "loader-2"),
    BackStanding.UNKNOWN: ("warn", "help-circle"),
    BackStanding.DONE: ("good", "circle-check"),
    BackStanding.REFUSED: ("bad", "ban"),
    BackStanding.CANCELLED: ("mut", "circle-x"),
}


def standing(one: Attempt) -> tuple[words.Text, str, str]:
    """Text, icon and tone: of the sale once there is one, for paid and credited are two facts."""
    if one.became == Became.WALLET:
        return Became.WALLET.label, "wallet", "mut" if one.seen_at else "warn"
    if one.sale is not None:
        if one.sale.state == SaleState.PAID:
            return pgettext_lazy("payment", "paid, on its way to the meter"), "loader-2", "accent"
        return words.SALES[SaleState(one.sale.state)]
    return STATES[one.state]


def _states(_who: Operator) -> list[tuple[str, words.Text]]:
    where = {
        queries.KEPT: Became.WALLET.label,
        queries.ON_ITS_WAY: pgettext_lazy("payment", "paid, not credited yet"),
        queries.CREDITED: pgettext_lazy("payment", "paid and credited"),
    }
    return [*where.items(), *((state, word[0]) for state, word in STATES.items())]


def _rows(ask: Ask) -> Any:
    wanted = Wanted(
        state=ask["state"] or "",
        channel=ask["channel"] or "",
        text=ask["text"] or "",
        building_id=int(ask["building"]) if ask["building"] else None,
        first_day=ask["from"],
        last_day=ask["to"],
    )
    return queries.wanted_attempts(operator=ask.operator, wanted=wanted)


def _own(one: Attempt) -> str:
    return reverse("console:online-show", args=[one.pk])


def _today(_who: Operator) -> Mapping[str, str]:
    day = metering.today(now()).isoformat()
    return {"from": day, "to": day}


REGISTER = Register(
    name="online-payments",
    icon="device-mobile",
    title=gettext_lazy("Online payments"),
    columns=(
        Column(
            "at", gettext_lazy("Asked for"), "when", value=lambda one: one.created_at, sort=("created_at",), width=20
        ),
        Column(
            "order",
            pgettext_lazy("payment", "Order"),
            value=lambda one: one.order_no,
            link=_own,
            sort=("order_no",),
            width=28,
        ),
        Column(
            "room",
            gettext_lazy("Room"),
            value=lambda one: one.meter.room.number if one.meter.room else "",
            sort=("meter__room__number",),
            width=10,
        ),
        Column(
            "customer", gettext_lazy("Tenant"), value=lambda one: one.customer.name, sort=("customer__name",), width=24
        ),
        Column("meter", gettext_lazy("Meter"), value=lambda one: one.meter.number, sort=("meter__number",), width=16),
        Column(
            "channel", gettext_lazy("Method"), value=lambda one: one.get_channel_display(), sort=("channel",), width=12
        ),
        Column("way", gettext_lazy("Way"), value=lambda one: WAYS.get(one.way, one.way), sort=("way",), shown=False),
        Column("door", gettext_lazy("Door"), value=lambda one: DOORS.get(one.by, one.by), sort=("by",), shown=False),
        Column("amount", gettext_lazy("Amount"), "money", value=lambda one: one.amount_fen, sort=("amount_fen",)),
        Column("paid", gettext_lazy("Paid"), "money", value=lambda one: one.paid_fen, sort=("paid_fen",)),
        Column("paid_at", gettext_lazy("Paid at"), "when", sort=("paid_at",), width=20),
        Column(
            "state",
            gettext_lazy("State"),
            value=lambda one: standing(one)[0],
            icon=lambda one: standing(one)[1],
            tone=lambda one: standing(one)[2],
            sort=("state", "became"),
            width=20,
        ),
        Column("why", gettext_lazy("Reason"), value=lambda one: one.get_why_display(), sort=("why",), width=24),
        Column("receipt", gettext_lazy("Receipt"), value=lambda one: one.sale.receipt if one.sale else "", shown=False),
        Column("number", gettext_lazy("Provider's number"), value=lambda one: one.channel_no, shown=False, width=32),
    ),
    filters=(
        Filter("from", gettext_lazy("From"), "day"),
        Filter("to", gettext_lazy("To"), "day"),
        Filter("state", gettext_lazy("State"), "choice", choices=_states),
        Filter("channel", gettext_lazy("Method"), "choice", choices=lambda _who: list(Provider.choices)),
        Filter("building", gettext_lazy("Building"), "choice", choices=buildings),
        Filter("text", gettext_lazy("Room, tenant, meter or order")),
    ),
    order="-at",
    rows=_rows,
    defaults=_today,
    tie=("order_no",),
)


@page(Right.READ)
def index(request: HttpRequest) -> HttpResponseBase:
    return answer(request, REGISTER, template="console/online/index.html", more=lambda _ask: {"page": "online"})


def _strange(ask: Ask) -> Any:
    found = queries.strange_notices(operator=ask.operator)
    if ask["channel"]:
        found = found.filter(channel=ask["channel"])
    return found.filter(verdict=ask["verdict"]) if ask["verdict"] else found


def _verdicts(_who: Operator) -> list[tuple[str, words.Text]]:
    return [(one.value, one.label) for one in (Verdict.FORGED, Verdict.NO_ORDER, Verdict.AMOUNT)]


def _whose(one: Notice) -> str:
    known = Attempt.objects.filter(pk=one.order_no).exists() if one.order_no else False
    return reverse("console:online-show", args=[one.order_no]) if known else ""


STRANGE = Register(
    name="payment-messages",
    icon="shield-lock",
    title=gettext_lazy("Messages of providers that were not taken"),
    columns=(
        Column("at", gettext_lazy("Time"), "when", sort=("at",), width=20),
        Column("channel", gettext_lazy("Method"), value=lambda one: one.get_channel_display(), sort=("channel",)),
        Column(
            "verdict", gettext_lazy("Judged"), value=lambda one: one.get_verdict_display(), sort=("verdict",), width=30
        ),
        Column("order", pgettext_lazy("payment", "Order"), value=lambda one: one.order_no, link=_whose, width=28),
        Column("amount", gettext_lazy("Amount"), "money", value=lambda one: one.amount_fen, sort=("amount_fen",)),
        Column("says", gettext_lazy("Why"), value=lambda one: one.says, width=40),
        Column("address", gettext_lazy("From address"), sort=("address",)),
    ),
    filters=(
        Filter("channel", gettext_lazy("Method"), "choice", choices=lambda _who: list(Provider.choices)),
        Filter("verdict", gettext_lazy("Judged"), "choice", choices=_verdicts),
    ),
    order="-at",
    rows=_strange,
    tie=("pk",),
)


@page(Right.REPORTS)
def messages(request: HttpRequest) -> HttpResponseBase:
    return answer(request, STRANGE, template="console/online/messages.html", more=lambda _ask: {"page": "online"})


def _attempt(request: HttpRequest, order_no: str) -> Attempt:
    found = queries.attempts(operator=operator(request)).filter(pk=order_no).first()
    if found is None:
        raise Http404
    return found


@page(Right.READ)
def show(request: HttpRequest, order_no: str) -> HttpResponse:
    return _show(request, _attempt(request, order_no))


def _show(request: HttpRequest, one: Attempt, *, error: Exception | None = None, doing: str = "") -> HttpResponse:
    who = operator(request)
    text, icon, tone = standing(one)
    kept_fen, left_fen = giving.kept_fen(one), giving.left_fen(one)
    context = {
        "page": "online",
        "one": one,
        "text": text,
        "icon": icon,
        "tone": tone,
        "way": WAYS.get(one.way, one.way),
        "door": DOORS.get(one.by, one.by),
        "facts": one.facts,
        "others": queries.attempts(operator=who).filter(order_id=one.order_id).exclude(pk=one.pk),
        "notices": queries.notices(attempt=one)[:50],
        "backs": [(back, *BACKS[back.state]) for back in one.backs.select_related("operator", "refund")],
        "differences": queries.differences(operator=who).filter(attempt=one, ended_at=None),
        "kept_fen": kept_fen,
        "left_fen": left_fen,
        "can_back": left_fen > 0 and one.state == State.PAID and who.may(Right.REFUND),
        "can_send": one.became == Became.WALLET and kept_fen == one.paid_fen and who.may(Right.SELL),
        "can_note": one.became == Became.WALLET and who.may(Right.REFUND),
        "tenders": [row for row in tenders() if kept_fen > 0 or row[0] == one.channel],
        "back_id": new_id(),
        "refused": refusal(error) if error else None,
        "doing": doing,
        "given": request.POST,
    }
    return render(request, "console/online/show.html", context, status=422 if error else 200)


def _do(
    request: HttpRequest, order_no: str, doing: str, call: Callable[..., Any], *, id_as: str = "", **given: Any
) -> HttpResponse:
    one = _attempt(request, order_no)
    try:
        if id_as:
            given[id_as] = given_id(request, "form_id")
        call(attempt=one, operator=operator(request), now=now(), address=address(request), **given)
    except Refused as error:
        return _show(request, one, error=error, doing=doing)
    return HttpResponseRedirect(_own(one))


@page(Right.REFUND, methods=POST)
def back(request: HttpRequest, order_no: str) -> HttpResponse:
    return _do(
        request,
        order_no,
        "back",
        giving.give_back,
        id_as="form_id",
        amount=request.POST.get("amount", "").replace(",", ""),
        reason=request.POST.get("reason", ""),
        tender=request.POST.get("tender", ""),
    )


@page(Right.SELL, methods=POST)
def send_on(request: HttpRequest, order_no: str) -> HttpResponse:
    return _do(request, order_no, "send_on", caring.send_on)


@page(Right.REFUND, methods=POST)
def note(request: HttpRequest, order_no: str) -> HttpResponse:
    return _do(request, order_no, "note", caring.take_note, note=request.POST.get("note", ""))
