"""A form that is older than the last log-in in this browser: it stood open in another tab while somebody logged in.

Nothing that came with it is done. Its operator finds what was typed in its form again; anybody else reads what
happened, and can copy it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import HttpResponse, HttpResponseRedirect
from django.middleware.csrf import REASON_NO_CSRF_COOKIE
from django.shortcuts import redirect, render
from django.urls import Resolver404, resolve

from prewatt.domain.staff.models import Operator
from prewatt.web.console.views import login
from prewatt.web.parts import keeping
from prewatt.web.parts.pages import log_in_address, now, wants_part

if TYPE_CHECKING:
    from django.http import HttpRequest

TENANTS = {"tenant": "tenant:index", "kiosk": "kiosk:start"}  # nothing of the console is shown to them
DOORS = frozenset({"console:login", "console:login-code"})


def answer(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Called by Django for a form without the right token (CSRF_FAILURE_VIEW)."""
    if _name(request) in DOORS:
        return _at_the_door(request)
    if (there := TENANTS.get(_name(request).partition(":")[0])) is not None:
        return redirect(there)
    who_id = keeping.drew(request)
    here = request.user.pk if isinstance(request.user, Operator) else 0
    if who_id and here in (0, who_id):
        back = keeping.keep(request, now=now(), who_id=who_id)
        back = back or (keeping.drawn_at(request) if _name(request) == "console:sale" else "")  # it keeps its own
        if back:
            return _go(request, back if here else log_in_address(back))
    return _said(request, reason, who_id=who_id, here=here)


def _name(request: HttpRequest) -> str:
    try:
        return resolve(request.path_info).view_name
    except Resolver404:
        return ""


def _at_the_door(request: HttpRequest) -> HttpResponse:
    """Two tabs stood at the log-in, and the other one was quicker."""
    if request.user.is_authenticated:
        return HttpResponseRedirect(login.following(request))
    if _name(request) == "console:login-code":
        return redirect("console:login-code")
    return login.draw_again(request)


def _go(request: HttpRequest, there: str) -> HttpResponse:
    """401 and not 200: what the page keeps by itself, it still keeps."""
    if wants_part(request):
        return HttpResponse(status=401, headers={"HX-Redirect": there})
    return HttpResponseRedirect(there)


def _said(request: HttpRequest, reason: str, *, who_id: int, here: int) -> HttpResponse:
    """Only a token of our own says that the form was typed in this browser, and not sent by another site."""
    other = Operator.objects.filter(pk=who_id).exclude(pk=here).first() if who_id else None
    context = {
        "other": (other.name or other.username) if other else "",
        "typed": keeping.typed(request) if who_id else [],
        "no_cookies": reason == REASON_NO_CSRF_COOKIE and not request.COOKIES,
        "back": keeping.drawn_at(request),
    }
    response = render(request, "parts/older.html", context, status=403)
    if wants_part(request):  # a fragment with this status is not drawn: the whole page says it
        response.status_code = 422
        response.headers["HX-Retarget"], response.headers["HX-Reswap"] = "body", "innerHTML"
    return response
