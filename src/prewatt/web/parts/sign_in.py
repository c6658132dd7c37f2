"""Every page asks whether this browser's sign-in still stands, and whether a first password has to be changed."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.contrib import auth
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import resolve, reverse

from prewatt.domain.staff import sign_ins
from prewatt.domain.staff.models import Operator
from prewatt.web.parts.pages import address, now, wants_part

WORD = "sign_in"  # where the session keeps its word
# What somebody may open whose password was chosen by another.
FREE = frozenset({"console:account-password", "console:login", "console:logout", "console:language", "console:logo"})


class SignInMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._next = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if settings.SESSION_COOKIE_NAME in request.COOKIES and isinstance(request.user, Operator):
            _look(request, request.user)
            if isinstance(request.user, Operator) and request.user.must_change_password and not _is_free(request):
                return _change_first(request)
        return self._next(request)


def _look(request: HttpRequest, who: Operator) -> None:
    word = request.session.get(WORD)
    if word is None:
        request.session[WORD] = sign_ins.remember(
            operator=who, now=now(), address=address(request), agent=agent(request)
        )
    elif sign_ins.find(operator=who, word=word, now=now()) is None:
        auth.logout(request)


def _is_free(request: HttpRequest) -> bool:
    return request.path.startswith(settings.STATIC_URL) or resolve(request.path_info).view_name in FREE


def _change_first(request: HttpRequest) -> HttpResponse:
    there = reverse("console:account-password")
    if wants_part(request):
        return HttpResponse(status=401, headers={"HX-Redirect": there})
    return HttpResponseRedirect(there)


def agent(request: HttpRequest) -> str:
    return request.headers.get("User-Agent", "")


def word(request: HttpRequest) -> str:
    """This browser's own word. Only behind the middleware."""
    return str(request.session.get(WORD, ""))
