"""Settings of the estate in a real browser: sorted by arrows and by dragging; a message is counted as it is typed."""

from __future__ import annotations

from typing import Any

import pytest

from counter import Counter

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser]
PHONE = {"width": 390, "height": 844}
PAGES = (
    "buildings",
    "rooms",
    "rooms/new",
    "gateways",
    "meters",
    "meters/new",
    "import",
    "defaults",
    "messages",
    "messages/low1",
    "receipt",
)


def codes() -> list[str]:
    from prewatt.domain.estate.models import Building

    return list(Building.objects.values_list("code", flat=True))


@pytest.fixture
def tree(counter: Counter, visit: Any) -> Any:
    from prewatt.domain.estate.models import Building

    for sort, code in enumerate("BC", 1):
        Building.objects.create(code=code, name=f"{code}座", sort=sort)
    return visit("/settings/buildings/", who=counter.admin)


def test_arrows_and_one_click_save_the_order(tree: Any) -> None:
    tree.get_by_role("button", name="Move down A座").press("Enter")
    tree.get_by_role("button", name="Move down A座").press("Enter")
    assert codes() == ["A", "B", "C"]  # nothing was sent yet
    tree.get_by_role("button", name="Save the order").click()
    tree.wait_for_load_state()
    assert "The order is saved." in tree.inner_text("main") or "Saved." in tree.inner_text("main")
    assert codes() == ["B", "C", "A"]


def test_dragging_does_the_same(tree: Any) -> None:
    grips = tree.locator("[data-one^=building] > .es-row [data-grip]")
    grips.nth(2).drag_to(grips.nth(0))
    tree.get_by_role("button", name="Save the order").click()
    tree.wait_for_load_state()
    assert codes() == ["C", "A", "B"]


def test_a_message_is_counted_while_it_is_typed(counter: Counter, visit: Any) -> None:
    page = visit("/settings/messages/low1/", who=counter.admin)
    page.fill("#f-zh", "{room}" + "电" * 66)
    assert page.inner_text('[data-size="f-zh"]') == "70 characters · 1 text"
    assert page.inner_text('[data-preview="f-zh"]').startswith("0306电")
    page.fill("#f-zh", "{room}" + "电" * 67)
    assert page.inner_text('[data-size="f-zh"]') == "71 characters · 2 texts"
    page.click('[data-put="{balance}"]')
    assert page.input_value("#f-zh").endswith("{balance}")


@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_no_page_is_wider_than_a_phone(counter: Counter, visit: Any, language: str) -> None:
    page = visit("/settings/buildings/", who=counter.admin, size=PHONE, language=language)
    origin = page.url.split("/settings/")[0]
    for name in (*PAGES, f"gateways/{counter.gateway.pk}", f"meters/{counter.meters[0].pk}"):
        page.goto(f"{origin}/settings/{name}/")
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= PHONE["width"], (name, wide)
        fields = page.locator("main .es-box input, main .es-box select, main .es-box textarea")
        assert all(one.is_visible() for one in fields.all()), name


@pytest.mark.parametrize("dark", [False, True])
def test_axe_finds_nothing_serious(counter: Counter, visit: Any, dark: bool) -> None:
    from axe_playwright_python.sync_playwright import Axe

    page = visit("/settings/buildings/", who=counter.admin, dark=dark)
    origin = page.url.split("/settings/")[0]
    for name in (*PAGES, f"gateways/{counter.gateway.pk}", f"meters/{counter.meters[0].pk}"):
        page.goto(f"{origin}/settings/{name}/")
        found = Axe().run(page).response["violations"]
        bad = [(one["id"], one["nodes"][0]["html"][:160]) for one in found if one["impact"] in {"serious", "critical"}]
        assert bad == [], name
