"""Who of a choice of meters gets an order, and why the others do not. Reads only; a few queries for any number."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

from prewatt import profiles
from prewatt.domain.control import cutting
from prewatt.domain.control.models import LIMIT_NAMES, PRICE_NAMES, Reported
from prewatt.domain.dispatch.models import MeterOrder
from prewatt.domain.dispatch.states import OPEN
from prewatt.domain.estate.models import MeterQuerySet
from prewatt.domain.fleet.models import Skip
from prewatt.domain.metering.states import FORCED_ON
from prewatt.domain.vending import platform
from prewatt.link.messages import SWITCH_KINDS, Kind
from prewatt.profiles import CannotRepresent, NotAllowed, Profile, ProfileError
from prewatt.profiles.rows import Command

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


class Facts(NamedTuple):
    """What is asked about a meter, without the weight of whole models: there may be ten thousand. State: None where it
    was never read.
    """

    meter_id: int
    number: str
    active: bool
    profile: str
    allow: Sequence[str]
    room: str | None
    ct_ratio: int
    pt_ratio: int
    read_id: int | None
    forced: int | None
    lost: bool | None
    relay_closed: int | None
    balance_fen: int | None
    overdraft_fen: int | None
    power_w: int | None

    @property
    def ratio(self) -> int:
        return self.ct_ratio * self.pt_ratio


_COLUMNS = (
    *("pk", "number", "active", "profile", "allow", "room__number", "ct_ratio", "pt_ratio"),
    *("state__meter_id", "state__forced", "state__lost", "state__relay_closed"),
    *("state__balance_fen", "state__overdraft_fen", "state__power_w"),
)
Values = Callable[[int], Mapping[str, int]]
Shown = Mapping[int, Mapping[str, int]]


def facts_of(meters: MeterQuerySet) -> list[Facts]:
    return [Facts._make(row) for row in meters.values_list(*_COLUMNS)]


def shown_by(meters: MeterQuerySet, kind: Kind) -> Shown:
    """What each meter showed last of what such an order sets."""
    names = VALUE_KINDS.get(kind)
    if names is None:
        return {}
    rows = Reported.objects.filter(meter__in=meters.order_by().values("pk")).values_list("meter", *names)
    return {
        row[0]: {name: value for name, value in zip(names, row[1:], strict=True) if value is not None} for row in rows
    }


def sort_out(*, kind: Kind, meters: MeterQuerySet, values: Values, round_down: bool = False) -> list[Sorted]:
    """`values` gives what a meter (by its id) is to be told; empty for kinds without values. In the meters' order.

    `round_down`: a value too fine for a meter becomes the next lower one that it can show.
    """
    facts, shown = facts_of(meters), shown_by(meters, kind)
    return judged(kind=kind, meters=meters, values=values, facts=facts, shown=shown, round_down=round_down)


def judged(
    *,
    kind: Kind,
    meters: MeterQuerySet,
    values: Values,
    facts: Iterable[Facts],
    shown: Shown,
    round_down: bool = False,
) -> list[Sorted]:
    """`sort_out` for who has the facts of these meters already."""
    pending = _pending(kind, meters.order_by().values("pk"))
    vital = cutting.never_cut(meters) if kind == Kind.SWITCH_OFF else {}
    names = {pk: str(one.get_kind_display()) for pk, one in vital.items()}
    here = platform.kept_on(meters) if kind in SWITCH_KINDS else set()
    ours = platform.held_by_us(meters) if here and kind == Kind.SWITCH_OFF else set()
    return [
        _sorted(
            one,
            kind,
            platform.BESIDE.get(kind, {}) if one.meter_id in here else values(one.meter_id),
            kept=one.meter_id in here,
            ours=one.meter_id in ours,
            shown=shown.get(one.meter_id, {}),
            pending=one.meter_id in pending,
            vital=names.get(one.meter_id, ""),
            round_down=round_down,
        )
        for one in facts
    ]


def _pending(kind: Kind, ids: Any) -> set[int]:
    """Meters to which the same switching, reading or clock order is on its way. Newer settings replace older ones."""
    if kind in VALUE_KINDS:
        return set()
    return set(
        MeterOrder.objects.filter(meter__in=ids, kind=kind.value, state__in=OPEN).values_list("meter_id", flat=True)
    )


def _sorted(
    facts: Facts,
    kind: Kind,
    values: Mapping[str, int],
    *,
    shown: Mapping[str, int],
    pending: bool,
    vital: str,
    round_down: bool,
    kept: bool = False,
    ours: bool = False,
) -> Sorted:
    """The first reason that holds, gravest first. `kept`: it is on by being held, as the platform bills it, and may be
    cut when that hold is `ours`.
    """
    if kept and kind in (Kind.RELEASE, Kind.HOLD):
        return Sorted(facts.meter_id, facts.number, {}, Skip.BILLED)
    skip, detail, fitting = _at_all(
        facts._replace(forced=None) if ours else facts, kind, values, vital, round_down=round_down
    )
    if not skip and kept:
        fitting = values
    if not skip and pending:
        skip = Skip.PENDING
    unheld = kept and kind == Kind.SWITCH_ON and facts.forced != FORCED_ON  # on, but by its own balance
    if not skip and not unheld and _already(facts, kind, fitting, shown):
        skip = Skip.SAME
    return Sorted(facts.meter_id, facts.number, {} if skip else fitting, skip, detail[:200])


def _at_all(
    facts: Facts, kind: Kind, values: Mapping[str, int], vital: str, *, round_down: bool
) -> tuple[str, str, Mapping[str, int]]:
    """Whether this meter can and may be told it, whatever it shows now."""
    if not facts.active:
        return Skip.INACTIVE, "", {}
    if vital:
        return Skip.VITAL, vital, {}
    if kind == Kind.SWITCH_OFF and facts.forced == FORCED_ON:
        return Skip.HELD, "", {}
    if kind in SWITCH_KINDS and facts.lost:
        return Skip.LOST, "", {}
    if kind in VALUE_KINDS and not values:
        return Skip.UNPLANNED, "", {}
    return _sendable(facts.profile, tuple(facts.allow), kind, tuple(sorted(values.items())), round_down)


def _already(facts: Facts, kind: Kind, values: Mapping[str, int], shown: Mapping[str, int]) -> bool:
    """Whether the meter shows already what it would be told."""
    if kind in VALUE_KINDS:
        return all(shown.get(name) == value for name, value in values.items())
    match kind:
        case Kind.SWITCH_OFF:
            return facts.forced == FORCED_OFF and facts.relay_closed == 0
        case Kind.SWITCH_ON:
            return facts.relay_closed == 1
        case Kind.HOLD:
            return facts.forced == FORCED_ON
        case Kind.RELEASE:
            return facts.forced == PREPAID
        case _:
            return False


@lru_cache(maxsize=64)
def _profile(name: str, allow: tuple[str, ...]) -> Profile:
    return profiles.load(name).allowed(allow)


@lru_cache(maxsize=4096)
def _sendable(
    name: str, allow: tuple[str, ...], kind: Kind, values: tuple[tuple[str, int], ...], round_down: bool = False
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
        if round_down:
            fitting = _lowered(fitting, row)
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


def _lowered(values: Mapping[str, int], row: Command) -> dict[str, int]:
    """Each value as the next lower one that its register shows; never nothing at all."""
    steps = {field.name: (field.numerator, field.denominator) for field in row.fields}
    found = dict(values)
    for name, value in values.items():
        numerator, denominator = steps.get(name, (1, 1))
        if value * denominator % numerator:
            found[name] = value * denominator // numerator * numerator // denominator or value
    return found
