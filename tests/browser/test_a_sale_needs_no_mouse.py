"""The counter in a real browser: keys only, both languages, desk and phone. Answers to orders are the meter's own."""

from __future__ import annotations

from typing import Any

import pytest

from counter import Counter, yuan
from prewatt.link.messages import Outcome

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
MORE = ("/shifts/open/", "/shifts/", "/refund/?meter=0300000000", "/orders/waiting/", "/settings/counter/")
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


def test_what_was_typed_before_the_scripts_came_is_found_all_the_same(visit: Any, counter: Counter) -> None:
    page = visit("/account/")
    held: list[Any] = []

    def hold(route: Any) -> None:
        held.append(route)

    page.route("**/sale.js", hold)
    page.goto(page.url.replace("/account/", "/sale/"), wait_until="commit")
    page.wait_for_selector("#find", state="attached")
    page.focus("#find")
    page.keyboard.type("hfx")
    for one in held:
        one.continue_()
    page.wait_for_selector(".cand")


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


@pytest.mark.parametrize("path", ["/sale/?q=101", "/sale/?meter=0300000000", "/sales/?from=&to=", "/orders/", *MORE])
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


class Hands:
    """A cashier's hands on the keys, counted. At five keys a second fifteen are three seconds."""

    KEYS_MAX = 15

    def __init__(self, page: Any) -> None:
        self.page, self.keys = page, 0

    def type(self, text: str) -> None:
        self.keys += len(text)
        self.page.keyboard.type(text, delay=20)

    def press(self, key: str) -> None:
        self.keys += 1
        self.page.keyboard.press(key)


def test_a_sale_to_a_known_tenant_is_three_seconds_of_keys(visit: Any, counter: Counter) -> None:
    """Three in a row, without a pause and without looking whether the page follows."""
    page = visit("/sale/")
    for count, amount in enumerate(("100", "50.5", "200"), start=1):
        page.wait_for_selector("#find:focus")
        hands = Hands(page)
        hands.type("101")
        hands.press("Enter")
        hands.type(amount)
        page.wait_for_selector("#amount:focus")
        hands.press("Enter")
        assert sold(page, count).amount_fen == yuan(amount)
        assert hands.keys <= Hands.KEYS_MAX
    assert len(sales()) == 3


def test_two_meters_of_a_tenant_are_three_seconds_of_keys(visit: Any, counter: Counter) -> None:
    counter.opened(counter.meters[1], balance_fen=yuan("20"))
    page = visit("/sale/")
    hands = Hands(page)
    hands.type("hfx")
    page.wait_for_selector(".cand")
    hands.press("Enter")
    page.wait_for_selector("#amount:focus")
    hands.type("100")
    hands.press("ArrowDown")
    hands.type("50")
    assert page.text_content("#sum b") == "150.00"
    hands.press("Enter")
    sold(page, 2)
    assert hands.keys <= Hands.KEYS_MAX
    page.wait_for_selector("#find:focus")
    assert page.locator(".ways li").count() == 2
    for one in sales():
        counter.arrive(one.pk)
    page.wait_for_selector(".paid-lines .more .good")
    assert {one.state for one in sales()} == {"arrived"}


def test_a_quick_amount_goes_to_the_meter_last_typed_for(visit: Any, counter: Counter) -> None:
    counter.opened(counter.meters[1], balance_fen=yuan("20"))
    page = visit(f"/sale/?meter={counter.meters[0].number}")
    page.press("#amount", "ArrowDown")
    page.click(".qk [data-amount='200']")
    assert page.input_value("[data-line] >> nth=0") == ""
    assert page.input_value("[data-line] >> nth=1") == "200"
