"""交接班 on its pages: the float, the drawer at the counter, the count, the sheet, the list."""

from __future__ import annotations

from typing import Any

import pytest

from counter import Counter, yuan

pytestmark = pytest.mark.django_db
ID = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def counter() -> Counter:
    from django.utils import timezone

    one = Counter()
    one._now = timezone.now()
    one.opened(balance_fen=yuan("50"))
    return one


@pytest.fixture
def cashier(counter: Counter, client: Any) -> Any:
    client.force_login(counter.cashier)
    assert client.post("/shifts/open/", {"form_id": ID, "amount": "200"}).status_code == 302
    return client


def shift() -> Any:
    from prewatt.domain.vending.models import Shift

    return Shift.objects.get(pk=ID)


def test_the_counter_shows_the_cash_that_must_be_in_the_drawer(counter: Counter, cashier: Any) -> None:
    counter.sell("s1", "100")
    counter.sell("s2", "30", tender="wechat")
    today = cashier.get("/sale/today/")
    assert today.context["today"].drawer.expected_fen == yuan("300")
    assert "300.00" in today.content.decode()


def test_counted_as_expected_it_closes_at_once(counter: Counter, cashier: Any) -> None:
    counter.sell("s1", "100")
    given = {"counted": "300", "pieces-10000": "3", "handed_to": "王丽"}
    assert cashier.post(f"/shifts/{ID}/close/", given).status_code == 302
    assert (shift().difference_fen, shift().pieces, shift().handed_to) == (0, {"10000": 3}, "王丽")
    page = cashier.get(f"/shifts/{ID}/")
    assert not page.context["may_close"]
    assert "300.00" in page.content.decode()


@pytest.mark.parametrize(
    "wrong",
    [
        {"counted": "299"},
        {"counted": ""},
        {"counted": "1.005"},
        {"counted": "300", "pieces-10000": "2"},
        {"counted": "300", "pieces-10000": "x"},
    ],
)
def test_a_refused_count_keeps_what_was_typed(counter: Counter, cashier: Any, wrong: dict[str, str]) -> None:
    counter.sell("s1", "100")
    response = cashier.post(f"/shifts/{ID}/close/", {"handed_to": "王丽"} | wrong)
    assert response.status_code == 422
    assert response.context["refused"]["head"]
    text = response.content.decode()
    assert "王丽" in text
    assert shift().closed_at is None


def test_nobody_opens_two_and_nobody_closes_twice(counter: Counter, cashier: Any) -> None:
    assert cashier.post("/shifts/open/", {"form_id": ID[::-1], "amount": "1"}).status_code == 422
    assert cashier.get("/shifts/open/").url == f"/shifts/{ID}/"
    assert cashier.post(f"/shifts/{ID}/close/", {"counted": "200"}).status_code == 302
    assert cashier.post(f"/shifts/{ID}/close/", {"counted": "200"}).status_code == 302
    assert cashier.post(f"/shifts/{ID}/close/", {"counted": "100", "reason": "x"}).status_code == 422


def test_the_list_is_for_finance_and_a_cashier_sees_his_own(counter: Counter, cashier: Any, client: Any) -> None:
    other = counter.person("other", "cashier")
    finance = counter.person("money", "finance")
    counts = {}
    for who in (counter.cashier, other, finance, counter.stranger):
        client.force_login(who)
        counts[who.username] = client.get("/shifts/").context["table"].page.paginator.count
    assert counts == {"cashier": 1, "other": 0, "money": 1, "stranger": 0}
    client.force_login(finance)
    assert client.get("/shifts/?export=xlsx").headers["Content-Type"].endswith("sheet")
    for who in (other, counter.stranger):
        client.force_login(who)
        assert client.get(f"/shifts/{ID}/").status_code == 404
        assert client.post(f"/shifts/{ID}/close/", {"counted": "200", "reason": "x"}).status_code == 404
    client.force_login(counter.reader)
    assert client.get("/shifts/open/").status_code == 403
    assert shift().closed_at is None


def test_a_site_that_wants_a_shift_says_so_before_the_sale(counter: Counter, client: Any) -> None:
    from prewatt.domain.vending.operations import change_settings

    change_settings(
        methods=["cash"],
        default_method="cash",
        shift_needed=True,
        payee="",
        operator=counter.admin,
        now=counter.now,
    )
    client.force_login(counter.cashier)
    assert "/shifts/open/" in client.get("/sale/").content.decode()
    given = {"sale_id": ID, "meter": counter.meters[0].number, "amount": "10", "tender": "cash"}
    refused = client.post("/sale/", given, headers={"HX-Request": "true"})
    assert refused.status_code == 422
    assert refused.context["amount"] == "10"
