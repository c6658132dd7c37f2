"""Reports: income by period, the meter reading sheet, the ledger against the meters."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, date, datetime
from typing import Annotated, Any

from django.http import HttpRequest
from ninja import Query, Schema

from prewatt.domain.reconciliation import queries as reconciliation
from prewatt.domain.reports import energy
from prewatt.domain.reports import finance as income
from prewatt.domain.staff.rights import Right
from prewatt.web.api.doors import Chapter, bearer, reads
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
