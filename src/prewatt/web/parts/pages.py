"""What every operator's page does alike: who may see it, whole page or fragment, and how a refusal is shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import wraps
from typing import Any, Concatenate, ParamSpec, cast
from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render, resolve_url
from django.utils.cache import patch_cache_control, patch_vary_headers
from django.views.decorators.http import require_http_methods

from prewatt.domain.staff.models import Operator
from prewatt.domain.staff.refusals import Refused
from prewatt.domain.staff.rights import Right
from prewatt.web.parts import keeping

Rest = ParamSpec("Rest")
View = Callable[Concatenate[HttpRequest, Rest], HttpResponseBase]


def now() -> datetime:
    """The clock of the pages is read here and handed down."""
    return datetime.now(UTC)


def operator(request: HttpRequest) -> Operator:
    """Who asks. Only behind `page`."""
    return cast(Operator, request.user)


def address(request: HttpRequest) -> str:
    """Where the request came from, for the operation log."""
    return str(request.META.get("REMOTE_ADDR", ""))[:64]


def kept(request: HttpRequest) -> keeping.Kept | None:
    """What was typed here when the session ended. Most pages have a script put it back."""
    return getattr(request, "kept", None)


def wants_part(request: HttpRequest) -> bool:
    """htmx asks for a fragment. Going back in the history needs the whole page again."""
    return request.headers.get("HX-Request") == "true" and "HX-History-Restore-Request" not in request.headers


def page(*any_of: Right, methods: tuple[str, ...] = ("GET", "HEAD")) -> Callable[[View[Rest]], View[Rest]]:
    """A page for operators with one of these rights. Strangers are sent to the log-in, the others are told why not."""

    def wrap(view: View[Rest]) -> View[Rest]:
        @wraps(view)
        def checked(request: HttpRequest, *args: Rest.args, **kwargs: Rest.kwargs) -> HttpResponseBase:
            if not request.user.is_authenticated:
                return _to_log_in(request)
            if not wants_part(request):
                request.kept = keeping.take(request, who_id=operator(request).pk, now=now())  # type: ignore[attr-defined]
            if any_of and not any(operator(request).may(right) for right in any_of):
                response: HttpResponseBase = forbidden(request, any_of[0])
            else:
                response = _refused_said(view, request, *args, **kwargs)
            patch_cache_control(response, private=True, no_store=True)
            patch_vary_headers(response, ["HX-Request", "Cookie"])
            return response

        checked.rights, checked.methods = any_of, methods  # type: ignore[attr-defined]  # for the test that walks all pages
        return require_http_methods(methods)(checked)  # type: ignore[return-value]

    return wrap


def _to_log_in(request: HttpRequest) -> HttpResponse:
    """A fragment must not turn into a log-in form in the middle of a page: the whole page goes there."""
    if wants_part(request):
        back = request.headers.get("HX-Current-URL", "")
        path = back.partition("//")[2].partition("/")[2]
        response = HttpResponse(status=401)
        response.headers["HX-Redirect"] = log_in_address("/" + path)
        return response
    following = request.get_full_path() if request.method == "GET" else ""
    if request.method == "POST":
        following = keeping.keep(request, now=now())
    return HttpResponseRedirect(log_in_address(following or "/"))


def log_in_address(following: str) -> str:
    return f"{resolve_url(settings.LOGIN_URL)}?{urlencode({'next': following})}"


def _refused_said(
    view: View[Rest], request: HttpRequest, /, *args: Rest.args, **kwargs: Rest.kwargs
) -> HttpResponseBase:
    """A refusal that the view does not draw into its own form is still a sentence, never an error of the server."""
    try:
        return view(request, *args, **kwargs)
    except Refused as error:
        context = {"refused": refusal(error), "now": now()}
        return render(request, "parts/refused.html", context, status=422)


def forbidden(request: HttpRequest, right: Right) -> HttpResponse:
    return render(request, "parts/forbidden.html", {"right": right.label, "now": now()}, status=403)


def refusal(error: Exception) -> Mapping[str, Any]:
    """A domain's refusal as a page shows it: its first sentence is the headline, the rest says what to do."""
    text = str(error)
    for stop in ("。", ". "):
        head, found, rest = text.partition(stop)
        if found:
            return {
                "head": head + found.strip(),
                "rest": rest,
                "code": getattr(error, "code", ""),
                "retry": getattr(error, "retry", False),
            }
    return {"head": text, "rest": "", "code": getattr(error, "code", ""), "retry": getattr(error, "retry", False)}
