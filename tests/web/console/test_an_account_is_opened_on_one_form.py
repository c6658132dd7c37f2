"""开户 on a page: several meters in one post, everything typed survives a refusal, twice is once."""

from __future__ import annotations

from typing import Any

import pytest

from counter import Counter, yuan

pytestmark = pytest.mark.django_db
FORM = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def counter() -> Counter:
    return Counter(meters=3)


def typed(counter: Counter, *firsts: str, **changes: Any) -> dict[str, Any]:
    meters = counter.meters[: len(firsts)]
    given: dict[str, Any] = {
        "form_id": FORM,
        "number": "K0002",
        "name": "海风西餐厅",
        "phone": "13800000000",
        "note": "靠窗",
        "password": "482913",
        "tender": "wechat",
        "meter": [meter.pk for meter in meters],
    }
    for meter, first in zip(meters, firsts, strict=True):
        at = f"m{meter.pk}-"
        given |= {at + "first": first, at + "carried": "", at + "use": "商铺", at + "texts": "1"}
        given |= {at + "ceiling_fen": "1,000", at + "alarm1_fen": "60", at + "alarm2_fen": "20"}
        given |= {at + "overload_limit_w": "0", at + "price_flat_e4": "0.85"}
    return given | changes


def openings() -> list[Any]:
    from prewatt.domain.estate.models import Opening

    return list(Opening.objects.order_by("meter__number"))


def test_two_meters_open_with_one_post(counter: Counter, client: Any) -> None:
    client.force_login(counter.cashier)
    response = client.post("/customers/open/", typed(counter, "100", "50.5"))
    first, _second = openings()
    assert response.status_code == 302
    assert response.url == f"/customers/{first.customer_id}/?opened=1"
    assert (first.customer.name, first.use, first.texts, first.alarm1_notify) == ("海风西餐厅", "商铺", True, False)
    assert counter.drawer_fen("wechat") == yuan("150.50")
    first.meter.refresh_from_db()
    assert (first.meter.alarm1_fen, first.meter.price_flat_e4) == (6000, 8500)
    page = client.get(response.url).content.decode()
    assert "way slim-way" in page
    assert "482913" not in page


def test_the_shipped_kinds_of_use_are_offered(counter: Counter, client: Any) -> None:
    client.force_login(counter.cashier)
    client.post("/customers/open/", typed(counter, "100"))
    for address in ("/customers/open/", f"/customers/account/{openings()[0].pk}/"):
        assert '<option value="办公">' in client.get(address).content.decode()


def test_a_second_click_opens_nothing_more(counter: Counter, client: Any) -> None:
    client.force_login(counter.cashier)
    given = typed(counter, "100")
    assert client.post("/customers/open/", given).url == client.post("/customers/open/", given).url
    assert len(openings()) == 1
    assert counter.drawer_fen("wechat") == yuan("100")


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({"name": ""}, "name"),
        ({"number": "K0001"}, "number"),
        ({"phone": "call me"}, "phone"),
        ({"password": "123"}, "password"),
        ({"tender": "shells"}, ""),
        ({"meter": []}, ""),
        ({"form_id": ""}, ""),
    ],
)
def test_a_refused_form_comes_back_as_it_was_typed(
    counter: Counter, client: Any, changes: dict[str, Any], wrong: str
) -> None:
    client.force_login(counter.cashier)
    given = typed(counter, "100", "7.77", **changes)
    response = client.post("/customers/open/", given)
    assert response.status_code == 422
    assert openings() == []
    form = response.context["form"]
    assert form.wrong == wrong
    assert form.person["note"] == "靠窗"
    assert form.person["password"] == given["password"]
    assert [line.texts["first"] for line in form.lines] == (["100", "7.77"] if given["meter"] else [])
    assert response.context["refused"]["head"]


@pytest.mark.parametrize(
    ("field", "text"),
    [("first", "1000.01"), ("first", "abc"), ("first", "1.234"), ("price_flat_e4", "85"), ("alarm2_fen", "100")],
)
def test_the_meter_that_is_wrong_is_marked(counter: Counter, client: Any, field: str, text: str) -> None:
    client.force_login(counter.cashier)
    given = typed(counter, "100", "50")
    given[f"m{counter.meters[1].pk}-{field}"] = text
    response = client.post("/customers/open/", given)
    first, second = response.context["form"].lines
    assert (response.status_code, first.wrong, openings()) == (422, "", [])
    assert second.wrong == (field if field not in ("first",) else "meter")
    assert second.texts[field] == text


def test_the_same_form_works_after_it_was_mended(counter: Counter, client: Any) -> None:
    client.force_login(counter.cashier)
    refused = client.post("/customers/open/", typed(counter, "100", name=""))
    assert refused.context["form"].form_id == FORM
    assert client.post("/customers/open/", typed(counter, "100")).status_code == 302
    assert len(openings()) == 1


def test_a_known_tenant_takes_one_more_meter(counter: Counter, client: Any) -> None:
    counter.opened()
    client.force_login(counter.cashier)
    drawn = client.get("/customers/open/", {"customer": counter.customer.pk, "meter": counter.meters[1].pk})
    assert [line.meter for line in drawn.context["form"].lines] == [counter.meters[1]]
    given = typed(counter, "0", "0", customer=counter.customer.pk, meter=[counter.meters[1].pk])
    assert client.post("/customers/open/", given).status_code == 302
    assert [one.customer_id for one in openings()] == [counter.customer.pk] * 2


def test_only_free_meters_are_found(counter: Counter, client: Any) -> None:
    counter.opened()
    client.force_login(counter.cashier)
    found = client.get("/customers/open/find/", {"q": "101"}).context["found"]
    assert {one.meter.pk for one in found} == {meter.pk for meter in counter.meters[1:]}
    line = client.get(f"/customers/open/meter/{counter.meters[1].pk}/").content.decode()
    assert f'name="m{counter.meters[1].pk}-first"' in line


def test_a_line_begins_with_the_buildings_prices(counter: Counter, client: Any) -> None:
    from prewatt.domain.estate.models import Defaults

    Defaults.objects.create(building=counter.building, price_flat_e4=7000, price_peak_e4=10500)
    client.force_login(counter.cashier)
    line = client.get(f"/customers/open/meter/{counter.meters[0].pk}/").context["line"]
    assert (line.texts["price_flat_e4"], line.texts["price_peak_e4"]) == ("0.7000", "1.0500")


def test_the_meter_is_asked_for_its_amount_once(counter: Counter, client: Any) -> None:
    from prewatt.domain.dispatch.models import MeterOrder

    client.force_login(counter.cashier)
    at = f"/customers/open/reading/{counter.meters[0].pk}/"
    for _time in range(2):
        assert client.post(at, {"form_id": FORM}).context["waiting"]
    assert list(MeterOrder.objects.values_list("pk", "kind")) == [(FORM, "read")]
    counter.read(counter.meters[0], balance_fen=1234)
    MeterOrder.objects.update(state="done")
    shown = client.get(at, {"order": FORM})
    assert not shown.context["waiting"]
    assert shown.context["carry"] == "12.34"


def test_strangers_and_readers_open_nothing(counter: Counter, client: Any) -> None:
    pk = counter.meters[0].pk
    client.force_login(counter.stranger)
    assert client.get("/customers/open/find/", {"q": "101"}).context["found"] == []
    assert client.get(f"/customers/open/meter/{pk}/").status_code == 404
    assert client.post(f"/customers/open/reading/{pk}/", {"form_id": FORM}).status_code == 404
    assert client.get("/customers/open/", {"meter": pk}).status_code == 404
    assert client.get("/customers/open/", {"customer": counter.customer.pk}).status_code == 404
    assert client.post("/customers/open/", typed(counter, "100")).status_code == 422
    client.force_login(counter.reader)
    assert client.get("/customers/open/").status_code == 403
    assert client.post("/customers/open/", typed(counter, "100")).status_code == 403
    assert openings() == []


def plan(counter: Counter, name: str, e4: int, *, active: bool = True) -> Any:
    from counter import NOW
    from prewatt.domain.tariff.models import PRICE_NAMES, Plan

    prices = dict.fromkeys(PRICE_NAMES, e4)
    return Plan.objects.create(
        name=name, created_at=NOW, created_by=counter.admin, changed_at=NOW, active=active, **prices
    )


def test_a_line_offers_the_plans_in_use_and_every_band(counter: Counter, client: Any) -> None:
    from prewatt.domain.estate.models import Defaults

    plan(counter, "商铺价", 7263)
    plan(counter, "旧价", 9000, active=False)
    Defaults.objects.create(building=counter.building, alarm1_fen=8000, ceiling_fen=5_000_000)
    client.force_login(counter.cashier)
    answer = client.get(f"/customers/open/meter/{counter.meters[0].pk}/")
    page, texts = answer.content.decode(), answer.context["line"].texts
    assert "商铺价 · 0.7263" in page
    assert "旧价" not in page
    assert "-price_deep_e4" in page
    assert texts["alarm1_fen"] == "80.00"
    assert texts["ceiling_fen"] == "1000.00"  # set for this meter: the building's does not go over it


def test_a_plan_above_the_cap_asks_for_a_ground_on_its_meter(counter: Counter, client: Any) -> None:
    from counter import NOW
    from prewatt.domain.tariff.models import PlanUse
    from prewatt.domain.tariff.operations import set_purchase

    dear = plan(counter, "贵", 9000)
    set_purchase(from_day=NOW.date(), prices={"price_flat_e4": 7000}, operator=counter.admin, now=NOW)
    at = f"m{counter.meters[0].pk}-"
    client.force_login(counter.cashier)
    given = typed(counter, "100") | {at + "plan": str(dear.pk)}
    refused = client.post("/customers/open/", given)
    (line,) = refused.context["form"].lines
    assert (refused.status_code, line.wrong, line.texts["plan"], openings()) == (422, "ground", str(dear.pk), [])
    assert client.post("/customers/open/", given | {at + "ground": "批准书"}).status_code == 302
    assert PlanUse.objects.get().plan == dear


@pytest.mark.parametrize("choice", ["999999", "x", "-1"])
def test_a_plan_that_is_none_is_refused(counter: Counter, client: Any, choice: str) -> None:
    client.force_login(counter.cashier)
    refused = client.post("/customers/open/", typed(counter, "100") | {f"m{counter.meters[0].pk}-plan": choice})
    assert (refused.status_code, refused.context["form"].lines[0].wrong, openings()) == (422, "plan", [])
