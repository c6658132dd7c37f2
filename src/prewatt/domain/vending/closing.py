"""销户: all meters of a customer in one act. Also what closing, changing and handing over share: arrears, readings
entered by hand, trying again, withdrawing, and the turn that drives what is under way.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from prewatt.domain.dispatch import operations as dispatch
from prewatt.domain.dispatch.models import SERIAL_KINDS, MeterOrder
from prewatt.domain.dispatch.states import OPEN, State
from prewatt.domain.estate.models import Meter, Opening
from prewatt.domain.ledger import accounts
from prewatt.domain.ledger import operations as ledger
from prewatt.domain.ledger import queries as ledger_queries
from prewatt.domain.ledger.models import Kind as TransferKind
from prewatt.domain.metering import operations as metering
from prewatt.domain.metering.models import MeterState
from prewatt.domain.metering.states import FORCED_ON
from prewatt.domain.staff import operations as staff
from prewatt.domain.staff.rights import Right
from prewatt.domain.vending import checks, counters, final, leaving, news, platform, receipts, shifts
from prewatt.domain.vending.checks import Refused
from prewatt.domain.vending.models import Refund, Sale, SaleState
from prewatt.domain.vending.records import ENDED, Closing, ClosingKind, ClosingLine, How, LineState
from prewatt.domain.vending.returning import pay, set_sale
from prewatt.domain.vending.selling import hold_waiting
from prewatt.link.messages import Kind
from prewatt.units.values import Money

if TYPE_CHECKING:
    from prewatt.domain.estate.models import Customer
    from prewatt.domain.staff.models import Operator

RIGHT = Right.OPEN_ACCOUNT
WHOLE = ("closing__operator", "closing__customer", "meter__bus", "opening", "order", "new_meter__bus")


class Typed(NamedTuple):
    """A final reading entered by hand: the register without CT ratio, the balance (negative: arrears), and why.

    `sure`: both have looked again at a register that is far above the last one (`final.TypedFarAbove`).
    """

    energy_wh: int | None
    balance_fen: int
    reason: str
    sure: bool = False


class ClosingIdTaken(Refused):
    code = "closing_id_taken"

    def __init__(self, closing: Closing) -> None:
        super().__init__(
            _("This form was already used (%(closing)s, %(customer)s). Nothing was booked this time. Open a new form.")
            % {"closing": closing.get_kind_display(), "customer": closing.customer.name}
        )


class NothingToClose(Refused):
    code = "nothing_to_close"

    def __init__(self, customer: Customer) -> None:
        super().__init__(
            _("%(customer)s has no open account. Nothing was booked; there is nothing to close.")
            % {"customer": customer.name}
        )


class OrdersUnderWay(Refused):
    code = "orders_under_way"
    retry = True

    def __init__(self, orders: Sequence[MeterOrder]) -> None:
        named = "; ".join(
            _("meter %(meter)s: %(kind)s of %(amount)s yuan (%(state)s)")
            % {
                "meter": order.meter.number,
                "kind": order.get_kind_display(),
                "amount": Money(order.amount_fen or 0),
                "state": order.get_state_display(),
            }
            for order in orders
        )
        super().__init__(
            _(
                "Money is still on its way: %(orders)s. Nothing was booked. Wait until it has arrived, cancel it, or "
                "decide what is unclear."
            )
            % {"orders": named}
        )


class ReadingNeeded(Refused):
    """The meters that do not answer: each needs its final reading entered by hand, with a reason."""

    code = "reading_needed"
    retry = True

    def __init__(self, meters: Iterable[Meter]) -> None:
        self.meters = list(meters)
        super().__init__(
            _(
                "Meter %(meters)s does not answer. Nothing was booked. Wait until it is back, or enter its final "
                "reading by hand with the reason, and let a second person confirm."
            )
            % {"meters": ", ".join(meter.number for meter in self.meters)}
        )


class TypedReasonNeeded(Refused):
    code = "reason_needed"

    def __init__(self, meter: Meter) -> None:
        super().__init__(
            _("The reading of meter %(meter)s was entered by hand without a reason. Nothing was booked. Say why.")
            % {"meter": meter.number}
        )


class SecondPerson(Refused):
    code = "second_person_needed"

    def __init__(self) -> None:
        super().__init__(
            _(
                "A reading that is entered by hand becomes money. Nothing was booked. Another person who may close "
                "accounts has to confirm it."
            )
        )


class MeterOnHold(Refused):
    code = "meter_held"

    def __init__(self, meter: Meter) -> None:
        super().__init__(
            _(
                "Meter %(meter)s is on hold, so it keeps its power and goes on counting. Nothing was booked. Release "
                "it to prepaid first."
            )
            % {"meter": meter.number}
        )


class TypedTooHigh(Refused):
    code = "more_than_booked"

    def __init__(self, meter: Meter, booked_fen: int) -> None:
        super().__init__(
            _(
                "The books have only %(booked)s yuan on meter %(meter)s, less than was entered. Nothing was booked. "
                "Look at the meter again."
            )
            % {"meter": meter.number, "booked": Money(max(0, booked_fen))}
        )


class NotThere(Refused):
    """The line is not in a state in which this can be done."""

    code = "not_possible_now"

    def __init__(self, line: ClosingLine) -> None:
        super().__init__(
            _("Meter %(meter)s is at another step now (%(state)s). Nothing was booked. Look at the page again.")
            % {"meter": line.meter.number, "state": line.get_state_display()}
        )


class OtherArrears(Refused):
    code = "other_arrears"

    def __init__(self, line: ClosingLine) -> None:
        super().__init__(
            _("The arrears of meter %(meter)s are %(owed)s yuan. Nothing was booked. Take exactly that.")
            % {"meter": line.meter.number, "owed": Money(-(line.balance_fen or 0))}
        )


@transaction.atomic
def close_account(
    *,
    closing_id: str,
    customer: Customer,
    operator: Operator,
    now: datetime,
    tender: str,
    openings: Sequence[Opening] | None = None,
    second_person: Operator | None = None,
    typed_readings: Mapping[int, Typed] | None = None,
    note: str = "",
    address: str = "",
) -> Closing:
    """销户: close these accounts of the customer (all open ones by default). The same `closing_id` is the same closing.

    Every meter is switched off, read, and gives its credit back; it is paid by `tender` when the meter has confirmed.
    Money that waits in the wallet is paid back at once. Arrears are then collected by `collect_arrears`.
    `typed_readings` (by meter id) stand for meters that do not answer; they need `second_person`, who has confirmed.
    Look at `closing_queries.progress`. Raises a `Refused` subclass, and then nothing is booked.
    """
    done = Closing.objects.filter(pk=closing_id).select_related("customer").first()
    if done is not None:
        return same(done, ClosingKind.CLOSE, customer)
    every = openings is None
    chosen = _open_of(customer) if openings is None else list(openings)
    waiting = _waiting(customer, None if every else chosen)
    held = hold([*(one.meter_id for one in chosen), *(sale.meter_id for sale in waiting)])
    done = Closing.objects.filter(pk=closing_id).select_related("customer").first()
    if done is not None:
        return same(done, ClosingKind.CLOSE, customer)
    checks.check_tender(tender)
    if not chosen:
        raise NothingToClose(customer)
    typed = {} if typed_readings is None else dict(typed_readings)
    for opening in chosen:
        check_leaves(opening, held[opening.meter_id], operator, customer)
    check_quiet([opening.meter_id for opening in chosen])
    check_answers([held[one.meter_id] for one in chosen], typed, operator, second_person, now=now)

    # After this point it must succeed.
    closing = Closing.objects.create(
        id=closing_id,
        kind=ClosingKind.CLOSE,
        customer=customer,
        operator=operator,
        tender=tender,
        note=note[:400],
        asked_at=now,
    )
    log(closing, chosen, typed, operator=operator, second_person=second_person, now=now, address=address)
    for number, sale in enumerate(waiting, 1):
        _pay_waiting(closing, sale.pk, f"{closing_id}.w{number}", now)
    lines = [add_line(closing, opening, held[opening.meter_id], now, nth) for nth, opening in enumerate(chosen, 1)]
    for line in lines:
        start(line, typed.get(line.meter_id), second_person, now=now)
    closing.refresh_from_db()
    return closing


def _open_of(customer: Customer) -> list[Opening]:
    return list(Opening.objects.filter(customer=customer, closed_at__isnull=True).order_by("meter__number"))


def _waiting(customer: Customer, openings: Sequence[Opening] | None) -> list[Sale]:
    found = Sale.objects.filter(customer=customer, state=SaleState.WAITING)
    if openings is not None:
        found = found.filter(opening__in=[one.pk for one in openings])
    return list(found.order_by("sold_at", "pk"))


def hold(meter_ids: Iterable[int]) -> dict[int, Meter]:
    """Several meters, always in the same order, so that two people never wait for each other."""
    return {meter_id: dispatch.lock_meter(meter_id) for meter_id in sorted(set(meter_ids))}


def same(
    done: Closing,
    kind: ClosingKind,
    customer: Customer,
    *,
    to_customer: Customer | None = None,
    opening: Opening | None = None,
) -> Closing:
    """The first act under this id, if it is the same one. Raises ClosingIdTaken."""
    whom = None if to_customer is None else to_customer.pk
    if (done.kind, done.customer_id, done.to_customer_id) != (kind, customer.pk, whom):
        raise ClosingIdTaken(done)
    if opening is not None and not done.lines.filter(opening=opening).exists():
        raise ClosingIdTaken(done)
    return done


def check_leaves(opening: Opening, meter: Meter, operator: Operator, customer: Customer) -> None:
    """The account is open, the customer's, and nobody ends it already."""
    checks.check_operator(operator, RIGHT, meter)
    opening.refresh_from_db(fields=["closed_at", "customer"])
    if opening.closed_at is not None or opening.customer_id != customer.pk:
        raise checks.AccountClosed(
            _("The account on meter %(meter)s is closed already. Nothing was booked.") % {"meter": meter.number}
        )
    if ClosingLine.objects.filter(opening=opening).exclude(state__in=ENDED).exists():
        raise checks.AccountEnding(
            _("The account on meter %(meter)s is already being closed, changed or handed over. Nothing was booked.")
            % {"meter": meter.number}
        )


def check_quiet(meter_ids: Iterable[int]) -> None:
    """No money is on its way, and none is unclear."""
    orders = MeterOrder.objects.filter(meter__in=list(meter_ids), kind__in=sorted(SERIAL_KINDS), state__in=sorted(OPEN))
    found = list(orders.select_related("meter").order_by("meter__number", "placed_at", "id"))
    if found:
        raise OrdersUnderWay(found)


def check_answers(
    meters: Sequence[Meter],
    typed: Mapping[int, Typed],
    operator: Operator,
    second_person: Operator | None,
    *,
    now: datetime,
) -> None:
    """Each meter answers, or its reading was entered by hand, with a reason, by two people."""
    for meter in meters:
        if meter.pk in typed:
            check_typed(meter, typed[meter.pk], operator, second_person, now=now)
    states = {state.meter_id: state for state in MeterState.objects.filter(meter__in=[meter.pk for meter in meters])}
    silent = [meter for meter in meters if meter.pk not in typed and (meter.pk not in states or states[meter.pk].lost)]
    if silent:
        raise ReadingNeeded(silent)
    ours = platform.kept_on(Meter.objects.filter(pk__in=[meter.pk for meter in meters]))
    for meter in meters:
        if meter.pk not in typed and meter.pk not in ours and states[meter.pk].forced == FORCED_ON:
            raise MeterOnHold(meter)


def check_typed(
    meter: Meter, typed: Typed, operator: Operator, second_person: Operator | None, *, now: datetime
) -> None:
    if not typed.reason.strip():
        raise TypedReasonNeeded(meter)
    if second_person is None or second_person.pk == operator.pk:
        raise SecondPerson
    checks.check_operator(second_person, RIGHT, meter)
    opening_id = Opening.objects.filter(meter=meter, closed_at__isnull=True).values_list("pk", flat=True).first()
    booked_fen = ledger_queries.balance_fen(accounts.meter(opening_id or 0))
    if typed.balance_fen > booked_fen:
        raise TypedTooHigh(meter, booked_fen)
    final.check_register(meter, energy_wh=typed.energy_wh, sure=typed.sure, now=now)


def log(
    closing: Closing,
    openings: Sequence[Opening],
    typed: Mapping[int, Typed],
    *,
    operator: Operator,
    second_person: Operator | None,
    now: datetime,
    address: str,
    **more: object,
) -> None:
    meters = {opening.meter_id: opening.meter.number for opening in openings}
    staff.log(
        operator=operator,
        action=closing.kind if closing.kind != ClosingKind.CLOSE else "close_account",
        target=f"customer {closing.customer.number}",
        after={
            "closing": closing.pk,
            "meters": sorted(meters.values()),
            "tender": closing.tender,
            "typed": {meters.get(pk, str(pk)): one._asdict() for pk, one in typed.items()},
            "second_person": getattr(second_person, "username", ""),
            **more,
        },
        address=address,
        now=now,
    )


def _pay_waiting(closing: Closing, sale_id: str, refund_id: str, now: datetime) -> None:
    """Money that never reached a meter goes back as it does by hand (`returning.pay_out`)."""
    sale = hold_waiting(sale_id)
    row = Refund(
        id=refund_id,
        sale=sale,
        opening=sale.opening,
        meter=sale.meter,
        customer_id=sale.customer_id,
        operator=closing.operator,
        amount_fen=sale.amount_fen,
        tender=closing.tender,
        from_wallet=True,
        note=closing.note,
        asked_at=now,
        state_at=now,
    )
    set_sale(sale, SaleState.RETURNED, now=now)
    pay(row, now=now, key=f"refund:{refund_id}:paid", cause=ledger.Cause("refund", refund_id))
    row.save(force_insert=True)


def add_line(closing: Closing, opening: Opening, meter: Meter, now: datetime, nth: int = 1) -> ClosingLine:
    line = ClosingLine(code=f"{closing.pk}.{nth}", closing=closing, opening=opening, meter=meter, state_at=now)
    line.save(force_insert=True)
    return line


def start(line: ClosingLine, typed: Typed | None, second_person: Operator | None, *, now: datetime) -> None:
    if typed is None:
        leaving.begin(line, now=now)
        return
    line.how, line.typed_reason, line.second_person = How.TYPED, typed.reason.strip()[:400], second_person
    if typed.energy_wh is not None:
        metering.keep_final(meter=line.meter, energy_wh=typed.energy_wh, now=now)
    leaving.judge(line, energy_wh=typed.energy_wh, balance_fen=typed.balance_fen, read_at=now, now=now)


# --- while it is under way ----------------------------------------------------------------------------------------


def held_line(closing_id: str, opening_id: int | None = None) -> ClosingLine:
    """The line as it stands, its meter held. A change has only one. Raises ClosingLine.DoesNotExist."""
    found = ClosingLine.objects.filter(closing=closing_id)
    if opening_id is not None:
        found = found.filter(opening=opening_id)
    meter_id = found.values_list("meter_id", flat=True).get()
    dispatch.lock_meter(meter_id)
    return found.select_related(
        "closing__operator", "closing__customer", "meter", "opening", "order", "new_meter"
    ).get()


@transaction.atomic
def collect_arrears(
    *,
    closing_id: str,
    opening_id: int,
    amount: Money | str | int,
    tender: str,
    operator: Operator,
    now: datetime,
    address: str = "",
) -> Sale:
    """The customer pays what the meter ran below zero (the line's state is `owes`): a sale with its receipt.

    It goes to the account in the books and not to the meter, whose account ends with it. `amount` is what the page
    showed; another amount is refused. The same call again returns the first sale.
    """
    line = held_line(closing_id, opening_id)
    sale_id = f"{line.code}.owed"
    first = Sale.objects.filter(pk=sale_id).first()
    if first is not None:
        return first
    at_counter = counters.settings()
    money = checks.parse_amount(amount)
    counters.check_offered(tender, at_counter)
    shifts.check_open(operator, at_counter)
    for right in (RIGHT, Right.SELL):
        checks.check_operator(operator, right, line.meter)
    if line.state != LineState.OWES:
        raise NotThere(line)
    if money.fen != -(line.balance_fen or 0):
        raise OtherArrears(line)
    order = _book_arrears(line, sale_id, money, tender=tender, operator=operator, now=now)
    staff.log(
        operator=operator,
        action="collect_arrears",
        target=f"meter {line.meter.number}",
        after={"sale": sale_id, "amount_fen": money.fen, "tender": tender, "closing": closing_id},
        address=address,
        now=now,
    )
    shift = shifts.hold(operator, at_counter)
    series, number = receipts.next_number(receipts.SALE, now)
    sale = Sale.objects.create(
        id=sale_id,
        series=series,
        number=number,
        opening=line.opening,
        meter=line.meter,
        customer_id=line.closing.customer_id,
        operator=operator,
        amount_fen=money.fen,
        tender=tender,
        balance_before_fen=line.balance_fen,
        sold_at=now,
        business_day=checks.business_day(now),
        shift=shift,
        order=order,
        state=SaleState.ARRIVED,
        state_at=now,
    )
    news.sold(sale)
    line.paid_fen = money.fen
    leaving.emptied(line, now=now)
    return sale


def _book_arrears(
    line: ClosingLine, sale_id: str, money: Money, *, tender: str, operator: Operator, now: datetime
) -> MeterOrder:
    """Its order never leaves: the account is settled by the books, the meter's own debt ends with the account."""
    why = ledger.Cause("sale", sale_id)
    drawer, wallet = accounts.tender(tender), accounts.wallet(line.closing.customer_id)
    account = accounts.meter(line.opening_id)
    ledger.post_and_pend(
        posted=ledger.Leg(f"sale:{sale_id}:paid", why, drawer, wallet, money.fen),
        pending=ledger.Leg(f"order:{sale_id}", why, wallet, account, money.fen),
        at=now,
    )
    order = dispatch.place_held(
        order_id=sale_id,
        meter=line.meter,
        opening_id=line.opening_id,
        kind=Kind.RECHARGE,
        amount_fen=money.fen,
        cause=why,
        operator=operator,
        now=now,
    )
    dispatch.end(order, State.CANCELLED, reason="settled_by_closing", now=now)
    ledger.settle(pending=f"order:{sale_id}", kind=TransferKind.VOIDED, cause=why, at=now)
    ledger.post(key=f"order:{sale_id}:late", cause=why, debit=wallet, credit=account, amount_fen=money.fen, at=now)
    return order


@transaction.atomic
def type_reading(
    *,
    closing_id: str,
    opening_id: int,
    typed: Typed,
    operator: Operator,
    second_person: Operator | None,
    now: datetime,
    address: str = "",
) -> ClosingLine:
    """The meter fell silent, or does not do it: its final reading is entered by hand, by two people.

    Only while no money is on its way off this meter (states `reading` and `stuck`).
    """
    line = held_line(closing_id, opening_id)
    checks.check_operator(operator, RIGHT, line.meter)
    if line.how == How.TYPED:
        return line
    by_meter = line.closing.kind in (ClosingKind.HAND_OVER, ClosingKind.REBILL)
    if line.state not in (LineState.READING, LineState.STUCK) or by_meter:
        raise NotThere(line)
    check_typed(line.meter, typed, operator, second_person, now=now)
    _recall(line, now)
    log(
        line.closing,
        [line.opening],
        {line.meter_id: typed},
        operator=operator,
        second_person=second_person,
        now=now,
        address=address,
    )
    start(line, typed, second_person, now=now)
    return line


def _recall(line: ClosingLine, now: datetime) -> None:
    """What was ordered for reading is not needed any more."""
    if line.order is not None and line.order.state in leaving.ON_THE_WAY:
        dispatch.cancel(order_id=line.order.pk, now=now)


@transaction.atomic
def try_again(*, closing_id: str, opening_id: int, operator: Operator, now: datetime, address: str = "") -> ClosingLine:
    """A stuck meter is asked once more, from the start. Again while it is under way changes nothing."""
    line = held_line(closing_id, opening_id)
    checks.check_operator(operator, RIGHT, line.meter)
    if line.state == LineState.READING:
        return line
    if line.state != LineState.STUCK:
        raise NotThere(line)
    log_step(line, "try_again", operator, now, address)
    leaving.begin(line, now=now)
    return line


@transaction.atomic
def withdraw(*, closing_id: str, opening_id: int, operator: Operator, now: datetime, address: str = "") -> ClosingLine:
    """The customer stays: this account goes on as before, and its meter gets its power back.

    Only while no money is on its way off the meter. Withdrawing twice is once.
    """
    line = held_line(closing_id, opening_id)
    checks.check_operator(operator, RIGHT, line.meter)
    if line.state == LineState.WITHDRAWN:
        return line
    if line.state not in (LineState.READING, LineState.STUCK, LineState.OWES):
        raise NotThere(line)
    if line.carried_fen:  # part of it is off the old meter already: the rest has to follow
        raise NotThere(line)
    _recall(line, now)
    log_step(line, "withdraw", operator, now, address)
    if line.how == How.METER:
        leaving.release(line, now=now)
    leaving.move(line, LineState.WITHDRAWN, now=now)
    return line


def log_step(line: ClosingLine, action: str, operator: Operator, now: datetime, address: str) -> None:
    staff.log(
        operator=operator,
        action=action,
        target=f"meter {line.meter.number}",
        before={"state": line.state, "reason": line.reason},
        after={"closing": line.closing_id, "kind": line.closing.kind},
        address=address,
        now=now,
    )


def advance(*, now: datetime, limit: int = 200) -> int:
    """Take the next step wherever a line's order has ended, or a new meter waits for its opening. Returns how many.

    The worker calls this every second or two; whatever died in between is found here as it stood.
    """
    if not ClosingLine.objects.exclude(state__in=ENDED).exists():  # most looks end here, with a short question
        return 0
    ended = Q(order__isnull=False) & ~Q(order__state__in=leaving.ON_THE_WAY)
    still_unclear = Q(state=LineState.UNCLEAR, order__state=State.UNCLEAR)
    due = ClosingLine.objects.exclude(state__in=ENDED).filter(
        (ended & ~still_unclear) | Q(state=LineState.CARRYING, order__isnull=True)
    )
    keys = list(due.order_by("state_at", "code").values_list("code", "meter_id", "new_meter_id")[:limit])
    done, failed = 0, None
    for code, meter_id, new_id in keys:
        try:
            done += _advance_one(code, (meter_id, new_id), now=now)
        except Exception as error:
            failed = failed or error
    if failed is not None:
        raise failed
    return done


def _advance_one(code: str, meter_ids: Sequence[int | None], *, now: datetime) -> bool:
    with transaction.atomic():
        hold(meter_id for meter_id in meter_ids if meter_id is not None)
        line = ClosingLine.objects.select_related(*WHOLE).exclude(state__in=ENDED).filter(code=code).first()
        if line is None:
            return False
        before = (line.state, line.order_id, line.attempt)
        if line.state == LineState.CARRYING and line.order_id is None:
            leaving.carry(line, now=now)
        else:
            leaving.follow(line, now=now)
        return (line.state, line.order_id, line.attempt) != before
