"""No inline script, style or handler in any page, nothing from elsewhere; and the header says so."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from counter import Counter, yuan
from prewatt.link.messages import Outcome

pytestmark = pytest.mark.django_db
ID = "0123456789abcdef0123456789abcdef"
WEB = Path(__file__).resolve().parents[2] / "src/prewatt/web"
FORBIDDEN = {
    "a style attribute": re.compile(r"<[a-z][^>]*\sstyle\s*=", re.I),
    "an inline handler": re.compile(r"<[a-z][^>]*\son[a-z]+\s*=", re.I),
    "an inline script": re.compile(r"<script(?![^>]*\ssrc=)", re.I),
    "a style element": re.compile(r"<style", re.I),
    "an evaluated trigger": re.compile(r"hx-on|hx-vals=['\"]js:|hx-trigger=\"[^\"]*\[", re.I),
    "something from elsewhere": re.compile(r"(?:src|href|action)=\"(?:https?:)?//", re.I),
}


@pytest.fixture
def pages(client: Any) -> dict[str, str]:
    counter = Counter(meters=2)
    counter.opened(balance_fen=yuan("50"))
    counter.sell(ID, "100")
    counter.lease()
    counter.settle(ID, Outcome.UNCLEAR, reason="count_mismatch", purchase_count=1, bought_fen=yuan("60"))
    door = client.get("/login/").content.decode()
    client.force_login(counter.admin)
    pk = counter.meters[0].pk
    paths = [
        *("/", "/building/", f"/building/?meter={pk}", "/fleet/", f"/meters/{pk}/", f"/meters/{pk}/switch_off/"),
        *("/sale/?q=101", f"/sale/?meter={counter.meters[0].number}", "/sales/?from=&to=", f"/sales/{ID}/", "/orders/"),
        *("/nowhere/", "/live/", "/building/live/", f"/meters/{pk}/card/", f"/meters/{pk}/orders/", "/?part=figures"),
    ]
    return {"/login/": door} | {path: client.get(path).content.decode() for path in paths}


def test_no_page_needs_an_exception(pages: dict[str, str]) -> None:
    found = [(path, what) for path, text in pages.items() for what, ill in FORBIDDEN.items() if ill.search(text)]
    assert found == []
    assert all(len(text) > 100 for text in pages.values() if text), [path for path, text in pages.items() if not text]


def test_the_patterns_find_what_they_are_for() -> None:
    ill = {
        "a style attribute": '<div class="a" style="x">',
        "an inline handler": '<a onclick="x()">',
        "an inline script": "<script>1</script>",
        "a style element": "<style>",
        "an evaluated trigger": '<a hx-trigger="click[ctrlKey]">',
        "something from elsewhere": '<link href="https://cdn.example/a.css">',
    }
    assert all(FORBIDDEN[what].search(text) for what, text in ill.items())


def test_the_header_allows_nothing_inline(client: Any) -> None:
    policy = client.get("/login/").headers["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "script-src 'self'" in policy
    assert "style-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy


def test_htmx_neither_evaluates_nor_writes_styles(client: Any) -> None:
    text = client.get("/login/").content.decode()
    assert '"allowEval":false' in text
    assert '"includeIndicatorStyles":false' in text


def test_every_icon_that_a_page_draws_is_fetched() -> None:
    named = {line.split("#")[0].strip() for line in (WEB / "parts/icons.txt").read_text().splitlines()}
    texts = "".join(path.read_text() for path in WEB.rglob("*.html"))
    drawn = set(re.findall(r'\{% icon "([a-z0-9-]+)"', texts)) - {"logo"}
    assert drawn <= named, drawn - named
    assert drawn
