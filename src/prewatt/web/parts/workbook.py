"""A workbook of one sheet, written as a stream: hundreds of thousands of rows in little memory, and quickly.

An .xlsx file is a zip of XML (ECMA-376). The rows go straight into their place in the zip; only the first ones are kept
back until the columns' widths are known from them. Texts stand in their cells as inline strings, so that nothing that
begins with = + - @ is ever read as a formula.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from html import escape
from typing import IO, Any, Literal
from zipfile import ZIP_DEFLATED, ZipFile

from django.utils.functional import Promise

Kind = Literal["text", "money", "energy", "price", "count", "when", "day"]
KINDS: tuple[Kind, ...] = ("text", "money", "energy", "price", "count", "when", "day")
UNITS: Mapping[Kind, int] = {"money": 100, "energy": 1000, "price": 10_000, "count": 1}
NUMBER_FORMATS: Mapping[Kind, str] = {
    "money": "#,##0.00",
    "energy": "#,##0.000",
    "price": "0.0000",
    "count": "#,##0",
    "when": "yyyy-mm-dd hh:mm:ss",
    "day": "yyyy-mm-dd",
}
TEXT_MAX = 32_767  # letters a cell takes
COMPRESS = 3  # of 9: twice as fast as the usual 6, and the file is a tenth larger
ROW_PT = 18  # Chinese signs are taller than the Latin ones that 15 fits: lower rows cut their heads off
TOGETHER = 500  # rows handed to the zip at once
EPOCH = datetime(1899, 12, 30)  # noqa: DTZ001 - a sheet knows no zone

# What XML cannot hold, and what would be read as such an escape.
_ODD = re.compile("[\x00-\x08\x0b-\x1f\ufffe\uffff]|_(?=x[0-9A-Fa-f]{4}_)")
_MARKUP = re.compile("[&<>]")

# Places in the table of styles, see `_styles`.
PLAIN = {kind: number for number, kind in enumerate(KINDS, start=1)}
BOLD = {kind: number + len(KINDS) for kind, number in PLAIN.items()}
TITLE, GREY, HEAD_LEFT, HEAD_RIGHT = range(2 * len(KINDS) + 1, 2 * len(KINDS) + 5)


def letter(number: int) -> str:
    """0 -> A, 25 -> Z, 26 -> AA."""
    text = ""
    number += 1
    while number:
        number, rest = divmod(number - 1, 26)
        text = chr(65 + rest) + text
    return text


def clean(text: str) -> str:
    """A text as XML, cut to what a cell takes."""
    text = text[:TEXT_MAX]
    if _ODD.search(text):
        text = _ODD.sub(lambda found: f"_x{ord(found.group()):04X}_", text)
    return escape(text, quote=False) if _MARKUP.search(text) else text


def cell(place: str, text: str, style: int) -> str:
    return f'<c r="{place}" s="{style}" t="inlineStr"><is><t xml:space="preserve">{clean(text)}</t></is></c>'


def writer(column: str, kind: Kind, style: int, local: Callable[[datetime], datetime]) -> Callable[[Any, int], str]:
    """What makes a value of this kind in this column a cell: called with the value and the row's number."""
    known: dict[int, str] = {}  # texts that are translated anew each time they are asked for

    def text(value: Any, row: int) -> str:
        if isinstance(value, int) and not isinstance(value, bool):
            return f'<c r="{column}{row}" s="{PLAIN["count"]}"><v>{value}</v></c>'
        if isinstance(value, Promise):
            said = known.get(id(value)) or known.setdefault(id(value), clean(str(value)))
        else:
            said = clean(str(value))
        return f'<c r="{column}{row}" s="{style}" t="inlineStr"><is><t xml:space="preserve">{said}</t></is></c>'

    def number(value: Any, row: int) -> str:
        return f'<c r="{column}{row}" s="{style}"><v>{int(value) / unit!r}</v></c>'

    def when(value: Any, row: int) -> str:
        if not isinstance(value, datetime):
            return text(value, row)
        span = local(value) - EPOCH
        return f'<c r="{column}{row}" s="{style}"><v>{span.days + span.seconds / 86_400!r}</v></c>'

    def day(value: Any, row: int) -> str:
        if not isinstance(value, date):
            return text(value, row)
        return f'<c r="{column}{row}" s="{style}"><v>{value.toordinal() - EPOCH.toordinal()}</v></c>'

    if (unit := UNITS.get(kind, 0)) > 0:
        return number
    return {"when": when, "day": day}.get(kind, text)


@dataclass(frozen=True, slots=True)
class Facts:
    title: str
    author: str
    made_at: datetime


class Workbook:
    """`head_row` counts from 1. Write the rows from top to bottom, then `close` with the widths and the last row."""

    def __init__(self, file: IO[bytes], *, name: str, facts: Facts, head_row: int, columns: int) -> None:
        self._zip = ZipFile(file, "w", ZIP_DEFLATED, compresslevel=COMPRESS)
        self._name, self._head_row, self._columns = name, head_row, columns
        for path, text in {**_FIXED, "xl/styles.xml": _styles(), "docProps/core.xml": _core(facts)}.items():
            self._zip.writestr(path, text)
        self._sheet: IO[bytes] | None = None
        self._rows: list[str] = []

    def row(self, number: int, cells: Sequence[str], height: float = 0) -> None:
        tall = f' ht="{height}" customHeight="1"' if height else ""
        self._rows.append(f'<row r="{number}"{tall}>{"".join(cells)}</row>')
        if self._sheet is not None and len(self._rows) >= TOGETHER:
            self._pass_on(self._sheet)

    def begin(self, widths: Sequence[int]) -> None:
        """The widths are known now: what was kept back goes out."""
        if self._sheet is None:
            self._sheet = self._zip.open("xl/worksheets/sheet1.xml", "w", force_zip64=True)
            self._sheet.write(_sheet_head(widths, self._head_row).encode())
            self._pass_on(self._sheet)

    def _pass_on(self, sheet: IO[bytes]) -> None:
        sheet.write("".join(self._rows).encode())
        self._rows.clear()

    def close(self, widths: Sequence[int], last_row: int) -> None:
        """`last_row`: of what Excel filters, the head's own if there is nothing."""
        self.begin(widths)
        assert self._sheet is not None
        self._pass_on(self._sheet)
        area = f"A{self._head_row}:{letter(self._columns - 1)}{last_row}" if last_row > self._head_row else ""
        self._sheet.write(_sheet_foot(area).encode())
        self._sheet.close()
        self._zip.writestr("xl/workbook.xml", _workbook(self._name, self._head_row, area))
        self._zip.close()


_XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_DOC = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_TYPES = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_FIXED = {
    "[Content_Types].xml": (
        f'{_XML}<Types xmlns="{_PACKAGE}/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        '<Default Extension="xml" ContentType="application/xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{_TYPES}.sheet.main+xml"/>'
        f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{_TYPES}.worksheet+xml"/>'
        f'<Override PartName="/xl/styles.xml" ContentType="{_TYPES}.styles+xml"/>'
        '<Override PartName="/docProps/core.xml" '
        'ContentType="application/vnd.openxmlformats-package.core-properties+xml"/></Types>'
    ),
    "_rels/.rels": (
        f'{_XML}<Relationships xmlns="{_PACKAGE}/relationships">'
        f'<Relationship Id="rId1" Type="{_DOC}/officeDocument" Target="xl/workbook.xml"/>'
        f'<Relationship Id="rId2" Type="{_PACKAGE}/relationships/metadata/core-properties" Target="docProps/core.xml"/>'
        "</Relationships>"
    ),
    "xl/_rels/workbook.xml.rels": (
        f'{_XML}<Relationships xmlns="{_PACKAGE}/relationships">'
        f'<Relationship Id="rId1" Type="{_DOC}/worksheet" Target="worksheets/sheet1.xml"/>'
        f'<Relationship Id="rId2" Type="{_DOC}/styles" Target="styles.xml"/></Relationships>'
    ),
}


def _core(facts: Facts) -> str:
    at = facts.made_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return (
        f'{_XML}<cp:coreProperties xmlns:cp="{_PACKAGE}/metadata/core-properties" '
        'xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:dcterms="http://purl.org/dc/terms/" '
        'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'
        f"<dc:title>{clean(facts.title)}</dc:title><dc:creator>{clean(facts.author)}</dc:creator>"
        f'<dcterms:created xsi:type="dcterms:W3CDTF">{at}</dcterms:created></cp:coreProperties>'
    )


def _styles() -> str:
    """Fonts: plain, bold, title, grey. Borders: none, above (sums), below (head). Then one style a kind, twice."""
    formats = {kind: number for number, kind in enumerate(NUMBER_FORMATS, start=164)}
    written = "".join(f'<numFmt numFmtId="{formats[kind]}" formatCode="{NUMBER_FORMATS[kind]}"/>' for kind in formats)
    kinds = [
        f'<xf numFmtId="{formats.get(kind, 0)}" fontId="{font}" fillId="0" borderId="{font}" xfId="0" '
        f'applyNumberFormat="1" applyFont="1" applyBorder="1" applyAlignment="1">{_aligned(kind)}</xf>'
        for font in (0, 1)
        for kind in KINDS
    ]
    head = (
        '<xf numFmtId="0" fontId="1" fillId="2" borderId="2" xfId="0" applyFont="1" applyFill="1" applyBorder="1" '
        'applyAlignment="1"><alignment horizontal="{0}" vertical="center" wrapText="1"{1}/></xf>'
    )
    others = [
        *(f'<xf numFmtId="0" fontId="{font}" fillId="0" borderId="0" xfId="0" applyFont="1"/>' for font in (2, 3)),
        head.format("left", ' indent="1"'),
        head.format("right", ""),
    ]
    whole = ['<xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/>', *kinds, *others]
    font = '<font>{0}<sz val="{1}"/>{2}<name val="Calibri"/><family val="2"/></font>'
    fonts = (("", 11, ""), ("<b/>", 11, ""), ("<b/>", 14, ""), ("", 11, '<color rgb="FF5F6B7A"/>'))
    edge = "<border><left/><right/><top{0}/><bottom{1}/><diagonal/></border>"
    thin = ' style="thin"'
    return (
        f'{_XML}<styleSheet xmlns="{_MAIN}"><numFmts count="{len(formats)}">{written}</numFmts>'
        f'<fonts count="{len(fonts)}">{"".join(font.format(*one) for one in fonts)}</fonts>'
        '<fills count="3"><fill><patternFill patternType="none"/></fill>'
        '<fill><patternFill patternType="gray125"/></fill>'
        '<fill><patternFill patternType="solid"><fgColor rgb="FFEEF1F5"/><bgColor indexed="64"/></patternFill></fill>'
        "</fills>"
        f'<borders count="3">{edge.format("", "")}{edge.format(thin, "")}{edge.format("", thin)}</borders>'
        '<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>'
        f'<cellXfs count="{len(whole)}">{"".join(whole)}</cellXfs>'
        '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>'
    )


def _aligned(kind: Kind) -> str:
    """Texts and times begin a little away from the figure before them."""
    side = 'horizontal="right"' if kind in UNITS else 'horizontal="left" indent="1"'
    return f'<alignment {side} vertical="center"/>'


def _sheet_head(widths: Sequence[int], head_row: int) -> str:
    columns = "".join(
        f'<col min="{at}" max="{at}" width="{wide + 0.7109375}" customWidth="1"/>' for at, wide in enumerate(widths, 1)
    )
    return (
        f'{_XML}<worksheet xmlns="{_MAIN}"><sheetPr><pageSetUpPr fitToPage="1"/></sheetPr><sheetViews>'
        f'<sheetView tabSelected="1" workbookViewId="0"><pane ySplit="{head_row}" topLeftCell="A{head_row + 1}" '
        f'activePane="bottomLeft" state="frozen"/><selection pane="bottomLeft"/></sheetView></sheetViews>'
        f'<sheetFormatPr defaultRowHeight="{ROW_PT}" customHeight="1"/><cols>{columns}</cols><sheetData>'
    )


def _sheet_foot(area: str) -> str:
    filtered = f'<autoFilter ref="{area}"/>' if area else ""
    return (
        f'</sheetData>{filtered}<pageMargins left="0.5" right="0.5" top="0.6" bottom="0.6" header="0.3" footer="0.3"/>'
        '<pageSetup paperSize="9" orientation="landscape" fitToHeight="0"/>'
        "<headerFooter><oddFooter>&amp;C&amp;P / &amp;N</oddFooter></headerFooter></worksheet>"
    )


def _workbook(name: str, head_row: int, area: str) -> str:
    sheet = clean("'" + name.replace("'", "''") + "'")
    fixed = re.sub("([A-Z]+)", r"$\1$", area)
    filtered = (
        f'<definedName name="_xlnm._FilterDatabase" localSheetId="0" hidden="1">{sheet}!{fixed}</definedName>'
        if area
        else ""
    )
    return (
        f'{_XML}<workbook xmlns="{_MAIN}" xmlns:r="{_DOC}"><bookViews><workbookView/></bookViews>'
        f'<sheets><sheet name="{escape(name)}" sheetId="1" r:id="rId1"/></sheets><definedNames>{filtered}'
        f'<definedName name="_xlnm.Print_Titles" localSheetId="0">{sheet}!${head_row}:${head_row}</definedName>'
        "</definedNames></workbook>"
    )
