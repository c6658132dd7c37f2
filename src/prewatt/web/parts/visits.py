"""The door that tenants come in by, on the phone and at the kiosk: its own cookie, never an operator's session."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import wraps
from typing import Any, Concatenate, ParamSpec, cast

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import resolve_url
from django.utils.cache import patch_cache_control, patch_vary_headers
from django.views.decorators.http import require_http_methods

from prewatt.domain.estate.models import Opening
from prewatt.domain.tenants import doors, queries
from prewatt.domain.tenants.doors import Entered
from prewatt.domain.tenants.models import Visit
from prewatt.web.parts.pages import now, wants_part

Rest = ParamSpec("Rest")
View = Callable[Concatenate[HttpRequest, Rest], HttpResponseBase]


@dataclass(frozen=True, slots=True)
class Door:
    """`path`: the browser shows the cookie to nothing else of this site."""

    cookie: str
    path: str
    log_in: str
    kiosk: bool = False

    def visit(self, request: HttpRequest) -> Visit | None:
        word = request.COOKIES.get(self.cookie, "")
        return doors.find(word=word, kiosk=self.kiosk, now=now()) if word else None

    def keep(self, response: HttpResponse, entered: Entered) -> HttpResponse:
        """At the kiosk the cookie is gone with the browser; on a phone it stays as long as the visit may."""
        response.set_cookie(
            self.cookie,
            entered.word,
            max_age=None if self.kiosk else int(doors.VISIT_AT_MOST / timedelta(seconds=1)),
            path=self.path,
            httponly=True,
            samesite="Lax",
            secure=settings.SESSION_COOKIE_SECURE,
        )
        return response

    def leave(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        if (found := self.visit(request)) is not None:
            doors.leave(visit=found)
        response.delete_cookie(self.cookie, path=self.path)
        return response

    def page(self, *, methods: tuple[str, ...] = ("GET", "HEAD")) -> Callable[[View[Rest]], View[Rest]]:
        """A page for whoever came in by this door. Anybody else, operators too, is sent to its log-in."""

        def wrap(view: View[Rest]) -> View[Rest]:
            @wraps(view)
            def checked(request: HttpRequest, *args: Rest.args, **kwargs: Rest.kwargs) -> HttpResponseBase:
                found = self.visit(request)
                if found is None:
                    response = self._to_log_in(request)
                else:
                    request.visit = found  # type: ignore[attr-defined]
                    response = view(request, *args, **kwargs)
                patch_cache_control(response, private=True, no_store=True)
                patch_vary_headers(response, ["Cookie"])
                return response

            checked.tenants, checked.methods = True, methods  # type: ignore[attr-defined]  # for the test that walks all pages
            return require_http_methods(methods)(checked)  # type: ignore[return-value]

        return wrap

    def _to_log_in(self, request: HttpRequest) -> HttpResponseBase:
        there = str(resolve_url(self.log_in))
        if wants_part(request):
            return HttpResponse(status=401, headers={"HX-Redirect": there})
        return HttpResponseRedirect(there)


def visit(request: HttpRequest) -> Visit:
    """Who asks. Only behind `Door.page`."""
    return cast(Visit, cast(Any, request).visit)


def accounts(request: HttpRequest) -> list[Opening]:
    return list(queries.accounts(visit(request)))


def account(request: HttpRequest, pk: int) -> Opening:
    """One of his own open accounts; any other is not there."""
    found = queries.accounts(visit(request)).filter(pk=pk).first()
    if found is None:
        raise Http404
    return found
