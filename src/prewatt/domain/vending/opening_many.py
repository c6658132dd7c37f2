"""开户 as the counter does it: one person, several meters, all or nothing. 加表 is the same with a known person."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.utils.translation import gettext as _

from prewatt.domain.billing.models import Terms as BillingTerms
from prewatt.domain.dispatch import operations as dispatch
from prewatt.domain.dispatch.models import MeterOrder
from prewatt.domain.estate import customers
from prewatt.domain.estate.customers import CustomerRefused, Person
from prewatt.domain.estate.models import Customer, Meter, Opening
from prewatt.domain.staff import operations as staff
from prewatt.domain.staff.rights import Right
from prewatt.domain.tariff import operations as tariff
from prewatt.domain.vending import checks, terms
from prewatt.domain.vending.checks import Refused
from prewatt.domain.vending.opening import AlreadyOpen, OpeningIdTaken, open_account
from prewatt.domain.vending.opening_here import Billed, open_here, send_limits
from prewatt.domain.vending.terms import UNCHANGED, Terms
from prewatt.link.messages import Kind
from prewatt.units.values import Money

if TYPE_CHECKING:
    from prewatt.domain.staff.models import Operator
    from prewatt.domain.tariff.models import Plan

METERS_MAX = 40  # on one form


class NoMeter(Refused):
    code = "no_meter"


class MeterTwice(Refused):
    code = "meter_twice"


class TooManyMeters(Refused):
    code = "too_many_meters"


class PersonRefused(Refused):
    """The person's part of the form; `field` is the one to mend."""

    code = "person_refused"

    def __init__(self, error: CustomerRefused) -> None:
        self.field = error.field
        super().__init__(str(error))


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """One meter on the form. Amounts are yuan as typed; `hold` keeps its power from the first moment (保电)."""

    meter: Meter
    first: Money | str | int = 0
    carried_in: Money | str | int = 0
    terms: Terms = UNCHANGED
    plan: Plan | None = None  # its prices go before those of the terms
    ground: str = ""  # for prices above the cap
    use: str = ""
    alarm1_notify: bool = True
    alarm2_notify: bool = True
    texts: bool = True
    hold: bool = False
    billed: Billed | None = None  # by the platform; None: the meter counts its money itself


def opening_id(form_id: str, meter_number: str) -> str:
    """One form opens one meter once: the same form and meter always give the same id."""
    return uuid.uuid5(uuid.UUID(form_id), meter_number).hex


@transaction.atomic
def open_accounts(
    *,
    form_id: str,
    customer: Customer | Person,
    wanted: Sequence[Wanted],
    tender: str,
    operator: Operator,
    now: datetime,
    address: str = "",
) -> list[Opening]:
    """Open all of them or none. `form_id` is made when the form is drawn: the same form again finds the first result.

    A `Person` is recorded first. Limits and prices go to each meter with its opening. Raises a `Refused` subclass,
    which knows its meter (`meter_id`) where it concerns one; then nothing is booked.
    """
    _check_form(wanted)
    for pk in sorted(one.meter.pk for one in wanted):  # always in this order, or two forms wait for each other
        dispatch.lock_meter(pk)
    first = _first_result(form_id, wanted)
    if first:
        return first
    if not isinstance(customer, Customer):
        customer = _recorded(customer, operator=operator, now=now, address=address)
    opened = []
    for one in wanted:
        try:
            opened.append(
                _open(form_id, one, customer=customer, tender=tender, operator=operator, now=now, address=address)
            )
        except Refused as error:
            error.meter_id = one.meter.pk
            raise
    return opened


def _check_form(wanted: Sequence[Wanted]) -> None:
    if not wanted:
        raise NoMeter(_("No meter is chosen. Nothing was booked. Find the tenant's meter by its room or number."))
    if len(wanted) > METERS_MAX:
        raise TooManyMeters(
            _("More than %(most)d meters stand on one form. Nothing was booked. Open the rest afterwards.")
            % {"most": METERS_MAX}
        )
    if len({one.meter.pk for one in wanted}) < len(wanted):
        raise MeterTwice(_("A meter stands twice on this form. Nothing was booked. Take one of them off."))


def _first_result(form_id: str, wanted: Sequence[Wanted]) -> list[Opening]:
    ids = [opening_id(form_id, one.meter.number) for one in wanted]
    orders = {order.pk: order for order in MeterOrder.objects.filter(pk__in=ids).select_related("opening__meter")}
    here = {terms.asked: terms for terms in BillingTerms.objects.filter(asked__in=ids).select_related("opening__meter")}
    found = [opening for pk in ids if (opening := _opened(orders.get(pk), here.get(pk))) is not None]
    if found and len(found) < len(wanted):
        raise OpeningIdTaken(found[0].meter)
    return found


def _opened(order: MeterOrder | None, here: BillingTerms | None) -> Opening | None:
    return here.opening if here is not None else order.opening if order is not None else None


def _recorded(person: Person, *, operator: Operator, now: datetime, address: str) -> Customer:
    try:
        return customers.record(person=person, operator=operator, now=now, address=address)
    except CustomerRefused as error:
        raise PersonRefused(error) from error


def _open(
    form_id: str, one: Wanted, *, customer: Customer, tender: str, operator: Operator, now: datetime, address: str
) -> Opening:
    checks.check_operator(operator, Right.OPEN_ACCOUNT, one.meter)
    if one.hold:
        checks.check_operator(operator, Right.HOLD, one.meter)
    if Opening.objects.filter(meter=one.meter, closed_at__isnull=True).exists():
        raise AlreadyOpen(one.meter)
    order_id = opening_id(form_id, one.meter.number)
    meter = Meter.objects.select_related("bus").get(pk=one.meter.pk)
    facts: dict[str, Any] = {"operator": operator, "now": now, "address": address}
    if one.billed is None:
        opening = _open_on_meter(order_id, one, meter, customer, tender, **facts)
    else:
        opening = _open_here(order_id, one, meter, customer, tender, billed=one.billed, **facts)
    if one.hold:
        dispatch.place(
            order_id=f"{order_id}-hold",
            meter=meter,
            kind=Kind.HOLD,
            operator=operator,
            cause=("opening", order_id),
            now=now,
        )
    return opening


def _open_on_meter(
    order_id: str,
    one: Wanted,
    meter: Meter,
    customer: Customer,
    tender: str,
    *,
    operator: Operator,
    now: datetime,
    address: str,
) -> Opening:
    """仪表计费: limits and prices go to the meter with its money."""
    ceilings_fen = terms.ceilings_fen(meter)
    asked = one.terms if one.plan is None else replace(one.terms, **tariff.for_meters(one.plan))
    terms.check_cap(meter=meter, terms=asked, ground=one.ground, operator=operator, now=now, address=address)
    terms.apply(meter=meter, terms=asked, operator=operator, now=now, address=address)
    opening = open_account(
        opening_id=order_id,
        meter=meter,
        customer=customer,
        first_amount=one.first,
        carried_in=one.carried_in,
        tender=tender,
        operator=operator,
        now=now,
        address=address,
    )
    _mark(opening, one)
    terms.send(
        order_id=order_id,
        meter=meter,
        operator=operator,
        now=now,
        first_fen=MeterOrder.objects.get(pk=order_id).amount_fen or 0,
        ceilings_fen=ceilings_fen,
    )
    if one.plan is not None:
        tariff.assign(plan=one.plan, meter_ids=[meter.pk], operator=operator, now=now, address=address)
    return opening


def _open_here(
    order_id: str,
    one: Wanted,
    meter: Meter,
    customer: Customer,
    tender: str,
    *,
    billed: Billed,
    operator: Operator,
    now: datetime,
    address: str,
) -> Opening:
    """平台计费: the plan is the platform's business, and any plan will do; the meter is told no price."""
    limits = Terms(**{name: getattr(one.terms, name) for name in terms.LIMITS})
    terms.apply(meter=meter, terms=limits, operator=operator, now=now, address=address)
    if one.plan is not None:
        tariff.assign(plan=one.plan, meter_ids=[meter.pk], operator=operator, now=now, address=address)
    opening = open_here(
        opening_id=order_id,
        meter=meter,
        customer=customer,
        billed=billed,
        first_amount=one.first,
        carried_in=one.carried_in,
        tender=tender,
        operator=operator,
        now=now,
        address=address,
    )
    _mark(opening, one)
    send_limits(opening_id=order_id, meter=meter, operator=operator, now=now)
    return opening


def _mark(opening: Opening, one: Wanted) -> None:
    opening.use = one.use.strip()[:32]
    opening.alarm1_notify, opening.alarm2_notify, opening.texts = one.alarm1_notify, one.alarm2_notify, one.texts
    opening.save(update_fields=["use", "alarm1_notify", "alarm2_notify", "texts"])


@transaction.atomic
def ask_reading(*, order_id: str, meter: Meter, operator: Operator, now: datetime, address: str = "") -> MeterOrder:
    """获取该表当前金额: read the meter now, while its account is being opened. Raises NoRight, OutOfScope."""
    checks.check_operator(operator, Right.OPEN_ACCOUNT, meter)
    first = MeterOrder.objects.filter(pk=order_id).first()
    if first is not None:
        return first
    order = dispatch.place(order_id=order_id, meter=meter, kind=Kind.READ, operator=operator, now=now)
    staff.log(
        operator=operator,
        action=Kind.READ.value,
        target=f"meter {meter.number}",
        after={"order": order_id},
        address=address,
        now=now,
    )
    return order
