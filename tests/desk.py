"""What people do at the pages of the demo's tower, in their own steps; and the rooms that each test has to itself."""

from __future__ import annotations

from typing import Any

from house.demo import OPEN_ROOMS, Demo
from house.processes import WAIT_S, wait_for
from prewatt.server.demo.tower import RoomPlan, Wanted, rooms

FREE_ROOMS = [room for room in rooms() if room.wanted is Wanted.NONE]  # a meter, no account
OFFICES = [room for room in OPEN_ROOMS if room.ct_ratio == 1]  # small use, and what a meter shows is what it counted


def sell(page: Any, room: RoomPlan, amount: str) -> None:
    """At the counter, without the mouse; done when the meter has it."""
    page.wait_for_selector("#find:focus")
    page.keyboard.type(room.number)
    page.wait_for_selector(".cand")
    page.keyboard.press("Enter")
    page.wait_for_selector("#amount:focus")
    page.keyboard.type(amount)
    page.keyboard.press("Enter")
    page.wait_for_selector(".way li:last-child.done")


def customer_page(page: Any, room: RoomPlan) -> None:
    """From the register of accounts to the tenant's own page."""
    page.goto(f"/customers/?text={room.number}")
    page.click(f"main table a:has-text('{room.tenant}')")
    page.wait_for_selector("#accounts")


def chosen_in_fleet(page: Any, *chosen: RoomPlan) -> None:
    """Ticked in the grid one after the other: the selection outlives the search."""
    for room in chosen:
        page.goto(f"/fleet/?text={room.meter}")
        page.check("tr:has-text('" + room.number + "') [data-pick]")
    page.wait_for_function("n => document.querySelector('[data-number]').textContent == n", arg=str(len(chosen)))


def memory(tower: Demo, room: RoomPlan) -> dict[str, Any]:
    """What the meter keeps when its power is gone: settings, switch, money."""
    kept: dict[str, Any] = tower.meter(room.meter)["memory"]
    return kept


def remembers(tower: Demo, room: RoomPlan, *, seconds: float = WAIT_S, **wanted: Any) -> None:
    """Waits until the meter's own memory says so."""

    def says() -> bool:
        kept = memory(tower, room)
        return all(kept[name] == value for name, value in wanted.items())

    wait_for(says, f"{wanted} in the memory of {room.meter}", seconds=seconds)


def yuan(text: str) -> int:
    """An amount as a page writes it, in fen."""
    return round(float(text.strip().replace(",", "")) * 100)
