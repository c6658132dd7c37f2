"""Resold electricity: purchase bills, and giving back what was charged above them."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any

from django.http import HttpRequest
from ninja import Schema
from pydantic import Field, StrictInt

from prewatt.domain.estate.models import Building
from prewatt.domain.estate.scope import buildings
from prewatt.domain.resale import operations, queries
from prewatt.domain.resale.models import ClearBack, PurchaseBill
from prewatt.domain.staff.rights import Right
from prewatt.domain.tariff.models import BANDS
from prewatt.web.api import shapes
from prewatt.web.api.doors import Chapter, bearer, by, reads, second_person, write_id, writes
from prewatt.web.api.finding import one
from prewatt.web.api.paging import Parts, take
from prewatt.web.api.shapes import Given, Pk, Word

chapter = Chapter("resale")
Wh = Annotated[StrictInt, Field(ge=0, le=operations.WH_MAX)]
Fen = Annotated[StrictInt, Field(ge=0, le=operations.FEN_MAX)]
Signed = Annotated[StrictInt, Field(ge=-operations.FEN_MAX, le=operations.FEN_MAX)]
Long = Annotated[str, Field(max_length=operations.TEXT_MAX, pattern=shapes.PRINTABLE)]


class ItemOut(Schema):
    name: str
    amount_fen: int


class BillOut(Schema):
    """A month's purchase bill; `building_id` null: the whole site's. Energy in Wh and money in fen by period."""

    id: int
    building_id: int | None
    month: date
    number: str
    energy_wh: dict[str, int]
    amount_fen: dict[str, int]
    items: list[ItemOut]
    markup_permille: int
    shared_fen: int | None
    shared_basis: str
    contact: str
    note: str
    entered_at: datetime


class BillsOut(Schema):
    items: list[BillOut]
    next: str


def _bill(row: PurchaseBill) -> dict[str, Any]:
    names = [name for name in BillOut.model_fields if name not in {"energy_wh", "amount_fen", "items"}]
    return {
        **{name: getattr(row, name) for name in names},
        "energy_wh": {band: getattr(row, f"energy_{band}_wh") for band in BANDS},
        "amount_fen": {band: getattr(row, f"amount_{band}_fen") for band in BANDS},
        "items": [{"name": item.name, "amount_fen": item.amount_fen} for item in row.items.all()],
    }


@reads(chapter, "/purchase-bills", Right.REPORTS, of=BillsOut)
def list_purchase_bills(request: HttpRequest, part: Parts) -> Any:
    """Purchase bills, the newest month first"""
    rows, after = take(queries.bills(operator=bearer(request)).prefetch_related("items"), part, by="-id")
    return {"items": [_bill(row) for row in rows], "next": after}


class Periods(Given):
    sharp: Wh = 0
    peak: Wh = 0
    flat: Wh = 0
    valley: Wh = 0
    deep: Wh = 0


class ItemIn(Given):
    name: Word
    amount_fen: Signed


class BillIn(Given):
    """The same building and month again corrects the bill. `month`: its first day. `as_price`: its prices become the
    site's purchase price from that day on. `shared_fen` needs its `shared_basis`.
    """

    building_id: Pk | None = None
    month: date
    energy_wh: Periods
    amount_fen: Periods
    items: Annotated[list[ItemIn], Field(default_factory=list, max_length=operations.ITEMS_MAX)]
    number: Annotated[str, Field(max_length=operations.NAME_MAX, pattern=shapes.PRINTABLE)] = ""
    markup_permille: Annotated[StrictInt, Field(ge=0, le=operations.MARKUP_PERMILLE_MAX)] = 0
    shared_fen: Annotated[StrictInt, Field(gt=0, le=operations.FEN_MAX)] | None = None
    shared_basis: Long = ""
    contact: Annotated[str, Field(max_length=operations.CONTACT_MAX, pattern=shapes.PRINTABLE)] = ""
    note: Long = ""
    as_price: bool = False


def _place(request: HttpRequest, building_id: int | None) -> Building | None:
    return None if building_id is None else one(buildings(bearer(request)).filter(pk=building_id))


@writes(chapter, "/purchase-bills", Right.SETTINGS, of=BillOut)
def keep_purchase_bill(request: HttpRequest, given: BillIn) -> Any:
    """Keep the purchase bill of a month"""
    said = given.dict()
    said["items"] = [(item["name"], item["amount_fen"]) for item in said["items"]]
    place, month, as_price = said.pop("building_id"), said.pop("month"), said.pop("as_price")
    made = operations.keep_bill(
        building=_place(request, place),
        month=month,
        written=operations.Written(**said),
        as_price=as_price,
        **by(request),
    )
    return _bill(made)


class ClearBackLineOut(Schema):
    account_id: int
    month: date
    energy_wh: int
    charged_fen: int
    allowed_fen: int
    before_fen: int
    fen: int


class ClearBackOut(Schema):
    """`total_fen` went from the revenue into the customers' wallets."""

    id: str
    building_id: int | None
    first_month: date
    last_month: date
    reason: str
    total_fen: int
    at: datetime
    lines: list[ClearBackLineOut]


class ClearBacksOut(Schema):
    items: list[ClearBackOut]
    next: str


def _run(row: ClearBack) -> dict[str, Any]:
    names = [name for name in ClearBackOut.model_fields if name != "lines"]
    of_line = [name for name in ClearBackLineOut.model_fields if name != "account_id"]
    lines = [
        {"account_id": line.opening_id, **{name: getattr(line, name) for name in of_line}} for line in row.lines.all()
    ]
    return {**{name: getattr(row, name) for name in names}, "lines": lines}


@reads(chapter, "/clear-backs", Right.REPORTS, of=ClearBacksOut)
def list_clear_backs(request: HttpRequest, part: Parts) -> Any:
    """What was given back"""
    rows, after = take(queries.runs(operator=bearer(request)).prefetch_related("lines"), part, by="-id")
    return {"items": [_run(row) for row in rows], "next": after}


class ClearBackIn(Given):
    """`shown_fen`: the total that both persons looked at; another one is refused."""

    building_id: Pk | None = None
    first_month: date
    last_month: date
    shown_fen: Fen
    reason: Long


@writes(chapter, "/clear-backs", Right.REFUND, of=ClearBackOut, second=True)
def clear_back(request: HttpRequest, given: ClearBackIn) -> Any:
    """Give back what was charged above the purchase bills of these months; a second person confirms"""
    made = operations.clear_back(
        run_id=write_id(request)[:40],
        building=_place(request, given.building_id),
        first=given.first_month,
        last=given.last_month,
        shown_fen=given.shown_fen,
        reason=given.reason,
        second_person=second_person(request),
        **by(request),
    )
    return _run(made)


class PayIn(Given):
    tender: Word


class PaidOut(Schema):
    refund_id: str
    receipt: str
    amount_fen: int
    tender: str


@writes(chapter, "/clear-backs/{run_id}/accounts/{account_id}/pay-out", Right.REFUND, of=PaidOut)
def pay_out_clear_back(request: HttpRequest, run_id: Word, account_id: Pk, given: PayIn) -> Any:
    """Pay an account's part of a run out of the wallet; twice is once"""
    run = one(queries.runs(operator=bearer(request)).filter(pk=run_id, lines__opening=account_id).distinct())
    row = operations.pay_out(run_id=run.pk, opening_id=account_id, tender=given.tender, **by(request))
    return {"refund_id": row.pk, "receipt": row.receipt, "amount_fen": row.amount_fen, "tender": row.tender}
