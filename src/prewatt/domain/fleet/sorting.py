"""Who of a choice of meters gets an order, and why the others do not. Reads only; a few queries for any number."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from prewatt import profiles
from prewatt.domain.control import cutting
from prewatt.domain.control.models import LIMIT_NAMES, PRICE_NAMES, Reported
from prewatt.domain.dispatch.models import MeterOrder
from prewatt.domain.dispatch.states import OPEN
from prewatt.domain.estate.models import Meter, MeterQuerySet
from prewatt.domain.fleet.models import Skip
from prewatt.domain.metering.models import MeterState
from prewatt.domain.metering.states import FORCED_ON
from prewatt.link.messages import SWITCH_KINDS, Kind
from prewatt.profiles import CannotRepresent, NotAllowed, Profile, ProfileError

FORCED_OFF, PREPAID = 1, 0
VALUE_KINDS: Mapping[Kind, tuple[str, ...]] = {Kind.PRICES: PRICE_NAMES, Kind.LIMITS: LIMIT_NAMES}
# A meter without a register of its own for these bands counts them as the next one.
_FALLS_TO = {"price_sharp_e4": "price_peak_e4", "price_deep_e4": "price_valley_e4"}


@dataclass(frozen=True, slots=True)
class Sorted:
    """One meter of a choice. `skip` is empty when it gets an order with `values`."""

    meter_id: int
    number: str
    values: Mapping[str, int]
    skip: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class _Facts:
    meter: Meter
    state: MeterState | None
    shown: Mapping[str, int]
    pending: bool
    vital: str


Values = Callable[[int], Mapping[str, int]]


def sort_out(*, kind: Kind, meters: MeterQuerySet, values: Values) -> list[Sorted]:
    """`values` gives what a meter (by its id) is to be told; empty for kinds without values. In the meters' order."""
    found = list(meters.select_related("state"))
    ids = meters.order_by().values("pk")
    pending = _pending(kind, ids)
    vital = cutting.never_cut(meters) if kind == Kind.SWITCH_OFF else {}
    shown = {one.meter_id: one.known() for one in Reported.objects.filter(meter__in=ids)} if kind in VALUE_KINDS else {}
    return [
        _sorted(
            _Facts(
                meter=meter,
                state=getattr(meter, "state", None),
                shown=shown.get(meter.pk, {}),
                pending=meter.pk in pending,
                vital=vital[meter.pk].get_kind_display() if meter.pk in vital else "",
            ),
            kind,
            values(meter.pk),
        )
        for meter in found
    ]


def _pending(kind: Kind, ids: Any) -> set[int]:
    """Meters to which the same switching, reading or clock order is on its way. Newer settings replace older ones."""
    if kind in VALUE_KINDS:
        return set()
    return set(
        MeterOrder.objects.filter(meter__in=ids, kind=kind.value, state__in=OPEN).values_list("meter_id", flat=True)
    )


def _sorted(facts: _Facts, kind: Kind, values: Mapping[str, int]) -> Sorted:
    meter = facts.meter
    skip, detail, fitting = _judge(facts, kind, values)
    return Sorted(meter.pk, meter.number, fitting, skip, detail[:200])


def _judge(facts: _Facts, kind: Kind, values: Mapping[str, int]) -> tuple[str, str, Mapping[str, int]]:
    """The first reason that holds, gravest first."""
    if not facts.meter.active:
        return Skip.INACTIVE, "", {}
    if facts.vital:
        return Skip.VITAL, facts.vital, {}
    if kind == Kind.SWITCH_OFF and facts.state is not None and facts.state.forced == FORCED_ON:
        return Skip.HELD, "", {}
    if kind in SWITCH_KINDS and facts.state is not None and facts.state.lost:
        return Skip.LOST, "", {}
    if kind in VALUE_KINDS and not values:
        return Skip.UNPLANNED, "", {}
    skip, detail, fitting = _sendable(
        facts.meter.profile, tuple(facts.meter.allow), kind, tuple(sorted(values.items()))
    )
    if skip:
        return skip, detail, {}
    if facts.pending:
        return Skip.PENDING, "", {}
    if _already(facts, kind, fitting):
        return Skip.SAME, "", {}
    return "", "", fitting


def _already(facts: _Facts, kind: Kind, values: Mapping[str, int]) -> bool:
    """Whether the meter shows already what it would be told."""
    if kind in VALUE_KINDS:
        return all(facts.shown.get(name) == value for name, value in values.items())
    state = facts.state
    if state is None:
        return False
    match kind:
        case Kind.SWITCH_OFF:
            return state.forced == FORCED_OFF and state.relay_closed == 0
        case Kind.SWITCH_ON:
            return state.relay_closed == 1
        case Kind.HOLD:
            return state.forced == FORCED_ON
        case Kind.RELEASE:
            return state.forced == PREPAID
        case _:
            return False


@lru_cache(maxsize=64)
def _profile(name: str, allow: tuple[str, ...]) -> Profile:
    return profiles.load(name).allowed(allow)


@lru_cache(maxsize=4096)
def _sendable(
    name: str, allow: tuple[str, ...], kind: Kind, values: tuple[tuple[str, int], ...]
) -> tuple[str, str, dict[str, int]]:
    """Whether the model can be told this at this site: (skip, detail, the values that it has a place for)."""
    if kind == Kind.READ:
        return "", "", {}
    try:
        profile = _profile(name, allow)
    except ProfileError:  # a model file that only the site's gateways have: they judge it
        return "", "", dict(values)
    try:
        row = profile.command(kind.value)
        if kind not in VALUE_KINDS:
            return "", "", {}
        fitting = _fitting(dict(values), {field.name for field in row.fields})
        profile.writes(kind.value, fitting)
    except CannotRepresent as error:
        return Skip.CANNOT, str(error), {}
    except NotAllowed as error:
        known = kind.value in profiles.load(name).commands
        return (Skip.UNVERIFIED if known else Skip.NO_COMMAND), str(error), {}
    return "", "", fitting


def _fitting(values: dict[str, int], places: set[str]) -> dict[str, int]:
    """Leave out a band that the meter does not know when the band that it falls to costs the same."""
    return {
        name: value
        for name, value in values.items()
        if name in places or name not in _FALLS_TO or values.get(_FALLS_TO[name]) != value
    }
