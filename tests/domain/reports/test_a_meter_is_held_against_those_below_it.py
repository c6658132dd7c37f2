"""分表平衡 against an independent look at the raw readings; a gap is named and never becomes a loss."""

from __future__ import annotations

import random
from datetime import date, timedelta
from typing import Any

import pytest

from domain.metering.site import MIDNIGHT_MS, MINUTE_MS, Site, look
from prewatt.domain.estate.models import Building, Floor, Meter, RatioChange, Room
from prewatt.domain.metering.models import Reading
from prewatt.domain.metering.usage import Days
from prewatt.domain.reports.balance import Balance, Gap, balances, parents
from prewatt.domain.staff.models import Operator
from prewatt.domain.staff.operations import ready_roles

pytestmark = pytest.mark.django_db
DAY = 24 * 60
FIRST = date(2026, 6, 1)
NIGHTS = 10  # closed days: June 1 to 10


class Feeder:
    """One meter that feeds three; every half hour each register rises by its own amount."""

    def __init__(self) -> None:
        self.site = Site()
        self.main = self.site.meter
        self.below = [self.site.add(f"SUB{n}", ct_ratio=20 if n == 2 else 1) for n in range(3)]
        Meter.objects.filter(pk__in=[one.pk for one in self.below]).update(parent=self.main)
        self.rises = {self.main: 12_000, self.below[0]: 3_000, self.below[1]: 2_500, self.below[2]: 310}

    def run(self, *, without: Any = lambda _meter, _minutes: False, until: int = NIGHTS * DAY) -> None:
        looks = [
            look(meter, minutes, energy_wh=rise * (minutes // 30))
            for meter, rise in self.rises.items()
            for minutes in range(0, until + 60, 30)
            if not without(meter, minutes)
        ]
        random.Random(1).shuffle(looks)
        self.site.record(looks)
        self.site.close(until + 120)

    def balance(self, first: int = 1, last: int = NIGHTS) -> Balance:
        days = Days(date(2026, 6, first), date(2026, 6, last))
        return balances(operator=admin(), above=parents(admin()), days=days)[self.main.pk]


@pytest.fixture
def feeder(db: None) -> Feeder:
    return Feeder()


def admin() -> Operator:
    role = ready_roles()["admin"]
    made = {"role": role, "all_buildings": True, "created_at": "2026-06-01T00:00Z"}
    return Operator.objects.get_or_create(username="admin", defaults=made)[0]


def raw_wh(meter: Meter, first: int, last: int) -> int:
    """From the readings themselves: the register at both midnights, times the ratio."""
    edges = [MIDNIGHT_MS + (day - 1) * DAY * MINUTE_MS for day in (first, last + 1)]
    shown = [Reading.objects.get(meter=meter, taken_ms=at).energy_wh for at in edges]
    return (shown[1] - shown[0]) * meter.ratio


@pytest.mark.parametrize(("first", "last"), [(1, 10), (3, 7), (10, 10)])
def test_it_is_what_the_raw_readings_say(feeder: Feeder, first: int, last: int) -> None:
    feeder.run()
    found = feeder.balance(first, last)
    below = sum(raw_wh(one, first, last) for one in feeder.below)
    assert (found.own.wh, found.below_wh) == (raw_wh(feeder.main, first, last), below)
    assert found.complete
    assert found.lost_wh == raw_wh(feeder.main, first, last) - below
    assert found.lost_e5 == round((12_000 - 3_000 - 2_500 - 6_200) * 100_000 / 12_000)


def test_a_gap_in_the_middle_costs_the_sum_nothing(feeder: Feeder) -> None:
    feeder.run(without=lambda meter, minutes: meter == feeder.below[0] and 2 * DAY < minutes < 5 * DAY + 600)
    assert feeder.balance().complete
    assert feeder.balance().below_wh == sum(raw_wh(one, 1, 10) for one in feeder.below)


@pytest.mark.parametrize(
    ("first", "last", "gap", "days"),
    [(1, 4, Gap.EDGE, 0), (5, 10, Gap.EDGE, 0), (1, 10, None, 0), (3, 3, Gap.EDGE, 0)],
)
def test_a_gap_over_an_edge_is_named_and_never_a_loss(
    feeder: Feeder, first: int, last: int, gap: Gap | None, days: int
) -> None:
    feeder.run(without=lambda meter, minutes: meter == feeder.below[0] and 2 * DAY < minutes < 5 * DAY + 600)
    found = feeder.balance(first, last)
    assert [(one.number, one.trouble) for one in found.troubled] == ([("SUB0", (gap, days))] if gap else [])
    assert (found.lost_wh is None, found.lost_e5 is None) == (gap is not None, gap is not None)


def test_a_meter_that_began_later_ended_or_never_spoke_is_named(feeder: Feeder) -> None:
    silent = feeder.site.add("SILENT")
    Meter.objects.filter(pk=silent.pk).update(parent=feeder.main)

    def without(meter: Meter, minutes: int) -> bool:
        late, early = meter == feeder.below[0] and minutes < 3 * DAY, meter == feeder.below[1] and minutes > 8 * DAY
        return late or early

    feeder.run(without=without)
    found = {one.number: one.trouble for one in feeder.balance().troubled}
    assert found == {"SUB0": (Gap.MISSING, 3), "SUB1": (Gap.MISSING, 2), "SILENT": (Gap.NOTHING, 10)}
    assert feeder.balance().lost_wh is None


def test_the_meter_above_must_be_known_as_well(feeder: Feeder) -> None:
    feeder.run(without=lambda meter, minutes: meter == feeder.main and minutes > 8 * DAY)
    found = feeder.balance()
    assert [(one.number, one.trouble) for one in found.troubled] == [(feeder.main.number, (Gap.MISSING, 2))]
    assert found.lost_e5 is None


def test_a_day_that_is_not_closed_yet_is_not_asked_for(feeder: Feeder) -> None:
    feeder.run()
    assert feeder.balance(1, 30).lost_wh == feeder.balance(1, 10).lost_wh
    assert feeder.balance(20, 30).lost_wh is None


@pytest.mark.parametrize("known", [True, False])
def test_a_changed_meter_and_the_new_one_are_one_place(feeder: Feeder, known: bool) -> None:
    """`known`: what feeds them was said before the change; else only the new one knows."""
    old, new = feeder.below[0], feeder.site.add("NEW")
    Meter.objects.filter(pk=new.pk).update(parent=feeder.main)
    feeder.rises[new] = 3_000
    changed = 4 * DAY + 600
    feeder.run(without=lambda m, at: (m == old and at > changed) or (m == new and at < changed))
    Meter.objects.filter(pk=old.pk).update(active=False, **({} if known else {"parent": None}))
    feeder.site.close(NIGHTS * DAY + 120)  # the last day of a meter out of use is closed too
    assert not feeder.balance().complete
    change(old, new)
    found = feeder.balance()
    assert [(one.number, one.before) for one in found.below] == [("NEW", ("SUB0",)), ("SUB1", ()), ("SUB2", ())]
    assert found.complete
    assert found.below_wh == NIGHTS * 48 * (3_000 + 2_500 + 6_200)
    assert feeder.balance(5, 5).complete  # the day of the change is half the old one's


def change(old: Meter, new: Meter) -> None:
    from prewatt.domain.estate.models import Customer, Opening
    from prewatt.domain.vending.records import Closing, ClosingKind, ClosingLine, LineState, Settle

    at = "2026-06-05T02:00Z"
    customer = Customer.objects.create(number="K1", name="张三", created_at=at)
    opening = Opening.objects.create(meter=old, customer=customer, opened_at=at, closed_at=at)
    act = Closing.objects.create(
        id="x", kind=ClosingKind.CHANGE, settle=Settle.CARRY, customer=customer, operator=admin(), asked_at=at
    )
    ClosingLine.objects.create(
        code="x1", closing=act, opening=opening, meter=old, new_meter=new, state=LineState.CARRYING, state_at=at
    )


def test_a_new_ratio_counts_from_its_moment_on(feeder: Feeder) -> None:
    from datetime import UTC, datetime

    feeder.run()
    before = feeder.balance().own.wh
    noon = datetime(2026, 6, 6, 4, 0, tzinfo=UTC)
    RatioChange.objects.create(meter=feeder.main, at=noon, ratio=1)
    Meter.objects.filter(pk=feeder.main.pk).update(ct_ratio=2)
    feeder.site.record([look(feeder.main, 15, energy_wh=6_000)])  # late: the days are closed again
    feeder.site.close(NIGHTS * DAY + 120)
    after = feeder.balance().own.wh
    assert after - before == 12_000 * (4 * 48 + 24)


def test_who_sees_one_building_sees_the_balances_of_that_building(feeder: Feeder) -> None:
    feeder.run()
    for code, meters in (("A", [feeder.main, *feeder.below]), ("B", [])):
        building = Building.objects.create(code=code, name=code)
        floor = Floor.objects.create(building=building, number=1)
        ids = [one.pk for one in meters]
        Meter.objects.filter(pk__in=ids).update(room=Room.objects.create(floor=floor, number="1"))
    role = ready_roles()["admin"]
    for code, seen in (("A", [feeder.main.pk]), ("B", [])):
        who = Operator.objects.create(username=code, role=role, all_buildings=False, created_at="2026-06-01T00:00Z")
        who.buildings.set(Building.objects.filter(code=code))
        days = Days(FIRST, FIRST + timedelta(days=9))
        found = balances(operator=who, above=parents(who), days=days)
        assert list(found) == seen
        assert all(len(one.below) == 3 for one in found.values())
