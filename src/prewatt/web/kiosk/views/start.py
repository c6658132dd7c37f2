"""The first screen, who comes in, and the way back to the first screen."""

from __future__ import annotations

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from prewatt.domain.staff.refusals import Refused
from prewatt.domain.tenants import doors, queries
from prewatt.domain.tenants.refusals import TooOften
from prewatt.web.kiosk.door import DOOR
from prewatt.web.parts import papers
from prewatt.web.parts.pages import address, now, refusal
from prewatt.web.parts.sign_in import agent

WISHES = ("pay", "balance", "receipts", "power")


@never_cache
@require_safe
def start(request: HttpRequest) -> HttpResponse:
    """Nobody is at the terminal: whoever was is forgotten."""
    there = f"{settings.PUBLIC_URL}{reverse('tenant:index')}" if settings.PUBLIC_URL else ""
    there = there or request.build_absolute_uri(reverse("tenant:index"))
    return DOOR.leave(request, render(request, "kiosk/start.html", {"qr": papers.picture(there), "there": there}))


@sensitive_post_parameters("password")
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def log_in(request: HttpRequest, wish: str) -> HttpResponse:
    if wish not in WISHES:
        raise Http404
    if request.method != "POST":
        return render(request, "kiosk/login.html", {"wish": wish})
    try:
        entered = doors.enter(
            number=request.POST.get("number", ""),
            password=request.POST.get("password", ""),
            address=address(request),
            agent=agent(request),
            now=now(),
            kiosk=True,
        )
    except Refused as error:
        context = {
            "wish": wish,
            "refused": refusal(error),
            "number": request.POST.get("number", "")[: doors.NUMBER_MAX],
        }
        return render(request, "kiosk/login.html", context, status=429 if isinstance(error, TooOften) else 422)
    mine = queries.accounts(entered.visit).first()
    if mine is None:
        doors.leave(visit=entered.visit)
        return render(request, "kiosk/none.html")
    return DOOR.keep(redirect(f"kiosk:{wish}", mine.pk), entered)


@require_POST
def leave(request: HttpRequest) -> HttpResponse:
    return DOOR.leave(request, redirect("kiosk:start"))


@require_POST
def language(request: HttpRequest) -> HttpResponse:
    """For this customer alone: the next one finds Chinese again."""
    response = redirect("kiosk:start")
    wanted = request.POST.get("language", "")
    if wanted in dict(settings.LANGUAGES):
        response.set_cookie(
            settings.LANGUAGE_COOKIE_NAME,
            wanted,
            max_age=300,
            samesite="Lax",
            httponly=True,
            secure=settings.SESSION_COOKIE_SECURE,
        )
    return response
