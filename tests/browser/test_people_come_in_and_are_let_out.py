"""An administrator adds somebody, who comes in, chooses a password and a second factor; and every page can be read."""

from __future__ import annotations

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django_otp.oath import totp
from django_otp.plugins.otp_totp.models import TOTPDevice

from counter import Counter
from prewatt.domain.staff.models import Operator

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
PASSWORD = "ganz neues Wort 7"
PAGES = (
    "/operators/",
    "/operators/new/",
    "/roles/",
    "/log/",
    "/account/",
    "/account/password/",
    "/account/second-factor/",
    "/site/",
)


def test_a_new_operator_comes_in_by_keyboard_and_asks_for_a_code_from_then_on(visit: Any, counter: Counter) -> None:
    page = visit("/operators/new/", who=counter.admin)
    page.fill("#username", "lin")
    page.fill("#name", "林晓岚")
    page.select_option("#role", label="Cashier")
    page.check("[name=all_buildings]")
    page.press("#username", "Enter")
    first = page.inner_text(".given")
    page.click("details.who summary")
    page.click("text=Change operator")
    page.fill("#username", "lin")
    page.fill("#password", first)
    page.press("#password", "Enter")
    page.wait_for_url("**/account/password/")
    page.fill("#old", first)
    page.fill("#new", PASSWORD)
    page.fill("#again", PASSWORD)
    page.press("#again", "Enter")
    page.wait_for_url("**/account/")
    page.click("text=Turn on")
    page.wait_for_selector("img.qr")
    assert page.evaluate("document.querySelector('img.qr').naturalWidth") > 100
    device = TOTPDevice.objects.get(user=Operator.objects.get(username="lin"))
    page.fill("#code", f"{totp(device.bin_key):06d}")
    page.press("#code", "Enter")
    codes = page.locator(".codes li")
    assert codes.count() == 10
    recovery = codes.first.inner_text()
    page.click("details.who summary")
    page.click("text=Log out")
    page.fill("#username", "lin")
    page.fill("#password", PASSWORD)
    page.press("#password", "Enter")
    page.wait_for_url("**/login/code/")
    page.fill("#code", recovery)
    page.press("#code", "Enter")
    page.wait_for_url("**/")
    assert page.locator(".who .nm").inner_text().startswith("林晓岚")


@pytest.mark.parametrize("dark", [False, True])
def test_everybody_can_read_and_use_these_pages(visit: Any, counter: Counter, dark: bool) -> None:
    page = visit("/", who=counter.admin, dark=dark)
    faults = []
    for path in (*PAGES, f"/operators/{counter.cashier.pk}/"):
        page.goto(page.url.split("/", 3)[0] + "//" + page.url.split("/")[2] + path)
        found = Axe().run(page).response["violations"]
        faults += [
            (path, one["id"], node["html"][:120])
            for one in found
            if one["impact"] in ("serious", "critical")
            for node in one["nodes"]
        ]
    assert faults == []


def test_no_page_scrolls_sideways_on_a_telephone(visit: Any, counter: Counter) -> None:
    page = visit("/", who=counter.admin, size={"width": 390, "height": 844})
    base = page.url.rstrip("/")
    wide = []
    for path in (*PAGES, f"/operators/{counter.cashier.pk}/"):
        page.goto(base + path)
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            wide.append(path)
    assert wide == []
