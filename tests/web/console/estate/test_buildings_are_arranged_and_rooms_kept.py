"""建筑群 and 户号: made, renamed, put in order in one go, removed only when empty."""

from __future__ import annotations

from typing import Any

import pytest

from counter import Counter

pytestmark = pytest.mark.django_db


@pytest.fixture
def other(counter: Counter) -> Any:
    from prewatt.domain.estate.models import Building

    return Building.objects.create(code="B", name="B座", sort=1)


def test_a_building_with_a_floor_and_an_area_is_made_once(counter: Counter, engineer: Any) -> None:
    from prewatt.domain.estate.models import Area, Building, Floor

    for _click in range(2):
        engineer.post("/settings/buildings/new/", {"form_id": "n", "code": "C", "name": "裙楼"})
    made = Building.objects.get(code="C")
    for _click in range(2):
        engineer.post(f"/settings/buildings/{made.pk}/floors/new/", {"form_id": "f", "number": "-1", "name": "B1"})
        engineer.post(f"/settings/buildings/{made.pk}/areas/new/", {"form_id": "a", "name": "美食广场"})
    assert [str(one) for one in Floor.objects.filter(building=made)] == ["B1"]
    assert [str(one) for one in Area.objects.filter(building=made)] == ["美食广场"]
    text = engineer.get("/settings/buildings/").content.decode()
    assert "裙楼" in text
    assert "美食广场" in text


def test_the_whole_order_is_saved_in_one_go(counter: Counter, engineer: Any, other: Any) -> None:
    from prewatt.domain.estate.models import Building, Floor
    from prewatt.domain.staff.models import LogEntry

    first = counter.room.floor
    second = Floor.objects.create(building=counter.building, number=2)
    order = f"building:{other.pk},building:{counter.building.pk},floor:{first.pk},floor:{second.pk}"
    engineer.post("/settings/buildings/order/", {"order": order})
    assert [one.code for one in Building.objects.all()] == ["B", "A"]
    assert [one.number for one in Floor.objects.filter(building=counter.building)] == [1, 2]
    engineer.post("/settings/buildings/order/", {"order": order})
    assert LogEntry.objects.filter(action="estate.order").count() == 1


def test_nonsense_in_the_order_moves_nothing(counter: Counter, engineer: Any, other: Any) -> None:
    from prewatt.domain.estate.models import Building

    engineer.post("/settings/buildings/order/", {"order": "floor:x,room:1,building:99999999999,,building"})
    assert [one.code for one in Building.objects.all()] == ["A", "B"]


def test_what_is_not_empty_stays(counter: Counter, engineer: Any) -> None:
    from prewatt.domain.estate.models import Area, Building

    floor = counter.room.floor
    counter.room.area = Area.objects.create(building=counter.building, name="东区")
    counter.room.save()
    for kind, pk in (("building", counter.building.pk), ("floor", floor.pk), ("area", counter.room.area.pk)):
        page = engineer.post(f"/settings/remove/{kind}/{pk}/", follow=True)
        assert "is not empty. Nothing was removed." in page.content.decode()
    empty = Building.objects.create(code="E", name="空")
    engineer.post(f"/settings/remove/building/{empty.pk}/")
    assert not Building.objects.filter(code="E").exists()


def test_a_taken_code_or_number_is_refused_by_name(counter: Counter, engineer: Any) -> None:
    page = engineer.post("/settings/buildings/new/", {"form_id": "n", "code": "A", "name": "x"})
    assert "there is a building of this code already" in page.content.decode()
    page = engineer.post(f"/settings/buildings/{counter.building.pk}/floors/new/", {"form_id": "f", "number": "1"})
    assert "has such a floor already" in page.content.decode()


def test_a_room_is_kept_with_its_area_and_kind(counter: Counter, engineer: Any, other: Any) -> None:
    from prewatt.domain.estate.models import Area, Room

    area = Area.objects.create(building=counter.building, name="东区")
    foreign = Area.objects.create(building=other, name="西区")
    form = {"form_id": "r", "number": "102", "floor": str(counter.room.floor_id), "use": "商铺", "area": str(area.pk)}
    for _click in range(2):
        engineer.post("/settings/rooms/new/", form)
    made = Room.objects.get(number="102")
    assert (made.area, made.use) == (area, "商铺")
    rows = engineer.get(f"/settings/rooms/?area={area.pk}").context["table"].rows()
    assert [row[0].text for row in rows] == ["102"]
    again = engineer.post("/settings/rooms/new/", form | {"form_id": "r2", "use": "养鱼"})
    assert "has such a room already" in again.content.decode()
    assert "is not in the list of kinds" in again.content.decode()
    wrong = engineer.post(f"/settings/rooms/{made.pk}/", form | {"area": str(foreign.pk)})
    assert "is an area of another building" in wrong.content.decode()


def test_a_room_with_meters_stays_and_an_empty_one_goes(counter: Counter, engineer: Any) -> None:
    from prewatt.domain.estate.models import Room

    page = engineer.post(f"/settings/rooms/{counter.room.pk}/remove/", follow=True)
    assert "Room 101 has meters" in page.content.decode()
    empty = Room.objects.create(floor=counter.room.floor, number="109")
    engineer.post(f"/settings/rooms/{empty.pk}/remove/")
    assert [room.number for room in Room.objects.all()] == ["101"]


def test_a_kind_of_use_that_rooms_have_stays_in_the_list(counter: Counter, engineer: Any) -> None:
    from prewatt.domain.estate import rooms

    counter.room.use = "商铺"
    counter.room.save()
    page = engineer.post("/settings/rooms/uses/", {"uses": "办公\n仓库"})
    assert "1 room(s) have the kind “商铺”, such as 101." in page.content.decode()
    engineer.post("/settings/rooms/uses/", {"uses": "仓库\n\n 商铺 \n仓库"})
    assert rooms.uses() == ["仓库", "商铺"]


def test_strangers_readers_and_people_of_one_building(counter: Counter, client: Any, other: Any) -> None:
    from prewatt.domain.estate.models import Building

    client.force_login(counter.stranger)
    assert client.get("/settings/buildings/").context["buildings"] == []
    assert client.get("/settings/rooms/").context["table"].rows() == []
    for path in (
        f"/settings/buildings/{counter.building.pk}/",
        f"/settings/floors/{counter.room.floor_id}/",
        f"/settings/rooms/{counter.room.pk}/",
    ):
        assert client.get(path).status_code == 404
    assert client.post(f"/settings/remove/floor/{counter.room.floor_id}/").status_code == 404
    assert client.post("/settings/buildings/new/", {"code": "X", "name": "X"}).status_code == 422
    client.force_login(counter.reader)
    assert client.get("/settings/buildings/").status_code == 200
    assert client.post("/settings/buildings/order/", {"order": ""}).status_code == 403
    assert client.get("/settings/rooms/new/").status_code == 403
    local = counter.person("local", "engineer", all_buildings=False)
    local.buildings.set([counter.building, other])
    client.force_login(local)
    client.post("/settings/buildings/order/", {"order": f"building:{other.pk},building:{counter.building.pk}"})
    assert [one.code for one in Building.objects.all()] == ["A", "B"]
