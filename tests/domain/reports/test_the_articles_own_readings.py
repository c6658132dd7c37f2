"""能耗查询 and 日用能: the article's own rows, and any readings against a calculation of the test's own."""

from __future__ import annotations

import random
from datetime import date, timedelta
from typing import Any

import pytest

from domain.metering.site import HOUR_MS, MIDNIGHT_MS, Site, at, look
from prewatt.domain.estate.models import Building, Floor, Meter, RatioChange, Room
from prewatt.domain.metering.usage import Per
from prewatt.domain.reports import energy
from prewatt.domain.reports.energy import Wanted
from prewatt.domain.staff.models import Operator
from prewatt.domain.staff.operations import ready_roles

FIRST, LAST = date(2026, 6, 1), date(2026, 6, 3)
DAY = 24 * 60
ARTICLE = [  # 表号, 上次, 本次, CT, 用电量
    ("0300010401", "6.17", "6.21", 1, "0.04"),
    ("0300010402", "19.80", "19.95", 1, "0.15"),
    ("0300010403", "183.73", "186.41", 1, "2.68"),
    ("0300010405", "0.44", "0.44", 1, "0.00"),
    ("0300010406", "0.00", "0.00", 1, "0.00"),
    ("0300010408", "0.00", "0.00", 15, "0.00"),
    ("0300010409", "0.00", "0.00", 60, "0.00"),
    ("030001040A", "68.46", "68.94", 120, "57.60"),
    ("030001040F", "2.44", "2.46", 1, "0.02"),
    ("0300010410", "0.00", "0.00", 1, "0.00"),
    ("0300010417", "0.00", "0.00", 1, "0.00"),
    ("0300010419", "0.00", "0.00", 20, "0.00"),
    ("030001041A", "0.00", "0.00", 1, "0.00"),
    ("030001041C", "0.26", "0.26", 20, "0.00"),
    ("030001041D", "0.00", "0.00", 1, "0.00"),
    ("0300010516", "1.68", "1.68", 60, "0.00"),
    ("030001051E", "9.05", "9.08", 100, "3.00"),
    ("030001051F", "86.65", "86.90", 80, "20.00"),
    ("0300010520", "157.90", "158.77", 120, "104.40"),
]


@pytest.fixture
def site(db: None) -> Site:
    one = Site()
    Meter.objects.all().delete()
    return one


def person(name: str = "finance", *, all_buildings: bool = True) -> Operator:
    role = ready_roles()["finance"]
    return Operator.objects.create(username=name, role=role, all_buildings=all_buildings, created_at=at(0))


def wh(kwh: str) -> int:
    return int(kwh.replace(".", "")) * 10


def sheet(who: Operator, **changes: Any) -> dict[str, Any]:
    asked: dict[str, Any] = {"first_day": FIRST, "last_day": LAST}
    return {row.number: row for row in energy.sheet(operator=who, wanted=Wanted(**asked | changes))}


def test_every_row_of_the_article(site: Site) -> None:
    for number, before, after, ct_ratio, _used in ARTICLE:
        meter = site.add(number, ct_ratio=ct_ratio)
        site.record([look(meter, -5, energy_wh=wh(before)), look(meter, 3 * DAY - 5, energy_wh=wh(after))])
    rows = sheet(person())
    shown = [(one, rows[one].before_wh, rows[one].after_wh, rows[one].ratio_, rows[one].used_wh) for one in rows]
    assert shown == [(number, wh(a), wh(b), ct, wh(used)) for number, a, b, ct, used in ARTICLE]
    assert energy.FACTOR == 1
    assert not any(rows[one].moved for one in rows)


def test_the_edges_are_the_last_readings_before_them_and_say_when(site: Site) -> None:
    meter = site.add("0300010401")
    minutes = (-90, -30, 30, DAY, 3 * DAY - 30, 3 * DAY + 30)
    site.record([look(meter, one, energy_wh=1000 + one + 90) for one in minutes])
    row = sheet(person())[meter.number]
    assert [(one - MIDNIGHT_MS) // 60_000 for one in (row.before_ms, row.after_ms)] == [-30, 3 * DAY - 30]
    assert row.used_wh == 3 * DAY
    assert row.old_ms == 30 * 60_000


def test_a_meter_that_came_later_starts_with_its_first_reading_and_one_without_readings_has_no_row(site: Site) -> None:
    meter, silent = site.add("0300010401"), site.add("0300010402")
    site.record([look(meter, DAY, energy_wh=500), look(meter, 2 * DAY, energy_wh=700)])
    rows = sheet(person())
    assert rows[meter.number].used_wh == 200
    assert silent.number not in rows


def test_a_period_that_ends_before_it_begins_has_no_rows(site: Site) -> None:
    meter = site.add("0300010401")
    site.record([look(meter, -5, energy_wh=0)])
    who = person()
    assert list(sheet(who)) == ["0300010401"]
    assert sheet(who, first_day=LAST + timedelta(days=1)) == {}


def test_a_missing_reading_is_said(site: Site) -> None:
    meter = site.add("0300010401")
    site.record([look(meter, -3 * DAY, energy_wh=500), look(meter, 10, energy_wh=700)])
    assert sheet(person())[meter.number].old_ms > 2 * energy.STALE_MS


def test_a_register_that_fell_is_counted_hour_by_hour_and_said(site: Site) -> None:
    meter = site.add("0300010401", ct_ratio=10)
    values = (900_000, 900_400, 100, 300)  # set back by a technician in between
    site.record([look(meter, -5 + hour * 60, energy_wh=value) for hour, value in enumerate(values)])
    site.record([look(meter, 3 * DAY + 60, energy_wh=300)])
    site.close(4 * DAY)
    row = sheet(person())[meter.number]
    assert row.moved
    assert 0 < row.used_wh <= (400 + 200) * 10


@pytest.mark.parametrize("falling", [False, True])
def test_the_sheet_by_use_is_the_sheet_sorted(site: Site, falling: bool) -> None:
    """Also with a register that was set back, a ratio that changed, and a meter that never showed anything."""
    for number, before, after, ct_ratio, _used in ARTICLE:
        meter = site.add(number, ct_ratio=ct_ratio)
        site.record([look(meter, -5, energy_wh=wh(before)), look(meter, 3 * DAY - 5, energy_wh=wh(after))])
    site.add("silent")
    back, other = site.add("back", ct_ratio=10), site.add("other", ct_ratio=30)
    site.record([look(back, -5, energy_wh=9_000), look(back, 60, energy_wh=9_500), look(back, 120, energy_wh=10)])
    site.record([look(other, -5, energy_wh=100), look(other, 2 * DAY, energy_wh=400)])
    RatioChange.objects.create(meter=other, ratio=20, at=at(DAY))
    site.close(4 * DAY)
    who, wanted = person(), Wanted(first_day=FIRST, last_day=LAST)
    sign = "-" if falling else ""
    whole = list(energy.sheet(operator=who, wanted=wanted).order_by(f"{sign}used_wh", f"{sign}number"))
    found = energy.by_use(operator=who, wanted=wanted, falling=falling)
    assert len(found) == len(whole) == len(ARTICLE) + 2
    assert [(row.number, row.used_wh) for row in found[:]] == [(row.number, row.used_wh) for row in whole]
    assert found[2:5] == whole[2:5]
    assert {row.number for row in whole if row.moved} == {"back", "other"}


def test_any_readings_against_a_calculation_of_our_own(site: Site) -> None:
    luck = random.Random(7)
    readings: dict[str, list[tuple[int, int]]] = {}
    ratios: dict[str, int] = {}
    for place in range(6):
        meter = site.add(f"03000105{place:02d}", ct_ratio=luck.choice((1, 20, 120)))
        ratios[meter.number] = meter.ct_ratio
        readings[meter.number] = _readings(luck)
        site.record([look(meter, minutes, energy_wh=value) for minutes, value in readings[meter.number]])
    rows = sheet(person())
    for number, shown in readings.items():
        before = [value for minutes, value in shown if minutes <= 0] or [value for _minutes, value in shown]
        edge = before[-1] if shown[0][0] <= 0 else before[0]
        after = [value for minutes, value in shown if minutes <= 3 * DAY][-1]
        assert rows[number].used_wh == (after - edge) * ratios[number], number


def _readings(luck: random.Random) -> list[tuple[int, int]]:
    minutes, value, found = luck.randrange(-300, 200), luck.randrange(10**6), []
    while minutes < 3 * DAY + 200:
        found.append((minutes, value))
        minutes += luck.choice((30, 30, 30, 60, 700))
        value += luck.randrange(900)
    return found


def test_daily_use_by_the_articles_meter(site: Site) -> None:
    """0101010112: 05-31 0.00, 06-01 19.20, 06-02 8.00, 06-03 2.40 kWh."""
    meter = site.add("0101010112", ct_ratio=80)
    used = {date(2026, 5, 31): 0, FIRST: 19_200, date(2026, 6, 2): 8_000, LAST: 2_400}
    value, looks = 50_000, []
    for place, day_wh in enumerate(used.values()):
        for hour in range(24):
            looks.append(look(meter, (place - 1) * DAY + hour * 60, energy_wh=value + day_wh // 80 * hour // 24))
        value += day_wh // 80
    site.record([*looks, look(meter, 3 * DAY, energy_wh=value)])
    site.close(4 * DAY)
    wanted = Wanted(first_day=date(2026, 5, 31), last_day=LAST)
    rows = list(energy.daily(operator=person(), wanted=wanted).order_by("day"))
    assert {row["day"]: row["energy_wh"] for row in rows} == used
    line = energy.daily_line(operator=Operator.objects.get(), wanted=wanted, per=Per.DAY)
    assert {day: sums.wh for day, sums in line.items()} == used
    assert list(line) == sorted(used)


def test_place_and_scope_narrow_every_report(site: Site) -> None:
    own = Building.objects.create(name="A", code="A")
    other = Building.objects.create(name="B", code="B")
    for number, building in (("0300010401", own), ("0300010402", other)):
        meter = site.add(number)
        meter.room = Room.objects.create(floor=Floor.objects.create(building=building, number=3), number="301")
        meter.save()
        site.record([look(meter, minutes, energy_wh=minutes * 10) for minutes in range(0, DAY + 61, 60)])
    site.close(2 * DAY)
    assert HOUR_MS
    partial, stranger, whole = person("p", all_buildings=False), person("s", all_buildings=False), person()
    partial.buildings.add(own)
    for who, found in ((whole, ["0300010401", "0300010402"]), (partial, ["0300010401"]), (stranger, [])):
        assert sorted(sheet(who)) == found
        rows = energy.daily(operator=who, wanted=Wanted(FIRST, LAST))
        assert sorted({row["number"] for row in rows}) == found
        line = energy.daily_line(operator=who, wanted=Wanted(FIRST, LAST), per=Per.DAY)
        assert sum(sums.wh for sums in line.values()) == sum(row["energy_wh"] for row in rows)
        assert sum(sums.days for sums in line.values()) == len(rows)
    assert sorted(sheet(whole, building_id=other.pk)) == ["0300010402"]
    assert sheet(whole, floors="4") == {}
    assert len(sheet(whole, text="0402")) == 1
