"""Writes of metering: readings in, health, hours and days closed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from django.db import DataError, transaction
from django.db.models import F

from prewatt.domain.control import values as control
from prewatt.domain.estate.models import Meter
from prewatt.domain.metering import storing
from prewatt.domain.metering.closing import close_days, close_hours
from prewatt.domain.metering.models import MeterState
from prewatt.domain.metering.sums import take_load
from prewatt.link.messages import MeterHealth, Reading

if TYPE_CHECKING:
    from prewatt.domain.estate.models import Gateway

__all__ = ["Recorded", "close_days", "close_hours", "mark_lost", "record_health", "record_readings", "take_load"]


FUTURE_MS_MAX = 24 * 3_600_000  # a gateway's clock may be off, but not by more than a day
HEALTH = ("lost", "lost_since", "last_answer_at", "last_error")
LOST_AFTER_S = 600


@dataclass(frozen=True)
class Recorded:
    """`added` readings are new. Not taken, by number: meters that are not this gateway's, and unbelievable readings."""

    added: int
    foreign: tuple[str, ...] = ()
    unreadable: tuple[str, ...] = ()  # a number that no column holds, or a time in the future


def record_readings(readings: Sequence[Reading], *, gateway: Gateway | None, now: datetime) -> Recorded:
    """Take a batch. The same reading again is once. `gateway=None` takes any meter (history, imports).

    A look at the status alone brings the state up to date; a row is stored for every look at the energy register.
    One bad reading is left out and named; it never keeps the others of its batch from the disk.
    """
    if not readings:  # a message that brings an answer alone
        return Recorded(0)
    ids = _meter_ids(readings, gateway)
    foreign = tuple(sorted({reading.meter for reading in readings if reading.meter not in ids}))
    now_ms = int(now.timestamp() * 1000)
    mine = [look for look in readings if look.meter in ids]
    known = [look for look in mine if 0 < look.taken_at_ms <= now_ms + FUTURE_MS_MAX]
    try:
        added = _take(known, ids, now_ms) if known else 0
    except (DataError, OverflowError):
        known = [look for look in known if storing.fits(look.values)]
        added = _take(known, ids, now_ms)
    taken = {id(look) for look in known} if len(known) < len(mine) else None
    unreadable = () if taken is None else tuple(sorted({look.meter for look in mine if id(look) not in taken}))
    return Recorded(added, foreign, unreadable)


def _meter_ids(readings: Iterable[Reading], gateway: Gateway | None) -> dict[str, int]:
    found = Meter.objects.filter(number__in={reading.meter for reading in readings})
    if gateway is not None:
        found = found.filter(bus__gateway=gateway)
    return dict(found.order_by().values_list("number", "pk"))


@transaction.atomic
def _take(looks: Sequence[Reading], ids: Mapping[str, int], now_ms: int) -> int:
    rows: dict[storing.Shape, list[storing.Row]] = {}
    latest: dict[tuple[int, storing.Shape], Reading] = {}
    first: dict[int, int] = {}
    for look in looks:
        meter_id, at_ms, kind = ids[look.meter], look.taken_at_ms, storing.shape(tuple(look.values))
        if kind.full:
            rows.setdefault(kind, []).append((meter_id, at_ms, *kind.values(look.values)))
            if at_ms < first.get(meter_id, storing.NEVER_MS):
                first[meter_id] = at_ms
        newest = latest.get((meter_id, kind))
        if newest is None or at_ms > newest.taken_at_ms:
            latest[meter_id, kind] = look
    added = sum(storing.insert(kind, lines) for kind, lines in rows.items())
    storing.newest(_merged(latest), fresh_ms=now_ms - LOST_AFTER_S * 1000)
    storing.mark_dirty(first)
    _settings(latest)
    return added


def _settings(latest: Mapping[tuple[int, storing.Shape], Reading]) -> None:
    """What lives in the meters and was read back: beside what was sent, for comparing."""
    looks = [(look.taken_at_ms, meter_id, look.values) for (meter_id, kind), look in latest.items() if kind.settings]
    if looks:
        looks.sort(key=lambda look: look[:2])
        control.shown_at((datetime.fromtimestamp(at_ms / 1000, UTC), pk, values) for at_ms, pk, values in looks)


def _merged(latest: Mapping[tuple[int, storing.Shape], Reading]) -> list[storing.Newest]:
    """Per meter the newest value of everything that this batch shows, whatever its looks were like."""
    merged: dict[int, storing.Newest] = {}
    for (meter_id, kind), look in sorted(latest.items(), key=lambda item: item[1].taken_at_ms):
        full_ms = look.taken_at_ms if kind.full else 0
        if (before := merged.get(meter_id)) is None:
            merged[meter_id] = (meter_id, look.taken_at_ms, full_ms, look.values)
        else:
            merged[meter_id] = (meter_id, look.taken_at_ms, max(full_ms, before[2]), {**before[3], **look.values})
    return list(merged.values())


@transaction.atomic
def keep_final(*, meter: Meter, energy_wh: int, now: datetime) -> None:
    """The register of a meter that answers no more, as a person read it: its last day ends with it."""
    at_ms = round(now.timestamp() * 1000)
    storing.ensure_states([meter.pk])
    storing.insert(storing.shape(("energy_wh",)), [(meter.pk, at_ms, energy_wh)])
    storing.mark_dirty({meter.pk: at_ms})
    MeterState.objects.filter(meter=meter).update(energy_at=now, energy_wh=energy_wh)


@transaction.atomic
def mark_lost(*, now: datetime, after_s: int = LOST_AFTER_S) -> int:
    """Active meters of which nothing was heard for `after_s` are lost, also when their gateway itself is silent."""
    silent = MeterState.objects.filter(meter__active=True, lost=False, taken_at__lt=now - timedelta(seconds=after_s))
    return silent.update(lost=True, lost_since=F("taken_at"))


@transaction.atomic
def record_health(health: Sequence[MeterHealth], *, gateway: Gateway, now: datetime) -> int:
    """What the gateway knows of the line to its meters: lost or back, and since when. Returns how many were taken."""
    if not health:
        return 0
    numbers = [item.meter for item in health]
    ids = dict(Meter.objects.filter(number__in=numbers, bus__gateway=gateway).values_list("number", "pk"))
    storing.ensure_states(ids.values())
    states = _held_states(ids.values())
    for item in health:
        if item.meter in ids:
            _take_health(states[ids[item.meter]], item, now)
    storing.write_health(states.values())
    return len(ids)


def _held_states(meter_ids: Iterable[int]) -> dict[int, MeterState]:
    """Locked one after the other, in the order in which everybody locks them."""
    held = MeterState.objects.only(*HEALTH).select_for_update().filter(pk__in=list(meter_ids)).order_by("pk")
    return {state.pk: state for state in held}


def _take_health(state: MeterState, item: MeterHealth, now: datetime) -> None:
    seen_ms = item.last_answer_at_ms
    seen = datetime.fromtimestamp(seen_ms / 1000, UTC) if seen_ms else state.last_answer_at
    if item.lost and not state.lost:
        state.lost_since = seen or now
    state.lost, state.last_answer_at, state.last_error = item.lost, seen, item.last_error[:32]
    if not item.lost:
        state.lost_since = None
