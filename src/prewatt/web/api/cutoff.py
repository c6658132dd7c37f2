"""Accounts that run out of money: what their tenants are to be told, grace, and the rules of fair cut-off."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from django.http import HttpRequest
from ninja import Schema
from pydantic import Field, StrictBool, StrictInt

from prewatt.domain.cutoff import queries, telling
from prewatt.domain.cutoff.models import Door, Grace, Notice
from prewatt.domain.staff.rights import Right
from prewatt.web.api.doors import Chapter, bearer, by, reads, write_id, writes
from prewatt.web.api.finding import one
from prewatt.web.api.paging import Parts, take
from prewatt.web.api.shapes import BigPk, Fen, Given, Pk, Text, Word

chapter = Chapter("cutoff")


class NoticeOut(Schema):
    """`word`: first, again, reminder, last. `open`: it counts for what goes on now. `cut_at`: not before."""

    id: int
    account_id: int
    meter_id: int
    customer: str
    phone: str
    word: str
    at: datetime
    money_fen: int | None
    cut_at: datetime | None
    told_at: datetime | None
    told_by: str
    door: str
    note: str
    open: bool


class NoticesOut(Schema):
    items: list[NoticeOut]
    next: str


def _notice(said: Notice) -> dict[str, Any]:
    names = "id word at money_fen cut_at told_at door note open".split()
    return {
        **{name: getattr(said, name) for name in names},
        "account_id": said.opening_id,
        "meter_id": said.opening.meter_id,
        "customer": said.opening.customer.name,
        "phone": said.opening.customer.phone,
        "told_by": said.told_by.username if said.told_by else "",
    }


@reads(chapter, "/cutoff/notices", Right.READ, of=NoticesOut)
def list_notices(request: HttpRequest, part: Parts, untold: bool = False) -> Any:
    """What tenants were or are to be told; `untold`: only what nobody has told yet"""
    found = queries.notices(operator=bearer(request))
    rows, after = take(found.filter(open=True, told_at__isnull=True) if untold else found, part)
    return {"items": [_notice(row) for row in rows], "next": after}


class ToldIn(Given):
    door: Door = Door.MESSAGE
    note: Text = ""


@writes(chapter, "/cutoff/notices/{notice_id}/told", *telling.MAY_TELL, of=NoticeOut)
def tell_notice(request: HttpRequest, notice_id: BigPk, given: ToldIn) -> Any:
    """Say that the tenant was told"""
    one(queries.notices(operator=bearer(request)).filter(pk=notice_id))
    said = telling.told(notice_ids=[notice_id], door=given.door, note=given.note, **by(request))
    return _notice(said[0])


class GraceOut(Schema):
    account_id: int
    amount_fen: int
    until: datetime
    ended_at: datetime | None
    reason: str


class GraceIn(Given):
    amount_fen: Fen
    until: datetime
    reason: Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\u0000-\u001f\u007f]*$")]


def _grace(given: Grace) -> dict[str, Any]:
    return {
        "account_id": given.opening_id,
        "amount_fen": given.amount_fen,
        "until": given.until,
        "ended_at": given.ended_at,
        "reason": given.reason,
    }


@writes(chapter, "/cutoff/accounts/{account_id}/grace", telling.MAY_GRANT, of=GraceOut)
def give_grace(request: HttpRequest, account_id: Pk, given: GraceIn) -> Any:
    """Let an account owe so much until then"""
    opening = one(queries.openings(operator=bearer(request)).filter(pk=account_id))
    made = telling.grant(grace_id=write_id(request), opening=opening, **given.dict(), **by(request))
    return _grace(made)


class GraceEndIn(Given):
    reason: Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\u0000-\u001f\u007f]*$")]


@writes(chapter, "/cutoff/accounts/{account_id}/grace/end", telling.MAY_GRANT, of=GraceOut)
def end_grace(request: HttpRequest, account_id: Pk, given: GraceEndIn) -> Any:
    """End the grace that an account has now, before its time"""
    opening = one(queries.openings(operator=bearer(request)).filter(pk=account_id))
    return _grace(telling.end_grace(opening=opening, reason=given.reason, **by(request)))


class FairRulesOut(Schema):
    """Hours, days and minutes as their names say; `automatic`: the platform's accounts are switched off by itself."""

    automatic: bool
    must_be_told: bool
    notice_days: int
    notice_days_dwelling: int
    dwelling_uses: list[str]
    gap_hours: int
    last_minutes: int
    remind_hours: int
    stale_minutes: int
    keep: bool
    keep_max_fen: int
    grace_max_fen: int
    grace_days_max: int


Number = Annotated[StrictInt, Field(ge=0, le=telling.FEN_MAX)]


class FairRulesChange(Given):
    """What is left out stays."""

    automatic: StrictBool | None = None
    must_be_told: StrictBool | None = None
    notice_days: Number | None = None
    notice_days_dwelling: Number | None = None
    dwelling_uses: Annotated[list[Word], Field(max_length=telling.USES_MAX)] | None = None
    gap_hours: Number | None = None
    last_minutes: Number | None = None
    remind_hours: Number | None = None
    stale_minutes: Number | None = None
    keep: StrictBool | None = None
    keep_max_fen: Number | None = None
    grace_max_fen: Number | None = None
    grace_days_max: Number | None = None


@reads(chapter, "/cutoff/rules", Right.READ, of=FairRulesOut)
def get_fair_rules(request: HttpRequest) -> Any:  # noqa: ARG001 - the site's
    """What is said before a cut, who is kept on, how much grace may be given"""
    return queries.rules_facts(queries.rules())


@writes(chapter, "/cutoff/rules", Right.SETTINGS, of=FairRulesOut, change=True)
def change_fair_rules(request: HttpRequest, given: FairRulesChange) -> Any:
    """Change the rules of fair cut-off"""
    new = {name: value for name, value in given.dict().items() if value is not None}
    return queries.rules_facts(telling.set_rules(**new, **by(request)))
