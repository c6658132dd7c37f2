"""The file of a register: what stands above its rows, its sums, and that every library reads the same cells."""

from __future__ import annotations

import io
from datetime import UTC, date, datetime, time
from types import SimpleNamespace
from typing import Any

import pytest
from django.http import QueryDict
from django.utils import translation
from python_calamine import CalamineWorkbook

from prewatt.web.parts import sheets
from prewatt.web.parts.sheets import TooManyRows, write
from prewatt.web.parts.tables import Column, Filter, Register, Table
from workbooks import opened

NOW = datetime(2026, 6, 2, 2, 3, 4, tzinfo=UTC)
AT = datetime(2026, 6, 1, 15, 59, 59, 999_999, tzinfo=UTC)
ODD = ["=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)", "http://x.example/", "007"]
ODD += ["a\x07b", "_x0042_ & <b>", "行\n二", " ", "'x"]


def rows_of(ask: Any) -> list[dict[str, Any]]:
    return [
        {"name": name, "fen": 99_999_999_999 - n, "wh": n * 1_234_567, "e4": 8_500, "n": n, "at": AT, "day": AT.date()}
        for n, name in enumerate(ODD)
        if not ask["text"] or ask["text"] in name
    ]


def register(**more: Any) -> Register:
    return Register(
        name="odd",
        title="Sales [all]: 1/2?",
        columns=(
            Column("name", "Name", sort=("name",)),
            Column("fen", "Amount", "money", sort=("fen",)),
            Column("wh", "Energy", "energy"),
            Column("e4", "Price", "price"),
            Column("n", "Number", "count"),
            Column("at", "At", "when"),
            Column("day", "Day", "day"),
            Column("floor", "Floor", value=lambda row: row["n"]),
        ),
        filters=(Filter("text", "Text"), Filter("kind", "Kind", "choice", choices=lambda _who: [("a", "甲")])),
        order="-fen",
        rows=rows_of,
        totals=lambda ask: {"fen": sum(row["fen"] for row in rows_of(ask))},
    )


def made(address: str = "", **more: Any) -> bytes:
    file = io.BytesIO()
    table = Table(register(), SimpleNamespace(), QueryDict(address))  # type: ignore[arg-type]
    table.operator = "林静"  # type: ignore[assignment]
    with translation.override("en"):
        write(file, table, now=NOW, **more)
    return file.getvalue()


def test_title_filters_order_and_who_took_it_stand_above_the_head() -> None:
    found = opened(made("text=1&kind=a"))
    assert found.about == [
        "Sales [all]: 1/2?",
        "Filters: Text: 1; Kind: 甲",
        "Sorted by: Amount, falling",
        "3 rows, exported at 2026-06-02 10:03:04 by 林静",
    ]
    assert found.head[:3] == ["Name", "Amount (yuan)", "Energy (kWh)"]
    assert opened(made()).about[1] == "Filters: none"


def test_every_cell_is_of_its_kind_for_a_second_library() -> None:
    book = CalamineWorkbook.from_filelike(io.BytesIO(made("sort=-fen")))
    lines = book.get_sheet_by_index(0).to_python()[6:]
    for n, (line, name) in enumerate(zip(lines[:-1], ODD, strict=True)):
        assert line[0] == name
        assert line[1:5] == [(99_999_999_999 - n) / 100, n * 1_234_567 / 1000, 0.85, n]
        assert line[5] == datetime.combine(date(2026, 6, 1), time(23, 59, 59))
        assert line[6] in {date(2026, 6, 1), datetime(2026, 6, 1)}  # noqa: DTZ001 - a sheet knows no zone
        assert line[7] == n


def test_no_text_is_a_formula_or_a_link() -> None:
    sheet = opened(made()).sheet
    assert {cell.data_type for row in sheet.iter_rows() for cell in row} <= {"s", "n", "d"}
    assert [cell.hyperlink for row in sheet.iter_rows() for cell in row if cell.hyperlink] == []


def test_the_last_line_holds_the_sums_outside_what_excel_filters() -> None:
    found = opened(made())
    assert found.values[-1][:3] == ["Total", sum(99_999_999_999 - n for n in range(len(ODD))) / 100, None]
    assert found.sheet.auto_filter.ref == f"A6:H{6 + len(ODD)}"
    assert opened(made("text=nobody")).values == []


def test_columns_are_as_wide_as_what_stands_in_them() -> None:
    wide = opened(made()).sheet.column_dimensions
    assert wide["B"].width >= len("9,999,999,999.99")
    assert wide["F"].width >= len("2026-06-01 23:59:59")
    assert wide["A"].width < 60


def test_more_rows_than_a_sheet_takes_are_refused_before_anything_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheets, "ROWS_MAX", len(ODD) - 1)
    with pytest.raises(TooManyRows, match="11 rows are more than one file takes"):
        made()


def test_whoever_waits_is_told_how_far_it_is_and_may_stop_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheets, "CHUNK", 3)
    seen: list[int] = []
    made(progress=seen.append)
    assert seen == [3, 6, 9]

    def stop(_done: int) -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        made(progress=stop)
