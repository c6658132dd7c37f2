"""What an order would change, before it is sent: which meters, from what to what, and who would go dark at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from django.db import models
from django.utils.translation import gettext_lazy as _

from prewatt.domain.billing import queries as billing
from prewatt.domain.control.models import SETTING_NAMES
from prewatt.domain.dispatch.models import Kind as OrderKind
from prewatt.domain.estate.models import Meter, Opening
from prewatt.domain.fleet.models import Skip
from prewatt.domain.fleet.sorting import VALUE_KINDS, Facts, Shown, Sorted, facts_of, judged, shown_by
from prewatt.domain.metering.states import FORCED_ON, net_fen
from prewatt.domain.metering.states import Facts as Balance
from prewatt.domain.tariff.models import PRICE_NAMES
from prewatt.link.messages import Kind

if TYPE_CHECKING:
    from prewatt.domain.estate.models import MeterQuerySet

ROWS_MAX = 200
_BOOKED = frozenset(SETTING_NAMES) & {field.name for field in Meter._meta.get_fields()}


class Danger(models.TextChoices):
    """What would happen at once, gravest first."""

    DARK = "dark", _("goes dark")  # 拉闸
    TRIP_ARREARS = "trip_arrears", _("would switch off: nothing left")  # 恢复预付费 of a meter in arrears
    TRIP_ALARM2 = "trip_alarm2", _("would switch off or warn: alarm 2 lies above the balance")
    TRIP_OVERLOAD = "trip_overload", _("would switch off: the load lies above the threshold")
    ALARM1 = "alarm1", _("would warn: alarm 1 lies above the balance")
    CEILING = "ceiling", _("takes no recharge: the balance lies above the ceiling")


TRIPS = frozenset({Danger.DARK, Danger.TRIP_ARREARS, Danger.TRIP_ALARM2, Danger.TRIP_OVERLOAD})


class Told(NamedTuple):
    """A meter by its key and its number."""

    pk: int
    number: str


@dataclass(frozen=True, slots=True)
class Change:
    """One meter that would get an order. `values` is {name: (old or None while unknown, new)}."""

    meter: Told
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


def what_would_change(
    *, kind: Kind, meters: MeterQuerySet, values: Mapping[str, int] | None = None, round_down: bool = False
) -> Preview:
    """`meters` already within the operator's buildings; `values` and `round_down` as for `place_batch`. Eight queries
    for any number.
    """
    given = dict(values or {}) if kind in VALUE_KINDS else {}
    facts, shown = facts_of(meters), shown_by(meters, kind)
    sorted_ = judged(
        kind=kind, meters=meters, values=lambda _pk: given, facts=facts, shown=shown, round_down=round_down
    )
    booked, tenants, here = _booked(meters, given), _tenants(meters), _billed_here(meters)
    changes = [
        _change(kind, one, told, {**booked.get(one.meter_id, {}), **shown.get(one.meter_id, {})}, tenants, here=here)
        for one, told in zip(facts, sorted_, strict=True)
        if not told.skip
    ]
    return Preview(OrderKind(kind.value), changes, [one for one in sorted_ if one.skip])


def _booked(meters: MeterQuerySet, values: Mapping[str, int]) -> Shown:
    """What the centre believes where the meter never showed it; a zero was never set."""
    names = [name for name in values if name in _BOOKED]
    if not names:
        return {}
    rows = meters.order_by().values_list("pk", *names)
    return {row[0]: {name: value for name, value in zip(names, row[1:], strict=True) if value} for row in rows}


def _tenants(meters: MeterQuerySet) -> Mapping[int, str]:
    """Who has an open account on these meters."""
    found = Opening.objects.filter(meter__in=meters.order_by().values("pk"), closed_at__isnull=True)
    return dict(found.values_list("meter", "customer__name"))


def _billed_here(meters: MeterQuerySet) -> Mapping[int, int | None]:
    """What the ledger has left, by meter, where the platform bills: what such a meter counts by itself is nothing."""
    found = Opening.objects.filter(
        meter__in=meters.order_by().values("pk"), closed_at__isnull=True, platform_terms__isnull=False
    )
    stands = billing.standings(list(found.values_list("pk", flat=True)))
    return {one.meter: one.available_fen for one in stands.values()}


def _change(
    kind: Kind,
    one: Facts,
    told: Sorted,
    old: Mapping[str, int],
    tenants: Mapping[int, str],
    *,
    here: Mapping[int, int | None],
) -> Change:
    shown = net_fen(Balance(opened=True, balance_fen=one.balance_fen, overdraft_fen=one.overdraft_fen))
    balance = here.get(one.meter_id, shown)
    values = told.values if kind in VALUE_KINDS else {}
    return Change(
        meter=Told(one.meter_id, one.number),
        room=one.room or one.number,
        tenant=tenants.get(one.meter_id, ""),
        balance_fen=balance,
        power_w=None if one.power_w is None else one.power_w * one.ratio,
        values={name: (old.get(name), value) for name, value in sorted(values.items(), key=_place)},
        dangers=dangers(
            kind,
            values,
            one,
            balance_fen=balance,
            opened=one.meter_id in tenants,
            here=one.meter_id in here,
        ),
    )


def _place(told: tuple[str, int]) -> int:
    """As people read them: from the dearest hours to the cheapest, after what is no price."""
    return PRICE_NAMES.index(told[0]) if told[0] in PRICE_NAMES else -1


def dangers(
    kind: Kind, values: Mapping[str, int], state: Facts, *, balance_fen: int | None, opened: bool, here: bool = False
) -> tuple[Danger, ...]:
    """What these values do at once to a meter that stands so. The load is compared as the meter itself measures it.

    `here`: the platform bills, so that the centre warns, and no meter trips or refuses money by this balance.
    """
    if kind == Kind.SWITCH_OFF:
        return () if state.relay_closed == 0 else (Danger.DARK,)
    if state.read_id is None:
        return ()
    held = state.forced == FORCED_ON
    if kind == Kind.RELEASE:
        poor = opened and held and not here and balance_fen is not None and balance_fen <= 0
        return (Danger.TRIP_ARREARS,) if poor else ()
    if kind != Kind.LIMITS:
        return ()
    found = []
    if opened and balance_fen is not None:
        if not held and not here and 0 < balance_fen <= values.get("alarm2_fen", -1):
            found.append(Danger.TRIP_ALARM2)
        if 0 < balance_fen <= values.get("alarm1_fen", -1):
            found.append(Danger.ALARM1)
        if not here and 0 < values.get("ceiling_fen", 0) < balance_fen:
            found.append(Danger.CEILING)
    limit_w = values.get("overload_limit_w", 0)
    if not held and state.power_w is not None and 0 < limit_w < state.power_w:
        found.append(Danger.TRIP_OVERLOAD)
    return tuple(found)
