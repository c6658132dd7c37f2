"""Log-in, tower, card and switching in a real browser; both languages, light and dark, desk and phone."""

from __future__ import annotations

from typing import Any

import pytest

from counter import Counter, yuan

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
DESK, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}
PASSWORD = "a long enough secret"


def pk(counter: Counter) -> int:
    return int(counter.meters[0].pk)


def test_logging_in_from_the_keyboard(browser: Any, live_server: Any, counter: Counter) -> None:
    counter.cashier.set_password(PASSWORD)
    counter.cashier.save()
    context = browser.new_context()
    page = context.new_page()
    page.goto(live_server.url + "/building/")
    page.keyboard.type("cashier")
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/building/")
    assert page.text_content("h1") == "楼宇"
    context.close()


def test_a_room_is_chosen_its_card_comes_and_goes(visit: Any, counter: Counter) -> None:
    page = visit("/building/", who=counter.admin)
    page.click(f"#t-{pk(counter)}")
    page.wait_for_selector("#card [data-card]")
    assert "50.00" in page.text_content("#card")
    assert "sel" in page.get_attribute(f"#t-{pk(counter)}", "class")
    assert f"meter={pk(counter)}" in page.url
    page.reload()
    page.wait_for_selector("#card [data-card]")
    page.keyboard.press("Escape")
    page.wait_for_selector("#card [data-card]", state="detached")
    assert "sel" not in page.get_attribute(f"#t-{pk(counter)}", "class")
    assert "meter=" not in page.url


def test_a_tile_changes_by_itself_and_nothing_jumps(visit: Any, counter: Counter) -> None:
    page = visit("/building/", who=counter.admin)
    page.click(f"#t-{pk(counter)}")
    page.wait_for_selector("#card [data-card]")
    before = page.locator(f"#t-{pk(counter)}").bounding_box()
    counter.read(counter.meters[0], balance_fen=yuan("12.34"))
    page.wait_for_selector(f"#t-{pk(counter)}.s-al2", timeout=15_000)
    assert page.text_content(f"#t-{pk(counter)} span") == "12.3"
    assert page.text_content("#n-al2") == "1"
    assert "sel" in page.get_attribute(f"#t-{pk(counter)}", "class")
    assert page.locator(f"#t-{pk(counter)}").bounding_box() == before


def test_switching_off_asks_for_a_reason_and_the_number(visit: Any, counter: Counter) -> None:
    from prewatt.domain.control.models import SwitchRules
    from prewatt.domain.dispatch.models import MeterOrder

    SwitchRules.objects.create(protect=False)  # whatever hour this runs at
    page = visit(f"/meters/{pk(counter)}/", who=counter.admin)
    page.click("#acts .dng")
    page.wait_for_selector("dialog[open] #dlg-r:focus")
    page.keyboard.press("Escape")
    page.wait_for_selector("dialog", state="detached")
    page.click("#acts .dng")
    page.wait_for_selector("dialog[open] #dlg-r:focus")
    page.keyboard.type("Work")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.type("999")
    page.keyboard.press("Enter")
    page.wait_for_selector("dialog[open] [role=alert]")
    assert MeterOrder.objects.count() == 0
    page.fill("#dlg-c", "101")
    page.press("#dlg-c", "Enter")
    page.wait_for_selector("dialog", state="detached")
    page.wait_for_selector("#events .stat")
    assert MeterOrder.objects.get().kind == "switch_off"


def test_the_language_and_the_theme_are_kept(visit: Any, counter: Counter) -> None:
    page = visit("/", who=counter.admin, language="zh-hans")
    assert page.text_content("h1") == "总览"
    page.click(".lang button")
    page.wait_for_selector("h1:text('Dashboard')")
    assert page.get_attribute("html", "data-bs-theme") == "light"
    page.click("[data-theme-toggle]")
    page.goto(page.url + "fleet/")
    assert page.get_attribute("html", "data-bs-theme") == "dark"
    assert page.text_content("h1") == "Fleet"


def test_without_a_choice_the_page_follows_the_system(visit: Any, counter: Counter) -> None:
    page = visit("/", who=counter.admin, dark=True)
    assert page.get_attribute("html", "data-bs-theme") == "dark"
    page.emulate_media(color_scheme="light")
    page.wait_for_selector("html[data-bs-theme=light]")


def test_keys_lead_everywhere(visit: Any, counter: Counter) -> None:
    page = visit("/", who=counter.admin)
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.name") == "q"
    page.keyboard.type("101")
    page.keyboard.press("Enter")
    page.wait_for_url("**/fleet/**")
    page.keyboard.press("Alt+2")
    page.wait_for_url("**/building/")
    page.keyboard.press("F2")
    page.wait_for_url("**/sale/")
    page.keyboard.press("Alt+1")
    page.wait_for_selector("h1:text('Dashboard')")


def test_a_server_that_is_gone_is_said_in_one_line(visit: Any, counter: Counter) -> None:
    page = visit(f"/meters/{pk(counter)}/", who=counter.admin)
    page.route("**/card/**", lambda route: route.abort())
    page.wait_for_selector(".cut-off:visible", timeout=10_000)
    page.unroute("**/card/**")
    page.wait_for_selector(".cut-off", state="hidden", timeout=10_000)


def test_on_a_phone_a_room_is_a_page_and_the_menu_folds(visit: Any, counter: Counter) -> None:
    page = visit("/building/", who=counter.admin, size=PHONE)
    assert not page.is_visible("#side nav")
    page.click("[data-menu]")
    assert page.is_visible("#side nav")
    page.keyboard.press("Escape")
    assert page.locator(f"#t-{pk(counter)}").bounding_box()["height"] >= 44
    page.click(f"#t-{pk(counter)}")
    page.wait_for_url(f"**/meters/{pk(counter)}/")


@pytest.mark.parametrize("path", ["/", "/building/", "/building/?meter={pk}", "/meters/", "/meters/{pk}/", "/login/"])
@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_nothing_runs_out_of_the_page(visit: Any, counter: Counter, path: str, size: Any, language: str) -> None:
    page = visit(path.format(pk=pk(counter)), who=counter.admin, size=size, language=language)
    assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
    assert page.evaluate("document.querySelector('main').scrollWidth") <= size["width"]


def test_small_things_are_big_enough_for_a_finger(visit: Any, counter: Counter) -> None:
    page = visit(f"/meters/{pk(counter)}/", who=counter.admin, size=PHONE)
    heights = page.eval_on_selector_all("#acts .btn-p", "all => all.map(one => one.getBoundingClientRect().height)")
    assert heights
    assert min(heights) >= 44
