"""A workbook file -> rows of cells, bounded; and an empty workbook to fill in."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _
from python_calamine import CalamineError, CalamineWorkbook

from prewatt.domain.estate.importing.sheets import ROWS_MAX, Column, Sheet, sheets

FILE_BYTES_MAX = 20 * 1024 * 1024
UNPACKED_BYTES_MAX = 200 * 1024 * 1024
COLUMNS_MAX = 100
NOTES = "填表说明"


class WorkbookRefused(ValueError):
    """The file is no workbook that can be read. Nothing was changed; the same file will be refused again."""


class NoSheet(WorkbookRefused):
    """None of its sheets has a name that is read: somebody's own list, not the filled-in template."""


@dataclass(frozen=True)
class Row:
    """One row as it stands in the file. `number` counts as the spreadsheet does, the head being 1."""

    number: int
    cells: dict[str, Any]


@dataclass(frozen=True)
class Page:
    sheet: Sheet
    letters: dict[str, str]  # column key -> the letter over it
    rows: list[Row]


def read(path: Path) -> list[Page]:
    """The known sheets of the file, in reading order. Raises WorkbookRefused."""
    _check_size(path)
    try:
        book = CalamineWorkbook.from_path(str(path))
    except (CalamineError, OSError, ValueError) as error:
        raise WorkbookRefused(_("%(file)s cannot be read as a workbook: %(error)s") % _named(path, error)) from error
    with book:
        known = [(sheet, sheet.title) for sheet in sheets() if sheet.title in book.sheet_names]
        if not known:
            titles = ", ".join(sheet.title for sheet in sheets())
            raise NoSheet(
                _("%(file)s has none of the sheets %(titles)s. Nothing was read. Fill in the template and bring that.")
                % {"file": path.name, "titles": titles}
            )
        return [_page(sheet, book.get_sheet_by_name(title).to_python(skip_empty_area=False)) for sheet, title in known]


def _check_size(path: Path) -> None:
    try:
        if path.stat().st_size > FILE_BYTES_MAX:
            raise WorkbookRefused(_("%(file)s is larger than 20 MB. Split it.") % {"file": path.name})
        with zipfile.ZipFile(path) as packed:
            if sum(entry.file_size for entry in packed.infolist()) > UNPACKED_BYTES_MAX:
                raise WorkbookRefused(_("%(file)s unpacks to more than 200 MB. Split it.") % {"file": path.name})
    except zipfile.BadZipFile as error:
        raise WorkbookRefused(_("%(file)s is not an .xlsx file. Save it as .xlsx.") % {"file": path.name}) from error
    except OSError as error:
        raise WorkbookRefused(_("%(file)s cannot be opened: %(error)s") % _named(path, error.strerror)) from error


def _named(path: Path, error: object) -> dict[str, object]:
    return {"file": path.name, "error": error}


def _page(sheet: Sheet, lines: list[list[Any]]) -> Page:
    if len(lines) > ROWS_MAX + 1:
        raise WorkbookRefused(
            _("Sheet %(sheet)s has more than %(max)s rows. Split the file.") % {"sheet": sheet.title, "max": ROWS_MAX}
        )
    head = [str(cell).strip().rstrip("*").lower() for cell in (lines[0] if lines else [])[:COLUMNS_MAX]]
    places = {column.key: place for column in sheet.columns if (place := _place(column, head)) is not None}
    missing = [column.title for column in sheet.columns if column.required and column.key not in places]
    if missing:
        raise WorkbookRefused(
            _("Sheet %(sheet)s lacks the columns %(columns)s in its first row.")
            % {"sheet": sheet.title, "columns": ", ".join(missing)}
        )
    rows = [
        Row(number, {key: line[place] if place < len(line) else "" for key, place in places.items()})
        for number, line in enumerate(lines[1:], 2)
        if any(str(cell).strip() for cell in line)
    ]
    return Page(sheet, {key: _letter(place) for key, place in places.items()}, rows)


def _place(column: Column, head: list[str]) -> int | None:
    return next((head.index(name) for name in (column.title.lower(), column.english) if name in head), None)


def _letter(place: int) -> str:
    return chr(65 + place) if place < 26 else chr(64 + place // 26) + chr(65 + place % 26)


def write_template(path: Path) -> None:
    """An empty workbook with every sheet, its columns (required ones marked *), one example row, and notes."""
    import xlsxwriter  # noqa: PLC0415 - only the template needs it

    with xlsxwriter.Workbook(str(path)) as book:
        head = book.add_format({"bold": True, "bg_color": "#E8EEF6", "border": 1, "num_format": "@"})
        text = book.add_format({"num_format": "@"})
        for sheet in sheets():
            page = book.add_worksheet(sheet.title)
            page.freeze_panes(1, 0)
            for place, column in enumerate(sheet.columns):
                as_text = isinstance(column.example, str)
                page.set_column(place, place, max(12, 2 * len(column.title) + 4), text if as_text else None)
                page.write_string(0, place, column.title + ("*" if column.required else ""), head)
                if column.note:
                    page.write_comment(0, place, column.note)
                if column.example == "":
                    continue
                (page.write_string if as_text else page.write_number)(1, place, column.example)
        _write_notes(book, head, text)


def _write_notes(book: Any, head: Any, text: Any) -> None:
    """A sheet that is not read: what every column takes. The reader knows its sheets by name."""
    page = book.add_worksheet(NOTES)
    page.freeze_panes(1, 0)
    for place, (title, width) in enumerate((("表", 14), ("列", 20), ("必填", 8), ("例", 34), ("说明", 44))):
        page.set_column(place, place, width, text)
        page.write_string(0, place, title, head)
    rows = [(sheet, column) for sheet in sheets() for column in sheet.columns]
    for number, (sheet, column) in enumerate(rows, 1):
        for place, said in enumerate(
            (sheet.title, column.title, "*" if column.required else "", str(column.example), column.note)
        ):
            page.write_string(number, place, said)


def read_one(path: Path, sheet: Sheet) -> Page:
    """One sheet of a file of its own: by its title, else the first. Raises WorkbookRefused."""
    _check_size(path)
    try:
        book = CalamineWorkbook.from_path(str(path))
    except (CalamineError, OSError, ValueError) as error:
        raise WorkbookRefused(_("%(file)s cannot be read as a workbook: %(error)s") % _named(path, error)) from error
    with book:
        name = sheet.title if sheet.title in book.sheet_names else next(iter(book.sheet_names), "")
        return _page(sheet, book.get_sheet_by_name(name).to_python(skip_empty_area=False))
