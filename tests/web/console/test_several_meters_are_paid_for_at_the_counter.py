"""A tenant with several meters: an amount each, one payment, each line followed to its meter."""

from __future__ import annotations

from typing import Any

import pytest

from counter import Counter, yuan

pytestmark = pytest.mark.django_db
ID = "0123456789abcdef0123456789abcdef"
PART = {"HX-Request": "true"}


@pytest.fixture
def counter() -> Counter:
    one = Counter(meters=3)
    for meter in one.meters:
        one.opened(meter, balance_fen=yuan("50"))
    return one


@pytest.fixture
def cashier(counter: Counter, client: Any) -> Any:
    client.force_login(counter.cashier)
    return client


def form(counter: Counter, *amounts: str, **changes: Any) -> dict[str, Any]:
    given: dict[str, Any] = {"payment_id": ID, "meter": counter.meters[0].number, "tender": "cash"}
    given["line"] = [str(meter.pk) for meter in counter.meters]
    for at, (meter, amount) in enumerate(zip(counter.meters, amounts, strict=False)):
        given |= {f"sale_id-{meter.pk}": f"{at}" * 32, f"amount-{meter.pk}": amount}
    return given | changes


def booked() -> list[tuple[str, int]]:
    from prewatt.domain.vending.models import Sale

    return list(Sale.objects.order_by("number").values_list("meter__number", "amount_fen"))


def test_the_card_shows_all_meters_of_the_tenant_the_chosen_one_first(counter: Counter, cashier: Any) -> None:
    chosen = counter.meters[1]
    lines = cashier.get(f"/sale/tenant/{chosen.pk}/").context["lines"]
    assert [one.meter.pk for one in lines] == [chosen.pk, counter.meters[0].pk, counter.meters[2].pk]
    assert len({one.sale_id for one in lines}) == 3


def test_one_post_sells_to_each_meter_with_an_amount(counter: Counter, cashier: Any) -> None:
    response = cashier.post("/sale/", form(counter, "100", "", "1,250.5"), headers=PART)
    assert response.status_code == 422, "the third is above its ceiling of 1000"
    assert booked() == []
    response = cashier.post("/sale/", form(counter, "100", "", "50.5"), headers=PART)
    assert response.headers["HX-Trigger"] == "sold"
    assert booked() == [(counter.meters[0].number, 10_000), (counter.meters[2].number, 5_050)]
    assert "S2026-000002" in response.content.decode()


def test_a_refused_line_is_named_and_everything_typed_is_kept(counter: Counter, cashier: Any) -> None:
    response = cashier.post("/sale/", form(counter, "100", "951", "7"), headers=PART)
    assert response.status_code == 422
    assert [(one.amount, one.wrong) for one in response.context["lines"]] == [
        ("100", False),
        ("951", True),
        ("7", False),
    ]
    assert response.context["payment_id"] == ID
    assert [one.sale_id for one in response.context["lines"]] == ["0" * 32, "1" * 32, "2" * 32]
    assert response.context["refused"].fits == "950.00"


def test_a_double_click_is_one_payment(counter: Counter, cashier: Any) -> None:
    for _time in range(2):
        assert cashier.post("/sale/", form(counter, "1", "2", "3"), headers=PART).status_code == 200
    assert len(booked()) == 3


def test_the_lines_are_followed_until_the_last_has_arrived(counter: Counter, cashier: Any) -> None:
    cashier.post("/sale/", form(counter, "1", "2", "3"), headers=PART)
    address = f"/sale/payment/{ID}/"
    assert "hx-trigger" in cashier.get(address).content.decode()
    for at in range(3):
        assert cashier.get(address).context["arrived"] == at
        counter.arrive(f"{at}" * 32)
    last = cashier.get(address)
    assert last.context["ended"]
    assert last.headers["HX-Trigger"] == "arrived"
    assert "hx-trigger" not in last.content.decode()


def test_a_stranger_sees_no_line_and_sells_to_none(counter: Counter, client: Any, cashier: Any) -> None:
    cashier.post("/sale/", form(counter, "1"), headers=PART)
    client.force_login(counter.stranger)
    assert client.get(f"/sale/payment/{ID}/").status_code == 404
    assert client.post("/sale/", form(counter, "1", payment_id=ID[::-1])).status_code == 404


def test_a_meter_outside_ones_buildings_is_not_even_listed(counter: Counter, client: Any) -> None:
    from prewatt.domain.estate.models import Building, Floor, Room

    other = Building.objects.create(name="B座", code="B")
    room = Room.objects.create(floor=Floor.objects.create(building=other, number=1), number="B101")
    counter.meters[2].room = room
    counter.meters[2].save()
    local = counter.person("local", "cashier", all_buildings=False)
    local.buildings.add(counter.building)
    client.force_login(local)
    lines = client.get(f"/sale/tenant/{counter.meters[0].pk}/").context["lines"]
    assert [one.meter.pk for one in lines] == [counter.meters[0].pk, counter.meters[1].pk]
    assert client.post("/sale/", form(counter, "1", "1", "1")).status_code == 404
    assert booked() == []


def test_only_the_methods_that_the_site_offers_are_there(counter: Counter, client: Any) -> None:
    client.force_login(counter.admin)
    asked = {"method": ["card", "cash"], "place-card": "1", "place-cash": "2", "default": "card", "payee": "物业公司"}
    assert client.post("/settings/counter/", asked).status_code == 302
    client.force_login(counter.cashier)
    context = client.get(f"/sale/tenant/{counter.meters[0].pk}/").context
    assert [code for code, _text, _icon in context["tenders"]] == ["card", "cash"]
    assert context["tender"] == "card"
    refused = client.post("/sale/", form(counter, "1", tender="wechat"), headers=PART)
    assert refused.status_code == 422
    assert booked() == []
    assert client.get("/settings/counter/").status_code == 403


def test_who_sees_only_some_buildings_changes_nothing_for_all(counter: Counter, client: Any) -> None:
    client.force_login(counter.stranger)
    response = client.post("/settings/counter/", {"method": ["card"], "default": "card", "payee": ""})
    assert response.status_code == 422
    assert response.context["refused"]["code"] == "no_right"


@pytest.mark.parametrize("wrong", [{"method": []}, {"method": ["cash"], "default": "card"}])
def test_wrong_settings_are_refused_in_words(counter: Counter, client: Any, wrong: dict[str, Any]) -> None:
    client.force_login(counter.admin)
    response = client.post("/settings/counter/", {"default": "cash", "payee": ""} | wrong)
    assert response.status_code == 422
    assert response.context["refused"]["head"]
