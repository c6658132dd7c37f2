"""The report of use against sums that this file draws from the raw readings itself: gaps, ratios, a changed meter."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from random import Random
from typing import Any

import pytest

from domain.metering.site import MIDNIGHT_MS, ZONE, Site, look
from prewatt.domain.estate.models import Building, Floor, Meter, RatioChange, Room
from prewatt.domain.metering import usage
from prewatt.domain.metering.models import Reading
from prewatt.domain.metering.places import By, Place, by_place
from prewatt.domain.metering.scope import Scope
from prewatt.domain.metering.usage import Days, Per
from prewatt.domain.staff.models import Operator
from prewatt.domain.staff.operations import ready_roles

pytestmark = pytest.mark.django_db
DAY = 24 * 60
LENGTH = 66  # days: June, July and the first days of August
JUNE = Days(date(2026, 6, 1), date(2026, 6, 30))
SPANS = [
    JUNE,
    Days(date(2026, 6, 1), date(2026, 8, 4)),
    Days(date(2026, 6, 17), date(2026, 8, 2)),
    Days(date(2026, 6, 30), date(2026, 7, 1)),
    Days(date(2026, 7, 9), date(2026, 7, 9)),
    Days(date(2026, 7, 1), date(2026, 8, 31)),
]


def person(*buildings: Building) -> Operator:
    who = Operator.objects.create(
        username=f"who{len(buildings)}",
        role=ready_roles()["finance"],
        all_buildings=not buildings,
        created_at=datetime(2026, 6, 1, tzinfo=UTC),
    )
    who.buildings.set(buildings)
    return who


def readings(site: Site, meter: Meter, random: Random, *, first: int, last: int, start_wh: int) -> None:
    """Anything from a minute to three days apart, and never just at midnight by design."""
    at, wh, looks = first, start_wh, []
    while at <= last:
        looks.append(look(meter, at, energy_wh=wh))
        step = random.choice((1, 30, 30, 31, 240, 700, 1440, 4300))
        at, wh = at + step, wh + random.randrange(0, 40) * step
    looks.append(look(meter, last, energy_wh=wh))
    site.record(looks, minutes=(LENGTH + 1) * DAY)


@pytest.fixture(params=[1, 2, 3])
def town(site: Site, request: Any) -> Site:
    """Two buildings, ratios of 1, 40 and 120, one that changed in July, and one meter put in another's place."""
    random = Random(request.param)
    for code in "AB":
        floor = Floor.objects.create(building=Building.objects.create(code=code, name=f"{code}座"), number=2)
        Room.objects.create(floor=floor, number="201", use="餐饮")
        Room.objects.create(floor=floor, number="202")
    rooms = list(Room.objects.order_by("pk"))
    for place, ratio in enumerate((1, 40, 120, 7)):
        meter = site.add(f"03000105{place:02d}", ct_ratio=ratio)
        Meter.objects.filter(pk=meter.pk).update(room=rooms[place])
        readings(site, meter, random, first=-random.randrange(1, 900), last=LENGTH * DAY, start_wh=10_000)
    old, new = Meter.objects.get(number="0300010500"), site.add("0300010599", ct_ratio=3)
    Meter.objects.filter(pk=new.pk).update(room=old.room)
    readings(site, new, random, first=20 * DAY + 17, last=LENGTH * DAY, start_wh=0)
    changed = Meter.objects.get(number="0300010501")
    at = datetime.fromtimestamp(MIDNIGHT_MS / 1000, UTC) + timedelta(days=35, minutes=333)
    RatioChange.objects.create(meter=changed, at=at, ratio=15)
    for _turn in range(3):
        site.close((LENGTH + 1) * DAY)
    return site


def by_hand() -> dict[tuple[int, date], int]:
    """Wh of each meter and local day, from nothing but readings and ratios: the register on a straight line between
    two readings, read off at each midnight of the site and at each change of the ratio, in whole Wh."""
    found: dict[tuple[int, date], int] = {}
    for meter in Meter.objects.all():
        rows = list(Reading.objects.filter(meter_id=meter.pk).order_by("taken_ms").values_list("taken_ms", "energy_wh"))
        if len(rows) < 2:
            continue
        value = line(rows)
        changes = [(round(one.at.timestamp() * 1000), one.ratio) for one in meter.ratio_changes.all()]
        day = datetime.fromtimestamp(rows[0][0] / 1000, ZONE).date()
        while (end := midnight(day + timedelta(days=1))) <= rows[-1][0]:
            cuts = [midnight(day), *(at for at, _ratio in changes if midnight(day) < at < end), end]
            used = 0
            for before, after in pairwise(cuts):
                ratio = next((ratio for at, ratio in changes if before < at), meter.ct_ratio)
                used += (value(after) - value(before)) * ratio
            found[meter.pk, day] = used
            day += timedelta(days=1)
    return found


def line(rows: list[tuple[int, Any]]) -> Callable[[int], int]:
    times = [at for at, _wh in rows]

    def value(at: int) -> int:
        place = bisect_right(times, at)
        if place == 0:
            return int(rows[0][1])
        if place == len(rows):
            return int(rows[-1][1])
        (before_ms, before), (after_ms, after) = rows[place - 1], rows[place]
        return int(before + (after - before) * (at - before_ms) // (after_ms - before_ms))

    return value


def midnight(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=ZONE).timestamp() * 1000)


def of_place(who: Operator, by: By, days: Days, newest: date) -> dict[Place, int]:
    rows = by_place(operator=who, scope=Scope(), by=by, days=days, against=None, newest=newest)
    return {row.key: row.now.wh for row in rows}


@pytest.mark.parametrize("days", SPANS, ids=str)
def test_meters_and_times_are_those_of_the_readings(town: Site, days: Days) -> None:
    hand = by_hand()
    newest = max(day for _meter, day in hand)
    meters: defaultdict[int, int] = defaultdict(int)
    months: defaultdict[date, int] = defaultdict(int)
    for (meter, day), wh in hand.items():
        if days.first <= day <= days.last:
            meters[meter] += wh
            months[day.replace(day=1)] += wh
    who = person()
    found = {key.meter: wh for key, wh in of_place(who, By.METER, days, newest).items()}
    assert found == dict(meters)
    assert sum(found.values()) > 0
    for per in (Per.DAY, Per.MONTH, Per.YEAR):
        times = usage.by_time(operator=who, scope=Scope(), per=per, days=days, newest=newest)
        assert sum(one.wh for one in times.values()) == sum(meters.values())
        if per == Per.MONTH:
            assert {month: one.wh for month, one in times.items()} == dict(months)


def test_a_changed_meter_counts_in_its_room_with_the_one_before(town: Site) -> None:
    hand = by_hand()
    newest = max(day for _meter, day in hand)
    both = {Meter.objects.get(number=number).pk for number in ("0300010500", "0300010599")}
    meant = sum(wh for (meter, day), wh in hand.items() if meter in both and day.month == 6)
    rooms = of_place(person(), By.ROOM, JUNE, newest)
    assert rooms[Place("A座", "2F", "", "201", floor_number=2)] == meant
    assert len([key for key in rooms if key.room == "201"]) == 2  # one in each building


def test_who_sees_one_building_sees_its_use_alone(town: Site) -> None:
    newest = max(day for _meter, day in by_hand())
    mine = of_place(person(Building.objects.get(code="B")), By.BUILDING, JUNE, newest)
    every = of_place(person(), By.BUILDING, JUNE, newest)
    assert mine == {Place("B座"): every[Place("B座")]}
    assert mine[Place("B座")] > 0


def test_a_scope_narrows_times_as_it_narrows_places(town: Site) -> None:
    newest = max(day for _meter, day in by_hand())
    for scope in (Scope(building="A"), Scope(floors="2", text="0300010503"), Scope(use="餐饮")):
        rows = by_place(
            operator=person() if not Operator.objects.exists() else Operator.objects.get(),
            scope=scope,
            by=By.METER,
            days=SPANS[2],
            against=None,
            newest=newest,
        )
        times = usage.by_time(operator=Operator.objects.get(), scope=scope, per=Per.MONTH, days=SPANS[2], newest=newest)
        assert 0 < sum(row.now.wh for row in rows) == sum(one.wh for one in times.values())


def test_spans_are_held_against_spans_of_their_kind() -> None:
    assert JUNE.earlier() == Days(date(2026, 5, 1), date(2026, 5, 31))
    assert Days(date(2026, 3, 1), date(2026, 3, 31)).earlier() == Days(date(2026, 2, 1), date(2026, 2, 28))
    assert Days(date(2026, 6, 10), date(2026, 6, 16)).earlier() == Days(date(2026, 6, 3), date(2026, 6, 9))
    assert Days(date(2024, 2, 1), date(2024, 2, 29)).year_earlier() == Days(date(2023, 2, 1), date(2023, 2, 28))
    assert Days(date(2025, 2, 1), date(2025, 2, 28)).year_earlier() == Days(date(2024, 2, 1), date(2024, 2, 29))
