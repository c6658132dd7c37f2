"""Tables as Excel files: real numbers and dates, a frozen head, and text that stays text whatever it begins with.

Above the head stands what the file is: its title, the filters and the order that were set, who took it and when.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import IO, Any

from django.db import connection, transaction
from django.http import FileResponse
from django.utils import timezone
from django.utils.translation import gettext as _

from prewatt.web.parts.formats import display_width, moment
from prewatt.web.parts.tables import Column, Table, show
from prewatt.web.parts.workbook import (
    BOLD,
    GREY,
    HEAD_LEFT,
    HEAD_RIGHT,
    PLAIN,
    TITLE,
    Facts,
    Workbook,
    cell,
    letter,
    writer,
)

ROWS_MAX = 1_048_000  # a sheet takes 1,048,576, with what stands above and below
CHUNK = 2000
SPOOL_BYTES = 4 * 1024 * 1024
HEAD_ROW = 5  # counted from 0: four lines about the file, an empty one, then the columns' names
WIDTHS = (8, 60)  # characters
WIDTH_ROWS = 200  # so many are looked at
TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_NOT_IN_A_NAME = re.compile(r"[\[\]:*?/\\]")

Progress = Callable[[int], None]  # told how many rows are written; may raise to stop


class TooManyRows(Exception):
    """More rows than one file takes. Narrow the filters; the same again does not help."""

    def __init__(self, count: int) -> None:
        super().__init__(
            _("%(count)d rows are more than one file takes (%(most)d). Choose fewer days and export again.")
            % {"count": count, "most": ROWS_MAX}
        )


def export(table: Table, *, file_name: str, now: datetime) -> FileResponse:
    """The table's columns and filters, all pages. Raises TooManyRows."""
    file = tempfile.SpooledTemporaryFile(max_size=SPOOL_BYTES)  # noqa: SIM115 - the response closes it
    with at_one_moment():
        write(file, table, now=now)
    file.seek(0)
    return FileResponse(file, as_attachment=True, filename=f"{file_name}.xlsx", content_type=TYPE)


def write(file: IO[bytes], table: Table, *, now: datetime, progress: Progress = lambda _done: None) -> None:
    """The whole workbook. Raises TooManyRows, and whatever `progress` raises."""
    if (count := table.page.paginator.count) > ROWS_MAX:
        raise TooManyRows(count)
    title = str(table.register.title)
    facts = Facts(title, str(table.operator), now)
    name = _NOT_IN_A_NAME.sub(" ", title)[:31].strip("'") or "1"
    book = Workbook(file, name=name, facts=facts, head_row=HEAD_ROW + 1, columns=len(table.columns))
    sheet = Sheet(book, table.columns)
    sheet.about(title, about(table, now=now))
    sheet.head()
    for done, row in enumerate(_every(table), start=1):
        sheet.row(row)
        if done % CHUNK == 0:
            progress(done)
    sheet.sums(table.sums())
    sheet.finish()


def about(table: Table, *, now: datetime) -> list[str]:
    """The lines below the title: filters, order, who and when."""
    return [
        *asked(table),
        _("%(count)s rows, exported at %(at)s by %(who)s")
        % {"count": f"{table.page.paginator.count:,}", "at": moment(now), "who": table.operator},
    ]


def asked(table: Table) -> list[str]:
    """What narrowed these rows and what ordered them, for whoever holds the sheet without the page."""
    sorted_by = next(one for one in table.register.columns if one.key == table.sort.removeprefix("-"))
    order = _("%(column)s, falling") if table.sort.startswith("-") else _("%(column)s, rising")
    return [
        _("Filters: %(filters)s") % {"filters": filters_text(table)},
        _("Sorted by: %(order)s") % {"order": order % {"column": sorted_by.title}},
    ]


def filters_text(table: Table) -> str:
    return "; ".join(f"{chip.title}: {chip.text}" for chip in table.chips()) or _("none")


class Sheet:
    """One sheet, written from top to bottom: what is above cannot be touched again."""

    def __init__(self, book: Workbook, columns: Sequence[Column]) -> None:
        self._book, self._columns, self._at = book, columns, 0
        self._letters = [letter(at) for at in range(len(columns))]
        self._cells = [
            (column.of, writer(self._letters[at], column.kind, PLAIN[column.kind], _naive))
            for at, column in enumerate(columns)
        ]
        self._wide = [0] * len(columns)

    def about(self, title: str, lines: Sequence[str]) -> None:
        for at, line in enumerate((title, *lines), start=1):
            self._book.row(at, [cell(f"A{at}", line, TITLE if at == 1 else GREY)])

    def head(self) -> None:
        self._at = HEAD_ROW + 1
        texts = [column.headed for column in self._columns]
        looks = [HEAD_RIGHT if column.right else HEAD_LEFT for column in self._columns]
        places = [f"{letters}{self._at}" for letters in self._letters]
        self._book.row(self._at, [cell(*one) for one in zip(places, texts, looks, strict=True)], height=20)
        self._wide = [
            max(column.width - 4, display_width(text[: WIDTHS[1]]))
            for column, text in zip(self._columns, texts, strict=True)
        ]

    def row(self, row: Any) -> None:
        self._at += 1
        values = [(of(row), made) for of, made in self._cells]
        cells = [made(value, self._at) for value, made in values if _is_there(value)]
        self._book.row(self._at, cells)
        measured = self._at - HEAD_ROW - 1
        if measured <= WIDTH_ROWS:
            self._measure([value for value, _made in values])
        if measured == WIDTH_ROWS:
            self._book.begin(self._widths())

    def _measure(self, values: Sequence[Any]) -> None:
        for at, (column, value) in enumerate(zip(self._columns, values, strict=True)):
            self._wide[at] = max(self._wide[at], display_width(show(value, column.kind)[: WIDTHS[1]]))

    def _widths(self) -> list[int]:
        return [min(WIDTHS[1], max(WIDTHS[0], wide + 3)) for wide in self._wide]

    def sums(self, sums: Mapping[str, int] | None) -> None:
        """The last line. Outside the range that Excel filters, and below rows only."""
        self._last = self._at
        if sums is None or self._at == HEAD_ROW + 1:
            return
        self._at += 1
        self._book.row(self._at, [self._sum(at, column, sums) for at, column in enumerate(self._columns)])
        self._measure([sums.get(column.key) for column in self._columns])

    def _sum(self, at: int, column: Column, sums: Mapping[str, int]) -> str:
        if column.key in sums:
            return writer(self._letters[at], column.kind, BOLD[column.kind], _naive)(sums[column.key], self._at)
        if at == 0:
            return cell(f"A{self._at}", _("Total"), BOLD["text"])
        return f'<c r="{self._letters[at]}{self._at}" s="{BOLD["text"]}"/>'

    def finish(self) -> None:
        self._book.close(self._widths(), self._last)


def _every(table: Table) -> Iterable[Any]:
    rows = table.ordered()
    return rows if isinstance(rows, list) else rows.iterator(chunk_size=CHUNK)


def _is_there(value: Any) -> bool:
    """None and an empty text are empty cells. A translated text is not asked: that would translate it once more."""
    return value is not None and (value.__class__ is not str or value != "")


def _naive(at: datetime) -> datetime:
    """A sheet knows no zone, and rounds what is less than a second."""
    return timezone.localtime(at).replace(tzinfo=None, microsecond=0)


@contextmanager
def at_one_moment() -> Iterator[None]:
    """All that is read inside is of one moment: the sums below belong to the rows above. Nobody is kept waiting."""
    if connection.in_atomic_block:  # a test's own transaction
        yield
    elif connection.vendor == "postgresql":
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            yield
    else:
        with connection.cursor() as cursor:
            cursor.execute("BEGIN DEFERRED")
        try:
            yield
        finally:
            with connection.cursor() as cursor:
                cursor.execute("COMMIT")
