"""Sums that pages ask for and nobody should add up again: a building's hours, its load, what a meter deducts a day."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta

from django.db import connection, transaction
from django.db.models import Case, F, IntegerField, Sum, Value, When

from prewatt.domain.estate.models import Meter, ratio_in
from prewatt.domain.metering.models import MeterState, UsageDay, UsageHour

# (meter id, its beginning in ms, Wh, bridged)
Hour = tuple[int, int, int, bool]

MEAN_DAYS = 7
QUARTER_MS = 15 * 60_000
NO_ROOM = 0


def add_hours(hours: Sequence[Hour]) -> None:
    """These hours are about to be stored: what they add to what stood there goes into their building's sum."""
    if not hours:
        return
    meters = {hour[0] for hour in hours}
    old = _stored(meters, min(hour[1] for hour in hours))
    places = _places(meters)
    grown: Counter[tuple[int, int]] = Counter()
    for meter_id, start_ms, energy_wh, _filled in hours:
        grown[start_ms, places[meter_id]] += energy_wh - old.get((meter_id, start_ms), 0)
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO metering_buildinghour (start_ms, place, energy_wh) VALUES (%s, %s, %s) "
            "ON CONFLICT (start_ms, place) DO UPDATE SET "
            "energy_wh = metering_buildinghour.energy_wh + excluded.energy_wh",
            [(start_ms, place, grown[start_ms, place]) for start_ms, place in sorted(grown)],
        )


def _stored(meters: Iterable[int], since_ms: int) -> dict[tuple[int, int], int]:
    rows = UsageHour.objects.filter(meter__in=list(meters), start_ms__gte=since_ms)
    return {(meter_id, at): wh for meter_id, at, wh in rows.values_list("meter_id", "start_ms", "energy_wh")}


def _places(meters: Iterable[int]) -> dict[int, int]:
    found = Meter.objects.filter(pk__in=list(meters)).values_list("pk", "room__floor__building")
    return {pk: building or NO_ROOM for pk, building in found}


def mean_of(meter_id: int) -> None:
    """What the meter deducts a day, over its last closed days."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE metering_meterstate SET per_day_fen = (SELECT CAST(SUM(d.deducted_fen) / COUNT(*) AS BIGINT) "
            "FROM (SELECT deducted_fen FROM metering_usageday WHERE meter_id = %s AND deducted_fen IS NOT NULL "
            "ORDER BY day DESC LIMIT %s) d) WHERE meter_id = %s",
            (meter_id, MEAN_DAYS, meter_id),
        )


class Grown:
    """What days that are stored add to the days of all meters. Kept at the end of a transaction: whoever waits for one
    of these few rows holds nothing then that the other still needs.
    """

    def __init__(self) -> None:
        self._by_day: defaultdict[date, list[int]] = defaultdict(lambda: [0, 0, 0])

    def add(self, day: date, *, energy_wh: int = 0, deducted_fen: int = 0, meters: int = 0) -> None:
        for place, more in enumerate((energy_wh, deducted_fen, meters)):
            self._by_day[day][place] += more

    def keep(self) -> None:
        as_date = connection.ops.adapt_datefield_value
        rows = [(as_date(day), *more) for day, more in sorted(self._by_day.items()) if any(more)]
        with connection.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO metering_usageofall AS a (day, energy_wh, deducted_fen, meters) VALUES (%s, %s, %s, %s) "
                "ON CONFLICT (day) DO UPDATE SET energy_wh = a.energy_wh + excluded.energy_wh, "
                "deducted_fen = a.deducted_fen + excluded.deducted_fen, meters = a.meters + excluded.meters",
                rows,
            )
        self._by_day.clear()


def add_months(meter_id: int, days: Iterable[date]) -> None:
    """The months of these days of a meter are added up again."""
    for month in sorted({day.replace(day=1) for day in days}):
        _add_months("WHERE meter_id = %s AND day >= %s AND day < %s", (meter_id, month, _following(month)))


def keep_charged(meter_id: int, day: date, fen: int) -> None:
    """What the platform booked for a day is its money in every list and sum, whatever the meter counted by itself.

    In a transaction of the caller's.
    """
    mine = UsageDay.objects.filter(meter=meter_id, day=day)
    before_fen = mine.select_for_update().values_list("deducted_fen", flat=True).first() or 0
    mine.update(charged=True, deducted_fen=fen)
    add_months(meter_id, [day])
    mean_of(meter_id)
    grown = Grown()
    grown.add(day, deducted_fen=fen - before_fen)
    grown.keep()


def add_all() -> None:
    """Every month of every meter, and every day of all: for whoever stored days in bulk."""
    _add_months("", ())
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM metering_usageofall")
        cursor.execute(OF_ALL)


OF_ALL = """
    INSERT INTO metering_usageofall (day, energy_wh, deducted_fen, meters)
    SELECT day, SUM(energy_wh), COALESCE(SUM(deducted_fen), 0), COUNT(*) FROM metering_usageday GROUP BY day
"""


def _add_months(which: str, values: Sequence[int | date]) -> None:
    first = "date_trunc('month', day)::date" if connection.vendor == "postgresql" else "date(day, 'start of month')"
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO metering_usagemonth (meter_id, month, energy_wh, deducted_fen, days) "  # noqa: S608 - ours
            f"SELECT meter_id, {first}, SUM(energy_wh), SUM(deducted_fen), COUNT(*) FROM metering_usageday "
            # SQLite takes ON for a join without a WHERE before it
            f"{which or 'WHERE TRUE'} GROUP BY 1, 2 ON CONFLICT (meter_id, month) DO UPDATE SET "
            "energy_wh = excluded.energy_wh, deducted_fen = excluded.deducted_fen, days = excluded.days",
            values,
        )


def _following(month: date) -> date:
    return (month + timedelta(days=31)).replace(day=1)


@transaction.atomic
def take_load(*, now: datetime) -> int:
    """Write down every building's load, once a quarter of an hour. Returns how many buildings were new in it."""
    start_ms = int(now.timestamp() * 1000) // QUARTER_MS * QUARTER_MS
    loads = MeterState.objects.filter(meter__active=True, lost=False, power_w__isnull=False).order_by()
    place = Case(
        When(meter__room__isnull=True, then=Value(NO_ROOM)),
        default=F("meter__room__floor__building"),
        output_field=IntegerField(),
    )
    rows = loads.values_list(place).annotate(total=Sum(F("power_w") * ratio_in("meter__")))
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO metering_quarter (start_ms, place, power_w) VALUES (%s, %s, %s) "
            "ON CONFLICT (start_ms, place) DO NOTHING",
            [(start_ms, where, int(total)) for where, total in rows],
        )
    return len(rows)
