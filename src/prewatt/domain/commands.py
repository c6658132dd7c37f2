"""拉闸, 合闸, 保电, 恢复预付费 and 抄表 by hand: who may, with what reason, and what would be pointless to send.

An order to switch expires rather than arriving late. What it did is read back from the relay by the gateway.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils.translation import gettext as _

from prewatt.domain.dispatch import operations as dispatch
from prewatt.domain.dispatch.models import MeterOrder
from prewatt.domain.metering.models import MeterState
from prewatt.domain.metering.states import FORCED_ON
from prewatt.domain.staff import operations as staff
from prewatt.domain.staff.rights import Right
from prewatt.domain.vending import checks
from prewatt.domain.vending.checks import Refused
from prewatt.link.messages import Kind

if TYPE_CHECKING:
    from prewatt.domain.estate.models import Meter
    from prewatt.domain.staff.models import Operator

RIGHTS: dict[Kind, Right] = {
    Kind.SWITCH_OFF: Right.SWITCH,
    Kind.SWITCH_ON: Right.SWITCH,
    Kind.HOLD: Right.HOLD,
    Kind.RELEASE: Right.HOLD,
    Kind.READ: Right.METER_ORDERS,
}
REASON_MAX = 200


class NotACommand(Refused):
    code = "not_a_command"


class CommandReasonNeeded(Refused):
    code = "reason_needed"


class NotConfirmed(Refused):
    code = "not_confirmed"


class MeterHeld(Refused):
    code = "meter_held"


class MeterLost(Refused):
    code = "meter_lost"
    retry = True


class MeterOutOfUse(Refused):
    code = "meter_inactive"


class CommandIdTaken(Refused):
    code = "order_id_taken"


@transaction.atomic
def command(
    *,
    order_id: str,
    meter: Meter,
    kind: Kind,
    operator: Operator,
    now: datetime,
    reason: str = "",
    confirmed: str = "",
    address: str = "",
) -> MeterOrder:
    """Place one order by hand. `order_id` is made when the form is drawn: the same again is the first order.

    Switching off needs a reason, and the room's number typed by the person who does it. Raises a `Refused` subclass,
    and then nothing is sent.
    """
    if kind not in RIGHTS:
        raise NotACommand(_("“%(kind)s” cannot be ordered by hand. Nothing was sent.") % {"kind": kind.value})
    checks.check_operator(operator, RIGHTS[kind], meter)
    first = MeterOrder.objects.filter(pk=order_id).first()
    if first is not None:
        return _same(first, meter, kind)
    _check_meter(meter, kind)
    if kind == Kind.SWITCH_OFF:
        _check_meant(meter, reason, confirmed)
    order = dispatch.place(order_id=order_id, meter=meter, kind=kind, operator=operator, now=now)
    staff.log(
        operator=operator,
        action=kind.value,
        target=f"meter {meter.number}",
        after={"order": order_id, "reason": reason.strip()[:REASON_MAX]},
        address=address,
        now=now,
    )
    return order


def _same(first: MeterOrder, meter: Meter, kind: Kind) -> MeterOrder:
    if (first.meter_id, first.kind) != (meter.pk, kind.value):
        raise CommandIdTaken(
            _("This form was already used for another order. Nothing was sent this time. Open a new form.")
        )
    return first


def place_name(meter: Meter) -> str:
    """What stands on the door: the room's number, or the meter's own where it has no room."""
    return meter.room.number if meter.room else meter.number


def _check_meant(meter: Meter, reason: str, confirmed: str) -> None:
    """Nobody goes dark by a slip of the finger."""
    if not reason.strip():
        raise CommandReasonNeeded(
            _("Switching off needs a reason. Nothing was sent. Say why this tenant goes dark; it is kept in the log.")
        )
    if confirmed.strip() != place_name(meter):
        raise NotConfirmed(
            _("The number typed is not %(place)s. Nothing was sent. Type the number of the room that is to go dark.")
            % {"place": place_name(meter)}
        )


def _check_meter(meter: Meter, kind: Kind) -> None:
    if not meter.active:
        raise MeterOutOfUse(
            _("Meter %(meter)s is out of use. Nothing was sent. Put the meter into use first.")
            % {"meter": meter.number}
        )
    state = MeterState.objects.filter(meter=meter).only("lost", "forced").first()
    if kind == Kind.READ:
        return
    if kind == Kind.SWITCH_OFF and state is not None and state.forced == FORCED_ON:
        raise MeterHeld(
            _("Meter %(meter)s is on hold, so it keeps its power. Nothing was sent. Release it to prepaid first.")
            % {"meter": meter.number}
        )
    if state is not None and state.lost:
        raise MeterLost(
            _(
                "Meter %(meter)s does not answer, and an order to switch would expire before it does. Nothing was "
                "sent. Try again when the meter is back."
            )
            % {"meter": meter.number}
        )
