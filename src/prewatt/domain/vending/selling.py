"""售电: from the drawer to the meter, in one transaction. And 补发: money that waits in the wallet, sent again."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from prewatt.domain.dispatch import operations as dispatch
from prewatt.domain.dispatch.models import MeterOrder
from prewatt.domain.ledger import accounts
from prewatt.domain.ledger import operations as ledger
from prewatt.domain.ledger import queries as ledger_queries
from prewatt.domain.staff import operations as staff
from prewatt.domain.staff.rights import Right
from prewatt.domain.vending import checks, counters, news, platform, receipts, shifts, texting
from prewatt.domain.vending.checks import Refused
from prewatt.domain.vending.look import Look, look
from prewatt.domain.vending.models import Sale, SaleState
from prewatt.link.messages import Kind
from prewatt.units.values import Money

if TYPE_CHECKING:
    from prewatt.domain.estate.models import Meter
    from prewatt.domain.staff.models import Operator


class SaleIdTaken(Refused):
    code = "sale_id_taken"

    def __init__(self, sale: Sale) -> None:
        super().__init__(
            _(
                "This form was already used for another sale (%(receipt)s, %(amount)s yuan). Nothing was booked this "
                "time. "
                "Open a new sale form."
            )
            % {"receipt": sale.receipt, "amount": Money(sale.amount_fen)}
        )


class AboveCeiling(Refused):
    code = "above_ceiling"

    def __init__(self, *, meter: Meter, known_fen: int, arriving_fen: int, room_fen: int) -> None:
        self.fits_fen = max(0, room_fen)
        more = _(
            "Meter %(meter)s holds %(known)s yuan and %(arriving)s more are on the way; its ceiling is "
            "%(ceiling)s yuan, "
            "and it would refuse more. Nothing was booked. At most %(room)s yuan can be sold now."
        )
        alone = _(
            "Meter %(meter)s holds %(known)s yuan; its ceiling is %(ceiling)s yuan, and it would refuse more. Nothing "
            "was booked. At most %(room)s yuan can be sold now."
        )
        super().__init__(
            (more if arriving_fen else alone)
            % {
                "meter": meter.number,
                "known": Money(known_fen),
                "arriving": Money(arriving_fen),
                "ceiling": Money(int(meter.ceiling_fen or 0)),
                "room": Money(max(0, room_fen)),
            }
        )


def sell(
    *,
    sale_id: str,
    meter: Meter,
    amount: Money | str | int,
    tender: str,
    operator: Operator,
    now: datetime,
    address: str = "",
) -> Sale:
    """Sell: the money is booked at once, the order goes to the meter. One call, one transaction.

    `sale_id` is made when the form is drawn: the same call again returns the first sale and books nothing, whoever
    was faster.
    A meter that is lost is sold to all the same; the order waits for it. Raises a `Refused` subclass, and then
    nothing is booked.
    """
    try:
        with transaction.atomic():
            return _sell(
                sale_id=sale_id, meter=meter, amount=amount, tender=tender, operator=operator, now=now, address=address
            )
    except (IntegrityError, ledger.KeyTaken, dispatch.OrderIdTaken):
        # Somebody sold under this id between our look and our write; what he booked stands.
        first = Sale.objects.filter(pk=sale_id).first()
        if first is None:
            raise
        return same_sale(first, meter, amount, tender)


def _sell(
    *, sale_id: str, meter: Meter, amount: object, tender: str, operator: Operator, now: datetime, address: str
) -> Sale:
    meter = dispatch.lock_meter(meter.pk)
    seen = look(meter.pk, sale_id=sale_id)
    if seen.sold:
        return same_sale(Sale.objects.get(pk=sale_id), meter, amount, tender)
    at_counter = counters.settings()
    money = checks.parse_amount(amount)
    counters.check_offered(tender, at_counter)
    shifts.check_open(operator, at_counter)
    return sell_held(
        sale_id=sale_id,
        meter=meter,
        seen=seen,
        money=money,
        tender=tender,
        operator=operator,
        at_counter=at_counter,
        now=now,
        address=address,
    )


def sell_held(
    *,
    sale_id: str,
    meter: Meter,
    seen: Look,
    money: Money,
    tender: str,
    operator: Operator,
    at_counter: counters.Counters,
    now: datetime,
    address: str,
    payment_id: str | None = None,
    right: Right = Right.SELL,
    first: bool = False,
) -> Sale:
    """`sell` for a caller who is in a transaction, holds the meter, has looked, and knows that the id is new.

    `right` is what the operator does it by; `first`: it comes with the opening of the account.
    """
    checks.check_operator(operator, right, meter)
    return _book(
        sale_id=sale_id,
        meter=meter,
        seen=seen,
        money=money,
        tender=tender,
        operator=operator,
        at_counter=at_counter,
        now=now,
        address=address,
        payment_id=payment_id,
        first=first,
    )


def sell_paid(
    *, sale_id: str, meter: Meter, seen: Look, money: Money, tender: str, operator: Operator, now: datetime
) -> Sale:
    """A sale that the tenant has paid already, at a provider: nobody stands at a counter, so no right is asked for.

    The caller is in a transaction, holds the meter, has looked, and knows that the id is new. `operator` is in whose
    name it stands. Raises a `Refused` subclass, and then nothing is booked: the caller keeps the money otherwise.
    """
    return _book(
        sale_id=sale_id,
        meter=meter,
        seen=seen,
        money=money,
        tender=tender,
        operator=operator,
        at_counter=counters.Counters(),
        now=now,
        address="",
        payment_id=None,
        first=False,
    )


def _book(
    *,
    sale_id: str,
    meter: Meter,
    seen: Look,
    money: Money,
    tender: str,
    operator: Operator,
    at_counter: counters.Counters,
    now: datetime,
    address: str,
    payment_id: str | None,
    first: bool,
) -> Sale:
    opening_id, customer_id = checks.check_account(meter, seen)
    checks.check_in_force(meter, seen)
    if not seen.platform:
        check_ceiling(meter, seen, money)

    # After this point it must succeed.
    order = _carry(
        sale_id=sale_id,
        customer_id=customer_id,
        seen=seen,
        meter=meter,
        money=money,
        tender=tender,
        operator=operator,
        now=now,
    )
    staff.log(
        operator=operator,
        action="sell",
        target=f"meter {meter.number}",
        after={"sale": sale_id, "amount_fen": money.fen, "tender": tender},
        address=address,
        now=now,
    )
    shift = shifts.hold(operator, at_counter)
    series, number = receipts.next_number(receipts.SALE, now)
    sale = Sale.objects.create(
        id=sale_id,
        series=series,
        number=number,
        opening_id=opening_id,
        meter=meter,
        customer_id=customer_id,
        operator=operator,
        amount_fen=money.fen,
        tender=tender,
        first=first,
        balance_before_fen=seen.balance_fen if seen.known_at else None,
        sold_at=now,
        business_day=checks.business_day(now),
        payment_id=payment_id,
        shift=shift,
        order=order,
        state=SaleState.PAID if order else SaleState.ARRIVED,
        state_at=now,
    )
    news.sold(sale)
    if order is None:
        balance_fen = seen.balance_fen + money.fen if seen.known_at else None
        news.credited_here(sale, balance_fen=balance_fen)
        texting.credited(sale, balance_fen=balance_fen, now=now)
    return sale


def _carry(
    *,
    sale_id: str,
    customer_id: int,
    seen: Look,
    meter: Meter,
    money: Money,
    tender: str,
    operator: Operator,
    now: datetime,
) -> MeterOrder | None:
    """Book what was paid, and send it on its way; where the platform bills, it has arrived when it is booked."""
    cause, opening_id = ledger.Cause("sale", sale_id), seen.opening_id or 0
    drawer, wallet, account = accounts.tender(tender), accounts.wallet(customer_id), accounts.meter(opening_id)
    if seen.platform:
        ledger.post(key=f"sale:{sale_id}:paid", cause=cause, debit=drawer, credit=wallet, amount_fen=money.fen, at=now)
        platform.credit(sale_id=sale_id, wallet=wallet, seen=seen, meter=meter, money=money, now=now)
        return None
    ledger.post_and_pend(
        posted=ledger.Leg(f"sale:{sale_id}:paid", cause, drawer, wallet, money.fen),
        pending=ledger.Leg(f"order:{sale_id}", cause, wallet, account, money.fen),
        at=now,
    )
    if seen.arrears_trip:
        dispatch.cancel_arrears_trips(meter=meter, now=now)
    return _order(order_id=sale_id, cause=cause, seen=seen, meter=meter, money=money, operator=operator, now=now)


def same_sale(first: Sale, meter: Meter, amount: object, tender: str) -> Sale:
    try:
        fen = checks.parse_amount(amount).fen
    except Refused:
        fen = 0
    if (first.meter_id, first.amount_fen, first.tender) != (meter.pk, fen, tender):
        raise SaleIdTaken(first)
    return first


def check_ceiling(meter: Meter, seen: Look, money: Money) -> None:
    """The meter refuses what would lift it above its ceiling; equal is allowed. Zero or none: it has no ceiling."""
    ceiling_fen = int(meter.ceiling_fen or 0)
    room_fen = ceiling_fen - seen.balance_fen - seen.arriving_fen
    if ceiling_fen > 0 and money.fen > room_fen:
        raise AboveCeiling(meter=meter, known_fen=seen.balance_fen, arriving_fen=seen.arriving_fen, room_fen=room_fen)


def _order(
    *,
    order_id: str,
    cause: ledger.Cause,
    seen: Look,
    meter: Meter,
    money: Money,
    operator: Operator,
    now: datetime,
) -> MeterOrder:
    """The recharge that carries reserved money to the meter. The caller holds the meter and has looked."""
    return dispatch.place_held(
        order_id=order_id,
        meter=meter,
        opening_id=seen.opening_id,
        kind=Kind.RECHARGE,
        amount_fen=money.fen,
        cause=cause,
        operator=operator,
        now=now,
        queue=seen.money_order,
    )


class NotWaiting(Refused):
    code = "not_waiting"

    def __init__(self, sale: Sale) -> None:
        super().__init__(
            _("The money of %(receipt)s does not wait in the wallet (it is: %(state)s). Nothing was booked.")
            % {"receipt": sale.receipt, "state": sale.get_state_display()}
        )


class OtherCustomer(Refused):
    code = "other_customer"

    def __init__(self, sale: Sale) -> None:
        super().__init__(
            _(
                "Meter %(meter)s has another customer now, so the money of %(receipt)s cannot go there. "
                "Nothing was booked; the money still waits in the wallet of %(customer)s. Pay it out instead."
            )
            % {"meter": sale.meter.number, "receipt": sale.receipt, "customer": sale.customer.name}
        )


class WalletTooSmall(Refused):
    code = "wallet_too_small"

    def __init__(self, sale: Sale, available_fen: int) -> None:
        super().__init__(
            _(
                "The wallet of this customer holds only %(available)s yuan that are free, less than the %(amount)s "
                "of %(receipt)s. "
                "Nothing was booked. Look at the wallet's transfers."
            )
            % {
                "available": Money(available_fen),
                "amount": Money(sale.amount_fen),
                "receipt": sale.receipt,
            }
        )


def hold_waiting(sale_id: str) -> Sale:
    """A sale whose money waits in the wallet, with meter, sale and wallet held in this order.

    The caller is in a transaction.
    """
    sale = Sale.objects.select_related("meter", "opening").get(pk=sale_id)
    dispatch.lock_meter(sale.meter_id)
    sale.refresh_from_db(fields=["state", "order"])
    if sale.state != SaleState.WAITING:
        raise NotWaiting(sale)
    wallet = accounts.wallet(sale.customer_id)
    ledger.lock(wallet)
    available_fen = ledger_queries.available_fen(wallet)
    if available_fen < sale.amount_fen:
        raise WalletTooSmall(sale, available_fen)
    return sale


@transaction.atomic
def resend(*, order_id: str, sale_id: str, operator: Operator, now: datetime, address: str = "") -> Sale:
    """Send a refused sale's money to its meter again, from the wallet. `order_id` is made when the form is drawn.

    Raises NotWaiting, WalletTooSmall, AboveCeiling and the refusals of a meter that cannot be sold to.
    """
    if MeterOrder.objects.filter(pk=order_id, cause_id=sale_id).exists():
        return Sale.objects.get(pk=sale_id)
    sale = hold_waiting(sale_id)
    checks.check_operator(operator, Right.SELL, sale.meter)
    seen = look(sale.meter_id)
    opening_id, _customer_id = checks.check_account(sale.meter, seen)
    checks.check_in_force(sale.meter, seen)
    if seen.customer_id != sale.customer_id:
        raise OtherCustomer(sale)
    money = Money(sale.amount_fen)
    if seen.platform:
        raise platform.NotOnPlatform(sale.meter)
    check_ceiling(sale.meter, seen, money)

    cause = ledger.Cause("sale", sale_id)
    ledger.pend(
        key=f"order:{order_id}",
        cause=cause,
        debit=accounts.wallet(sale.customer_id),
        credit=accounts.meter(opening_id),
        amount_fen=money.fen,
        at=now,
    )
    sale.order = _order(
        order_id=order_id, cause=cause, seen=seen, meter=sale.meter, money=money, operator=operator, now=now
    )
    sale.state, sale.state_at, sale.reason = SaleState.PAID, now, ""
    sale.save(update_fields=["order", "state", "state_at", "reason"])
    staff.log(
        operator=operator,
        action="resend",
        target=f"sale {sale.receipt}",
        after={"order": order_id},
        address=address,
        now=now,
    )
    return sale
