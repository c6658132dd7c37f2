"""The lobby's terminal, upright and lying: keys on the screen, a code to pay by, and back to the beginning."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from django.contrib.auth.hashers import make_password
from django.test import Client

from counter import Counter, yuan
from prewatt.domain.payments import channels
from prewatt.domain.payments.channel import Ask, Lead, Opens, Way

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
UPRIGHT, LYING = {"width": 1080, "height": 1920}, {"width": 1440, "height": 900}
SHOTS = os.environ.get("PREWATT_SHOTS", "")


class Provider:
    name = "wechat"
    ways = frozenset({Way.CODE})

    def create(self, ask: Ask, *, now: datetime) -> Lead:
        return Lead(Opens.SCAN, f"weixin://pay/{ask.order_no}")


@pytest.fixture(autouse=True)
def _provider() -> Iterator[None]:
    channels.plug([Provider()])  # type: ignore[list-item]
    yield
    channels.plug([])


@pytest.fixture
def lobby(counter: Counter) -> Counter:
    counter.customer.password = make_password("24ab10")
    counter.customer.save()
    counter.read(counter.meters[0], balance_fen=yuan("148.20"), relay_closed=1, purchase_count=0, bought_fen=0)
    counter.sell("s1", "100")
    Client().get("/kiosk/")  # what is loaded with the first request is loaded before a browser waits for it
    return counter


@pytest.fixture
def terminal(browser: Any, live_server: Any) -> Iterator[Any]:
    complaints: list[str] = []
    contexts = []

    def opened(size: dict[str, int] = UPRIGHT, language: str = "zh-hans") -> Any:
        context = browser.new_context(viewport=size, has_touch=True)
        contexts.append(context)
        context.add_cookies([{"name": "django_language", "value": language, "url": live_server.url}])
        page = context.new_page()
        page.set_default_timeout(60_000)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda said: complaints.append(said.text) if "Content Security" in said.text else None)
        page.goto(live_server.url + "/kiosk/")
        return page

    yield opened
    for context in contexts:
        context.close()
    assert complaints == []


def tap(page: Any, text: str) -> None:
    for letter in text:
        page.locator(f".keys [data-key='{letter.upper()}']").tap()


def come_in(page: Any, wish: str) -> None:
    page.locator(f"a[href='/kiosk/login/{wish}/']").tap()
    tap(page, "K0001")
    page.locator("[data-next]").tap()
    tap(page, "24")
    page.locator("[data-case]").tap()
    tap(page, "ab")
    page.locator("[data-case]").tap()
    tap(page, "1X")
    page.locator("[data-back]").tap()
    tap(page, "0")
    page.locator(".keys .btn.pri").tap()


def test_number_and_password_are_tapped_and_the_balance_shows(terminal: Any, lobby: Counter) -> None:
    page = terminal()
    come_in(page, "balance")
    page.wait_for_selector(".v")
    assert "148.20" in page.text_content(".v")


def test_paying_shows_a_code_and_watches_it_arrive(terminal: Any, lobby: Counter) -> None:
    from prewatt.domain.payments import operations as payments
    from prewatt.domain.payments.channel import Fact, Standing
    from prewatt.domain.payments.models import Attempt, Heard

    page = terminal()
    come_in(page, "pay")
    page.locator(".pb .btn.wechat").tap()
    page.wait_for_selector("img.scan")
    attempt = Attempt.objects.get()
    assert (attempt.way, attempt.by) == ("code", "kiosk")
    fact = Fact(attempt.order_no, Standing.PAID, attempt.amount_fen, "W1", lobby.now)
    payments.settle_fact(channel="wechat", fact=fact, now=lobby.now, heard=Heard.QUERY)
    page.wait_for_selector(".way li:nth-child(1).done")
    assert page.locator("img.scan").count() == 0


def test_an_amount_of_ones_own_is_tapped(terminal: Any, lobby: Counter) -> None:
    from prewatt.domain.payments.models import Attempt

    page = terminal(LYING)
    come_in(page, "pay")
    assert not page.locator("#own").is_visible()
    page.locator("#own-r").check(force=True)
    shot_of(page, "own")
    tap(page, "37.58")
    page.locator("[data-back]").tap()
    page.locator(".pb .btn.wechat").tap()
    page.wait_for_selector("img.scan")
    assert Attempt.objects.get().amount_fen == 37_50


def test_a_refused_amount_of_ones_own_stands_there_still(terminal: Any, lobby: Counter) -> None:
    page = terminal()
    come_in(page, "pay")
    page.locator("#own-r").check(force=True)
    tap(page, "0")
    page.locator(".pb .btn.wechat").tap()
    page.wait_for_selector(".msg.bad")
    assert page.locator("#own").is_visible()
    assert page.input_value("#own") == "0"


def test_untouched_it_forgets_and_goes_back(terminal: Any, lobby: Counter) -> None:
    """The browser's own clock is turned, so that nobody waits a minute."""
    page = terminal()
    page.clock.install()
    come_in(page, "balance")
    page.wait_for_selector(".v")
    page.clock.run_for(45_000)
    assert page.locator(".v").count() == 1
    page.clock.run_for(20_000)
    page.wait_for_selector(".gd")
    page.go_back()
    page.wait_for_timeout(300)
    assert "148.20" not in page.content()


@pytest.mark.parametrize(
    ("size", "language"), [(UPRIGHT, "zh-hans"), (LYING, "en")], ids=["upright in Chinese", "lying in English"]
)
def test_every_screen_fits_and_keeps_nobody_out(
    terminal: Any, lobby: Counter, live_server: Any, size: dict[str, int], language: str
) -> None:
    from axe_playwright_python.sync_playwright import Axe

    page = terminal(size, language)
    found = _ill(page, Axe(), "start")
    page.goto(live_server.url + "/kiosk/login/pay/")
    found += _ill(page, Axe(), "login")
    page.goto(live_server.url + "/kiosk/")
    come_in(page, "balance")
    page.wait_for_selector(".v")
    for name in ("balance", "pay", "receipts", "power"):
        page.locator(f".tabs a[href$='/{name}/']").tap()
        page.wait_for_selector(f".tabs a[aria-current][href$='/{name}/']")
        found += _ill(page, Axe(), name)
    page.goto(live_server.url + f"/kiosk/receipts/{lobby_receipt()}/")
    found += _ill(page, Axe(), "receipt")
    assert found == []


def lobby_receipt() -> str:
    from prewatt.domain.vending.models import Sale

    return Sale.objects.get(pk="s1").receipt


def shot_of(page: Any, name: str) -> None:
    if SHOTS:
        page.screenshot(path=f"{SHOTS}/kiosk-{name}-{page.viewport_size['width']}.png")


def _ill(page: Any, axe: Any, name: str) -> list[str]:
    """Too wide, a target too small for a finger, or what axe finds."""
    shot_of(page, name)
    said = [f"{name} is too wide"] if page.evaluate("document.documentElement.scrollWidth > window.innerWidth") else []
    small = page.evaluate(
        "[...document.querySelectorAll('a,button')].map(e => e.getBoundingClientRect())"
        ".filter(b => b.height && b.height < 44).length"
    )
    said += [f"{name}: {small} targets are too small"] if small else []
    return said + [
        f"{name}: {one['id']} {[node['html'][:100] for node in one['nodes']][:3]}"
        for one in axe.run(page).response["violations"]
    ]
