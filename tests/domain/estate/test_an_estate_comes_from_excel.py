from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from domain.estate.tower import NOW
from prewatt.domain.estate.importing import plan as planning
from prewatt.domain.estate.importing import sheets as layout
from prewatt.domain.estate.importing import workbook
from prewatt.domain.estate.importing.cells import amount_fen
from prewatt.domain.estate.importing.writing import write
from prewatt.domain.estate.models import Building, Bus, Customer, Floor, Gateway, Meter, Room
from prewatt.domain.staff.models import LogEntry

MODELS = (Building, Floor, Room, Gateway, Bus, Meter, Customer)
COLUMNS = {sheet.kind: {column.key: column.title for column in sheet.columns} for sheet in layout.sheets()}
TITLES = {sheet.kind: sheet.title for sheet in layout.sheets()}

# One good estate; each test spoils a cell of it.
GOOD: dict[str, list[dict[str, Any]]] = {
    "buildings": [{"code": "A", "name": "海棠湾"}],
    "rooms": [
        {"building": "A", "floor": 3, "floor_name": "3F", "number": "0306", "use": "商铺"},
        {"building": "A", "floor": 4, "number": "0401"},
    ],
    "gateways": [{"code": "GW-1", "name": "弱电间"}],
    "buses": [{"gateway": "GW-1", "code": "bus-1", "url": "rtu+tcp://10.0.0.2:4001?baud=9600", "sweep_s": 900}],
    "meters": [
        {
            "number": "030001040A",
            "gateway": "GW-1",
            "bus": "bus-1",
            "unit": 10,
            "profile": "acrel-dtsy1352-nk",
            "building": "A",
            "room": "0306",
            "ct_ratio": 120,
            "alarm1_fen": 50,
            "alarm2_fen": "20.50",
            "price_flat_e4": 0.6812,
            "allow": "manual, observed",
        },
        {"number": "0300010401", "gateway": "GW-1", "bus": "bus-1", "unit": 1, "profile": "acrel-dtsy1352-nk"},
    ],
    "customers": [{"number": "K0001", "name": "同舟茶饮", "phone": "013800000000"}],
}


def estate(**changes: Any) -> dict[str, list[dict[str, Any]]]:
    """GOOD with cells changed: `meters_0_unit=300`, or rows added: `meters=[…]`."""
    rows = {kind: [dict(row) for row in its] for kind, its in GOOD.items()}
    for name, value in changes.items():
        if name in rows:
            rows[name].extend(value)
            continue
        kind, place, key = name.split("_", 2)
        rows[kind][int(place)][key] = value
    return rows


def written(folder: Path, rows: dict[str, list[dict[str, Any]]]) -> Path:
    """By openpyxl: a workbook that our own writer did not make."""
    book = openpyxl.Workbook()
    book.remove(book.worksheets[0])
    for kind, its in rows.items():
        page = book.create_sheet(TITLES[kind])
        page.append(list(COLUMNS[kind].values()))
        for row in its:
            page.append([row.get(key) for key in COLUMNS[kind]])
    path = folder / "estate.xlsx"
    book.save(path)
    return path


def checked(folder: Path, **changes: Any) -> planning.Plan:
    return planning.check(workbook.read(written(folder, estate(**changes))))


def counts() -> list[int]:
    return [model.objects.count() for model in MODELS]


def imported(folder: Path, **changes: Any) -> planning.Plan:
    plan = checked(folder, **changes)
    write(plan, operator=None, now=NOW, source="estate.xlsx")
    return plan


def test_a_good_workbook_becomes_an_estate(db: None, tmp_path: Path) -> None:
    plan = imported(tmp_path)
    assert plan.problems == []
    assert counts() == [1, 2, 2, 1, 1, 2, 1]
    meter = Meter.objects.get(number="030001040A")
    assert (meter.room and meter.room.number, meter.unit, meter.ct_ratio) == ("0306", 10, 120)
    assert (meter.alarm1_fen, meter.alarm2_fen, meter.price_flat_e4) == (5000, 2050, 6812)
    assert (meter.allow, meter.bus.sweep_s, meter.bus.status_s) == (["manual", "observed"], 900, 180)
    customer = Customer.objects.get()
    assert (customer.phone, customer.pinyin) == ("013800000000", "tzcy")
    assert Gateway.objects.get().config_version > 1
    assert LogEntry.objects.get(action="estate.import").after["meters"] == 2


def test_the_same_workbook_twice_is_once(db: None, tmp_path: Path) -> None:
    imported(tmp_path)
    before, version = counts(), Gateway.objects.get().config_version
    plan = imported(tmp_path)
    assert plan.problems == []
    assert (counts(), Gateway.objects.get().config_version) == (before, version)
    assert sum(plan.unchanged.values()) == sum(len(rows) for rows in GOOD.values())


def test_a_second_workbook_adds_to_what_is_there(db: None, tmp_path: Path) -> None:
    imported(tmp_path)
    more = {"number": "0300010402", "gateway": "GW-1", "bus": "bus-1", "unit": 2, "profile": "acrel-dtsy1352-nk"}
    plan = imported(tmp_path, meters=[more])
    assert plan.problems == []
    assert plan.counts()["meters"] == 1
    assert Meter.objects.count() == 3


METER = {"number": "0300010402", "gateway": "GW-1", "bus": "bus-1", "unit": 2, "profile": "acrel-dtsy1352-nk"}


@pytest.mark.parametrize(
    ("changes", "cell", "says"),
    [
        ({"meters_0_number": 300010401}, "仪表!A2", "number cell"),
        ({"meters_0_number": 3.0001e9}, "仪表!A2", "number cell"),
        ({"meters_0_number": "03000 1"}, "仪表!A2", "does not fit"),
        ({"meters_0_number": None}, "仪表!A2", "is empty"),
        ({"meters_1_number": "030001040A"}, "仪表!A3", "twice: it stands in row 2"),
        ({"meters_0_bus": "bus-9"}, "仪表!C2", "no bus of gateway GW-1"),
        ({"meters_0_unit": 248}, "仪表!D2", "from 1 to 247"),
        ({"meters_0_unit": 1.5}, "仪表!D2", "from 1 to 247"),
        ({"meters_0_unit": None}, "仪表!D2", "is empty"),
        ({"meters_1_unit": 10}, "仪表!D3", "address of meter 030001040A"),
        ({"meters_0_profile": "acrel-dtsy9999"}, "仪表!F2", "is not known. Known are: "),
        ({"meters_0_room": "0999"}, "仪表!H2", "no room of building A"),
        ({"meters_0_room": None}, "仪表!H2", "a building needs a room"),
        ({"meters_0_building": None}, "仪表!G2", "a room needs its building"),
        ({"meters_0_ct_ratio": 0}, "仪表!K2", "from 1 to 10000"),
        ({"meters_0_alarm1_fen": "12.345"}, "仪表!L2", "at most two decimals"),
        ({"meters_0_alarm1_fen": "-5"}, "仪表!L2", "at most two decimals"),
        ({"meters_0_alarm1_fen": 50.125}, "仪表!L2", "at most two decimals"),
        ({"meters_0_alarm2_fen": 51}, "仪表!M2", "above alarm 1"),
        ({"meters_0_price_flat_e4": 0.68125}, "仪表!R2", "at most four decimals"),
        ({"meters_0_allow": "manual, guess"}, "仪表!U2", "“guess” is not known"),
        ({"meters": [METER | {"profile": "dlt645-2007"}]}, "仪表!E4", "is empty: meters of this model"),
        ({"meters": [METER | {"profile": "dlt645-2007", "address": "12"}]}, "仪表!E4", "twelve digits"),
        ({"rooms_0_number": 306}, "房间!D2", "number cell"),
        ({"rooms_1_number": "0306"}, "房间!D3", "twice"),
        ({"rooms_0_floor": "3rd"}, "房间!B2", "whole number"),
        ({"buildings_0_name": None}, "楼宇!B2", "is empty"),
        ({"gateways_0_suite": "rot13"}, "通讯管理机!C2", "is not known"),
        ({"buses_0_url": "10.0.0.2:4001"}, "总线!C2", "no bus address"),
        ({"buses_0_sweep_s": 0}, "总线!D2", "from 1 to 86400"),
        ({"customers_0_phone": 13800000000}, "客户!D2", "number cell"),
        ({"customers_0_name": "x" * 129}, "客户!B2", "longer than 128"),
    ],
)
def test_a_bad_cell_is_named_and_nothing_is_imported(
    db: None, tmp_path: Path, changes: dict[str, Any], cell: str, says: str
) -> None:
    plan = checked(tmp_path, **changes)
    named = {f"{one.sheet}!{one.cell}": one.text for one in plan.problems}
    assert cell in named, named
    assert says in named[cell]
    assert counts() == [0] * len(MODELS)


def test_an_amount_is_what_the_sheet_shows_not_the_float_behind_it() -> None:
    assert [amount_fen(cell) for cell in (1.1 * 3, 0.1 + 0.2, 20.5, 1000.0, "7.10")] == [330, 30, 2050, 100_000, 710]


def test_every_bad_cell_is_named_at_once(db: None, tmp_path: Path) -> None:
    plan = checked(tmp_path, meters_0_unit=300, meters_0_ct_ratio=-1, meters_1_profile="?", rooms_1_floor="x")
    assert [f"{one.sheet}!{one.cell}" for one in plan.problems] == ["房间!B3", "仪表!D2", "仪表!K2", "仪表!F3"]
    assert plan.bad_rows == 3


def test_what_names_a_bad_row_is_bad_itself(db: None, tmp_path: Path) -> None:
    """The good rows alone make sense: nothing hangs in the air when the bad ones are left out."""
    plan = checked(tmp_path, rooms_0_floor="x")
    assert [f"{one.sheet}!{one.cell}" for one in plan.problems] == ["房间!B2", "仪表!H2"]
    write(plan, operator=None, now=NOW, source="estate.xlsx")
    assert list(Meter.objects.values_list("number", flat=True)) == ["0300010401"]


def test_what_is_there_with_another_value_is_named_and_left_alone(db: None, tmp_path: Path) -> None:
    imported(tmp_path)
    plan = checked(tmp_path, meters_0_ct_ratio=20, gateways_0_name="机房")
    assert [f"{one.sheet}!{one.cell}: {one.text}" for one in plan.problems] == [
        "通讯管理机!B2: is 弱电间 already. An import adds; change it in the console.",
        "仪表!K2: is 120 already. An import adds; change it in the console.",
    ]
    assert Meter.objects.get(number="030001040A").ct_ratio == 120


def test_a_write_that_fails_half_way_leaves_nothing(db: None, tmp_path: Path) -> None:
    """Somebody added one of the customers between the check and the write."""
    plan = checked(tmp_path)
    Customer.objects.create(number="K0001", name="x", created_at=NOW)
    before = counts()
    with pytest.raises(Exception, match=r"(?i)unique"):
        write(plan, operator=None, now=NOW, source="estate.xlsx")
    assert counts() == before


def test_the_template_is_a_workbook_that_can_be_imported(db: None, tmp_path: Path) -> None:
    path = tmp_path / "template.xlsx"
    workbook.write_template(path)
    plan = planning.check(workbook.read(path))
    assert plan.problems == []
    assert plan.counts() == dict.fromkeys(TITLES, 1)
    shown = openpyxl.load_workbook(path)
    assert [page.title for page in shown.worksheets] == [*TITLES.values(), "填表说明"]
    assert shown["仪表"]["A2"].value == "030001040A"
    assert shown["仪表"]["A2"].number_format == "@"


def test_english_heads_and_missing_sheets_will_do(db: None, tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.worksheets[0].title = "客户"
    book.worksheets[0].append(["Name", "user number*"])
    book.worksheets[0].append(["ABC", "K7"])
    book.save(tmp_path / "c.xlsx")
    plan = planning.check(workbook.read(tmp_path / "c.xlsx"))
    assert plan.new == {"customers": [{"name": "ABC", "number": "K7"}]}


def test_empty_rows_are_passed_over_and_rows_keep_their_numbers(db: None, tmp_path: Path) -> None:
    plan = checked(tmp_path, customers=[{}, {"number": "K0002"}])
    assert [f"{one.sheet}!{one.cell}" for one in plan.problems] == ["客户!B4"]


def _not_a_workbook(folder: Path) -> Path:
    (folder / "x.xlsx").write_bytes(b"hello")
    return folder / "x.xlsx"


def _another_zip(folder: Path) -> Path:
    with zipfile.ZipFile(folder / "x.xlsx", "w") as packed:
        packed.writestr("a.txt", "hello")
    return folder / "x.xlsx"


def _bomb(folder: Path) -> Path:
    with zipfile.ZipFile(folder / "x.xlsx", "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("xl/worksheets/sheet1.xml", b"\0" * (workbook.UNPACKED_BYTES_MAX + 1))
    return folder / "x.xlsx"


def _other_sheets(folder: Path) -> Path:
    openpyxl.Workbook().save(folder / "x.xlsx")
    return folder / "x.xlsx"


def _column_missing(folder: Path) -> Path:
    book = openpyxl.Workbook()
    book.worksheets[0].title = "仪表"
    book.worksheets[0].append(["表号", "地址"])
    book.save(folder / "x.xlsx")
    return folder / "x.xlsx"


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda folder: folder / "none.xlsx", "cannot be opened"),
        (_not_a_workbook, "not an .xlsx file"),
        (_another_zip, "cannot be read"),
        (_bomb, "unpacks to more than 200 MB"),
        (_other_sheets, "none of the sheets"),
        (_column_missing, "lacks the columns 通讯管理机, 总线, 型号"),
    ],
)
def test_a_file_that_is_no_such_workbook_is_refused_in_words(db: None, tmp_path: Path, make: Any, says: str) -> None:
    with pytest.raises(workbook.WorkbookRefused, match=says):
        workbook.read(make(tmp_path))


def test_too_many_rows_are_refused(db: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbook, "ROWS_MAX", 1)
    with pytest.raises(workbook.WorkbookRefused, match="房间 has more than 1 rows"):
        workbook.read(written(tmp_path, estate()))
