"""What was typed outlives the session: a form that arrives when nobody is logged in any more is kept for its operator.

Who drew the form is known by a signed mark that a log-in leaves in the browser; each log-in makes new tokens for forms,
so an older form of somebody else never comes this far. The fields lie in the session of the log-in page, on the
server: not for long, not many, no passwords, no files. The page shows them again once, to the same operator, and sends
nothing by itself.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse, QueryDict
from django.urls import Resolver404, resolve

MARK = "prewatt_who"
MARK_S = 7 * 24 * 3600
KEPT = "kept_form"
KEPT_S = 15 * 60
BYTES_MAX = 32 * 1024
FIELDS_MAX = 500
SECRET = re.compile(r"passw|second_|secret|token|^offered$")
# Forms of passwords and codes; and the counter, which keeps its own.
NEVER = re.compile(r"console:(log|language|sale$|operator-password$|account$|account-(password|second|recovery|sign))")


@dataclass(frozen=True, slots=True)
class Kept:
    """A form as it was sent to `action`. `left_out` names what has to be given again: secrets, files, or all of it."""

    action: str
    fields: list[tuple[str, str]]
    left_out: list[str]

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


def mark(response: HttpResponse, who_id: int) -> None:
    """This browser belongs to that operator until somebody else logs in."""
    response.set_signed_cookie(
        MARK,
        str(who_id),
        salt=KEPT,
        max_age=MARK_S,
        httponly=True,
        samesite="Lax",
        secure=settings.SESSION_COOKIE_SECURE,
    )


def keep(request: HttpRequest, *, now: datetime) -> str:
    """Of a form that came without a session. Where it is shown again, or nothing if it cannot be kept."""
    who = request.get_signed_cookie(MARK, default="", salt=KEPT, max_age=MARK_S) or ""
    page = _drawn_at(request)
    if not who.isdecimal() or not page or NEVER.match(resolve(request.path_info).view_name):
        return ""
    fields, left_out = _fields(request)
    request.session[KEPT] = {
        "who": int(who),
        "at": now.timestamp(),
        "page": page,
        "action": request.path,
        "fields": fields,
        "left_out": left_out,
    }
    return page


def _drawn_at(request: HttpRequest) -> str:
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
    return Kept(found["action"], [(name, value) for name, value in found["fields"]], found["left_out"])
