"""A register's file, opened by LibreOffice and compared cell by cell with what the register's query gives."""

from __future__ import annotations

import csv
import io
import shutil
import subprocess
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone
from python_calamine import CalamineWorkbook

from counter import Counter, yuan
from prewatt.web.parts.exporting import list_of
from prewatt.web.parts.sheets import HEAD_ROW
from prewatt.web.parts.tables import Column, Table
from prewatt.web.parts.workbook import UNITS

pytestmark = [pytest.mark.django_db, pytest.mark.stranger]
TENANTS = ["=cmd|' /C calc'!A0", "+86 10", "-1", "@SUM(A1:A9)", "http://x.example/", "007", '"a","b"', "珠海·咖啡"]
LISTS = [
    "/sales/?from=&to=&sort=amount&cols=at,receipt,room,customer,meter,what,tender,seller,amount,state,day",
    "/customers/",
    "/fleet/?cols=room,number,balance,energy,power,state,seen",
    "/log/",
]


@pytest.fixture
def counter() -> Counter:
    one = Counter(meters=len(TENANTS))
    for number, (meter, name) in enumerate(zip(one.meters, TENANTS, strict=True)):
        meter.ceiling_fen = 0
        meter.save()
        one.customer = type(one.customer).objects.create(number=f"K1{number:03d}", name=name, created_at=one.now)
        one.opened(meter, balance_fen=yuan("50"))
        one.sell(f"{number:032x}", f"{number * 37 + 1}.0{number}", meter=meter)
    return one


def converted(body: bytes, folder: Path, kind: str) -> bytes:
    """The file as LibreOffice writes it again, with a profile of its own."""
    program = shutil.which("soffice")
    if program is None:
        pytest.skip("LibreOffice is not installed: ./run setup")
    source = folder / "list.xlsx"
    source.write_bytes(body)
    command = [program, f"-env:UserInstallation={(folder / 'profile').as_uri()}", "--headless", "--convert-to", kind]
    subprocess.run([*command, "--outdir", str(folder), str(source)], check=True, capture_output=True, timeout=120)
    return (folder / f"list.{kind.partition(':')[0]}").read_bytes()


def expected(column: Column, row: Any) -> Any:
    """What the cell has to hold, from the row itself."""
    value = column.of(row)
    if value is None or value == "":
        return ""
    if column.kind in UNITS:
        return value / UNITS[column.kind]
    if isinstance(value, datetime):
        return timezone.localtime(value).replace(tzinfo=None, microsecond=0)
    return value if isinstance(value, date | int) else str(value)


def same(wanted: Any, found: Any) -> bool:
    if isinstance(wanted, datetime):
        return isinstance(found, datetime) and abs(found - wanted) < timedelta(milliseconds=500)
    if isinstance(wanted, date):
        return (found.date() if isinstance(found, datetime) else found) == wanted
    if isinstance(wanted, int | float):
        return isinstance(found, int | float) and abs(found - wanted) < 1e-9
    return bool(found == wanted)


def rows_of(table: Table) -> list[Any]:
    rows = table.ordered()
    return rows if isinstance(rows, list) else list(rows.iterator())


def differing(table: Table, lines: list[list[Any]]) -> Iterator[tuple[str, Any, Any]]:
    for row, line in zip(rows_of(table), lines, strict=False):
        for column, found in zip(table.columns, line, strict=False):
            if not same(wanted := expected(column, row), found):
                yield column.key, wanted, found


@pytest.mark.parametrize("address", LISTS, ids=lambda one: one.partition("?")[0].strip("/"))
def test_every_cell_is_what_the_query_gives(counter: Counter, client: Any, tmp_path: Path, address: str) -> None:
    client.force_login(counter.admin)
    path, _mark, query = address.partition("?")
    table = list_of(path=path, query=query, operator=counter.admin)
    body = b"".join(client.get(path + "?" + query + "&export=xlsx").streaming_content)
    sheet = CalamineWorkbook.from_filelike(io.BytesIO(converted(body, tmp_path, "ods"))).get_sheet_by_index(0)
    lines = sheet.to_python(skip_empty_area=False)[HEAD_ROW + 1 :]
    assert len(lines) >= len(rows_of(table)) > 3
    assert list(differing(table, lines)) == []


def test_people_see_money_with_two_digits_and_names_as_they_are(counter: Counter, client: Any, tmp_path: Path) -> None:
    client.force_login(counter.admin)
    counter.sell("f" * 32, "1234.5", meter=counter.meters[0])
    answer = client.get("/sales/?from=&sort=-amount&cols=customer,amount,day&export=xlsx")
    text = converted(b"".join(answer.streaming_content), tmp_path, "csv:Text - txt - csv (StarCalc):44,34,76").decode()
    rows = list(csv.reader(io.StringIO(text)))[HEAD_ROW + 1 :]
    assert rows[0] == [TENANTS[0], "1,234.50", "2026-06-01"]
    assert {row[0] for row in rows} == {*TENANTS, "合计"}
    assert rows[-1][1] == "2,278.78"
