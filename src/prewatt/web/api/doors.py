"""What every operation does alike: whose token, how often, which right, in which language, and every write once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial, wraps
from typing import Any, ClassVar, TypeVar, cast

from django.core.exceptions import RequestDataTooBig
from django.db import OperationalError
from django.http import HttpRequest, HttpResponse
from django.utils import translation
from django.utils.translation import gettext as _
from ninja import Router
from ninja.decorators import decorate_view
from ninja.security import HttpBearer

from prewatt.domain.staff import operations as staff
from prewatt.domain.staff import tokens
from prewatt.domain.staff.models import Bearer, Operator
from prewatt.domain.staff.refusals import Refused
from prewatt.domain.staff.rights import Right
from prewatt.web.api import limits
from prewatt.web.api.answers import Problem, language, problem
from prewatt.web.api.once import once
from prewatt.web.parts.pages import address, now

OF_WRITES = frozenset({400, 409, 413, 415})
JSON = "application/json"
View = TypeVar("View", bound=Callable[..., Any])
EVERYTHING = Router()  # one for all chapters: two of them may know the same address by different methods
Run = Callable[..., HttpResponse]
Once = Callable[..., HttpResponse]
KEY_HEADER = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": True,
    "schema": {"type": "string", "pattern": "^[!-~]{8,64}$"},
    "description": "Made up by you. The same key again is the same write and the same answer, for 30 days.",
}
SECOND_HEADER = {
    "name": "Second-Authorization",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "maxLength": 200},
    "description": "`Bearer` and the token of another operator, where a second person has to confirm.",
}
SAID = {
    400: "no or no fit Idempotency-Key, or a body that is no JSON",
    401: "no token, a wrong one, or one that has ended",
    403: "the token does not have the right",
    404: "not there, or in another building",
    409: "the state of things does not allow it; or the key was used for another request",
    413: "the body is too large",
    415: "the body is not called JSON",
    422: "the request does not fit; `fields` says where",
    429: "too often",
    503: "the database is busy; nothing was done",
}


@dataclass(frozen=True, slots=True)
class Chapter:
    """Of the description and of the manual."""

    name: str


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


class SecondPersonUnknown(Refused):
    code: ClassVar[str] = "second_person_unknown"

    def __init__(self) -> None:
        super().__init__(
            _(
                "The second person's token is not known, has ended, or is your own. Nothing was done. Somebody else "
                "with the right to it has to give his own."
            )
        )


def second_person(request: HttpRequest) -> Operator | None:
    """Who confirms with a token of his own, as it narrows him; None where none came. Whether he may, the domain says.

    Wrong ones count like any. Raises SecondPersonUnknown.
    """
    kind, _space, secret = request.headers.get("Second-Authorization", "").partition(" ")
    if not kind:
        return None
    at, where = now(), address(request)
    try:
        found = tokens.bearer(secret=secret.strip() if kind.lower() == "bearer" else "", now=at, address=where)
    except (tokens.WrongToken, tokens.TokenEnded) as error:
        limits.wrong.count(where, now=at)
        raise SecondPersonUnknown from error
    if found.pk == bearer(request).pk:
        raise SecondPersonUnknown
    return found


def by(request: HttpRequest) -> dict[str, Any]:
    """What every operation of the domain is told of who does it."""
    return {"operator": bearer(request), "now": now(), "address": address(request)}


def reads(chapter: Chapter, path: str, *any_of: Right, of: Any, file: str = "") -> Callable[[View], View]:
    """`file`: the answer is one of this type."""
    return _operation(chapter, "GET", path, any_of, of=of, once=None, file=file)


def writes(
    chapter: Chapter,
    path: str,
    *any_of: Right,
    of: Any,
    change: bool = False,
    said_once: str = "",
    second: bool = False,
    one_view: bool = False,
) -> Callable[[View], View]:
    """`said_once`: the field of the answer that is not kept: a code, a password. `second`: a second person may confirm.
    `one_view`: it compares what it reads, so that all of it is to be of one moment.
    """
    headers = [KEY_HEADER, SECOND_HEADER] if second else [KEY_HEADER]
    how = partial(once, said_once=said_once, one_view=one_view)
    return _operation(chapter, "PATCH" if change else "POST", path, any_of, of=of, once=how, headers=headers)


def _operation(
    chapter: Chapter,
    method: str,
    path: str,
    any_of: tuple[Right, ...],
    *,
    of: Any,
    once: Once | None,
    headers: Sequence[Mapping[str, Any]] = (),
    file: str = "",
) -> Callable[[View], View]:
    extra: dict[str, Any] = {"x-rights": [right.value for right in any_of]}
    if headers:
        extra["parameters"] = list(headers)
    if file:
        content = {file: {"schema": {"type": "string", "format": "binary"}}}
        extra["responses"] = {200: {"description": "the file", "content": content}}
    said = {code: Problem for code in SAID if once or code not in OF_WRITES or (file and code == 409)}

    def register(view: View) -> View:
        name = view.__name__
        described = decorate_view(_door(any_of, operation=name, once=once))(view)
        title = " ".join((view.__doc__ or name).split())
        EVERYTHING.api_operation(
            [method],
            path,
            response={200: of, **said},
            operation_id=name,
            summary=title,
            tags=[chapter.name],
            openapi_extra=extra,
        )(described)
        return view

    return register


def _door(any_of: tuple[Right, ...], *, operation: str, once: Once | None) -> Callable[[Run], Run]:
    def wrap(run: Run) -> Run:
        def opened(request: HttpRequest, **arguments: Any) -> HttpResponse:
            with translation.override(language(request)):
                try:
                    response = _refused(request, any_of) or _run(
                        run, request, arguments, operation=operation, once=once
                    )
                except OperationalError:
                    response = problem(503, "busy", _("The database did not answer. Nothing was done."), retry=True)
                response.headers["Content-Language"] = translation.get_language() or ""
            response.headers["Cache-Control"] = "no-store"
            return response

        return opened

    return wrap


def _run(
    run: Run, request: HttpRequest, arguments: dict[str, Any], *, operation: str, once: Once | None
) -> HttpResponse:
    if once is None:
        return run(request, **arguments)
    if request.content_type not in {JSON, ""}:
        text = _("The body is called %(type)s. Nothing was done. Send JSON, and call it application/json.")
        return problem(415, "not_json", text % {"type": (request.content_type or "")[:60]})
    who = bearer(request)
    return once(lambda: run(request, **arguments), request=request, who=who, operation=operation, now=now())


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


def in_json(view: View) -> View:
    """What would be said in plain text, or as a page for people, is said as a `Problem`."""

    @wraps(view)
    def answered(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            response: HttpResponse = view(request, *args, **kwargs)
        except RequestDataTooBig:
            with translation.override(language(request)):
                return problem(413, "too_large", _("The body is too large. Nothing was done. Send less at a time."))
        if response.status_code == 405 and response.headers.get("Content-Type", "").partition(";")[0] != JSON:
            return _not_allowed(request, response.headers.get("Allow", ""))
        return response

    return cast(View, answered)


def _not_allowed(request: HttpRequest, allowed: str) -> HttpResponse:
    with translation.override(language(request)):
        text = _("%(method)s is not known at this address. Nothing was done. It knows %(allowed)s.")
        said = {"method": request.method or "", "allowed": allowed}
        response = problem(405, "not_allowed", text % said)
    response.headers["Allow"] = allowed
    return response
