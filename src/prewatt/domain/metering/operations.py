"""Writes of metering: readings in, health, hours and days closed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from django.db import transaction

from prewatt.domain.estate.models import Meter
from prewatt.domain.metering import storing
from prewatt.domain.metering.closing import close_days, close_hours
from prewatt.domain.metering.models import MeterState
from prewatt.link.messages import MeterHealth, Reading

if TYPE_CHECKING:
    from prewatt.domain.estate.models import Gateway

__all__ = ["Recorded", "close_days", "close_hours", "record_health", "record_readings"]


@dataclass(frozen=True)
class Recorded:
    """`added` readings are new; those of `foreign` meters (unknown, or of another gateway) were not taken."""

    added: int
    foreign: tuple[str, ...] = field(default=())


@transaction.atomic
def record_readings(readings: Sequence[Reading], *, gateway: Gateway | None, now: datetime) -> Recorded:
    """Take a batch. The same reading again is once. `gateway=None` takes any meter (history, imports).

    A look at the status alone brings the state up to date; a row is stored for every look at the energy register.
    """
    ids = _meter_ids(readings, gateway)
    known = [(ids[reading.meter], reading) for reading in readings if reading.meter in ids]
    limit_ms = int(now.timestamp() * 1000) + 24 * 3_600_000  # a gateway's clock may be off, but not by a day
    known = [(meter_id, reading) for meter_id, reading in known if reading.taken_at_ms <= limit_ms]
    full = [pair for pair in known if "energy_wh" in pair[1].values]
    added = storing.insert([storing.row(meter_id, look.taken_at_ms, look.values) for meter_id, look in full])
    latest = _latest(known)
    storing.ensure_states(latest)
    storing.newest((meter_id, taken_at, values) for meter_id, (taken_at, values) in latest.items())
    storing.mark_dirty(_earliest(full).items())
    foreign = tuple(sorted({reading.meter for reading in readings if reading.meter not in ids}))
    return Recorded(added, foreign)


def _meter_ids(readings: Iterable[Reading], gateway: Gateway | None) -> dict[str, int]:
    found = Meter.objects.filter(number__in={reading.meter for reading in readings})
    if gateway is not None:
        found = found.filter(bus__gateway=gateway)
    return dict(found.order_by().values_list("number", "pk"))


def _latest(known: list[tuple[int, Reading]]) -> dict[int, tuple[datetime, dict[str, int]]]:
    """Per meter the newest value of everything that this batch shows."""
    merged: dict[int, tuple[int, dict[str, int]]] = {}
    for meter_id, reading in sorted(known, key=lambda pair: pair[1].taken_at_ms):
        _, values = merged.setdefault(meter_id, (0, {}))
        values.update(reading.values)
        merged[meter_id] = (reading.taken_at_ms, values)
    return {pk: (datetime.fromtimestamp(ms / 1000, UTC), values) for pk, (ms, values) in merged.items()}


def _earliest(known: list[tuple[int, Reading]]) -> dict[int, int]:
    first: dict[int, int] = {}
    for meter_id, reading in known:
        first[meter_id] = min(first.get(meter_id, reading.taken_at_ms), reading.taken_at_ms)
    return first


@transaction.atomic
def record_health(health: Sequence[MeterHealth], *, gateway: Gateway, now: datetime) -> int:
    """What the gateway knows of the line to its meters: lost or back, and since when. Returns how many were taken."""
    numbers = [item.meter for item in health]
    ids = dict(Meter.objects.filter(number__in=numbers, bus__gateway=gateway).values_list("number", "pk"))
    storing.ensure_states(ids.values())
    for item in health:
        if item.meter in ids:
            _take_health(ids[item.meter], item, now)
    return len(ids)


def _take_health(meter_id: int, item: MeterHealth, now: datetime) -> None:
    state = MeterState.objects.select_for_update().get(pk=meter_id)
    seen_ms = item.last_answer_at_ms
    seen = datetime.fromtimestamp(seen_ms / 1000, UTC) if seen_ms else state.last_answer_at
    if item.lost and not state.lost:
        state.lost_since = seen or now
    state.lost, state.last_answer_at, state.last_error = item.lost, seen, item.last_error[:32]
    if not item.lost:
        state.lost_since = None
    state.save(update_fields=["lost", "lost_since", "last_answer_at", "last_error"])
