"""Readings into the database: whole numbers, in bulk, each (meter, time) once however often it comes.

Looks that show the same values share a `Shape`, which knows its SQL. SQLite takes executemany; PostgreSQL takes COPY
straight into the table, and only when a row is there already (a batch came twice) an INSERT that ignores it.
"""

# ruff: noqa: S608 - every name that goes into SQL text here is a constant of this package

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from operator import itemgetter

from django.db import IntegrityError, connection, transaction

from prewatt.domain.control.models import SETTING_NAMES
from prewatt.domain.metering.models import STATE_COLUMNS, MeterState

READING_COLUMNS: dict[str, str] = {
    # value on the link -> column of Reading
    "energy_wh": "energy_wh",
    "energy_sharp_wh": "energy_sharp_wh",
    "energy_peak_wh": "energy_peak_wh",
    "energy_flat_wh": "energy_flat_wh",
    "energy_valley_wh": "energy_valley_wh",
    "energy_deep_wh": "energy_deep_wh",
    "bought_fen": "bought_fen",
    "balance_fen": "balance_fen",
    "overdraft_fen": "overdraft_fen",
    "purchase_count": "purchase_count",
    "power_w": "power_w",
    "current_a_a": "current_a_ma",
    "current_b_a": "current_b_ma",
    "current_c_a": "current_c_ma",
    "voltage_a_v": "voltage_a_dv",
    "voltage_b_v": "voltage_b_dv",
    "voltage_c_v": "voltage_c_dv",
    "power_factor": "power_factor_e3",
}
NEVER_MS = 2**62
_EIGHT, _FOUR, _TWO = 2**63, 2**31, 2**15
_NARROW: dict[str, int] = {
    **dict.fromkeys((name for name in STATE_COLUMNS if name.startswith("voltage_")), _TWO),
    **dict.fromkeys(("relay_closed", "relay_command", "forced", "prepaid_open", "state_arrears"), _TWO),
    **dict.fromkeys(("state_alarm1", "state_alarm2", "state_overload"), _TWO),
    **dict.fromkeys(("balance_fen", "overdraft_fen", "purchase_count", "frequency_hz"), _FOUR),
    **dict.fromkeys((name for name in STATE_COLUMNS if name.startswith(("power_", "current_"))), _FOUR),
    "power_factor": _TWO,
}
Row = tuple[int, ...]
_Values = Mapping[str, int]


class Shape:
    """Which values a look shows, and how such looks go into the tables."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self.full = "energy_wh" in names
        # Settings come with orders, and once a day with a full look; alarm amounts alone come with every full look.
        self.settings = not set(SETTING_NAMES).isdisjoint(names) if not self.full else "price_flat_e4" in names
        kept = [name for name in READING_COLUMNS if name in names]
        shown = [name for name in STATE_COLUMNS if name in names]
        self.values = _picker(kept)
        self.state_values = _picker(shown)
        self.columns = ", ".join(["meter_id", "taken_ms", *(READING_COLUMNS[name] for name in kept)])
        self.state_columns = [STATE_COLUMNS[name] for name in shown]
        self.width = 2 + len(kept)
        self.line = "\t".join(["%d"] * self.width) + "\n"


def _picker(names: Sequence[str]) -> Callable[[_Values], Row]:
    if len(names) > 1:
        return itemgetter(*names)
    return lambda values: tuple(values[name] for name in names)


@lru_cache(maxsize=1024)
def shape(names: tuple[str, ...]) -> Shape:
    return Shape(names)


def fits(values: _Values) -> bool:
    """Whether the columns can hold all of it. SQLite would take more; both refuse alike."""
    return all(-_NARROW.get(name, _EIGHT) <= value < _NARROW.get(name, _EIGHT) for name, value in values.items())


def insert(kind: Shape, rows: Sequence[Row]) -> int:
    """How many were new. Inside the caller's transaction. Raises DataError when a number does not fit its column."""
    if not rows:
        return 0
    return _copy(kind, rows) if connection.vendor == "postgresql" else _executemany(kind, rows)


def _executemany(kind: Shape, rows: Sequence[Row]) -> int:
    marks = ", ".join(["?"] * kind.width)
    with connection.cursor() as cursor:
        raw = cursor.connection.cursor()  # Django's wrapper rewrites every statement's marks; this is the hot path
        try:
            raw.executemany(
                f"INSERT INTO metering_reading ({kind.columns}) VALUES ({marks}) "
                "ON CONFLICT (meter_id, taken_ms) DO NOTHING",
                rows,
            )
            return int(raw.rowcount)
        finally:
            raw.close()


def _copy(kind: Shape, rows: Sequence[Row]) -> int:
    line = kind.line
    text = "".join([line % row for row in rows])
    command = f"COPY metering_reading ({kind.columns}) FROM STDIN"
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            with connection.wrap_database_errors, cursor.copy(command) as copy:
                copy.write(text)
            return len(rows)
    except IntegrityError:  # COPY knows no "on conflict": some of them are there already
        return _insert_missing(kind, rows)


def _insert_missing(kind: Shape, rows: Sequence[Row]) -> int:
    arrays, marks = _arrays(rows)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO metering_reading ({kind.columns}) SELECT * FROM unnest({marks}) "
            "ON CONFLICT (meter_id, taken_ms) DO NOTHING",
            arrays,
        )
        return int(cursor.rowcount)


def _arrays(rows: Iterable[Sequence[int]]) -> tuple[list[str], str]:
    """The columns as PostgreSQL arrays, and the marks that take them: one short statement for any number of rows."""
    arrays = ["{" + ",".join(map(str, column)) + "}" for column in zip(*rows, strict=True)]
    return arrays, ", ".join(["%s::bigint[]"] * len(arrays))


# (meter id, its newest look in ms, its newest full look in ms or 0, values)
Newest = tuple[int, int, int, _Values]


def newest(states: Iterable[Newest], *, fresh_ms: int) -> None:
    """Bring each meter's state up to date. A value that was not shown stays; an older look changes nothing.

    A look since `fresh_ms` proves that the meter is not lost.
    """
    groups: dict[Shape, list[Newest]] = {}
    for state in states:
        groups.setdefault(shape(tuple(state[3])), []).append(state)
    for kind, members in groups.items():
        rows = [(*state[:3], *kind.state_values(state[3])) for state in sorted(members, key=itemgetter(0))]
        if connection.vendor == "postgresql":
            _upsert_together(kind, rows, fresh_ms)
        else:
            _upsert_each(kind, rows, fresh_ms)


def _upsert_together(kind: Shape, rows: Sequence[Row], fresh_ms: int) -> None:
    arrays, marks = _arrays(rows)
    table = ", ".join(f"v{place}" for place in range(3 + len(kind.state_columns)))
    values = "".join(f", v{place}" for place in range(3, 3 + len(kind.state_columns)))
    source = (
        f"SELECT v0, to_timestamp(v1 / 1000.0), to_timestamp(nullif(v2, 0) / 1000.0), false, ''{values} "
        f"FROM unnest({marks}) AS v({table})"
    )
    with connection.cursor() as cursor:
        cursor.execute(_upsert(kind, source, "to_timestamp(%s / 1000.0)"), [*arrays, fresh_ms, fresh_ms])


def _upsert_each(kind: Shape, rows: Sequence[Row], fresh_ms: int) -> None:
    source = f"VALUES (%s, %s, %s, false, ''{', %s' * len(kind.state_columns)})"
    fresh = _text(fresh_ms)
    with connection.cursor() as cursor:
        cursor.executemany(
            _upsert(kind, source, "%s"),
            [(row[0], _text(row[1]), _text(row[2]), *row[3:], fresh, fresh) for row in rows],
        )


def _text(at_ms: int) -> str | None:
    """As Django keeps a time in SQLite."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).replace(tzinfo=None).isoformat(" ") if at_ms else None


def _upsert(kind: Shape, source: str, fresh: str) -> str:
    old = "metering_meterstate"
    changes = [
        "taken_at = excluded.taken_at",
        f"energy_at = COALESCE(excluded.energy_at, {old}.energy_at)",
        f"lost = CASE WHEN excluded.taken_at >= {fresh} THEN false ELSE {old}.lost END",
        f"lost_since = CASE WHEN excluded.taken_at >= {fresh} THEN NULL ELSE {old}.lost_since END",
        *(f"{column} = excluded.{column}" for column in kind.state_columns),
    ]
    names = ", ".join(["meter_id", "taken_at", "energy_at", "lost", "last_error", *kind.state_columns])
    return (
        f"INSERT INTO {old} ({names}) {source} ON CONFLICT (meter_id) DO UPDATE SET {', '.join(changes)} "
        f"WHERE {old}.taken_at IS NULL OR excluded.taken_at > {old}.taken_at"
    )


def ensure_states(meter_ids: Iterable[int]) -> None:
    """A row of state for meters that were never read."""
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO metering_meterstate (meter_id, lost, last_error) VALUES (%s, %s, '') "
            "ON CONFLICT (meter_id) DO NOTHING",
            [(meter_id, False) for meter_id in sorted(meter_ids)],
        )


def write_health(states: Iterable[MeterState]) -> None:
    """What is known of the line to each meter, in one round trip. Call with the rows held."""
    as_kept = connection.ops.adapt_datetimefield_value
    with connection.cursor() as cursor:
        cursor.executemany(
            "UPDATE metering_meterstate SET lost = %s, lost_since = %s, last_answer_at = %s, last_error = %s "
            "WHERE meter_id = %s",
            [
                (one.lost, as_kept(one.lost_since), as_kept(one.last_answer_at), one.last_error, one.pk)
                for one in states
            ],
        )


def mark_dirty(since: Mapping[int, int]) -> None:
    """{meter id: earliest new reading in ms}: hours and days from there on are closed again.

    What is marked already is only locked, not written: whoever closes waits for this transaction and sees its rows.
    """
    if not since:
        return
    meter_ids = sorted(since)
    marks = ", ".join(["%s"] * len(meter_ids))
    lock = " ORDER BY meter_id FOR UPDATE" if connection.vendor == "postgresql" else ""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT meter_id, since_ms, days_since_ms FROM metering_dirty WHERE meter_id IN ({marks}){lock}", meter_ids
        )
        known = {meter_id: max(hours, days) for meter_id, hours, days in cursor.fetchall()}
        late = [(pk, since[pk], since[pk]) for pk in meter_ids if pk not in known or since[pk] < known[pk]]
        if late:
            cursor.executemany(_MARK.format(least="LEAST" if lock else "MIN"), late)


_MARK = (
    "INSERT INTO metering_dirty (meter_id, since_ms, days_since_ms) VALUES (%s, %s, %s) "
    "ON CONFLICT (meter_id) DO UPDATE SET "
    "since_ms = {least}(metering_dirty.since_ms, excluded.since_ms), "
    "days_since_ms = {least}(metering_dirty.days_since_ms, excluded.days_since_ms)"
)
