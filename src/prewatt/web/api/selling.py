"""Sales, refunds, reversals, receipts, and money that waits."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from django.http import Http404, HttpRequest
from ninja import Query, Schema

from prewatt.domain import settlement
from prewatt.domain.staff.rights import Right
from prewatt.domain.vending import operations as vending
from prewatt.domain.vending import queries
from prewatt.domain.vending.models import Refund, Reversal, Sale, SaleState
from prewatt.units.values import Money
from prewatt.web.api import shapes
from prewatt.web.api.doors import Chapter, bearer, reads, write_id, writes
from prewatt.web.api.finding import meter_of, one
from prewatt.web.api.paging import Parts, take
from prewatt.web.api.shapes import Name, Word
from prewatt.web.parts.pages import address, now

chapter = Chapter("selling")


class Wanted(Schema):
    """Which; days are the site's."""

    first_day: date | None = None
    last_day: date | None = None


class WantedSales(Wanted):
    state: Word = ""
    tender: Word = ""
    text: Word = ""


def sale_of(request: HttpRequest, sale_id: str) -> Sale:
    return one(queries.sales(operator=bearer(request)).filter(pk=sale_id))


@reads(chapter, "/sales", Right.READ, of=shapes.SalesOut)
def list_sales(request: HttpRequest, part: Parts, wanted: Annotated[WantedSales, Query()]) -> Any:
    """Sales, the newest first"""
    found = queries.sales(operator=bearer(request), **wanted.dict())
    rows, after = take(found, part, by="-sold_at")
    return {"items": [shapes.sale(row) for row in rows], "next": after}


@writes(chapter, "/sales", Right.SELL, of=shapes.SaleOut)
def sell(request: HttpRequest, given: shapes.SaleIn) -> Any:
    """Sell: the money is booked now, and the order goes to the meter"""
    sale = vending.sell(
        sale_id=write_id(request),
        meter=meter_of(request, given.meter_id),
        amount=Money(given.amount_fen),
        tender=given.tender,
        operator=bearer(request),
        now=now(),
        address=address(request),
    )
    return shapes.sale(sale_of(request, sale.pk))


@reads(chapter, "/sales/{sale_id}", Right.READ, of=shapes.SaleOut)
def get_sale(request: HttpRequest, sale_id: Name) -> Any:
    """One sale, and where its money is"""
    return shapes.sale(sale_of(request, sale_id))


@writes(chapter, "/sales/{sale_id}/cancel", Right.SELL, of=shapes.SaleOut)
def cancel_sale(request: HttpRequest, sale_id: Name, given: shapes.NothingIn) -> Any:  # noqa: ARG001 - an empty body
    """Recall a sale's order; its money then waits in the wallet"""
    order_id = sale_of(request, sale_id).order_id
    if order_id is None:  # it went to no meter: there is nothing to recall
        raise Http404
    settlement.cancel(order_id=order_id, operator=bearer(request), now=now(), address=address(request))
    return shapes.sale(sale_of(request, sale_id))


@writes(chapter, "/sales/{sale_id}/resend", Right.SELL, of=shapes.SaleOut)
def resend_sale(request: HttpRequest, sale_id: Name, given: shapes.NothingIn) -> Any:  # noqa: ARG001 - an empty body
    """Send money that waits in the wallet to its meter again"""
    key = sale_of(request, sale_id).pk
    vending.resend(
        order_id=write_id(request), sale_id=key, operator=bearer(request), now=now(), address=address(request)
    )
    return shapes.sale(sale_of(request, sale_id))


@writes(chapter, "/sales/{sale_id}/pay-out", Right.REFUND, of=shapes.BackOut)
def pay_out_sale(request: HttpRequest, sale_id: Name, given: shapes.BackIn) -> Any:
    """Pay back money that waits in the wallet"""
    row = vending.pay_out(
        refund_id=write_id(request),
        sale_id=sale_of(request, sale_id).pk,
        tender=given.tender,
        note=given.note,
        operator=bearer(request),
        now=now(),
        address=address(request),
    )
    return shapes.back(row)


@writes(chapter, "/sales/{sale_id}/reverse", Right.REVERSE, of=shapes.BackOut)
def reverse_sale(request: HttpRequest, sale_id: Name, given: shapes.NoteIn) -> Any:
    """Turn a wrong sale round, whole"""
    row = vending.reverse(
        reversal_id=write_id(request),
        sale_id=sale_of(request, sale_id).pk,
        note=given.note,
        operator=bearer(request),
        now=now(),
        address=address(request),
    )
    return shapes.back(row)


@reads(chapter, "/waiting", Right.READ, of=shapes.SalesOut)
def list_waiting(request: HttpRequest, part: Parts) -> Any:
    """Sales whose money waits in the wallet because the meter did not take it"""
    found = queries.sales(operator=bearer(request), state=SaleState.WAITING)
    rows, after = take(found, part, by="-sold_at")
    return {"items": [shapes.sale(row) for row in rows], "next": after}


@reads(chapter, "/refunds", Right.READ, of=shapes.BacksOut)
def list_refunds(request: HttpRequest, part: Parts, wanted: Annotated[Wanted, Query()]) -> Any:
    """Refunds, the newest first; days are those on which the money was paid back"""
    rows, after = take(queries.refunds(operator=bearer(request), **wanted.dict()), part, by="-asked_at")
    return {"items": [shapes.back(row) for row in rows], "next": after}


@writes(chapter, "/refunds", Right.REFUND, of=shapes.BackOut)
def refund(request: HttpRequest, given: shapes.RefundIn) -> Any:
    """Take credit off a meter; it is paid back when the meter has confirmed"""
    row = vending.refund(
        refund_id=write_id(request),
        meter=meter_of(request, given.meter_id),
        amount=Money(given.amount_fen),
        tender=given.tender,
        note=given.note,
        operator=bearer(request),
        now=now(),
        address=address(request),
    )
    return shapes.back(row)


@reads(chapter, "/refunds/{refund_id}", Right.READ, of=shapes.BackOut)
def get_refund(request: HttpRequest, refund_id: Name) -> Any:
    """One refund"""
    return shapes.back(one(queries.refunds(operator=bearer(request)).filter(pk=refund_id)))


@reads(chapter, "/reversals", Right.READ, of=shapes.BacksOut)
def list_reversals(request: HttpRequest, part: Parts, wanted: Annotated[Wanted, Query()]) -> Any:
    """Reversals, the newest first"""
    rows, after = take(queries.reversals(operator=bearer(request), **wanted.dict()), part, by="-asked_at")
    return {"items": [shapes.back(row) for row in rows], "next": after}


@reads(chapter, "/reversals/{reversal_id}", Right.READ, of=shapes.BackOut)
def get_reversal(request: HttpRequest, reversal_id: Name) -> Any:
    """One reversal"""
    return shapes.back(one(queries.reversals(operator=bearer(request)).filter(pk=reversal_id)))


class ReceiptOut(Schema):
    """`kind`: sale, refund or reversal; one of the three stands beside it."""

    receipt: str
    kind: str
    id: str
    amount_fen: int


@reads(chapter, "/receipts/{receipt}", Right.READ, of=ReceiptOut)
def get_receipt(request: HttpRequest, receipt: Name) -> Any:
    """What a receipt's number stands for"""
    series, _dash, number = receipt.upper().partition("-")
    wanted = {"series": series, "number": int(number) if number.isdecimal() and len(number) < 10 else -1}
    sales = queries.sales(operator=bearer(request)).filter(**wanted)
    refunds = queries.refunds(operator=bearer(request)).filter(**wanted)
    row: Sale | Refund | Reversal | None = sales.first() or refunds.first()
    row = row or one(queries.reversals(operator=bearer(request)).filter(**wanted))
    kind = type(row).__name__.lower()
    return {"receipt": row.receipt, "kind": kind, "id": row.pk, "amount_fen": row.amount_fen}
