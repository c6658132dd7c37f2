"""1 重新登陆, 2 操作员, 3 权限, 4 操作日志, 5 密码: somebody new comes in and sells; a page goes."""

from __future__ import annotations

from typing import Any

import pytest

from desk import OFFICES, sell

pytestmark = pytest.mark.browser
SOLD = OFFICES[14]
OWN_PASSWORD = "ein langer Satz 9"


def log_in(page: Any, username: str, password: str) -> None:
    page.fill("#username", username)
    page.fill("#password", password)
    page.press("#password", "Enter")


def test_somebody_new_chooses_a_password_sells_and_stands_in_the_log(at: Any) -> None:
    page = at("/operators/new/")
    page.fill("#username", "newcomer")
    page.fill("#name", "新来的")
    page.select_option("#role", label="Cashier")
    page.check("[name=all_buildings]")
    page.get_by_role("button", name="Add and show the first password").click()
    first = page.inner_text(".given")
    page.click("details.who summary")
    page.click("text=Change operator")
    log_in(page, "newcomer", first)
    page.wait_for_url("**/account/password/")
    page.fill("#old", first)
    page.fill("#new", OWN_PASSWORD)
    page.fill("#again", OWN_PASSWORD)
    page.press("#again", "Enter")
    page.wait_for_selector("aside.side")
    page.goto("/sale/")
    sell(page, SOLD, "15")
    log = at("/log/")
    log.select_option("select[name=who]", label="新来的")
    log.wait_for_selector(f"main table tr:has-text('{SOLD.meter}')")


def test_a_right_taken_from_a_role_takes_its_page_away(at: Any) -> None:
    looking = at("/sales/", who="viewer")
    looking.wait_for_selector("aside.side a[href='/sales/']")
    boss = at("/roles/")
    right = "input[type=checkbox][value=read]"
    role = boss.locator("th:has-text('Read only')").evaluate("cell => cell.cellIndex")
    box = boss.locator(f"tr:has({right}) td").nth(role).locator("input")
    box.uncheck()
    boss.get_by_role("button", name="Save").click()
    boss.wait_for_load_state()
    try:
        answer = looking.goto("/sales/")
        assert answer.status == 403
        assert looking.locator("aside.side a[href='/sales/']").count() == 0
    finally:
        boss.goto("/roles/")
        boss.locator(f"tr:has({right}) td").nth(role).locator("input").check()
        boss.get_by_role("button", name="Save").click()
        boss.wait_for_load_state()
    assert looking.goto("/sales/").status == 200


def test_a_drawer_is_opened_counted_and_handed_over(at: Any) -> None:
    page = at("/shifts/open/", who="finance")
    page.fill("#amount", "200")
    page.get_by_role("button", name="Open the shift").click()
    page.goto("/shifts/")
    page.locator("main table tr:has-text('何敏') a").first.click()
    page.fill("#counted", page.inner_text("#expected").replace(",", ""))
    page.wait_for_function("document.querySelector('#difference').textContent.trim() === '0.00'")
    page.fill("#handed_to", "林晓岚")
    page.get_by_role("button", name="Close the shift").click()
    page.wait_for_selector(".signs", state="attached")
    assert "林晓岚" in page.inner_text(".cash")
