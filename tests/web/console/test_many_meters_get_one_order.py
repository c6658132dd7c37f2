"""批量操作: who is meant, what is shown before, one batch for two clicks, and nobody beyond his buildings or rights."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from counter import Counter
from workbooks import opened

pytestmark = pytest.mark.django_db
PART = {"HX-Request": "true"}
ID = "0123456789abcdef0123456789abcdef"
NOON = datetime(2026, 6, 1, 3, 0, tzinfo=UTC)  # a Monday, eleven in Shanghai


@pytest.fixture
def counter() -> Counter:
    one = Counter(meters=4)
    for at, meter in enumerate(one.meters):
        one.opened(meter, balance_fen=(-100, 1_500, 4_000, 90_000)[at])
        one.read(meter, relay_closed=1, forced=0, power_w=1500)
        meter.allow = ["manual", "observed", "unverified", "simulated"]
        meter.save(update_fields=["allow"])
    return one


@pytest.fixture(autouse=True)
def at_noon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Outside the protected hours, whenever the tests run."""
    monkeypatch.setattr("prewatt.web.console.views.fleet.orders.now", lambda: NOON)


@pytest.fixture
def admin(counter: Counter, client: Any) -> Any:
    client.cookies["django_language"] = "en"
    client.force_login(counter.admin)
    return client


@pytest.fixture
def elsewhere(counter: Counter) -> Any:
    """The last meter hangs in building B, which is the stranger's own."""
    from prewatt.domain.estate.models import Building, Floor, Room

    other = Building.objects.create(code="B", name="B座")
    meter = counter.meters[3]
    meter.room = Room.objects.create(floor=Floor.objects.create(building=other, number=1), number="B101")
    meter.save()
    counter.stranger.buildings.add(other)
    return meter


def ids(counter: Counter, *which: int) -> str:
    return ",".join(str(counter.meters[at].pk) for at in which)


def _orders() -> Any:
    from prewatt.domain.dispatch.models import MeterOrder

    return MeterOrder.objects.exclude(kind="recharge")


def test_the_grid_shows_the_worst_first_and_counts_every_state(counter: Counter, admin: Any) -> None:
    page = admin.get("/fleet/")
    assert [row.line.state.value for row in page.context["rows"]] == ["owe", "al2", "al1", "open"]
    assert {one.state.value: one.count for one in page.context["states"] if one.count} == {
        "owe": 1,
        "al2": 1,
        "al1": 1,
        "open": 1,
    }
    filtered = admin.get("/fleet/", {"state": "al2"})
    assert [row.line.state.value for row in filtered.context["rows"]] == ["al2"]
    assert sum(one.count for one in filtered.context["states"]) == 4


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"text": "0300000002"}, 1),
        ({"text": "zs"}, 0),
        ({"building": "A"}, 3),
        ({"floors": "1-3"}, 4),
        ({"floors": "2"}, 0),
        ({"gateway": "gw-1", "bus": "bus-1"}, 4),
        ({"gateway": "gw-2"}, 0),
        ({"plan": "none"}, 4),
        ({"differs": "1"}, 0),
        ({"state": "nonsense"}, 4),
    ],
)
def test_filters_stand_in_the_address(counter: Counter, admin: Any, elsewhere: Any, asked: Any, found: int) -> None:
    assert admin.get("/fleet/", asked).context["total"] == found


def test_a_meter_that_shows_other_settings_is_found(counter: Counter, admin: Any) -> None:
    from prewatt.domain.control import values

    meter = counter.meters[1]
    values.sent([(meter.pk, {"alarm1_fen": 6000})], now=counter.now)
    values.shown([(meter.pk, {"alarm1_fen": 5000})], now=counter.now)
    page = admin.get("/fleet/", {"differs": "1", "cols": "room,differs"})
    assert [row.line.meter.pk for row in page.context["rows"]] == [meter.pk]
    assert "differs" in page.content.decode()


def test_rows_are_renewed_in_their_place_and_only_his_own(counter: Counter, client: Any, elsewhere: Any) -> None:
    client.force_login(counter.stranger)
    counter.read(elsewhere, balance_fen=-1)
    page = client.get("/fleet/live/", {"ids": ids(counter, 0, 3, 1)}, headers=PART)
    assert [row.line.meter.pk for row in page.context["rows"]] == [elsewhere.pk]
    assert "s-owe" in page.content.decode()
    assert page.context["total"] == 1


def test_the_live_rows_keep_the_order_that_was_drawn(counter: Counter, admin: Any) -> None:
    page = admin.get("/fleet/live/", {"ids": ids(counter, 2, 0, 3), "state": "al1"}, headers=PART)
    assert [row.line.meter.pk for row in page.context["rows"]] == [counter.meters[at].pk for at in (2, 0, 3)]
    assert page.context["total"] == 1


def test_a_preview_sends_nothing(counter: Counter, admin: Any) -> None:
    page = admin.post("/fleet/orders/switch_off/preview/", {"ids": ids(counter, 0, 1)}, headers=PART)
    assert page.status_code == 200
    assert (page.context["count"], page.context["trips"]) == (2, 2)
    assert not _orders().exists()


def test_all_of_a_filter_reaches_over_the_pages_but_not_those_taken_out(counter: Counter, admin: Any) -> None:
    asked = {"all": "1", "filter": "building=A", "but": ids(counter, 2)}
    page = admin.post("/fleet/orders/read/preview/", asked, headers=PART)
    assert page.context["ids"].split(",") == ids(counter, 0, 1, 3).split(",")
    assert admin.post("/fleet/orders/read/preview/", {"all": "1", "filter": "state=al1"}, headers=PART).context[
        "ids"
    ] == ids(counter, 2)


def test_what_was_shown_is_what_is_sent_whatever_changed_meanwhile(counter: Counter, admin: Any) -> None:
    shown = admin.post("/fleet/orders/read/preview/", {"all": "1", "filter": "state=al1"}, headers=PART).context
    counter.read(counter.meters[3], balance_fen=4_100)
    admin.post("/fleet/orders/read/", {"batch_id": shown["batch_id"], "ids": shown["ids"]}, headers=PART)
    assert list(_orders().values_list("meter", flat=True)) == [counter.meters[2].pk]


def test_two_clicks_are_one_batch(counter: Counter, admin: Any) -> None:
    form = {"batch_id": ID, "ids": ids(counter, 0, 1)}
    first = admin.post("/fleet/orders/read/", form, headers=PART)
    second = admin.post("/fleet/orders/read/", form, headers=PART)
    assert first.headers["HX-Redirect"] == second.headers["HX-Redirect"] == f"/fleet/batches/{ID}/"
    assert _orders().count() == 2


def test_foreign_meters_are_dropped_and_told(counter: Counter, client: Any, elsewhere: Any) -> None:
    client.cookies["django_language"] = "en"
    client.force_login(counter.stranger)
    asked = {"batch_id": ID, "ids": ids(counter, 0, 1, 3)}
    page = client.post("/fleet/orders/read/preview/", asked, headers=PART)
    assert (page.context["count"], page.context["dropped"]) == (1, 2)
    assert "2 chosen meters were left out" in page.content.decode()
    client.post("/fleet/orders/read/", asked, headers=PART)
    assert list(_orders().values_list("meter", flat=True)) == [elsewhere.pk]


def test_who_has_none_of_the_meters_sends_nothing(counter: Counter, client: Any) -> None:
    client.force_login(counter.stranger)
    assert client.get("/fleet/").context["total"] == 0
    page = client.post("/fleet/orders/read/", {"batch_id": ID, "all": "1", "filter": ""}, headers=PART)
    assert page.status_code == 422
    assert not _orders().exists()


@pytest.mark.parametrize("kind", ["read", "hold", "switch_off", "prices", "limits", "release", "switch_on"])
def test_who_may_only_look_gets_neither_dialog_nor_order(counter: Counter, client: Any, kind: str) -> None:
    client.force_login(counter.reader)
    assert client.get("/fleet/").status_code == 200
    for path in (f"/fleet/orders/{kind}/preview/", f"/fleet/orders/{kind}/"):
        assert client.post(path, {"batch_id": ID, "ids": ids(counter, 0)}).status_code == 403
    assert not _orders().exists()


def test_one_right_does_not_give_the_other_orders(counter: Counter, client: Any) -> None:
    counter.reader.role.rights = ["read", "meter_orders"]
    counter.reader.role.save()
    client.force_login(counter.reader)
    form = {"batch_id": ID, "ids": ids(counter, 0), "reason": "work", "confirmed": "1"}
    assert client.post("/fleet/orders/switch_off/", form, headers=PART).status_code == 422
    assert client.post("/fleet/orders/hold/", form, headers=PART).status_code == 422
    assert not _orders().exists()
    assert client.post("/fleet/orders/read/", form, headers=PART).status_code == 200


def test_switching_off_wants_a_reason_and_the_number(counter: Counter, admin: Any) -> None:
    form = {"batch_id": ID, "ids": ids(counter, 0, 1), "reason": "work", "note": "line 3"}
    wrong = admin.post("/fleet/orders/switch_off/", {**form, "confirmed": "3"}, headers=PART)
    assert (wrong.status_code, wrong.context["refused"]["code"]) == (422, "not_confirmed")
    assert 'value="line 3"' in wrong.content.decode()
    silent = admin.post("/fleet/orders/switch_off/", {**form, "reason": "", "confirmed": "2"}, headers=PART)
    assert silent.context["refused"]["code"] == "reason_needed"
    assert not _orders().exists()
    assert admin.post("/fleet/orders/switch_off/", {**form, "confirmed": "2"}, headers=PART).status_code == 200
    assert _orders().filter(kind="switch_off").count() == 2


def test_beyond_the_limit_a_second_person_confirms(counter: Counter, admin: Any) -> None:
    from prewatt.domain.control.models import SwitchRules

    SwitchRules.objects.create(limit_count=1)
    counter.second.set_password("long-enough-secret")
    counter.second.save()
    form = {"batch_id": ID, "ids": ids(counter, 0, 1), "reason": "work", "confirmed": "2"}
    alone = admin.post("/fleet/orders/switch_off/", form, headers=PART)
    assert alone.context["refused"]["code"] == "second_person_needed"
    assert 'name="second_username"' in alone.content.decode()
    secret = {"second_username": "second", "second_password": "long-enough-secret"}
    assert admin.post("/fleet/orders/switch_off/", {**form, **secret}, headers=PART).status_code == 200
    assert _orders().count() == 2


def test_values_are_typed_in_yuan_and_kilowatts(counter: Counter, admin: Any) -> None:
    form = {"batch_id": ID, "ids": ids(counter, 3), "alarm1_fen": "60.5", "overload_limit_w": "3.5"}
    page = admin.post("/fleet/orders/limits/preview/", {**form, "part": "changes"}, headers=PART)
    assert dict(page.context["rows"][0].values) == {
        "alarm1_fen": (5000, 6050),
        "overload_limit_w": (None, 3500),
    }
    wrong = admin.post("/fleet/orders/limits/preview/", {**form, "alarm1_fen": "much", "part": "changes"}, headers=PART)
    assert "much" in wrong.content.decode()


def test_a_plan_is_sent_and_then_used(counter: Counter, admin: Any) -> None:
    from prewatt.domain.tariff.models import Plan

    prices = dict.fromkeys(
        ("price_sharp_e4", "price_peak_e4", "price_flat_e4", "price_valley_e4", "price_deep_e4"), 8000
    )
    plan = Plan.objects.create(
        name="商业", created_at=counter.now, changed_at=counter.now, created_by=counter.admin, **prices
    )
    form = {"batch_id": ID, "ids": ids(counter, 0, 1), "plan": str(plan.pk)}
    page = admin.post("/fleet/orders/prices/preview/", form, headers=PART)
    assert len(page.context["seen"].changes) == 2
    assert admin.post("/fleet/orders/prices/", form, headers=PART).status_code == 200
    assert admin.get("/fleet/", {"plan": str(plan.pk)}).context["total"] == 2
    assert admin.get("/fleet/", {"plan": "none"}).context["total"] == 2


def test_a_price_too_fine_for_a_meter_has_a_way_out(counter: Counter, admin: Any) -> None:
    from prewatt.domain.dispatch.models import MeterOrder
    from prewatt.domain.estate.models import Meter
    from prewatt.domain.fleet.models import Skip
    from prewatt.domain.tariff.models import Plan

    names = ("price_sharp_e4", "price_peak_e4", "price_flat_e4", "price_valley_e4", "price_deep_e4")
    facts = {"created_at": counter.now, "changed_at": counter.now, "created_by": counter.admin}
    plan = Plan.objects.create(name="商业", **facts, **dict.fromkeys(names, 7263))
    coarse = counter.meters[0]
    Meter.objects.filter(pk=coarse.pk).update(profile="acrel-adf400l")  # whole fen
    form = {"batch_id": ID, "ids": ids(counter, 0), "plan": str(plan.pk)}
    page = admin.post("/fleet/orders/prices/preview/", {**form, "part": "changes"}, headers=PART)
    assert (page.context["rows"], page.context["skips"]) == ([], [(Skip.CANNOT.label, 1)])
    down = {**form, "round_down": "1"}
    (row,) = admin.post("/fleet/orders/prices/preview/", {**down, "part": "changes"}, headers=PART).context["rows"]
    assert row.values["price_flat_e4"][1] == 7200
    assert "checked" in admin.post("/fleet/orders/prices/preview/", down, headers=PART).content.decode()
    assert admin.post("/fleet/orders/prices/", down, headers=PART).status_code == 200
    assert MeterOrder.objects.get(meter=coarse).values["price_flat_e4"] == 7200


def test_a_batch_is_shown_stopped_and_sent_again(counter: Counter, admin: Any) -> None:
    admin.post("/fleet/orders/read/", {"batch_id": ID, "ids": ids(counter, 0, 1)}, headers=PART)
    assert [run.batch.pk for run in admin.get("/fleet/").context["runs"]] == [ID]
    page = admin.get(f"/fleet/batches/{ID}/")
    assert page.context["run"].waiting == 2
    admin.post(f"/fleet/batches/{ID}/stop/")
    stopped = admin.get(f"/fleet/batches/{ID}/progress/", headers=PART)
    assert (stopped.context["run"].failed, stopped.context["run"].waiting) == (2, 0)
    admin.post(f"/fleet/batches/{ID}/retry/")
    assert _orders().count() == 4
    assert admin.get(f"/fleet/batches/{ID}/progress/", headers=PART).context["run"].waiting == 2
    assert ID in admin.get("/fleet/batches/").content.decode()


def test_another_buildings_batch_is_not_there(counter: Counter, client: Any, elsewhere: Any) -> None:
    client.force_login(counter.admin)
    client.post("/fleet/orders/read/", {"batch_id": ID, "ids": ids(counter, 0, 1)}, headers=PART)
    client.force_login(counter.stranger)
    for path in (f"/fleet/batches/{ID}/", f"/fleet/batches/{ID}/progress/"):
        assert client.get(path).status_code == 404
    for path in (f"/fleet/batches/{ID}/stop/", f"/fleet/batches/{ID}/retry/"):
        assert client.post(path).status_code == 404
    assert client.get("/fleet/").context["runs"] == []
    assert client.get("/fleet/batches/").context["table"].page.paginator.count == 0


def test_the_export_is_exactly_what_is_filtered(counter: Counter, admin: Any) -> None:
    answer = admin.get("/fleet/", {"state": "al1", "cols": "room,number,balance", "export": "xlsx"})
    assert opened(answer).values == [["101", counter.meters[2].number, 40.0]]


@pytest.mark.parametrize("path", ["/fleet/", "/fleet/live/", "/fleet/batches/"])
def test_whoever_is_not_logged_in_is_sent_to_the_door(counter: Counter, client: Any, path: str) -> None:
    assert client.get(path).status_code == 302
