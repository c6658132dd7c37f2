"""7 通讯管理机, 8 仪表, 31 Excel, 40, 41, 调试: a code is drawn, a sheet brought in, a bus scanned and read."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from desk import FREE_ROOMS, OFFICES, yuan
from house.demo import Demo
from prewatt.server.demo.tower import METERS_PER_BUS, rooms

pytestmark = pytest.mark.browser
LOOKED_AT = OFFICES[15]
ADDED = "0399000001"


def sheet(path: Path) -> Path:
    """A gateway that hangs nowhere yet, its bus, and two meters: one good, one for a bus that is not there."""
    book = openpyxl.Workbook()
    book.remove(book.active)
    for title, *rows in (
        ("通讯管理机", ["通讯管理机*", "名称", "加密套件"], ["GW-Z", "备用间", "aes-256-gcm"]),
        ("总线", ["通讯管理机*", "总线*", "接口地址*"], ["GW-Z", "bus-1", "rtu+tcp://192.0.2.1:4001?baud=9600"]),
        (
            "仪表",
            ["表号*", "通讯管理机*", "总线*", "地址", "型号*", "表备注"],
            [ADDED, "GW-Z", "bus-1", 1, "acrel-dtsy1352-nk", "备用"],
            ["0399000002", "GW-Z", "bus-7", 2, "acrel-dtsy1352-nk", ""],
        ),
    ):
        part = book.create_sheet(title)
        for row in rows:
            part.append(row)
    book.save(path)
    return path


def test_the_good_rows_of_a_sheet_are_brought_in(at: Any, tmp_path: Path) -> None:
    page = at("/settings/import/")
    page.set_input_files("#file", sheet(tmp_path / "meters.xlsx"))
    page.get_by_role("button", name="Show the preview").click()
    page.wait_for_selector("td.es-wrong")
    assert "bus-7" in page.inner_text("tr:has(td.es-wrong)")
    page.get_by_role("button", name="Import only the 3 good rows").click()
    page.wait_for_selector(".msg.good")
    page.goto(f"/settings/meters/?text={ADDED}")
    page.wait_for_selector(f"main table tr:has-text('{ADDED}')")


def test_a_gateway_gets_a_code_that_is_shown_once(at: Any) -> None:
    page = at("/settings/gateways/new/")
    page.fill("[name=code]", "GW-Y")
    page.fill("[name=name]", "another closet")
    page.locator("form.es-form button.pri").click()
    page.get_by_role("button", name="Draw a code").click()
    code = page.inner_text("#code").strip()
    assert code in page.inner_text("#command")
    page.reload()
    assert code not in page.content()


def test_a_scan_finds_the_meters_of_a_bus(at: Any) -> None:
    page = at("/commissioning/", who="engineer")
    page.select_option("[name=bus]", index=7)
    page.wait_for_selector("#s-first")
    page.fill("#s-first", "1")
    page.fill("#s-last", "4")
    page.get_by_role("button", name="Scan the bus").click()
    page.wait_for_selector("#look .cm-state:has-text('Done')")
    on_the_bus = [room for room in rooms() if room.bus == 8 and room.unit <= 4]
    assert len(on_the_bus) == 4 < METERS_PER_BUS
    for room in on_the_bus:
        assert room.meter in page.inner_text("#look table")


def test_a_live_reading_is_what_the_meter_has(at: Any, tower: Demo) -> None:
    page = at("/commissioning/live/", who="engineer")
    page.select_option("form[data-auto] [name=bus]", index=LOOKED_AT.bus - 1)
    page.wait_for_selector(f"#r-target option:has-text('{LOOKED_AT.meter}')", state="attached")
    value = page.locator(f"#r-target option:has-text('{LOOKED_AT.meter}')").get_attribute("value")
    page.select_option("#r-target", value)
    page.get_by_role("button", name="Read for two minutes").click()
    page.wait_for_selector("#look dl.kv")
    shown = yuan(page.inner_text("#look dt:text-is('Balance') + dd").replace("yuan", ""))
    assert abs(shown - tower.meter(LOOKED_AT.meter)["balance_fen"]) <= 100  # it goes on counting while we look
    page.click("#look button:has-text('Stop')")
    page.wait_for_selector("#look .cm-state:has-text('Stopped')")


def test_the_frames_of_a_bus_pass_by(at: Any) -> None:
    page = at("/commissioning/frames/", who="engineer")
    page.select_option("form[data-auto] [name=bus]", index=LOOKED_AT.bus - 1)
    page.get_by_role("button", name="Watch for two minutes").click()
    page.wait_for_selector("#frames li >> nth=1")
    assert {"out", "in"} <= set(page.locator("#frames .dir span").all_inner_texts())
    page.click("#look button:has-text('Stop')")
    page.wait_for_selector("#look .cm-state:has-text('Stopped')")


def test_labels_are_a_pdf(at: Any) -> None:
    page = at("/commissioning/labels/", who="engineer")
    page.fill("#l-text", LOOKED_AT.number)
    with page.expect_download() as saved:
        page.get_by_role("button", name="Make the PDF").click()
    assert Path(saved.value.path()).read_bytes().startswith(b"%PDF")


def test_a_register_is_exported_as_shown(at: Any) -> None:
    page = at(f"/fleet/?text={LOOKED_AT.meter}")
    with page.expect_download() as saved:
        page.click("a:has-text('Export Excel')")
    book = openpyxl.load_workbook(io.BytesIO(Path(saved.value.path()).read_bytes()))
    cells = [str(cell) for row in book.active.iter_rows(values_only=True) for cell in row]
    assert LOOKED_AT.meter in cells
    assert not {room.meter for room in FREE_ROOMS} & set(cells)
