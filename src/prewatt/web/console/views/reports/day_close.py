"""日结: the days with their figures, a day's sheet, and the signature under it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from prewatt.domain.estate import scope
from prewatt.domain.metering import queries as metering
from prewatt.domain.reports import day_close, finance
from prewatt.domain.reports.models import DayClose
from prewatt.domain.reports.summing import Sums
from prewatt.domain.staff.refusals import Refused
from prewatt.domain.staff.rights import Right
from prewatt.web.console.views.sale import given_id, new_id
from prewatt.web.parts import words
from prewatt.web.parts.pages import address, now, operator, page, refusal
from prewatt.web.parts.registers import answer
from prewatt.web.parts.tables import Ask, Column, Filter, Register

if TYPE_CHECKING:
    from django.http import HttpRequest

DAYS_SHOWN = 31
DAYS_MAX = 366 * 3
# What the ledger's accounts are called; their balances add up to zero.
ACCOUNTS: dict[str, words.Text] = {
    "tender": gettext_lazy("Taken in, by all methods"),
    "wallet": gettext_lazy("Tenants' wallets"),
    "meter": gettext_lazy("Credit on meters"),
    "carried": gettext_lazy("Carried between two meters"),
    "revenue": gettext_lazy("Used electricity"),
    "grant": gettext_lazy("Grants"),
    "carried-in": gettext_lazy("Brought in from old meters"),
    "adjustment": gettext_lazy("Adjustments"),
}
ON_THE_WAY: dict[str, words.Text] = {
    "to_meters": gettext_lazy("Sold, on its way to the meter"),
    "unclear": gettext_lazy("Sold, unclear: a person decides"),
    "in_wallets": gettext_lazy("Sold, waits in the wallet"),
    "refunds": gettext_lazy("Refunds on their way back"),
    "reversals": gettext_lazy("Reversals on their way back"),
}


def _span(ask: Ask) -> tuple[date, date]:
    last = min(ask["to"] or metering.today(now()), metering.today(now()))
    first = ask["from"] or last - timedelta(days=DAYS_SHOWN - 1)
    return max(first, last - timedelta(days=DAYS_MAX)), last


def _rows(ask: Ask) -> list[dict[str, Any]]:
    first, last = _span(ask)
    wanted = finance.Wanted(first_day=first, last_day=last)
    sums = {row.period: row.sums for row in finance.rows(operator=ask.operator, wanted=wanted, now=now())}
    found = day_close.days(operator=ask.operator, first_day=first, last_day=last)
    asked = ask["signed"]
    return [_row(day, sums.get(day, Sums()), closed) for day, closed in found if asked in (None, _asked(closed))]


def _asked(closed: DayClose | None) -> str:
    return "no" if closed is None else "yes"


def _row(day: date, sums: Sums, closed: DayClose | None) -> dict[str, Any]:
    return {
        "day": day,
        "sold": sums.sold_fen,
        "back": sums.reversed_fen + sums.refunded_fen,
        "income": sums.income_fen,
        "signed_by": str(closed.closed_by) if closed else "",
        "signed_at": closed.closed_at if closed else None,
        "moved": closed is not None and closed.figures["total"]["income_fen"] != sums.income_fen,
        "over": day < metering.today(now()),
        "signed": closed is not None,
    }


def _standing(row: Mapping[str, Any]) -> words.Text:
    if row["moved"]:
        return gettext_lazy("signed; booked on since")
    if row["signed"]:
        return pgettext_lazy("day", "signed")
    return gettext_lazy("to be signed") if row["over"] else gettext_lazy("not over yet")


REGISTER = Register(
    name="days",
    icon="list-check",
    title=gettext_lazy("Day close"),
    columns=(
        Column(
            "day",
            gettext_lazy("Day"),
            "day",
            sort=("day",),
            link=lambda row: reverse("console:report-day", args=[row["day"].isoformat()]),
            width=12,
        ),
        Column("sold", pgettext_lazy("finance", "Sold"), "money", sort=("sold",)),
        Column("back", gettext_lazy("Reversed and refunded"), "money", sort=("back",)),
        Column("income", pgettext_lazy("finance", "Income"), "money", sort=("income",)),
        Column(
            "standing",
            gettext_lazy("State"),
            value=_standing,
            icon=lambda row: "alert-triangle" if row["moved"] else "circle-check" if row["signed"] else "circle-dashed",
            tone=lambda row: "warn" if row["moved"] else "good" if row["signed"] else "mut",
            width=22,
        ),
        Column("signed_by", gettext_lazy("Signed by"), sort=("signed_by",), width=16),
        Column("signed_at", gettext_lazy("Signed at"), "when", sort=("signed_at",), width=20),
    ),
    filters=(
        Filter("from", gettext_lazy("From"), "day"),
        Filter("to", gettext_lazy("To"), "day"),
        Filter(
            "signed",
            gettext_lazy("Signature"),
            "choice",
            choices=lambda _who: [("no", gettext_lazy("missing")), ("yes", gettext_lazy("there"))],
        ),
    ),
    order="-day",
    rows=_rows,
)


@page(Right.REPORTS)
def index(request: HttpRequest) -> HttpResponseBase:
    """The business days with their sums, and which of them are signed."""
    scope.check_site(operator(request))
    return answer(request, REGISTER, more=lambda _ask: {"page": "report-days"})


@page(Right.REPORTS)
def show(request: HttpRequest, day: str) -> HttpResponse:
    """A day's sheet: as it was signed, or as it stands now."""
    return _sheet(request, _day(day))


def _day(text: str) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise Http404 from None
    if day > metering.today(now()):
        raise Http404
    return day


def _sheet(request: HttpRequest, day: date, *, error: Exception | None = None) -> HttpResponse:
    who = operator(request)
    scope.check_site(who)
    closed = DayClose.objects.select_related("closed_by").filter(day=day).first()
    figures = closed.figures if closed else day_close.sheet(operator=who, day=day).figures()
    context = {
        "page": "report-days",
        "day": day,
        "closed": closed,
        "since": day_close.since_signed(closed) if closed else {},
        "untouched": closed is None or day_close.untouched(closed),
        "over": day < metering.today(now()),
        "may_sign": who.may(Right.AUDIT),
        "form_id": new_id(),
        "note": request.POST.get("note", ""),
        "refused": refusal(error) if error else None,
        "day_before": day - timedelta(days=1),
        "day_after": day + timedelta(days=1) if day < metering.today(now()) else None,
        **_worded(figures),
    }
    return render(request, "console/reports/day.html", context, status=422 if error else 200)


def _worded(figures: Mapping[str, Any]) -> dict[str, Any]:
    """A signed sheet holds plain keys; a page says them in its language."""
    way = figures["on_the_way"]
    return {
        "total": figures["total"],
        "methods": [{**row, "who": words.TENDERS.get(row["who"], row["who"])} for row in figures["methods"]],
        "sellers": figures["sellers"],
        "shifts": [_shift(row) for row in figures["shifts"]],
        "earlier": figures["earlier"],
        "on_the_way": [(text, way[key]) for key, text in ON_THE_WAY.items() if way[key]["number"]],
        "accounts": [(ACCOUNTS.get(code, code), fen) for code, fen in figures["ledger"].items()],
        "accounts_sum": sum(figures["ledger"].values()),
    }


def _shift(row: Mapping[str, Any]) -> dict[str, Any]:
    def moment(text: str) -> datetime | None:
        return datetime.fromisoformat(text) if text else None

    return {**row, "opened_at": moment(row["opened_at"]), "closed_at": moment(row["closed_at"])}


@page(Right.AUDIT, methods=("POST",))
def sign(request: HttpRequest, day: str) -> HttpResponse:
    which = _day(day)
    try:
        day_close.sign(
            day=which,
            form_id=given_id(request, "form_id"),
            note=request.POST.get("note", ""),
            operator=operator(request),
            now=now(),
            address=address(request),
        )
    except Refused as error:
        return _sheet(request, which, error=error)
    messages.success(request, _("%(day)s is signed.") % {"day": which.isoformat()})
    return HttpResponseRedirect(reverse("console:report-day", args=[which.isoformat()]))
