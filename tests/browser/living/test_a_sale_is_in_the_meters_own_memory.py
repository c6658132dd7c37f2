"""16 售电, 17 退电, 18 冲正: done at the counter, found in the meter."""

from __future__ import annotations

from typing import Any

import pytest

from house.demo import OPEN_ROOMS, Demo
from house.processes import wait_for
from prewatt.server.demo.tower import rooms

pytestmark = pytest.mark.browser


def sell(page: Any, room: str, amount: str) -> None:
    page.wait_for_selector("#find:focus")
    page.keyboard.type(room)
    page.wait_for_selector(".cand")
    page.keyboard.press("Enter")
    page.wait_for_selector("#amount:focus")
    page.keyboard.type(amount)
    page.keyboard.press("Enter")


def arrived(page: Any, room: str, amount: str) -> None:
    """This sale's way, that is: the counter shows the cashier's last one, which an hour ago was another's."""
    page.wait_for_selector(f".prog:has-text('{room}'):has-text('{amount}') .way li:last-child.done")


def test_money_sold_at_the_counter_is_on_the_meter_once(at: Any, tower: Demo) -> None:
    room = OPEN_ROOMS[3]
    before = tower.meter(room.meter)
    page = at("/sale/", who="cashier")
    sell(page, room.number, "120.50")
    arrived(page, room.number, "120.50")
    after = tower.meter(room.meter)
    assert after["bought_fen"] - before["bought_fen"] == 12_050
    assert after["purchase_count"] == before["purchase_count"] + 1


def test_a_wrong_sale_is_reversed_and_leaves_the_meter_again(at: Any, tower: Demo) -> None:
    room = OPEN_ROOMS[4]
    before = tower.meter(room.meter)
    page = at("/sale/", who="finance")
    sell(page, room.number, "30")
    arrived(page, room.number, "30.00")
    page.goto("/sales/")
    page.click(f"tr:has-text('{room.number}') a")
    page.click("[data-dialog=reverse]")
    page.fill("#reverse-note", "wrong room")
    page.press("#reverse-note", "Enter")
    wait_for(lambda: tower.meter(room.meter)["bought_fen"] == before["bought_fen"], "the money off the meter")
    assert tower.meter(room.meter)["purchase_count"] == before["purchase_count"] + 2


def test_one_payment_reaches_each_of_a_tenants_meters(at: Any, tower: Demo) -> None:
    several = [room for room in rooms() if room.customer == "C0043"]
    assert len(several) == 3
    before = [tower.meter(room.meter)["bought_fen"] for room in several]
    page = at("/sale/", who="cashier")
    page.wait_for_selector("#find:focus")
    page.keyboard.type(several[0].number)
    page.wait_for_selector(".cand")
    page.keyboard.press("Enter")
    page.wait_for_selector("#amount:focus")
    for room, amount in zip(several, ("11", "22", "33"), strict=True):
        page.fill(f".ml:has-text('{room.meter}') [data-line]", amount)
    page.press("#amount", "Enter")
    bought = [old + fen for old, fen in zip(before, (1_100, 2_200, 3_300), strict=True)]
    wait_for(lambda: [tower.meter(room.meter)["bought_fen"] for room in several] == bought, "each meter's own part")
