"""A real browser in front of the real pages. Answers to orders are the meter's own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest

from counter import Counter, yuan

CHROMIUM = "/usr/bin/chromium"
DESK = {"width": 1440, "height": 900}
PATIENCE_MS = 60_000  # a busy machine is slow; the tests are about what happens, not when


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    if not os.path.exists(CHROMIUM):
        pytest.skip("needs Debian's Chromium")
    from playwright.sync_api import sync_playwright

    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"  # playwright runs its loop in this thread
    flags = ["--no-sandbox", "--disable-background-networking"]
    with sync_playwright() as started:
        chromium = started.chromium.launch(executable_path=CHROMIUM, args=flags)
        yield chromium
        chromium.close()
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture
def counter() -> Counter:
    from django.utils import timezone

    one = Counter(meters=2)
    one._now = timezone.now()
    one.customer.name, one.customer.pinyin = "海风西餐厅", "hfxct"
    one.customer.save()
    one.opened(balance_fen=yuan("50"))
    return one


@pytest.fixture
def visit(browser: Any, live_server: Any, counter: Counter) -> Iterator[Any]:
    """Opens a page for somebody who is logged in; whatever the page complains of fails the test."""
    from django.test import Client

    complaints: list[str] = []
    contexts = []

    def opened(
        path: str, *, who: Any = None, size: dict[str, int] = DESK, language: str = "en", dark: bool = False
    ) -> Any:
        client = Client()  # of his own: two people at once are two sessions
        client.force_login(who or counter.cashier)
        context = browser.new_context(viewport=size, color_scheme="dark" if dark else "light")
        contexts.append(context)
        context.add_cookies(
            [
                {"name": "sessionid", "value": client.cookies["sessionid"].value, "url": live_server.url},
                {"name": "django_language", "value": language, "url": live_server.url},
            ]
        )
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda said: complaints.append(said.text) if "Content Security" in said.text else None)
        page.goto(live_server.url + path)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert complaints == []
