"""Who this token is, operators, and the operation log."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from prewatt.domain.audit import entries
from prewatt.domain.estate import queries as estate
from prewatt.domain.staff import people
from prewatt.domain.staff.rights import Right
from prewatt.web.api import shapes
from prewatt.web.api.doors import Chapter, bearer, reads
from prewatt.web.api.paging import Parts, take

chapter = Chapter("people")


@reads(chapter, "/me", of=shapes.MeOut)
def get_me(request: HttpRequest) -> Any:
    """Whose token this is, what it may do and where"""
    who = bearer(request)
    return {
        "operator": who.username,
        "token": who.token.name,
        "rights": who.role.rights,
        "buildings": [one.code for one in estate.buildings(operator=who)],
        "all_buildings": who.all_buildings,
        "expires_at": who.token.expires_at,
    }


@reads(chapter, "/operators", Right.STAFF, of=shapes.OperatorsOut)
def list_operators(request: HttpRequest, part: Parts) -> Any:
    """Operators"""
    rows, after = take(people.visible(by=bearer(request)), part)
    return {"items": [shapes.operator(row) for row in rows], "next": after}


@reads(chapter, "/log", Right.AUDIT, of=shapes.LogsOut)
def list_log(request: HttpRequest, part: Parts) -> Any:
    """The operation log, the newest first"""
    rows, after = take(entries.visible(operator=bearer(request)), part, by="-pk")
    return {"items": [shapes.entry(row) for row in rows], "next": after}
