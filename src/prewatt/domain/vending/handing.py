"""过户: an account goes to another customer, with a reading at the moment and a statement for both."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils.translation import gettext as _

from prewatt.domain.dispatch import queries as dispatch_queries
from prewatt.domain.estate.models import Opening
from prewatt.domain.ledger import accounts
from prewatt.domain.ledger import operations as ledger
from prewatt.domain.ledger import queries as ledger_queries
from prewatt.domain.metering.models import MeterState
from prewatt.domain.vending import checks, closing, leaving, platform
from prewatt.domain.vending.checks import Refused
from prewatt.domain.vending.look import look
from prewatt.domain.vending.records import Closing, ClosingKind, ClosingLine, LineState, Settle
from prewatt.units.values import Money

if TYPE_CHECKING:
    from prewatt.domain.estate.models import Customer, Meter
    from prewatt.domain.staff.models import Operator


class SameCustomer(Refused):
    code = "same_customer"


class InArrears(Refused):
    code = "in_arrears"

    def __init__(self, meter: Meter, owed_fen: int) -> None:
        super().__init__(
            _(
                "Meter %(meter)s is in arrears by %(owed)s yuan, which nobody can hand over. Nothing was booked. Sell "
                "at least that much to it first."
            )
            % {"meter": meter.number, "owed": Money(owed_fen)}
        )


class ShowsMore(Refused):
    code = "more_than_booked"


@transaction.atomic
def hand_over(
    *,
    hand_id: str,
    openings: Sequence[Opening],
    to_customer: Customer,
    operator: Operator,
    now: datetime,
    settle: str = Settle.CARRY,
    tender: str = "cash",
    note: str = "",
    address: str = "",
) -> Closing:
    """过户: these accounts of one customer go to another. The same id again is the same act.

    `carry`: the balance belongs to the new customer from this moment; done at once, against a fresh reading.
    `pay_back`: each meter is switched off and read, its credit paid back to the old customer by `tender`; then the new
    account begins at zero. Money that waits in the old customer's wallet stays his.
    """
    customer = openings[0].customer
    done = Closing.objects.filter(pk=hand_id).select_related("customer").first()
    if done is None:
        held = closing.hold(one.meter_id for one in openings)
        done = Closing.objects.filter(pk=hand_id).select_related("customer").first()
    if done is not None:
        return closing.same(done, ClosingKind.HAND_OVER, customer, to_customer=to_customer)
    checks.check_tender(tender)
    if customer.pk == to_customer.pk:
        raise SameCustomer(_("Old and new customer are the same. Nothing was booked. Choose who takes over."))
    for opening in openings:
        closing.check_leaves(opening, held[opening.meter_id], operator, customer)
    closing.check_quiet(held)
    for opening in openings:
        _check(opening, held[opening.meter_id], now)
    if settle == Settle.PAY_BACK:
        closing.check_answers(list(held.values()), {}, operator, None, now=now)

    # After this point it must succeed.
    act = Closing.objects.create(
        id=hand_id,
        kind=ClosingKind.HAND_OVER,
        settle=settle,
        customer=customer,
        to_customer=to_customer,
        operator=operator,
        tender=tender,
        note=note[:400],
        asked_at=now,
    )
    closing.log(
        act,
        openings,
        {},
        operator=operator,
        second_person=None,
        now=now,
        address=address,
        to_customer=to_customer.number,
        settle=str(settle),
    )
    lines = [closing.add_line(act, one, held[one.meter_id], now, nth) for nth, one in enumerate(openings, 1)]
    for line in lines:
        _hand(line, now)
    act.refresh_from_db()
    return act


def _check(opening: Opening, meter: Meter, now: datetime) -> None:
    platform.check_not_on_platform(opening, meter)
    seen = look(meter.pk)
    checks.check_fresh(seen, meter, now)
    if seen.balance_fen < 0:
        raise InArrears(meter, -seen.balance_fen)
    if seen.balance_fen > ledger_queries.balance_fen(accounts.meter(opening.pk)):
        raise ShowsMore(
            _(
                "Meter %(meter)s shows more money than the books have put there. Nothing was booked. Find out where it "
                "came from first."
            )
            % {"meter": meter.number}
        )


def _hand(line: ClosingLine, now: datetime) -> None:
    if line.closing.settle == Settle.PAY_BACK:
        leaving.begin(line, now=now)
        return
    seen = look(line.meter_id)
    line.balance_fen, line.read_at = seen.balance_fen, seen.known_at
    line.energy_wh = MeterState.objects.filter(meter_id=line.meter_id).values_list("energy_wh", flat=True).first()
    _carry(line, now)
    leaving.move(line, LineState.DONE, now=now)


def _carry(line: ClosingLine, now: datetime) -> None:
    """The meter knows nothing of it: only the books say whose credit it is from now on."""
    old, fen = line.opening, line.balance_fen or 0
    count, bought_fen = dispatch_queries.expected(old.pk)
    old.closed_at = now
    old.save(update_fields=["closed_at"])
    new = leaving.succeed(line, old, count=count, bought_fen=None if bought_fen is None else bought_fen - fen, now=now)
    if fen:
        ledger.post(
            key=f"hand_over:{line.code}",
            cause=leaving.cause(line),
            debit=accounts.meter(old.pk),
            credit=accounts.meter(new.pk),
            amount_fen=fen,
            at=now,
        )
    line.new_opening, line.carried_fen = new, fen
    line.used_fen = leaving.book_used(line, now=now)
