"""Which meters get a label, on which sheet; the sheet itself is a PDF file."""

from __future__ import annotations

from typing import Any

from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render

from prewatt.domain.commissioning.refusals import CommissioningRefused
from prewatt.domain.estate import scope
from prewatt.domain.estate.models import Meter
from prewatt.domain.staff.rights import Right
from prewatt.web.console import labels as sheets
from prewatt.web.parts.pages import now, operator, page, refusal

SHOWN = 12
TEXT_MAX = 64


def _chosen(request: HttpRequest) -> QuerySet[Meter]:
    """His meters that fit the filters, in the order in which a person walks: building, floor, room."""
    asked = request.GET
    found = Meter.objects.for_operator(operator(request)).filter(active=True)
    if asked.get("building"):
        found = found.filter(room__floor__building__code=asked["building"][:TEXT_MAX])
    if asked.get("bus", "").isdecimal():
        found = found.filter(bus=int(asked["bus"][:9]))
    if text := asked.get("text", "").strip()[:TEXT_MAX]:
        found = found.filter(Q(room__number__startswith=text) | Q(number__contains=text))
    order = ("room__floor__building__sort", "room__floor__building__code", "room__floor__number", "room__number")
    return found.select_related("room__floor__building", "bus__gateway").order_by(*order, "number")


@page(Right.METER_ORDERS)
def labels(request: HttpRequest) -> HttpResponseBase:
    """The form with a look at the first labels; `?pdf=1` is the file."""
    chosen = _chosen(request)
    refused = None
    if request.GET.get("pdf"):
        try:
            return _file(request, chosen)
        except CommissioningRefused as error:
            refused = refusal(error)
    return render(
        request,
        "console/commissioning/labels.html",
        _context(request, chosen) | {"refused": refused},
        status=422 if refused else 200,
    )


def _file(request: HttpRequest, chosen: QuerySet[Meter]) -> HttpResponse:
    size = sheets.sheet(request.GET.get("size") or sheets.USUAL)
    sheets.check(chosen.count())
    made = sheets.pdf(list(chosen), size, skip=_skip(request, size))
    response = HttpResponse(made, content_type="application/pdf")
    response["Content-Disposition"] = f'attachment; filename="labels-{now():%Y%m%d-%H%M}.pdf"'
    return response


def _skip(request: HttpRequest, size: sheets.Sheet) -> int:
    text = request.GET.get("skip", "")
    return min(int(text), size.count - 1) if text.isdecimal() and len(text) < 4 else 0


def _context(request: HttpRequest, chosen: QuerySet[Meter]) -> dict[str, Any]:
    who, asked = operator(request), request.GET
    size = sheets.SHEETS.get(asked.get("size", ""), sheets.SHEETS[sheets.USUAL])
    count = chosen.count()
    skip = _skip(request, size)
    return {
        "page": "labels",
        "now": now(),
        "asked": asked,
        "buildings": list(scope.buildings(who)),
        "buses": list(scope.buses(who)),
        "sheets": list(sheets.SHEETS.values()),
        "size": size,
        "skip": skip,
        "count": count,
        "sheet_count": -(-(count + skip) // size.count) if count else 0,
        "too_many": count > sheets.LABELS_MAX,
        "most": sheets.LABELS_MAX,
        "first": [sheets.label(meter) for meter in chosen[:SHOWN]],
        "shown": SHOWN,
    }
