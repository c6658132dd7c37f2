"""Reports: income by period, the meter reading sheet, the ledger against the meters."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, date, datetime
from typing import Annotated, Any

from django.http import HttpRequest
from ninja import Query, Schema
from pydantic import Field

from prewatt.domain.reconciliation import queries as reconciliation
from prewatt.domain.reports import day_close, energy
from prewatt.domain.reports import finance as income
from prewatt.domain.reports.models import DayClose
from prewatt.domain.staff.rights import Right
from prewatt.web.api import shapes
from prewatt.web.api.doors import Chapter, bearer, by, reads, write_id, writes
from prewatt.web.api.paging import Parts, check_span, take
from prewatt.web.api.shapes import Word
from prewatt.web.parts.pages import now

chapter = Chapter("reports")
DAYS_MAX = 3660
SHEET_DAYS_MAX = 366


class Days(Schema):
    """Business days, both included."""

    first_day: date
    last_day: date


class WantedIncome(Days):
    per: income.Per = income.Per.DAY
    by: income.By = income.By.ALL


class IncomeOut(Schema):
    """`period` is its first day; `who` the seller's id, the way of paying, or the building's id. income = sold -
    reversed - refunded.
    """

    period: date
    who: str
    sold_fen: int
    refunded_fen: int
    reversed_fen: int
    sold_count: int
    refunded_count: int
    reversed_count: int
    income_fen: int


class IncomesOut(Schema):
    items: list[IncomeOut]


@reads(chapter, "/reports/finance", Right.REPORTS, of=IncomesOut)
def finance(request: HttpRequest, wanted: Annotated[WantedIncome, Query()]) -> Any:
    """Income by day, month or year; in all, by seller, by way of paying or by building"""
    check_span(wanted.first_day, wanted.last_day, DAYS_MAX)
    rows = income.rows(operator=bearer(request), wanted=income.Wanted(**wanted.dict()), now=now())
    items = [
        {
            **asdict(row.sums),
            "income_fen": row.sums.income_fen,
            "period": row.period,
            "who": "" if row.who is None else str(row.who),
        }
        for row in rows
    ]
    return {"items": items}


class ReadOut(Schema):
    """`used_wh` = (after - before) x ratio; where the register fell or the ratio changed (`moved`), counted hour by
    hour. The readings are the register's own.
    """

    meter_id: int
    meter: str
    room: str
    ratio: int
    before_at: datetime
    before_wh: int
    after_at: datetime
    after_wh: int
    used_wh: int
    moved: bool


class SheetOut(Schema):
    items: list[ReadOut]
    next: str


@reads(chapter, "/reports/readings", Right.REPORTS, of=SheetOut)
def readings(request: HttpRequest, part: Parts, wanted: Annotated[Days, Query()]) -> Any:
    """The meter reading sheet: register before and now, ratio, energy used"""
    check_span(wanted.first_day, wanted.last_day, SHEET_DAYS_MAX)
    found = energy.sheet(operator=bearer(request), wanted=energy.Wanted(wanted.first_day, wanted.last_day))
    rows, after = take(found, part, by="number")
    return {"items": [_read(row) for row in rows], "next": after}


def _read(row: Any) -> dict[str, Any]:
    return {
        **{name: getattr(row, name) for name in "before_wh after_wh used_wh moved".split()},
        "meter_id": row.pk,
        "meter": row.number,
        "room": row.room_number,
        "ratio": row.ratio_,
        "before_at": datetime.fromtimestamp(row.before_ms / 1000, UTC),
        "after_at": datetime.fromtimestamp(row.after_ms / 1000, UTC),
    }


class WantedLines(Schema):
    """`day` left out: the newest comparison. Of past days only what differed is kept."""

    day: date | None = None
    verdict: Word = ""


class LineOut(Schema):
    account_id: int
    meter_id: int
    meter: str
    verdict: str
    count_books: int
    count_meter: int | None
    books_fen: int
    meter_fen: int | None
    unbooked_fen: int | None
    moving_fen: int
    surplus_fen: int | None
    unexplained_fen: int | None
    read_at: datetime | None


class LinesOut(Schema):
    items: list[LineOut]
    next: str


@reads(chapter, "/reports/reconciliation", Right.REPORTS, of=LinesOut)
def reconcile(request: HttpRequest, part: Parts, wanted: Annotated[WantedLines, Query()]) -> Any:
    """The ledger against every meter, as compared once a day"""
    chosen = reconciliation.Wanted(day=wanted.day, verdict=wanted.verdict)
    rows, after = take(reconciliation.lines(operator=bearer(request), wanted=chosen), part)
    names = (
        "meter_id verdict count_books count_meter books_fen meter_fen unbooked_fen moving_fen surplus_fen "
        "unexplained_fen read_at"
    ).split()
    items = [
        {**{name: getattr(row, name) for name in names}, "account_id": row.opening_id, "meter": row.meter.number}
        for row in rows
    ]
    return {"items": items, "next": after}


class DayOut(Schema):
    """`signed_at` empty: nobody has signed it. `figures` as signed, else as they stand: sums by seller and way of
    paying, drawers, what is on its way, the ledger. `sha256` is made over all of it and the ledger's seal; `untouched`:
    it still stands as it was signed. `since_signed`: what was booked on the day afterwards.
    """

    day: date
    figures: dict[str, Any]
    signed_at: datetime | None
    signed_by: str
    note: str
    sha256: str
    seal_sha256: str
    untouched: bool | None
    since_signed: dict[str, int]


class SignedOut(Schema):
    day: date
    signed_at: datetime | None
    signed_by: str
    income_fen: int | None


class SignedsOut(Schema):
    items: list[SignedOut]


def _day(request: HttpRequest, day: date) -> dict[str, Any]:
    figures = day_close.sheet(operator=bearer(request), day=day).figures()
    closed = DayClose.objects.filter(day=day).select_related("closed_by").first()
    if closed is None:
        unsigned: dict[str, Any] = {"note": "", "sha256": "", "seal_sha256": "", "untouched": None, "since_signed": {}}
        return {"day": day, "figures": figures, "signed_at": None, "signed_by": "", **unsigned}
    return {
        "day": day,
        "figures": closed.figures,
        "signed_at": closed.closed_at,
        "signed_by": closed.closed_by.username,
        **{name: getattr(closed, name) for name in ("note", "sha256", "seal_sha256")},
        "untouched": day_close.untouched(closed),
        "since_signed": day_close.since_signed(closed),
    }


def _check_day(day: date) -> None:
    check_span(day, day, 1)


@reads(chapter, "/reports/days", Right.REPORTS, of=SignedsOut)
def list_days(request: HttpRequest, wanted: Annotated[Days, Query()]) -> Any:
    """Days and who signed them, the newest first; for who sees every building"""
    check_span(wanted.first_day, wanted.last_day, SHEET_DAYS_MAX)
    found = day_close.days(operator=bearer(request), first_day=wanted.first_day, last_day=wanted.last_day)
    return {"items": [_signed(day, closed) for day, closed in found]}


def _signed(day: date, closed: DayClose | None) -> dict[str, Any]:
    if closed is None:
        return {"day": day, "signed_at": None, "signed_by": "", "income_fen": None}
    income_fen = closed.figures["total"]["income_fen"]
    return {
        "day": day,
        "signed_at": closed.closed_at,
        "signed_by": closed.closed_by.username,
        "income_fen": income_fen,
    }


@reads(chapter, "/reports/days/{day}", Right.REPORTS, of=DayOut)
def get_day(request: HttpRequest, day: date) -> Any:
    """One day's sheet, and whether it still stands as it was signed"""
    _check_day(day)
    return _day(request, day)


class SignIn(shapes.Given):
    note: Annotated[str, Field(max_length=day_close.NOTE_MAX, pattern=shapes.PRINTABLE)] = ""


@writes(chapter, "/reports/days/{day}/sign", Right.AUDIT, of=DayOut)
def sign_day(request: HttpRequest, day: date, given: SignIn) -> Any:
    """Sign a day that is over"""
    _check_day(day)
    day_close.sign(day=day, form_id=write_id(request), note=given.note, **by(request))
    return _day(request, day)
