"""Tables as Excel files: real numbers and dates, a frozen head, and text that stays text whatever it begins with.

Above the head stands what the file is: its title, the filters and the order that were set, who took it and when.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import islice
from typing import IO, Any
from unicodedata import east_asian_width

import xlsxwriter
from django.http import FileResponse
from django.utils import timezone
from django.utils.translation import gettext as _

from prewatt.web.parts.formats import moment
from prewatt.web.parts.tables import Column, Kind, Table, show

ROWS_MAX = 1_048_000  # a sheet takes 1,048,576, with what stands above and below
CHUNK = 2000
SPOOL_BYTES = 4 * 1024 * 1024
TEXT_MAX = 32_767  # letters a cell takes
HEAD_ROW = 5  # counted from 0: four lines about the file, an empty one, then the columns' names
WIDTHS = (8, 60)  # characters
WIDTH_ROWS = 200  # so many are looked at
TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
FORMATS: dict[Kind, dict[str, Any]] = {
    "text": {"indent": 1},  # away from the figure before it
    "money": {"num_format": "#,##0.00"},
    "energy": {"num_format": "#,##0.000"},
    "price": {"num_format": "0.0000"},
    "count": {"num_format": "#,##0"},
    "when": {"num_format": "yyyy-mm-dd hh:mm:ss", "align": "left", "indent": 1},
    "day": {"num_format": "yyyy-mm-dd", "align": "left", "indent": 1},
}
UNITS: dict[Kind, int] = {"money": 100, "energy": 1000, "price": 10_000, "count": 1}
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
    write(file, table, now=now)
    file.seek(0)
    return FileResponse(file, as_attachment=True, filename=f"{file_name}.xlsx", content_type=TYPE)


def write(file: IO[bytes], table: Table, *, now: datetime, progress: Progress = lambda _done: None) -> None:
    """The whole workbook. Raises TooManyRows, and whatever `progress` raises."""
    if (count := table.page.paginator.count) > ROWS_MAX:
        raise TooManyRows(count)
    options = {
        "constant_memory": True,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
        "default_date_format": "yyyy-mm-dd",
    }
    with xlsxwriter.Workbook(file, options) as book:
        title = str(table.register.title)
        book.set_properties({"title": title, "author": str(table.operator), "created": _naive(now)})
        sheet = Sheet(book, _NOT_IN_A_NAME.sub(" ", title)[:31], table.columns)
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
    sorted_by = next(one for one in table.register.columns if one.key == table.sort.removeprefix("-"))
    order = _("%(column)s, falling") if table.sort.startswith("-") else _("%(column)s, rising")
    return [
        _("Filters: %(filters)s") % {"filters": filters_text(table)},
        _("Sorted by: %(order)s") % {"order": order % {"column": sorted_by.title}},
        _("%(count)s rows, exported at %(at)s by %(who)s")
        % {"count": f"{table.page.paginator.count:,}", "at": moment(now), "who": table.operator},
    ]


def filters_text(table: Table) -> str:
    return "; ".join(f"{chip.title}: {chip.text}" for chip in table.chips()) or _("none")


@dataclass(slots=True)
class Sheet:
    """One sheet, written from top to bottom: what is above cannot be touched again."""

    book: Any
    name: str
    columns: Sequence[Column]
    at: int = 0
    _sheet: Any = field(init=False)
    _styles: dict[Kind, Any] = field(init=False)
    _bold: dict[Kind, Any] = field(init=False)
    _wide: list[int] = field(init=False)
    _last: int = field(init=False, default=HEAD_ROW)

    def __post_init__(self) -> None:
        self._sheet = self.book.add_worksheet(self.name)
        self._styles = {kind: self.book.add_format(looks) for kind, looks in FORMATS.items()}
        self._bold = {kind: self.book.add_format(looks | {"bold": True, "top": 1}) for kind, looks in FORMATS.items()}
        self._wide = [0] * len(self.columns)

    def about(self, title: str, lines: Sequence[str]) -> None:
        self._sheet.write_string(0, 0, title, self.book.add_format({"bold": True, "font_size": 14}))
        grey = self.book.add_format({"font_color": "#5f6b7a"})
        for at, line in enumerate(lines, start=1):
            self._sheet.write_string(at, 0, line[:TEXT_MAX], grey)

    def head(self) -> None:
        looks = {"bold": True, "bottom": 1, "bg_color": "#eef1f5", "text_wrap": True, "valign": "vcenter"}
        left, right = self.book.add_format(looks | {"indent": 1}), self.book.add_format(looks | {"align": "right"})
        for at, column in enumerate(self.columns):
            text = _title(column)
            self._sheet.write_string(HEAD_ROW, at, text, right if column.right else left)
            self._wide[at] = max(column.width - 4, _wide(text))
        self._sheet.freeze_panes(HEAD_ROW + 1, 0)
        self._sheet.repeat_rows(HEAD_ROW)
        self.at = HEAD_ROW

    def row(self, row: Any) -> None:
        self.at += 1
        measured = self.at <= HEAD_ROW + WIDTH_ROWS
        for at, column in enumerate(self.columns):
            value = column.of(row)
            _put(self._sheet, (self.at, at), value, column.kind, self._styles[column.kind])
            if measured:
                self._wide[at] = max(self._wide[at], _wide(show(value, column.kind)))

    def sums(self, sums: Mapping[str, int] | None) -> None:
        """The last line. Outside the range that Excel filters, and below rows only."""
        self._last = self.at
        if sums is None or self.at == HEAD_ROW:
            return
        self.at += 1
        for at, column in enumerate(self.columns):
            if column.key in sums:
                _put(self._sheet, (self.at, at), sums[column.key], column.kind, self._bold[column.kind])
                self._wide[at] = max(self._wide[at], _wide(show(sums[column.key], column.kind)))
            elif at == 0:
                self._sheet.write_string(self.at, at, _("Total"), self._bold["text"])
            else:
                self._sheet.write_blank(self.at, at, None, self._bold["text"])

    def finish(self) -> None:
        for at, wide in enumerate(self._wide):
            self._sheet.set_column(at, at, min(WIDTHS[1], max(WIDTHS[0], wide + 3)))
        if self._last > HEAD_ROW:
            self._sheet.autofilter(HEAD_ROW, 0, self._last, len(self.columns) - 1)
        self._sheet.set_landscape()
        self._sheet.set_paper(9)  # A4
        self._sheet.fit_to_pages(1, 0)
        self._sheet.set_footer("&C&P / &N")


def _title(column: Column) -> str:
    return {
        "money": _("%(title)s (yuan)") % {"title": column.title},
        "energy": _("%(title)s (kWh)") % {"title": column.title},
    }.get(column.kind, str(column.title))


def _wide(text: str) -> int:
    """Characters of a cell; a Chinese one is two."""
    return sum(2 if east_asian_width(letter) in "WF" else 1 for letter in islice(text, WIDTHS[1]))


def _every(table: Table) -> Iterable[Any]:
    rows = table.ordered()
    return rows if isinstance(rows, list) else rows.iterator(chunk_size=CHUNK)


def _naive(at: datetime) -> datetime:
    """A sheet knows no zone, and rounds what is less than a second."""
    return timezone.localtime(at).replace(tzinfo=None, microsecond=0)


def _put(sheet: Any, place: tuple[int, int], value: Any, kind: Kind, style: Any) -> None:
    if value is None or value == "":
        return
    if kind in UNITS:
        sheet.write_number(*place, int(value) / UNITS[kind], style)
    elif kind == "when" and isinstance(value, datetime):
        sheet.write_datetime(*place, _naive(value), style)
    elif kind == "day" and isinstance(value, date):
        sheet.write_datetime(*place, datetime(value.year, value.month, value.day), style)  # noqa: DTZ001 - a day
    elif isinstance(value, int) and not isinstance(value, bool):
        sheet.write_number(*place, value)
    else:
        sheet.write_string(*place, str(value)[:TEXT_MAX], style)
