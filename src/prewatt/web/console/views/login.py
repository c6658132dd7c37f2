"""Logging in and out, and the language of the pages."""

from __future__ import annotations

from typing import Any

from axes.helpers import get_cool_off
from django.conf import settings
from django.contrib import auth
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render, resolve_url
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from prewatt.domain.staff import operations as staff
from prewatt.domain.staff.models import Operator
from prewatt.web.parts.pages import address, now

YEAR_S = 365 * 24 * 3600
NAME_MAX = 64
PASSWORD_MAX = 128


@sensitive_post_parameters("password")
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def log_in(request: HttpRequest) -> HttpResponse:
    following = _following(request)
    if request.method != "POST":
        if request.user.is_authenticated:
            return HttpResponseRedirect(following)
        return _form(request, following)
    username = request.POST.get("username", "").strip()[:NAME_MAX]
    password = request.POST.get("password", "")[:PASSWORD_MAX]
    who = auth.authenticate(request, username=username, password=password)
    if not isinstance(who, Operator):
        return _form(request, following, username=username, wrong=True, status=422)
    auth.login(request, who)
    staff.log(operator=who, action="login", target=who.username, address=address(request), now=now())
    response = HttpResponseRedirect(following)
    if who.language and settings.LANGUAGE_COOKIE_NAME not in request.COOKIES:
        _remember(response, who.language)
    return response


def _form(request: HttpRequest, following: str, *, status: int = 200, **more: Any) -> HttpResponse:
    context = {"next": following, "demo": settings.DEMO, **more}
    return render(request, "console/login.html", context, status=status)


def _following(request: HttpRequest) -> str:
    """Where to go afterwards: a place of ours, never somebody else's."""
    asked = request.POST.get("next") or request.GET.get("next") or ""
    if url_has_allowed_host_and_scheme(asked, allowed_hosts={request.get_host()}, require_https=request.is_secure()):
        return asked
    return str(resolve_url(settings.LOGIN_REDIRECT_URL))


def locked_out(request: HttpRequest, *_args: Any, **_more: Any) -> HttpResponse:
    """Called by axes when a name was tried too often from one place: no answer to any password for a while."""
    cool_off = get_cool_off(request)
    minutes = max(1, round(cool_off.total_seconds() / 60)) if cool_off else 0
    context = {"minutes": minutes, "username": request.POST.get("username", "")[:NAME_MAX], "locked": True}
    return _form(request, _following(request), status=429, **context)


@require_POST
def log_out(request: HttpRequest) -> HttpResponse:
    if isinstance(who := request.user, Operator):
        staff.log(operator=who, action="logout", target=who.username, address=address(request), now=now())
    auth.logout(request)
    return redirect("console:login")


@require_POST
def language(request: HttpRequest) -> HttpResponse:
    """Kept in the browser, and with the operator: the next machine speaks the same language."""
    wanted = request.POST.get("language", "")
    response = HttpResponseRedirect(_following(request))
    if wanted in dict(settings.LANGUAGES):
        _remember(response, wanted)
        if isinstance(who := request.user, Operator):
            staff.set_language(operator=who, language=wanted)
    return response


def _remember(response: HttpResponse, wanted: str) -> None:
    response.set_cookie(
        settings.LANGUAGE_COOKIE_NAME,
        wanted,
        max_age=YEAR_S,
        samesite="Lax",
        httponly=True,
        secure=settings.SESSION_COOKIE_SECURE,
    )
