"""A differing account's page: its class and evidence in words, and two people who take it into the books."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse

from counter import Counter
from prewatt.domain.reconciliation import operations
from prewatt.domain.reconciliation.models import Acceptance, Line

pytestmark = pytest.mark.django_db
PASSWORD = "long enough for anybody"


@pytest.fixture
def counter(db: None) -> Counter:
    one = Counter(meters=2)
    for n, meter in enumerate(one.meters):
        one.opened(meter)
        one.sell(f"s{n}", "100", meter=meter)
        one.arrive(f"s{n}")
    one.read_all(one.meters[0], balance_fen=15_000, purchase_count=2, bought_fen=15_000, energy_wh=1)
    one.second.set_password(PASSWORD)
    one.second.save()
    return one


def address(counter: Counter, name: str = "reconciliation-account") -> str:
    return reverse(f"console:{name}", args=[counter.meters[0].openings.get().pk])


def press(client: Any, counter: Counter, **changed: str) -> Any:
    given = {
        "accept_id": "a1",
        "amount_fen": "5000",
        "count_delta": "1",
        "reason": "maker's hand unit",
        "second_username": "second",
        "second_password": PASSWORD,
    }
    return client.post(address(counter, "reconciliation-accept"), given | changed)


def test_the_page_says_what_the_class_is_what_shows_it_and_what_to_do(client: Any, counter: Counter) -> None:
    client.force_login(counter.admin)
    client.cookies["django_language"] = "en"
    text = client.get(address(counter)).content.decode()
    for said in ("foreign recharge", "1 purchases with no order of ours, 50.00 yuan", "Find out who recharged"):
        assert said in text
    assert 'name="amount_fen" value="5000"' in text


def test_pressed_twice_it_is_taken_over_once_and_the_page_keeps_it(client: Any, counter: Counter) -> None:
    client.force_login(counter.admin)
    assert [press(client, counter).status_code for _time in range(2)] == [302, 302]
    assert Acceptance.objects.get().second_person == counter.second
    text = client.get(address(counter)).content.decode()
    assert "maker&#x27;s hand unit" in text
    assert 'name="amount_fen"' not in text


@pytest.mark.parametrize("changed", [{"second_password": "wrong"}, {"amount_fen": "4999"}, {"reason": " "}])
def test_a_refused_form_comes_back_with_what_was_typed(client: Any, counter: Counter, changed: dict[str, str]) -> None:
    client.force_login(counter.admin)
    found = press(client, counter, **changed)
    assert found.status_code == 422
    assert 'role="alert"' in found.content.decode()
    assert ("maker&#x27;s hand unit" in found.content.decode()) == ("reason" not in changed)
    assert not Acceptance.objects.exists()


def test_who_may_not_decide_sees_no_form_and_a_stranger_nothing(client: Any, counter: Counter) -> None:
    client.force_login(counter.reader)
    assert 'name="amount_fen"' not in client.get(address(counter)).content.decode()
    assert press(client, counter).status_code == 403
    client.force_login(counter.stranger)
    assert client.get(address(counter)).status_code == 404
    assert press(client, counter).status_code == 404


def test_the_list_has_the_class_its_filter_and_since_when(client: Any, counter: Counter) -> None:
    operations.daily(now=counter.now)
    counter.later(days=1)
    operations.daily(now=counter.now)
    first, last = Line.objects.filter(cause="foreign").order_by("run")
    assert first.since == last.since == first.run_id
    client.force_login(counter.admin)
    rows = client.get(reverse("console:reconciliation"), {"cause": "foreign"}).content.decode()
    assert counter.meters[0].number in rows
    assert counter.meters[1].number not in rows
    assert address(counter) in rows
