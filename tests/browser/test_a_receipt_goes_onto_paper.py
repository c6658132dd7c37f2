"""Each press of the button is a print of its own, a double click is one; the editor's paper follows what is typed."""

from __future__ import annotations

from typing import Any

import pytest

from counter import Counter

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
PRESS = "#progress button:has-text('Print receipt'), #progress button:has-text('打印票据')"


def prints() -> int:
    from prewatt.domain.vending.models import Print

    return Print.objects.count()


def test_a_second_press_is_a_reprint_and_a_double_click_is_not(visit: Any, counter: Counter) -> None:
    sale = counter.sell("s1", "30")
    counter.arrive("s1")  # until then the button is drawn anew with every look
    page = visit(f"/sales/{sale.pk}/")
    page.wait_for_selector(PRESS)
    with page.context.expect_page() as first:
        page.dblclick(PRESS)
    first.value.wait_for_selector(".slip")
    page.wait_for_timeout(1800)
    assert prints() == 1
    with page.context.expect_page() as second:
        page.click(PRESS)
    second.value.wait_for_selector(".slip .again")
    assert prints() == 2
    assert "补打 第 1 次" in second.value.inner_text(".slip >> nth=0")
    second.value.click("#print")
    second.value.wait_for_selector("text=补打 第 2 次")
    assert prints() == 3


def test_the_papers_parts_are_told_apart_and_the_kind_of_paper_is_remembered(visit: Any, counter: Counter) -> None:
    sale = counter.sell("s1", "30")
    counter.arrive("s1")
    page = visit(f"/sales/{sale.pk}/")
    page.wait_for_selector(PRESS)
    with page.context.expect_page() as opened:
        page.click(PRESS)
    paper = opened.value
    paper.wait_for_selector(".slip")
    tints = paper.eval_on_selector_all(".slip", "all => all.map(one => getComputedStyle(one).backgroundColor)")
    assert len(set(tints)) == 3
    paper.click(".bar nav a[href*='a4']")
    paper.wait_for_selector("link[href*='receipt-a4']", state="attached")
    paper.goto(paper.url.partition("?")[0])
    assert paper.query_selector("link[href*='receipt-a4']")
    assert prints() == 1


def test_the_preview_follows_what_is_typed(visit: Any, counter: Counter) -> None:
    page = visit("/settings/receipt/?kind=refund", who=counter.admin)
    assert "T2026-000007" in page.inner_text(".rc-paper")
    page.fill("#f-text", "# 我们的退电票\n票号 #MBillID || 原票号 #FirstBillID || #AmountCapitals")
    page.wait_for_selector(".rc-paper h3:has-text('我们的退电票')")
    assert "原票号 S2026-000120" in page.inner_text(".rc-paper")
    assert "贰佰元整" in page.inner_text(".rc-paper")
