"""收款方式: which methods the counters offer, in which order, and whether a shift must be open."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from prewatt.domain.staff.rights import Right
from prewatt.domain.vending import counters
from prewatt.domain.vending import operations as vending
from prewatt.domain.vending.checks import Refused
from prewatt.web.parts import words
from prewatt.web.parts.pages import address, now, operator, page, refusal

if TYPE_CHECKING:
    from django.http import HttpRequest

LAST = 99


@page(Right.SETTINGS, methods=("GET", "HEAD", "POST"))
def edit(request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        return _draw(request, counters.settings())
    wanted = _typed(request)
    try:
        vending.change_settings(
            methods=wanted.methods,
            default_method=wanted.default_method,
            shift_needed=wanted.shift_needed,
            payee=wanted.payee,
            operator=operator(request),
            now=now(),
            address=address(request),
        )
    except Refused as error:
        return _draw(request, wanted, error)
    messages.success(request, _("Saved. The counters work so from the next sale on."))
    return redirect("console:counter-settings")


def _typed(request: HttpRequest) -> counters.Counters:
    offered = [code for code in request.POST.getlist("method") if code in words.TENDERS]
    places = {code: request.POST.get(f"place-{code}", "") for code in offered}
    ordered = sorted(offered, key=lambda code: int(places[code]) if places[code].isdecimal() else LAST)
    return counters.Counters(
        tuple(ordered),
        request.POST.get("default", ""),
        request.POST.get("shift_needed") == "1",
        request.POST.get("payee", ""),
    )


def _draw(request: HttpRequest, now_set: counters.Counters, error: Refused | None = None) -> HttpResponse:
    others = [code for code in words.TENDERS if code not in now_set.methods]
    rows = [
        (code, words.TENDERS[code], words.TENDER_ICONS[code], code in now_set.methods, place)
        for place, code in enumerate([*now_set.methods, *others], start=1)
    ]
    context = {"page": "counter", "rows": rows, "set": now_set, "refused": refusal(error) if error else None}
    return render(request, "console/sale/settings.html", context, status=422 if error else 200)
