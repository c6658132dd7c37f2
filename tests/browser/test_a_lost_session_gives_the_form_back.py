"""In a real browser: the session is gone, the form is sent, the same operator logs in and goes on where he was."""

from __future__ import annotations

from typing import Any

import pytest

from counter import Counter

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
PASSWORD = "a long enough secret"


@pytest.fixture
def desk(visit: Any, counter: Counter) -> Any:
    """Somebody who logged in at the door, with a free meter to change."""
    counter.admin.set_password(PASSWORD)
    counter.admin.save()
    page = visit("/login/")
    page.context.clear_cookies(name="sessionid")
    log_in(page)
    return page


def log_in(page: Any) -> None:
    if "/login/" not in page.url:
        page.goto(page.url.split("/", 3)[0] + "//" + page.url.split("/")[2] + "/login/")
    page.fill("#username", "admin")
    page.fill("#password", PASSWORD)
    with page.expect_navigation():
        page.press("#password", "Enter")


def end_session(page: Any) -> None:
    page.context.clear_cookies(name="sessionid")


def test_a_plain_form_stands_there_again_and_is_not_sent(desk: Any, counter: Counter) -> None:
    from prewatt.domain.estate.models import Room

    page, room = desk, counter.room
    there = page.url.split("/", 3)[2]
    page.goto(f"http://{there}/settings/rooms/{room.pk}/")
    page.fill("#f-note", "east of the lift") if page.query_selector("#f-note") else page.fill("#f-number", "101A")
    before = page.eval_on_selector(".es-form", "f => [...new FormData(f)].filter(([n]) => n !== 'csrfmiddlewaretoken')")
    end_session(page)
    page.click(".es-foot .pri")
    page.wait_for_url("**/login/**")
    log_in(page)
    page.wait_for_selector("#kept-said")
    page.wait_for_load_state("load")  # the script that fills the form in runs before it
    after = page.eval_on_selector(".es-form", "f => [...new FormData(f)].filter(([n]) => n !== 'csrfmiddlewaretoken')")
    assert after == before
    assert Room.objects.get(pk=room.pk).number == "101"
    assert page.is_hidden("#kept-rest")
    page.click(".es-foot .pri")
    page.wait_for_selector(".msg.good")


def test_a_page_that_refreshes_itself_does_not_take_the_form_away(desk: Any, counter: Counter) -> None:
    page, there = desk, desk.url.split("/", 3)[2]
    page.goto(f"http://{there}/settings/rooms/{counter.room.pk}/")
    page.fill("#f-number", "101A")
    end_session(page)
    page.evaluate("window.htmx.ajax('GET', '/live/', {target: '#dialog'})")
    page.wait_for_selector(".signed-out:not([hidden])")
    assert page.input_value("#f-number") == "101A"


def log_in_again_in_another_tab(page: Any) -> None:
    other = page.context.new_page()
    other.goto(page.url.split("/", 3)[0] + "//" + page.url.split("/")[2] + "/account/")
    other.click("details.who summary")
    with other.expect_navigation():
        other.click("details.who form:last-of-type button")
    log_in(other)
    other.close()


def test_a_sale_survives_a_log_in_in_another_tab(desk: Any, counter: Counter) -> None:
    from prewatt.domain.vending.models import Sale

    page, there = desk, desk.url.split("/", 3)[2]
    page.goto(f"http://{there}/sale/?meter={counter.meters[0].number}")
    page.fill("#amount", "40")
    log_in_again_in_another_tab(page)
    page.press("#amount", "Enter")
    page.wait_for_selector("#brought-back:not([hidden])")
    assert page.input_value("#amount") == "40"
    assert not Sale.objects.exists()
    page.press("#amount", "Enter")
    page.wait_for_selector(".today tbody tr")
    assert [one.amount_fen for one in Sale.objects.all()] == [4000]


def test_a_plain_form_survives_a_log_in_in_another_tab(desk: Any, counter: Counter) -> None:
    page, there = desk, desk.url.split("/", 3)[2]
    page.goto(f"http://{there}/settings/rooms/{counter.room.pk}/")
    page.fill("#f-number", "101A")
    log_in_again_in_another_tab(page)
    page.click(".es-foot .pri")
    page.wait_for_selector("#kept-said")
    page.wait_for_load_state("load")  # the script that fills the form in runs before it
    assert page.input_value("#f-number") == "101A"
    page.click(".es-foot .pri")
    page.wait_for_selector(".msg.good")
