"""What each tenant used, against the raw readings: accounts begin, end and change hands within the span."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from domain.metering.site import MIDNIGHT, Site, look
from prewatt.domain.estate.models import Building, Customer, Floor, Meter, Opening, Room
from prewatt.domain.metering.models import Reading
from prewatt.domain.metering.scope import Scope
from prewatt.domain.metering.tenants import NOBODY, by_tenant
from prewatt.domain.metering.usage import Days
from prewatt.domain.staff.models import Operator
from prewatt.domain.staff.operations import ready_roles

pytestmark = pytest.mark.django_db
DAY = 24 * 60
FIRST, NIGHTS = date(2026, 6, 1), 75  # June, July and half of August
NEWEST = FIRST + timedelta(days=NIGHTS - 1)


def at(day: int, hour: int = 10) -> datetime:
    return MIDNIGHT + timedelta(days=day, hours=hour)


def person(*codes: str) -> Operator:
    made = {"role": ready_roles()["finance"], "all_buildings": not codes, "created_at": MIDNIGHT}
    one, _new = Operator.objects.get_or_create(username=f"who{''.join(codes)}", defaults=made)
    one.buildings.set(Building.objects.filter(code__in=codes))
    return one


@pytest.fixture
def town(db: None) -> Site:
    """Four meters, a reading every six hours. STAYS has one tenant; MOVES is handed over on June 11 and stands empty
    from July 21 on; LATE is let on July 6; EMPTY never.
    """
    one = Site()
    meters = {name: one.add(name) for name in ("STAYS", "MOVES", "LATE", "EMPTY")}
    for code, names in (("A", ("STAYS", "MOVES")), ("B", ("LATE", "EMPTY"))):
        floor = Floor.objects.create(building=Building.objects.create(code=code, name=code), number=1)
        room = Room.objects.create(floor=floor, number="1")
        Meter.objects.filter(number__in=names).update(room=room)
    tenants = {
        name: Customer.objects.create(number=name, name=name, created_at=MIDNIGHT) for name in ("张", "李", "王")
    }
    for meter, tenant, opened, closed in (
        ("STAYS", "张", -5, None),
        ("MOVES", "李", -5, 10),
        ("MOVES", "张", 10, 50),
        ("LATE", "王", 35, None),
    ):
        Opening.objects.create(
            meter=meters[meter],
            customer=tenants[tenant],
            opened_at=at(opened, 12),
            closed_at=None if closed is None else at(closed, 11),
        )
    one.record(
        look(meter, hour * 60, energy_wh=hour * (100 + 10 * place) + hour * hour)
        for place, meter in enumerate(meters.values())
        for hour in range(0, NIGHTS * 24 + 7, 6)
    )
    one.close(NIGHTS * DAY + 600)
    return one


def by_hand(days: Days, meters: Any = ("STAYS", "MOVES", "LATE", "EMPTY")) -> dict[str, int]:
    """Midnight to midnight on the raw register; the day goes to who had an account last on it."""
    found: defaultdict[str, int] = defaultdict(int)
    for number in meters:
        meter = Meter.objects.get(number=number)
        shown = dict(Reading.objects.filter(meter=meter).values_list("taken_ms", "energy_wh"))
        for back in range(len(days)):
            day = days.first + timedelta(days=back)
            start = MIDNIGHT + timedelta(days=(day - FIRST).days)
            edges = [round((start + timedelta(days=more)).timestamp() * 1000) for more in (0, 1)]
            if any(edge not in shown for edge in edges):
                continue
            lived = meter.openings.filter(opened_at__lt=start + timedelta(days=1)).exclude(closed_at__lt=start)
            last = lived.order_by("-opened_at").first()
            found[last.customer.name if last else ""] += shown[edges[1]] - shown[edges[0]]
    return dict(found)


def found(days: Days, scope: Scope | None = None, who: Operator | None = None) -> dict[str, int]:
    names = {**dict(Customer.objects.values_list("pk", "name")), NOBODY: ""}
    sums = by_tenant(operator=who or person(), scope=scope or Scope(), days=days, newest=NEWEST)
    return {names[key]: one.wh for key, one in sums.items()}


SPANS = [
    Days(FIRST, NEWEST),
    Days(date(2026, 6, 11), date(2026, 6, 11)),  # the day of the hand-over
    Days(date(2026, 6, 5), date(2026, 7, 20)),
    Days(date(2026, 7, 1), date(2026, 7, 31)),
    Days(date(2026, 7, 22), date(2026, 8, 31)),
    Days(date(2026, 1, 1), date(2026, 12, 31)),
]


@pytest.mark.parametrize("days", SPANS, ids=lambda days: f"{days.first}..{days.last}")
def test_it_is_what_the_raw_readings_say(town: Site, days: Days) -> None:
    assert found(days) == by_hand(days)
    assert sum(found(days).values()) > 0


def test_a_scope_and_a_building_narrow_it(town: Site) -> None:
    days = SPANS[0]
    assert found(days, Scope(building="B")) == by_hand(days, ("LATE", "EMPTY"))
    assert found(days, who=person("A")) == by_hand(days, ("STAYS", "MOVES"))
    assert found(days, who=person("none")) == {}
