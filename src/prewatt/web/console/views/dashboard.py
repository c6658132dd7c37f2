"""总览: is everything all right?"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext_lazy

from prewatt.domain.backups import queries as backups
from prewatt.domain.cutoff import queries as cutoff
from prewatt.domain.notices import queries as notices
from prewatt.domain.staff.models import Operator
from prewatt.domain.staff.rights import Right
from prewatt.web.console.overview import load_chart, load_rows, overview, ways_chart
from prewatt.web.parts import charted
from prewatt.web.parts.pages import now, operator, page, wants_part
from prewatt.web.parts.words import Text

WORDS: dict[str, Text] = {
    "load": gettext_lazy("Load"),
    "ways": gettext_lazy("Taken today by way of paying"),
}


@page()
def dashboard(request: HttpRequest) -> HttpResponseBase:
    """The figures refresh by themselves as one fragment; the charts stay as they are for some minutes."""
    who, at = operator(request), now()
    if not who.may(Right.READ):
        return redirect("console:sale") if who.may(Right.SELL) else render(request, "console/nothing.html")
    seen = overview(operator=who, now=at)
    backup = None if settings.DEMO else backups.health(operator=who, now=at)
    to_tell = cutoff.to_tell(operator=who)
    context = {"page": "dashboard", "seen": seen, "now": at, "backup": backup, "to_tell": to_tell}
    context["carriers"] = list(notices.carriers().filter(on=True)) if _keeps_carriers(who) else []
    if wants_part(request) and request.GET.get("part") == "figures":
        return render(request, "console/dashboard/_figures.html", {**context, "swap": True})
    charts: dict[str, Any] = {
        "load": load_chart(seen, now=at),
        "ways": ways_chart(seen),
        "hours": load_rows(seen),
    }
    if (drawn := request.GET.get("export", "")) in WORDS:
        return charted.file([charts[drawn]], title=str(WORDS[drawn]), name=drawn, about=[], who=str(who), now=at)
    if wants_part(request) and request.GET.get("part") == "charts":
        return render(request, "console/dashboard/_load.html", {**context, **charts})
    return render(request, "console/dashboard/index.html", {**context, **charts})


def _keeps_carriers(who: Operator) -> bool:
    return who.all_buildings and who.may(Right.SETTINGS)


@page()
def live(request: HttpRequest) -> HttpResponse:
    """How old the newest value is, and how the line does: the smallest fragment, asked for by every page."""
    return render(request, "parts/_frame_live.html", {"swap": True})
