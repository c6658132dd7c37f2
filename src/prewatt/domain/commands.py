"""拉闸, 合闸, 保电, 恢复预付费 and 抄表 by hand: who may, with what reason, and what would be pointless to send.

An order to switch expires rather than arriving late. What it did is read back from the relay by the gateway.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from prewatt.domain.control import cutting
from prewatt.domain.control.models import Cut, Reason, SwitchRules
from prewatt.domain.dispatch import operations as dispatch
from prewatt.domain.dispatch.models import MeterOrder
from prewatt.domain.dispatch.states import OPEN, State
from prewatt.domain.estate.models import Meter, Opening
from prewatt.domain.metering import balances
from prewatt.domain.metering.models import MeterState
from prewatt.domain.metering.states import FORCED_ON
from prewatt.domain.staff import operations as staff
from prewatt.domain.staff.rights import Right
from prewatt.domain.vending import checks, platform
from prewatt.domain.vending.checks import Refused
from prewatt.link.messages import SWITCH_KINDS, Kind

if TYPE_CHECKING:
    from prewatt.domain.staff.models import Operator

RIGHTS: dict[Kind, Right] = {
    Kind.SWITCH_OFF: Right.SWITCH,
    Kind.SWITCH_ON: Right.SWITCH,
    Kind.HOLD: Right.HOLD,
    Kind.RELEASE: Right.HOLD,
    Kind.READ: Right.METER_ORDERS,
}
REASON_MAX = 200
TENANT = "tenant"  # the cause of what tenants order themselves
_SWITCHES = (Kind.SWITCH_OFF.value, Kind.SWITCH_ON.value)


class NotACommand(Refused):
    code = "not_a_command"


CommandReasonNeeded = cutting.CutReasonNeeded


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


class AlreadyOrdered(Refused):
    code = "already_ordered"


class TenantMayNot(Refused):
    code = "tenant_may_not"


class NothingToSwitch(Refused):
    code = "nothing_to_switch"


class NotPaidYet(Refused):
    code = "not_paid_yet"


class CutByOthers(Refused):
    code = "cut_by_others"


@transaction.atomic
def command(
    *,
    order_id: str,
    meter: Meter,
    kind: Kind,
    operator: Operator,
    now: datetime,
    reason: str = "",
    note: str = "",
    override: str = "",
    second_person: Operator | None = None,
    confirmed: str = "",
    address: str = "",
) -> MeterOrder:
    """Place one order by hand. `order_id` is made when the form is drawn: the same again is the first order.

    Switching off needs a reason of `control.Reason` and the room's number, typed by the person who does it; inside
    protected hours a word why it cannot wait (`override`); beyond the site's limit a second person, who has proven
    to be one. Raises a `Refused` subclass, and then nothing is sent.
    """
    if kind not in RIGHTS:
        raise NotACommand(_("“%(kind)s” cannot be ordered by hand. Nothing was sent.") % {"kind": kind.value})
    checks.check_operator(operator, RIGHTS[kind], meter)
    if kind == Kind.SWITCH_OFF:
        cutting.held_rules()  # the same form at the same moment waits here, and then finds the first order
    first = MeterOrder.objects.filter(pk=order_id).first()
    if first is not None:
        return _same(first, meter, kind)
    _check_meter(meter, kind)
    platform.check_release(meter, kind)
    why = None
    if kind == Kind.SWITCH_OFF:
        _check_meant(meter, confirmed)
        why = cutting.check(
            meter_ids=[meter.pk],
            reason=reason,
            note=note,
            override=override,
            operator=operator,
            second_person=second_person,
            now=now,
        )
    order, is_new = _place(order_id, meter, kind, operator, now)
    if not is_new:
        return order
    if why is not None:
        cutting.record([order.pk], why, operator=operator, now=now)
    said = {"note": note, "override": override, "second_person": second_person.username if second_person else ""}
    staff.log(
        operator=operator,
        action=kind.value,
        target=f"meter {meter.number}",
        after={"order": order_id, "reason": reason.strip()[:REASON_MAX]}
        | {name: text.strip()[:REASON_MAX] for name, text in said.items() if text.strip()},
        address=address,
        now=now,
    )
    return order


@transaction.atomic
def by_tenant(
    *, order_id: str, opening: Opening, kind: Kind, now: datetime, confirmed: str = "", address: str = ""
) -> MeterOrder:
    """A tenant switches his own supply, where the site allows it; he stands in the order and in the log.

    Off asks for the room's number, as for anybody. On is for who went dark by himself or for arrears, and has paid.
    Raises a `Refused` subclass, and then nothing is sent.
    """
    meter = dispatch.lock_meter(opening.meter_id)
    first = MeterOrder.objects.filter(pk=order_id).first()
    if first is not None:
        return _same(first, meter, kind)
    _check_tenant(opening, meter, kind, cutting.rules())
    if kind == Kind.SWITCH_OFF:
        _check_meant(meter, confirmed)
    _check_first(order_id, meter, kind)
    order = dispatch.place_held(
        order_id=order_id, meter=meter, kind=kind, now=now, opening_id=opening.pk, cause=(TENANT, str(opening.pk))
    )
    if kind == Kind.SWITCH_OFF:
        cutting.record([order.pk], cutting.Why(Reason.ASKED, "", "", None), operator=None, now=now)
    staff.log(
        operator=None,
        action=kind.value,
        target=f"meter {meter.number}",
        after={"order": order_id, "asked_by": f"tenant {opening.customer.number}"},
        address=address,
        now=now,
    )
    return order


def tenant_may(opening: Opening, kind: Kind) -> bool:
    """Would it be pointless to offer it?"""
    try:
        _check_tenant(opening, opening.meter, kind, cutting.rules())
    except Refused:
        return False
    return True


def _check_tenant(opening: Opening, meter: Meter, kind: Kind, rules: SwitchRules) -> None:
    allowed = {Kind.SWITCH_OFF: rules.tenant_off, Kind.SWITCH_ON: rules.tenant_on or rules.tenant_off}.get(kind, False)
    if not allowed or opening.closed_at is not None or opening.inactive:
        raise TenantMayNot(_("This is not switched from here. Nothing was sent. Ask the property office."))
    _check_meter(meter, kind)
    state = MeterState.objects.filter(meter=meter).first()
    if state is not None and state.relay_closed == (1 if kind == Kind.SWITCH_ON else 0):
        raise NothingToSwitch(
            _("Your power is on already. Nothing was sent.")
            if kind == Kind.SWITCH_ON
            else _("Your power is off already. Nothing was sent.")
        )
    if kind == Kind.SWITCH_ON:
        _check_on(opening, meter, state)


def _check_on(opening: Opening, meter: Meter, state: MeterState | None) -> None:
    money = balances.of(opening, state)
    if not money.postpaid and (money.fen is None or money.fen <= 0):
        raise NotPaidYet(
            _("The balance is used up. Nothing was sent. Pay first; power comes back when the meter has the money.")
        )
    last = MeterOrder.objects.filter(meter=meter, kind__in=_SWITCHES, state=State.DONE).order_by("-answered_at").first()
    cut = Cut.objects.filter(order=last).first() if last is not None and last.kind == Kind.SWITCH_OFF else None
    if cut is not None and not (
        cut.reason == Reason.ARREARS or (cut.operator_id is None and cut.reason == Reason.ASKED)
    ):
        raise CutByOthers(
            _("The property office switched it off: %(why)s. Nothing was sent. Ask there before it goes on again.")
            % {"why": cut.get_reason_display()}
        )


def _place(order_id: str, meter: Meter, kind: Kind, operator: Operator, now: datetime) -> tuple[MeterOrder, bool]:
    """The order, and whether it is new: of two people who ask at the same moment, one finds what the other did."""
    if kind in SWITCH_KINDS:
        dispatch.lock_meter(meter.pk)
        _check_first(order_id, meter, kind)
    try:
        with transaction.atomic():
            if (first := MeterOrder.objects.filter(pk=order_id).first()) is None:
                placed = dispatch.place_held(
                    order_id=order_id,
                    meter=meter,
                    kind=kind,
                    values=platform.switching(meter, kind),
                    operator=operator,
                    now=now,
                )
                return placed, True
    except IntegrityError:
        first = MeterOrder.objects.get(pk=order_id)
    return _same(first, meter, kind), False


def _check_first(order_id: str, meter: Meter, kind: Kind) -> None:
    """Another person's order of the same kind is on its way: a second one would only come late."""
    same = MeterOrder.objects.filter(meter=meter, kind=kind.value, state__in=OPEN).exclude(pk=order_id)
    other = same.select_related("placed_by").order_by("placed_at").first()
    if other is not None:
        raise AlreadyOrdered(
            _("The same order to meter %(meter)s is on its way, given by %(who)s. Nothing was sent. Wait for it.")
            % {"meter": meter.number, "who": other.placed_by or "—"}
        )


def _same(first: MeterOrder, meter: Meter, kind: Kind) -> MeterOrder:
    if (first.meter_id, first.kind) != (meter.pk, kind.value):
        raise CommandIdTaken(
            _("This form was already used for another order. Nothing was sent this time. Open a new form.")
        )
    return first


def place_name(meter: Meter) -> str:
    """What stands on the door: the room's number, or the meter's own where it has no room."""
    return meter.room.number if meter.room else meter.number


def _check_meant(meter: Meter, confirmed: str) -> None:
    """Nobody goes dark by a slip of the finger."""
    marked = cutting.never_cut(Meter.objects.filter(pk=meter.pk))
    if meter.pk in marked:
        raise cutting.NeverCutThis(place_name(meter), marked[meter.pk])
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
    on_hold = kind == Kind.SWITCH_OFF and state is not None and state.forced == FORCED_ON
    if on_hold and not platform.held_by_us(Meter.objects.filter(pk=meter.pk)):
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
