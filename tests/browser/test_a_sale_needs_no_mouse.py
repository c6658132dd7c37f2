"""The counter in a real browser: keys only, both languages, desk and phone. Answers to orders are the meter's own."""

from __future__ import annotations

from typing import Any

import pytest

from counter import Counter, yuan
from prewatt.link.messages import Outcome

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
DESK, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}


def sales() -> list[Any]:
    from prewatt.domain.vending.models import Sale

    return list(Sale.objects.order_by("number"))


def sold(page: Any, count: int) -> Any:
    page.wait_for_selector(f".today tbody tr:nth-child({count})")
    assert len(sales()) == count
    return sales()[-1]


def focused(page: Any) -> str:
    return str(page.evaluate("document.activeElement.id"))


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_a_whole_sale_from_the_keyboard(visit: Any, counter: Counter, language: str) -> None:
    page = visit("/sale/", language=language)
    assert focused(page) == "find"
    page.keyboard.type("hfx")
    page.wait_for_selector(".cand")
    page.keyboard.press("Enter")
    page.wait_for_selector("#amount:focus")
    page.keyboard.type("120.5")
    page.keyboard.press("F4")
    assert page.text_content("#after") == "170.50"
    page.keyboard.press("Enter")
    sale = sold(page, 1)
    assert (sale.amount_fen, sale.tender) == (12050, "wechat")
    page.wait_for_selector("#find:focus")
    assert page.input_value("#find") == ""
    page.wait_for_selector(".way .now")
    counter.arrive(sale.pk)
    page.wait_for_selector(".way li:last-child.done")
    assert "170.50" in page.text_content("#progress")
    page.wait_for_selector(".today tbody .good")


def test_an_impatient_hand_sells_once_and_the_amount_it_typed(visit: Any, counter: Counter) -> None:
    """Everything typed at once, and Enter three times at the end."""
    page = visit("/sale/")
    page.keyboard.type("101")
    page.keyboard.press("Enter")
    page.keyboard.type("150")
    page.wait_for_selector("#amount:focus")
    assert page.input_value("#amount") == "150"
    for _time in range(3):
        page.keyboard.press("Enter")
    assert sold(page, 1).amount_fen == yuan("150")
    page.wait_for_timeout(400)
    assert len(sales()) == 1


def test_where_nobody_fits_the_next_key_begins_anew(visit: Any, counter: Counter) -> None:
    page = visit("/sale/")
    page.keyboard.type("999")
    page.wait_for_selector("#found .nobody")
    page.keyboard.press("Enter")
    page.keyboard.type("101")
    page.wait_for_selector(".cand")
    assert page.input_value("#find") == "101"


def test_a_refused_sale_says_why_and_the_button_sets_what_fits(visit: Any, counter: Counter) -> None:
    page = visit(f"/sale/?meter={counter.meters[0].number}")
    page.keyboard.type("5000")
    page.keyboard.press("Enter")
    page.wait_for_selector("[role=alert]")
    assert sales() == []
    page.click(".msg [data-amount]")
    assert page.input_value("#amount") == "950.00"
    page.keyboard.press("Enter")
    assert sold(page, 1).amount_fen == yuan("950")


def test_escape_clears_and_the_next_tenant_gets_a_clean_form(visit: Any, counter: Counter) -> None:
    page = visit(f"/sale/?meter={counter.meters[0].number}")
    page.keyboard.type("77")
    page.keyboard.press("Escape")
    page.wait_for_selector("#find:focus")
    assert page.query_selector("#pay") is None
    page.keyboard.type("101")
    page.wait_for_selector(".cand")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    page.wait_for_selector("#amount:focus")
    assert page.input_value("#amount") == ""


def test_a_sale_the_meter_refuses_is_shown_and_sent_again(visit: Any, counter: Counter) -> None:
    page = visit(f"/sale/?meter={counter.meters[0].number}")
    page.keyboard.type("10")
    page.keyboard.press("Enter")
    sale = sold(page, 1)
    counter.lease()
    counter.settle(sale.pk, Outcome.REFUSED, reason="above_ceiling")
    page.click("#progress .msg a")
    page.click("form[action$='/resend/'] button")
    page.wait_for_selector(".way .now")
    assert sales()[0].state == "paid"


def test_a_reversal_asks_first(visit: Any, counter: Counter) -> None:
    sale = counter.sell("a" * 32, "10")
    counter.arrive(sale.pk)
    page = visit(f"/sales/{sale.pk}/", who=counter.admin)
    page.click("[data-dialog=reverse]")
    page.wait_for_selector("dialog[open] input:focus")
    page.keyboard.press("Escape")
    assert sale.reversals.count() == 0
    page.click("[data-dialog=reverse]")
    page.keyboard.type("wrong room")
    page.keyboard.press("Enter")
    page.wait_for_selector("dialog:not([open])", state="attached")
    page.wait_for_load_state("networkidle")
    assert sale.reversals.get().note == "wrong room"


@pytest.mark.parametrize("path", ["/sale/?q=101", "/sale/?meter=0300000000", "/sales/?from=&to=", "/orders/"])
@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_nothing_runs_out_of_the_page(visit: Any, counter: Counter, path: str, size: Any, language: str) -> None:
    counter.sell("a" * 32, "10")
    page = visit(path, who=counter.admin, size=size, language=language)
    page.wait_for_load_state("networkidle")
    assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
    assert page.evaluate("document.getElementById('main').scrollWidth") <= size["width"]


def test_on_a_phone_the_button_stays_in_sight(visit: Any, counter: Counter) -> None:
    page = visit("/sale/", size=PHONE)
    page.fill("#find", "101")
    page.click(".cand")
    page.wait_for_selector("#take")
    page.click("[data-amount='100']")
    box = page.locator("#take").bounding_box()
    assert box["y"] + box["height"] <= PHONE["height"]
    assert box["height"] >= 44
    page.click("#take")
    assert sold(page, 1).amount_fen == yuan("100")
