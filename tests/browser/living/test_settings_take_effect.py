"""10 to 13 系统设置, 5 二次验证: what is set on a page is what the next page and the next log-in go by."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from django_otp.oath import totp

from desk import OFFICES, memory
from house.demo import Demo
from prewatt.server.demo.log_ins import PASSWORD

pytestmark = pytest.mark.browser
UNTOUCHED = OFFICES[16]


def test_a_method_that_is_not_offered_is_not_at_the_counter(at: Any) -> None:
    page = at("/settings/counter/")
    counter = at("/sale/?meter=" + UNTOUCHED.meter, who="cashier")
    assert counter.locator("[name=tender][value=unionpay]").count() == 1
    page.uncheck("[name=method][value=unionpay]")
    page.get_by_role("button", name="Save").click()
    page.wait_for_selector(".msg.good")
    try:
        counter.reload()
        counter.wait_for_selector("[name=tender][value=cash]", state="attached")
        assert counter.locator("[name=tender][value=unionpay]").count() == 0
    finally:
        page.check("[name=method][value=unionpay]")
        page.get_by_role("button", name="Save").click()
        page.wait_for_selector(".msg.good")


def test_defaults_show_whom_they_would_change_and_change_nobody(at: Any, tower: Demo) -> None:
    page = at("/settings/defaults/")
    before = page.input_value("[name=alarm1_fen]")
    page.fill("[name=alarm1_fen]", "66")
    page.get_by_role("button", name="What would change in the meters?").click()
    page.wait_for_selector("h2:has-text('if this were saved')")
    assert page.input_value("[name=alarm1_fen]") == "66"
    page.goto("/settings/defaults/")
    assert page.input_value("[name=alarm1_fen]") == before
    assert memory(tower, UNTOUCHED)["alarm1_fen"] != 6_600


def test_a_log_in_asks_for_the_code_once_it_is_switched_on(at: Any) -> None:
    page = at("/account/second-factor/", who="viewer")
    key = base64.b32decode(page.inner_text(".how .mono").replace(" ", ""))
    page.fill("#code", f"{totp(key):06d}")
    page.press("#code", "Enter")
    page.wait_for_selector("h1:has-text('Recovery codes')")
    try:
        page.context.clear_cookies(name="sessionid")
        page.goto("/")
        page.fill("#username", "viewer")
        page.fill("#password", PASSWORD)
        page.press("#password", "Enter")
        page.wait_for_url("**/login/code/")
        page.goto("/sales/")
        assert "/login/" in page.url
        page.goto("/login/code/")
        page.fill("#code", f"{totp(key, drift=1):06d}")  # a code is good for one use
        page.press("#code", "Enter")
        page.wait_for_selector("aside.side")
    finally:
        page.goto("/account/")
        page.fill("#own-password", PASSWORD)
        page.get_by_role("button", name="Turn off").click()
        page.wait_for_selector("a:has-text('Turn on')")
