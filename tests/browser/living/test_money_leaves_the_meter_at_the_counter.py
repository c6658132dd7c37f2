"""17 退电, 30 补打, 19 记录查询: money off a meter, its red receipt, and the same number printed again."""

from __future__ import annotations

from typing import Any

import pytest

from desk import OFFICES, sell
from house.demo import Demo

pytestmark = pytest.mark.browser
REFUNDED, REPRINTED = OFFICES[0:2]


def test_a_refund_is_off_the_meter_before_it_is_paid(at: Any, tower: Demo) -> None:
    before = tower.meter(REFUNDED.meter)
    page = at("/refund/", who="finance")
    page.fill("#find", REFUNDED.number)
    page.press("#find", "Enter")
    page.click(f".cand:has-text('{REFUNDED.number}')")
    page.fill("#amount", "21.50")
    page.fill("#note", "moves out of half the room")
    page.get_by_role("button", name="Take off the meter and pay back").click()
    page.wait_for_selector(".way li:last-child.done")
    after = tower.meter(REFUNDED.meter)
    assert before["bought_fen"] - after["bought_fen"] == 2_150
    assert after["purchase_count"] == before["purchase_count"] + 1
    assert "Pay 21.50 yuan to the tenant now" in page.inner_text("#way")
    receipt = page.inner_text("#way .mut").strip()
    page.goto(f"/sales/?text={REFUNDED.number}")
    assert "21.50" in page.inner_text(f"tr:has-text('{receipt}')")


def test_a_receipt_printed_again_says_so_under_its_own_number(at: Any) -> None:
    page = at("/sale/", who="cashier")
    sell(page, REPRINTED, "10")
    page.wait_for_selector(f"#progress:has-text('{REPRINTED.number}')")  # until then an earlier sale may stand there
    first = printed(page)
    page.goto(page.locator("#progress a").first.get_attribute("href"))
    again = printed(page)
    assert first.locator(".again").count() == 0
    assert "补打 第 1 次" in again.inner_text(".slip >> nth=0")
    assert again.title() == first.title()


def printed(page: Any) -> Any:
    """The paper that opens beside the page."""
    page.wait_for_selector("#progress button:has-text('Print receipt')")
    with page.context.expect_page() as opened:
        page.click("#progress button:has-text('Print receipt')")
    opened.value.wait_for_selector(".slip")
    return opened.value
