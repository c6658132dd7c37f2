"""The counter's form: a sale, the same form sent again, and every refusal in words."""

from __future__ import annotations

from typing import Any

import pytest

from counter import Counter, yuan

pytestmark = pytest.mark.django_db
ID = "0123456789abcdef0123456789abcdef"
PART = {"HX-Request": "true"}


@pytest.fixture
def counter() -> Counter:
    one = Counter()
    one.opened(balance_fen=yuan("50"))
    return one


@pytest.fixture
def cashier(counter: Counter, client: Any) -> Any:
    client.force_login(counter.cashier)
    return client


def form(counter: Counter, **changes: str) -> dict[str, str]:
    given = {"sale_id": ID, "meter": counter.meters[0].number, "amount": "100.50", "tender": "wechat"}
    return given | changes


def sales() -> list[Any]:
    from prewatt.domain.vending.models import Sale

    return list(Sale.objects.order_by("number"))


def test_a_sale_is_booked_by_one_post(counter: Counter, cashier: Any) -> None:
    response = cashier.post("/sale/", form(counter), headers=PART)
    (sale,) = sales()
    assert (sale.pk, sale.amount_fen, sale.tender, sale.operator) == (ID, 10050, "wechat", counter.cashier)
    assert response.headers["HX-Trigger"] == "sold"
    assert sale.receipt in response.content.decode()


def test_a_double_click_and_a_reload_find_the_first_sale(counter: Counter, cashier: Any) -> None:
    first = cashier.post("/sale/", form(counter), headers=PART)
    again = cashier.post("/sale/", form(counter), headers=PART)
    plain = cashier.post("/sale/", form(counter))
    assert len(sales()) == 1
    assert first.status_code == again.status_code == 200
    assert plain.status_code == 302
    assert plain.url == f"/sale/?last={ID}"
    assert sales()[0].receipt in cashier.get(plain.url).content.decode()


def test_each_drawn_form_carries_another_sale_id(counter: Counter, cashier: Any) -> None:
    address = f"/sale/tenant/{counter.meters[0].pk}/"
    first, second = (cashier.get(address).context["sale_id"] for _ in range(2))
    assert first != second
    assert len(first) == 32


def test_thousands_may_be_typed_with_a_comma(counter: Counter, cashier: Any) -> None:
    counter.meters[0].ceiling_fen = 0
    counter.meters[0].save()
    cashier.post("/sale/", form(counter, amount="1,200"), headers=PART)
    assert sales()[0].amount_fen == yuan("1200")


@pytest.mark.parametrize(
    "wrong",
    [
        {"amount": "0"},
        {"amount": "-5"},
        {"amount": "1.005"},
        {"amount": "abc"},
        {"amount": ""},
        {"amount": "99999999999999"},
        {"amount": "951"},
        {"tender": "shells"},
        {"sale_id": "1"},
        {"sale_id": ""},
    ],
)
def test_every_refusal_is_a_sentence_and_keeps_what_was_typed(
    counter: Counter, cashier: Any, wrong: dict[str, str]
) -> None:
    response = cashier.post("/sale/", form(counter, **wrong), headers=PART)
    refused = response.context["refused"]
    assert response.status_code == 422
    assert refused.text.count("。") + refused.text.count(". ") >= 1
    assert refused.text in response.content.decode().replace("&quot;", '"').replace("&#x27;", "'")
    assert response.context["amount"] == form(counter, **wrong)["amount"].replace(",", "")
    assert sales() == []


def test_above_the_ceiling_the_amount_that_fits_is_offered(counter: Counter, cashier: Any) -> None:
    """The ceiling is 1000, the meter holds 50."""
    response = cashier.post("/sale/", form(counter, amount="951"), headers=PART)
    assert response.context["refused"].fits == "950.00"
    assert 'data-amount="950.00"' in response.content.decode()
    assert cashier.post("/sale/", form(counter, amount="950.00"), headers=PART).status_code == 200


def test_a_refused_form_may_be_sent_again_with_its_own_id(counter: Counter, cashier: Any) -> None:
    response = cashier.post("/sale/", form(counter, amount="951"), headers=PART)
    assert response.context["sale_id"] == ID


def test_an_id_that_another_sale_has_is_refused_and_drawn_anew(counter: Counter, cashier: Any) -> None:
    cashier.post("/sale/", form(counter), headers=PART)
    response = cashier.post("/sale/", form(counter, amount="7"), headers=PART)
    assert response.status_code == 422
    assert response.context["sale_id"] != ID
    assert len(sales()) == 1


def test_without_javascript_a_refusal_is_a_whole_page(counter: Counter, cashier: Any) -> None:
    response = cashier.post("/sale/", form(counter, amount="0"))
    assert response.status_code == 422
    assert "<html" in response.content.decode()


def test_a_meter_without_an_account_is_shown_but_not_sold_to(counter: Counter, cashier: Any) -> None:
    bare = counter.meter("0300999999")
    page = cashier.get(f"/sale/tenant/{bare.pk}/").content.decode()
    assert 'id="pay"' not in page
    assert cashier.post("/sale/", form(counter, meter=bare.number), headers=PART).status_code == 422
    assert sales() == []


def test_a_lost_meter_is_sold_to_and_the_page_says_that_it_waits(counter: Counter, cashier: Any) -> None:
    counter.read(counter.meters[0], lost=True)
    cashier.post("/sale/", form(counter), headers=PART)
    shown = cashier.get(f"/sale/progress/{ID}/")
    assert shown.context["progress"].lost
    assert not shown.context["progress"].ended


def test_progress_ends_when_the_meter_has_read_back(counter: Counter, cashier: Any) -> None:
    cashier.post("/sale/", form(counter), headers=PART)
    on_its_way = cashier.get(f"/sale/progress/{ID}/")
    assert "every 1s" in on_its_way.content.decode() or "every 5s" in on_its_way.content.decode()
    assert "HX-Trigger" not in on_its_way.headers
    counter.arrive(ID)
    arrived = cashier.get(f"/sale/progress/{ID}/")
    assert "hx-trigger" not in arrived.content.decode()
    assert arrived.headers["HX-Trigger"] == "arrived"
    assert "150.50" in arrived.content.decode()


@pytest.mark.parametrize("text", ["101", "张", "0300000000", "K0001", "zs"])
def test_one_field_finds_the_tenant(counter: Counter, cashier: Any, text: str) -> None:
    counter.customer.pinyin = "zs"
    counter.customer.save()
    found = cashier.get("/sale/find/", {"q": text}).context["found"]
    assert [one.standing.meter for one in found] == counter.meters
    assert cashier.get("/sale/find/", {"q": "nobody"}).context["found"] == []


def test_an_address_may_name_the_meter_or_the_text(counter: Counter, cashier: Any) -> None:
    named = cashier.get("/sale/", {"meter": counter.meters[0].number})
    assert named.context["tenant"].standing.meter == counter.meters[0]
    assert [one.standing.room for one in cashier.get("/sale/", {"q": "101"}).context["found"]] == ["101"]
