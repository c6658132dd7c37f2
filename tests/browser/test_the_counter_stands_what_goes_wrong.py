"""Double clicks, lost answers, the back button, a session that ends, two cashiers at once: one truth, nothing lost."""

from __future__ import annotations

from typing import Any

import pytest

from counter import Counter, yuan

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def sales() -> list[Any]:
    from prewatt.domain.vending.models import Sale

    return list(Sale.objects.order_by("number"))


@pytest.fixture
def several(counter: Counter) -> Counter:
    counter.opened(counter.meters[1], balance_fen=yuan("20"))
    return counter


def test_a_double_click_takes_the_money_once(visit: Any, counter: Counter) -> None:
    page = visit(f"/sale/?meter={counter.meters[0].number}")
    page.fill("#amount", "30")
    page.dblclick("#take")
    page.wait_for_selector(".today tbody tr")
    page.wait_for_timeout(400)
    assert [one.amount_fen for one in sales()] == [yuan("30")]


def test_an_answer_that_never_comes_is_found_again_after_a_reload(visit: Any, counter: Counter) -> None:
    """The server books, the line breaks before its answer arrives."""
    page = visit("/sale/")

    def swallow(route: Any) -> None:
        if route.request.method == "POST":
            route.fetch()
            route.abort()
        else:
            route.continue_()

    page.route("**/sale/", swallow)
    page.keyboard.type("101")
    page.wait_for_selector(".cand")
    page.keyboard.press("Enter")
    page.wait_for_selector("#amount:focus")
    page.keyboard.type("40")
    page.keyboard.press("Enter")
    page.wait_for_selector(".cut-off:not([hidden])")
    assert page.input_value("#amount") == "40"
    page.unroute("**/sale/")
    page.reload()
    page.wait_for_selector("#progress")
    assert sales()[0].receipt in page.text_content("#progress")
    page.wait_for_timeout(300)
    assert page.query_selector("#pay") is None
    assert len(sales()) == 1


def test_sent_again_after_a_lost_answer_it_is_still_one_sale(visit: Any, counter: Counter) -> None:
    page = visit(f"/sale/?meter={counter.meters[0].number}")
    lost: list[str] = []

    def swallow_first(route: Any) -> None:
        if route.request.method == "POST" and not lost:
            lost.append(route.request.url)
            route.fetch()
            route.abort()
        else:
            route.continue_()

    page.route("**/sale/", swallow_first)
    page.keyboard.type("40")
    page.keyboard.press("Enter")
    page.wait_for_selector(".cut-off:not([hidden])")
    page.press("#amount", "Enter")
    page.wait_for_selector(".today tbody tr")
    assert [one.amount_fen for one in sales()] == [yuan("40")]


def test_what_never_reached_the_server_comes_back_after_a_reload(visit: Any, several: Counter) -> None:
    page = visit("/sale/")
    page.keyboard.type("0300000001")
    page.wait_for_selector(".cand")
    page.keyboard.press("Enter")
    page.wait_for_selector("#amount:focus")
    page.keyboard.type("40")
    page.keyboard.press("ArrowDown")
    page.keyboard.type("7.5")
    page.keyboard.press("F4")
    page.route("**/sale/", lambda route: route.abort() if route.request.method == "POST" else route.continue_())
    page.keyboard.press("Enter")
    page.wait_for_selector(".cut-off:not([hidden])")
    page.unroute("**/sale/")
    page.reload()
    page.wait_for_selector("#brought-back:not([hidden])")
    assert [page.input_value(f"[data-line] >> nth={at}") for at in range(2)] == ["40", "7.5"]
    assert page.is_checked("[name=tender][value=wechat]")
    assert sales() == []
    page.press("#amount", "Enter")
    page.wait_for_selector(".today tbody tr:nth-child(2)")
    assert {(one.meter.number, one.amount_fen, one.tender) for one in sales()} == {
        ("0300000001", 4000, "wechat"),
        ("0300000000", 750, "wechat"),
    }


def test_a_session_that_ends_mid_form_loses_nothing(visit: Any, counter: Counter) -> None:
    from django.contrib.sessions.models import Session

    counter.cashier.set_password("a-long-password-1")
    counter.cashier.save()
    page = visit("/sale/")
    page.keyboard.type("101")
    page.wait_for_selector(".cand")
    page.keyboard.press("Enter")
    page.wait_for_selector("#amount:focus")
    page.keyboard.type("55.5")
    Session.objects.all().delete()
    page.keyboard.press("Enter")
    page.wait_for_url("**/login/**")
    assert sales() == []
    page.fill("#username", "cashier")
    page.fill("#password", "a-long-password-1")
    page.press("#password", "Enter")
    page.wait_for_selector("#brought-back:not([hidden])")
    assert page.input_value("#amount") == "55.5"
    page.press("#amount", "Enter")
    page.wait_for_selector(".today tbody tr")
    assert [one.amount_fen for one in sales()] == [yuan("55.5")]


def test_another_person_does_not_find_what_the_first_had_typed(visit: Any, counter: Counter) -> None:
    from django.contrib.sessions.models import Session

    counter.admin.set_password("a-long-password-1")
    counter.admin.save()
    page = visit(f"/sale/?meter={counter.meters[0].number}")
    page.keyboard.type("55.5")
    Session.objects.all().delete()
    page.keyboard.press("Enter")
    page.wait_for_url("**/login/**")
    page.fill("#username", "admin")
    page.fill("#password", "a-long-password-1")
    page.press("#password", "Enter")
    page.wait_for_selector("#find")
    page.goto(page.url.split("/sale/")[0] + "/sale/")
    page.wait_for_timeout(400)
    assert page.query_selector("#pay") is None


def test_the_back_button_sells_nothing_and_draws_a_clean_form(visit: Any, counter: Counter) -> None:
    page = visit(f"/sale/?meter={counter.meters[0].number}")
    page.keyboard.type("30")
    page.keyboard.press("Enter")
    page.wait_for_selector(".today tbody tr")
    page.click(".today tbody a")
    page.wait_for_selector("#own")
    page.go_back()
    page.wait_for_selector("#sale")
    page.wait_for_timeout(300)
    assert len(sales()) == 1
    if page.query_selector("#amount"):
        assert page.input_value("#amount") == ""
        page.fill("#amount", "5")
        page.press("#amount", "Enter")
        page.wait_for_selector(".today tbody tr:nth-child(2)")
        assert [one.amount_fen for one in sales()] == [yuan("30"), yuan("5")]


def test_two_cashiers_and_one_ceiling_the_loser_reads_why(visit: Any, counter: Counter) -> None:
    """The meter holds 50, its ceiling is 1000: the second 600 finds no room, and keeps what was typed."""
    address = f"/sale/?meter={counter.meters[0].number}"
    first, second = visit(address), visit(address, who=counter.admin)
    for page in (first, second):
        page.fill("#amount", "600")
    first.press("#amount", "Enter")
    first.wait_for_selector(".today tbody tr")
    second.press("#amount", "Enter")
    second.wait_for_selector("#tenant [role=alert]")
    assert "350.00" in second.text_content("#tenant [role=alert]")
    assert second.input_value("#amount") == "600"
    assert len(sales()) == 1


def test_one_refunds_while_the_other_reverses(visit: Any, counter: Counter) -> None:
    """What the meter holds is promised once: the second hears what is left."""
    from prewatt.domain.metering.models import MeterState

    MeterState.objects.update(balance_fen=0)
    sale = counter.sell("a" * 32, "100")
    counter.arrive(sale.pk)
    refunding = visit(f"/refund/?meter={counter.meters[0].number}", who=counter.admin)
    reversing = visit(f"/sales/{sale.pk}/", who=counter.second)
    refunding.fill("#amount", "80")
    refunding.fill("#note", "moves out")
    reversing.click("[data-dialog=reverse]")
    reversing.fill("#reverse-note", "wrong room")
    refunding.press("#note", "Enter")
    refunding.wait_for_selector("#way")
    reversing.press("#reverse-note", "Enter")
    reversing.wait_for_selector("[role=alert]")
    assert "20.00" in reversing.text_content("[role=alert]")
    assert sale.reversals.count() == 0
