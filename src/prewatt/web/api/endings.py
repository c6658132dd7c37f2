"""What ends or moves an account: closing, handing over, changing the meter, and the steps while it is under way."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from django.http import Http404, HttpRequest
from ninja import Schema
from pydantic import Field, StrictBool, StrictInt

from prewatt.domain.billing.models import Billing
from prewatt.domain.estate.models import Meter, Opening
from prewatt.domain.staff.rights import Right
from prewatt.domain.vending import closing_queries, handing_new, terms
from prewatt.domain.vending import operations as vending
from prewatt.domain.vending.closing import Typed
from prewatt.domain.vending.records import Closing
from prewatt.units.values import Money
from prewatt.web.api import shapes
from prewatt.web.api.doors import Chapter, bearer, by, reads, second_person, write_id, writes
from prewatt.web.api.finding import account_of, customer_of, meter_of, one, whom
from prewatt.web.api.paging import Parts, take
from prewatt.web.api.shapes import BigPk, Given, Id, Name, Pk, Text, Word

chapter = Chapter("customers")
ACT = "/closings/{closing_id}/{account_id}"
METERS_MAX = 200
LimitFen = Annotated[StrictInt, Field(ge=0, le=terms.LIMIT_FEN_MAX)]
BigId = Annotated[StrictInt, Field(ge=1, lt=2**63)]


class ReadingIn(Given):
    """What stood on a meter that does not answer: the register without its ratio, the balance (arrears with a minus),
    and why it is entered by hand. A second person confirms it. `sure`: both have looked again at a register that was
    refused as far above the last one.
    """

    energy_wh: Annotated[StrictInt, Field(ge=0, lt=2**62)] | None = None
    balance_fen: Annotated[StrictInt, Field(gt=-shapes.AMOUNT_FEN_MAX, le=shapes.AMOUNT_FEN_MAX)]
    reason: Annotated[str, Field(max_length=400, pattern=shapes.PRINTABLE)]
    sure: StrictBool = False


class MeterReadingIn(ReadingIn):
    meter_id: Id


class CloseIn(Given):
    """`readings` only for meters that do not answer."""

    tender: Word = "cash"
    note: Text = ""
    readings: Annotated[list[MeterReadingIn], Field(max_length=METERS_MAX)] = Field(default_factory=list)


class HandIn(Given):
    """`settle`: carry (the balance goes along) or pay_back."""

    to_customer_id: Id
    settle: Word = "carry"
    tender: Word = "cash"
    note: Text = ""


class HandAllIn(Given):
    """Either `to_customer_id` or `person`, who is recorded first. `account_ids` left out: all open ones."""

    account_ids: Annotated[list[BigId], Field(max_length=METERS_MAX)] = Field(default_factory=list)
    to_customer_id: Id | None = None
    person: shapes.CustomerIn | None = None
    settle: Word = "carry"
    tender: Word = "cash"
    note: Text = ""


class ChangeIn(Given):
    """`reading` only where the old meter does not answer."""

    new_meter_id: Id
    tender: Word = "cash"
    note: Text = ""
    reading: ReadingIn | None = None


class ClosingLineOut(Schema):
    """`may`: what a person can do now. Amounts are what it came to so far."""

    account_id: int
    meter_id: int
    state: str
    reason: str
    may: list[str]
    energy_wh: int | None
    balance_fen: int | None
    paid_fen: int
    back_fen: int
    carried_fen: int
    new_meter_id: int | None


class ClosingOut(Schema):
    """`kind`: close, change, hand_over or rebill, with a line for each account and where it stands."""

    id: str
    kind: str
    state: str
    customer_id: int
    to_customer_id: int | None
    asked_at: datetime
    lines: list[ClosingLineOut]


class ClosingsOut(Schema):
    items: list[ClosingOut]
    next: str


_LINE = "meter_id state reason energy_wh balance_fen paid_fen back_fen carried_fen new_meter_id".split()


def _shown(request: HttpRequest, found: Closing) -> dict[str, Any]:
    mine = Meter.objects.for_operator(bearer(request)).order_by().values("pk")
    lines = found.lines.filter(meter__in=mine).select_related("closing").order_by("pk")
    return {
        **{name: getattr(found, name) for name in "id kind state customer_id to_customer_id asked_at".split()},
        "lines": [
            {
                **{name: getattr(line, name) for name in _LINE},
                "account_id": line.opening_id,
                "may": list(closing_queries.may(line)),
            }
            for line in lines
        ],
    }


def _whole(request: HttpRequest, pk: int) -> Opening:
    return one(Opening.objects.filter(pk=account_of(request, pk).pk).select_related("meter", "customer"))


def _typed(given: ReadingIn) -> Typed:
    return Typed(given.energy_wh, given.balance_fen, given.reason, given.sure)


def _readings(given: CloseIn) -> dict[int, Typed]:
    return {each.meter_id: _typed(each) for each in given.readings}


@writes(chapter, "/accounts/{account_id}/close", Right.OPEN_ACCOUNT, of=ClosingOut, second=True)
def close_account(request: HttpRequest, account_id: BigPk, given: CloseIn) -> Any:
    """Close an account: final reading, the credit taken off, paid back"""
    opening = _whole(request, account_id)
    return _close(request, given, customer=opening.customer, openings=[opening])


@writes(chapter, "/customers/{customer_id}/close", Right.OPEN_ACCOUNT, of=ClosingOut, second=True)
def close_customer(request: HttpRequest, customer_id: Pk, given: CloseIn) -> Any:
    """Close all open accounts of a customer; money that waits for him is paid back too"""
    return _close(request, given, customer=customer_of(request, customer_id), openings=None)


def _close(request: HttpRequest, given: CloseIn, **whose: Any) -> dict[str, Any]:
    made = vending.close_account(
        closing_id=write_id(request),
        tender=given.tender,
        note=given.note,
        typed_readings=_readings(given),
        second_person=second_person(request),
        **whose,
        **by(request),
    )
    return _shown(request, made)


@writes(chapter, "/accounts/{account_id}/hand-over", Right.OPEN_ACCOUNT, of=ClosingOut)
def hand_over(request: HttpRequest, account_id: BigPk, given: HandIn) -> Any:
    """Hand an account over to another customer"""
    made = vending.hand_over(
        hand_id=write_id(request),
        openings=[_whole(request, account_id)],
        to_customer=customer_of(request, given.to_customer_id),
        settle=given.settle,
        tender=given.tender,
        note=given.note,
        **by(request),
    )
    return _shown(request, made)


@writes(chapter, "/customers/{customer_id}/hand-over", Right.OPEN_ACCOUNT, of=ClosingOut)
def hand_over_customer(request: HttpRequest, customer_id: Pk, given: HandAllIn) -> Any:
    """Hand several or all accounts of a customer over, to a customer who is there or to a new one"""
    customer, chosen = customer_of(request, customer_id), set(given.account_ids)
    found = [each.opening for each in closing_queries.standings(customer=customer, operator=bearer(request))]
    if not found or not chosen <= {each.pk for each in found}:
        raise Http404
    made = handing_new.hand_over_to(
        hand_id=write_id(request),
        openings=[each for each in found if each.pk in chosen or not chosen],
        to=whom(request, given.to_customer_id, given.person, name="to_customer_id"),
        settle=given.settle,
        tender=given.tender,
        note=given.note,
        **by(request),
    )
    return _shown(request, made)


@writes(chapter, "/accounts/{account_id}/change-meter", Right.OPEN_ACCOUNT, of=ClosingOut, second=True)
def change_meter(request: HttpRequest, account_id: BigPk, given: ChangeIn) -> Any:
    """Put another meter in the place of an account's meter"""
    made = vending.change_meter(
        change_id=write_id(request),
        opening=_whole(request, account_id),
        new_meter=meter_of(request, given.new_meter_id),
        typed=_typed(given.reading) if given.reading else None,
        second_person=second_person(request),
        tender=given.tender,
        note=given.note,
        **by(request),
    )
    return _shown(request, made)


class BillingIn(Given):
    """`billing`: the meter counts the money from now on, or the platform does, paid beforehand or afterwards."""

    billing: Literal["meter", "platform", "postpaid"]
    overdraft_fen: LimitFen = 0
    switch_on_min_fen: LimitFen = 0
    note: Text = ""


@writes(chapter, "/accounts/{account_id}/change-billing", Right.OPEN_ACCOUNT, of=ClosingOut)
def change_billing(request: HttpRequest, account_id: BigPk, given: BillingIn) -> Any:
    """Change who bills an account, the meter or the platform, settled at a reading"""
    made = vending.change_billing(
        rebill_id=write_id(request),
        opening=_whole(request, account_id),
        to=None if given.billing == "meter" else Billing(given.billing),
        overdraft=Money(given.overdraft_fen),
        switch_on_min=Money(given.switch_on_min_fen),
        note=given.note,
        **by(request),
    )
    return _shown(request, made)


@reads(chapter, "/closings", Right.READ, of=ClosingsOut)
def list_closings(request: HttpRequest, part: Parts) -> Any:
    """Accounts closed, handed over, or with a changed meter; the newest first"""
    rows, after = take(closing_queries.closings(operator=bearer(request)), part, by="-asked_at")
    return {"items": [_shown(request, row) for row in rows], "next": after}


def _closing(request: HttpRequest, closing_id: str) -> Closing:
    return one(closing_queries.closings(operator=bearer(request)).filter(pk=closing_id))


@reads(chapter, "/closings/{closing_id}", Right.READ, of=ClosingOut)
def get_closing(request: HttpRequest, closing_id: Name) -> Any:
    """How far one of them is"""
    return _shown(request, _closing(request, closing_id))


def _line(request: HttpRequest, closing_id: str, account_id: int) -> dict[str, Any]:
    found = _closing(request, closing_id)
    line = one(found.lines.filter(opening=account_of(request, account_id).pk))
    return {"closing_id": found.pk, "opening_id": line.opening_id, **by(request)}


def _change(request: HttpRequest, closing_id: str, account_id: int) -> dict[str, Any]:
    """A change of a meter has one line."""
    line = _line(request, closing_id, account_id)
    line.pop("opening_id")
    return {"change_id": line.pop("closing_id"), **line}


@writes(chapter, f"{ACT}/withdraw", Right.OPEN_ACCOUNT, of=ClosingOut)
def withdraw(request: HttpRequest, closing_id: Name, account_id: BigPk, given: shapes.NothingIn) -> Any:  # noqa: ARG001
    """Withdraw it for one account, as long as nothing was taken off its meter"""
    vending.withdraw(**_line(request, closing_id, account_id))
    return _shown(request, _closing(request, closing_id))


class ArrearsIn(Given):
    """`amount_fen` as the line says it."""

    amount_fen: shapes.Fen
    tender: Word = "cash"


@writes(chapter, f"{ACT}/collect-arrears", Right.OPEN_ACCOUNT, of=ClosingOut)
def collect_arrears(request: HttpRequest, closing_id: Name, account_id: BigPk, given: ArrearsIn) -> Any:
    """Take what the meter ran below zero: a sale with its receipt"""
    line = _line(request, closing_id, account_id)
    vending.collect_arrears(amount=Money(given.amount_fen), tender=given.tender, **line)
    return _shown(request, _closing(request, closing_id))


@writes(chapter, f"{ACT}/type-reading", Right.OPEN_ACCOUNT, of=ClosingOut, second=True)
def type_reading(request: HttpRequest, closing_id: Name, account_id: BigPk, given: ReadingIn) -> Any:
    """Enter the final reading of a meter that does not answer, by two people"""
    line = _line(request, closing_id, account_id)
    vending.type_reading(typed=_typed(given), second_person=second_person(request), **line)
    return _shown(request, _closing(request, closing_id))


@writes(chapter, f"{ACT}/try-again", Right.OPEN_ACCOUNT, of=ClosingOut)
def try_again(request: HttpRequest, closing_id: Name, account_id: BigPk, given: shapes.NothingIn) -> Any:  # noqa: ARG001
    """Ask a meter once more that did not do it"""
    vending.try_again(**_line(request, closing_id, account_id))
    return _shown(request, _closing(request, closing_id))


@writes(chapter, f"{ACT}/in-place", Right.OPEN_ACCOUNT, of=ClosingOut)
def in_place(request: HttpRequest, closing_id: Name, account_id: BigPk, given: shapes.NothingIn) -> Any:  # noqa: ARG001
    """The new meter hangs where the old one did: it may be given the balance"""
    vending.in_place(**_change(request, closing_id, account_id))
    return _shown(request, _closing(request, closing_id))


class CarryIn(Given):
    """`new_meter_id` left out: the same meter once more."""

    new_meter_id: Id | None = None


@writes(chapter, f"{ACT}/carry-again", Right.OPEN_ACCOUNT, of=ClosingOut)
def carry_again(request: HttpRequest, closing_id: Name, account_id: BigPk, given: CarryIn) -> Any:
    """Give the balance to the new meter once more, or to another one"""
    new = meter_of(request, given.new_meter_id) if given.new_meter_id else None
    vending.carry_again(new_meter=new, **_change(request, closing_id, account_id))
    return _shown(request, _closing(request, closing_id))


class TenderIn(Given):
    tender: Word = "cash"


@writes(chapter, f"{ACT}/pay-back", Right.OPEN_ACCOUNT, of=ClosingOut)
def pay_back_carried(request: HttpRequest, closing_id: Name, account_id: BigPk, given: TenderIn) -> Any:
    """Pay back a balance that no new meter took; the customer has no account then"""
    vending.pay_back_carried(tender=given.tender, **_change(request, closing_id, account_id))
    return _shown(request, _closing(request, closing_id))
