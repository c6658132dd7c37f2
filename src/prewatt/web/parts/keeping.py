"""What was typed outlives the session: a form that arrives when nobody is logged in any more is kept for its operator.

Who drew the form is known by a signed mark that a log-in leaves in the browser. Each log-in makes new tokens for forms;
the mark remembers whose the last tokens were, so a form that is older than the log-in (opened in another tab) is known
by the token it carries, which no other site can know. The fields lie in the session, on the server: not for long, not
many, no passwords, no files. The page shows them again once, to the same operator, and sends nothing by itself.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse, QueryDict
from django.middleware import csrf
from django.urls import Resolver404, resolve

MARK = "prewatt_who"
MARK_S = 7 * 24 * 3600
FORMER_MAX = 6  # log-ins in this browser whose forms are still known
KEPT = "kept_form"
KEPT_S = 15 * 60
BYTES_MAX = 32 * 1024
FIELDS_MAX = 500
SECRET = re.compile(r"passw|second_|secret|token|^offered$")
# Forms of passwords and codes; and the counter, which keeps its own.
NEVER = re.compile(r"console:(log|language|sale$|operator-password$|account$|account-(password|second|recovery|sign))")


@dataclass(frozen=True, slots=True)
class Kept:
    """A form as it was sent to `action`. `left_out` names what has to be given again: secrets, files, or all of it.
    `older`: nobody was missing, but somebody had logged in since the form was drawn.
    """

    action: str
    fields: list[tuple[str, str]]
    left_out: list[str]
    older: bool = False

    @property
    def drawn(self) -> dict[str, Any]:
        """For the script that puts it back."""
        return {"action": self.action, "fields": self.fields}

    @property
    def given(self) -> QueryDict:
        given = QueryDict(mutable=True)
        for name, value in self.fields:
            given.appendlist(name, value)
        return given


def mark(request: HttpRequest, response: HttpResponse, who_id: int, *, secret_before: str) -> None:
    """This browser belongs to that operator until somebody else logs in. Before, its forms carried `secret_before`."""
    last, former = _marked(request)
    if last and secret_before:
        former = [(last, secret_before), *former][:FORMER_MAX]
    response.set_signed_cookie(
        MARK,
        "~".join([str(who_id), *(f"{who}-{secret}" for who, secret in former)]),
        salt=KEPT,
        max_age=MARK_S,
        httponly=True,
        samesite="Lax",
        secure=settings.SESSION_COOKIE_SECURE,
    )


def _marked(request: HttpRequest) -> tuple[int, list[tuple[int, str]]]:
    """Who logged in here last (0: nobody), and whose the forms with earlier secrets were, the newest first."""
    value = request.get_signed_cookie(MARK, default="", salt=KEPT, max_age=MARK_S) or ""
    last, *former = value.split("~")
    pairs = [one.partition("-") for one in former]
    known = [(int(who), secret) for who, _dash, secret in pairs if who.isdecimal() and secret]
    return (int(last), known) if last.isdecimal() else (0, [])


def drew(request: HttpRequest) -> int:
    """Who was logged in when this form was drawn here, before a later log-in. 0: not a form that we know."""
    token = request.POST.get("csrfmiddlewaretoken") or request.headers.get("X-CSRFToken", "")
    return next((who for who, secret in _marked(request)[1] if _fits(token, secret)), 0)


def _fits(token: str, secret: str) -> bool:
    """Django alone knows how it masks a secret in a form."""
    try:
        csrf._check_token_format(token)  # type: ignore[attr-defined]
    except csrf.InvalidTokenFormat:
        return False
    return bool(csrf._does_token_match(token, secret))  # type: ignore[attr-defined]


def keep(request: HttpRequest, *, now: datetime, who_id: int = 0) -> str:
    """Of a form that came without a session, or (`who_id`) that somebody drew before a later log-in. Where it is shown
    again, or nothing if it cannot be kept.
    """
    who, page = who_id or _marked(request)[0], drawn_at(request)
    if not who or not page or NEVER.match(resolve(request.path_info).view_name):
        return ""
    fields, left_out = _fields(request)
    request.session[KEPT] = {
        "who": who,
        "at": now.timestamp(),
        "page": page,
        "action": request.path,
        "fields": fields,
        "left_out": left_out,
        "older": bool(who_id) and request.user.is_authenticated,
    }
    return page


def drawn_at(request: HttpRequest) -> str:
    """The page with the form on it: where the browser says it came from, or the form's own address."""
    came = urlsplit(request.headers.get("Referer", ""))
    there = came.path + (f"?{came.query}" if came.query else "")
    asked = [there] if came.netloc == request.get_host() else []
    return next((one for one in (*asked, request.get_full_path()) if _is_page(one)), "")


def _is_page(address: str) -> bool:
    try:
        found = resolve(urlsplit(address).path)
    except Resolver404:
        return False
    return "GET" in getattr(found.func, "methods", ())


def _fields(request: HttpRequest) -> tuple[list[tuple[str, str]], list[str]]:
    left_out = ["files"] if request.FILES else []
    given = [(name, str(value)) for name, values in request.POST.lists() for value in values]
    if len(given) > FIELDS_MAX or sum(len(name) + len(value.encode()) for name, value in given) > BYTES_MAX:
        return [], [*left_out, "all"]
    fields = [(name, value) for name, value in given if name != "csrfmiddlewaretoken" and not SECRET.search(name)]
    if any(value and SECRET.search(name) for name, value in given):
        left_out.append("secrets")
    return fields, left_out


def typed(request: HttpRequest) -> list[str]:
    """What a person can have typed, for him to copy: no ids, no secrets, nothing that a script wrote."""
    if NEVER.match(resolve(request.path_info).view_name):
        return []
    fields, _left_out = _fields(request)
    names = re.compile(r"(^|_)id(-|$)|^next$")
    return [value for name, value in fields if value.strip() and not value.startswith("{") and not names.search(name)]


def is_waiting(request: HttpRequest) -> bool:
    """Does the log-in page have something to give back?"""
    return KEPT in request.session


def hand_on(request: HttpRequest) -> Any:
    """Out of a session that is about to be emptied."""
    return request.session.get(KEPT)


def claim(request: HttpRequest, who_id: int) -> None:
    """Somebody logged in: another's form is forgotten at once."""
    if (request.session.get(KEPT) or {}).get("who") != who_id:
        request.session.pop(KEPT, None)


def take(request: HttpRequest, *, who_id: int | None, now: datetime) -> Kept | None:
    """What belongs on the page that is asked for, once."""
    found = request.session.get(KEPT)
    if not found or request.method != "GET":
        return None
    late = now.timestamp() - found["at"] > KEPT_S
    if late or found["who"] != who_id or found["page"] == request.get_full_path():
        del request.session[KEPT]
    if late or found["who"] != who_id or found["page"] != request.get_full_path():
        return None
    fields = [(name, value) for name, value in found["fields"]]
    return Kept(found["action"], fields, found["left_out"], found.get("older", False))
