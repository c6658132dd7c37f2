"""上级表: one meter feeds another, never itself, and never across buildings unless it hangs in no room."""

from __future__ import annotations

from typing import Any

import pytest

from counter import Counter

pytestmark = pytest.mark.django_db


@pytest.fixture
def counter() -> Counter:
    return Counter(meters=3)


def feed(counter: Counter, meter: Any, number: str, **changes: str) -> Any:
    from prewatt.domain.estate.meters import edit_meter

    typed = {
        "number": meter.number,
        "profile": meter.profile,
        "bus": str(meter.bus_id),
        "unit": str(meter.unit),
        "building": meter.room.floor.building.code if meter.room else "",
        "room": meter.room.number if meter.room else "",
        "active": "1",
        "parent": number,
    }
    return edit_meter(meter=meter, typed=typed | changes, operator=counter.admin, now=counter.now)


def refused(counter: Counter, meter: Any, number: str, **changes: str) -> dict[str, str]:
    from prewatt.domain.estate.refusals import FieldsRefused

    with pytest.raises(FieldsRefused) as error:
        feed(counter, type(meter).objects.get(pk=meter.pk), number, **changes)
    assert type(meter).objects.get(pk=meter.pk).parent_id == meter.parent_id
    return error.value.problems


def test_it_is_named_logged_and_taken_away_again(counter: Counter) -> None:
    from prewatt.domain.staff.models import LogEntry

    main, one, _two = counter.meters
    feed(counter, one, main.number)
    assert type(one).objects.get(pk=one.pk).parent == main
    line = LogEntry.objects.filter(action="estate.meter").latest("pk")
    assert (line.before["parent"], line.after["parent"]) == ("None", main.number)
    feed(counter, one, "")
    assert type(one).objects.get(pk=one.pk).parent is None


def test_no_meter_feeds_itself_however_far_round(counter: Counter) -> None:
    main, one, two = counter.meters
    assert "itself" in refused(counter, main, main.number)["parent"]
    feed(counter, one, main.number)
    feed(counter, two, one.number)
    assert "feed each other" in refused(counter, main, two.number)["parent"]


def test_a_meter_that_is_unknown_is_no_parent(counter: Counter) -> None:
    assert "nobody" in refused(counter, counter.meters[0], "nobody")["parent"]


def test_a_meter_in_a_room_feeds_its_own_building_and_one_without_a_room_any(counter: Counter) -> None:
    from prewatt.domain.estate.models import Floor, Room
    from prewatt.domain.estate.operations import add_building

    main, one, two = counter.meters
    other = add_building(code="B", name="B", floors=[1])
    Room.objects.create(floor=Floor.objects.get(building=other), number="201")
    far = {"building": "B", "room": "201"}
    assert "its own building" in refused(counter, one, main.number, **far)["parent"]
    nowhere = {"building": "", "room": ""}
    assert "its own building" in refused(counter, one, main.number, **nowhere)["parent"]
    feed(counter, one, main.number)
    main.refresh_from_db()
    assert "feeds 1 meter" in refused(counter, main, "", **far)["room"]
    feed(counter, main, "", **nowhere)
    feed(counter, two, main.number, **far)


def test_who_sees_one_building_only_names_no_meter_of_another(counter: Counter) -> None:
    from prewatt.domain.estate import feeding

    main, one, _two = counter.meters
    assert feeding.named(main.number, operator=counter.stranger, meter=one) is None
    one.parent = main  # what stands there already may stay as it is
    assert feeding.named(main.number, operator=counter.stranger, meter=one) == main


def test_a_workbook_names_what_stands_before(counter: Counter) -> None:
    from prewatt.domain.estate.importing.plan import check
    from prewatt.domain.estate.importing.sheets import sheets
    from prewatt.domain.estate.importing.workbook import Page, Row
    from prewatt.domain.estate.importing.writing import write

    sheet = next(one for one in sheets() if one.kind == "meters")
    letters = {column.key: chr(65 + place) for place, column in enumerate(sheet.columns)}

    def row(at: int, number: str, parent: str, **more: Any) -> Row:
        same = {"gateway": counter.gateway.code, "bus": counter.bus.code, "profile": "acrel-dtsy1352-nk"}
        return Row(at, {"number": number, "parent": parent, "unit": 100 + at, **same, **more})

    room = {"building": "A", "room": counter.room.number}
    good = [row(2, "M1", "", **room), row(3, "M2", "M1", **room), row(4, "M3", counter.meters[0].number, **room)]
    bad = [row(5, "M4", "M5"), row(6, "M6", "M1")]
    plan = check([Page(sheet, letters, [*good, *bad])])
    assert [str(one).split(" ", 1)[0] for one in plan.problems] == ["仪表!X5", "仪表!X6"]
    write(plan, operator=counter.admin, now=counter.now, source="x")
    found = dict(type(counter.meters[0]).objects.filter(number__startswith="M").values_list("number", "parent__number"))
    assert found == {"M1": None, "M2": "M1", "M3": counter.meters[0].number}
    again = check([Page(sheet, letters, good)])
    assert (again.problems, again.unchanged["meters"]) == ([], 3)
