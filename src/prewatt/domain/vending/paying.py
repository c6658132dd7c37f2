"""Several meters of one tenant in one payment: all of them or none.

Each line is a sale with a receipt number of its own. Finance needs it so: a line is refused, reversed or paid back
alone, its red receipt names the one it turns round, and the sales list stays one row a meter. What the tenant takes
home may still be one paper: the payment prints its lines together.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple, ParamSpec, TypeVar

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from prewatt.domain.dispatch import operations as dispatch
from prewatt.domain.ledger import operations as ledger
from prewatt.domain.vending import checks, counters, shifts
from prewatt.domain.vending.checks import Refused
from prewatt.domain.vending.look import Look, look
from prewatt.domain.vending.models import Payment, Sale
from prewatt.domain.vending.selling import SaleIdTaken, sell_held
from prewatt.units.values import Money

if TYPE_CHECKING:
    from prewatt.domain.estate.models import Meter
    from prewatt.domain.staff.models import Operator

LINES_MAX = 40
Given = ParamSpec("Given")
Found = TypeVar("Found")


class Line(NamedTuple):
    """One meter of the payment; its sale's id was made when the form was drawn."""

    sale_id: str
    meter: Meter
    amount: Money | str | int


class PaymentIdTaken(Refused):
    code = "payment_id_taken"

    def __init__(self, payment: Payment) -> None:
        super().__init__(
            _(
                "This form was already used for another payment (%(amount)s yuan). Nothing was booked this time. "
                "Choose the tenant again."
            )
            % {"amount": Money(payment.amount_fen)}
        )


class NoLines(Refused):
    code = "no_lines"


class SameMeterTwice(Refused):
    code = "same_meter_twice"


class OtherTenant(Refused):
    code = "other_tenant"


class LineRefused(Refused):
    """One line was refused, so none was booked. `meter_id` says which; `error` is the line's own refusal."""

    code = "line_refused"

    def __init__(self, meter: Meter, error: Refused) -> None:
        self.meter_id, self.error = meter.pk, error
        self.fits_fen: int | None = getattr(error, "fits_fen", None)
        super().__init__(
            _("None of the meters was sold to, because of %(meter)s: %(why)s")
            % {"meter": meter.number, "why": str(error)}
        )


def sell_many(
    *,
    payment_id: str,
    lines: Sequence[tuple[str, Meter, Money | str | int]],
    tender: str,
    operator: Operator,
    now: datetime,
    address: str = "",
) -> Payment:
    """Sell to several meters of one tenant in one payment: one transaction, all or nothing.

    `lines` are (sale_id, meter, amount); both ids are made when the form is drawn: the same call again returns the
    first payment. Raises a `Refused` subclass (`LineRefused` names the meter), and then nothing is booked.
    """
    wanted = [Line(*one) for one in lines]
    try:
        with transaction.atomic():
            return _pay(payment_id=payment_id, lines=wanted, tender=tender, operator=operator, now=now, address=address)
    except (IntegrityError, ledger.KeyTaken, dispatch.OrderIdTaken):
        # Somebody paid under this id between our look and our write; what he booked stands.
        first = Payment.objects.filter(pk=payment_id).first()
        if first is None:
            raise
        return _same(first, wanted, tender)


def _pay(
    *, payment_id: str, lines: list[Line], tender: str, operator: Operator, now: datetime, address: str
) -> Payment:
    _check_lines(lines)
    # in one order everywhere, so that two payments for the same tenant never wait for each other
    held = {one.meter.pk: dispatch.lock_meter(one.meter.pk) for one in sorted(lines, key=lambda one: one.meter.pk)}
    first = Payment.objects.filter(pk=payment_id).first()
    if first is not None:
        return _same(first, lines, tender)
    at_counter = counters.settings()
    counters.check_offered(tender, at_counter)
    shifts.check_open(operator, at_counter)
    amounts = [_of_line(one, checks.parse_amount, one.amount) for one in lines]
    looks = [look(one.meter.pk, sale_id=one.sale_id) for one in lines]
    for line, seen in zip(lines, looks, strict=True):
        if seen.sold:
            raise SaleIdTaken(Sale.objects.get(pk=line.sale_id))
    payment = Payment.objects.create(
        id=payment_id,
        customer_id=_customer(lines, held, looks),
        operator=operator,
        tender=tender,
        amount_fen=sum(one.fen for one in amounts),
        paid_at=now,
    )
    for line, money, seen in zip(lines, amounts, looks, strict=True):
        _of_line(
            line,
            sell_held,
            sale_id=line.sale_id,
            meter=held[line.meter.pk],
            seen=seen,
            money=money,
            tender=tender,
            operator=operator,
            at_counter=at_counter,
            now=now,
            address=address,
            payment_id=payment_id,
        )
    return payment


def _of_line(line: Line, call: Callable[Given, Found], /, *given: Given.args, **named: Given.kwargs) -> Found:
    """Whatever refuses the line refuses the payment, and says which meter it was."""
    try:
        return call(*given, **named)
    except Refused as error:
        raise LineRefused(line.meter, error) from error


def _check_lines(lines: list[Line]) -> None:
    if not lines:
        raise NoLines(_("No amount was entered. Nothing was booked. Enter an amount beside at least one meter."))
    if len(lines) > LINES_MAX:
        raise NoLines(
            _("One payment takes at most %(most)d meters. Nothing was booked. Make two payments of it.")
            % {"most": LINES_MAX}
        )
    if len({one.meter.pk for one in lines}) < len(lines) or len({one.sale_id for one in lines}) < len(lines):
        raise SameMeterTwice(_("A meter stands in this payment twice. Nothing was booked. Choose the tenant again."))


def _customer(lines: list[Line], held: dict[int, Meter], looks: list[Look]) -> int:
    customers = set()
    for line, seen in zip(lines, looks, strict=True):
        _opening_id, customer_id = _of_line(line, checks.check_account, held[line.meter.pk], seen)
        customers.add(int(customer_id))
    if len(customers) > 1:
        raise OtherTenant(
            _("The meters belong to several tenants. Nothing was booked. Take a payment of each tenant by itself.")
        )
    return customers.pop()


def _same(first: Payment, lines: list[Line], tender: str) -> Payment:
    booked = {(one.pk, one.meter_id, one.amount_fen) for one in first.sales.all()}
    asked = {(one.sale_id, one.meter.pk, _fen(one.amount)) for one in lines}
    if booked != asked or first.tender != tender:
        raise PaymentIdTaken(first)
    return first


def _fen(amount: object) -> int:
    try:
        return checks.parse_amount(amount).fen
    except Refused:
        return 0
