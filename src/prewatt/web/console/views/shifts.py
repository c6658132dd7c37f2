"""交接班: a cashier's drawer opened, counted and handed over; the list of all of them for finance."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext_lazy, pgettext_lazy

from prewatt.domain.staff.models import Operator
from prewatt.domain.staff.rights import Right
from prewatt.domain.vending import operations as vending
from prewatt.domain.vending import shifts
from prewatt.domain.vending.checks import Refused
from prewatt.domain.vending.models import Shift
from prewatt.web.console.views.sale import amount_typed, given_id, new_id
from prewatt.web.parts import words
from prewatt.web.parts.pages import address, now, operator, page, refusal
from prewatt.web.parts.registers import answer
from prewatt.web.parts.tables import Ask, Column, Filter, Register

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest

TAKES_MONEY = (Right.SELL, Right.REFUND, Right.REVERSE)


def _cashiers(who: Operator) -> Iterable[tuple[str, words.Text]]:
    ids = shifts.shifts(operator=who).order_by().values("operator").distinct()
    return [(str(one.pk), str(one)) for one in Operator.objects.filter(pk__in=ids).order_by("name", "username")]


def _rows(ask: Ask) -> QuerySet[Shift]:
    found = shifts.shifts(operator=ask.operator)
    if ask["from"]:
        found = found.filter(business_day__gte=ask["from"])
    if ask["to"]:
        found = found.filter(business_day__lte=ask["to"])
    if ask["cashier"]:
        found = found.filter(operator=int(ask["cashier"]))
    if ask["state"]:
        found = found.filter(closed_at__isnull=ask["state"] == "open")
    return found


def _of(shift: Shift, tender: str, part: str) -> int | None:
    """A figure of the sheet as it was handed over; nothing while the shift is open."""
    if shift.closed_at is None:
        return None
    rows = [row for row in shift.figures if tender in ("", row["tender"])]
    if part == "back":
        return sum(int(row["refunded_fen"]) + int(row["reversed_fen"]) for row in rows)
    return sum(int(row[part]) for row in rows)


REGISTER = Register(
    name="shifts",
    icon="clock",
    title=gettext_lazy("Shifts"),
    columns=(
        Column("cashier", gettext_lazy("Cashier"), value=lambda one: str(one.operator), sort=("operator__name",)),
        Column(
            "opened",
            pgettext_lazy("shift", "Opened"),
            "when",
            value=lambda one: one.opened_at,
            sort=("opened_at",),
            link=lambda one: reverse("console:shift", args=[one.pk]),
            width=20,
        ),
        Column(
            "closed",
            pgettext_lazy("shift", "Closed"),
            "when",
            value=lambda one: one.closed_at,
            sort=("closed_at",),
            width=20,
        ),
        Column("float", gettext_lazy("Float"), "money", value=lambda one: one.float_fen, sort=("float_fen",)),
        Column("sold", gettext_lazy("Sold, all methods"), "money", value=lambda one: _of(one, "", "sold_fen")),
        Column("cash", gettext_lazy("Cash in"), "money", value=lambda one: _of(one, "cash", "sold_fen")),
        Column("back", gettext_lazy("Cash out"), "money", value=lambda one: _of(one, "cash", "back")),
        Column(
            "expected", gettext_lazy("Expected"), "money", value=lambda one: one.expected_fen, sort=("expected_fen",)
        ),
        Column("counted", gettext_lazy("Counted"), "money", value=lambda one: one.counted_fen, sort=("counted_fen",)),
        Column(
            "difference",
            gettext_lazy("Difference"),
            "money",
            value=lambda one: one.difference_fen,
            tone=lambda one: "bad b" if one.difference_fen else "",
        ),
        Column("reason", gettext_lazy("Reason"), value=lambda one: one.reason, width=30),
        Column("handed", gettext_lazy("Handed to"), value=lambda one: one.handed_to, shown=False),
    ),
    filters=(
        Filter("from", gettext_lazy("From"), "day"),
        Filter("to", gettext_lazy("To"), "day"),
        Filter("cashier", gettext_lazy("Cashier"), "choice", choices=_cashiers),
        Filter(
            "state",
            gettext_lazy("State"),
            "choice",
            choices=lambda _who: [
                ("open", pgettext_lazy("shift", "open")),
                ("closed", pgettext_lazy("shift", "closed")),
            ],
        ),
    ),
    order="-opened",
    rows=_rows,
    empty=gettext_lazy("No shift yet. A cashier opens the first one at the counter."),
)


@page(*TAKES_MONEY, Right.REPORTS)
def index(request: HttpRequest) -> HttpResponseBase:
    """His own shifts; for finance, all of them."""
    who = operator(request)
    more = {
        "page": "shifts",
        "may_open": any(who.may(right) for right in TAKES_MONEY),
        "mine": shifts.current(who),
    }
    return answer(request, REGISTER, template="console/shifts/index.html", more=lambda _ask: more)


@page(*TAKES_MONEY, methods=("GET", "HEAD", "POST"))
def open_(request: HttpRequest) -> HttpResponse:
    """The opening float, and then to the counter. An open shift is shown instead."""
    who = operator(request)
    if request.method != "POST":
        mine = shifts.current(who)
        return redirect("console:shift", mine.pk) if mine else _draw_open(request)
    try:
        vending.open_shift(
            shift_id=given_id(request, "form_id"),
            float_amount=amount_typed(request),
            operator=who,
            now=now(),
            address=address(request),
        )
    except Refused as error:
        return _draw_open(request, error)
    return redirect("console:sale")


def _draw_open(request: HttpRequest, error: Refused | None = None) -> HttpResponse:
    last = Shift.objects.filter(operator=operator(request)).order_by("-opened_at").first()
    context = {
        "page": "shifts",
        "form_id": new_id(),
        "last": last,
        "amount": request.POST.get("amount", ""),
        "refused": refusal(error) if error else None,
    }
    return render(request, "console/shifts/open.html", context, status=422 if error else 200)


def _shift_of(request: HttpRequest, shift_id: str) -> Shift:
    found = shifts.shifts(operator=operator(request)).filter(pk=shift_id).first()
    if found is None:
        raise Http404
    return found


@page(*TAKES_MONEY, Right.REPORTS)
def show(request: HttpRequest, shift_id: str) -> HttpResponse:
    """The hand-over sheet; of an open shift with the form to close it."""
    return _draw(request, shift_id)


def _draw(request: HttpRequest, shift_id: str, error: Refused | None = None) -> HttpResponse:
    who, shift = operator(request), _shift_of(request, shift_id)
    drawer = shifts.drawer(shift)
    mine = shift.operator_id == who.pk
    context: dict[str, Any] = {
        "page": "shifts",
        "shift": shift,
        "drawer": drawer,
        "methods": [(one, words.TENDERS.get(one.tender, one.tender)) for one in drawer.methods],
        "pieces": [_piece(request, shift, fen) for fen in shifts.PIECES_FEN],
        "mine": mine,
        "may_close": shift.closed_at is None and (mine or who.may(Right.DECIDE)),
        "given": request.POST,
        "refused": refusal(error) if error else None,
    }
    return render(request, "console/shifts/show.html", context, status=422 if error else 200)


def _piece(request: HttpRequest, shift: Shift, fen: int) -> dict[str, Any]:
    """One kind of note or coin: as counted, or as it is being typed."""
    count = shift.pieces.get(str(fen), "") if shift.closed_at else request.POST.get(f"pieces-{fen}", "")
    label = f"{fen // 100}" if fen >= 100 else f"0.{fen // 10}"
    return {"fen": fen, "label": label, "count": count, "sum_fen": int(count) * fen if shift.closed_at and count else 0}


@page(*TAKES_MONEY, methods=("POST",))
def close(request: HttpRequest, shift_id: str) -> HttpResponse:
    shift = _shift_of(request, shift_id)
    try:
        vending.close_shift(
            shift_id=shift.pk,
            counted=amount_typed(request, "counted"),
            pieces=_pieces(request),
            reason=request.POST.get("reason", ""),
            handed_to=request.POST.get("handed_to", ""),
            operator=operator(request),
            now=now(),
            address=address(request),
        )
    except Refused as error:
        return _draw(request, shift_id, error)
    return redirect("console:shift", shift.pk)


def _pieces(request: HttpRequest) -> dict[int, int]:
    """Notes and coins as typed; what is no number is refused by the domain."""
    typed = {fen: request.POST.get(f"pieces-{fen}", "").strip() for fen in shifts.PIECES_FEN}
    return {fen: int(text) if text.isdecimal() and len(text) < 8 else -1 for fen, text in typed.items() if text}
