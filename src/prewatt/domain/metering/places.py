"""What was used where: one row for each meter, room, floor … made, sorted and added up by the database.

Ten thousand meters of a year are too many to be handled one by one for the fifty rows that a page shows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from django.db import connection

from prewatt.domain.metering.scope import Scope, everything, meters
from prewatt.domain.metering.usage import Days, Row, Sums, pieces

if TYPE_CHECKING:
    from prewatt.domain.staff.models import Operator


class By(StrEnum):
    TIME = "time"
    METER = "meter"
    ROOM = "room"
    FLOOR = "floor"
    AREA = "area"
    BUILDING = "building"
    USE = "use"
    TENANT = "tenant"  # `tenants.by_tenant`: no place, it moves


class Place(NamedTuple):
    """Where a meter hangs, as far as it hangs anywhere. Two rooms of one name are two by their building and floor."""

    building: str = ""
    floor: str = ""
    area: str = ""
    room: str = ""
    number: str = ""
    use: str = ""
    floor_number: int = 0
    meter: int = 0


_COLUMNS: Mapping[str, str] = {
    "building": "COALESCE(b.name, '')",
    "floor": "COALESCE(NULLIF(f.name, ''), CAST(f.number AS VARCHAR(8)) || 'F', '')",
    "area": "COALESCE(a.name, '')",
    "room": "COALESCE(r.number, '')",
    "number": "m.number",
    "use": "COALESCE(NULLIF(o.use, ''), r.use, '')",  # what the account says goes before what the room says
    "floor_number": "COALESCE(f.number, 0)",
    "meter": "m.id",
}
_TOLD: Mapping[By, Sequence[str]] = {
    By.METER: Place._fields,
    By.ROOM: ("building", "floor", "area", "room", "floor_number"),
    By.FLOOR: ("building", "floor", "floor_number"),
    By.AREA: ("building", "area"),
    By.BUILDING: ("building",),
    By.USE: ("use",),
}
_TEXTS = frozenset(name for name, empty in Place._field_defaults.items() if empty == "")
_PLACED = ("building", "floor_number", "room", "number", "area", "use")
ORDERS: Mapping[str, Sequence[str]] = {
    "place": _PLACED,
    "change": ("wh - earlier",),
    "change_part": ("CAST(wh - earlier AS DOUBLE PRECISION) / NULLIF(earlier, 0)",),
    **{name: (name,) for name in ("building", "floor", "area", "room", "use", "wh", "fen", "days", "earlier")},
}

_STATEMENT = """
WITH used AS (
    SELECT meter_id, SUM(wh) AS wh, SUM(fen) AS fen, SUM(days) AS days, SUM(earlier) AS earlier
    FROM ({parts}) every GROUP BY meter_id
), placed AS (
    SELECT {told}, CAST(SUM(u.wh) AS BIGINT) AS wh, CAST(COALESCE(SUM(u.fen), 0) AS BIGINT) AS fen,
           CAST(SUM(u.days) AS BIGINT) AS days, CAST(SUM(u.earlier) AS BIGINT) AS earlier
    FROM used u JOIN estate_meter m ON m.id = u.meter_id
    LEFT JOIN estate_room r ON r.id = m.room_id LEFT JOIN estate_area a ON a.id = r.area_id
    LEFT JOIN estate_floor f ON f.id = r.floor_id LEFT JOIN estate_building b ON b.id = f.building_id
    {account} GROUP BY {told_at}
)
SELECT * FROM placed ORDER BY {order}
"""
_ACCOUNT = "LEFT JOIN estate_opening o ON o.meter_id = m.id AND o.closed_at IS NULL"
_MONTHS = "SELECT meter_id, {columns} FROM metering_usagemonth WHERE month BETWEEN %s AND %s{mine}"
_DAYS = "SELECT meter_id, {columns} FROM metering_usageday WHERE day BETWEEN %s AND %s{mine}"
_NOW = "energy_wh AS wh, deducted_fen AS fen, {days} AS days, 0 AS earlier"
_EARLIER = "0 AS wh, 0 AS fen, 0 AS days, energy_wh AS earlier"

Part = tuple[str, Sequence[Any]]  # a statement and its values


@dataclass(frozen=True)
class Places:
    """A row for each meter, room … that has a closed day in either span. Read once, when something is first asked."""

    by: By
    parts: Sequence[Part]
    compared: bool
    order: Sequence[str] = field(default=("place",))

    def order_by(self, *names: str) -> Places:
        """By names of `ORDERS`, falling with "-" in front; after them by place."""
        return replace(self, order=(*names, "place"))

    @cached_property
    def _found(self) -> list[tuple[Any, ...]]:
        told = _TOLD[self.by]
        statement = _STATEMENT.format(
            parts=" UNION ALL ".join(text for text, _values in self.parts),
            told=", ".join(f"{_COLUMNS[name]} AS {name}" for name in told),
            told_at=", ".join(str(at) for at, _name in enumerate(told, start=1)),
            account=_ACCOUNT if "use" in told else "",
            order=", ".join(_order(name, told) for name in self.order),
        )
        with connection.cursor() as cursor:
            cursor.execute(statement, [value for _text, values in self.parts for value in values])
            return list(cursor.fetchall())

    @cached_property
    def whole_wh(self) -> int:
        return sum(int(row[-4]) for row in self._found)

    def count(self) -> int:
        return len(self._found)

    def __len__(self) -> int:
        return len(self._found)

    def __iter__(self) -> Iterator[Row]:
        return map(self._row, self._found)

    def __getitem__(self, part: slice) -> list[Row]:
        return [self._row(row) for row in self._found[part]]

    def _row(self, found: tuple[Any, ...]) -> Row:
        *names, wh, fen, days, earlier = found
        key = Place(**dict(zip(_TOLD[self.by], names, strict=True)))
        return Row(key, Sums(wh, fen, days), earlier if self.compared else None)


def _order(name: str, told: Sequence[str]) -> str:
    falling = name.startswith("-")
    way = "DESC NULLS LAST" if falling else "ASC NULLS FIRST"
    wanted = [one for one in ORDERS[name.removeprefix("-")] if one in told or one not in Place._fields]
    return ", ".join(f"{_sorted(one)} {way}" for one in wanted) or "1"


def _sorted(name: str) -> str:
    """Text by its signs' numbers, as SQLite has it: the order is the same on each database, and quicker made."""
    return f'{name} COLLATE "C"' if name in _TEXTS and connection.vendor == "postgresql" else name


def by_place(*, operator: Operator, scope: Scope, by: By, days: Days, against: Days | None, newest: date) -> Places:
    """`by` is a place, neither TIME nor TENANT. `newest` is the last closed day."""
    mine: Part = ("", ())
    if not everything(operator, scope):
        inner, values = meters(operator=operator, scope=scope).values("pk").query.sql_with_params()
        mine = (f" AND meter_id IN ({inner})", values)
    parts = [*_parts(days, newest, _NOW, mine), *(_parts(against, newest, _EARLIER, mine) if against else ())]
    return Places(by, parts, against is not None)


def _parts(span: Days, newest: date, columns: str, mine: Part) -> Iterator[Part]:
    cut = pieces(span, newest)
    which, values = mine
    if cut.months:
        yield _MONTHS.format(columns=columns.format(days="days"), mine=which), (*map(_day, cut.months), *values)
    for days in cut.days:
        edges = (_day(days.first), _day(days.last))
        yield _DAYS.format(columns=columns.format(days="1"), mine=which), (*edges, *values)


def _day(day: date) -> Any:
    return connection.ops.adapt_datefield_value(day)
