"""33 电价版本, 购电账单 and 公示, 催费: a version reaches its meters, a bill a sheet, and a grace holds the power."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from desk import OFFICES, chosen_in_fleet, memory, remembers
from house.demo import Demo
from prewatt.server.demo.tower import Wanted, rooms

pytestmark = pytest.mark.browser
VERSIONED = OFFICES[21]
BANDS = ("sharp", "peak", "flat", "valley", "deep")
HELD = 2  # 保电, as the meter remembers it
ROUNDS_S = 240  # holds are looked after once a minute, and their order then waits for its meter's turn
POOR = [room for room in rooms() if room.wanted is Wanted.AL2 and room.ct_ratio == 1][2]


def save(page: Any) -> None:
    page.locator("form.es-form .es-foot button.pri").click()


def test_a_new_version_of_a_plan_reaches_the_plans_meters_by_itself(at: Any, tower: Demo) -> None:
    page = at("/settings/prices/new/")
    page.fill("[name=name]", "Offices, one price")
    page.select_option("[name=kind]", "flat")
    page.fill("[name=price_flat_e4]", "0.90")
    save(page)
    chosen_in_fleet(page, VERSIONED)
    page.click("[data-selection] [hx-post$='/prices/preview/']")
    page.select_option("#dlg-p", label="Offices, one price")
    page.wait_for_selector("#changes .facts")
    page.click("dialog[open] .df button:not([data-dismiss])")
    remembers(tower, VERSIONED, prices_e4=[9_000] * 5)

    page.goto("/settings/prices/")
    page.click("main a:has-text('Offices, one price')")
    page.click("a:has-text('New version')")
    page.fill("[name=price_flat]", "nine")
    save(page)
    page.wait_for_selector(".msg.bad")  # named, and nothing kept
    page.fill("[name=price_flat]", "0.95")
    page.check("[name=send]")
    save(page)
    page.wait_for_selector("button[value=keep]")  # first what it would do
    assert VERSIONED.number in page.inner_text("main")
    assert memory(tower, VERSIONED)["prices_e4"] == [9_000] * 5
    page.click("button[value=keep]")
    page.wait_for_selector(".msg.good:has-text('Version 2')")
    remembers(tower, VERSIONED, prices_e4=[9_500] * 5)


def test_a_purchase_bill_is_held_against_what_was_charged_and_hung_on_the_wall(at: Any) -> None:
    page = at("/resale/bills/new/")
    page.uncheck("[name=as_price]")  # the other tests' prices lie above it
    for band in BANDS:
        page.fill(f"[name=energy_{band}]", "1000")
        page.fill(f"[name=amount_{band}]", "500.00")
    save(page)
    page.wait_for_url("**/resale/charged/?bill=*")
    page.wait_for_selector("main table tbody tr")  # each account of the month, beside what it paid
    page.goto("/resale/bills/")
    page.click("main table a:has-text('open the sheet')")
    assert "0.5" in page.inner_text("main")
    sheet = page.request.get(f"{page.url.rstrip('/')}.pdf")
    assert sheet.body().startswith(b"%PDF")


@pytest.fixture
def free_hours(at: Any) -> Iterator[None]:
    """At night a hold stays until the morning, whoever ended what: the test is about the grace."""
    page = at("/settings/switching/")
    before = page.is_checked("[name=protect]")

    def protect(wanted: bool) -> None:
        page.goto("/settings/switching/")
        page.set_checked("[name=protect]", wanted)
        save(page)
        page.wait_for_selector(".msg.good:has-text('The rules are kept')")

    protect(False)
    assert "No protected hours now" in page.inner_text(".sub")
    yield
    protect(before)


@pytest.mark.usefixtures("free_hours")
def test_who_runs_out_is_told_held_by_a_grace_and_released_when_it_ends(at: Any, tower: Demo) -> None:
    page = at(f"/meters/?go=1&q={POOR.meter}")
    if memory(tower, POOR)["forced"] == HELD:  # for the night, which began before this test
        page.click("#acts a:has-text('Release')")
        page.click("dialog[open] .df button:not([data-dismiss])")
        remembers(tower, POOR, forced=0)
    page.goto(f"/cutoff/?text={POOR.number}")
    page.click(f"main table tr:has-text('{POOR.number}') a >> nth=0")
    page.select_option("#door", "phone")
    page.fill("#note", "pays on Friday")
    page.get_by_role("button", name="The tenant was told").click()
    page.wait_for_selector("td:has-text('pays on Friday')")

    page.fill("#amount", "60")
    page.fill("#until", page.get_attribute("#until", "min"))
    page.fill("#reason", "pays on Friday")
    page.get_by_role("button", name="Give grace").click()
    page.wait_for_selector("h2:has-text('Grace runs')")
    # so that it does not trip by its own count
    remembers(tower, POOR, seconds=ROUNDS_S, forced=HELD, contact_closed=True)
    page.reload()
    page.wait_for_selector("h2:has-text('Power kept on')")

    page.fill("#end-reason", "has paid elsewhere")
    page.get_by_role("button", name="End the grace").click()
    page.wait_for_selector("h2:has-text('Grace runs')", state="detached")
    remembers(tower, POOR, seconds=ROUNDS_S, forced=0)
