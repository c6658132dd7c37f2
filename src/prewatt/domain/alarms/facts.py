"""What holds now: every alarm that the facts of this moment speak of, by a handful of queries for any number of meters.

The states of money and line are not judged here: they are asked of `metering.board`, whose rule colours every page.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db.models import Exists, F, Max, OuterRef, Q

from prewatt.domain.alarms import carriers, money, wiring
from prewatt.domain.alarms.keys import Held, Key
from prewatt.domain.alarms.models import Kind
from prewatt.domain.dispatch.models import MeterOrder
from prewatt.domain.dispatch.states import State as OrderState
from prewatt.domain.estate.models import Gateway, GatewayEvent, Meter
from prewatt.domain.metering import board
from prewatt.domain.metering.models import MeterState
from prewatt.domain.metering.queries import GATEWAY_SILENT_S
from prewatt.domain.reconciliation import queries as reconciliation

NEAR_PERCENT = 95  # an overload ends below this part of its threshold
CLOCK_OFF_MS = 60_000  # a gateway's clock, and a meter's where its gateway found it wrong before
EVENTS_DAYS = 3  # how far back a gateway's word is looked for
_BAD = {"clock_drift": Kind.CLOCK, "quarantined": Kind.IMPOSSIBLE}
_GOOD = {"clock_set": Kind.CLOCK, "reaccepted": Kind.IMPOSSIBLE}


def held(*, now: datetime) -> dict[Key, Held]:
    found: dict[Key, Held] = {}
    for source in (_meters, _gateways, _counts, _told, wiring.held, money.books, money.payments, carriers.held):
        found.update(source(now))
    return found


_OVER = Q(state__lost=False) & (
    Q(state__state_overload=1) | Q(overload_limit_w__gt=0, state__power_w__gt=F("overload_limit_w"))
)
_NEAR = Q(state__state_overload=1) | Q(
    overload_limit_w__gt=0, state__power_w__gte=F("overload_limit_w") * NEAR_PERCENT / 100
)
_FACTS = (
    "pk",
    "room__floor__building",
    "current__pk",
    "current__opened_at",
    "net_fen",
    "money",
    "is_lost",
    "is_over",
    "is_near",
    "state__taken_at",
    "state__lost_since",
    "state__last_error",
    "state__power_w",
    "overload_limit_w",
    "alarm1_fen",
    "alarm2_fen",
    "bus",
    "bus__gateway__last_seen_at",
)


class _Facts(NamedTuple):
    meter: int
    building: int | None
    opening: int | None
    opened_at: datetime | None
    net_fen: int | None
    money: str
    lost: bool
    over: bool
    near: bool
    taken_at: datetime | None
    lost_since: datetime | None
    error: str | None
    power_w: int | None
    limit_w: int
    alarm1_fen: int
    alarm2_fen: int
    bus: int
    gateway_at: datetime | None


def _meters(now: datetime) -> Iterator[tuple[Key, Held]]:
    rows = board.alarming(over=_OVER, near=_NEAR).order_by().values_list(*_FACTS)
    for row in rows.iterator(chunk_size=5000):
        yield from _of_meter(_Facts(*row), now)


def _of_meter(one: _Facts, now: datetime) -> Iterator[tuple[Key, Held]]:
    seen_at = min(now, one.taken_at or now)
    if one.money:
        kind = Kind(one.money)
        limits = {Kind.OWE: 0, Kind.AL2: one.alarm2_fen, Kind.AL1: one.alarm1_fen}
        since = max(seen_at, one.opened_at or seen_at)
        yield (
            Key(kind, meter=one.meter, opening=one.opening),
            Held(since, one.net_fen, limits[kind], opening=one.opening, building=one.building),
        )
    if one.lost:
        since = min(now, one.lost_since or one.taken_at or one.opened_at or now)
        yield Key(Kind.LOST, meter=one.meter), _lost(one, since, now)
    if one.near:
        yield (
            Key(Kind.OVERLOAD, meter=one.meter),
            Held(seen_at, one.power_w, one.limit_w, "", one.opening, one.building, begins=one.over),
        )


def _lost(one: _Facts, since: datetime, now: datetime) -> Held:
    """Behind a gateway that is silent nothing new begins: its own alarm tells of all that it reads."""
    silent = one.gateway_at is not None and one.gateway_at < now - timedelta(seconds=GATEWAY_SILENT_S)
    return Held(since, None, None, one.error or "", one.opening, one.building, not silent, one.bus)


def _gateways(now: datetime) -> Iterator[tuple[Key, Held]]:
    """Gateways with meters in use that were heard of once, and are not now; and those whose clock is off."""
    used = Meter.objects.filter(bus__gateway=OuterRef("pk"), active=True)
    rows = Gateway.objects.filter(Exists(used), last_seen_at__isnull=False).order_by()
    silent_since = now - timedelta(seconds=GATEWAY_SILENT_S)
    for pk, seen_at, skew_ms in rows.values_list("pk", "last_seen_at", "clock_skew_ms"):
        if seen_at is not None and seen_at < silent_since:
            yield Key(Kind.GATEWAY, gateway=pk), Held(seen_at)
        if abs(skew_ms) > CLOCK_OFF_MS:
            yield Key(Kind.CLOCK, gateway=pk), Held(min(now, seen_at or now), skew_ms // 1000, CLOCK_OFF_MS // 1000)


def _counts(now: datetime) -> Iterator[tuple[Key, Held]]:
    """Money orders whose readings fit neither story: a person decides. The oldest of a meter stands for it.

    And meters whose count the last comparison of the books could not explain.
    """
    for meter, opening, books, shown, read_at, building in reconciliation.differing_counts():
        yield Key(Kind.COUNT, meter=meter), Held(min(now, read_at or now), shown, books, "", opening, building)
    rows = MeterOrder.objects.filter(state=OrderState.UNCLEAR).order_by("-placed_at")
    named = rows.values_list(
        "meter_id", "opening_id", "meter__room__floor__building", "placed_at", "answered_at", "reason", "count", "after"
    )
    for meter, opening, building, placed_at, answered_at, reason, count, after in named:
        since = min(now, answered_at or placed_at)
        shown = (after or {}).get("purchase_count")
        yield Key(Kind.COUNT, meter=meter), Held(since, shown, count, reason, opening, building)


def _told(now: datetime) -> Iterator[tuple[Key, Held]]:
    """What gateways told of their meters, as long as nothing newer takes it back.

    A clock is right again when it was set, or when a later full reading shows the right time, whoever set it; a meter
    is believed again when a reading came after the one set aside.
    """
    since = now - timedelta(days=EVENTS_DAYS)
    events = GatewayEvent.objects.filter(at__gte=since, code__in=[*_BAD, *_GOOD]).exclude(meter_number="").order_by()
    last: dict[tuple[int, str, str], int] = {
        (gateway, number, code): pk
        for gateway, number, code, pk in events.values_list("gateway", "meter_number", "code").annotate(last=Max("pk"))
    }
    bad = [
        pk
        for (gateway, number, code), pk in last.items()
        if code in _BAD and all(pk > last.get((gateway, number, good), 0) for good in _undoes(code))
    ]
    if bad:
        yield from _of_events(bad, now)


def _undoes(code: str) -> list[str]:
    return [good for good, kind in _GOOD.items() if kind == _BAD[code]]


def _of_events(pks: list[int], now: datetime) -> Iterator[tuple[Key, Held]]:
    events = list(GatewayEvent.objects.filter(pk__in=pks))
    meters = Meter.objects.filter(number__in={one.meter_number for one in events}, active=True).order_by()
    rows = meters.values_list("bus__gateway", "number", "pk", "room__floor__building")
    places = {(gateway, number): (pk, building) for gateway, number, pk, building in rows}
    seen = _seen({pk for pk, _building in places.values()})
    for event in events:
        pk, building = places.get((event.gateway_id, event.meter_number), (None, None))
        kind = _BAD[event.code]
        if pk is None or _right_since(kind, seen.get(pk), event.at):
            continue
        drift = event.detail.get("drift_s")
        value = drift if isinstance(drift, int) else None
        detail = str(event.detail.get("reason", ""))[:64]
        yield Key(kind, meter=pk), Held(min(now, event.at), value, None, detail, None, building)


class _Seen(NamedTuple):
    """The last look at a meter, its last full reading, and what its own clock showed then."""

    taken_at: datetime | None
    energy_at: datetime | None
    clock_ms: int | None


def _seen(meters: set[int]) -> dict[int, _Seen]:
    rows = MeterState.objects.filter(pk__in=meters).values_list("pk", "taken_at", "energy_at", "clock_ms")
    return {row[0]: _Seen(*row[1:]) for row in rows}


def _right_since(kind: Kind, seen: _Seen | None, since: datetime) -> bool:
    """A reading later than `since` shows that it is over."""
    if seen is None:
        return False
    if kind == Kind.IMPOSSIBLE:
        return seen.taken_at is not None and seen.taken_at > since
    if seen.energy_at is None or seen.clock_ms is None or seen.energy_at <= since:
        return False
    return abs(seen.clock_ms - seen.energy_at.timestamp() * 1000) <= CLOCK_OFF_MS


def still_wrong(kept: dict[int, tuple[Kind, int, datetime]]) -> set[int]:
    """Of episodes that a gateway told (id -> kind, meter, since), those that nothing has ended yet, however old."""
    meters = {meter for _kind, meter, _since in kept.values()}
    in_use = dict(
        Meter.objects.filter(pk__in=meters, active=True).order_by().values_list("pk", "number"),
    )
    seen = _seen(meters)
    good = GatewayEvent.objects.filter(meter_number__in=in_use.values(), code__in=_GOOD).order_by()
    told = {
        (_GOOD[code], number): at
        for number, code, at in good.values_list("meter_number", "code").annotate(last=Max("at"))
    }
    orders = MeterOrder.objects.filter(meter__in=meters, kind="clock", state=OrderState.DONE).order_by()
    set_at = dict(orders.values_list("meter").annotate(last=Max("ended_at")))
    wrong = set()
    for pk, (kind, meter, since) in kept.items():
        ends = (told.get((kind, in_use.get(meter, ""))), set_at.get(meter) if kind == Kind.CLOCK else None)
        over = any(at is not None and at > since for at in ends) or _right_since(kind, seen.get(meter), since)
        if meter in in_use and not over:
            wrong.add(pk)
    return wrong
