"""Every page: axe finds nothing serious in either theme, nothing is wider than a phone, keys reach every action."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe

from counter import Counter
from web.console.halves import Half
from web.console.test_every_page_keeps_its_right_and_its_building import PAGES, VISITED, address, methods

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
DESK, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}
# Fragments of a page, files, and what only leads elsewhere: they are seen inside the pages they belong to.
PARTS = {"live", "building_live", "card", "meter_orders", "command"}
# What can be used and the Tab key does not stop at. A radio group has one stop, a menu opens by arrow keys.
UNREACHABLE = """() => [...document.querySelectorAll('a[href], button, input, select, textarea, summary, [onclick]')]
    .filter(one => one.checkVisibility({visibilityProperty: true}) && !one.disabled && one.type !== 'hidden')
    .filter(one => one.tabIndex < 0)
    .filter(one => !one.closest('[role=radiogroup], [role=menu], [role=listbox], [aria-hidden=true], [inert]'))
    .map(one => one.outerHTML.slice(0, 120))"""
SIDEWAYS = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.fixture
def whole(visit: Any, counter: Counter) -> Any:
    """Everything there is one of; and a page of somebody who may do everything."""
    half = Half(counter, foreign=False)

    def opened(**how: Any) -> tuple[Any, Half]:
        return visit("/account/", who=counter.admin, **how), half

    return opened


def all_pages(page: Any, half: Half) -> Iterator[str]:
    """Go from page to page. What is a fragment or a file is passed over."""
    base = page.url.partition("/account/")[0]
    for name in VISITED:
        if "GET" not in methods(name) or name in PARTS:
            continue
        answer = page.request.get(base + address(name, half))
        if answer.status == 200 and "<html" in answer.text():
            page.goto(base + address(name, half))
            yield name


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_axe_finds_nothing_serious(whole: Any, *, dark: bool) -> None:
    page, half = whole(dark=dark, language="zh-hans")
    axe, found, seen = Axe(), [], 0
    for name in all_pages(page, half):
        seen += 1
        for one in axe.run(page).response["violations"]:
            if one["impact"] in {"serious", "critical"}:
                found += [f"{name}: {one['id']}: {node['html'][:160]}" for node in one["nodes"][:3]]
    assert not found, "\n".join(found)
    assert seen >= len(PAGES) // 3


@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_no_page_is_wider_than_a_phone_and_every_action_has_a_key(whole: Any, language: str) -> None:
    page, half = whole(size=PHONE, language=language)
    wide, unreachable = [], []
    for name in all_pages(page, half):
        if (over := page.evaluate(SIDEWAYS)) > 0:
            wide.append(f"{name}: {over} px")
        unreachable += [f"{name}: {one}" for one in page.evaluate(UNREACHABLE)]
    assert not wide + unreachable, "\n".join(wide + unreachable)
