"""What an order would change, before it is sent: which meters, from what to what, and who would go dark at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db import models
from django.utils.translation import gettext_lazy as _

from prewatt.domain.control.models import SETTING_NAMES, Reported
from prewatt.domain.dispatch.models import Kind as OrderKind
from prewatt.domain.estate.models import Meter, Opening
from prewatt.domain.fleet.models import Skip
from prewatt.domain.fleet.sorting import VALUE_KINDS, Sorted, sort_out
from prewatt.domain.metering.models import MeterState
from prewatt.domain.metering.states import FORCED_ON, Facts, net_fen
from prewatt.link.messages import Kind

if TYPE_CHECKING:
    from prewatt.domain.estate.models import MeterQuerySet

ROWS_MAX = 200


class Danger(models.TextChoices):
    """What would happen at once, gravest first."""

    DARK = "dark", _("goes dark")  # 拉闸
    TRIP_ARREARS = "trip_arrears", _("would switch off: nothing left")  # 恢复预付费 of a meter in arrears
    TRIP_ALARM2 = "trip_alarm2", _("would switch off or warn: alarm 2 lies above the balance")
    TRIP_OVERLOAD = "trip_overload", _("would switch off: the load lies above the threshold")
    ALARM1 = "alarm1", _("would warn: alarm 1 lies above the balance")
    CEILING = "ceiling", _("takes no recharge: the balance lies above the ceiling")


TRIPS = frozenset({Danger.DARK, Danger.TRIP_ARREARS, Danger.TRIP_ALARM2, Danger.TRIP_OVERLOAD})


@dataclass(frozen=True, slots=True)
class Change:
    """One meter that would get an order. `values` is {name: (old or None while unknown, new)}."""

    meter: Meter
    room: str
    tenant: str
    balance_fen: int | None
    power_w: int | None  # ratios of the transformers applied
    values: Mapping[str, tuple[int | None, int]]
    dangers: tuple[Danger, ...]


@dataclass(frozen=True, slots=True)
class Preview:
    kind: OrderKind
    changes: list[Change]
    skipped: list[Sorted]

    @property
    def skips(self) -> Mapping[Skip, int]:
        """How many get no order, by reason."""
        return dict(Counter(Skip(one.skip) for one in self.skipped))

    @property
    def dangers(self) -> Mapping[Danger, list[Change]]:
        found = {danger: [one for one in self.changes if danger in one.dangers] for danger in Danger}
        return {danger: ones for danger, ones in found.items() if ones}

    @property
    def trips(self) -> list[Change]:
        """Who would lose power at once."""
        return [one for one in self.changes if not TRIPS.isdisjoint(one.dangers)]


def what_would_change(*, kind: Kind, meters: MeterQuerySet, values: Mapping[str, int] | None = None) -> Preview:
    """`meters` already within the operator's buildings; `values` as for `place_batch`. Five queries for any number."""
    given = dict(values or {}) if kind in VALUE_KINDS else {}
    sorted_ = sort_out(kind=kind, meters=meters, values=lambda _pk: given)
    going = {one.meter_id: one for one in sorted_ if not one.skip}
    found = meters.filter(pk__in=going).select_related("room", "state") if going else []
    shown = {one.meter_id: one.known() for one in Reported.objects.filter(meter__in=going)}
    open_ = Opening.objects.filter(meter__in=going, closed_at__isnull=True).select_related("customer")
    openings = {one.meter_id: one for one in open_}
    changes = [
        _change(kind, meter, going[meter.pk], shown.get(meter.pk, {}), openings.get(meter.pk)) for meter in found
    ]
    return Preview(OrderKind(kind.value), changes, [one for one in sorted_ if one.skip])


def _change(kind: Kind, meter: Meter, told: Sorted, shown: Mapping[str, int], opening: Opening | None) -> Change:
    state: MeterState | None = getattr(meter, "state", None)
    balance = None if state is None else net_fen(_facts(state))
    power = None if state is None else state.power_w
    old = {name: shown.get(name, _booked(meter, name)) for name in told.values}
    return Change(
        meter=meter,
        room=meter.room.number if meter.room else meter.number,
        tenant=opening.customer.name if opening else "",
        balance_fen=balance,
        power_w=None if power is None else power * meter.ratio,
        values={name: (old[name], value) for name, value in told.values.items()},
        dangers=dangers(kind, told.values, state, balance_fen=balance, opened=opening is not None),
    )


def _facts(state: MeterState) -> Facts:
    return Facts(opened=True, balance_fen=state.balance_fen, overdraft_fen=state.overdraft_fen)


def _booked(meter: Meter, name: str) -> int | None:
    """What the centre believes where the meter never showed it; a zero was never set."""
    return (getattr(meter, name, None) or None) if name in SETTING_NAMES else None


def dangers(
    kind: Kind, values: Mapping[str, int], state: MeterState | None, *, balance_fen: int | None, opened: bool
) -> tuple[Danger, ...]:
    """What these values do at once to a meter that stands so. The load is compared as the meter itself measures it."""
    if kind == Kind.SWITCH_OFF:
        return () if state is not None and state.relay_closed == 0 else (Danger.DARK,)
    if state is None:
        return ()
    held = state.forced == FORCED_ON
    if kind == Kind.RELEASE:
        poor = opened and held and balance_fen is not None and balance_fen <= 0
        return (Danger.TRIP_ARREARS,) if poor else ()
    if kind != Kind.LIMITS:
        return ()
    found = []
    if opened and balance_fen is not None:
        if not held and 0 < balance_fen <= values.get("alarm2_fen", -1):
            found.append(Danger.TRIP_ALARM2)
        if 0 < balance_fen <= values.get("alarm1_fen", -1):
            found.append(Danger.ALARM1)
        if 0 < values.get("ceiling_fen", 0) < balance_fen:
            found.append(Danger.CEILING)
    limit_w = values.get("overload_limit_w", 0)
    if not held and state.power_w is not None and 0 < limit_w < state.power_w:
        found.append(Danger.TRIP_OVERLOAD)
    return tuple(found)
