"""清退: a preview of what would go back, two persons, then a run; each part is paid out or stays in the wallet."""

from __future__ import annotations

from datetime import date
from secrets import token_hex
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from prewatt.domain.estate.models import Meter
from prewatt.domain.ledger import accounts as ledger_accounts
from prewatt.domain.ledger import queries as ledger
from prewatt.domain.metering.queries import today
from prewatt.domain.resale import operations, queries
from prewatt.domain.resale.models import ClearBack, ClearBackLine, PurchaseBill
from prewatt.domain.staff.refusals import Refused
from prewatt.domain.staff.rights import Right
from prewatt.domain.vending import counters
from prewatt.domain.vending.models import Refund
from prewatt.web.console.second import second_person
from prewatt.web.console.sheet_pdf import a4
from prewatt.web.console.views.resale.bills import bill_of, place
from prewatt.web.console.views.resale.publicity import issuer
from prewatt.web.parts.pages import address, now, operator, page, refusal
from prewatt.web.parts.registers import answer
from prewatt.web.parts.tables import Ask, Column, Filter, Register

BOTH = ("GET", "HEAD", "POST")
ROWS_MAX = 200


def _run_row(run: ClearBack) -> dict[str, Any]:
    return {
        "pk": run.pk,
        "at": run.at,
        "place": place(run),
        "months": _months(run),
        "fen": run.total_fen,
        "by": str(run.operator),
        "second": str(run.second_person),
        "reason": run.reason,
    }


def _months(run: ClearBack) -> str:
    first, last = f"{run.first_month:%Y-%m}", f"{run.last_month:%Y-%m}"
    return first if first == last else f"{first} – {last}"


RUNS = Register(
    name="clear-backs",
    title=gettext_lazy("Given back"),
    icon="receipt-refund",
    columns=(
        Column(
            "at",
            gettext_lazy("Time"),
            "when",
            sort=("at",),
            link=lambda row: f"{reverse('console:clear-back-lines')}?run={row['pk']}",
        ),
        Column("place", gettext_lazy("Building"), sort=("place",)),
        Column("months", gettext_lazy("Months"), sort=("months",)),
        Column("fen", gettext_lazy("Amount"), "money", sort=("fen",)),
        Column("by", gettext_lazy("By"), sort=("by",)),
        Column("second", gettext_lazy("Second person"), sort=("second",)),
        Column("reason", gettext_lazy("Reason"), width=40),
    ),
    filters=(),
    order="-at",
    rows=lambda ask: [_run_row(one) for one in queries.runs(operator=ask.operator)],
    empty=gettext_lazy("Nothing was given back yet."),
)


@page(Right.REPORTS, Right.REFUND)
def register(request: HttpRequest) -> HttpResponseBase:
    return answer(request, RUNS, template="console/resale/runs.html", more=lambda _ask: {"page": "clear-backs"})


def _bill(request: HttpRequest) -> PurchaseBill:
    text = request.GET.get("bill", "") or request.POST.get("bill", "")
    if not text.isdecimal():
        newest = queries.bills(operator=operator(request)).first()
        if newest is None:
            raise Http404
        return newest
    return bill_of(request, int(text))


def _since(request: HttpRequest, bill: PurchaseBill) -> date:
    """The first month: what was asked for, or the bill's own. The bill's month is the last."""
    text = request.GET.get("first", "") or request.POST.get("first", "")
    try:
        asked = date.fromisoformat(f"{text[:7]}-01")
    except ValueError:
        return bill.month
    return min(asked, bill.month)


@page(Right.REFUND, methods=BOTH)
def create(request: HttpRequest) -> HttpResponseBase:
    """The preview; with a reason and a second person it becomes a run."""
    if not queries.bills(operator=operator(request)).exists():
        return render(request, "console/resale/give.html", {"page": "clear-backs", "bill": None})
    bill = _bill(request)
    first = _since(request, bill)
    if request.method != "POST":
        return _draw(request, bill, first)
    shown = request.POST.get("shown_fen", "")
    try:
        run = operations.clear_back(
            run_id=(request.POST.get("form_id", "") or token_hex(16))[:40],
            building=bill.building,
            first=first,
            last=bill.month,
            shown_fen=int(shown) if shown.isdecimal() else -1,
            reason=request.POST.get("reason", ""),
            operator=operator(request),
            second_person=second_person(request),
            now=now(),
            address=address(request),
        )
    except Refused as error:
        return _draw(request, bill, first, error=error)
    messages.success(request, _("It was given back: the money stands in the tenants' wallets."))
    return HttpResponseRedirect(f"{reverse('console:clear-back-lines')}?run={run.pk}")


def _draw(request: HttpRequest, bill: PurchaseBill, first: date, *, error: Refused | None = None) -> HttpResponse:
    found = None
    try:
        found = operations.preview(
            building=bill.building, first=first, last=bill.month, operator=operator(request), now=now()
        )
    except Refused as refused:
        error = error or refused
    context = {
        "page": "clear-backs",
        "bill": bill,
        "place": place(bill),
        "first": first,
        "found": found,
        "rows": found.lines[:ROWS_MAX] if found else (),
        "months": [one.month for one in _earlier(request, bill)],
        "reason": request.POST.get("reason", ""),
        "form_id": (request.POST.get("form_id", "") or token_hex(16))[:40],
        "refused": refusal(error) if error else None,
    }
    return render(
        request, "console/resale/give.html", context, status=422 if error and request.method == "POST" else 200
    )


def _earlier(request: HttpRequest, bill: PurchaseBill) -> Any:
    """Bills of the same building up to this one, the newest first."""
    mine = queries.bills(operator=operator(request)).filter(building=bill.building, month__lte=bill.month)
    return mine.order_by("-month")[: operations.MONTHS_MAX]


def _run(request: HttpRequest, run_id: str) -> ClearBack:
    run = queries.runs(operator=operator(request)).filter(pk=run_id).first()
    if run is None:
        raise Http404
    return run


def _runs(who: Any) -> list[tuple[str, str]]:
    return [(one.pk, f"{one.at:%Y-%m-%d} · {place(one)} · {_months(one)}") for one in queries.runs(operator=who)]


def _line_rows(ask: Ask) -> list[ClearBackLine]:
    run = queries.runs(operator=ask.operator)
    chosen = run.filter(pk=ask["run"]) if ask["run"] else run[:1]
    lines = ClearBackLine.objects.filter(run__in=[one.pk for one in chosen])
    return list(lines.select_related("opening__customer", "opening__meter__room", "run"))


def _line_sums(ask: Ask) -> dict[str, int]:
    rows = _line_rows(ask)
    return {
        name: sum(getattr(one, name) for one in rows) for name in ("energy_wh", "charged_fen", "allowed_fen", "fen")
    }


LINES = Register(
    name="clear-back-lines",
    title=gettext_lazy("Given back, by account"),
    icon="receipt-refund",
    columns=(
        Column(
            "room",
            gettext_lazy("Room"),
            value=lambda row: row.opening.meter.room.number if row.opening.meter.room else "",
            sort=("room",),
        ),
        Column(
            "tenant",
            gettext_lazy("Tenant"),
            value=lambda row: row.opening.customer.name,
            sort=("tenant",),
            link=lambda row: reverse("console:clear-back-account", args=[row.run_id, row.opening_id]),
            width=24,
        ),
        Column("meter", gettext_lazy("Meter number"), value=lambda row: row.opening.meter.number, sort=("meter",)),
        Column("month", gettext_lazy("Month"), value=lambda row: f"{row.month:%Y-%m}", sort=("month",)),
        Column("energy_wh", pgettext_lazy("energy", "Used"), "energy", sort=("energy_wh",)),
        Column("charged_fen", pgettext_lazy("electricity", "Charged"), "money", sort=("charged_fen",)),
        Column("allowed_fen", gettext_lazy("By the bill"), "money", sort=("allowed_fen",)),
        Column("before_fen", gettext_lazy("Given back before"), "money", sort=("before_fen",), shown=False),
        Column("fen", gettext_lazy("Given back"), "money", sort=("fen",)),
    ),
    filters=(Filter("run", gettext_lazy("Run"), "choice", choices=_runs),),
    order="-fen",
    rows=_line_rows,
    totals=_line_sums,
    empty=gettext_lazy("Nothing was given back yet."),
)


@page(Right.REPORTS, Right.REFUND)
def lines(request: HttpRequest) -> HttpResponseBase:
    def more(ask: Ask) -> dict[str, Any]:
        found = queries.runs(operator=ask.operator)
        return {"page": "clear-backs", "run": found.filter(pk=ask["run"]).first() if ask["run"] else found.first()}

    return answer(request, LINES, template="console/resale/lines.html", more=more)


def _part(request: HttpRequest, run_id: str, pk: int) -> dict[str, Any]:
    """An account's part of a run, within the operator's buildings."""
    run = _run(request, run_id)
    mine = Meter.objects.for_operator(operator(request)).order_by().values("pk")
    found = run.lines.filter(opening=pk, opening__meter__in=mine).select_related(
        "opening__customer", "opening__meter__room__floor__building"
    )
    rows = list(found.order_by("month"))
    if not rows:
        raise Http404
    opening = rows[0].opening
    return {
        "page": "clear-backs",
        "run": run,
        "place": place(run),
        "opening": opening,
        "rows": rows,
        "fen": sum(one.fen for one in rows),
        "paid": Refund.objects.filter(pk=operations.refund_id(run.pk, pk)).first(),
        "wallet_fen": ledger.available_fen(ledger_accounts.wallet(opening.customer_id)),
    }


@page(Right.REPORTS, Right.REFUND)
def account(request: HttpRequest, run_id: str, pk: int) -> HttpResponse:
    return render(request, "console/resale/account.html", _part(request, run_id, pk) | _tenders(request))


def _tenders(request: HttpRequest) -> dict[str, Any]:
    return {"tenders": counters.settings().methods, "may_pay": operator(request).may(Right.REFUND)}


@page(Right.REFUND, methods=("POST",))
def pay(request: HttpRequest, run_id: str, pk: int) -> HttpResponseBase:
    """Out of the wallet, once; the red receipt is the refund's own."""
    found = _part(request, run_id, pk)
    try:
        row = operations.pay_out(
            run_id=run_id,
            opening_id=pk,
            tender=request.POST.get("tender", ""),
            operator=operator(request),
            now=now(),
            address=address(request),
        )
    except Refused as error:
        context = found | _tenders(request) | {"refused": refusal(error)}
        return render(request, "console/resale/account.html", context, status=422)
    return HttpResponseRedirect(reverse("console:back", args=["refund", row.pk]))


@page(Right.REPORTS, Right.REFUND)
def note(request: HttpRequest, run_id: str, pk: int) -> HttpResponse:
    """退费通知单: a paper for the tenant."""
    found = _part(request, run_id, pk) | {"issuer": issuer(), "today": today(now())}
    try:
        made = a4("console/resale/note_pdf.html", found)
    except Refused as error:
        context = found | _tenders(request) | {"refused": refusal(error)}
        return render(request, "console/resale/account.html", context, status=422)
    name = f"given-back-{found['opening'].customer.number}"
    return HttpResponse(
        made, content_type="application/pdf", headers={"Content-Disposition": f'inline; filename="{name}.pdf"'}
    )
