"""The demo's living tower in a real browser: real pages, real gateway, meters that remember what reached them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from house.demo import Demo, start_demo
from house.processes import sweep, wait_for
from prewatt.server.demo.log_ins import PASSWORD
from prewatt.server.processes import free_port

DESK = {"width": 1440, "height": 900}
HISTORY_S = 300
PATIENCE_MS = 120_000  # a busy machine is slow; the test is about what happens, not when


@pytest.fixture(scope="session")
def tower(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """One tower for all tests of this folder; each works in rooms of its own."""
    found = start_demo((), tmp_path_factory.mktemp("living") / "data", free_port())
    try:
        # the days are closed in one long write, for which a log-in would have to wait
        wait_for(lambda: found.running().get("complete"), "sixty days of history", seconds=HISTORY_S)
        yield found
    finally:
        sweep(found.process)


@pytest.fixture
def at(browser: Any, tower: Demo) -> Iterator[Any]:
    """Opens a page for somebody who logs in as people do. What the page complains of fails the test."""
    complaints: list[str] = []
    contexts = []

    def opened(path: str, *, who: str = "manager", size: dict[str, int] = DESK, language: str = "en") -> Any:
        context = browser.new_context(viewport=size, base_url=f"http://127.0.0.1:{tower.port}")
        contexts.append(context)
        context.add_cookies([{"name": "django_language", "value": language, "url": f"http://127.0.0.1:{tower.port}"}])
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda said: complaints.append(said.text) if "Content Security" in said.text else None)
        page.goto(path)
        page.fill("[name=username]", who)
        page.fill("[name=password]", PASSWORD)
        page.press("[name=password]", "Enter")
        page.wait_for_selector("aside.side")
        return page

    yield opened
    for context in contexts:
        context.close()
    assert complaints == []
