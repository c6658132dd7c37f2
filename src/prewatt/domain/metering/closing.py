"""Hours and days from readings. Closed again whenever a late reading comes; nothing is estimated without a mark.

The register is followed through the readings (a step backwards counts as zero: the gateway has already questioned
it) and read off at each full hour between two readings. Differences of these cut points add up to the register to the
Wh. Money of a day is what the meter itself deducted: bought less balance, from the last reading of the day before to
the last of the day.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from itertools import accumulate, pairwise
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F, Max

from prewatt.domain.estate.models import Meter
from prewatt.domain.metering.models import Dirty, Reading, UsageDay

HOUR_MS = 3_600_000
GAP_MS = 3 * HOUR_MS // 2  # readings further apart than this leave hours that are marked as filled
DAY_GRACE_MS = 40 * 60_000  # a day is closed this long after its end at the earliest: the last sweep must be in
CLEAN_MS = 9_000_000_000_000_000  # "nothing to close" in Dirty
RATES = ("energy_wh", "energy_sharp_wh", "energy_peak_wh", "energy_flat_wh", "energy_valley_wh", "energy_deep_wh")


class Track:
    """One meter's register over time, made to never fall."""

    def __init__(self, taken_ms: Sequence[int], shown: Sequence[int | None]) -> None:
        pairs = [(at, value) for at, value in zip(taken_ms, shown, strict=True) if value is not None]
        self.at = [at for at, _ in pairs]
        steps = (max(0, after[1] - before[1]) for before, after in pairwise(pairs))
        self.total = list(accumulate(steps, initial=0)) if pairs else []

    def value(self, at_ms: int) -> int:
        """The register at a moment between two readings, on the straight line between them, in whole Wh."""
        right = bisect_right(self.at, at_ms)
        if right == 0:
            return self.total[0]
        if right == len(self.at):
            return self.total[-1]
        before, after = self.at[right - 1], self.at[right]
        low, high = self.total[right - 1], self.total[right]
        return low + (high - low) * (at_ms - before) // (after - before)

    def bridged(self, from_ms: int, to_ms: int) -> bool:
        """Does the span lie, even partly, in a gap between readings?"""
        first, last = max(1, bisect_right(self.at, from_ms)), min(bisect_right(self.at, to_ms), len(self.at) - 1)
        return any(self.at[place] - self.at[place - 1] > GAP_MS for place in range(first, last + 1))


def close_hours(*, now: datetime, limit: int = 500) -> int:  # noqa: ARG001 - the worker calls both alike
    """Close the hours of up to `limit` meters with new readings, the running hour up to its last reading included."""
    dirty = list(Dirty.objects.filter(since_ms__lt=CLEAN_MS).order_by("since_ms")[:limit])
    ratios = dict(Meter.objects.filter(pk__in=[item.pk for item in dirty]).values_list("pk", "ct_ratio"))
    for item in dirty:
        _close_meter_hours(item.pk, item.since_ms, ratios[item.pk])
    return len(dirty)


@transaction.atomic
def _close_meter_hours(meter_id: int, since_ms: int, ct_ratio: int) -> None:
    taken = Dirty.objects.filter(pk=meter_id, since_ms=since_ms).update(since_ms=CLEAN_MS)
    if not taken:
        return  # a reading came in between: the next turn sees it
    start_ms = _reach_ms(meter_id, since_ms) // HOUR_MS * HOUR_MS
    readings = _readings(meter_id, start_ms)
    track = Track([row[0] for row in readings], [row[1] for row in readings])
    if len(track.at) < 2:
        return
    first_ms = max(start_ms, track.at[0] // HOUR_MS * HOUR_MS)
    hours = []
    for hour_ms in range(first_ms, track.at[-1], HOUR_MS):
        energy_wh = (track.value(hour_ms + HOUR_MS) - track.value(hour_ms)) * ct_ratio
        hours.append((meter_id, hour_ms, energy_wh, track.bridged(hour_ms, hour_ms + HOUR_MS)))
    _store_hours(hours)


def _reach_ms(meter_id: int, since_ms: int) -> int:
    """How far back a new reading reaches: to the one before it, between which and it the register is drawn."""
    rows = Reading.objects.filter(meter_id=meter_id, energy_wh__isnull=False, taken_ms__lt=since_ms)
    before: int | None = rows.aggregate(at=Max("taken_ms"))["at"]
    return since_ms if before is None else before


def _readings(meter_id: int, start_ms: int) -> list[tuple[int, ...]]:
    """From the last reading before `start_ms` on."""
    rows = Reading.objects.filter(meter_id=meter_id, energy_wh__isnull=False)
    before = rows.filter(taken_ms__lt=start_ms).aggregate(at=Max("taken_ms"))["at"]
    columns = ("taken_ms", *RATES, "bought_fen", "balance_fen", "overdraft_fen")
    found = rows.filter(taken_ms__gte=start_ms if before is None else before)
    return list(found.order_by("taken_ms").values_list(*columns))


def _store_hours(hours: list[tuple[int, int, int, bool]]) -> None:
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO metering_usagehour (meter_id, start_ms, energy_wh, filled) VALUES (%s, %s, %s, %s) "
            "ON CONFLICT (meter_id, start_ms) DO UPDATE SET energy_wh = excluded.energy_wh, filled = excluded.filled",
            hours,
        )


def business_day(at_ms: int, zone: ZoneInfo) -> date:
    return datetime.fromtimestamp(at_ms / 1000, zone).date()


def day_start_ms(day: date, zone: ZoneInfo) -> int:
    """The site's midnight, in UTC milliseconds."""
    return int(datetime.combine(day, time(), zone).astimezone(UTC).timestamp() * 1000)


def close_days(*, now: datetime, limit: int = 500) -> int:
    """Close the days of up to `limit` meters that are over and have new readings. Returns how many meters."""
    zone = ZoneInfo(settings.TIME_ZONE)
    end_ms = day_start_ms(business_day(int(now.timestamp() * 1000) - DAY_GRACE_MS, zone), zone)
    dirty = list(Dirty.objects.filter(days_since_ms__lt=end_ms).order_by("days_since_ms")[:limit])
    ratios = dict(Meter.objects.filter(pk__in=[item.pk for item in dirty]).values_list("pk", "ct_ratio"))
    for item in dirty:
        _close_meter_days(item, end_ms=end_ms, ct_ratio=ratios[item.pk], zone=zone, now=now)
    return len(dirty)


@transaction.atomic
def _close_meter_days(item: Dirty, *, end_ms: int, ct_ratio: int, zone: ZoneInfo, now: datetime) -> None:
    meter_id, since_ms = item.pk, item.days_since_ms
    first = business_day(_reach_ms(meter_id, since_ms), zone)
    start_ms = day_start_ms(first, zone)
    readings = _readings(meter_id, start_ms)
    last_ms = readings[-1][0] if readings else 0
    # A reading's own day is closed only when a later one shows how it ended.
    closed_to_ms = min(end_ms, day_start_ms(business_day(last_ms, zone), zone)) if readings else since_ms
    taken = Dirty.objects.filter(pk=meter_id, days_since_ms=since_ms).update(days_since_ms=max(since_ms, closed_to_ms))
    if not taken or len(readings) < 2:
        return
    tracks = [Track([row[0] for row in readings], [row[place] for row in readings]) for place in range(1, 7)]
    counters = [(row[0], _counter_fen(row)) for row in readings]
    day = first
    while day_start_ms(day + timedelta(days=1), zone) <= closed_to_ms:
        _store_day(meter_id, day, _day_facts(day, zone, tracks, counters, ct_ratio), now)
        day += timedelta(days=1)


def _counter_fen(row: Sequence[int | None]) -> int | None:
    bought, balance, overdraft = row[7], row[8], row[9]
    if bought is None or balance is None:
        return None
    return bought - (balance if balance < 0 else balance - (overdraft or 0))


def _day_facts(
    day: date, zone: ZoneInfo, tracks: list[Track], counters: list[tuple[int, int | None]], ct_ratio: int
) -> dict[str, int | None]:
    from_ms, to_ms = day_start_ms(day, zone), day_start_ms(day + timedelta(days=1), zone)
    facts: dict[str, int | None] = {
        name: (track.value(to_ms) - track.value(from_ms)) * ct_ratio if track.at else 0
        for name, track in zip(RATES, tracks, strict=True)
    }
    times = [at for at, _ in counters]
    low, high = bisect_right(times, from_ms), bisect_right(times, to_ms)
    began = counters[max(0, low - 1)]
    ended = counters[max(0, high - 1)]
    facts["counter_fen"] = ended[1]
    facts["deducted_fen"] = None if began[1] is None or ended[1] is None else ended[1] - began[1]
    facts["first_ms"], facts["last_ms"] = began[0], ended[0]
    inside = [began[0], *times[low:high], to_ms]
    facts["gap_s_max"] = max(after - before for before, after in pairwise(inside)) // 1000
    return facts


def _store_day(meter_id: int, day: date, facts: dict[str, int | None], now: datetime) -> None:
    old = UsageDay.objects.filter(meter_id=meter_id, day=day).first()
    if old is None:
        UsageDay.objects.create(meter_id=meter_id, day=day, closed_at=now, **facts)
    elif any(getattr(old, name) != value for name, value in facts.items()):
        UsageDay.objects.filter(pk=old.pk).update(version=F("version") + 1, closed_at=now, **facts)
