"""换表: the account moves from an old meter to a new one, its balance exactly once."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils.translation import gettext as _

from prewatt.domain.estate.models import Meter, Opening
from prewatt.domain.ledger import accounts
from prewatt.domain.ledger import operations as ledger
from prewatt.domain.staff.rights import Right
from prewatt.domain.vending import checks, closing, leaving, platform
from prewatt.domain.vending.checks import Refused
from prewatt.domain.vending.closing import Typed
from prewatt.domain.vending.look import look
from prewatt.domain.vending.opening import AlreadyOpen
from prewatt.domain.vending.records import Closing, ClosingKind, ClosingLine, LineState, Settle
from prewatt.units.values import Money

if TYPE_CHECKING:
    from prewatt.domain.staff.models import Operator


class SameMeter(Refused):
    code = "same_meter"


class NewCeiling(Refused):
    code = "above_ceiling"

    def __init__(self, meter: Meter, balance_fen: int) -> None:
        super().__init__(
            _(
                "The balance of %(balance)s yuan is above the ceiling of meter %(meter)s (%(ceiling)s yuan), and it "
                "would refuse it. Nothing was booked. Raise the ceiling first, or refund part of it."
            )
            % {
                "balance": Money(balance_fen),
                "meter": meter.number,
                "ceiling": Money(int(meter.ceiling_fen or 0)),
            }
        )


@transaction.atomic
def change_meter(
    *,
    change_id: str,
    opening: Opening,
    new_meter: Meter,
    operator: Operator,
    now: datetime,
    typed: Typed | None = None,
    second_person: Operator | None = None,
    tender: str = "cash",
    note: str = "",
    address: str = "",
) -> Closing:
    """换表: end the account on the old meter and open it on `new_meter` with the balance. The same id is the same.

    A meter that answers is switched off, read, and gives its credit up before the new one gets it. A dead one needs
    `typed` (its last reading and balance, with the reason) and `second_person`. The old meter goes out of use.
    A new meter that stands ready out of use may have the old one's address; then the balance waits for `in_place`.
    """
    done = Closing.objects.filter(pk=change_id).select_related("customer").first()
    if done is None:
        held = closing.hold([opening.meter_id, new_meter.pk])
        done = Closing.objects.filter(pk=change_id).select_related("customer").first()
    if done is not None:
        return closing.same(done, ClosingKind.CHANGE, opening.customer, opening=opening)
    old, new = held[opening.meter_id], held[new_meter.pk]
    readings = {} if typed is None else {old.pk: typed}
    platform.check_not_on_platform(opening, old)
    closing.check_leaves(opening, old, operator, opening.customer)
    closing.check_quiet([old.pk, new.pk])
    closing.check_answers([old], readings, operator, second_person, now=now)
    _check_new(old, new, operator, typed)

    # After this point it must succeed.
    act = Closing.objects.create(
        id=change_id,
        kind=ClosingKind.CHANGE,
        settle=Settle.CARRY,
        customer=opening.customer,
        operator=operator,
        tender=tender,
        note=note[:400],
        asked_at=now,
    )
    closing.log(
        act,
        [opening],
        readings,
        operator=operator,
        second_person=second_person,
        now=now,
        address=address,
        new_meter=new.number,
    )
    line = closing.add_line(act, opening, old, now)
    line.new_meter = new
    closing.start(line, typed, second_person, now=now)
    act.refresh_from_db()
    return act


def _check_new(old: Meter, new: Meter, operator: Operator, typed: Typed | None) -> None:
    checks.check_operator(operator, Right.OPEN_ACCOUNT, new)
    if old.pk == new.pk:
        raise SameMeter(_("Old and new meter are the same. Nothing was booked. Choose the new meter."))
    if Opening.objects.filter(meter=new, closed_at__isnull=True).exists():
        raise AlreadyOpen(new)
    if not new.active and not leaving.same_place(old, new):
        _check_place_free(new)
    balance_fen = look(old.pk).balance_fen if typed is None else typed.balance_fen
    if 0 < int(new.ceiling_fen or 0) < balance_fen:
        raise NewCeiling(new, balance_fen)


class PlaceTaken(Refused):
    code = "place_taken"


def _check_place_free(new: Meter) -> None:
    """A meter that is put into use must not answer to a call that another one answers to."""
    same = Meter.objects.filter(bus=new.bus_id, active=True, address=new.address).exclude(pk=new.pk)
    if (same if new.address else same.filter(unit=new.unit)).exists():
        raise PlaceTaken(
            _("Meter %(meter)s would have the address of another meter in use. Nothing was booked. Change it first.")
            % {"meter": new.number}
        )


@transaction.atomic
def in_place(*, change_id: str, operator: Operator, now: datetime, address: str = "") -> ClosingLine:
    """A person says that the new meter hangs where the old one did: now it may be given the balance. Twice is once."""
    line = closing.held_line(change_id)
    checks.check_operator(operator, Right.OPEN_ACCOUNT, line.meter)
    if line.state in (LineState.CARRYING, LineState.DONE):
        return line
    if line.state != LineState.SWAP:
        raise closing.NotThere(line)
    closing.log_step(line, "in_place", operator, now, address)
    leaving.move(line, LineState.CARRYING, now=now)
    return line


@transaction.atomic
def carry_again(
    *, change_id: str, operator: Operator, now: datetime, new_meter: Meter | None = None, address: str = ""
) -> ClosingLine:
    """The new meter did not take the balance: give it to it again, or to another one. Again while it goes is once."""
    line = closing.held_line(change_id)
    checks.check_operator(operator, Right.OPEN_ACCOUNT, line.meter)
    if line.state == LineState.CARRYING:
        return line
    if line.state != LineState.NOT_CARRIED:
        raise closing.NotThere(line)
    if new_meter is not None:
        checks.check_operator(operator, Right.OPEN_ACCOUNT, new_meter)
        line.new_meter = new_meter
    closing.log_step(line, "carry_again", operator, now, address)
    leaving.move(line, LineState.CARRYING, now=now)
    return line


@transaction.atomic
def pay_back_carried(*, change_id: str, tender: str, operator: Operator, now: datetime, address: str = "") -> Closing:
    """The balance of a change that no meter took is paid back; the customer has no account then. Twice is once."""
    line = closing.held_line(change_id)
    checks.check_operator(operator, Right.OPEN_ACCOUNT, line.meter)
    if line.state == LineState.DONE:
        return line.closing
    if line.state != LineState.NOT_CARRIED:
        raise closing.NotThere(line)
    checks.check_tender(tender)
    closing.log_step(line, "pay_back_carried", operator, now, address)
    if line.carried_fen:
        ledger.post(
            key=f"{leaving.cause(line).kind}:{line.code}:back",
            cause=leaving.cause(line),
            debit=accounts.carried(line.code),
            credit=accounts.wallet(line.closing.customer_id),
            amount_fen=line.carried_fen,
            at=now,
        )
        leaving.pay_back(line, line.carried_fen, tender=tender, now=now)
        line.carried_fen = 0
    leaving.move(line, LineState.DONE, now=now)
    return line.closing
