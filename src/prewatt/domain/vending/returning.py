"""退电, 冲正 and paying out: money on its way back. What left the drawer comes back as new rows, never as an edit."""

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
from prewatt.domain.vending import checks, news, platform, receipts, shifts
from prewatt.domain.vending.checks import Refused
from prewatt.domain.vending.look import Look, look
from prewatt.domain.vending.models import BackState, Refund, Reversal, Sale, SaleState
from prewatt.domain.vending.selling import hold_waiting
from prewatt.link.messages import Kind
from prewatt.units.values import Money

if TYPE_CHECKING:
    from prewatt.domain.estate.models import Meter
    from prewatt.domain.staff.models import Operator


class RefundIdTaken(Refused):
    code = "refund_id_taken"

    def __init__(self, refund: Refund) -> None:
        super().__init__(
            _(
                "This form was already used for another refund (%(amount)s yuan). Nothing was booked this time. Open "
                "a new form."
            )
            % {"amount": Money(refund.amount_fen)}
        )


class NoteNeeded(Refused):
    code = "note_needed"

    def __init__(self) -> None:
        super().__init__(_("Paying back needs its reason in words. Nothing was booked. Say why; it is kept."))


class MoreThanBalance(Refused):
    code = "more_than_balance"

    def __init__(self, meter: Meter, room_fen: int) -> None:
        self.fits_fen = max(0, room_fen)
        super().__init__(
            _(
                "Meter %(meter)s holds less than that. Nothing was booked. At most %(room)s yuan can be taken back "
                "(what is already on its way back is taken off)."
            )
            % {"meter": meter.number, "room": Money(max(0, room_fen))}
        )


class MoreThanBooked(Refused):
    code = "more_than_booked"

    def __init__(self, meter: Meter, booked_fen: int) -> None:
        self.fits_fen = max(0, booked_fen)
        super().__init__(
            _(
                "Meter %(meter)s shows more money than the books have put there (%(booked)s yuan). Nothing was booked. "
                "Find out where it came from before paying anything back."
            )
            % {"meter": meter.number, "booked": Money(max(0, booked_fen))}
        )


def refund(
    *,
    refund_id: str,
    meter: Meter,
    amount: Money | str | int,
    tender: str,
    operator: Operator,
    now: datetime,
    note: str = "",
    address: str = "",
) -> Refund:
    """退电: take credit off the meter; the customer is paid when the meter has confirmed. The same id again is the same
    refund.

    Needs a reading not older than `checks.FRESH`. Raises a `Refused` subclass, and then nothing is booked.
    """
    try:
        with transaction.atomic():
            return _refund(
                refund_id=refund_id,
                meter=meter,
                amount=amount,
                tender=tender,
                operator=operator,
                now=now,
                note=note,
                address=address,
            )
    except (IntegrityError, ledger.KeyTaken, dispatch.OrderIdTaken):
        first = Refund.objects.filter(pk=refund_id).first()
        if first is None:
            raise
        return _same_refund(first, meter, amount, tender)


def _refund(
    *,
    refund_id: str,
    meter: Meter,
    amount: object,
    tender: str,
    operator: Operator,
    now: datetime,
    note: str,
    address: str,
) -> Refund:
    meter = dispatch.lock_meter(meter.pk)
    first = Refund.objects.filter(pk=refund_id).first()
    if first is not None:
        return _same_refund(first, meter, amount, tender)

    money = checks.parse_amount(amount)
    checks.check_tender(tender)
    checks.check_operator(operator, Right.REFUND, meter)
    seen = look(meter.pk)
    opening_id, customer_id = checks.check_account(meter, seen)
    checks.check_fresh(seen, meter, now)
    _check_holds(meter, seen, money)

    # After this point it must succeed.
    order = _take_back(
        order_id=refund_id,
        cause=ledger.Cause("refund", refund_id),
        seen=seen,
        meter=meter,
        money=money,
        operator=operator,
        now=now,
    )
    _log(
        action="refund",
        target=refund_id,
        meter=meter,
        money=money,
        tender=tender,
        operator=operator,
        now=now,
        address=address,
    )
    row = Refund(
        id=refund_id,
        opening_id=opening_id,
        meter=meter,
        customer_id=customer_id,
        operator=operator,
        amount_fen=money.fen,
        tender=tender,
        note=note[:400],
        asked_at=now,
        state_at=now,
        order=order,
    )
    if order is None:
        pay(row, now=now, key=f"refund:{refund_id}:paid", cause=ledger.Cause("refund", refund_id))
    row.save(force_insert=True)
    return row


def _same_refund(first: Refund, meter: Meter, amount: object, tender: str) -> Refund:
    try:
        fen = checks.parse_amount(amount).fen
    except Refused:
        fen = 0
    if (first.meter_id, first.amount_fen, first.tender, first.from_wallet) != (meter.pk, fen, tender, False):
        raise RefundIdTaken(first)
    return first


def _check_holds(meter: Meter, seen: Look, money: Money) -> None:
    """What the meter holds less what is already on its way back; and never more than the books put there."""
    account = accounts.meter(seen.opening_id or 0)
    reserved_fen = ledger_queries.reserved_fen(account)
    if money.fen > seen.balance_fen - reserved_fen:
        raise MoreThanBalance(meter, seen.balance_fen - reserved_fen)
    booked_fen = ledger_queries.balance_fen(account) - reserved_fen
    if money.fen > booked_fen:
        raise MoreThanBooked(meter, booked_fen)


def ask_reading(*, order_id: str, meter: Meter, operator: Operator, now: datetime, address: str = "") -> MeterOrder:
    """Have the meter read before money is taken off it. The same id again is the same order.

    Who may refund may do this much, without the right to send orders. Raises NoRight, OutOfScope.
    """
    checks.check_operator(operator, Right.REFUND, meter)
    with transaction.atomic():
        order = dispatch.place(order_id=order_id, meter=meter, kind=Kind.READ, operator=operator, now=now)
        staff.log(
            operator=operator,
            action="read",
            target=f"meter {meter.number}",
            after={"order": order_id, "before": "refund"},
            address=address,
            now=now,
        )
    return order


def _take_back(
    *,
    order_id: str,
    cause: ledger.Cause,
    seen: Look,
    meter: Meter,
    money: Money,
    operator: Operator,
    now: datetime,
) -> MeterOrder | None:
    """Reserve credit of the meter for the wallet and place the reduction. The caller holds the meter and has looked.

    None: the platform bills, the credit is in the wallet already, and the caller pays.
    """
    opening_id, customer_id = checks.check_account(meter, seen)
    if seen.platform:
        platform.take_back(
            kind=cause.kind, row_id=cause.id, opening_id=opening_id, customer_id=customer_id, money=money, now=now
        )
        return None
    ledger.pend(
        key=f"order:{order_id}",
        cause=cause,
        debit=accounts.meter(opening_id),
        credit=accounts.wallet(customer_id),
        amount_fen=money.fen,
        at=now,
    )
    return dispatch.place_held(
        order_id=order_id,
        meter=meter,
        opening_id=opening_id,
        kind=Kind.REFUND,
        amount_fen=money.fen,
        cause=cause,
        operator=operator,
        now=now,
    )


def _log(
    *,
    action: str,
    target: str,
    meter: Meter,
    money: Money,
    tender: str,
    operator: Operator,
    now: datetime,
    address: str,
) -> None:
    staff.log(
        operator=operator,
        action=action,
        target=f"meter {meter.number}",
        after={action: target, "amount_fen": money.fen, "tender": tender},
        address=address,
        now=now,
    )


class ReversalIdTaken(Refused):
    code = "reversal_id_taken"

    def __init__(self, reversal: Reversal) -> None:
        super().__init__(
            _("This form was already used to reverse %(receipt)s. Nothing was booked this time. Open a new form.")
            % {"receipt": reversal.sale.receipt}
        )


class AlreadyReversed(Refused):
    code = "already_reversed"

    def __init__(self, sale: Sale) -> None:
        super().__init__(
            _("%(receipt)s is already reversed, or its reversal is on the way. Nothing was booked.")
            % {"receipt": sale.receipt}
        )


class NotArrived(Refused):
    code = "not_arrived"
    retry = True

    def __init__(self, sale: Sale) -> None:
        super().__init__(
            _(
                "The money of %(receipt)s is still on its way (%(state)s), so it cannot be turned round yet. Nothing "
                "was booked. "
                "Cancel the order, or wait until it has arrived."
            )
            % {"receipt": sale.receipt, "state": sale.get_state_display()}
        )


def reverse(
    *, reversal_id: str, sale_id: str, operator: Operator, now: datetime, note: str = "", address: str = ""
) -> Reversal:
    """冲正: turn a wrong sale round, whole, by the way it was paid. The same id again is the same reversal.

    Money on the meter is taken back first and paid when the meter has confirmed; money that waits in the wallet is
    paid at once.
    Raises a `Refused` subclass, and then nothing is booked.
    """
    try:
        with transaction.atomic():
            return _reverse(
                reversal_id=reversal_id, sale_id=sale_id, operator=operator, now=now, note=note, address=address
            )
    except (IntegrityError, ledger.KeyTaken, dispatch.OrderIdTaken):
        first = Reversal.objects.filter(pk=reversal_id).select_related("sale").first()
        if first is None:
            raise AlreadyReversed(Sale.objects.get(pk=sale_id)) from None
        return _same_reversal(first, sale_id)


def _reverse(*, reversal_id: str, sale_id: str, operator: Operator, now: datetime, note: str, address: str) -> Reversal:
    sale = Sale.objects.select_related("meter", "opening").get(pk=sale_id)
    dispatch.lock_meter(sale.meter_id)
    first = Reversal.objects.filter(pk=reversal_id).select_related("sale").first()
    if first is not None:
        return _same_reversal(first, sale_id)
    sale.refresh_from_db(fields=["state", "order"])
    checks.check_operator(operator, Right.REVERSE, sale.meter)
    _check_reversible(sale)
    row = Reversal(
        id=reversal_id,
        sale=sale,
        opening=sale.opening,
        meter=sale.meter,
        customer_id=sale.customer_id,
        operator=operator,
        amount_fen=sale.amount_fen,
        tender=sale.tender,
        note=note[:400],
        asked_at=now,
        state_at=now,
    )
    money = Money(sale.amount_fen)
    if sale.state == SaleState.WAITING:
        hold_waiting(sale_id)
        row.from_wallet = True
        pay(row, now=now, key=f"reversal:{reversal_id}:paid", cause=ledger.Cause("reversal", reversal_id))
        row.save(force_insert=True)
        set_sale(sale, SaleState.REVERSED, now=now)
    else:
        row.order = _turn_round(row, sale, money, operator, now)
        if row.order is None:
            pay(row, now=now, key=f"reversal:{reversal_id}:paid", cause=ledger.Cause("reversal", reversal_id))
            set_sale(sale, SaleState.REVERSED, now=now)
        row.save(force_insert=True)
    _log(
        action="reversal",
        target=reversal_id,
        meter=sale.meter,
        money=money,
        tender=sale.tender,
        operator=operator,
        now=now,
        address=address,
    )
    return row


def _turn_round(row: Reversal, sale: Sale, money: Money, operator: Operator, now: datetime) -> MeterOrder | None:
    seen = look(sale.meter_id)
    opening_id, _customer_id = checks.check_account(sale.meter, seen)
    if opening_id != (sale.order.opening_id if sale.order else sale.opening_id):
        # the account that it was sold to is closed: this meter holds other money now
        raise MoreThanBalance(sale.meter, 0)
    checks.check_fresh(seen, sale.meter, now)
    _check_holds(sale.meter, seen, money)
    return _take_back(
        order_id=row.pk,
        cause=ledger.Cause("reversal", row.pk),
        seen=seen,
        meter=sale.meter,
        money=money,
        operator=operator,
        now=now,
    )


def _check_reversible(sale: Sale) -> None:
    open_or_done = (BackState.SENDING, BackState.UNCLEAR, BackState.DONE)
    if sale.state in (SaleState.REVERSED, SaleState.RETURNED) or sale.reversals.filter(state__in=open_or_done).exists():
        raise AlreadyReversed(sale)
    if sale.state in (SaleState.PAID, SaleState.UNCLEAR):
        raise NotArrived(sale)


def _same_reversal(first: Reversal, sale_id: str) -> Reversal:
    if first.sale_id != sale_id:
        raise ReversalIdTaken(first)
    return first


@transaction.atomic
def pay_out(
    *, refund_id: str, sale_id: str, tender: str, operator: Operator, now: datetime, note: str = "", address: str = ""
) -> Refund:
    """Pay back the money of a sale that waits in the wallet (the meter refused it). The same id again is the same
    pay-out.

    Counts as 退电, with a red receipt of its own. Raises NotWaiting, WalletTooSmall and the refusals of rights and
    tender.
    """
    first = Refund.objects.filter(pk=refund_id).first()
    if first is not None:
        if (first.sale_id, first.tender) != (sale_id, tender):
            raise RefundIdTaken(first)
        return first
    sale = hold_waiting(sale_id)
    checks.check_tender(tender)
    checks.check_operator(operator, Right.REFUND, sale.meter)
    row = Refund(
        id=refund_id,
        sale=sale,
        opening=sale.opening,
        meter=sale.meter,
        customer_id=sale.customer_id,
        operator=operator,
        amount_fen=sale.amount_fen,
        tender=tender,
        from_wallet=True,
        note=note[:400],
        asked_at=now,
        state_at=now,
    )
    set_sale(sale, SaleState.RETURNED, now=now)
    _log(
        action="pay_out",
        target=refund_id,
        meter=sale.meter,
        money=Money(sale.amount_fen),
        tender=tender,
        operator=operator,
        now=now,
        address=address,
    )
    pay(row, now=now, key=f"refund:{refund_id}:paid", cause=ledger.Cause("refund", refund_id))
    row.save(force_insert=True)
    return row


def pay(row: Refund | Reversal, *, now: datetime, key: str, cause: ledger.Cause) -> None:
    """The money leaves the drawer: wallet to tender, and the red receipt gets its number. The caller saves the row."""
    ledger.post(
        key=key,
        cause=cause,
        debit=accounts.wallet(row.customer_id),
        credit=accounts.tender(row.tender),
        amount_fen=row.amount_fen,
        at=now,
    )
    row.state, row.state_at, row.business_day, row.reason = BackState.DONE, now, checks.business_day(now), ""
    row.shift = shifts.hold(row.operator)
    kind = receipts.REVERSAL if isinstance(row, Reversal) else receipts.REFUND
    row.series, row.number = receipts.next_number(kind, now)
    news.paid_back(row)


def set_sale(sale: Sale, state: SaleState, *, now: datetime, reason: str = "") -> None:
    sale.state, sale.state_at, sale.reason = state, now, reason[:64]
    sale.save(update_fields=["state", "state_at", "reason"])
