"""Purchases and their receipts, messages, and what the site knows of the tenant."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from prewatt.domain import commands
from prewatt.domain.staff.refusals import Refused
from prewatt.domain.tenants import doors, queries
from prewatt.domain.vending import printing
from prewatt.domain.vending.receipt_text import PARTS
from prewatt.link.messages import Kind
from prewatt.web.parts import papers
from prewatt.web.parts.pages import now, refusal
from prewatt.web.parts.visits import account, visit
from prewatt.web.tenant.door import DOOR
from prewatt.web.tenant.frame import frame

ROWS = 30
MESSAGES = 50


@DOOR.page()
def purchases(request: HttpRequest, pk: int) -> HttpResponse:
    """`?page=2`; newest first."""
    opening = account(request, pk)
    text = request.GET.get("page", "1")
    at = max(1, int(text)) if text.isdecimal() and len(text) < 5 else 1
    found = queries.purchases([opening.customer]).filter(opening=opening)
    rows = list(found[(at - 1) * ROWS : at * ROWS + 1])
    context = frame(request, opening, "purchases") | {
        "rows": rows[:ROWS],
        "newer": at - 1 if at > 1 else None,
        "older": at + 1 if len(rows) > ROWS else None,
    }
    return render(request, "tenant/purchases.html", context)


@DOOR.page()
def receipt(request: HttpRequest, receipt: str) -> HttpResponse:
    """The tenant's part as a PDF file, marked as a copy: the paper of the counter stays the one original."""
    named = printing.split(receipt)
    mine = queries.purchases(doors.customers(visit(request)))
    sale = mine.filter(series=named[0], number=named[1]).first() if named else None
    if named is None or sale is None:
        raise Http404
    document = printing.find(*named, operator=None)
    assert document is not None
    paper = printing.paper(document, together=False, operator=document.operator, now=now())
    try:
        made = papers.pdf([papers.Slips(paper, parts=PARTS[1:2], copy=True)], papers.SHEETS["241"])
    except Refused as error:
        return render(request, "tenant/refused.html", {"refused": refusal(error)}, status=422)
    response = HttpResponse(made, content_type="application/pdf")
    response.headers["Content-Disposition"] = f'inline; filename="{sale.receipt}.pdf"'
    return response


@DOOR.page()
def messages(request: HttpRequest, pk: int) -> HttpResponse:
    opening = account(request, pk)
    said = {"said": queries.messages(opening)[:MESSAGES], "warnings": queries.warnings(opening)[:MESSAGES]}
    return render(request, "tenant/messages.html", frame(request, opening, "home") | said)


@DOOR.page()
def me(request: HttpRequest, pk: int) -> HttpResponse:
    opening = account(request, pk)
    may_off = commands.tenant_may(opening, Kind.SWITCH_OFF)
    return render(request, "tenant/me.html", frame(request, opening, "me") | {"off": may_off})
