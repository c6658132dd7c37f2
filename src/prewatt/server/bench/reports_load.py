"""A large site's past, written straight into the tables: years of days, weeks of hours and raw readings, and sales.

The estate is `demo --scale`'s. Everything older than its few weeks is derived from each meter's yesterday by one
statement a day, so that the database makes the rows. The same statements run on SQLite and PostgreSQL.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.db import connection, transaction

from prewatt.domain.estate.models import Meter, Opening
from prewatt.domain.metering import sums
from prewatt.domain.metering.models import Reading, UsageDay, UsageHour
from prewatt.domain.metering.queries import today, zone
from prewatt.domain.staff.models import Operator
from prewatt.domain.vending.models import Sale, Series
from prewatt.server.demo import scale

DAY = timedelta(days=1)
HOUR_MS = 3_600_000
SERIES = "PAST"
SALES_A_MONTH = 2
GROUPS = 10  # so many moments of each half month, so that not everybody buys at once
TENDERS = ("wechat", "alipay", "cash", "card", "transfer")

Say = Callable[[str, int, int], None]  # what is being loaded, how far, of how many


@dataclass(frozen=True, slots=True)
class Size:
    """How much past. `hours_days` and `readings_days` count back from today."""

    meters: int
    years: int
    hours_days: int = 60
    readings_days: int = 7
    readings_every_min: int = 15


def load(size: Size, *, now: datetime, seller: Operator, say: Say = lambda _what, _done, _all: None) -> dict[str, int]:
    """Load the site. Returns how many rows of each kind there are."""
    say("estate", 0, 1)
    scale.load(meters=size.meters, now=now, seller=seller)
    _hurry()
    _base(today(now))
    days = _days(size, now, say)
    hours = _hours(size, now, say)
    readings = _readings(size, now, say)
    sales = _sales(size, now, seller, say)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return {"meters": size.meters, "days": days, "hours": hours, "readings": readings, "sales": sales}


def counted() -> dict[str, int]:
    """How many rows there are in a database that is loaded already; nothing if it is not."""
    if not Series.objects.filter(code=SERIES).exists():
        return {}
    days, hours, readings = UsageDay.objects.count(), UsageHour.objects.count(), Reading.objects.count()
    meters, sales = Meter.objects.count(), Sale.objects.count()
    return {"meters": meters, "days": days, "hours": hours, "readings": readings, "sales": sales}


def _hurry() -> None:
    """A loaded site that is lost in a power cut is loaded again."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET synchronous_commit = off")
        elif not connection.in_atomic_block:
            cursor.execute("PRAGMA synchronous = OFF")


def _do(statement: str, values: list[Any]) -> int:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, values)
        return int(cursor.rowcount)


def _base(this_day: date) -> None:
    """Each meter's yesterday, which every other day resembles."""
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS bench_base")
        cursor.execute(
            "CREATE TEMPORARY TABLE bench_base (meter_id BIGINT PRIMARY KEY, ct BIGINT, wh BIGINT, register_wh BIGINT)"
        )
        cursor.execute(
            "INSERT INTO bench_base SELECT d.meter_id, m.ct_ratio, d.energy_wh, s.energy_wh FROM metering_usageday d"
            " JOIN estate_meter m ON m.id = d.meter_id JOIN metering_meterstate s ON s.meter_id = d.meter_id"
            " WHERE d.day = %s",
            [_day(this_day - DAY)],
        )
        cursor.execute("ANALYZE bench_base")


def _day(day: date) -> Any:
    return connection.ops.adapt_datefield_value(day)


def _moment(at: datetime) -> Any:
    return connection.ops.adapt_datetimefield_value(at)


def _begins_ms(day: date) -> int:
    return int(datetime.combine(day, datetime.min.time(), zone()).astimezone(UTC).timestamp() * 1000)


_DAYS = """
INSERT INTO metering_usageday (meter_id, day, energy_wh, energy_sharp_wh, energy_peak_wh, energy_flat_wh,
    energy_valley_wh, energy_deep_wh, deducted_fen, first_ms, last_ms, gap_s_max, closed_at, version, posted_version)
SELECT d.meter_id, %s, d.wh, 0, d.wh * 4 / 10, d.wh * 4 / 10, d.wh - d.wh * 4 / 10 * 2, 0, d.wh * 85 / 1000,
       %s, %s, 1800, %s, 1, 1
FROM (SELECT b.meter_id, b.wh * (70 + (b.meter_id * 3 + %s * 11) %% 61) / 100 AS wh FROM bench_base b) d
"""


def _days(size: Size, now: datetime, say: Say) -> int:
    this_day, last, made = today(now), 365 * size.years, 0
    for back in range(scale.DAYS + 1, last + 1):
        day = this_day - DAY * back
        made += _do(_DAYS, [_day(day), _begins_ms(day), _begins_ms(day + DAY), _moment(now), back])
        say("days", back, last)
    sums.add_all()
    return made + size.meters * scale.DAYS


_HOURS = """
WITH RECURSIVE hour(h) AS (SELECT 0 UNION ALL SELECT h + 1 FROM hour WHERE h < 23)
INSERT INTO metering_usagehour (meter_id, start_ms, energy_wh, filled)
SELECT b.meter_id, %s + h.h * 3600000, b.wh * (50 + (b.meter_id * 7 + h.h * 13 + %s) %% 101) / 2400, FALSE
FROM bench_base b CROSS JOIN hour h
"""
_SUMS = """
INSERT INTO metering_buildinghour (start_ms, place, energy_wh)
SELECT u.start_ms, f.building_id, SUM(u.energy_wh) FROM metering_usagehour u JOIN estate_meter m ON m.id = u.meter_id
JOIN estate_room r ON r.id = m.room_id JOIN estate_floor f ON f.id = r.floor_id
WHERE u.start_ms >= %s AND u.start_ms < %s GROUP BY u.start_ms, f.building_id
"""


def _hours(size: Size, now: datetime, say: Say) -> int:
    this_day = today(now)
    for back in range(2, size.hours_days + 1):  # the scale's own are yesterday's and today's
        day = this_day - DAY * back
        _do(_HOURS, [_begins_ms(day), back])
        say("hours", back, size.hours_days)
    _do(_SUMS, [_begins_ms(this_day - DAY * size.hours_days), _begins_ms(this_day - DAY)])
    return size.meters * 24 * (size.hours_days - 1)


_READINGS = """
WITH RECURSIVE step(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM step WHERE i < %s)
INSERT INTO metering_reading (meter_id, taken_ms, energy_wh, energy_sharp_wh, energy_peak_wh, energy_flat_wh,
    energy_valley_wh, energy_deep_wh, balance_fen, overdraft_fen, purchase_count, power_w, power_factor_e3)
SELECT r.meter_id, %s + r.i * %s, r.wh, 0, r.wh * 4 / 10, r.wh * 4 / 10, r.wh - r.wh * 4 / 10 * 2, 0,
       10000 + (r.meter_id * 17 + r.i) %% 50000, 0, 3, r.power_w, 900 + r.i %% 100
FROM (SELECT b.meter_id, s.i, b.wh / 24 / b.ct AS power_w,
             b.register_wh - b.wh / b.ct * %s + b.wh / b.ct * s.i / %s AS wh
      FROM bench_base b CROSS JOIN step s) r
"""


def _readings(size: Size, now: datetime, say: Say) -> int:
    """Registers that grow evenly towards today's value, a statement for each day."""
    this_day = today(now)
    every_ms = size.readings_every_min * 60_000
    steps = 24 * HOUR_MS // every_ms
    for back in range(1, size.readings_days + 1):
        _do(_READINGS, [steps - 1, _begins_ms(this_day - DAY * back), every_ms, back, steps])
        say("readings", back, size.readings_days)
    return size.meters * steps * size.readings_days


_AMOUNT = "10000 * (1 + (o.id * 7 + {number} * 3) %% 20)"
_ORDERS = f"""
INSERT INTO dispatch_meterorder (id, meter_id, opening_id, kind, amount_fen, count, bought_before_fen, "values", state,
    reason, cause_kind, cause_id, placed_by_id, placed_at, ended_at, answered_at, before, after, writes)
SELECT 'past-' || o.id || '-{{number}}', o.meter_id, o.id, 'recharge', {_AMOUNT}, {{number}} + {scale.SALES}, 0,
       '{{{{}}}}', 'done', '', 'sale', 'past-' || o.id || '-{{number}}', %s, %s, %s, %s, '{{{{}}}}', '{{{{}}}}', 1
FROM estate_opening o WHERE o.closed_at IS NULL AND o.id %% {GROUPS} = %s
"""  # noqa: S608 - our own text
_SALES = f"""
INSERT INTO vending_sale (id, series, number, opening_id, meter_id, customer_id, operator_id, amount_fen, tender, first,
    sold_at, business_day, order_id, state, state_at, reason)
SELECT 'past-' || o.id || '-{{number}}', '{SERIES}', %s + ROW_NUMBER() OVER (ORDER BY o.id), o.id, o.meter_id,
       o.customer_id, %s, {_AMOUNT}, %s, FALSE, %s, %s, 'past-' || o.id || '-{{number}}', 'arrived', %s, ''
FROM estate_opening o WHERE o.closed_at IS NULL AND o.id %% {GROUPS} = %s
"""  # noqa: S608 - our own text
_BOUGHT = f"""
UPDATE metering_meterstate SET purchase_count = purchase_count + %s, bought_fen = bought_fen + (
    SELECT COALESCE(SUM(s.amount_fen), 0) FROM vending_sale s
    WHERE s.meter_id = metering_meterstate.meter_id AND s.series = '{SERIES}')
WHERE prepaid_open = 1
"""  # noqa: S608 - our own text


def _sales(size: Size, now: datetime, seller: Operator, say: Say) -> int:
    """SALES_A_MONTH for each account, older than the estate's own; receipts without gaps, and the money of each."""
    steps, made = size.years * 12 * SALES_A_MONTH, 0
    Opening.objects.filter(closed_at__isnull=True).update(opened_at=now - DAY * (365 * size.years + 1))
    for number in range(1, steps + 1):
        half_month = now - DAY * (scale.DAYS + (steps - number) * (365 * size.years - scale.DAYS) // steps)
        for group in range(GROUPS):
            made += _sold(half_month - timedelta(hours=group * 5), number, group, made, seller)
        say("sales", number, steps)
    Series.objects.create(code=SERIES, last=made)
    say("money", 0, 1)
    with transaction.atomic():
        scale.book(SERIES)
    _do(_BOUGHT, [steps])
    say("money", 1, 1)
    return Sale.objects.count()


def _sold(at: datetime, number: int, group: int, before: int, seller: Operator) -> int:
    sold, ended, answered = (_moment(at + timedelta(seconds=later)) for later in (0, 4, 3))
    _do(_ORDERS.format(number=number), [seller.pk, sold, ended, answered, group])
    tender = TENDERS[(number + group) % len(TENDERS)]
    values = [before, seller.pk, tender, sold, _day(today(at)), ended, group]
    return _do(_SALES.format(number=number), values)
