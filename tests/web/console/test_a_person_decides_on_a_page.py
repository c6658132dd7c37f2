"""Unclear orders: what the registers say, the decision form, and the second person's password."""

from __future__ import annotations

from typing import Any

import pytest

from counter import Counter, yuan
from prewatt.link.messages import Outcome

pytestmark = pytest.mark.django_db
ID = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def counter() -> Counter:
    one = Counter()
    one.opened(balance_fen=yuan("50"))
    one.sell(ID, "100")
    one.lease()
    one.second.set_password("a long second secret")
    one.second.save()
    return one


@pytest.fixture
def admin(counter: Counter, client: Any) -> Any:
    client.force_login(counter.admin)
    return client


def unclear(counter: Counter, *, count: int, bought: str) -> None:
    counter.settle(ID, Outcome.UNCLEAR, reason="count_mismatch", purchase_count=count, bought_fen=yuan(bought))


def decide(admin: Any, **given: str) -> Any:
    return admin.post(f"/orders/{ID}/decide/", {"applied": "yes", "reason": "looked at the meter"} | given)


def state() -> str:
    from prewatt.domain.vending.models import Sale

    return str(Sale.objects.get(pk=ID).state)


@pytest.mark.parametrize(
    ("count", "bought", "says"),
    [(1, "100", "applied"), (0, "0", "not"), (1, "0", "neither"), (5, "100", "neither"), (0, "100", "neither")],
)
def test_the_page_says_what_the_registers_say(counter: Counter, admin: Any, count: int, bought: str, says: str) -> None:
    unclear(counter, count=count, bought=bought)
    (case,) = admin.get("/orders/").context["cases"]
    assert case.says == says


def test_a_decision_that_fits_the_registers_needs_one_person(counter: Counter, admin: Any) -> None:
    unclear(counter, count=1, bought="100")
    assert decide(admin).status_code == 302
    assert state() == "arrived"
    assert admin.get("/orders/").context["cases"] == []


def test_without_a_word_or_a_reason_nothing_is_decided(counter: Counter, admin: Any) -> None:
    unclear(counter, count=1, bought="100")
    assert decide(admin, applied="").context["refused"]["code"] == "no_word"
    assert decide(admin, reason=" ").context["refused"]["code"] == "reason_needed"
    assert state() == "unclear"


def test_where_money_differs_a_second_person_types_his_password(counter: Counter, admin: Any) -> None:
    unclear(counter, count=1, bought="60")
    assert admin.get("/orders/").context["cases"][0].second_if_applied
    assert decide(admin).context["refused"]["code"] == "second_person_needed"
    wrong = decide(admin, second_username="second", second_password="guess")
    assert wrong.context["refused"]["code"] == "second_person_unknown"
    assert "guess" not in wrong.content.decode()
    assert state() == "unclear"
    assert decide(admin, second_username="second", second_password="a long second secret").status_code == 302
    assert state() == "arrived"


def test_nobody_is_his_own_second_person(counter: Counter, admin: Any) -> None:
    counter.admin.set_password("my own long secret")
    counter.admin.save()
    admin.force_login(counter.admin)
    unclear(counter, count=1, bought="60")
    response = decide(admin, second_username="admin", second_password="my own long secret")
    assert response.context["refused"]["code"] == "second_person_unknown"


def test_a_cashier_sees_it_but_may_not_decide(counter: Counter, client: Any) -> None:
    unclear(counter, count=1, bought="100")
    client.force_login(counter.cashier)
    assert len(client.get("/orders/").context["cases"]) == 1
    assert decide(client).status_code == 403
    client.force_login(counter.stranger)
    assert decide(client).status_code == 404


def test_a_late_answer_is_accepted_by_two(counter: Counter, admin: Any) -> None:
    counter.settle(ID, Outcome.REFUSED, reason="not_taken")
    counter.settle(ID, Outcome.DONE, purchase_count=1, balance_fen=yuan("150"), bought_fen=yuan("100"))
    (late,) = admin.get("/orders/").context["late"]
    address = f"/orders/late/{late.kept.pk}/accept/"
    alone = admin.post(address, {"reason": "the meter shows it"})
    assert alone.context["refused"]["code"] == "second_person_unknown"
    given = {"reason": "the meter shows it", "second_username": "second", "second_password": "a long second secret"}
    assert admin.post(address, given).status_code == 302
    assert state() == "arrived"
    assert admin.get("/orders/").context["late"] == []


def test_what_waits_for_a_lost_meter_and_in_the_wallet_is_listed(counter: Counter, admin: Any) -> None:
    counter.read(counter.meters[0], lost=True)
    assert [one.pk for one in admin.get("/orders/").context["lost"]] == [ID]
    counter.settle(ID, Outcome.REFUSED, reason="above_ceiling")
    page = admin.get("/orders/")
    assert (page.context["lost"], [one.pk for one in page.context["wallet"]]) == ([], [ID])
