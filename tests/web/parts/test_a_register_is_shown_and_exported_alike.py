"""A register page's rows, its filters in the address, and its Excel file."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import UTC, date, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from django.http import QueryDict

from prewatt.web.parts.sheets import write
from prewatt.web.parts.tables import Column, Filter, Register, Table, show
from workbooks import Found, opened

NOW = datetime(2026, 6, 2, 2, 3, 4, tzinfo=UTC)

TENANT = "=cmd|' /C calc'!A0"


def rows_of(ask: Any) -> list[dict[str, Any]]:
    rows = [
        {"name": TENANT, "fen": 12345, "at": datetime(2026, 6, 1, 2, 0, tzinfo=UTC), "day": date(2026, 6, 1)},
        *({"name": f"tenant {n:03d}", "fen": -n, "at": None, "day": None} for n in range(120)),
    ]
    return [row for row in rows if not ask["text"] or ask["text"] in row["name"]]


REGISTER = Register(
    name="things",
    title="Things",
    columns=(
        Column("name", "Name", sort=("name",)),
        Column("fen", "Amount", "money", sort=("fen",)),
        Column("at", "At", "when"),
        Column("day", "Day", "day", shown=False),
    ),
    filters=(Filter("text", "Text"), Filter("kind", "Kind", "choice", choices=lambda _who: [("a", "A"), ("b", "B")])),
    order="name",
    rows=rows_of,
)


def table(address: str = "") -> Table:
    return Table(REGISTER, SimpleNamespace(), QueryDict(address))  # type: ignore[arg-type]


def names(found: Table) -> list[str]:
    return [row[0].text for row in found.rows()]


def sheet(found: Table) -> Found:
    file = io.BytesIO()
    write(file, found, now=NOW)
    return opened(file.getvalue())


def test_pages_are_cut_on_the_server_and_never_overlap() -> None:
    seen = [name for page in (1, 2, 3) for name in names(table(f"page={page}&size=50"))]
    assert len(seen) == len(set(seen)) == 121


def test_what_a_list_begins_with_is_not_called_a_narrow_search() -> None:
    """An empty list of today says that nothing happened; one that somebody narrowed says that nothing fits."""
    begins = replace(REGISTER, defaults=lambda _who: {"kind": "a"})
    told = {
        address: Table(begins, SimpleNamespace(), QueryDict(address)).narrowed  # type: ignore[arg-type]
        for address in ("", "kind=a", "kind=", "kind=b", "kind=a&text=x", "sort=-fen")
    }
    assert [address for address, narrowed in told.items() if narrowed] == ["kind=b", "kind=a&text=x"]


def test_a_list_is_printed_whole_and_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page of fifty is for the screen; paper has all rows up to a bound, and no link back carries the wish along."""
    paged = table("text=tenant&page=2")
    printed = table(paged.to_print.removeprefix("?"))
    assert (len(names(paged)), len(names(printed)), printed.missing) == (50, 120, 0)
    assert (paged.elsewhere, printed.elsewhere) == (70, 0)  # what Ctrl+P on one page leaves out is said at its foot
    assert "print" not in printed.to_pages
    assert printed.to_print == ""
    assert table("text=tenant%20000").elsewhere == 0
    assert table("text=tenant%20000").to_print == ""  # one page is all there is
    monkeypatch.setattr("prewatt.web.parts.tables.PRINT_MAX", 100)
    bounded = table("text=tenant&print=1")
    assert (len(names(bounded)), bounded.missing) == (100, 20)
    assert bounded.following == ""  # a page of fifty would not go on from there


def test_a_head_says_its_unit_once() -> None:
    heads = [Column("a", "Sold", "money").headed, Column("a", "Used", "energy").headed]
    named = [Column("a", title, "energy").headed for title in ("Power (kW)", "用电量（kWh）")]
    assert heads + named == ["Sold(元)", "Used(kWh)", "Power (kW)", "用电量（kWh）"]
    assert (Column("a", "Mon", "energy", bare=True).headed, Column("a", "Name").headed) == ("Mon", "Name")


def test_a_page_size_of_ones_own_is_bounded() -> None:
    assert table("size=1000000").size == 50
    assert table("size=25").size == 25


def test_only_named_columns_sort() -> None:
    assert table("sort=-fen").sort == "-fen"
    assert names(table("sort=-fen"))[0] == TENANT
    assert table("sort=password").sort == "name"
    assert table("sort=at").sort == "name"


def test_each_active_filter_can_be_taken_off_alone() -> None:
    found = table("text=tenant&kind=a&page=2&sort=-fen")
    assert [chip.text for chip in found.chips()] == ["tenant", "A"]
    without = QueryDict(found.chips()[0].without.removeprefix("?"))
    assert (without["text"], without["kind"], without["sort"]) == ("", "a", "-fen")
    assert "page" not in without


def test_a_choice_that_does_not_exist_is_not_given() -> None:
    assert table("kind=zzz").ask["kind"] is None


def test_columns_are_chosen_in_the_address() -> None:
    assert [one.key for one in table().columns] == ["name", "fen", "at"]
    assert [one.key for one in table("cols=day,name").columns] == ["name", "day"]
    assert [one.key for one in table("cols=nothing").columns] == ["name", "fen", "at"]


def test_the_file_holds_all_pages_of_exactly_these_columns_and_rows() -> None:
    found = sheet(table("text=tenant&size=25&cols=name,fen"))
    assert [text.split()[0][:6] for text in found.head] == ["Name", "Amount"]
    assert [row[0] for row in found.values] == [f"tenant {n:03d}" for n in range(120)]
    assert found.sheet.freeze_panes == "A7"
    assert found.sheet.print_title_rows == "$6:$6"
    assert found.sheet.auto_filter.ref == "A6:B126"


def test_money_and_times_are_numbers_in_the_file_and_a_name_is_never_a_formula() -> None:
    found = sheet(table("text=%3Dcmd&cols=name,fen,at,day"))
    name, fen, at, day = found.rows[0]
    assert (name.value, name.data_type) == (TENANT, "s")
    assert (fen.value, fen.number_format) == (123.45, "#,##0.00")
    assert at.value == datetime(2026, 6, 1, 10, 0)  # noqa: DTZ001 - a sheet knows no zone
    assert day.value == datetime(2026, 6, 1)  # noqa: DTZ001


def test_people_read_money_with_two_digits_and_a_real_minus() -> None:
    assert show(-123456, "money") == "−1,234.56"
    assert show(5, "money") == "0.05"
    assert show(None, "money") == ""
    assert show(1234567, "energy") == "1,234.57"
