"""电费明细: a month of one account, each day's charge opened to period × kWh × price."""

from __future__ import annotations

from datetime import date

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from prewatt.domain.estate.models import Meter, Opening
from prewatt.domain.explaining import days
from prewatt.domain.metering import queries as metering
from prewatt.domain.staff.rights import Right
from prewatt.web.parts import explained
from prewatt.web.parts.pages import now, operator, page


@page(Right.READ)
def index(request: HttpRequest, pk: int) -> HttpResponse:
    """`?month=2026-05`; the running month, or the account's last, where none is asked for."""
    mine = Meter.objects.for_operator(operator(request)).order_by().values("pk")
    opening = Opening.objects.select_related("meter__room", "customer").filter(meter__in=mine, pk=pk).first()
    if opening is None:
        raise Http404
    today = metering.today(now())
    last = min(today, metering.day_of(opening.closed_at)) if opening.closed_at else today
    found = days.month(opening=opening, first=_month(request.GET.get("month", "")) or last.replace(day=1))
    context = {
        "page": "customers",
        "opening": opening,
        "room": opening.meter.room.number if opening.meter.room else opening.meter.number,
        "explain_href": reverse("console:explain", args=[opening.pk]),
        **explained.context(found, today=today),
    }
    return render(request, "console/explain/index.html", context)


def _month(text: str) -> date | None:
    try:
        return date.fromisoformat(f"{text[:7]}-01")
    except ValueError:
        return None
