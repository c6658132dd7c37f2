"""A long list of days is counted and added up from the sums of months, and comes to what its rows come to."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from domain.metering.site import Site, at
from prewatt.domain.estate.models import Building, Floor, Meter, Room
from prewatt.domain.metering import sums
from prewatt.domain.metering.models import UsageDay
from prewatt.domain.metering.usage import Per
from prewatt.domain.reports import energy
from prewatt.domain.reports.energy import Wanted
from prewatt.domain.staff import operations as staff
from prewatt.domain.staff.models import Operator

pytestmark = pytest.mark.django_db

FIRST, LAST = date(2026, 1, 20), date(2026, 5, 9)
SPANS = (
    (FIRST, LAST),
    (date(2026, 2, 1), date(2026, 3, 31)),
    (date(2026, 2, 2), date(2026, 4, 29)),
    (date(2026, 3, 5), date(2026, 3, 9)),
    (date(2026, 4, 1), date(2026, 12, 31)),
)


@pytest.fixture
def meters(db: None) -> list[Meter]:
    """Two meters in two buildings; the second misses every third day. Their months as closing leaves them."""
    site = Site()
    Meter.objects.all().delete()
    found: list[Meter] = []
    for place in (1, 2):
        building = Building.objects.create(name=f"B{place}", code=f"B{place}")
        room = Room.objects.create(floor=Floor.objects.create(building=building, number=3), number="301")
        meter = site.add(f"030001040{place}")
        meter.room = room
        meter.save()
        found.append(meter)
        _closed(found[-1], [day for day in range((LAST - FIRST).days + 1) if place == 1 or day % 3])
    return found


def _closed(meter: Meter, places: list[int]) -> None:
    for place in places:
        day, wh = FIRST + timedelta(days=place), 1000 * meter.pk + place
        UsageDay.objects.create(
            meter=meter, day=day, energy_wh=wh, deducted_fen=place, first_ms=0, last_ms=0, closed_at=at(0)
        )
    sums.add_all()


def _person(*, all_buildings: bool = True) -> Operator:
    role = staff.ready_roles()["admin"]
    return Operator.objects.create(username="r", role=role, all_buildings=all_buildings, created_at=at(0))


@pytest.mark.parametrize("span", SPANS)
@pytest.mark.parametrize("per", [Per.DAY, Per.MONTH])
@pytest.mark.parametrize("everywhere", [True, False])
def test_what_is_said_of_a_list_is_what_stands_in_it(
    meters: list[Meter], span: tuple[date, date], per: Per, everywhere: bool
) -> None:
    who, wanted = _person(all_buildings=everywhere), Wanted(*span)
    if not everywhere:
        who.buildings.add(Building.objects.get(code="B2"))
    rows = list(energy.daily(operator=who, wanted=wanted))
    line = energy.daily_line(operator=who, wanted=wanted, per=per).values()
    assert rows
    assert sum(one.days for one in line) == len(rows)
    assert sum(one.wh for one in line) == sum(row["energy_wh"] for row in rows)
    assert sum(one.fen for one in line) == sum(row["deducted_fen"] for row in rows)


def test_whole_months_are_not_read_day_by_day(meters: list[Meter]) -> None:
    UsageDay.objects.filter(day__range=(date(2026, 2, 1), date(2026, 4, 30))).update(energy_wh=0)
    found = energy.daily_line(operator=_person(), wanted=Wanted(FIRST, LAST), per=Per.MONTH)
    assert found[date(2026, 3, 1)].wh > 0


def test_a_year_asks_no_more_than_a_month(meters: list[Meter]) -> None:
    who = _person()
    with CaptureQueriesContext(
        connection,
    ) as asked:
        energy.daily_line(operator=who, wanted=Wanted(date(2025, 5, 10), LAST), per=Per.MONTH)
    assert len(asked) <= 4
    assert not any("metering_reading" in one["sql"] for one in asked.captured_queries)
