"""开户 without the mouse: person, two meters, amounts, Enter; and what a refusal leaves on the page."""

from __future__ import annotations

from typing import Any

import pytest

from counter import Counter, yuan

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
PHONE = {"width": 390, "height": 844}


def openings() -> list[Any]:
    from prewatt.domain.estate.models import Opening

    return list(Opening.objects.filter(customer__name="同舟茶饮").order_by("meter__number"))


def free(counter: Counter, *numbers: str) -> list[Any]:
    return [counter.meter(number) for number in numbers]


def focused(page: Any) -> str:
    return str(page.evaluate("document.activeElement.id"))


def add(page: Any, number: str, amount: str, meter: Any) -> None:
    """In the field: the number, Enter; in the meter's part: its first recharge, Enter back to the field."""
    page.wait_for_selector("#free:focus")
    page.keyboard.type(number)
    page.keyboard.press("Enter")
    page.wait_for_selector(f"#m{meter.pk}-first:focus")
    page.keyboard.type(amount)
    page.keyboard.press("Enter")


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_two_meters_open_without_the_mouse(visit: Any, counter: Counter, language: str) -> None:
    first, second = free(counter, "0399000001", "0399000002")
    page = visit("/customers/open/", language=language)
    assert focused(page) == "name"
    page.keyboard.type("同舟茶饮")
    page.keyboard.press("Enter")
    page.keyboard.type("周先生")
    for _field in ("contact", "phone", "address", "note", "password"):
        page.keyboard.press("Enter")
    add(page, "0399000001", "200", first)
    add(page, "0399000002", "50.5", second)
    assert page.text_content("#total") == "250.50"
    page.wait_for_selector("#free:focus")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.name") == "tender"
    page.keyboard.press("Enter")
    page.wait_for_url("**/customers/*/?opened=1")
    opened = openings()
    assert [one.meter for one in opened] == [first, second]
    assert opened[0].customer.contact == "周先生"
    assert counter.drawer_fen() == yuan("250.50")
    page.wait_for_selector(".way .now")
    for one in opened:
        counter.arrive(one.orders.get(kind="open").pk, one.meter)
    page.locator(".way li:last-child.done").nth(1).wait_for()


def test_enter_pressed_three_times_opens_once(visit: Any, counter: Counter) -> None:
    (meter,) = free(counter, "0399000001")
    page = visit("/customers/open/")
    page.keyboard.type("同舟茶饮")
    page.focus("#free")
    add(page, "0399000001", "100", meter)
    for _time in range(3):
        page.keyboard.press("Control+Enter")
    page.wait_for_url("**/customers/*/?opened=1")
    assert len(openings()) == 1
    assert counter.drawer_fen() == yuan("100")


def test_a_refusal_keeps_all_and_leads_to_the_wrong_field(visit: Any, counter: Counter) -> None:
    meter, other = free(counter, "0399000001", "0399000002")
    page = visit("/customers/open/")
    page.keyboard.type("同舟茶饮")
    page.fill("#note", "靠窗")
    page.focus("#free")
    add(page, "0399000001", "100", meter)
    add(page, "0399000002", "2000", other)
    page.keyboard.press("Control+Enter")
    page.wait_for_selector("[role=alert]")
    assert openings() == []
    assert focused(page) == f"m{other.pk}-first"
    assert page.input_value("#note") == "靠窗"
    assert page.input_value(f"#m{meter.pk}-first") == "100"
    page.keyboard.type("20")
    page.keyboard.press("Control+Enter")
    page.wait_for_url("**/customers/*/?opened=1")
    assert counter.drawer_fen() == yuan("120")


def test_the_form_fits_a_phone(visit: Any, counter: Counter) -> None:
    (meter,) = free(counter, "0399000001")
    page = visit(f"/customers/open/?meter={meter.pk}", size=PHONE)
    page.wait_for_selector(f"#m{meter.pk}-first")
    page.click(".terms summary")
    assert page.evaluate("document.querySelector('main').scrollWidth <= document.querySelector('main').clientWidth")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
