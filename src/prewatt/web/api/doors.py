"""What every operation does alike: whose token, how often, which right, in which language, and every write once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from django.db import OperationalError
from django.http import HttpRequest, HttpResponse
from django.utils import translation
from django.utils.translation import gettext as _
from ninja import Router
from ninja.decorators import decorate_view
from ninja.security import HttpBearer

from prewatt.domain.staff import operations as staff
from prewatt.domain.staff import tokens
from prewatt.domain.staff.models import Bearer
from prewatt.domain.staff.rights import Right
from prewatt.web.api import limits
from prewatt.web.api.answers import Problem, language, problem
from prewatt.web.api.once import once
from prewatt.web.parts.pages import address, now

View = TypeVar("View", bound=Callable[..., Any])
Run = Callable[..., HttpResponse]
KEY_HEADER = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": True,
    "schema": {"type": "string", "pattern": "^[!-~]{8,64}$"},
    "description": "Made up by you. The same key again is the same write and the same answer, for 30 days.",
}
SAID = {
    400: "no or no fit Idempotency-Key, or a body that is no JSON",
    401: "no token, a wrong one, or one that has ended",
    403: "the token does not have the right",
    404: "not there, or in another building",
    409: "the state of things does not allow it; or the key was used for another request",
    422: "the request does not fit; `fields` says where",
    429: "too often",
    503: "the database is busy; nothing was done",
}


class Token(HttpBearer):
    """Only for the description: `_opened` has looked at the token before."""

    def __call__(self, request: HttpRequest) -> Any:
        return getattr(request, "bearer", None)

    def authenticate(self, request: HttpRequest, token: str) -> Any:
        raise NotImplementedError


def bearer(request: HttpRequest) -> Bearer:
    return cast(Bearer, request.bearer)  # type: ignore[attr-defined]


def write_id(request: HttpRequest) -> str:
    """The id that the domain shall know this write by."""
    return str(request.write_id)  # type: ignore[attr-defined]


def reads(router: Router, path: str, *any_of: Right, of: Any) -> Callable[[View], View]:
    return _operation(router.get, path, any_of, of=of, writes=False)


def writes(router: Router, path: str, *any_of: Right, of: Any, change: bool = False) -> Callable[[View], View]:
    return _operation(router.patch if change else router.post, path, any_of, of=of, writes=True)


def _operation(
    method: Callable[..., Any], path: str, any_of: tuple[Right, ...], *, of: Any, writes: bool
) -> Callable[[View], View]:
    extra: dict[str, Any] = {"x-rights": [right.value for right in any_of]}
    if writes:
        extra["parameters"] = [KEY_HEADER]
    said = {code: Problem for code in SAID if writes or code not in {400, 409}}

    def register(view: View) -> View:
        name = view.__name__
        described = decorate_view(_door(any_of, operation=name, writes=writes))(view)
        title = " ".join((view.__doc__ or name).split())
        method(path, response={200: of, **said}, operation_id=name, summary=title, openapi_extra=extra)(described)
        return view

    return register


def _door(any_of: tuple[Right, ...], *, operation: str, writes: bool) -> Callable[[Run], Run]:
    def wrap(run: Run) -> Run:
        def opened(request: HttpRequest, **arguments: Any) -> HttpResponse:
            with translation.override(language(request)):
                try:
                    response = _refused(request, any_of) or _run(
                        run, request, arguments, operation=operation, writes=writes
                    )
                except OperationalError:
                    response = problem(503, "busy", _("The database did not answer. Nothing was done."), retry=True)
                response.headers["Content-Language"] = translation.get_language() or ""
            response.headers["Cache-Control"] = "no-store"
            return response

        return opened

    return wrap


def _run(run: Run, request: HttpRequest, arguments: dict[str, Any], *, operation: str, writes: bool) -> HttpResponse:
    if not writes:
        return run(request, **arguments)
    return once(lambda: run(request, **arguments), request=request, who=bearer(request), operation=operation, now=now())


def _refused(request: HttpRequest, any_of: tuple[Right, ...]) -> HttpResponse | None:
    """None: come in. Who guesses tokens is not listened to for the rest of the minute."""
    at, where = now(), address(request)
    if limits.wrong.counted(where, now=at) >= limits.wrong_max():
        return _too_often(_("Too many wrong tokens came from this address. Wait a minute."))
    kind, _space, secret = request.headers.get("Authorization", "").partition(" ")
    try:
        if kind.lower() != "bearer" or not secret.strip():
            raise tokens.WrongToken(_("No token came with the request. Nothing was done. Send Authorization: Bearer …"))
        who = tokens.bearer(secret=secret.strip(), now=at, address=where)
    except (tokens.WrongToken, tokens.TokenEnded) as error:
        return _wrong(error, where, given=bool(secret))
    if limits.requests.count(str(who.token.pk), now=at) > limits.requests_max():
        return _too_often(_("This token asks too often. Nothing was done. Wait a minute."))
    request.bearer = who  # type: ignore[attr-defined]
    if any_of and not any(who.may(right) for right in any_of):
        text = _("This token may not do this. Nothing was done. It needs the right “%(right)s”.")
        return problem(403, "no_right", text % {"right": any_of[0].value})
    return None


def _wrong(error: Exception, where: str, *, given: bool) -> HttpResponse:
    at = now()
    if given and limits.wrong.count(where, now=at) == limits.wrong_max():
        staff.log(operator=None, action="api.wrong_tokens", target=where, now=at, address=where)
    response = problem(401, str(getattr(error, "code", "")), str(error))
    response.headers["WWW-Authenticate"] = "Bearer"
    return response


def _too_often(text: str) -> HttpResponse:
    response = problem(429, "too_often", text, retry=True)
    response.headers["Retry-After"] = "60"
    return response
