"""Use by hour, day and month, and why a day costs what it costs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.translation import pgettext_lazy

from prewatt.domain.explaining import days as explaining
from prewatt.domain.metering.queries import today
from prewatt.domain.tenants import queries
from prewatt.domain.tenants.queries import Used
from prewatt.web.parts import explained
from prewatt.web.parts.bars import Chart, Column, chart
from prewatt.web.parts.formats import thousandth
from prewatt.web.parts.pages import now
from prewatt.web.parts.visits import account
from prewatt.web.tenant.door import DOOR
from prewatt.web.tenant.frame import frame

PER = {
    "hour": pgettext_lazy("step", "Hour"),
    "day": pgettext_lazy("step", "Day"),
    "month": pgettext_lazy("step", "Month"),
}
DAYS = 31
# From the bottom up: cheap below, dear on top.
STACK = ("deep", "valley", "flat", "peak", "sharp")


def daily_chart(days: Sequence[Used], today_wh: int, day: date) -> Chart:
    """Closed days by their periods, and today so far in one piece."""
    return chart([*(_column(one, f"{one.at:%m-%d}") for one in days), _column(Used(day, today_wh), f"{day:%m-%d}")])


def _column(one: Used, label: str) -> Column:
    parts = dict(one.bands)
    stack = tuple((band, parts[band]) for band in STACK if band in parts) or (("all", max(0, one.wh)),)
    return Column(label, f"{label} {thousandth(one.wh)} kWh", stack)


@DOOR.page()
def index(request: HttpRequest, pk: int) -> HttpResponse:
    """`?per=hour&day=2026-11-22`; days and months end today."""
    opening = account(request, pk)
    per = request.GET.get("per", "day")
    per = per if per in PER else "day"
    last = today(now())
    day = _day(request.GET.get("day", ""), last)
    begun = queries.began(opening)
    if per == "hour":
        found = queries.hours(opening=opening, day=day)
        columns = [_column(one, f"{one.at:%H}") for one in found]
    elif per == "month":
        found = queries.months(opening=opening, last=last)
        columns = [_column(one, f"{one.at:%y-%m}") for one in found]
    else:
        found = queries.days(opening=opening, first=last - timedelta(days=DAYS), last=last)
        columns = [_column(one, f"{one.at:%m-%d}") for one in found]
    context = frame(request, opening, "use") | {
        "per": per,
        "choices": PER,
        "rows": list(reversed(found)),
        "sum_wh": sum(one.wh for one in found),
        "bands": [band for band in reversed(STACK) if any(band in dict(one.bands) for one in found)],
        "words": explained.BAND_WORDS,
        "chart": chart(columns) if columns else None,
        "day": day,
        "day_said": date_format(day, "Y-m-d"),
        "before": day - timedelta(days=1) if day > begun else None,
        "after": day + timedelta(days=1) if day < last else None,
    }
    return render(request, "tenant/use.html", context)


def _day(text: str, last: date) -> date:
    try:
        return min(date.fromisoformat(text[:10]), last)
    except ValueError:
        return last


@DOOR.page()
def why(request: HttpRequest, pk: int) -> HttpResponse:
    """The same page that the property office sees. `?month=2026-11`."""
    opening = account(request, pk)
    last = today(now())
    found = explaining.month(opening=opening, first=_month(request.GET.get("month", "")) or last.replace(day=1))
    context = frame(request, opening, "use") | {
        "explain_href": reverse("tenant:why", args=[opening.pk]),
        **explained.context(found, today=last),
    }
    return render(request, "tenant/why.html", context)


def _month(text: str) -> date | None:
    try:
        return date.fromisoformat(f"{text[:7]}-01")
    except ValueError:
        return None
