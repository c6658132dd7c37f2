"""11 开户, 13 换表 过户 销户, 14 销户查询: what the pages say is what the meters remember."""

from __future__ import annotations

import io
import re
from typing import Any

import openpyxl
import pytest

from desk import FREE_ROOMS, OFFICES, customer_page, yuan
from house.demo import Demo
from house.processes import wait_for
from prewatt.server.demo.log_ins import PASSWORD
from prewatt.server.demo.tower import Wanted, rooms

pytestmark = pytest.mark.browser
OPENED, NEW_METER, *TOGETHER = FREE_ROOMS[0:4]
LOST = next(room for room in rooms() if room.wanted is Wanted.LOST)
CHANGED, HANDED_OVER, CLOSED = OFFICES[2:5]


def test_an_account_opens_with_its_first_recharge(at: Any, tower: Demo) -> None:
    before = tower.meter(OPENED.meter)
    assert not before["memory"]["opened"]
    page = at("/customers/open/")
    page.fill("#name", "同舟茶饮")
    page.fill("#phone", "13800009999")
    page.fill("#free", OPENED.number)
    page.wait_for_selector(f".cand:has-text('{OPENED.meter}')")
    page.press("#free", "Enter")
    page.fill("[data-first]", "200")
    page.get_by_role("button", name="Open the account").click()
    page.wait_for_selector("#accounts .way li:last-child.done")
    after = tower.meter(OPENED.meter)
    assert after["memory"]["opened"]
    assert after["bought_fen"] - before["bought_fen"] == 20_000
    assert 0 < after["balance_fen"] <= 20_000
    assert after["memory"]["recharges"][-1]["amount_fen"] == 20_000


def test_a_changed_meter_hands_its_credit_to_the_new_one(at: Any, tower: Demo) -> None:
    page = at("/customers/")
    customer_page(page, CHANGED)
    page.click("#accounts a:has-text('Change the meter')")
    page.fill("#new", NEW_METER.number)
    page.check(f"label.pick:has-text('{NEW_METER.meter}') input")
    page.get_by_role("button", name="Switch off and change the meter").click()
    page.wait_for_selector("#way-of-all:not([hx-get])")
    carried = yuan(page.locator("#way-of-all tfoot td.num").last.inner_text())
    old, new = tower.meter(CHANGED.meter), tower.meter(NEW_METER.meter)
    assert carried > 0
    assert (old["balance_fen"], old["relay_closed"]) == (0, 0)
    assert old["memory"]["recharges"][-1]["amount_fen"] == -carried
    assert new["memory"]["recharges"][-1]["amount_fen"] == carried
    assert new["memory"]["opened"]
    assert new["relay_closed"] == 1


def test_a_handed_over_meter_keeps_its_credit_for_the_next_tenant(at: Any, tower: Demo) -> None:
    before = tower.meter(HANDED_OVER.meter)
    page = at("/customers/")
    customer_page(page, HANDED_OVER)
    page.click("a:has-text('Hand over…')")
    page.check("[name=to][value=new]")
    page.fill("#name", "后来者书店")
    page.locator("main form").get_by_role("button", name="Hand over").click()
    page.wait_for_selector("#way-of-all:not([hx-get])")
    page.goto("/customers/?text=" + HANDED_OVER.number)
    page.wait_for_selector("main table a:has-text('后来者书店')")
    after = tower.meter(HANDED_OVER.meter)
    assert (after["bought_fen"], after["purchase_count"]) == (before["bought_fen"], before["purchase_count"])
    assert after["relay_closed"] == 1


def test_a_closed_account_leaves_no_credit_on_its_meter(at: Any, tower: Demo) -> None:
    page = at("/customers/")
    customer_page(page, CLOSED)
    page.click("a:has-text('Close the account…')")
    page.get_by_role("button", name="Switch off and close 1 meter").click()
    page.wait_for_selector("#way-of-all:not([hx-get])")
    back = yuan(page.locator("#way-of-all tfoot td.num").last.inner_text())
    after = tower.meter(CLOSED.meter)
    assert back > 0
    assert (after["balance_fen"], after["relay_closed"]) == (0, 0)
    assert after["memory"]["recharges"][-1]["amount_fen"] == -back
    assert re.search(r"\b[A-Z]+2\d{3}-\d{6}\b", page.inner_text(".paid-l"))  # the red receipt's number
    page.goto("/closings/")
    assert CLOSED.tenant in page.inner_text("main table")


def test_a_sheet_opens_its_good_rows_and_names_the_bad_cell(at: Any, tower: Demo) -> None:
    book = openpyxl.Workbook()
    book.active.title = "开户"
    book.active.append(("用户编号*", "用户名字*", "表号*", "首次充值(元)"))
    for number, room in enumerate(TOGETHER, start=1):
        book.active.append((f"L000{number}", f"同楼商户{number}", room.meter, 150))
    book.active.append(("L0009", "", OPENED.meter, "a lot"))
    file = io.BytesIO()
    book.save(file)
    page = at("/customers/batch/")
    page.set_input_files("#file", {"name": "开户.xlsx", "mimeType": "", "buffer": file.getvalue()})
    page.get_by_role("button", name="Look at it").click()
    page.wait_for_selector("#preset-rows .why:has-text('D4')")
    assert not any(tower.meter(room.meter)["memory"]["opened"] for room in TOGETHER)
    page.get_by_role("button", name="Open 2 accounts, 300.00 yuan").click()
    page.wait_for_selector("#preset-rows:not([hx-get])")
    for room in TOGETHER:
        wait_for(lambda meter=room.meter: tower.meter(meter)["bought_fen"] == 15_000, "its first recharge")
        assert tower.meter(room.meter)["memory"]["opened"]


def test_the_account_of_a_meter_that_is_silent_is_closed_by_two_persons(at: Any, tower: Demo) -> None:
    before = tower.meter(LOST.meter)
    page = at("/customers/")
    customer_page(page, LOST)
    page.click("a:has-text('Close the account…')")
    close = page.get_by_role("button", name="Switch off and close 1 meter")
    register = page.locator("main table td[data-title='Register (kWh)']").first.inner_text().replace(",", "")
    for field, value in (("balance", "12.30"), ("energy", register), ("reason", "its display is dark")):
        page.fill(f"[name$=-{field}]", value)
    close.click()
    page.wait_for_selector(".msg.bad")  # nobody has confirmed what was typed
    assert page.input_value("[name$=-balance]") == "12.30"
    page.fill("[name=second_username]", "cashier")
    page.fill("[name=second_password]", PASSWORD)
    close.click()
    page.wait_for_selector("#way-of-all:not([hx-get])")
    assert yuan(page.locator("#way-of-all tfoot td.num").last.inner_text()) == 1_230
    page.goto("/closings/")
    assert LOST.tenant in page.inner_text("main table")
    after = tower.meter(LOST.meter)
    assert (after["bought_fen"], after["purchase_count"]) == (before["bought_fen"], before["purchase_count"])
