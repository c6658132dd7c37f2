"""What a meter's own look shows of its switch and its phases."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db.models import F, Q

from prewatt.domain.alarms.keys import Held, Key
from prewatt.domain.alarms.models import Kind
from prewatt.domain.dispatch.models import MeterOrder
from prewatt.domain.dispatch.states import State as OrderState
from prewatt.domain.metering.models import MeterState
from prewatt.domain.metering.states import FORCED_ON
from prewatt.link.messages import Kind as OrderKind

SETTLED_S = 60  # a contact has followed its command, or does not
NOT_TAKEN_DAYS = 3  # how far back an order that the meter never took still counts
LOW_PERCENT, BACK_PERCENT = 60, 78  # of the highest phase: below the one it is lost, above the other it is back
_FORCED_OFF = 1
_OFF_THOUGH, _ON_THOUGH, _NOT_TAKEN = "stays_off", "stays_on", "not_taken"
_SWITCHES = (OrderKind.SWITCH_OFF, OrderKind.SWITCH_ON, OrderKind.HOLD, OrderKind.RELEASE)
_WANTED: Mapping[str, int] = {OrderKind.SWITCH_OFF: 0, OrderKind.SWITCH_ON: 1, OrderKind.HOLD: 1}

# The contact is closed though the meter itself wants it open, or open though it wants it closed.
_STAYS_ON = Q(relay_closed=1) & (Q(forced=_FORCED_OFF) | Q(relay_command=0))
_STAYS_OFF = Q(relay_closed=0) & (Q(forced=FORCED_ON) | Q(relay_command=1))
_PHASES = ("voltage_a_dv", "voltage_b_dv", "voltage_c_dv")
_UNEVEN = Q()
for _low in _PHASES:
    for _high in _PHASES:
        if _low != _high:
            _UNEVEN |= Q(**{f"{_low}__lt": F(_high) * BACK_PERCENT / 100})


class _Look(NamedTuple):
    meter: int
    bus: int
    building: int | None
    taken_at: datetime
    energy_at: datetime | None
    lost: bool
    relay_closed: int | None
    relay_command: int | None
    forced: int | None
    a_dv: int | None
    b_dv: int | None
    c_dv: int | None
    pt_ratio: int


_FACTS = (
    *("pk", "meter__bus", "meter__room__floor__building", "taken_at", "energy_at", "lost"),
    *("relay_closed", "relay_command", "forced", *_PHASES, "meter__pt_ratio"),
)


def held(now: datetime) -> Iterator[tuple[Key, Held]]:
    untaken = _not_taken(now)
    doubtful = _STAYS_ON | _STAYS_OFF | _UNEVEN | Q(pk__in=untaken)
    rows = MeterState.objects.filter(doubtful, meter__active=True, taken_at__isnull=False).order_by()
    looks = [_Look(*row) for row in rows.values_list(*_FACTS)]
    ordered = _last_done([one.meter for one in looks if _contact(one)])
    for one in looks:
        yield from _relay(one, ordered.get(one.meter), untaken.get(one.meter), now)
        yield from _phase(one, now)


class _Order(NamedTuple):
    kind: str
    ended_at: datetime


def _last_done(meters: list[int]) -> dict[int, _Order]:
    """The newest switching order that each of them carried out."""
    if not meters:
        return {}
    done = MeterOrder.objects.filter(meter__in=meters, kind__in=_SWITCHES, state=OrderState.DONE).order_by("ended_at")
    rows = done.values_list("meter", "kind", "ended_at")
    return {meter: _Order(kind, ended_at) for meter, kind, ended_at in rows if ended_at is not None}


def _not_taken(now: datetime) -> dict[int, _Order]:
    """Meters that were written to several times and took nothing, if no newer switching order followed."""
    lately = MeterOrder.objects.filter(kind__in=_SWITCHES, placed_at__gte=now - timedelta(days=NOT_TAKEN_DAYS))
    rows = lately.order_by("placed_at").values_list("meter", "kind", "state", "reason", "ended_at")
    last = {meter: (kind, state, reason, ended_at) for meter, kind, state, reason, ended_at in rows}
    return {
        meter: _Order(kind, ended_at)
        for meter, (kind, state, reason, ended_at) in last.items()
        if state == OrderState.REFUSED and reason == _NOT_TAKEN and kind in _WANTED and ended_at is not None
    }


def _contact(one: _Look) -> str:
    """What the contact does against what the meter itself wants; empty: they agree, or nobody can say."""
    if one.relay_closed == 1 and (one.forced == _FORCED_OFF or one.relay_command == 0):
        return _ON_THOUGH
    if one.relay_closed == 0 and (one.forced == FORCED_ON or one.relay_command == 1):
        return _OFF_THOUGH
    return ""


def _relay(one: _Look, done: _Order | None, untaken: _Order | None, now: datetime) -> Iterator[tuple[Key, Held]]:
    """Off by command and still on is money and danger, whoever commanded it. On by its own leave and still off is a
    breaker that waits for a hand: only where somebody ordered it on does it stand for disobedience.
    """
    found = _contact(one)
    order = done
    if untaken is not None and one.relay_closed is not None and one.relay_closed != _WANTED.get(untaken.kind):
        found, order = _NOT_TAKEN, untaken
    elif found == _OFF_THOUGH and (done is None or _WANTED.get(done.kind) != 1):
        return
    if not found or (order is not None and one.taken_at < order.ended_at + timedelta(seconds=SETTLED_S)):
        return
    since = min(now, one.taken_at)
    facts = Held(since, one.relay_closed, detail=found, building=one.building, begins=not one.lost, bus=one.bus)
    yield Key(Kind.RELAY, meter=one.meter), facts


def _phase(one: _Look, now: datetime) -> Iterator[tuple[Key, Held]]:
    """A meter of one phase may report the other two as nothing: two that are missing at once begin no episode."""
    if one.a_dv is None or one.b_dv is None or one.c_dv is None:
        return
    phases = {"a": one.a_dv, "b": one.b_dv, "c": one.c_dv}
    if one.pt_ratio > 1 and one.b_dv == 0:
        del phases["b"]  # three wires behind a voltage transformer: the middle one is what the others are held against
    high_dv = max(phases.values())
    low = [name for name, dv in phases.items() if dv * 100 < high_dv * BACK_PERCENT]
    if not low:
        return
    begins = not one.lost and len(low) == 1 and phases[low[0]] * 100 < high_dv * LOW_PERCENT
    since = min(now, one.energy_at or one.taken_at)
    value = min(phases[name] for name in low)
    facts = Held(since, value, high_dv, "".join(low), building=one.building, begins=begins, bus=one.bus)
    yield Key(Kind.PHASE, meter=one.meter), facts
