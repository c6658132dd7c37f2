"""6 建筑群, 9 户号, 10 默认参数, 25 集抄, 32 能耗, 42 登录界面: what is entered or counted is on the next page."""

from __future__ import annotations

from typing import Any

import pytest

from desk import FREE_ROOMS, OFFICES, yuan
from house.demo import Demo
from house.processes import wait_for

pytestmark = pytest.mark.browser
SEEN = OFFICES[17]
NEWLY_OPENED = FREE_ROOMS[4]


def save(page: Any) -> None:
    page.locator("form.es-form .es-foot button.pri").click()


def test_a_building_with_its_floor_and_room_is_entered(at: Any) -> None:
    page = at("/settings/buildings/new/")
    page.fill("[name=code]", "LV")
    page.fill("[name=name]", "西配楼")
    save(page)
    page.locator("li:has-text('西配楼') a:has-text('Floor')").click()
    page.fill("[name=number]", "2")
    save(page)
    page.goto("/settings/rooms/new/")
    page.fill("[name=number]", "LV-201")
    floor = page.locator("[name=floor] option:has-text('西配楼')").first.get_attribute("value")
    page.select_option("[name=floor]", floor)
    save(page)
    page.goto("/settings/rooms/?text=LV-201")
    assert "西配楼" in page.inner_text("main table tr:has-text('LV-201')")


def test_a_default_is_what_the_next_account_begins_with(at: Any) -> None:
    page = at("/settings/defaults/")
    before = page.input_value("[name=overload_limit_w]")
    page.fill("[name=overload_limit_w]", "7777")
    save(page)
    try:
        page.goto("/customers/open/")
        page.fill("#free", NEWLY_OPENED.number)
        page.press("#free", "Enter")
        page.wait_for_selector("[name$=-overload_limit_w]", state="attached")
        assert page.input_value("[name$=-overload_limit_w]") == "7777"
    finally:
        page.goto("/settings/defaults/")
        page.fill("[name=overload_limit_w]", before)
        save(page)


def test_what_the_gateway_polls_is_on_the_page_soon(at: Any, tower: Demo) -> None:
    """The register on the page is the meter's own, no older than the sweep."""
    page = at(f"/reports/meters/?text={SEEN.meter}", who="finance")

    def shown_wh() -> int:
        page.reload()
        return yuan(page.inner_text(f"tr:has-text('{SEEN.meter}') td[data-title='Register (kWh)']")) * 10

    wait_for(
        lambda: abs(shown_wh() - sum(tower.meter(SEEN.meter)["registers_wh"].values())) <= 500, "the register of today"
    )
    page.goto("/")
    online, known = page.inner_text("aside.side").split("Meters ")[1].split(" online")[0].split("/")
    assert 140 < int(online) < int(known)  # three are cut off: the page says so


def test_use_is_counted_for_every_room_and_for_the_building(at: Any) -> None:
    page = at("/reports/usage/", who="finance")
    total = yuan(page.locator(".sums b").first.inner_text())
    assert total > 0
    page.goto(f"/reports/usage/?text={SEEN.number}")
    assert 0 < yuan(page.locator(".sums b").first.inner_text()) < total


def test_the_door_wears_the_sites_name(at: Any, browser: Any, tower: Demo) -> None:
    page = at("/site/")
    before = page.input_value("[name=name]"), page.input_value("[name=text]")
    page.fill("[name=name]", "海棠湾物业")
    page.fill("[name=text]", "夜间请拨 8000")
    page.locator("main form button.pri").first.click()
    page.wait_for_load_state()
    outside = browser.new_context(base_url=f"http://127.0.0.1:{tower.port}")
    try:
        door = outside.new_page()
        door.goto("/login/")
        assert (door.inner_text("h1"), "夜间请拨 8000" in door.inner_text("form.door-f")) == ("海棠湾物业", True)
    finally:
        outside.close()
        page.goto("/site/")
        for name, text in zip(("name", "text"), before, strict=True):
            page.fill(f"[name={name}]", text)
        page.locator("main form button.pri").first.click()
        page.wait_for_load_state()
