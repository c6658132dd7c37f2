"""Logging in and out, and the language of the pages."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from axes.helpers import get_cool_off
from django.conf import settings
from django.contrib import auth
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render, resolve_url
from django.utils.crypto import constant_time_compare
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from prewatt.domain.staff import operations as staff
from prewatt.domain.staff import second_factor, sign_ins
from prewatt.domain.staff.models import Operator
from prewatt.web.parts import keeping
from prewatt.web.parts.pages import address, now, refusal
from prewatt.web.parts.sign_in import WORD, agent, word

YEAR_S = 365 * 24 * 3600
PENDING = "awaits_code"
PENDING_S = 5 * 60
CODE_MAX = 32
BACKEND = "django.contrib.auth.backends.ModelBackend"
NAME_MAX = 64
PASSWORD_MAX = 128


@sensitive_post_parameters("password")
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def log_in(request: HttpRequest) -> HttpResponse:
    """The first step: name and password. Who has a second factor comes in only after the second step."""
    there = following(request)
    if request.method != "POST":
        if request.user.is_authenticated:
            return HttpResponseRedirect(there)
        return _form(request, there)
    username = request.POST.get("username", "").strip()[:NAME_MAX]
    password = request.POST.get("password", "")[:PASSWORD_MAX]
    who = auth.authenticate(request, username=username, password=password)
    if not isinstance(who, Operator):
        return _form(request, there, username=username, wrong=True, status=422)
    if second_factor.is_on(who):
        return _ask_code(request, who, there)
    return _enter(request, who, there)


def _ask_code(request: HttpRequest, who: Operator, there: str) -> HttpResponse:
    """Nobody is logged in yet: the session only knows whose code is awaited, and for which password."""
    kept = keeping.hand_on(request)
    request.session.flush()
    if kept:
        request.session[keeping.KEPT] = kept
    request.session[PENDING] = [who.pk, who.get_session_auth_hash(), now().timestamp(), there]
    return redirect("console:login-code")


@sensitive_post_parameters("code")
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def log_in_code(request: HttpRequest) -> HttpResponse:
    """The second step: six digits from the telephone, or a recovery code. Throttled by the device itself."""
    found = _pending(request)
    if found is None:
        return redirect("console:login")
    who, there = found
    if request.method != "POST":
        return render(request, "console/login_code.html", {"username": who.username})
    context: dict[str, Any] = {"username": who.username}
    try:
        code = request.POST.get("code", "")[:CODE_MAX]
        if second_factor.check(operator=who, code=code, address=address(request), now=now()):
            return _enter(request, who, there, second=True)
        context["wrong"] = True
    except second_factor.TooSoon as error:
        context["refused"] = refusal(error)
    return render(request, "console/login_code.html", context, status=429 if "refused" in context else 422)


def _pending(request: HttpRequest) -> tuple[Operator, str] | None:
    pk, proof, at, there = request.session.get(PENDING) or (0, "", 0.0, "")
    who = Operator.objects.filter(pk=pk, is_active=True).select_related("role").first()
    if who is None or now().timestamp() - at > PENDING_S:
        return None
    return (who, there) if constant_time_compare(proof, who.get_session_auth_hash()) else None


def _enter(request: HttpRequest, who: Operator, there: str, *, second: bool = False) -> HttpResponse:
    request.session.pop(PENDING, None)
    request.session.pop(WORD, None)
    secret_before = request.META.get("CSRF_COOKIE", "")  # of the forms that stand open in other tabs
    auth.login(request, who, backend=BACKEND)
    request.session[WORD] = sign_ins.begin(
        operator=who, address=address(request), agent=agent(request), second_factor=second, now=now()
    )
    keeping.claim(request, who.pk)
    response = HttpResponseRedirect(there)
    keeping.mark(request, response, who.pk, secret_before=secret_before)
    if who.language and settings.LANGUAGE_COOKIE_NAME not in request.COOKIES:
        _remember(response, who.language)
    return response


def _form(request: HttpRequest, there: str, *, status: int = 200, **more: Any) -> HttpResponse:
    context = {"next": there, "demo": settings.DEMO, "kept": keeping.is_waiting(request), **more}
    return render(request, "console/login.html", context, status=status)


def draw_again(request: HttpRequest) -> HttpResponse:
    """The form stood open while somebody else came and went: its password is asked for again."""
    username = request.POST.get("username", "").strip()[:NAME_MAX]
    return _form(request, following(request), username=username, older=True, status=422)


def following(request: HttpRequest) -> str:
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
    return _form(request, following(request), status=429, **context)


@require_POST
def log_out(request: HttpRequest) -> HttpResponse:
    """With `next`: another operator takes over at this desk and comes back to the same page."""
    if isinstance(who := request.user, Operator):
        sign_ins.finish(operator=who, word=word(request), address=address(request), now=now())
    auth.logout(request)
    there = str(resolve_url(settings.LOGIN_URL))
    if request.POST.get("next"):
        there = f"{there}?{urlencode({'next': following(request)})}"
    return HttpResponseRedirect(there)


@require_POST
def language(request: HttpRequest) -> HttpResponse:
    """Kept in the browser, and with the operator: the next machine speaks the same language."""
    wanted = request.POST.get("language", "")
    response = HttpResponseRedirect(following(request))
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
