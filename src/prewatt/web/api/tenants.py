"""Customers and their accounts: opening, closing, handing over, changing the meter."""

from __future__ import annotations

from typing import Annotated, Any

from django.db.models import Q
from django.http import HttpRequest
from ninja import Query, Router, Schema

from prewatt.domain.estate import customers
from prewatt.domain.estate.models import Meter, Opening
from prewatt.domain.staff.rights import Right
from prewatt.domain.vending import closing_queries
from prewatt.domain.vending import operations as vending
from prewatt.domain.vending.accounts import accounts, matching
from prewatt.domain.vending.records import Closing
from prewatt.units.values import Money
from prewatt.web.api import shapes
from prewatt.web.api.doors import bearer, reads, write_id, writes
from prewatt.web.api.finding import account_of, customer_of, meter_of, one
from prewatt.web.api.finding import customers as customers_of
from prewatt.web.api.paging import Parts, take
from prewatt.web.api.shapes import Name, Pk, Word
from prewatt.web.parts.pages import address, now

router = Router(tags=["customers"])


class WantedCustomers(Schema):
    """`number` is the whole user number."""

    number: Word = ""
    text: Word = ""


class WantedAccounts(Schema):
    """`open`: only those that are open, or only those that are closed."""

    text: Word = ""
    open: bool | None = None


@reads(router, "/customers", Right.READ, of=shapes.CustomersOut)
def list_customers(request: HttpRequest, part: Parts, wanted: Annotated[WantedCustomers, Query()]) -> Any:
    """Customers, by user number"""
    found = customers_of(request)
    if wanted.number:
        found = found.filter(number=wanted.number)
    if wanted.text:
        found = found.filter(Q(name__icontains=wanted.text) | Q(phone__contains=wanted.text))
    rows, after = take(found, part, by="number")
    return {"items": [shapes.customer(row) for row in rows], "next": after}


@writes(router, "/customers", Right.OPEN_ACCOUNT, of=shapes.CustomerOut)
def add_customer(request: HttpRequest, given: shapes.CustomerIn) -> Any:
    """A new customer, still without an account"""
    person = customers.Person(**given.dict())
    return shapes.customer(
        customers.record(person=person, operator=bearer(request), now=now(), address=address(request))
    )


@reads(router, "/customers/{customer_id}", Right.READ, of=shapes.CustomerOut)
def get_customer(request: HttpRequest, customer_id: Pk) -> Any:
    """One customer"""
    return shapes.customer(customer_of(request, customer_id))


class CustomerChange(shapes.Given):
    """What is left out stays."""

    name: Annotated[str, shapes.Field(max_length=128, pattern=shapes.PRINTABLE)] | None = None
    contact: Word | None = None
    phone: Annotated[str, shapes.Field(max_length=32, pattern=shapes.PRINTABLE)] | None = None
    address: shapes.Text | None = None
    note: shapes.Text | None = None


@writes(router, "/customers/{customer_id}", Right.OPEN_ACCOUNT, of=shapes.CustomerOut, change=True)
def change_customer(request: HttpRequest, customer_id: Pk, given: CustomerChange) -> Any:
    """Change what is known of a customer"""
    one_ = customer_of(request, customer_id)
    known = {name: getattr(one_, name) for name in CustomerChange.model_fields}
    new = {name: value for name, value in given.dict().items() if value is not None}
    person = customers.Person(number=one_.number, **known | new)
    return shapes.customer(
        customers.change(customer=one_, person=person, operator=bearer(request), now=now(), address=address(request))
    )


@reads(router, "/accounts", Right.READ, of=shapes.AccountsOut)
def list_accounts(request: HttpRequest, part: Parts, wanted: Annotated[WantedAccounts, Query()]) -> Any:
    """Accounts, open and closed, the newest first"""
    found = accounts(operator=bearer(request))
    if wanted.text:
        found = matching(found, wanted.text)
    if wanted.open is not None:
        found = found.filter(closed_at__isnull=wanted.open)
    rows, after = take(found, part, by="-opened_at")
    return {"items": [shapes.account(row) for row in rows], "next": after}


@writes(router, "/accounts", Right.OPEN_ACCOUNT, of=shapes.AccountOut)
def open_account(request: HttpRequest, given: shapes.AccountIn) -> Any:
    """Open an account; also a further meter of a customer who has one"""
    made = vending.open_account(
        opening_id=write_id(request),
        meter=meter_of(request, given.meter_id),
        customer=customer_of(request, given.customer_id),
        first_amount=Money(given.first_amount_fen),
        carried_in=Money(given.carried_in_fen),
        tender=given.tender,
        operator=bearer(request),
        now=now(),
        address=address(request),
    )
    return shapes.account(account_of(request, made.pk))


@reads(router, "/accounts/{account_id}", Right.READ, of=shapes.AccountOut)
def get_account(request: HttpRequest, account_id: shapes.BigPk) -> Any:
    """One account"""
    return shapes.account(account_of(request, account_id))


def _whole(request: HttpRequest, pk: int) -> Opening:
    return one(Opening.objects.filter(pk=account_of(request, pk).pk).select_related("meter", "customer"))


def _closing(request: HttpRequest, found: Closing) -> dict[str, Any]:
    mine = Meter.objects.for_operator(bearer(request)).order_by().values("pk")
    return shapes.closing(found, mine)


@writes(router, "/accounts/{account_id}/close", Right.OPEN_ACCOUNT, of=shapes.ClosingOut)
def close_account(request: HttpRequest, account_id: shapes.BigPk, given: shapes.CloseIn) -> Any:
    """Close an account: final reading, the credit taken off, paid back"""
    opening = _whole(request, account_id)
    made = vending.close_account(
        closing_id=write_id(request),
        customer=opening.customer,
        openings=[opening],
        tender=given.tender,
        note=given.note,
        operator=bearer(request),
        now=now(),
        address=address(request),
    )
    return _closing(request, made)


@writes(router, "/accounts/{account_id}/hand-over", Right.OPEN_ACCOUNT, of=shapes.ClosingOut)
def hand_over(request: HttpRequest, account_id: shapes.BigPk, given: shapes.HandIn) -> Any:
    """Hand an account over to another customer"""
    made = vending.hand_over(
        hand_id=write_id(request),
        openings=[_whole(request, account_id)],
        to_customer=customer_of(request, given.to_customer_id),
        settle=given.settle,
        tender=given.tender,
        note=given.note,
        operator=bearer(request),
        now=now(),
        address=address(request),
    )
    return _closing(request, made)


@writes(router, "/accounts/{account_id}/change-meter", Right.OPEN_ACCOUNT, of=shapes.ClosingOut)
def change_meter(request: HttpRequest, account_id: shapes.BigPk, given: shapes.ChangeIn) -> Any:
    """Put another meter in the place of an account's meter"""
    made = vending.change_meter(
        change_id=write_id(request),
        opening=_whole(request, account_id),
        new_meter=meter_of(request, given.new_meter_id),
        tender=given.tender,
        note=given.note,
        operator=bearer(request),
        now=now(),
        address=address(request),
    )
    return _closing(request, made)


@reads(router, "/closings", Right.READ, of=shapes.ClosingsOut)
def list_closings(request: HttpRequest, part: Parts) -> Any:
    """Accounts closed, handed over, or with a changed meter; the newest first"""
    rows, after = take(closing_queries.closings(operator=bearer(request)), part, by="-asked_at")
    return {"items": [_closing(request, row) for row in rows], "next": after}


@reads(router, "/closings/{closing_id}", Right.READ, of=shapes.ClosingOut)
def get_closing(request: HttpRequest, closing_id: Name) -> Any:
    """How far one of them is"""
    return _closing(request, one(closing_queries.closings(operator=bearer(request)).filter(pk=closing_id)))


@writes(router, "/closings/{closing_id}/{account_id}/withdraw", Right.OPEN_ACCOUNT, of=shapes.ClosingOut)
def withdraw(
    request: HttpRequest,
    closing_id: Name,
    account_id: shapes.BigPk,
    given: shapes.NothingIn,  # noqa: ARG001 - an empty body
) -> Any:
    """Withdraw it for one account, as long as nothing was taken off its meter"""
    found = one(closing_queries.closings(operator=bearer(request)).filter(pk=closing_id))
    line = one(found.lines.filter(opening=account_of(request, account_id).pk))
    vending.withdraw(
        closing_id=found.pk,
        opening_id=line.opening_id,
        operator=bearer(request),
        now=now(),
        address=address(request),
    )
    return _closing(request, one(closing_queries.closings(operator=bearer(request)).filter(pk=closing_id)))
