"""Use by hour and weekday against sums that this file makes itself from the readings it stored."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, datetime, timedelta
from random import Random
from statistics import fmean
from typing import Any

import pytest

from domain.metering.site import MIDNIGHT_MS, ZONE, Site, look
from prewatt.domain.estate.models import Building, Floor, Meter, Room
from prewatt.domain.metering import shape as shapes
from prewatt.domain.metering.models import BuildingHour
from prewatt.domain.metering.scope import Scope
from prewatt.domain.metering.shape import Shape, shape
from prewatt.domain.metering.usage import Days
from prewatt.domain.staff.models import Operator
from prewatt.domain.staff.operations import ready_roles

pytestmark = pytest.mark.django_db
DAYS = 15
SPAN = Days(date(2026, 6, 1), date(2026, 6, 14))


def person(*buildings: Building) -> Operator:
    who = Operator.objects.create(
        username=f"who{len(buildings)}",
        role=ready_roles()["finance"],
        all_buildings=not buildings,
        created_at=datetime(2026, 6, 1, tzinfo=ZONE),
    )
    who.buildings.set(buildings)
    return who


@pytest.fixture
def used(site: Site) -> dict[str, list[int]]:
    """Wh of each hour, by meter: two rooms of building A (ratio 1 and 40) and one of B, read at each full hour."""
    random, found = Random(11), {}
    for place, (code, room, ratio) in enumerate((("A", "101", 1), ("A", "202", 40), ("B", "301", 3))):
        building, _new = Building.objects.get_or_create(code=code, defaults={"name": f"{code}座"})
        floor = Floor.objects.create(building=building, number=int(room[0]))
        meter = site.add(f"03000107{place:02d}", ct_ratio=ratio)
        Meter.objects.filter(pk=meter.pk).update(room=Room.objects.create(floor=floor, number=room))
        steps = [random.randrange(10, 900) for _hour in range(DAYS * 24)]
        site.record(
            [look(meter, hour * 60, energy_wh=10_000 + sum(steps[:hour])) for hour in range(DAYS * 24 + 1)],
            minutes=DAYS * 24 * 60,
        )
        found[room] = [step * ratio for step in steps]
    for _turn in range(3):
        site.close((DAYS + 1) * 24 * 60)
    return found


def by_hand(used: dict[str, list[int]], *rooms: str) -> dict[tuple[int, int], list[int]]:
    found = defaultdict(list)
    start = datetime.fromtimestamp(MIDNIGHT_MS / 1000, ZONE)
    for hour in range(len(SPAN) * 24):
        at = start + timedelta(hours=hour)
        if SPAN.first <= at.date() <= SPAN.last:
            found[at.weekday(), at.hour].append(sum(used[room][hour] for room in rooms))
    return found


def same(found: Shape, wanted: dict[tuple[int, int], list[int]]) -> bool:
    return {key: (cell.hours, cell.wh) for key, cell in found.cells.items()} == {
        key: (len(hours), sum(hours)) for key, hours in wanted.items()
    }


@pytest.mark.parametrize(
    ("scope", "rooms"),
    [
        (Scope(), ("101", "202", "301")),
        (Scope(building="A"), ("101", "202")),
        (Scope(building="A", floors="2"), ("202",)),
        (Scope(text="301"), ("301",)),
    ],
)
def test_each_hour_of_the_week_is_the_mean_of_its_hours(used: Any, scope: Scope, rooms: tuple[str, ...]) -> None:
    found = shape(operator=person(), scope=scope, days=SPAN)
    assert same(found, by_hand(used, *rooms))
    assert found.missing == 0


def test_base_load_and_highest_hour_are_found(used: dict[str, list[int]]) -> None:
    found = shape(operator=person(), scope=Scope(), days=SPAN)
    hand = by_hand(used, *used)
    nights = [wh for (_day, hour), each in hand.items() for wh in each if hour in (1, 2, 3, 4)]
    every = [wh for each in hand.values() for wh in each]
    assert found.highest is not None
    assert found.highest.wh == max(every)
    assert found.base_wh == pytest.approx(fmean(nights), abs=0.5)
    assert found.load_factor_e3 == pytest.approx(1000 * fmean(every) / max(every), abs=0.5)


def test_make_up_days_are_worked_and_holidays_are_rested(site: Site) -> None:
    """Around National Day 2026: a Sunday and a Saturday are worked, the Friday of Mid-Autumn and a week are not."""
    span = Days(date(2026, 9, 14), date(2026, 10, 18))
    start = datetime(2026, 9, 14, tzinfo=ZONE)
    place = Building.objects.create(code="H", name="H座")
    off = {date(2026, 9, 25), *(date(2026, 10, day) for day in range(1, 8))}
    worked = {date(2026, 9, 20), date(2026, 10, 10)}
    days = [span.first + timedelta(days=at) for at in range(len(span))]
    rest = {day for day in days if (day.weekday() >= 5 and day not in worked) or day in off}
    for at, day in enumerate(days):
        start_ms = int((start + timedelta(days=at, hours=9)).timestamp() * 1000)
        BuildingHour.objects.create(start_ms=start_ms, place=place.pk, energy_wh=100 if day in rest else 900 + at)
    found = shape(operator=person(), scope=Scope(building="H"), days=span)
    assert found.mean_of(9, rests=True) == 100
    work = [900 + at for at, day in enumerate(days) if day not in rest]
    assert found.mean_of(9, rests=False) == pytest.approx(fmean(work), abs=0.5)
    assert found.kinds[True, 9].hours == len(rest)
    assert found.mean_of(8, rests=True) is None


def test_who_sees_one_building_is_shown_its_hours_alone(used: Any) -> None:
    mine = person(Building.objects.get(code="B"))
    assert same(shape(operator=mine, scope=Scope(), days=SPAN), by_hand(used, "301"))
    foreign = shape(operator=mine, scope=Scope(building="A"), days=SPAN)
    assert foreign.cells == {}
    assert foreign.base_wh is None
    assert shape(operator=mine, scope=Scope(text="101"), days=SPAN).cells == {}


def test_hours_that_nobody_knows_are_said_and_count_nowhere(used: Any) -> None:
    longer = Days(date(2026, 5, 30), SPAN.last)
    found = shape(operator=person(), scope=Scope(), days=longer)
    assert found.missing == 48
    assert same(found, by_hand(used, *used))


def test_too_many_single_meters_are_drawn_from_fewer_days(used: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shapes, "HOURS_READ_MAX", 24 * 7 * 3)
    who = person()
    narrow = shape(operator=who, scope=Scope(floors="1-3"), days=SPAN)
    assert narrow.days == Days(date(2026, 6, 8), SPAN.last)
    assert narrow.asked == SPAN
    whole = shape(operator=who, scope=Scope(), days=SPAN)
    assert whole.days == SPAN
