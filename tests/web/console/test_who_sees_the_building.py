"""Dashboard, tower and meters: the stranger sees nothing, the reader orders nothing, figures stay in their building."""

from __future__ import annotations

from typing import Any

import pytest

from counter import Counter, yuan

pytestmark = pytest.mark.django_db
PART = {"HX-Request": "true"}
ORDERS = ("switch_off", "switch_on", "hold", "release", "read")


@pytest.fixture
def counter() -> Counter:
    one = Counter(meters=2)
    one.opened(balance_fen=yuan("50"))
    return one


def own_pages(counter: Counter) -> list[str]:
    pk = counter.meters[0].pk
    return [
        f"/meters/{pk}/",
        f"/meters/{pk}/card/",
        f"/meters/{pk}/orders/",
        f"/meters/{pk}/hold/",
        f"/building/?meter={pk}",
    ]


def test_whoever_is_not_logged_in_is_sent_to_the_door(counter: Counter, client: Any) -> None:
    for path in ("/", "/building/", "/building/live/", "/meters/", "/live/", *own_pages(counter)):
        response = client.get(path)
        assert response.status_code == 302
        assert response.url.startswith("/login/?next=")


def test_a_fragment_sends_the_whole_page_to_the_door(counter: Counter, client: Any) -> None:
    response = client.get(
        "/building/live/", headers={**PART, "HX-Current-URL": "http://testserver/building/?state=al1"}
    )
    assert response.status_code == 401
    assert response.headers["HX-Redirect"] == "/login/?next=%2Fbuilding%2F%3Fstate%3Dal1"


def test_a_stranger_finds_no_meter_of_another_building(counter: Counter, client: Any) -> None:
    client.force_login(counter.stranger)
    assert [client.get(path, headers=PART).status_code for path in own_pages(counter)] == [404] * 5
    assert client.get("/fleet/").context["table"].page.paginator.count == 0
    assert client.get("/").context["seen"].meters == 0
    assert "tower" not in client.get("/building/").context
    assert client.get("/building/live/", headers=PART).status_code == 204
    assert client.get("/meters/", {"go": "1", "q": "101"}).url.startswith("/fleet/?")


@pytest.mark.parametrize("kind", ORDERS)
def test_a_stranger_gives_no_order(counter: Counter, client: Any, kind: str) -> None:
    from prewatt.domain.dispatch.models import MeterOrder

    client.force_login(counter.stranger)
    assert (
        client.post(f"/meters/{counter.meters[0].pk}/{kind}/", {"reason": "x", "confirmed": "101"}).status_code == 404
    )
    client.force_login(counter.reader)
    assert (
        client.post(f"/meters/{counter.meters[0].pk}/{kind}/", {"reason": "x", "confirmed": "101"}).status_code == 403
    )
    assert MeterOrder.objects.count() == 0


def test_a_building_of_ones_own_is_all_there_is(counter: Counter, client: Any) -> None:
    from prewatt.domain.estate.models import Building, Floor, Room

    other = Building.objects.create(code="B", name="B座")
    meter = counter.meters[1]
    meter.room = Room.objects.create(floor=Floor.objects.create(building=other, number=1), number="B101")
    meter.save()
    counter.stranger.buildings.add(other)
    client.force_login(counter.stranger)
    assert [row[1].text for row in client.get("/fleet/").context["table"].rows()] == ["B101"]
    assert client.get("/").context["seen"].meters == 1
    page = client.get("/building/", {"building": "A"})
    assert (page.context["chosen"].code, page.context["tower"].total) == ("B", 1)
    assert client.get("/live/").context["pulse"].meters == 1


def test_a_reader_sees_no_button_that_would_refuse_him(counter: Counter, client: Any) -> None:
    client.force_login(counter.reader)
    text = client.get(f"/meters/{counter.meters[0].pk}/").content.decode()
    assert "switch_off" not in text
    assert "/sale/?meter=" not in text
    client.force_login(counter.admin)
    text = client.get(f"/meters/{counter.meters[0].pk}/").content.decode()
    assert "switch_off" in text
    assert "/sale/?meter=" in text


def test_a_role_without_any_right_is_told_so(counter: Counter, client: Any) -> None:
    counter.reader.role.rights = []
    counter.reader.role.save()
    client.force_login(counter.reader)
    assert client.get("/").status_code == 200
    assert client.get("/building/").status_code == 403
