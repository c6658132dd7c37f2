"""开户: the account opens on the meter with what is carried in and the first recharge, in one order."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils.translation import gettext as _

from prewatt.domain.dispatch import operations as dispatch
from prewatt.domain.dispatch.models import MeterOrder
from prewatt.domain.estate.models import Opening
from prewatt.domain.ledger import accounts
from prewatt.domain.ledger import operations as ledger
from prewatt.domain.staff import operations as staff
from prewatt.domain.staff.rights import Right
from prewatt.domain.vending import checks, news, receipts, shifts
from prewatt.domain.vending.checks import Refused
from prewatt.domain.vending.models import Sale
from prewatt.link.messages import Kind
from prewatt.units.values import Money

if TYPE_CHECKING:
    from prewatt.domain.estate.models import Customer, Meter
    from prewatt.domain.staff.models import Operator


class AlreadyOpen(Refused):
    code = "already_open"

    def __init__(self, meter: Meter) -> None:
        super().__init__(
            _(
                "Meter %(meter)s already has an open account. Nothing was booked. Sell to it, or close that account "
                "first."
            )
            % {"meter": meter.number}
        )


class OpeningIdTaken(Refused):
    code = "opening_id_taken"

    def __init__(self, meter: Meter) -> None:
        super().__init__(
            _("This form was already used to open an account on meter %(meter)s. Nothing was booked this time.")
            % {"meter": meter.number}
        )


class OpeningAboveCeiling(Refused):
    code = "above_ceiling"

    def __init__(self, meter: Meter) -> None:
        super().__init__(
            _(
                "First recharge and carried-in amount together are above the ceiling of meter %(meter)s (%(ceiling)s "
                "yuan). "
                "Nothing was booked. Enter less, or raise the ceiling first."
            )
            % {"meter": meter.number, "ceiling": Money(int(meter.ceiling_fen or 0))}
        )


@transaction.atomic
def open_account(
    *,
    opening_id: str,
    meter: Meter,
    customer: Customer,
    first_amount: Money | str | int,
    tender: str,
    operator: Operator,
    now: datetime,
    carried_in: Money | str | int = 0,
    address: str = "",
) -> Opening:
    """Open an account: a first recharge (may be zero) is a sale with its receipt; what an old meter still held is
    carried in.

    The meter is set to both together, its purchase count to 0. The same `opening_id` again is the same opening.
    Raises a `Refused` subclass, and then nothing is booked.
    """
    meter = dispatch.lock_meter(meter.pk)
    first, carried = _amount_or_zero(first_amount), _amount_or_zero(carried_in)
    done = MeterOrder.objects.filter(pk=opening_id).select_related("opening", "meter").first()
    if done is not None:
        return _same(done, meter, customer, first.fen + carried.fen)
    if first:
        checks.check_tender(tender)
    checks.check_operator(operator, Right.OPEN_ACCOUNT, meter)
    _check_meter(meter, first, carried)

    # After this point it must succeed.
    opening = Opening.objects.create(meter=meter, customer=customer, opened_at=now, opened_by=operator)
    if carried:
        ledger.pend(
            key=f"order:{opening_id}:carried",
            cause=ledger.Cause("opening", opening_id),
            debit=accounts.CARRIED_IN,
            credit=accounts.meter(opening.pk),
            amount_fen=carried.fen,
            at=now,
        )
    order = dispatch.place_held(
        order_id=opening_id,
        meter=meter,
        opening_id=opening.pk,
        kind=Kind.OPEN,
        amount_fen=first.fen + carried.fen,
        cause=("opening", opening_id),
        operator=operator,
        now=now,
    )
    staff.log(
        operator=operator,
        action="open_account",
        target=f"meter {meter.number}",
        after={"opening": opening_id, "customer": customer.number, "first_fen": first.fen, "carried_fen": carried.fen},
        address=address,
        now=now,
    )
    if first:
        _first_sale(opening=opening, order=order, first=first, tender=tender, operator=operator, now=now)
    return opening


def _amount_or_zero(amount: object) -> Money:
    if amount in (0, "0", "0.00", Money(0)) and not isinstance(amount, float):
        return Money(0)
    return checks.parse_amount(amount)


def _same(done: MeterOrder, meter: Meter, customer: Customer, fen: int) -> Opening:
    opening = done.opening
    if opening is None or (done.meter_id, opening.customer_id, done.amount_fen) != (meter.pk, customer.pk, fen):
        raise OpeningIdTaken(done.meter)
    return opening


def _check_meter(meter: Meter, first: Money, carried: Money) -> None:
    if not meter.active:
        raise checks.MeterInactive(
            _("Meter %(meter)s is out of use. Nothing was booked. Put the meter into use first.")
            % {"meter": meter.number}
        )
    if Opening.objects.filter(meter=meter, closed_at__isnull=True).exists():
        raise AlreadyOpen(meter)
    ceiling_fen = int(meter.ceiling_fen or 0)
    if 0 < ceiling_fen < first.fen + carried.fen:
        raise OpeningAboveCeiling(meter)


def _first_sale(
    *, opening: Opening, order: MeterOrder, first: Money, tender: str, operator: Operator, now: datetime
) -> None:
    """The first recharge is a sale like any other, except that the opening order carries it."""
    cause = ledger.Cause("sale", order.pk)
    wallet = accounts.wallet(opening.customer_id)
    ledger.post(
        key=f"sale:{order.pk}:paid",
        cause=cause,
        debit=accounts.tender(tender),
        credit=wallet,
        amount_fen=first.fen,
        at=now,
    )
    ledger.pend(
        key=f"order:{order.pk}",
        cause=cause,
        debit=wallet,
        credit=accounts.meter(opening.pk),
        amount_fen=first.fen,
        at=now,
    )
    shift = shifts.hold(operator)
    series, number = receipts.next_number(receipts.SALE, now)
    sale = Sale.objects.create(
        id=order.pk,
        series=series,
        number=number,
        opening=opening,
        meter_id=opening.meter_id,
        customer_id=opening.customer_id,
        operator=operator,
        amount_fen=first.fen,
        tender=tender,
        first=True,
        sold_at=now,
        business_day=checks.business_day(now),
        shift=shift,
        order=order,
        state_at=now,
    )
    news.sold(sale)
