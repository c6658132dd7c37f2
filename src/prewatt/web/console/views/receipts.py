"""打印 and 补打: a button notes the print and opens the paper; loading the paper again is no second print."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render

from prewatt.domain.staff.rights import Right
from prewatt.domain.vending import counters, printing, receipt_template, receipt_text
from prewatt.domain.vending.checks import Refused
from prewatt.domain.vending.models import Print
from prewatt.domain.vending.receipt_text import Document
from prewatt.web.console.views.sale import given_id
from prewatt.web.parts.pages import address, now, operator, page, refusal

if TYPE_CHECKING:
    from django.http import HttpRequest

TOGETHER = "1"


def _document(request: HttpRequest, series: str, number: int) -> Document:
    found = printing.find(series, number, operator=operator(request))
    if found is None:
        raise Http404
    return found


@page(Right.SELL, Right.REFUND, Right.REVERSE, methods=("POST",))
def print_(request: HttpRequest, receipt: str) -> HttpResponse:
    """First print or reprint of one receipt number; with `together`, the whole payment on one paper."""
    series, _dash, number = receipt.rpartition("-")
    if not number.isdecimal() or len(number) > 9:
        raise Http404
    document = _document(request, series, int(number))
    try:
        done = printing.print_receipt(
            print_id=given_id(request, "form_id"),
            document=document,
            together=request.POST.get("together") == TOGETHER,
            operator=operator(request),
            now=now(),
            address=address(request),
        )
    except Refused as error:
        return render(request, "console/receipts/refused.html", {"page": "sale", "refused": refusal(error)}, status=422)
    response = redirect("console:paper", done.pk)
    if request.POST.get("together") == TOGETHER:
        response["Location"] += f"?together={TOGETHER}"
    return response


@page(Right.SELL, Right.REFUND, Right.REVERSE)
def paper(request: HttpRequest, print_id: str) -> HttpResponse:
    """The receipt in its three parts, as paper. The second print and later ones are marked 补打."""
    noted = Print.objects.select_related("operator").filter(pk=print_id).first()
    if noted is None:
        raise Http404
    document = _document(request, noted.series, noted.number)
    found = printing.paper(
        document,
        together=request.GET.get("together") == TOGETHER,
        operator=noted.operator,
        now=noted.at,
        payee=counters.settings().payee,
        template=receipt_template.template_of(document.meter.room.floor.building if document.meter.room else None),
    )
    context = {
        "paper": found,
        "print": noted,
        "reprint": noted.nth - 1,
        "parts": receipt_text.PARTS,
        "document": document,
    }
    return render(request, "console/receipts/paper.html", context)
