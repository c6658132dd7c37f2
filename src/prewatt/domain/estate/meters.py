"""仪表: a meter typed into a form, with every field that the register of meters has."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.utils.translation import gettext as _

from prewatt import profiles
from prewatt.domain.estate import defaults, feeding
from prewatt.domain.estate.importing.cells import OneOf, SomeOf, Text, Whole, amount_fen, price_e4
from prewatt.domain.estate.models import Bus, Meter, Opening, Room
from prewatt.domain.estate.operations import add_meter, change_meter
from prewatt.domain.estate.refusals import EstateRefused, ReasonNeeded
from prewatt.domain.estate.scope import buses, rooms
from prewatt.domain.estate.typed import Field, Typed, Values, once, yes
from prewatt.domain.staff import operations as staff

if TYPE_CHECKING:
    from prewatt.domain.staff.models import Operator

DLT645 = "dlt645-2007"
CONFIDENCES = ("manual", "observed", "unverified", "simulated")
REASON_MAX = 200
# What the register of meters says of it, and what its gateway must know.
FIELDS = {
    "number": Field(Text(32, r"[0-9A-Za-z_.-]+", "digits and letters without spaces, for example 030001040A"), True),
    "bus": Field(Whole(1, 2**31), required=True),
    "unit": Field(Whole(1, 247), empty=None),
    "address": Field(Text(12, r"\d{12}", "twelve digits, as on the meter's plate")),
    "building": Field(Text(16)),
    "room": Field(Text(32)),
    "circuit": Field(Text(64)),
    "level": Field(Whole(1, 9), empty=1),
    "parent": Field(Text(32)),
    "ct_ratio": Field(Whole(1, 10_000), empty=1),
    "pt_ratio": Field(Whole(1, 10_000), empty=1),
    "sweep_s": Field(Whole(60, 86_400), empty=None),
    "allow": Field(SomeOf(CONFIDENCES), empty=["manual", "observed"]),
    "remark": Field(Text(200)),
    "active": Field(yes, empty=False),
}
# What is sent to the meter by an order later on: a new meter takes it here, or from the defaults of its building.
AMOUNTS = {
    "alarm1_fen": Field(amount_fen, empty=None),
    "alarm2_fen": Field(amount_fen, empty=None),
    "ceiling_fen": Field(amount_fen, empty=None),
    "overload_limit_w": Field(Whole(0, 10_000_000), empty=None),
    "price_sharp_e4": Field(price_e4, empty=None),
    "price_peak_e4": Field(price_e4, empty=None),
    "price_flat_e4": Field(price_e4, empty=None),
    "price_valley_e4": Field(price_e4, empty=None),
    "price_deep_e4": Field(price_e4, empty=None),
}


class MeterHasAccount(EstateRefused):
    code = "open_account"


class NumberIsKnown(EstateRefused):
    code = "number_known"


def profile_field() -> Field:
    return Field(OneOf(tuple(profiles.names())), required=True)


def create_meter(
    *, form_id: str, typed: Mapping[str, str], operator: Operator, now: datetime, address: str = ""
) -> Meter:
    """A new meter; amounts and prices that were left empty come from its building's defaults."""

    def make() -> Meter:
        values = _values(typed, FIELDS | AMOUNTS, None, operator)
        given = {name: value for name, value in values.items() if not (name in AMOUNTS and value is None)}
        made = add_meter(**given)
        after = {name: str(value) for name, value in given.items()}
        target = f"meter {made.number}"
        staff.log(operator=operator, action="estate.meter_added", target=target, after=after, address=address, now=now)
        return made

    return once(form_id=form_id, model=Meter, now=now, make=make)


@transaction.atomic
def edit_meter(
    *, meter: Meter, typed: Mapping[str, str], operator: Operator, now: datetime, address: str = ""
) -> Meter:
    """Change what differs. A new ratio of a meter that was read needs a reason. Raises an `EstateRefused`."""
    values = _values(typed, FIELDS, meter, operator)
    changed = {name: value for name, value in values.items() if getattr(meter, name) != value}
    reason = typed.get("reason", "").strip()[:REASON_MAX]
    if "number" in changed and has_history(meter):
        raise NumberIsKnown(
            _(
                "Meter %(meter)s was read or sold to under this number. Nothing was changed. Register another meter "
                "as a new one, and change the meter in the customer's account."
            )
            % {"meter": meter.number}
        )
    if changed.get("active") is False and Opening.objects.filter(meter=meter, closed_at__isnull=True).exists():
        raise MeterHasAccount(
            _("Meter %(meter)s has an open account. Nothing was changed. Close the account or change the meter first.")
            % {"meter": meter.number}
        )
    if {"ct_ratio", "pt_ratio"} & set(changed) and has_history(meter) and not reason:
        raise ReasonNeeded(
            _(
                "A new ratio changes the energy of meter %(meter)s from this moment on; what was used before stays as "
                "it was. Nothing was changed. Say why the ratio changes; it is kept in the log."
            )
            % {"meter": meter.number}
        )
    if changed:
        change_meter(meter=meter, operator=operator, now=now, address=address, reason=reason, **changed)
    return meter


def has_history(meter: Meter) -> bool:
    """Was it ever read, or did it ever have an account?"""
    read = Meter.objects.filter(pk=meter.pk, state__isnull=False).exists()
    return read or Opening.objects.filter(meter=meter).exists()


def _values(typed: Mapping[str, str], fields: Mapping[str, Field], meter: Meter | None, operator: Operator) -> Values:
    read = Typed(typed, {**fields, "profile": profile_field()})
    values = read.values
    others = Meter.objects.exclude(pk=meter.pk if meter else 0)
    if others.filter(number=values.get("number")).exists():
        read.wrong("number", _("is taken: there is a meter of this number already."))
    bus = buses(operator).filter(pk=values.get("bus") or 0).first()
    if bus is None:
        read.wrong("bus", _("is empty."))
    room = _room(read, operator)
    parent = _parent(read, meter, room, operator)
    _check_call(read, bus, others)
    if "alarm1_fen" in fields:
        _check_alarms(read, room)
    read.finish()
    values.pop("building")
    return values | {"bus": bus, "room": room, "parent": parent}


def _room(read: Typed, operator: Operator) -> Room | None:
    building, number = read.values.get("building"), read.values.get("room")
    if not building and not number:
        if not operator.all_buildings:
            read.wrong("room", _("is empty: without a room the meter would be outside your buildings."))
        return None
    if not building:
        read.wrong("building", _("is empty: a room needs its building."))
        return None
    if not number:
        read.wrong("room", _("is empty: a building needs a room."))
        return None
    found = rooms(operator).filter(floor__building__code=building, number=number)
    room = found.select_related("floor__building").first()
    if room is None:
        read.wrong(
            "room", _("“%(room)s” is no room of building %(building)s.") % {"room": number, "building": building}
        )
    return room


def _parent(read: Typed, meter: Meter | None, room: Room | None, operator: Operator) -> Meter | None:
    number = read.values.get("parent")
    if meter is not None and (trouble := feeding.wrong_room(meter, room)):
        read.wrong("room", trouble)
    if not number:
        return None
    parent = feeding.named(number, operator=operator, meter=meter)
    if parent is None:
        read.wrong("parent", _("“%(number)s” is no meter in your buildings.") % {"number": number})
        return None
    if meter is not None:
        feeding.hold(meter, parent)
    if "room" not in read.problems and (trouble := feeding.wrong_parent(parent, meter=meter, room=room)):
        read.wrong("parent", trouble)
    return parent


def _check_call(read: Typed, bus: Bus | None, others: Any) -> None:
    """Two meters that answer to one call garble each other."""
    values = read.values
    if "profile" in read.problems or bus is None:
        return
    by_address = profiles.load(values["profile"]).protocol == DLT645
    key = "address" if by_address else "unit"
    if not values.get(key):
        read.wrong(key, _("is empty: meters of this model are called by it."))
        return
    if not by_address:
        values["address"] = ""
    else:
        values["unit"] = values.get("unit") or 1
    called = {"address": values[key]} if by_address else {"address": "", "unit": values[key]}
    other = others.filter(bus=bus, active=True, **called).first() if values.get("active") else None
    if other is not None:
        read.wrong(
            key,
            _("%(address)s is the address of meter %(other)s on this bus.") % {"address": values[key], "other": other},
        )


def _check_alarms(read: Typed, room: Room | None) -> None:
    """What is left empty comes from the building's defaults."""
    inherited = defaults.of_meter(room.floor.building if room else None)
    alarm1, alarm2 = (
        inherited[name] if read.values.get(name) is None else read.values[name] for name in ("alarm1_fen", "alarm2_fen")
    )
    if alarm2 > alarm1:
        read.wrong("alarm2_fen", _("is above alarm 1: it would never be the second."))
