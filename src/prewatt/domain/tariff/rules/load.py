"""A load as CSV: when, how much, and in which band if the meter counted by bands. The columns: docs/tariffs.md."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from prewatt.domain.tariff.rules.timeline import Interval, seconds
from prewatt.units.values import Energy, UnitError

ROWS_MAX = 2_000_000
CHARACTERS_MAX = 2_000  # of a line
MINUTES_MAX = 366 * 24 * 60
COLUMNS = ("start", "end", "minutes", "kwh", "wh", "band")


class BadLoad(ValueError):
    """The file is not a load. `line` counts from 1, its heading included; the same file fails again."""

    def __init__(self, line: int, text: str) -> None:
        self.line, self.text = line, text
        super().__init__(f"line {line}: {text}")


@dataclass(frozen=True, slots=True)
class _Form:
    """Where each column stands (None where there is none), the clock of the times, and how long intervals last."""

    zone: ZoneInfo
    lasting_s: int
    start: int
    end: int | None
    minutes: int | None
    kwh: int | None
    wh: int | None
    band: int | None
    count: int


def read_load(lines: Iterable[str], *, zone: str, minutes: int | None = None) -> list[Interval]:
    """The intervals of a CSV file with a heading. Times without an offset are on the plan's clock.

    `minutes` is how long each lasts where no column says so. Raises BadLoad at the first line that is wrong.
    """
    rows = csv.reader(_bounded(lines), strict=True)
    try:
        return list(_intervals(rows, _heading(next(rows, []), ZoneInfo(zone), minutes)))
    except csv.Error as error:
        raise BadLoad(rows.line_num, f"is not CSV: {error}") from error


def _bounded(lines: Iterable[str]) -> Iterator[str]:
    for number, line in enumerate(lines, start=1):
        if len(line) > CHARACTERS_MAX:
            raise BadLoad(number, f"is longer than {CHARACTERS_MAX} characters")
        if number > ROWS_MAX + 1:
            raise BadLoad(number, f"is more than {ROWS_MAX} rows; price the file in parts")
        yield line.removeprefix("\ufeff") if number == 1 else line


def _heading(cells: list[str], zone: ZoneInfo, minutes: int | None) -> _Form:
    names = [cell.strip().lower() for cell in cells]
    unknown = [name for name in names if name not in COLUMNS]
    if not names or unknown or len(set(names)) != len(names):
        raise BadLoad(1, f"must name the columns, of {', '.join(COLUMNS)}, each once; found {', '.join(names)[:200]!r}")
    if "start" not in names:
        raise BadLoad(1, "needs the column start")
    if ("kwh" in names) == ("wh" in names):
        raise BadLoad(1, "needs one of the columns kwh and wh")
    lasting = [name for name in ("end", "minutes") if name in names] + (["--minutes"] if minutes else [])
    if len(lasting) != 1:
        raise BadLoad(1, "needs one way to tell when an interval ends: the column end, the column minutes or --minutes")
    where = {name: names.index(name) for name in names}
    rest = {name: where.get(name) for name in COLUMNS[1:]}
    return _Form(zone, 60 * (minutes or 0), start=where["start"], count=len(names), **rest)


def _intervals(rows: Iterator[list[str]], form: _Form) -> Iterator[Interval]:
    for number, cells in enumerate(rows, start=2):
        if not cells:
            continue
        if len(cells) != form.count:
            raise BadLoad(number, f"has {len(cells)} cells, its heading {form.count}")
        start = _instant(number, cells[form.start], form.zone)
        end = _end(number, cells, form, start)
        if end <= start:
            raise BadLoad(number, "ends before it begins, or lasts no time")
        band = cells[form.band].strip() or None if form.band is not None else None
        yield Interval(start, end, _energy(number, cells, form), band)


def _end(number: int, cells: list[str], form: _Form, start: int) -> int:
    if form.end is not None:
        return _instant(number, cells[form.end], form.zone)
    if form.minutes is None:
        return start + form.lasting_s
    text = cells[form.minutes].strip()
    if not text.isascii() or not text.isdigit() or not 0 < int(text[:9]) <= MINUTES_MAX:
        raise BadLoad(number, f"{text[:40]!r} is not a whole number of minutes up to {MINUTES_MAX}")
    return start + 60 * int(text)


def _energy(number: int, cells: list[str], form: _Form) -> int:
    text = cells[form.wh if form.kwh is None else form.kwh].strip()  # type: ignore[index] # one of the two
    try:
        energy = Energy.parse_kwh(text) if form.kwh is not None else Energy(_whole(text))
    except UnitError:
        unit = "kWh with at most three decimals" if form.kwh is not None else "whole Wh"
        raise BadLoad(number, f"{text[:40]!r} is not {unit}; a gap is a line left out") from None
    if energy.wh < 0:
        raise BadLoad(number, f"{text[:40]!r} is below zero")
    return energy.wh


def _whole(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 15:
        raise UnitError("not whole Wh")
    return int(text)


def _instant(number: int, text: str, zone: ZoneInfo) -> int:
    """A time with its offset, or on the plan's clock where it is no doubtful hour of that clock."""
    try:
        read = datetime.fromisoformat(text.strip())
    except ValueError:
        raise BadLoad(number, f"{text[:40]!r} is no time such as 2026-01-31T13:30") from None
    if read.microsecond:
        raise BadLoad(number, f"{text[:40]!r} is no whole second")
    if read.tzinfo is None:
        first, second = (read.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
        if first.utcoffset() != second.utcoffset():
            raise BadLoad(number, f"{text[:40]!r} is left out or comes twice on that day's clock: give it its offset")
        read = first
    if not timedelta(days=1) < read.replace(tzinfo=None) - datetime.min < timedelta(days=3_650_000):  # noqa: DTZ901
        raise BadLoad(number, f"{text[:40]!r} is no year that can be priced")
    return seconds(read)
