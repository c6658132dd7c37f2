"""15.1 to 15.5 批量操作, 33 to 36: what is ordered in the fleet or on a card is found in the meters' own memory."""

from __future__ import annotations

from typing import Any

import pytest

from desk import OFFICES, chosen_in_fleet, memory, remembers
from house.demo import Demo
from prewatt.server.demo.tower import RoomPlan, Wanted, rooms

pytestmark = pytest.mark.browser
SWITCHED, HELD = OFFICES[5:7]
PRICED, LIMITED, READ = OFFICES[7:9], OFFICES[9:11], OFFICES[11:13]
ANSWERS = OFFICES[13]
PRICES = ("1.50", "1.20", "0.80", "0.40", "0.30")
SILENT = next(room for room in rooms() if room.wanted is Wanted.LOST)


def dialog(page: Any, room: RoomPlan, act: str) -> None:
    page.goto(f"/meters/?go=1&q={room.meter}")
    page.click(f"#acts a:has-text('{act}')")
    page.wait_for_selector("dialog[open]")


def ordered(page: Any, kind: str) -> None:
    """Opens the order's dialog for what is chosen."""
    page.click(f"[data-selection] [hx-post$='/{kind}/preview/']")
    page.wait_for_selector("dialog[open]")


def placed(page: Any) -> None:
    page.click("dialog[open] .df button:not([data-dismiss])")
    page.wait_for_selector("dialog[open]", state="detached")


def latest_batch(page: Any) -> None:
    page.goto("/fleet/batches/")
    page.locator("main table tbody tr").first.locator("a").first.click()
    page.wait_for_selector(".run")


def test_power_is_switched_off_with_a_reason_and_on_again(at: Any, tower: Demo) -> None:
    assert memory(tower, SWITCHED)["contact_closed"]
    page = at("/building/")
    dialog(page, SWITCHED, "Switch off…")
    assert SWITCHED.tenant in page.inner_text("dialog[open]")
    page.select_option("#dlg-r", "asked")
    if page.locator("#dlg-o").count():  # only inside the protected hours
        page.fill("#dlg-o", "the tenant waits beside the board")
    page.fill("#dlg-c", SWITCHED.number)
    placed(page)
    remembers(tower, SWITCHED, contact_closed=False, forced=1)
    dialog(page, SWITCHED, "Switch on")
    placed(page)
    remembers(tower, SWITCHED, contact_closed=True)


def test_power_is_held_and_released(at: Any, tower: Demo) -> None:
    page = at("/building/")
    dialog(page, HELD, "Hold power")
    placed(page)
    remembers(tower, HELD, forced=2, contact_closed=True)
    dialog(page, HELD, "Release")
    placed(page)
    remembers(tower, HELD, forced=0)


def test_a_price_plan_goes_to_two_meters(at: Any, tower: Demo) -> None:
    page = at("/settings/prices/new/")
    page.fill("[name=name]", "Offices, by time of use")
    page.select_option("[name=kind]", "tou")
    for band, price in zip(("sharp", "peak", "flat", "valley", "deep"), PRICES, strict=True):
        page.fill(f"[name=price_{band}_e4]", price)
    page.get_by_role("button", name="Keep the plan").click()
    chosen_in_fleet(page, *PRICED)
    ordered(page, "prices")
    page.select_option("#dlg-p", label="Offices, by time of use")
    page.wait_for_selector("#changes .facts")
    placed(page)
    for room in PRICED:
        remembers(tower, room, prices_e4=[15_000, 12_000, 8_000, 4_000, 3_000])


def test_limits_go_to_two_meters(at: Any, tower: Demo) -> None:
    page = at("/fleet/", who="engineer")
    chosen_in_fleet(page, *LIMITED)
    ordered(page, "limits")
    for name, value in (("alarm1_fen", "88"), ("alarm2_fen", "33"), ("ceiling_fen", "4000")):
        page.fill(f"#dlg-{name}", value)
    page.press("#dlg-ceiling_fen", "Tab")
    page.wait_for_selector("#changes .facts")
    placed(page)
    for room in LIMITED:
        remembers(tower, room, alarm1_fen=8_800, alarm2_fen=3_300, ceiling_fen=400_000)


def test_meters_are_read_on_demand(at: Any) -> None:
    page = at("/fleet/", who="engineer")
    chosen_in_fleet(page, *READ)
    ordered(page, "read")
    placed(page)
    latest_batch(page)
    page.wait_for_selector(".run:has-text('Done 2')")


def test_a_batch_is_stopped_and_sent_again_to_whom_it_did_not_reach(at: Any, tower: Demo) -> None:
    page = at("/fleet/", who="engineer")
    chosen_in_fleet(page, ANSWERS, SILENT)
    ordered(page, "limits")
    page.fill("#dlg-alarm1_fen", "77")
    page.press("#dlg-alarm1_fen", "Tab")
    page.wait_for_selector("#changes .facts")
    placed(page)
    remembers(tower, ANSWERS, alarm1_fen=7_700)
    latest_batch(page)
    page.wait_for_selector(".run:has-text('Waiting 1')")
    page.click(".run button:has-text('Stop')")
    page.click(".run button:has-text('Send 1 failed again')")
    page.wait_for_selector(".run:has-text('Waiting 1')")
    page.click(".run button:has-text('Stop')")
    page.wait_for_selector(".run:has-text('stopped')")
    assert memory(tower, SILENT)["alarm1_fen"] != 7_700
