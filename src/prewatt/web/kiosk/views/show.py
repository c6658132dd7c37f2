"""Balance and use, receipts to print, and power on again after paying."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from secrets import token_hex
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from prewatt.domain import commands
from prewatt.domain.dispatch.states import OPEN
from prewatt.domain.estate.models import Opening
from prewatt.domain.metering import queries as metering
from prewatt.domain.staff.refusals import Refused
from prewatt.domain.tenants import doors, queries, switching
from prewatt.domain.vending import printing
from prewatt.domain.vending.receipt_text import PARTS
from prewatt.link.messages import Kind
from prewatt.web.kiosk.door import DOOR
from prewatt.web.parts import bars, papers
from prewatt.web.parts.formats import thousandth
from prewatt.web.parts.pages import address, now, refusal
from prewatt.web.parts.visits import account, accounts, visit

RECEIPT_DAYS = 92
ROWS = 12
ID_MAX = 64


def frame(request: HttpRequest, opening: Opening, wish: str) -> dict[str, Any]:
    return {"opening": opening, "all": accounts(request), "wish": wish, "now": now()}


@DOOR.page()
def balance(request: HttpRequest, pk: int) -> HttpResponse:
    opening = account(request, pk)
    found = queries.home(opening=opening, now=now())
    columns = [
        bars.Column(f"{one.at:%m-%d}", f"{one.at:%m-%d} {thousandth(one.wh)} kWh", (("all", max(0, one.wh)),))
        for one in found.days
    ]
    chart = bars.chart(columns) if columns else None
    shown = {"home": found, "chart": chart, "told_below_fen": queries.told_below(opening)}
    return render(request, "kiosk/balance.html", frame(request, opening, "balance") | shown)


@DOOR.page()
def receipts(request: HttpRequest, pk: int) -> HttpResponse:
    """The last three months."""
    opening = account(request, pk)
    since = now() - timedelta(days=RECEIPT_DAYS)
    rows = queries.purchases([opening.customer]).filter(opening=opening, sold_at__gte=since)[:ROWS]
    return render(request, "kiosk/receipts.html", frame(request, opening, "receipts") | {"rows": rows})


@DOOR.page()
def receipt(request: HttpRequest, receipt: str) -> HttpResponse:
    """The tenant's part, marked as a copy; the button prints it."""
    named = printing.split(receipt)
    mine = queries.purchases(doors.customers(visit(request)))
    sale = mine.filter(series=named[0], number=named[1]).first() if named else None
    document = printing.find(*named, operator=None) if named and sale else None
    if sale is None or document is None:
        raise Http404
    paper = printing.paper(document, together=False, operator=document.operator, now=now())
    slips = [papers.Slips(paper, parts=PARTS[1:2], copy=True)]
    context = {"receipts": slips, "opening": sale.opening, "wish": "receipts", "now": now()}
    return render(request, "kiosk/receipt.html", context)


@DOOR.page(methods=("GET", "HEAD", "POST"))
def power(request: HttpRequest, pk: int) -> HttpResponse:
    """充值后复电. Off is never done from here."""
    opening = account(request, pk)
    order_id = request.POST.get("order_id", "")[:ID_MAX]
    if request.method != "POST" or not (order_id.isascii() and order_id.isalnum()):
        return _power(request, opening)
    try:
        switching.switch(order_id=order_id, opening=opening, kind=Kind.SWITCH_ON, now=now(), address=address(request))
    except Refused as error:
        return _power(request, opening, refusal(error))
    return redirect("kiosk:power", opening.pk)


def _power(request: HttpRequest, opening: Opening, refused: Mapping[str, Any] | None = None) -> HttpResponse:
    order = switching.latest(opening)
    context = frame(request, opening, "power") | {
        "order": order,
        "moving": order is not None and order.state in OPEN,
        "standing": metering.standing(opening.meter),
        "may": commands.tenant_may(opening, Kind.SWITCH_ON),
        "order_id": token_hex(16),
        "refused": refused,
    }
    part = request.headers.get("HX-Request") == "true"
    template = "kiosk/_power.html" if part else "kiosk/power.html"
    return render(request, template, context, status=422 if refused else 200)
