"""总览: is everything all right?"""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from prewatt.domain.backups import queries as backups
from prewatt.domain.cutoff import queries as cutoff
from prewatt.domain.staff.rights import Right
from prewatt.web.console.overview import load_chart, load_rows, overview, ways_chart
from prewatt.web.parts.pages import now, operator, page, wants_part


@page()
def dashboard(request: HttpRequest) -> HttpResponse:
    """The figures refresh by themselves as one fragment; the charts stay as they are for some minutes."""
    who, at = operator(request), now()
    if not who.may(Right.READ):
        return redirect("console:sale") if who.may(Right.SELL) else render(request, "console/nothing.html")
    seen = overview(operator=who, now=at)
    backup = None if settings.DEMO else backups.health(operator=who, now=at)
    to_tell = cutoff.to_tell(operator=who)
    context = {"page": "dashboard", "seen": seen, "now": at, "backup": backup, "to_tell": to_tell}
    if wants_part(request) and request.GET.get("part") == "figures":
        return render(request, "console/dashboard/_figures.html", {**context, "swap": True})
    charts = {
        "load": load_chart(seen, now=at),
        "ways": ways_chart(seen),
        "hours": load_rows(seen),
    }
    if wants_part(request) and request.GET.get("part") == "charts":
        return render(request, "console/dashboard/_load.html", {**context, **charts})
    return render(request, "console/dashboard/index.html", {**context, **charts})


@page()
def live(request: HttpRequest) -> HttpResponse:
    """How old the newest value is, and how the line does: the smallest fragment, asked for by every page."""
    return render(request, "parts/_frame_live.html", {"swap": True})
