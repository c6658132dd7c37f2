"""The sheet for opening many accounts at once: its columns, its template, and what each row means."""

from __future__ import annotations

import io
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from prewatt.domain.estate.customers import NUMBER, PHONE
from prewatt.domain.estate.importing.cells import CellError, OneOf, Text, Whole, amount_fen, price_e4
from prewatt.domain.estate.importing.sheets import METER_NUMBER, Column, Sheet
from prewatt.domain.estate.importing.workbook import Row, WorkbookRefused, read_one
from prewatt.domain.vending.terms import PRICE_E4_MAX

FILE_BYTES_MAX = 5 * 1024 * 1024
ROWS_MAX = 2000
YES, NO = "是", "否"
PERSON = ("number", "name", "contact", "phone", "address", "note")


@dataclass(slots=True)
class Line:
    """One row: `values` are fen, W, 1e-4 yuan and texts, ready for an opening; `problems` is (cell, column, text)."""

    number: int
    letters: dict[str, str]  # column key -> the letter over it
    values: dict[str, Any] = field(default_factory=dict)
    problems: list[tuple[str, str, str]] = field(default_factory=list)


def price(cell: Any) -> int:
    e4 = price_e4(cell)
    if e4 > PRICE_E4_MAX:
        raise CellError(_("is above ten yuan per kWh: check the decimal point."))
    return e4


def sheet() -> Sheet:
    as_text = "文本格式"
    number = Text(32, NUMBER.pattern, gettext_noop("letters and digits without spaces, such as K0101"))
    meter = Text(32, METER_NUMBER, gettext_noop("digits and letters without spaces, for example 030001040A"))
    phone = Text(32, PHONE.pattern, gettext_noop("digits, such as 13800000000"))
    return Sheet(
        "openings",
        "开户",
        (
            Column("number", "用户编号", "user number", number, True, "K0101", as_text),
            Column("name", "用户名字", "name", Text(128), True, "同舟茶饮"),
            Column("contact", "联系人", "contact", Text(64), False, "周先生"),
            Column("phone", "联系电话", "phone", phone, False, "13800000000", as_text),
            Column("address", "联系地址", "address", Text(200), False, "3 层 0306"),
            Column("note", "备注", "note", Text(400)),
            Column("meter", "表号", "meter", meter, True, "030001040A", "文本格式: 前导零和字母不能丢"),
            Column("first", "首次充值(元)", "first recharge yuan", amount_fen, False, 200),
            Column("carried", "原表转入金额(元)", "carried in yuan", amount_fen, False, 0),
            Column("use", "用电类型", "use", Text(32), False, "商铺"),
            Column("ceiling_fen", "允许金额上限(元)", "ceiling yuan", amount_fen, False, "", "空: 按仪表; 0: 不限"),
            Column("alarm1_fen", "报警金额1(元)", "alarm 1 yuan", amount_fen),
            Column("alarm2_fen", "报警金额2(元)", "alarm 2 yuan", amount_fen),
            Column("overload_limit_w", "功率阈值(瓦)", "overload w", Whole(0, 10_000_000)),
            Column("price_sharp_e4", "尖电价", "price sharp", price),
            Column("price_peak_e4", "峰电价", "price peak", price),
            Column("price_flat_e4", "平电价", "price flat", price),
            Column("price_valley_e4", "谷电价", "price valley", price),
            Column("texts", "自动发送报警短信", "alarm texts", OneOf((YES, NO)), False, YES, "是 / 否"),
        ),
        ("meter",),
    )


def template() -> bytes:
    """An empty sheet with one example row; required columns are marked *."""
    import xlsxwriter  # noqa: PLC0415 - only the template needs it

    file = io.BytesIO()
    with xlsxwriter.Workbook(file, {"in_memory": True}) as book:
        head = book.add_format({"bold": True, "bg_color": "#E8EEF6", "border": 1, "num_format": "@"})
        text = book.add_format({"num_format": "@"})
        page = book.add_worksheet(sheet().title)
        page.freeze_panes(1, 0)
        for place, column in enumerate(sheet().columns):
            as_text = isinstance(column.example, str)
            page.set_column(place, place, max(12, 2 * len(column.title) + 4), text if as_text else None)
            page.write_string(0, place, column.title + ("*" if column.required else ""), head)
            if column.note:
                page.write_comment(0, place, column.note)
            if column.example != "":
                (page.write_string if as_text else page.write_number)(1, place, column.example)
    return file.getvalue()


def read(content: bytes) -> list[Line]:
    """Every row with its cells in order. Raises WorkbookRefused for what is no such sheet, or too much of it."""
    if len(content) > FILE_BYTES_MAX:
        raise WorkbookRefused(_("The file is larger than 5 MB. Split it."))
    with tempfile.NamedTemporaryFile(suffix=".xlsx") as kept:
        kept.write(content)
        kept.flush()
        page = read_one(Path(kept.name), sheet())
    if len(page.rows) > ROWS_MAX:
        raise WorkbookRefused(_("The sheet has more than %(most)d rows. Split the file.") % {"most": ROWS_MAX})
    return [_line(row, page.letters) for row in page.rows]


def _line(row: Row, letters: dict[str, str]) -> Line:
    line = Line(row.number, letters)
    for column in sheet().columns:
        cell = row.cells.get(column.key, "")
        place = f"{letters.get(column.key, '')}{row.number}"
        if cell is None or str(cell).strip() == "":
            if column.required:
                line.problems.append((place, column.title, _("is empty, and is needed.")))
            continue
        try:
            line.values[column.key] = column.parse(cell)
        except CellError as error:
            line.problems.append((place, column.title, str(error)))
    return line
