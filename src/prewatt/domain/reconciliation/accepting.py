"""Taking a difference into the books: a transfer with its class, a reason, what was seen, and a second person."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

from django.db import transaction
from django.utils.translation import gettext as _

from prewatt.domain.dispatch import operations as dispatch
from prewatt.domain.dispatch import queries as dispatch_queries
from prewatt.domain.dispatch.models import SERIAL_KINDS, CountCorrection, MeterOrder
from prewatt.domain.dispatch.states import OPEN
from prewatt.domain.estate.models import Meter, Opening
from prewatt.domain.ledger import accounts
from prewatt.domain.ledger import operations as ledger
from prewatt.domain.metering import board
from prewatt.domain.reconciliation import rule
from prewatt.domain.reconciliation.classify import Cause, Classified
from prewatt.domain.reconciliation.facts import explain
from prewatt.domain.reconciliation.models import Acceptance
from prewatt.domain.reconciliation.rule import Compared
from prewatt.domain.staff import operations as staff
from prewatt.domain.staff.refusals import Refused
from prewatt.domain.staff.rights import Right

if TYPE_CHECKING:
    from prewatt.domain.staff.models import Operator


class MayNot(Refused):
    code = "no_right"


class SecondPersonNeeded(Refused):
    code = "second_person_needed"


class SecondPersonMayNot(Refused):
    code = "second_person_may_not"


class ReasonNeeded(Refused):
    code = "reason_needed"
    field = "reason"


class OrderOpen(Refused):
    code = "order_open"
    retry: ClassVar[bool] = True


class NothingDiffers(Refused):
    code = "nothing_differs"


class Moved(Refused):
    code = "difference_moved"
    retry: ClassVar[bool] = True


class NotByTransfer(Refused):
    code = "not_by_transfer"


class OtherUse(Refused):
    code = "id_taken"


def look(opening: Opening, *, now: datetime) -> tuple[Compared, Classified] | None:
    """This account as it stands now, and why. None: closed meanwhile."""
    meters = board.accounts().filter(pk=opening.meter_id, current=opening.pk)
    found = rule.compare(meters, only=[opening.pk])
    return (found[0], explain(found[0], now=now)) if found else None


def acceptable(one: Compared) -> tuple[int, int]:
    """(fen, count): what the books would take over from the meter. Where registers are not known: nothing."""
    if one.bought_meter_fen is None or one.bought_books_fen is None:
        fen = 0
    else:
        fen = one.bought_meter_fen - one.bought_books_fen
    return fen, 0 if one.count_meter is None else one.count_meter - one.count_books


@transaction.atomic
def accept(
    *,
    accept_id: str,
    opening: Opening,
    amount_fen: int,
    count_delta: int,
    reason: str,
    operator: Operator,
    second_person: Operator | None,
    now: datetime,
    address: str = "",
) -> Acceptance:
    """Bring the books to what the meter shows: `amount_fen` and `count_delta` are what was on the screen.

    The same id again returns the first. Raises what is above: nothing is booked unless two people with the right said
    so, no order can explain it any more, and the difference is still the one that they saw.
    """
    _may(operator, second_person, opening.meter)
    dispatch.hold_meter(opening.meter_id)
    if first := Acceptance.objects.filter(pk=accept_id).first():
        return _same(first, opening, amount_fen, count_delta)
    assert second_person is not None
    seen, why = _still(opening, amount_fen, count_delta, now=now)
    if not reason.strip():
        raise ReasonNeeded(_("Nothing says why. Nothing was booked. Write in words what was found."))
    made = Acceptance.objects.create(
        id=accept_id,
        opening=opening,
        meter_id=opening.meter_id,
        cause=_given_cause(why),
        amount_fen=amount_fen,
        count_delta=count_delta,
        reason=reason.strip()[:400],
        evidence=frozen(seen, why),
        operator=operator,
        second_person=second_person,
        at=now,
    )
    _book(made)
    staff.log(
        operator=operator,
        action="reconciliation.accept",
        target=f"meter {opening.meter.number}",
        before={"fen": seen.bought_books_fen, "count": seen.count_books},
        after={
            "fen": seen.bought_meter_fen,
            "count": seen.count_meter,
            "cause": made.cause,
            "reason": made.reason,
            "second_person": second_person.username,
        },
        address=address,
        now=now,
    )
    return made


def _may(operator: Operator, second: Operator | None, meter: Meter) -> None:
    if not _has(operator, meter):
        raise MayNot(_("You may not take a difference into the books. Nothing was booked. Ask the finance desk."))
    if second is None or second.pk == operator.pk:
        raise SecondPersonNeeded(
            _("A difference becomes money by two people's word. Nothing was booked. Somebody else has to confirm it.")
        )
    if not _has(second, meter):
        raise SecondPersonMayNot(
            _("%(who)s may not confirm this. Nothing was booked. It takes the right to decide, in this building.")
            % {"who": second}
        )


def _has(who: Operator, meter: Meter) -> bool:
    return bool(
        who.is_active and who.may(Right.DECIDE) and Meter.objects.for_operator(who).filter(pk=meter.pk).exists()
    )


def _same(first: Acceptance, opening: Opening, amount_fen: int, count_delta: int) -> Acceptance:
    if (first.opening_id, first.amount_fen, first.count_delta) != (opening.pk, amount_fen, count_delta):
        raise OtherUse(_("This form was used for something else already. Nothing was booked. Open the page again."))
    return first


def _still(opening: Opening, amount_fen: int, count_delta: int, *, now: datetime) -> tuple[Compared, Classified]:
    """What differs now that nobody else can move it. Raises unless it is what was seen and a transfer settles it."""
    if MeterOrder.objects.filter(opening=opening, kind__in=sorted(SERIAL_KINDS), state__in=sorted(OPEN)).exists():
        raise OrderOpen(
            _(
                "An order of this account has not ended and may still explain the difference. Nothing was booked. Wait "
                "for it, cancel it, or decide it."
            )
        )
    found = look(opening, now=now)
    if found is None:
        raise NothingDiffers(_("This account is closed. Nothing was booked."))
    fen, count = acceptable(found[0])
    if not fen and not count:
        if found[0].unexplained_fen:
            raise NotByTransfer(
                _(
                    "More is booked as used than the meter has deducted: its counter was set back. Nothing was booked. "
                    "Change the meter (换表) or close the account with its final reading."
                )
            )
        raise NothingDiffers(_("Books and meter agree by now. Nothing was booked; nothing has to be."))
    if (fen, count) != (amount_fen, count_delta):
        raise Moved(
            _("The difference is no longer the one on your screen. Nothing was booked. Look at the new figures first.")
        )
    return found


def _given_cause(why: Classified) -> str:
    """The class of what is booked: the part that its registers tell."""
    told = [part for part in why.parts if part.evidence[0].code == "registers"]
    return (told[0].cause if told else Cause.UNEXPLAINED).value


def frozen(seen: Compared, why: Classified) -> dict[str, Any]:
    """What was on the screen, as JSON."""
    shown = {name: value for name, value in asdict(seen).items() if isinstance(value, int)}
    read_at = seen.read_at.isoformat() if seen.read_at else ""
    return {"seen": shown, "read_at": read_at, "drift_fen": why.drift_fen, "parts": [asdict(one) for one in why.parts]}


def _book(made: Acceptance) -> None:
    if made.count_delta:
        CountCorrection.objects.create(
            opening=made.opening,
            order=_last_order(made.opening),
            delta=made.count_delta,
            reason=made.reason,
            operator=made.operator,
            at=made.at,
        )
    if made.amount_fen:
        account = accounts.meter(made.opening_id)
        more = made.amount_fen > 0
        ledger.post(
            key=f"difference:{made.pk}",
            cause=ledger.Cause("difference", made.pk),
            debit=accounts.ADJUSTMENT if more else account,
            credit=account if more else accounts.ADJUSTMENT,
            amount_fen=abs(made.amount_fen),
            at=made.at,
        )


def _last_order(opening: Opening) -> MeterOrder:
    """A correction of the count goes on from the last order that the meter confirmed."""
    last = dispatch_queries.last_money_done(opening)
    if last is None:
        raise NotByTransfer(
            _(
                "This account has no confirmed order from which its count could go on. Nothing was booked. Close the "
                "account and open it again: opening sets the count."
            )
        )
    return last
