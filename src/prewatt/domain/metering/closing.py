"""Hours and days from readings. Closed again whenever a late reading comes; nothing is estimated without a mark.

The register is followed through the readings (a step backwards counts as zero: the gateway has already questioned
it) and read off at each full hour between two readings. Differences of these cut points add up to the register to the
Wh. Money of a day is what the meter itself deducted: bought less balance, from the sweep at one midnight to the sweep
at the next; where that is missing, the last reading before midnight stands for it.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from itertools import accumulate, pairwise
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F, Max

from prewatt.domain.metering import quality, sums
from prewatt.domain.metering import ratios as ratio_history
from prewatt.domain.metering.models import Dirty, Reading, UsageDay
from prewatt.domain.metering.ratios import Ratios
from prewatt.domain.metering.sums import Hour
from prewatt.domain.turns import give_way

HOUR_MS = 3_600_000
GAP_MS = 3 * HOUR_MS // 2  # readings further apart than this leave hours that are marked as filled
DAY_GRACE_MS = 40 * 60_000  # a day is closed this long after its end at the earliest: the last sweep must be in
MIDNIGHT_SWEEP_MS = 5 * 60_000  # a sweep that is aligned to the clock is through all meters by then
CLEAN_MS = 9_000_000_000_000_000  # "nothing to close" in Dirty
# Closed in one transaction: the disk is waited for once, and who sells meanwhile waits for tens of milliseconds.
READINGS_TOGETHER = 2_000
READINGS_OF_ONE_MAX = 2_000  # of a meter with more, the first so many; the rest in a transaction of their own
METERS_TOGETHER = 100
REGISTER_SIZES = (10**8, 10**9, 10**10, 10**11)  # Wh: six digits of kWh and two decimals is the usual one, 10**9
ROLLOVER_PART = 1000  # "nearly full" is the last thousandth, "just begun" the first
RATES = ("energy_wh", "energy_sharp_wh", "energy_peak_wh", "energy_flat_wh", "energy_valley_wh", "energy_deep_wh")


Due = tuple[int, int, Ratios, bool]  # meter, dirty since in ms, ratios, gone
_DAY_COLUMNS = ("taken_ms", *RATES, "bought_fen", "balance_fen", "overdraft_fen", *quality.COLUMNS)


def rise(before: int, after: int) -> int:
    """From one register value to the next. A register that was nearly full began again at zero; any other step down
    is a register that was set back (a changed meter), from which nothing can be learned: it counts as no use."""
    if after >= before:
        return after - before
    full = next((size for size in REGISTER_SIZES if before < size), 0)
    turned = full > 0 and full - before <= full // ROLLOVER_PART and after <= full // ROLLOVER_PART
    return after + full - before if turned else 0


class Track:
    """One meter's register over time, made to never fall."""

    def __init__(self, taken_ms: Sequence[int], shown: Sequence[int | None]) -> None:
        pairs = [(at, value) for at, value in zip(taken_ms, shown, strict=True) if value is not None]
        self.at = [at for at, _ in pairs]
        self.total = list(accumulate((rise(a[1], b[1]) for a, b in pairwise(pairs)), initial=0)) if pairs else []

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

    def bridged_hours(self) -> set[int]:
        """The hours (their beginnings) that lie, even partly, in a gap between readings."""
        gaps = ((before, after) for before, after in pairwise(self.at) if after - before > GAP_MS)
        return {hour for before, after in gaps for hour in range(before // HOUR_MS * HOUR_MS, after, HOUR_MS)}


def close_hours(*, now: datetime, limit: int = 500) -> int:  # noqa: ARG001 - the worker calls both alike
    """Close the hours of up to `limit` meters with new readings, the running hour up to its last reading included."""
    dirty = list(Dirty.objects.filter(since_ms__lt=CLEAN_MS).order_by("since_ms")[:limit])
    ratios = ratio_history.of_meters(item.pk for item in dirty)
    waiting = deque((item.pk, item.since_ms) for item in dirty)
    while waiting:
        with transaction.atomic():
            _close_some_hours(waiting, ratios)
        if waiting:
            give_way()
    return len(dirty)


@transaction.atomic
def close_hours_of(meter_id: int) -> None:
    """The same of one meter, at once: an account on it is settled by its last reading."""
    since_ms = Dirty.objects.filter(pk=meter_id, since_ms__lt=CLEAN_MS).values_list("since_ms", flat=True).first()
    waiting = deque([] if since_ms is None else [(meter_id, since_ms)])
    while waiting:
        _close_some_hours(waiting, ratio_history.of_meters([meter_id]))


def _close_some_hours(waiting: deque[tuple[int, int]], ratios: Mapping[int, Ratios]) -> None:
    """As much of the queue as one transaction may hold; a meter with more stands at its head again."""
    closed: list[Hour] = []
    read = 0
    for _meter in range(METERS_TOGETHER):
        if not waiting or read >= READINGS_TOGETHER:
            break
        meter_id, since_ms = waiting.popleft()
        hours, count, from_ms = _close_meter_hours(meter_id, since_ms, ratios[meter_id])
        closed += hours
        read += count
        if from_ms < CLEAN_MS:
            waiting.appendleft((meter_id, from_ms))
    sums.add_hours(closed)
    _store_hours(closed)


def _close_meter_hours(meter_id: int, since_ms: int, ratios: Ratios) -> tuple[list[Hour], int, int]:
    """The hours, how many readings they were drawn from, and from where on the meter is still open."""
    start_ms = _reach_ms(meter_id, since_ms) // HOUR_MS * HOUR_MS
    readings = _readings(meter_id, start_ms, ("taken_ms", "energy_wh"), limit=READINGS_OF_ONE_MAX)
    # The last reading of a portion begins the next one: its hour is drawn again then, to its end.
    cut = len(readings) == READINGS_OF_ONE_MAX and readings[-1][0] > since_ms
    from_ms = readings[-1][0] if cut else CLEAN_MS
    taken = Dirty.objects.filter(pk=meter_id, since_ms=since_ms).update(since_ms=from_ms)
    if not taken:
        return [], len(readings), CLEAN_MS  # a reading came in between: the next turn sees it
    return _hours(meter_id, readings, start_ms, ratios), len(readings), from_ms


def _hours(meter_id: int, readings: Sequence[tuple[int, ...]], start_ms: int, ratios: Ratios) -> list[Hour]:
    if len(readings) < 2:
        return []
    track = Track([row[0] for row in readings], [row[1] for row in readings])
    first_ms = max(start_ms, track.at[0] // HOUR_MS * HOUR_MS)
    starts = range(first_ms, track.at[-1], HOUR_MS)
    bridged, value = track.bridged_hours(), cache(track.value)  # each cut ends an hour and begins the next
    return [(meter_id, at_ms, ratios.energy(value, at_ms, at_ms + HOUR_MS), at_ms in bridged) for at_ms in starts]


def _reach_ms(meter_id: int, since_ms: int) -> int:
    """How far back a new reading reaches: to the one before it, between which and it the register is drawn."""
    rows = Reading.objects.filter(meter_id=meter_id, energy_wh__isnull=False, taken_ms__lt=since_ms)
    before: int | None = rows.aggregate(at=Max("taken_ms"))["at"]
    return since_ms if before is None else before


def _readings(
    meter_id: int, start_ms: int, columns: Sequence[str], *, limit: int | None = None
) -> list[tuple[int, ...]]:
    """From the last reading before `start_ms` on, at most so many."""
    rows = Reading.objects.filter(meter_id=meter_id, energy_wh__isnull=False)
    before = rows.filter(taken_ms__lt=start_ms).aggregate(at=Max("taken_ms"))["at"]
    found = rows.filter(taken_ms__gte=start_ms if before is None else before)
    return list(found.order_by("taken_ms").values_list(*columns)[:limit])


def _store_hours(hours: list[Hour]) -> None:
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO metering_usagehour (meter_id, start_ms, energy_wh, filled) VALUES (%s, %s, %s, %s) "
            "ON CONFLICT (meter_id, start_ms) DO UPDATE SET energy_wh = excluded.energy_wh, filled = excluded.filled",
            hours,
        )


def hours_closed_to_ms(meter_id: int) -> int:
    """Hours that end until then are as the readings are; a late reading may be about to change those after it."""
    since_ms = Dirty.objects.filter(pk=meter_id).values_list("since_ms", flat=True).first()
    if since_ms is None or since_ms >= CLEAN_MS:
        return CLEAN_MS
    return _reach_ms(meter_id, since_ms) // HOUR_MS * HOUR_MS


def business_day(at_ms: int, zone: ZoneInfo) -> date:
    return datetime.fromtimestamp(at_ms / 1000, zone).date()


def day_start_ms(day: date, zone: ZoneInfo) -> int:
    """The site's midnight, in UTC milliseconds."""
    return int(datetime.combine(day, time(), zone).astimezone(UTC).timestamp() * 1000)


def close_days(*, now: datetime, limit: int = 500) -> int:
    """Close the days of up to `limit` meters that are over and have new readings. Returns how many meters."""
    zone = ZoneInfo(settings.TIME_ZONE)
    end_ms = day_start_ms(business_day(int(now.timestamp() * 1000) - DAY_GRACE_MS, zone), zone)
    due = _due(end_ms, zone, limit)
    waiting = deque(due)
    while waiting:
        with transaction.atomic():
            _close_some_days(waiting, end_ms=end_ms, zone=zone, now=now)
        if waiting:
            give_way()
    return len(due)


def _close_some_days(waiting: deque[Due], *, end_ms: int, zone: ZoneInfo, now: datetime) -> None:
    """As much of the queue as one transaction may hold; a meter with more stands at its head again."""
    read, grown = 0, sums.Grown()
    for _meter in range(METERS_TOGETHER):
        if not waiting or read >= READINGS_TOGETHER:
            break
        meter_id, since_ms, ratios, gone = waiting.popleft()
        count, from_ms = _close_meter_days(
            meter_id, since_ms, end_ms=end_ms, ratios=ratios, gone=gone, zone=zone, now=now, grown=grown
        )
        read += count
        if from_ms is not None:
            waiting.appendleft((meter_id, from_ms, ratios, gone))
    grown.keep()


def _due(end_ms: int, zone: ZoneInfo, limit: int) -> list[Due]:
    """(meter, dirty since, ratios, gone), the longest waiting first. A lost meter waits until a reading ends its day;
    one that is out of use (换表) has none to wait for: the day of its last reading is closed too.

    A late reading of today that bends yesterday's last stretch is taken up when today is closed.
    """
    rows = Dirty.objects.filter(days_since_ms__lt=end_ms + MIDNIGHT_SWEEP_MS, meter__state__energy_at__isnull=False)
    found = rows.order_by("days_since_ms").values_list(
        "pk", "days_since_ms", "meter__state__energy_at", "meter__active"
    )
    over = [
        (pk, since_ms, not active)
        for pk, since_ms, energy_at, active in found
        if energy_at is not None
        and business_day(since_ms - MIDNIGHT_SWEEP_MS, zone)
        < energy_at.astimezone(zone).date() + timedelta(days=not active)
    ][:limit]
    ratios = ratio_history.of_meters(pk for pk, _since, _gone in over)
    return [(pk, since_ms, ratios[pk], gone) for pk, since_ms, gone in over]


def _close_meter_days(
    meter_id: int,
    since_ms: int,
    *,
    end_ms: int,
    ratios: Ratios,
    gone: bool,
    zone: ZoneInfo,
    now: datetime,
    grown: sums.Grown,
) -> tuple[int, int | None]:
    """How many readings were looked at, and from where on the meter is still open; None when all that is over is."""
    first = business_day(min(_reach_ms(meter_id, since_ms), since_ms - MIDNIGHT_SWEEP_MS), zone)
    readings, cut = _portion(meter_id, first, since_ms, zone)
    last_ms = readings[-1][0] if readings else 0
    # A reading's own day is closed only when a later one shows how it ended, or none will come.
    last_day = business_day(last_ms, zone) + timedelta(days=gone and not cut)
    closed_to_ms = min(end_ms, day_start_ms(last_day, zone)) if readings else since_ms
    done_ms = max(since_ms, closed_to_ms + MIDNIGHT_SWEEP_MS)
    taken = Dirty.objects.filter(pk=meter_id, days_since_ms=since_ms).update(days_since_ms=done_ms)
    if taken and len(readings) > 1:
        facts = _days(readings, first, closed_to_ms, ratios=ratios, zone=zone)
        _store_days(meter_id, facts, now, grown)
        quality.store(meter_id, _qualities(readings, facts, zone))
    return len(readings), done_ms if taken and cut and done_ms < end_ms else None


def _portion(meter_id: int, first: date, since_ms: int, zone: ZoneInfo) -> tuple[list[tuple[int, ...]], bool]:
    """A meter's readings from that day on, whether they are only the first of many: then a day more ends in
    them, with the sweep after its midnight. So many in one day that none ends come whole.
    """
    start_ms = day_start_ms(first, zone)
    readings = _readings(meter_id, start_ms, _DAY_COLUMNS, limit=READINGS_OF_ONE_MAX)
    if len(readings) < READINGS_OF_ONE_MAX:
        return readings, False
    tomorrow = business_day(readings[-1][0] - MIDNIGHT_SWEEP_MS, zone) + timedelta(days=1)
    within = [row for row in readings if row[0] < day_start_ms(tomorrow, zone)]
    closed_to_ms = day_start_ms(business_day(within[-1][0], zone), zone) if within else 0
    if len(within) > 1 and closed_to_ms + MIDNIGHT_SWEEP_MS > since_ms:
        return within, True
    return _readings(meter_id, start_ms, _DAY_COLUMNS), False


def _days(
    readings: Sequence[tuple[int, ...]], first: date, closed_to_ms: int, *, ratios: Ratios, zone: ZoneInfo
) -> dict[date, dict[str, int | None]]:
    taken_ms = [row[0] for row in readings]
    tracks = [Track(taken_ms, [row[place] for row in readings]) for place in range(1, 1 + len(RATES))]
    counters = [(row[0], _counter_fen(row)) for row in readings]
    facts = {}
    day = first
    while day_start_ms(day + timedelta(days=1), zone) <= closed_to_ms:
        if day >= business_day(taken_ms[0], zone):
            facts[day] = _day_facts(day, zone, tracks, counters, ratios)
        day += timedelta(days=1)
    return facts


def _qualities(readings: Sequence[tuple[int, ...]], days: Iterable[date], zone: ZoneInfo) -> dict[date, quality.Sums]:
    times, wide = [row[0] for row in readings], len(quality.COLUMNS)
    found = {}
    for day in days:
        edges = (day_start_ms(day, zone), day_start_ms(day + timedelta(days=1), zone))
        low, high = (bisect_left(times, edge_ms) for edge_ms in edges)
        its = quality.of_day(row[-wide:] for row in readings[low:high])
        if its is not None:
            found[day] = its
    return found


def _counter_fen(row: Sequence[int | None]) -> int | None:
    bought, balance, overdraft = row[7], row[8], row[9]
    if bought is None or balance is None:
        return None
    return bought - (balance if balance < 0 else balance - (overdraft or 0))


def _day_facts(
    day: date, zone: ZoneInfo, tracks: list[Track], counters: list[tuple[int, int | None]], ratios: Ratios
) -> dict[str, int | None]:
    from_ms, to_ms = day_start_ms(day, zone), day_start_ms(day + timedelta(days=1), zone)
    facts: dict[str, int | None] = {
        name: ratios.energy(track.value, from_ms, to_ms) if track.at else 0
        for name, track in zip(RATES, tracks, strict=True)
    }
    times = [at for at, _ in counters]
    low, high = (bisect_left(times, edge_ms + MIDNIGHT_SWEEP_MS) for edge_ms in (from_ms, to_ms))
    began = counters[low - 1 if times[0] < from_ms else 0]  # a meter's first day begins with its first reading
    ended = counters[max(0, high - 1)]
    facts["counter_fen"] = ended[1]
    facts["deducted_fen"] = None if began[1] is None or ended[1] is None else ended[1] - began[1]
    facts["first_ms"], facts["last_ms"] = began[0], ended[0]
    inside = [began[0], *times[low:high], max(ended[0], to_ms)]
    facts["gap_s_max"] = max(after - before for before, after in pairwise(inside)) // 1000
    facts["drawn_from"] = drawn_from(times, from_ms, to_ms)
    return facts


def drawn_from(taken_ms: Sequence[int], from_ms: int, to_ms: int) -> int:
    """A mark of the readings that draw the register over a stretch, those around it included: the sum of their times.

    A late reading may share a day out otherwise (between two prices, two accounts, among its hours) and leave its sums
    as they were: the mark tells that the day must be priced again.
    """
    return sum(taken_ms[max(0, bisect_right(taken_ms, from_ms) - 1) : bisect_left(taken_ms, to_ms) + 1])


def _store_days(meter_id: int, facts: Mapping[date, dict[str, int | None]], now: datetime, grown: sums.Grown) -> None:
    """New days are added; a day that late readings changed gets a new version, which the ledger then books."""
    held = UsageDay.objects.select_for_update().order_by("day")  # the platform may be booking one of them just now
    known = {row.day: row for row in held.filter(meter_id=meter_id, day__in=list(facts))}
    new = [UsageDay(meter_id=meter_id, day=day, closed_at=now, **its) for day, its in facts.items() if day not in known]
    UsageDay.objects.bulk_create(new, batch_size=200)
    for one in new:
        grown.add(one.day, energy_wh=one.energy_wh, deducted_fen=one.deducted_fen or 0, meters=1)
    for day, row in known.items():
        its = {name: value for name, value in facts[day].items() if name != "deducted_fen" or not row.charged}
        if any(getattr(row, name) != value for name, value in its.items()):
            UsageDay.objects.filter(pk=row.pk).update(version=F("version") + 1, closed_at=now, **its)
            more_fen = (its.get("deducted_fen", row.deducted_fen) or 0) - (row.deducted_fen or 0)
            grown.add(day, energy_wh=(its["energy_wh"] or 0) - row.energy_wh, deducted_fen=more_fen)
    sums.add_months(meter_id, facts)
    sums.mean_of(meter_id)
