"""Prices and limits live in the meter: read once a day with a full reading, and whenever everything is asked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from field.gateway.site import START_MS, Room, Site, run
from prewatt.field.gateway import poller
from prewatt.field.gateway.meters import SETTINGS_EVERY_MS, SETTINGS_FIRST_MS
from prewatt.link.messages import Kind, Order, Outcome, Reading

EVERY_MS = 7_200_000  # instead of a day: virtual time costs real time


def with_prices(site: Site) -> list[Reading]:
    return [look for look in site.centre.readings if "price_flat_e4" in look.values]


def test_read_now_brings_what_orders_have_set(tmp_path: Path) -> None:
    async def story() -> None:
        site = Site(tmp_path, rooms=[Room(1, "m1")])
        site.start()
        values = {"price_flat_e4": 7200, "price_peak_e4": 9000}
        site.centre.place(Order(order_id="p", meter="m1", kind=Kind.PRICES, placed_at_ms=START_MS, values=values))
        assert (await site.answer("p")).outcome is Outcome.DONE
        before = len(with_prices(site))
        site.centre.place(Order(order_id="r", meter="m1", kind=Kind.READ, placed_at_ms=START_MS))
        answer = await site.answer("r")
        assert {name: answer.after[name] for name in values} == values
        assert "energy_wh" in answer.after
        await site.until(lambda: len(with_prices(site)) > before)
        await site.stop()

    run(story())


def test_what_an_order_set_is_shown_though_nothing_else_is_in_that_look(tmp_path: Path) -> None:
    """A look at the prices alone says nothing of money, and is no reason to doubt it."""

    async def story() -> None:
        site = Site(tmp_path, rooms=[Room(1, "m1")])
        site.start()
        await site.until(lambda: any("purchase_count" in look.values for look in site.centre.readings))
        order = Order(order_id="p", meter="m1", kind=Kind.PRICES, placed_at_ms=START_MS, values={"price_flat_e4": 7200})
        site.centre.place(order)
        assert (await site.answer("p")).outcome is Outcome.DONE
        await site.until(lambda: with_prices(site))
        assert with_prices(site)[0].values["price_flat_e4"] == 7200
        assert "quarantined" not in {event.code for event in site.centre.events}
        await site.stop()

    run(story())


def test_once_in_a_span_and_not_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert SETTINGS_EVERY_MS == 86_400_000
    monkeypatch.setattr(poller, "SETTINGS_EVERY_MS", EVERY_MS)

    async def story() -> None:
        site = Site(tmp_path, rooms=[Room(1, "m1")])
        site.start()
        await site.until(lambda: with_prices(site), seconds=SETTINGS_FIRST_MS / 1000 + 4000, every_s=60)
        assert "energy_wh" in with_prices(site)[0].values
        await site.until(lambda: len(with_prices(site)) > 1, seconds=EVERY_MS / 1000 + 4000, every_s=600)
        first, second = with_prices(site)
        assert second.taken_at_ms - first.taken_at_ms >= EVERY_MS
        await site.stop()

    run(story())
