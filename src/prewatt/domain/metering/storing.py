"""Readings into the database: whole numbers, in bulk, each (meter, time) once however often it comes.

PostgreSQL takes COPY into a staging table and one INSERT; SQLite takes executemany. Both ignore what is there already.
"""

# ruff: noqa: S608 - every name that goes into SQL text here is a constant of this module

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.db import connection

from prewatt.domain.metering.models import STATE_COLUMNS

READING_COLUMNS = (
    "energy_wh",
    "energy_sharp_wh",
    "energy_peak_wh",
    "energy_flat_wh",
    "energy_valley_wh",
    "energy_deep_wh",
    "balance_fen",
    "overdraft_fen",
    "bought_fen",
    "purchase_count",
    "power_w",
    "relay_closed",
)
_ALL = ("meter_id", "taken_ms", *READING_COLUMNS)
_NAMES = ", ".join(_ALL)
Row = tuple[int | None, ...]


def row(meter_id: int, taken_ms: int, values: Mapping[str, int]) -> Row:
    get = values.get
    return (meter_id, taken_ms, *map(get, READING_COLUMNS))


def insert(rows: Sequence[Row]) -> int:
    """How many were new. Inside the caller's transaction."""
    if not rows:
        return 0
    return _copy(rows) if connection.vendor == "postgresql" else _executemany(rows)


def _executemany(rows: Sequence[Row]) -> int:
    marks = ", ".join(["?"] * len(_ALL))
    with connection.cursor() as cursor:
        raw = cursor.connection.cursor()  # Django's wrapper rewrites every statement's marks; this is the hot path
        try:
            raw.executemany(f"INSERT OR IGNORE INTO metering_reading ({_NAMES}) VALUES ({marks})", rows)
            return int(raw.rowcount)
        finally:
            raw.close()


def _copy(rows: Sequence[Row]) -> int:
    text = "\n".join(["\t".join(["\\N" if cell is None else str(cell) for cell in line]) for line in rows]) + "\n"
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TEMPORARY TABLE IF NOT EXISTS metering_staging (LIKE metering_reading) ON COMMIT DELETE ROWS"
        )
        cursor.execute("ALTER TABLE metering_staging ALTER COLUMN id DROP NOT NULL")
        with cursor.copy(f"COPY metering_staging ({_NAMES}) FROM STDIN") as copy:
            copy.write(text)
        cursor.execute(
            f"INSERT INTO metering_reading ({_NAMES}) SELECT {_NAMES} FROM metering_staging "
            "ON CONFLICT (meter_id, taken_ms) DO NOTHING"
        )
        added = int(cursor.rowcount)
        cursor.execute("DELETE FROM metering_staging")
    return added


_COLUMNS = tuple(STATE_COLUMNS.values())
_NAMED = tuple(STATE_COLUMNS)
# A value that this look did not show keeps its older one. An older look changes nothing.
_UPDATE = (
    "UPDATE metering_meterstate SET taken_at = %s, "
    + ", ".join(f"{column} = COALESCE(%s, {column})" for column in _COLUMNS)
    + ", energy_at = COALESCE(%s, energy_at) WHERE meter_id = %s AND (taken_at IS NULL OR taken_at < %s)"
)


def newest(states: Iterable[tuple[int, Any, Mapping[str, int]]]) -> None:
    """Bring the state of each meter up to (meter_id, taken_at, values)."""
    lines = []
    for meter_id, taken_at, values in states:
        at = connection.ops.adapt_datetimefield_value(taken_at)
        energy_at = at if "energy_wh" in values else None
        lines.append((at, *(values.get(name) for name in _NAMED), energy_at, meter_id, at))
    if lines:
        with connection.cursor() as cursor:
            cursor.executemany(_UPDATE, lines)


def ensure_states(meter_ids: Iterable[int]) -> None:
    marks = [(meter_id, False, "") for meter_id in meter_ids]
    if marks:
        with connection.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO metering_meterstate (meter_id, lost, last_error) VALUES (%s, %s, %s) "
                "ON CONFLICT (meter_id) DO NOTHING",
                marks,
            )


def mark_dirty(since: Iterable[tuple[int, int]]) -> None:
    """(meter_id, earliest new reading in ms): hours and days from there on are closed again."""
    smaller = "LEAST" if connection.vendor == "postgresql" else "MIN"
    lines = [(meter_id, ms, ms) for meter_id, ms in since]
    if lines:
        with connection.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO metering_dirty (meter_id, since_ms, days_since_ms) VALUES (%s, %s, %s) "
                "ON CONFLICT (meter_id) DO UPDATE SET "
                f"since_ms = {smaller}(metering_dirty.since_ms, excluded.since_ms), "
                f"days_since_ms = {smaller}(metering_dirty.days_since_ms, excluded.days_since_ms)",
                lines,
            )
