"""Tables as Excel files: real numbers and dates, a frozen head, and text that stays text whatever it begins with."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from datetime import date, datetime
from typing import IO, Any

import xlsxwriter
from django.http import FileResponse
from django.utils import timezone
from django.utils.translation import gettext as _

from prewatt.web.parts.tables import Column, Kind, Table

ROWS_MAX = 200_000
CHUNK = 2000
SPOOL_BYTES = 4 * 1024 * 1024
TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
FORMATS: dict[Kind, dict[str, Any]] = {
    "text": {},
    "money": {"num_format": "#,##0.00"},
    "energy": {"num_format": "#,##0.000"},
    "price": {"num_format": "0.0000"},
    "count": {"num_format": "#,##0"},
    "when": {"num_format": "yyyy-mm-dd hh:mm:ss"},
    "day": {"num_format": "yyyy-mm-dd"},
}


class TooManyRows(Exception):
    """More rows than one file takes. Narrow the filters; the same again does not help."""

    def __init__(self, count: int) -> None:
        super().__init__(
            _("%(count)d rows are more than one file takes (%(most)d). Choose fewer days and export again.")
            % {"count": count, "most": ROWS_MAX}
        )


def export(table: Table, *, file_name: str) -> FileResponse:
    """The table's columns and filters, all pages. Raises TooManyRows."""
    count = table.page.paginator.count
    if count > ROWS_MAX:
        raise TooManyRows(count)
    file = tempfile.SpooledTemporaryFile(max_size=SPOOL_BYTES)  # noqa: SIM115 - the response closes it
    write(file, table)
    file.seek(0)
    return FileResponse(file, as_attachment=True, filename=f"{file_name}.xlsx", content_type=TYPE)


def write(file: IO[bytes], table: Table) -> None:
    options = {
        "constant_memory": True,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
        "default_date_format": "yyyy-mm-dd",
    }
    book = xlsxwriter.Workbook(file, options)
    sheet = book.add_worksheet(str(table.register.title)[:31])
    styles = {kind: book.add_format(looks) for kind, looks in FORMATS.items()}
    bold = book.add_format({"bold": True, "bottom": 1})
    for at, column in enumerate(table.columns):
        sheet.set_column(at, at, column.width)
    sheet.freeze_panes(1, 0)
    for at, column in enumerate(table.columns):
        sheet.write_string(0, at, _title(column), bold)
    last = 0
    for last, row in enumerate(_every(table), start=1):
        for at, column in enumerate(table.columns):
            _put(sheet, (last, at), column.of(row), column.kind, styles[column.kind])
    if last:
        sheet.autofilter(0, 0, last, len(table.columns) - 1)
    book.close()


def _title(column: Column) -> str:
    return {
        "money": _("%(title)s (yuan)") % {"title": column.title},
        "energy": _("%(title)s (kWh)") % {"title": column.title},
    }.get(column.kind, str(column.title))


def _every(table: Table) -> Iterable[Any]:
    rows = table.ordered()
    return rows if isinstance(rows, list) else rows.iterator(chunk_size=CHUNK)


def _put(sheet: Any, place: tuple[int, int], value: Any, kind: Kind, style: Any) -> None:
    if value is None or value == "":
        return
    if kind == "money":
        sheet.write_number(*place, int(value) / 100, style)
    elif kind == "energy":
        sheet.write_number(*place, int(value) / 1000, style)
    elif kind == "price":
        sheet.write_number(*place, int(value) / 10_000, style)
    elif kind == "count":
        sheet.write_number(*place, int(value), style)
    elif kind == "when" and isinstance(value, datetime):
        sheet.write_datetime(*place, timezone.localtime(value).replace(tzinfo=None), style)
    elif kind == "day" and isinstance(value, date):
        sheet.write_datetime(*place, datetime(value.year, value.month, value.day), style)  # noqa: DTZ001 - a day
    else:
        sheet.write_string(*place, str(value))
