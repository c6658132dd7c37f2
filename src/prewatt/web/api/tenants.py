"""Customers and their accounts: opening, closing, handing over, changing the meter."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from django.db.models import Q
from django.http import HttpRequest
from ninja import Query, Schema
from pydantic import Field, StrictInt

from prewatt.domain.billing.models import Billing
from prewatt.domain.estate import customers
from prewatt.domain.staff.rights import Right
from prewatt.domain.tariff import queries as tariff
from prewatt.domain.vending import opening_many, platform, terms
from prewatt.domain.vending import operations as vending
from prewatt.domain.vending.accounts import accounts, matching
from prewatt.domain.vending.opening_here import Billed
from prewatt.units.values import Money
from prewatt.web.api import shapes
from prewatt.web.api.doors import Chapter, bearer, by, reads, write_id, writes
from prewatt.web.api.finding import account_of, customer_of, meter_of, one, uuid_of, whom
from prewatt.web.api.finding import customers as customers_of
from prewatt.web.api.paging import Parts, take
from prewatt.web.api.shapes import Pk, Word
from prewatt.web.parts.pages import address, now

chapter = Chapter("customers")
LimitFen = Annotated[StrictInt, Field(ge=0, le=terms.LIMIT_FEN_MAX)]
TermPrice = Annotated[StrictInt, Field(ge=0, le=terms.PRICE_E4_MAX)]


class WantedCustomers(Schema):
    """`number` is the whole user number."""

    number: Word = ""
    text: Word = ""


class WantedAccounts(Schema):
    """`open`: only those that are open, or only those that are closed."""

    text: Word = ""
    open: bool | None = None


@reads(chapter, "/customers", Right.READ, of=shapes.CustomersOut)
def list_customers(request: HttpRequest, part: Parts, wanted: Annotated[WantedCustomers, Query()]) -> Any:
    """Customers, by user number"""
    found = customers_of(request)
    if wanted.number:
        found = found.filter(number=wanted.number)
    if wanted.text:
        found = found.filter(Q(name__icontains=wanted.text) | Q(phone__contains=wanted.text))
    rows, after = take(found, part, by="number")
    return {"items": [shapes.customer(row) for row in rows], "next": after}


@writes(chapter, "/customers", Right.OPEN_ACCOUNT, of=shapes.CustomerOut)
def add_customer(request: HttpRequest, given: shapes.CustomerIn) -> Any:
    """A new customer, still without an account"""
    return shapes.customer(customers.record(person=customers.Person(**given.dict()), **by(request)))


@reads(chapter, "/customers/{customer_id}", Right.READ, of=shapes.CustomerOut)
def get_customer(request: HttpRequest, customer_id: Pk) -> Any:
    """One customer"""
    return shapes.customer(customer_of(request, customer_id))


class CustomerChange(shapes.Given):
    """What is left out stays."""

    name: Annotated[str, Field(max_length=128, pattern=shapes.PRINTABLE)] | None = None
    contact: Word | None = None
    phone: Annotated[str, Field(max_length=32, pattern=shapes.PRINTABLE)] | None = None
    address: shapes.Text | None = None
    note: shapes.Text | None = None
    password: Word | None = None


@writes(chapter, "/customers/{customer_id}", Right.OPEN_ACCOUNT, of=shapes.CustomerOut, change=True)
def change_customer(request: HttpRequest, customer_id: Pk, given: CustomerChange) -> Any:
    """Change what is known of a customer"""
    one_ = customer_of(request, customer_id)
    known = {name: getattr(one_, name) for name in CustomerChange.model_fields if name != "password"}
    new = {name: value for name, value in given.dict().items() if value is not None}
    person = customers.Person(number=one_.number, **known | new)
    return shapes.customer(
        customers.change(customer=one_, person=person, operator=bearer(request), now=now(), address=address(request))
    )


@reads(chapter, "/accounts", Right.READ, of=shapes.AccountsOut)
def list_accounts(request: HttpRequest, part: Parts, wanted: Annotated[WantedAccounts, Query()]) -> Any:
    """Accounts, open and closed, the newest first"""
    found = accounts(operator=bearer(request))
    if wanted.text:
        found = matching(found, wanted.text)
    if wanted.open is not None:
        found = found.filter(closed_at__isnull=wanted.open)
    rows, after = take(found, part, by="-opened_at")
    return {"items": [shapes.account(row) for row in rows], "next": after}


@writes(chapter, "/accounts", Right.OPEN_ACCOUNT, of=shapes.AccountOut)
def open_account(request: HttpRequest, given: shapes.AccountIn) -> Any:
    """Open an account as the meter is set; also a further meter of a customer who has one"""
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


@reads(chapter, "/accounts/{account_id}", Right.READ, of=shapes.AccountOut)
def get_account(request: HttpRequest, account_id: shapes.BigPk) -> Any:
    """One account"""
    return shapes.account(account_of(request, account_id))


class AccountChange(shapes.Given):
    """What is left out stays. `inactive`: no longer used, and out of the daily lists."""

    use: Annotated[str, Field(max_length=32, pattern=shapes.PRINTABLE)] | None = None
    alarm1_notify: bool | None = None
    alarm2_notify: bool | None = None
    texts: bool | None = None
    inactive: bool | None = None


@writes(chapter, "/accounts/{account_id}", Right.OPEN_ACCOUNT, of=shapes.AccountOut, change=True)
def change_account(request: HttpRequest, account_id: shapes.BigPk, given: AccountChange) -> Any:
    """Change what an account says of itself: kind of use, notices, out of use"""
    found = account_of(request, account_id)
    known = {name: getattr(found, name) for name in AccountChange.model_fields}
    new = {name: value for name, value in given.dict().items() if value is not None}
    customers.mark(opening=found, **(known | new), **by(request))
    return shapes.account(account_of(request, account_id))


class TermsChange(shapes.Given):
    """What is left out stays. `switch_on_min_fen`: the balance from which a payment gives power back."""

    overdraft_fen: LimitFen | None = None
    switch_on_min_fen: LimitFen | None = None


@writes(chapter, "/accounts/{account_id}/terms", Right.SETTINGS, of=shapes.AccountOut, change=True)
def change_terms(request: HttpRequest, account_id: shapes.BigPk, given: TermsChange) -> Any:
    """Change what an account that the platform bills may owe, and from where power comes back"""
    found = account_of(request, account_id)
    held = getattr(found, "platform_terms", None)
    known = {name: getattr(held, name, 0) for name in TermsChange.model_fields}
    said = known | {name: value for name, value in given.dict().items() if value is not None}
    platform.set_terms(
        opening=found,
        overdraft=Money(said["overdraft_fen"]),
        switch_on_min=Money(said["switch_on_min_fen"]),
        **by(request),
    )
    return shapes.account(account_of(request, account_id))


class MeterToOpen(shapes.Given):
    """Amounts in fen, prices in 1e-4 yuan; what is left out is as the meter has it. `plan_id` goes before prices, and
    `ground` says why a price lies above the cap. `hold` keeps the power on from the first moment.

    `billing`: the meter counts its money (`meter`), or the platform does, paid beforehand (`platform`) or afterwards
    (`postpaid`). The platform needs a price plan and a relay; its overdraft and the balance from which power comes
    back are its own.
    """

    meter_id: shapes.Id
    first_amount_fen: shapes.FenOrNone = 0
    carried_in_fen: shapes.FenOrNone = 0
    ceiling_fen: LimitFen | None = None
    alarm1_fen: LimitFen | None = None
    alarm2_fen: LimitFen | None = None
    overload_limit_w: Annotated[StrictInt, Field(ge=0, le=terms.OVERLOAD_W_MAX)] | None = None
    price_sharp_e4: TermPrice | None = None
    price_peak_e4: TermPrice | None = None
    price_flat_e4: TermPrice | None = None
    price_valley_e4: TermPrice | None = None
    price_deep_e4: TermPrice | None = None
    plan_id: shapes.Id | None = None
    ground: shapes.Text = ""
    use: Annotated[str, Field(max_length=32, pattern=shapes.PRINTABLE)] = ""
    alarm1_notify: bool = True
    alarm2_notify: bool = True
    texts: bool = True
    hold: bool = False
    billing: Literal["meter", "platform", "postpaid"] = "meter"
    overdraft_fen: LimitFen = 0
    switch_on_min_fen: LimitFen = 0


class OpenIn(shapes.Given):
    """Either `customer_id` or `person`, who is recorded first."""

    customer_id: shapes.Id | None = None
    person: shapes.CustomerIn | None = None
    tender: Word = "cash"
    meters: Annotated[list[MeterToOpen], Field(min_length=1, max_length=opening_many.METERS_MAX)]


class OpenedOut(Schema):
    items: list[shapes.AccountOut]


@writes(chapter, "/openings", Right.OPEN_ACCOUNT, of=OpenedOut)
def open_accounts(request: HttpRequest, given: OpenIn) -> Any:
    """Open accounts on several meters at once, with limits and prices: all of them or none"""
    made = opening_many.open_accounts(
        form_id=uuid_of(write_id(request)),
        customer=whom(request, given.customer_id, given.person),
        wanted=[_wanted(request, meter) for meter in given.meters],
        tender=given.tender,
        **by(request),
    )
    return {"items": [shapes.account(account_of(request, one.pk)) for one in made]}


def _wanted(request: HttpRequest, given: MeterToOpen) -> opening_many.Wanted:
    said = given.dict()
    plan = one(tariff.plans(active=True).filter(pk=given.plan_id)) if given.plan_id else None
    return opening_many.Wanted(
        meter=meter_of(request, given.meter_id),
        first=Money(given.first_amount_fen),
        carried_in=Money(given.carried_in_fen),
        terms=terms.Terms(**{name: said[name] for name in (*terms.LIMITS, *terms.PRICES)}),
        plan=plan,
        billed=_billed(given),
        **{name: said[name] for name in ("ground", "use", "alarm1_notify", "alarm2_notify", "texts", "hold")},
    )


def _billed(given: MeterToOpen) -> Billed | None:
    if given.billing == "meter":
        return None
    overdraft, least = Money(given.overdraft_fen), Money(given.switch_on_min_fen)
    return Billed(kind=Billing(given.billing), overdraft=overdraft, switch_on_min=least)


@writes(chapter, "/meters/{meter_id}/read-to-open", Right.OPEN_ACCOUNT, of=shapes.OrderOut)
def read_to_open(request: HttpRequest, meter_id: Pk, given: shapes.NothingIn) -> Any:  # noqa: ARG001 - an empty body
    """Read a meter before an account is opened on it"""
    meter = meter_of(request, meter_id)
    return shapes.order(opening_many.ask_reading(order_id=write_id(request), meter=meter, **by(request)))
