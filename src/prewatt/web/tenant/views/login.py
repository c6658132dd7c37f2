"""In and out, and the language."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from prewatt.domain.staff.refusals import Refused
from prewatt.domain.tenants import doors
from prewatt.domain.tenants.refusals import TooOften
from prewatt.web.parts.pages import address, now, refusal
from prewatt.web.parts.sign_in import agent
from prewatt.web.tenant.door import DOOR

YEAR_S = 365 * 24 * 3600


@sensitive_post_parameters("password")
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def log_in(request: HttpRequest) -> HttpResponse:
    """By user number and 查询密码."""
    if request.method != "POST":
        return redirect("tenant:index") if DOOR.visit(request) else _form(request)
    try:
        entered = doors.enter(
            number=request.POST.get("number", ""),
            password=request.POST.get("password", ""),
            address=address(request),
            agent=agent(request),
            now=now(),
        )
    except Refused as error:
        return _form(request, error)
    return DOOR.keep(redirect("tenant:index"), entered)


def _form(request: HttpRequest, error: Refused | None = None) -> HttpResponse:
    context = {
        "number": request.POST.get("number", "")[: doors.NUMBER_MAX],
        "refused": refusal(error) if error else None,
        "demo": settings.DEMO,
    }
    status = 200 if error is None else 429 if isinstance(error, TooOften) else 422
    return render(request, "tenant/login.html", context, status=status)


@require_POST
def log_out(request: HttpRequest) -> HttpResponse:
    return DOOR.leave(request, redirect("tenant:login"))


@require_POST
def language(request: HttpRequest) -> HttpResponse:
    back = request.POST.get("next", "")
    fits = url_has_allowed_host_and_scheme(back, allowed_hosts={request.get_host()}, require_https=request.is_secure())
    response = HttpResponseRedirect(back) if fits else redirect("tenant:index")
    wanted = request.POST.get("language", "")
    if wanted in dict(settings.LANGUAGES):
        response.set_cookie(
            settings.LANGUAGE_COOKIE_NAME,
            wanted,
            max_age=YEAR_S,
            samesite="Lax",
            httponly=True,
            secure=settings.SESSION_COOKIE_SECURE,
        )
    return response
