"""Rights and buildings at the counter: the stranger sees nothing, the reader sells nothing."""

from __future__ import annotations

from typing import Any

import pytest

from counter import Counter, yuan

pytestmark = pytest.mark.django_db
ID = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def counter() -> Counter:
    one = Counter()
    one.opened(balance_fen=yuan("50"))
    one.sell(ID, "100")
    return one


def addresses(counter: Counter) -> list[str]:
    return [
        f"/sale/tenant/{counter.meters[0].pk}/",
        f"/sale/?meter={counter.meters[0].number}",
        f"/sale/progress/{ID}/",
        f"/sales/{ID}/",
    ]


def test_a_cashier_of_another_building_sees_nothing(counter: Counter, client: Any) -> None:
    client.force_login(counter.stranger)
    assert [client.get(one).status_code for one in addresses(counter)] == [404] * 4
    assert client.get("/sale/find/", {"q": "101"}).context["found"] == []
    everything = client.get("/sales/", {"from": "", "to": ""})
    assert everything.context["table"].page.paginator.count == 0
    assert client.get("/orders/").context["cases"] == []


@pytest.mark.parametrize("doing", ["reverse", "refund", "resend", "pay-out", "cancel"])
def test_a_stranger_cannot_touch_a_sale(counter: Counter, client: Any, doing: str) -> None:
    client.force_login(counter.stranger)
    assert client.post(f"/sales/{ID}/{doing}/", {"form_id": ID, "amount": "1", "tender": "cash"}).status_code == 404


def test_a_stranger_cannot_sell(counter: Counter, client: Any) -> None:
    client.force_login(counter.stranger)
    given = {"sale_id": ID[::-1], "meter": counter.meters[0].number, "amount": "1", "tender": "cash"}
    assert client.post("/sale/", given).status_code == 404


@pytest.mark.parametrize("doing", ["reverse", "refund", "resend", "pay-out", "cancel"])
def test_a_reader_may_look_but_not_act(counter: Counter, client: Any, doing: str) -> None:
    client.force_login(counter.reader)
    assert client.get("/sales/").status_code == client.get(f"/sales/{ID}/").status_code == 200
    assert client.get("/sale/").status_code == 403
    assert client.post(f"/sales/{ID}/{doing}/", {"form_id": ID}).status_code == 403
    assert not any(client.get(f"/sales/{ID}/").context["can"].values())


def test_a_cashier_may_not_reverse_or_refund(counter: Counter, client: Any) -> None:
    counter.arrive(ID)
    client.force_login(counter.cashier)
    can = client.get(f"/sales/{ID}/").context["can"]
    assert (can["reverse"], can["refund"]) == (False, False)
    assert client.post(f"/sales/{ID}/reverse/", {"form_id": ID}).status_code == 403


@pytest.mark.parametrize("address", ["/sale/", "/sales/", "/orders/", f"/sales/{ID}/"])
def test_without_a_log_in_there_is_only_the_log_in(counter: Counter, client: Any, address: str) -> None:
    response = client.get(address)
    assert response.status_code == 302
    assert response.url.startswith("/login/?next=")
