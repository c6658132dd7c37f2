"""销户查询, and one act's page: how far each meter is, what a person can do now, and the sheet to print in the end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext, pgettext_lazy

from prewatt.domain.billing.models import Billing
from prewatt.domain.estate.models import Meter
from prewatt.domain.staff.rights import Right
from prewatt.domain.vending import closing_queries
from prewatt.domain.vending import operations as vending
from prewatt.domain.vending.checks import NotAnAmount, Refused
from prewatt.domain.vending.closing_queries import LineProgress
from prewatt.domain.vending.records import Closing, ClosingKind, ClosingLine, ClosingState, How, LineState
from prewatt.web.console.views.customers.ending import far_of, given_readings, typed_of
from prewatt.web.console.views.customers.opening import meter_of
from prewatt.web.console.views.customers.second import second_person
from prewatt.web.console.views.sale import tenders
from prewatt.web.parts import words
from prewatt.web.parts.pages import address, now, operator, page, refusal
from prewatt.web.parts.registers import answer
from prewatt.web.parts.tables import Ask, Column, Filter, Register

KINDS: dict[str, words.Text] = {
    ClosingKind.CLOSE: _("Account closed"),
    ClosingKind.CHANGE: _("Meter changed"),
    ClosingKind.HAND_OVER: _("Handed over"),
    ClosingKind.REBILL: _("Billing changed"),
}
STATES: dict[str, words.Text] = {
    ClosingState.OPEN: _("Under way"),
    ClosingState.DONE: _("Done"),
    ClosingState.WITHDRAWN: _("Withdrawn"),
}
# state of a line -> word, icon, tone
LINES: dict[str, tuple[words.Text, str, str]] = {
    LineState.READING: (_("Being switched off and read"), "loader-2", "accent"),
    LineState.TAKING: (_("The credit is taken off the meter"), "loader-2", "accent"),
    LineState.UNCLEAR: (_("Unclear: a person decides"), "alert-triangle", "bad"),
    LineState.OWES: (_("Arrears are to be paid"), "currency-yuan", "warn"),
    LineState.STUCK: (_("The meter does not do it"), "alert-triangle", "warn"),
    LineState.SWAP: (_("The new meter is to be put in place"), "plug", "warn"),
    LineState.CARRYING: (_("The balance goes to the meter"), "loader-2", "accent"),
    LineState.NOT_CARRIED: (_("The meter did not take the balance"), "alert-triangle", "warn"),
    LineState.DONE: (_("Done"), "circle-check", "good"),
    LineState.WITHDRAWN: (_("Withdrawn"), "circle-x", "mut"),
}
VERBS = (
    "collect_arrears",
    "type_reading",
    "try_again",
    "withdraw",
    "in_place",
    "carry_again",
    "pay_back_carried",
)
WAITS_S = 2


def _rows(ask: Ask) -> Any:
    found = closing_queries.lines(operator=ask.operator, kind=ask["kind"] or "")
    mine = closing_queries.closings(
        operator=ask.operator,
        first_day=ask["from"],
        last_day=ask["to"],
        text=ask["text"] or "",
        state=ask["state"] or "",
    )
    return found.filter(closing__in=mine.order_by().values("pk"))


def _at(line: ClosingLine) -> str:
    return reverse("console:closing", args=[line.closing_id])


def _to(line: ClosingLine) -> str:
    if line.closing.kind == ClosingKind.REBILL:
        billing = line.closing.rebilling.billing
        return str(Billing(billing).label if billing else pgettext("billing", "the meter"))
    return line.new_meter.number if line.new_meter else str(line.closing.to_customer or "")


def _back(line: ClosingLine) -> int | None:
    return line.back_fen or None


REGISTER = Register(
    name="closings",
    icon="wallet",
    title=_("Closings"),
    columns=(
        Column(
            "asked", _("Time"), "when", value=lambda one: one.closing.asked_at, sort=("closing__asked_at",), width=20
        ),
        Column("kind", _("Kind"), value=lambda one: KINDS[one.closing.kind], link=_at, sort=("closing__kind",)),
        Column(
            "state",
            _("Standing"),
            value=lambda one: LINES[one.state][0],
            icon=lambda one: LINES[one.state][1],
            tone=lambda one: LINES[one.state][2],
            sort=("state",),
            width=24,
        ),
        Column("number", _("User number"), value=lambda one: one.closing.customer.number),
        Column("name", _("Tenant"), value=lambda one: one.closing.customer.name, width=24),
        Column("room", _("Room"), value=lambda one: one.meter.room.number if one.meter.room else ""),
        Column("meter", _("Meter number"), value=lambda one: one.meter.number, sort=("meter__number",), width=16),
        Column("energy", _("Final register (kWh)"), "energy", value=lambda one: one.energy_wh, sort=("energy_wh",)),
        Column("balance", _("Final balance (yuan)"), "money", value=lambda one: one.balance_fen, sort=("balance_fen",)),
        Column("paid", _("Arrears paid (yuan)"), "money", value=lambda one: one.paid_fen or None, sort=("paid_fen",)),
        Column("back", _("Paid back (yuan)"), "money", value=_back, sort=("back_fen",)),
        Column("carried", _("Gone along (yuan)"), "money", value=lambda one: one.carried_fen or None),
        Column(
            "how",
            _("Reading"),
            value=lambda one: How(one.how).label if one.balance_fen is not None else "",
            tone=lambda one: "warn" if one.how == How.TYPED else "",
            sort=("how",),
        ),
        Column(
            "to",
            pgettext_lazy("closing", "To"),
            value=_to,
            width=20,
        ),
        Column("by", _("By"), value=lambda one: str(one.closing.operator)),
        Column("opened", _("Opened"), "when", value=lambda one: one.opening.opened_at, shown=False, width=20),
        Column("ended", _("Ended"), "when", value=lambda one: one.closing.ended_at, shown=False, width=20),
        Column("used", _("Used at the end (yuan)"), "money", value=lambda one: one.used_fen, shown=False),
        Column("second", _("Confirmed by"), value=lambda one: str(one.second_person or ""), shown=False),
        Column("reason", _("Reason"), value=lambda one: one.typed_reason, shown=False, width=30),
        Column("note", _("Note"), value=lambda one: one.closing.note, shown=False, width=30),
    ),
    filters=(
        Filter("from", _("From"), "day"),
        Filter("to", _("To"), "day"),
        Filter("kind", _("Kind"), "choice", choices=lambda _who: list(KINDS.items())),
        Filter("state", _("Standing"), "choice", choices=lambda _who: list(STATES.items())),
        Filter("text", _("Tenant, room or meter number")),
    ),
    order="-asked",
    rows=_rows,
    empty=_("No account was closed, changed or handed over yet."),
)


@page(Right.READ)
def index(request: HttpRequest) -> HttpResponseBase:
    return answer(request, REGISTER, more=lambda _ask: {"page": "closings"})


def closing_of(request: HttpRequest, closing_id: str) -> Closing:
    """An act with a meter in this operator's buildings, or 404."""
    found = closing_queries.closings(operator=operator(request)).filter(pk=closing_id).first()
    if found is None:
        raise Http404
    return found


def _context(request: HttpRequest, closing_id: str) -> dict[str, Any]:
    closing = closing_of(request, closing_id)
    progress = closing_queries.progress(closing.pk)
    mine = set(Meter.objects.for_operator(operator(request)).order_by().values_list("pk", flat=True))
    shown = [one for one in progress.lines if one.line.meter_id in mine]
    typed = given_readings(request, [one.line.meter for one in shown])
    rows = [_row(one) | {"typed": typed[one.line.meter_id]} for one in shown]
    lines = [one.line for one in shown]
    return {
        "page": "closings",
        "closing": closing,
        "kind_word": KINDS[closing.kind],
        "state_word": STATES[closing.state],
        "progress": progress,
        "rows": rows,
        "sums": {name: sum(getattr(one, name) for one in lines) for name in ("paid_fen", "back_fen", "carried_fen")},
        "tender_text": words.TENDERS.get(closing.tender, closing.tender),
        "may_act": operator(request).may(Right.OPEN_ACCOUNT),
        "may_sell": operator(request).may(Right.SELL),
        "again_s": WAITS_S,
        "now": now(),
    }


def _row(one: LineProgress) -> dict[str, Any]:
    word, icon, tone = LINES[one.line.state]
    return {"one": one, "line": one.line, "word": word, "icon": icon, "tone": tone, "may": one.may}


@page(Right.READ)
def show(request: HttpRequest, closing_id: str) -> HttpResponse:
    return _show(request, closing_id)


def _show(request: HttpRequest, closing_id: str, *, error: Refused | None = None) -> HttpResponse:
    context = {
        **_context(request, closing_id),
        "tenders": tenders(),
        "refused": refusal(error) if error else None,
        "far": far_of(error),
    }
    return render(request, "console/customers/closing.html", context, status=422 if error else 200)


@page(Right.READ)
def live(request: HttpRequest, closing_id: str) -> HttpResponse:
    """The meters' way alone; asks again by itself. When something changed, the whole page has more to say."""
    return render(request, "console/customers/_closing.html", _context(request, closing_id))


@page(Right.OPEN_ACCOUNT, methods=("POST",))
def act(request: HttpRequest, closing_id: str, verb: str) -> HttpResponse:
    """What a person does while it is under way. One domain call."""
    if verb not in VERBS:
        raise Http404
    closing = closing_of(request, closing_id)
    chosen = request.POST.get("opening", "")
    line = closing.lines.select_related("meter").filter(opening=int(chosen) if chosen.isdecimal() else 0).first()
    if line is None or not Meter.objects.for_operator(operator(request)).filter(pk=line.meter_id).exists():
        raise Http404
    try:
        _ACTS[verb](request, line)
    except Refused as error:
        return _show(request, closing_id, error=error)
    return redirect("console:closing", closing_id=closing_id)


def _who(request: HttpRequest) -> dict[str, Any]:
    return {"operator": operator(request), "now": now(), "address": address(request)}


def _of(line: ClosingLine) -> dict[str, Any]:
    return {"closing_id": line.closing_id, "opening_id": line.opening_id}


def _collect(request: HttpRequest, line: ClosingLine) -> None:
    amount = request.POST.get("amount", "").replace(",", "")
    vending.collect_arrears(**_of(line), amount=amount, tender=request.POST.get("tender", ""), **_who(request))


def _type(request: HttpRequest, line: ClosingLine) -> None:
    typed = typed_of(request, line.meter)
    if typed is None:
        raise NotAnAmount(str(_("The final balance is missing. Nothing was booked. Type what stood on the meter.")))
    vending.type_reading(**_of(line), typed=typed, second_person=second_person(request), **_who(request))


def _carry(request: HttpRequest, line: ClosingLine) -> None:
    chosen = request.POST.get("new_meter", "")
    new = meter_of(request, int(chosen)) if chosen.isdecimal() and len(chosen) < 10 else None
    vending.carry_again(change_id=line.closing_id, new_meter=new, **_who(request))


def _pay_back(request: HttpRequest, line: ClosingLine) -> None:
    vending.pay_back_carried(change_id=line.closing_id, tender=request.POST.get("tender", ""), **_who(request))


_ACTS: dict[str, Callable[[HttpRequest, ClosingLine], Any]] = {
    "collect_arrears": _collect,
    "type_reading": _type,
    "try_again": lambda request, line: vending.try_again(**_of(line), **_who(request)),
    "withdraw": lambda request, line: vending.withdraw(**_of(line), **_who(request)),
    "in_place": lambda request, line: vending.in_place(change_id=line.closing_id, **_who(request)),
    "carry_again": _carry,
    "pay_back_carried": _pay_back,
}
