"""Price plans, the purchase price, the rules of switching off, the stop and the differences, as pages."""

from __future__ import annotations

from typing import Any

import pytest

from counter import Counter

pytestmark = pytest.mark.django_db
FLAT = {"name": "商铺", "kind": "flat", "price_flat_e4": "0.72", "form_id": "0123456789abcdef0123456789abcdef"}
RULES = {
    "limit_count": "3",
    "limit_minutes": "20",
    "protected_from": "19:00",
    "protected_until": "07:30",
    "protect": "1",
    "protected_days": "2026-10-01\n2026-10-02",
}


@pytest.fixture
def counter() -> Counter:
    from prewatt.domain.estate.models import Meter

    one = Counter(meters=2)
    Meter.objects.update(allow=["manual", "observed", "unverified", "simulated"])
    one.meters = list(Meter.objects.order_by("number"))
    return one


@pytest.fixture
def admin(counter: Counter, client: Any) -> Any:
    client.cookies["django_language"] = "en"
    client.force_login(counter.admin)
    return client


def plan(admin: Any, **changes: str) -> Any:
    from prewatt.domain.tariff.models import Plan

    assert admin.post("/settings/prices/new/", FLAT | changes).status_code == 302
    return Plan.objects.latest("pk")


def test_a_plan_is_made_changed_and_listed(admin: Any) -> None:
    made = plan(admin)
    assert made.price_peak_e4 == 7200
    assert "商铺" in admin.get("/settings/prices/").content.decode()
    changed = FLAT | {"price_flat_e4": "0.69", "active": "1"}
    assert admin.post(f"/settings/prices/{made.pk}/", changed).status_code == 302
    made.refresh_from_db()
    assert (made.price_flat_e4, made.active) == (6900, True)


def test_a_refused_plan_keeps_what_was_typed(admin: Any) -> None:
    response = admin.post("/settings/prices/new/", FLAT | {"price_flat_e4": "0.72631"})
    assert response.status_code == 422
    text = response.content.decode()
    assert 'value="0.72631"' in text
    assert "at most four decimals" in text


def test_a_plan_above_the_cap_asks_for_its_ground(admin: Any) -> None:
    paid = {"from_day": "2026-01-01", "kind": "flat", "price_flat_e4": "0.70", "markup": "0"}
    assert admin.post("/settings/prices/purchase/", paid).status_code == 302
    response = admin.post("/settings/prices/new/", FLAT)
    assert response.status_code == 422
    assert "lies above what the site pays" in response.content.decode()
    made = plan(admin, reason="approved by the price bureau")
    assert "above the cap" in admin.get(f"/settings/prices/{made.pk}/").content.decode()
    assert "0.7000" in admin.get("/settings/prices/purchase/").content.decode()


@pytest.mark.parametrize("field", ["from_day", "markup", "price_flat_e4"])
def test_a_wrong_field_of_the_purchase_price_is_named(admin: Any, field: str) -> None:
    paid = {"from_day": "2026-01-01", "kind": "flat", "price_flat_e4": "0.70", "markup": "0"}
    response = admin.post("/settings/prices/purchase/", paid | {field: "x"})
    assert response.status_code == 422
    assert f'id="f-{field}-p"' in response.content.decode()


def test_a_plan_is_sent_to_its_meters_once(counter: Counter, admin: Any) -> None:
    from prewatt.domain.dispatch.models import MeterOrder
    from prewatt.domain.tariff.operations import assign

    made = plan(admin)
    assign(plan=made, meter_ids=[counter.meters[0].pk], operator=counter.admin, now=counter.now)
    assert "Send the prices to 1 meter" in admin.get(f"/settings/prices/{made.pk}/").content.decode()
    for _time in range(2):
        assert admin.post(f"/settings/prices/{made.pk}/send/", {"form_id": "b1"}).status_code == 302
    order = MeterOrder.objects.get()
    assert (order.meter_id, order.values["price_flat_e4"]) == (counter.meters[0].pk, 7200)


def test_the_rules_are_kept_and_a_wrong_one_is_named(counter: Counter, admin: Any) -> None:
    from prewatt.domain.control.cutting import rules

    assert admin.post("/settings/switching/", RULES).status_code == 302
    kept = rules()
    assert (kept.limit_count, kept.limit_minutes, f"{kept.protected_from:%H:%M}") == (3, 20, "19:00")
    assert (kept.protect, kept.protect_weekends, len(kept.protected_days)) == (True, False, 2)
    for name in ("limit_count", "protected_from", "protected_days"):
        response = admin.post("/settings/switching/", RULES | {name: "soon"})
        assert response.status_code == 422
        assert f'id="f-{name}-p"' in response.content.decode()


def test_a_room_goes_on_the_list_and_off_it(counter: Counter, admin: Any) -> None:
    from prewatt.domain.control.models import NeverCut

    assert admin.post("/settings/switching/never/", {"thing": "101", "kind": "lift"}).status_code == 302
    mark = NeverCut.objects.get()
    assert (mark.room, mark.kind) == (counter.room, "lift")
    assert admin.post("/settings/switching/never/", {"thing": "999", "kind": "lift"}).status_code == 422
    assert admin.post(f"/settings/switching/never/{mark.pk}/remove/").status_code == 302
    assert not NeverCut.objects.exists()


def test_the_stop_is_on_every_page_until_it_is_lifted(counter: Counter, admin: Any) -> None:
    assert admin.post("/settings/switching/stop/", {"why": "typhoon"}).status_code == 302
    for path in ("/settings/prices/", "/settings/switching/", "/fleet/differing/"):
        text = admin.get(path).content.decode()
        assert "Stop of the site" in text
        assert "typhoon" in text
    admin.post("/settings/switching/stop/", {"why": "over", "lift": "1"})
    assert "site-stop" not in admin.get("/settings/prices/").content.decode()


def test_what_differs_is_listed_and_sent_again(counter: Counter, admin: Any) -> None:
    from prewatt.domain.control import values
    from prewatt.domain.dispatch.models import MeterOrder

    meter = counter.meters[0]
    assert "Every meter shows what was sent" in admin.get("/fleet/differing/").content.decode()
    values.sent([(meter.pk, {"alarm1_fen": 3000})], now=counter.now)
    values.shown([(meter.pk, {"alarm1_fen": 5000})], now=counter.now)
    text = admin.get("/fleet/differing/").content.decode()
    assert all(word in text for word in (meter.number, "Alarm 1 (yuan) 30.00", "Alarm 1 (yuan) 50.00"))
    assert admin.get("/fleet/differing/?export=xlsx").status_code == 200
    assert admin.post("/fleet/differing/send/", {"kind": "limits", "form_id": "b1"}).status_code == 302
    assert MeterOrder.objects.get().values == {"alarm1_fen": 3000}


PAGES = ("/settings/prices/", "/settings/prices/new/", "/settings/prices/purchase/", "/settings/switching/")


@pytest.mark.parametrize("path", PAGES)
def test_who_may_not_change_settings_does_not_get_the_form(counter: Counter, client: Any, path: str) -> None:
    client.force_login(counter.reader)
    assert client.get(path).status_code == (200 if path == "/settings/prices/" else 403)
    if path != "/settings/prices/":
        assert client.post(path, FLAT).status_code == 403


def test_a_stranger_sees_no_meter_of_a_plan_and_no_difference(counter: Counter, admin: Any, client: Any) -> None:
    from prewatt.domain.control import values
    from prewatt.domain.dispatch.models import MeterOrder
    from prewatt.domain.tariff.operations import assign

    made, meter = plan(admin), counter.meters[0]
    assign(plan=made, meter_ids=[meter.pk], operator=counter.admin, now=counter.now)
    values.sent([(meter.pk, {"alarm1_fen": 3000})], now=counter.now)
    values.shown([(meter.pk, {"alarm1_fen": 5000})], now=counter.now)
    client.force_login(counter.stranger)
    for path in (f"/settings/prices/{made.pk}/", "/fleet/differing/"):
        assert meter.number not in client.get(path).content.decode()
    client.post(f"/settings/prices/{made.pk}/send/", {"form_id": "b1"})
    client.post("/fleet/differing/send/", {"kind": "limits", "form_id": "b2"})
    assert client.post("/settings/switching/never/", {"thing": "101", "kind": "lift"}).status_code == 422
    assert not MeterOrder.objects.exists()


def test_the_stop_needs_a_right(counter: Counter, client: Any) -> None:
    from prewatt.domain.control.cutting import stop

    client.force_login(counter.cashier)
    assert client.post("/settings/switching/stop/", {"why": "typhoon"}).status_code == 403
    assert stop() is None
