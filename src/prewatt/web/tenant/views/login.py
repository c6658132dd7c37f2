"""In and out, and the language."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import get_language
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from prewatt.domain.staff.refusals import Refused
from prewatt.domain.tenants import codes, doors
from prewatt.domain.tenants.refusals import TooOften
from prewatt.web.parts.pages import address, now, refusal
from prewatt.web.parts.sign_in import agent
from prewatt.web.tenant.door import DOOR

YEAR_S = 365 * 24 * 3600
PHONE_MAX = 32


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
        "codes": codes.can_send(),
    }
    return render(request, "tenant/login.html", context, status=_status(error) if error else 200)


PHONE = "prewatt_tenant_phone"
PHONE_S = 600


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def by_phone(request: HttpRequest) -> HttpResponse:
    """Ask for a code. Whether the phone is anybody's, the answer does not tell."""
    context: dict[str, Any] = {"phone": request.POST.get("phone", "")[:PHONE_MAX]}
    if request.method != "POST":
        return render(request, "tenant/login_phone.html", context)
    try:
        digits = codes.ask_code(
            phone=context["phone"], language=get_language() or "", address=address(request), now=now()
        )
    except Refused as error:
        context["refused"] = refusal(error)
        return render(request, "tenant/login_phone.html", context, status=_status(error))
    response = redirect("tenant:login-code")
    response.set_signed_cookie(
        PHONE,
        digits,
        max_age=PHONE_S,
        path=DOOR.path,
        httponly=True,
        samesite="Lax",
        secure=settings.SESSION_COOKIE_SECURE,
    )
    return response


@sensitive_post_parameters("code")
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def by_code(request: HttpRequest) -> HttpResponse:
    digits = request.get_signed_cookie(PHONE, default="", max_age=PHONE_S)
    if not digits:
        return redirect("tenant:login-phone")
    context: dict[str, Any] = {"phone": digits}
    if request.method != "POST":
        return render(request, "tenant/login_code.html", context)
    try:
        entered = codes.enter_by_code(
            phone=digits,
            code=request.POST.get("code", "")[:16],
            address=address(request),
            agent=agent(request),
            now=now(),
        )
    except Refused as error:
        context["refused"] = refusal(error)
        return render(request, "tenant/login_code.html", context, status=_status(error))
    response = DOOR.keep(redirect("tenant:index"), entered)
    response.delete_cookie(PHONE, path=DOOR.path)
    return response


def _status(error: Refused) -> int:
    return 429 if isinstance(error, TooOften) else 422


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
