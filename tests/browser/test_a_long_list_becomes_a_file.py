"""长列表导出: asked for, watched, cancelled, asked for again, downloaded, and opened by a program that is not ours."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from counter import Counter
from workbooks import opened

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
ROWS = 12
LIST = "/sales/?from=&to="


@pytest.fixture(autouse=True)
def long_list(counter: Counter, settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Twelve sales, where more than five are a long list."""
    from prewatt.web.parts import registers

    monkeypatch.setattr(registers, "DIRECT_MAX", 5)
    settings.DATA_DIR = tmp_path
    for nth in range(ROWS):
        counter.sell(f"s{nth}", f"{nth + 1}.50")


def ask(page: Any) -> None:
    page.click("main button:has-text('Export Excel'), header button:has-text('Export Excel')")
    page.wait_for_selector("#exports .exp")


def test_watched_cancelled_asked_again_downloaded_and_opened(visit: Any, counter: Counter, tmp_path: Path) -> None:
    from django.utils import timezone

    from prewatt.domain.lists import exports
    from prewatt.web.parts import exporting

    page = visit(LIST, who=counter.admin)
    ask(page)
    page.wait_for_selector("#exports >> text=in the queue")

    writing = exports.claim(now=timezone.now())
    assert writing is not None
    assert exports.advance(writing, rows_done=3, rows_total=ROWS, now=timezone.now())
    page.wait_for_selector("#exports >> text=3 of 12 rows")
    assert page.get_attribute("#exports progress", "value") == "3"
    page.click("#exports button:has-text('Cancel')")
    page.wait_for_selector("#exports >> text=cancelled")
    assert not exports.advance(writing, rows_done=4, rows_total=ROWS, now=timezone.now()), "its worker hears of it"
    assert page.query_selector("#exports a[download]") is None

    page.goto(page.url.partition("/exports/")[0] + LIST)
    ask(page)
    page.context.set_offline(True)  # the page asks every second, and here both share one connection to the database
    assert exporting.work(timezone.now() + timedelta(seconds=1)) == 1
    page.context.set_offline(False)
    page.wait_for_selector("#exports >> text=ready to download")
    with page.expect_download() as downloading:
        page.click("#exports a[download]")
    downloading.value.save_as(tmp_path / "sales.xlsx")
    assert downloading.value.suggested_filename.endswith(".xlsx")
    found = opened((tmp_path / "sales.xlsx").read_bytes())
    sums, rows = found.values[-1], found.values[:-1]
    amounts = sorted(float(cell) for row in rows for cell in row if isinstance(cell, float))
    assert len(rows) == ROWS
    assert {nth + 1.5 for nth in range(ROWS)} <= set(amounts)
    assert 84.0 in sums
