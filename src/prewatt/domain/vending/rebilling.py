"""计费方式变更: who bills an account is changed, 仪表计费 <-> 平台计费, settled at one reading.

The meter is switched off and read. What is left then goes from one book to the other exactly once: off the meter by a
refund that it confirms, or onto it by an opening order. The old account ends with that reading and a new one of the
same customer begins, so that no use is charged on both sides.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils.translation import gettext as _

from prewatt import profiles
from prewatt.domain.billing import queries as billing
from prewatt.domain.billing.models import Billing
from prewatt.domain.estate.models import Opening
from prewatt.domain.tariff import queries as tariff
from prewatt.domain.vending import closing, platform
from prewatt.domain.vending.checks import Refused
from prewatt.domain.vending.handing import InArrears
from prewatt.domain.vending.look import Look, look
from prewatt.domain.vending.models import Sale, SaleState
from prewatt.domain.vending.records import Closing, ClosingKind, Rebilling, Settle
from prewatt.link.messages import Kind
from prewatt.profiles import NotAllowed
from prewatt.units.values import Money

if TYPE_CHECKING:
    from prewatt.domain.estate.models import Meter
    from prewatt.domain.staff.models import Operator


class BilledSoAlready(Refused):
    code = "billed_so_already"

    def __init__(self, meter: Meter) -> None:
        super().__init__(
            _("The account on meter %(meter)s is billed so already. Nothing was booked.") % {"meter": meter.number}
        )


class MoneyWaits(Refused):
    code = "money_waits"

    def __init__(self, meter: Meter, sale: Sale) -> None:
        super().__init__(
            _(
                "A purchase of %(amount)s yuan on meter %(meter)s still waits in the wallet. Nothing was booked. Send "
                "it again or pay it out first."
            )
            % {"meter": meter.number, "amount": Money(sale.amount_fen)}
        )


class KeepsItsMoney(Refused):
    code = "keeps_its_money"

    def __init__(self, meter: Meter, balance_fen: int) -> None:
        super().__init__(
            _(
                "Meter %(meter)s holds %(balance)s yuan and cannot give it back by an order, so it would be there "
                "twice. Nothing was booked. Let it be used up first, or close the account with a reading typed by hand "
                "and open a new one on the platform."
            )
            % {"meter": meter.number, "balance": Money(balance_fen)}
        )


class TakesNoMoney(Refused):
    code = "takes_no_money"

    def __init__(self, meter: Meter) -> None:
        super().__init__(
            _(
                "Meter %(meter)s takes no money from here, so it cannot bill its account. Nothing was booked. Leave "
                "the account to the platform, or change the meter."
            )
            % {"meter": meter.number}
        )


class PlanTooRich(Refused):
    code = "plan_beyond_meter"

    def __init__(self, meter: Meter) -> None:
        super().__init__(
            _(
                "The price plan of meter %(meter)s says more than five prices can, so the meter would charge "
                "otherwise. Nothing was booked. Give it a plan that the meter can hold first."
            )
            % {"meter": meter.number}
        )


class AboveItsCeiling(Refused):
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


class NoPrice(Refused):
    code = "no_price"

    def __init__(self, meter: Meter) -> None:
        super().__init__(
            _("What meter %(meter)s used has no price yet, so nobody knows what is left. Nothing was booked.")
            % {"meter": meter.number}
        )


@transaction.atomic
def change_billing(
    *,
    rebill_id: str,
    opening: Opening,
    to: Billing | None,
    operator: Operator,
    now: datetime,
    overdraft: Money | str | int = 0,
    switch_on_min: Money | str | int = 0,
    note: str = "",
    address: str = "",
) -> Closing:
    """`to` None: the meter bills from now on; else the platform does. The same `rebill_id` is the same act.

    It ends in seconds, when the meter has answered; look at `closing_queries.progress`. Raises a `Refused` subclass,
    and then nothing is booked.
    """
    done = Closing.objects.filter(pk=rebill_id).select_related("customer").first()
    if done is None:
        held = closing.hold([opening.meter_id])
        done = Closing.objects.filter(pk=rebill_id).select_related("customer").first()
    if done is not None:
        return closing.same(done, ClosingKind.REBILL, opening.customer, opening=opening)
    meter = held[opening.meter_id]
    limits_fen = [platform.amount_or_zero(overdraft).fen, platform.amount_or_zero(switch_on_min).fen]
    closing.check_leaves(opening, meter, operator, opening.customer)
    if billing.billed_here(opening.pk) == (to is not None):
        raise BilledSoAlready(meter)
    closing.check_quiet([meter.pk])
    waits = Sale.objects.filter(opening=opening, state=SaleState.WAITING).order_by("sold_at").first()
    if waits is not None:
        raise MoneyWaits(meter, waits)
    closing.check_answers([meter], {}, operator, None, now=now)
    _check(opening, meter, to, now)

    # After this point it must succeed.
    act = Closing.objects.create(
        id=rebill_id,
        kind=ClosingKind.REBILL,
        settle=Settle.CARRY,
        customer=opening.customer,
        operator=operator,
        tender="cash",
        note=note[:400],
        asked_at=now,
    )
    Rebilling.objects.create(
        closing=act,
        billing="" if to is None else to.value,
        overdraft_fen=limits_fen[0],
        switch_on_min_fen=limits_fen[1],
    )
    said = {"billing": to or "meter", "overdraft_fen": limits_fen[0], "switch_on_min_fen": limits_fen[1]}
    closing.log(act, [opening], {}, operator=operator, second_person=None, now=now, address=address, **said)
    closing.start(closing.add_line(act, opening, meter, now), None, None, now=now)
    act.refresh_from_db()
    return act


def _check(opening: Opening, meter: Meter, to: Billing | None, now: datetime) -> None:
    seen = look(meter.pk)
    if to is None:
        _check_to_meter(opening, meter, seen)
    else:
        _check_to_platform(meter, seen, now)
    if seen.balance_fen < 0:
        raise InArrears(meter, -seen.balance_fen)


def _check_to_platform(meter: Meter, seen: Look, now: datetime) -> None:
    platform.check_can_be_billed(meter, now)
    if seen.balance_fen > 0 and not _may(meter, Kind.REFUND):
        raise KeepsItsMoney(meter, seen.balance_fen)


def _check_to_meter(opening: Opening, meter: Meter, seen: Look) -> None:
    if not _may(meter, Kind.OPEN):
        raise TakesNoMoney(meter)
    if not billing.is_priced(opening.pk):
        raise NoPrice(meter)
    plan = tariff.plans_of([meter.pk]).get(meter.pk)
    if plan is not None and tariff.lost_of(plan):
        raise PlanTooRich(meter)
    if 0 < int(meter.ceiling_fen or 0) < seen.balance_fen:
        raise AboveItsCeiling(meter, seen.balance_fen)


def _may(meter: Meter, kind: Kind) -> bool:
    try:
        profiles.load(meter.profile).allowed(meter.allow).command(kind.value)
    except NotAllowed:
        return False
    return True
