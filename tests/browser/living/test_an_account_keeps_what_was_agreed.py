"""19 待到账, 34 功率阈值, 35 提示报警, 37 查询密码, 38 失效, 39 用电类型: on the pages of the living tower."""

from __future__ import annotations

from typing import Any

import pytest

from desk import FREE_ROOMS, OFFICES, chosen_in_fleet, customer_page, remembers, yuan
from house.demo import Demo
from prewatt.server.demo.tower import Wanted, rooms

pytestmark = pytest.mark.browser
AGREED, LOADED = OFFICES[18:20]
READ = FREE_ROOMS[5]
SILENT = [room for room in rooms() if room.wanted is Wanted.LOST][-1]


def test_a_power_threshold_reaches_the_meter(at: Any, tower: Demo) -> None:
    page = at("/fleet/", who="engineer")
    chosen_in_fleet(page, LOADED)
    page.click("[data-selection] [hx-post$='/limits/preview/']")
    page.wait_for_selector("dialog[open]")
    page.fill("#dlg-overload_limit_w", "6.5")
    page.press("#dlg-overload_limit_w", "Tab")
    page.wait_for_selector("#changes .facts")
    page.click("dialog[open] .df button:not([data-dismiss])")
    page.wait_for_selector("dialog[open]", state="detached")
    remembers(tower, LOADED, overload_limit_w=6_500)


def test_the_opening_form_reads_the_meters_amount_and_knows_the_kinds_of_use(at: Any, tower: Demo) -> None:
    page = at("/customers/open/")
    page.fill("#free", READ.number)
    page.wait_for_selector(f".cand:has-text('{READ.meter}')")
    page.press("#free", "Enter")
    page.get_by_role("button", name="Read its amount now").click()
    page.wait_for_selector(".reading:has-text('The meter is being read')")
    page.wait_for_selector(".reading:has-text('On the meter')")
    shown = yuan(page.locator(".reading b.num").inner_text())
    assert shown == tower.meter(READ.meter)["balance_fen"]
    assert page.locator("#uses option").count() > 3


def test_a_new_enquiry_password_and_use_are_kept_and_logged_without_the_password(at: Any) -> None:
    page = at("/customers/")
    customer_page(page, AGREED)
    page.click("a[href$='/edit/']")
    page.fill("#password", "geheim-77")
    page.locator("main form button.pri").first.click()
    page.wait_for_selector("#accounts")
    assert "geheim-77" not in page.content()
    page.click("#accounts a[href*='/customers/account/']:not([href*='change'])")
    page.fill("#use", "办公")
    page.uncheck("[name=alarm1_notify]")
    page.locator("main form button.pri").first.click()
    page.wait_for_selector("#accounts")
    said = page.inner_text("#accounts")
    assert "办公" in said
    assert "(silent)" in said  # alarm 1 has a notice of its own
    page.goto(f"/log/?text={page.inner_text('.sub.mono').strip()}")
    said = page.inner_text("main table")
    assert "password" in said
    assert "geheim-77" not in said


def test_nothing_is_sold_to_an_inactive_account(at: Any, tower: Demo) -> None:
    before = tower.meter(AGREED.meter)
    page = at("/customers/")
    customer_page(page, AGREED)
    account = page.locator("#accounts a[href*='/customers/account/']:not([href*='change'])").first
    address = account.get_attribute("href")

    def mark(*, inactive: bool) -> None:
        page.goto(address)
        page.set_checked("[name=inactive]", inactive)
        page.locator("main form button.pri").first.click()
        page.wait_for_selector("#accounts")

    mark(inactive=True)
    try:
        counter = at(f"/sale/?meter={AGREED.meter}", who="cashier")
        counter.fill("#amount", "20")
        counter.press("#amount", "Enter")
        counter.wait_for_selector(".msg.bad:has-text('inactive')")
    finally:
        mark(inactive=False)
    assert tower.meter(AGREED.meter)["purchase_count"] == before["purchase_count"]


def test_money_for_a_silent_meter_waits_in_a_list_and_comes_back(at: Any, tower: Demo) -> None:
    before = tower.meter(SILENT.meter)
    page = at(f"/sale/?meter={SILENT.meter}", who="finance")
    page.fill("#amount", "44")
    page.press("#amount", "Enter")
    page.wait_for_selector(f".prog:has-text('{SILENT.number}'):has-text('44.00')")
    page.goto("/orders/waiting/")
    row = page.locator(f"main table tr:has-text('{SILENT.number}')")
    assert "44.00" in row.inner_text()
    after = tower.meter(SILENT.meter)
    assert (after["bought_fen"], after["purchase_count"]) == (before["bought_fen"], before["purchase_count"])
