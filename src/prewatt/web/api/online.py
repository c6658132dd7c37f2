"""What tenants paid by providers: payments, refunds on the way they came, and the providers' bills."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any

from django.http import HttpRequest
from ninja import Schema
from pydantic import Field

from prewatt.domain.payments import caring, giving, matching, queries
from prewatt.domain.payments.models import Attempt, Difference, PaidBack
from prewatt.domain.staff.rights import Right
from prewatt.units.values import Money
from prewatt.web.api import shapes
from prewatt.web.api.doors import Chapter, bearer, by, reads, write_id, writes
from prewatt.web.api.finding import one
from prewatt.web.api.paging import Parts, take
from prewatt.web.api.shapes import Given, Name, Pk

chapter = Chapter("selling")
Long = Annotated[str, Field(min_length=1, max_length=400, pattern=shapes.PRINTABLE)]


class OnlinePaymentOut(Schema):
    """`paid_fen` is what the provider signed. `became`: `sale` (look at the sale's own state for whether the meter has
    it) or `wallet`, and then `why`.
    """

    order_no: str
    order_id: str
    meter_id: int
    account_id: int
    customer_id: int
    amount_fen: int
    channel: str
    way: str
    created_at: datetime
    expires_at: datetime
    state: str
    channel_no: str
    paid_at: datetime | None
    paid_fen: int | None
    became: str
    why: str
    sale_id: str | None
    note: str


class OnlinePaymentsOut(Schema):
    items: list[OnlinePaymentOut]
    next: str


def _payment(held: Attempt) -> dict[str, Any]:
    names = [name for name in OnlinePaymentOut.model_fields if name != "account_id"]
    return {**{name: getattr(held, name) for name in names}, "account_id": held.opening_id}


def _mine(request: HttpRequest, order_no: str) -> Attempt:
    return one(queries.attempts(operator=bearer(request)).filter(pk=order_no))


@reads(chapter, "/online-payments", Right.READ, of=OnlinePaymentsOut)
def list_online_payments(request: HttpRequest, part: Parts) -> Any:
    """What tenants paid, or tried to pay, by providers"""
    rows, after = take(queries.attempts(operator=bearer(request)), part)
    return {"items": [_payment(row) for row in rows], "next": after}


@reads(chapter, "/online-payments/{order_no}", Right.READ, of=OnlinePaymentOut)
def get_online_payment(request: HttpRequest, order_no: Name) -> Any:
    """One payment by a provider"""
    return _payment(_mine(request, order_no))


class OnlineBackIn(Given):
    """`tender` left out: by the channel that it came by. Another one only for money that lies in the wallet."""

    amount_fen: shapes.Fen
    reason: Annotated[str, Field(min_length=1, max_length=200, pattern=shapes.PRINTABLE)]
    tender: shapes.Word = ""


class OnlineBackOut(Schema):
    back_no: str
    order_no: str
    amount_fen: int
    tender: str
    state: str
    asked_at: datetime
    refund_id: str | None


def _back(held: PaidBack) -> dict[str, Any]:
    names = [name for name in OnlineBackOut.model_fields if name != "order_no"]
    return {**{name: getattr(held, name) for name in names}, "order_no": held.attempt_id}


@writes(chapter, "/online-payments/{order_no}/back", Right.REFUND, of=OnlineBackOut)
def give_back_online_payment(request: HttpRequest, order_no: Name, given: OnlineBackIn) -> Any:
    """Pay back on the way it came; what is on the meter is taken off it first"""
    made = giving.give_back(
        form_id=write_id(request),
        attempt=_mine(request, order_no),
        amount=Money(given.amount_fen),
        reason=given.reason,
        tender=given.tender,
        **by(request),
    )
    return _back(made)


@writes(chapter, "/online-payments/{order_no}/send-on", Right.SELL, of=OnlinePaymentOut)
def send_on_online_payment(request: HttpRequest, order_no: Name, given: shapes.NothingIn) -> Any:  # noqa: ARG001
    """Send a payment that waits in the wallet on to its meter"""
    return _payment(caring.send_on(attempt=_mine(request, order_no), **by(request)))


class OnlineNoteIn(Given):
    note: Long


@writes(chapter, "/online-payments/{order_no}/note", Right.REFUND, of=OnlinePaymentOut)
def note_online_payment(request: HttpRequest, order_no: Name, given: OnlineNoteIn) -> Any:
    """Take note of a payment that waits in the wallet"""
    return _payment(caring.take_note(attempt=_mine(request, order_no), note=given.note, **by(request)))


class ProviderBillOut(Schema):
    """`unexplained` is how many differences are open in it; closed when none is, or when somebody signed."""

    id: int
    channel: str
    day: date
    fetched_at: datetime | None
    paid_fen: int
    back_fen: int
    fee_fen: int
    matched: int
    unexplained: int
    closed_at: datetime | None
    signed_note: str


class ProviderBillsOut(Schema):
    items: list[ProviderBillOut]
    next: str


def _bill(held: Any) -> dict[str, Any]:
    return {name: getattr(held, name) for name in ProviderBillOut.model_fields}


@reads(chapter, "/provider-bills", Right.REPORTS, of=ProviderBillsOut)
def list_provider_bills(request: HttpRequest, part: Parts) -> Any:
    """The providers' daily bills"""
    rows, after = take(queries.bills(operator=bearer(request)), part)
    return {"items": [_bill(row) for row in rows], "next": after}


class SignBillIn(Given):
    note: Long


@writes(chapter, "/provider-bills/{bill_id}/sign", Right.DECIDE, of=ProviderBillOut)
def sign_provider_bill(request: HttpRequest, bill_id: Pk, given: SignBillIn) -> Any:
    """Close a provider's day with what is open in it"""
    mine = queries.bills(operator=bearer(request)).filter(pk=bill_id)
    matching.sign(bill=one(mine), note=given.note, **by(request))
    return _bill(one(mine))


class BillDifferenceOut(Schema):
    id: int
    bill_id: int
    kind: str
    order_no: str
    channel_no: str
    ours_fen: int | None
    theirs_fen: int | None
    since: datetime
    owner_id: int | None
    ended_at: datetime | None
    word: str


class BillDifferencesOut(Schema):
    items: list[BillDifferenceOut]
    next: str


def _difference(held: Difference) -> dict[str, Any]:
    return {name: getattr(held, name) for name in BillDifferenceOut.model_fields}


@reads(chapter, "/provider-bills/{bill_id}/differences", Right.REPORTS, of=BillDifferencesOut)
def list_bill_differences(request: HttpRequest, bill_id: Pk, part: Parts) -> Any:
    """What does not agree in a provider's day"""
    bill = one(queries.bills(operator=bearer(request)).filter(pk=bill_id))
    rows, after = take(queries.differences(operator=bearer(request)).filter(bill=bill), part)
    return {"items": [_difference(row) for row in rows], "next": after}


def _found(request: HttpRequest, difference_id: int) -> Difference:
    return one(queries.differences(operator=bearer(request)).filter(pk=difference_id))


@writes(chapter, "/bill-differences/{difference_id}/take-over", Right.DECIDE, of=BillDifferenceOut)
def take_over_bill_difference(request: HttpRequest, difference_id: Pk, given: shapes.NothingIn) -> Any:  # noqa: ARG001
    """Look after a difference"""
    return _difference(matching.take_over(difference=_found(request, difference_id), **by(request)))


class ExplainIn(Given):
    word: Long


@writes(chapter, "/bill-differences/{difference_id}/explain", Right.DECIDE, of=BillDifferenceOut)
def explain_bill_difference(request: HttpRequest, difference_id: Pk, given: ExplainIn) -> Any:
    """Say what a difference was; the last one of a day closes the day"""
    return _difference(matching.explain(difference=_found(request, difference_id), word=given.word, **by(request)))
