"""Load, hours, gateways and who runs out: summed by the database, and only over what the operator may see."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from counter import Counter

pytestmark = pytest.mark.django_db
MIDNIGHT = datetime(2026, 5, 31, 16, 0, tzinfo=UTC)  # in Shanghai
DAY = (MIDNIGHT + timedelta(hours=8)).date()
NOON = MIDNIGHT + timedelta(hours=12)
HOUR_MS, QUARTER_MS = 3_600_000, 900_000


def _ms(hours: float) -> int:
    return int((MIDNIGHT + timedelta(hours=hours)).timestamp() * 1000)


@pytest.fixture
def counter(db: None) -> Counter:
    """Building A with one meter, building B with another; the stranger sees B."""
    from prewatt.domain.estate.models import Building, Bus, Floor, Room

    one = Counter(meters=2)
    other = Building.objects.create(code="B", name="B座")
    meter = one.meters[1]
    meter.room = Room.objects.create(floor=Floor.objects.create(building=other, number=1), number="B101")
    meter.bus = Bus.objects.create(gateway=one.other_gateway, code="bus-1")
    meter.save()
    one.stranger.buildings.add(other)
    one.opened(one.meters[0], balance_fen=900)
    one.opened(one.meters[1], balance_fen=900)
    one.read(one.meters[0], power_w=1000, per_day_fen=600)
    one.read(one.meters[1], power_w=300, per_day_fen=200)
    return one


def _write(model: Any, value: str, rows: list[tuple[float, int, int]]) -> None:
    model.objects.bulk_create(model(start_ms=_ms(hours), place=place, **{value: wh}) for hours, place, wh in rows)


def test_a_quarter_shows_what_was_written_down_else_the_mean_of_its_hour(counter: Counter) -> None:
    from prewatt.domain.metering import site
    from prewatt.domain.metering.models import BuildingHour, Quarter

    a, b = counter.building.pk, counter.meters[1].room.floor.building_id
    _write(BuildingHour, "energy_wh", [(0, a, 4000), (0, b, 1000), (1, a, 5000)])
    _write(Quarter, "power_w", [(1.25, a, 7000), (1.25, b, 10), (2, 0, 9)])
    mine = site.load(operator=counter.admin, day=DAY, now=NOON)
    assert mine[:9] == [5000, 5000, 5000, 5000, 5000, 7010, 5000, 5000, 9]
    assert mine[9:] == [None] * 87
    assert site.load(operator=counter.stranger, day=DAY, now=NOON)[:6] == [1000, 1000, 1000, 1000, None, 10]
    assert site.hours(operator=counter.admin, day=DAY) == [5000, 5000]
    assert site.hours(operator=counter.stranger, day=DAY) == [1000]


def test_the_hour_that_runs_has_no_mean_yet(counter: Counter) -> None:
    """Half of its energy would look like half the load."""
    from prewatt.domain.metering import site
    from prewatt.domain.metering.models import BuildingHour, Quarter

    _write(BuildingHour, "energy_wh", [(10, counter.building.pk, 5000), (11, counter.building.pk, 2000)])
    _write(Quarter, "power_w", [(11.25, counter.building.pk, 4800)])
    seen = site.load(operator=counter.admin, day=DAY, now=MIDNIGHT + timedelta(hours=11.6))
    assert seen[40:47] == [5000, 5000, 5000, 5000, None, 4800, None]
    assert site.load(operator=counter.admin, day=DAY, now=NOON)[44:47] == [2000, 4800, 2000]


def test_the_vital_figures_are_his_own(counter: Counter) -> None:
    from prewatt.domain.metering import site

    now = counter.now
    assert site.vitals(operator=counter.admin, now=now).load_w == 1300
    counter.read(counter.meters[0], lost=True, lost_since=now)
    seen = site.vitals(operator=counter.admin, now=now)
    assert (seen.meters, seen.fresh, seen.lost, seen.lost_since, seen.load_w) == (2, 2, 1, now, 300)
    own = site.vitals(operator=counter.stranger, now=now)
    assert (own.meters, own.lost, own.load_w) == (1, 0, 300)


def test_who_runs_out_first_stands_first(counter: Counter) -> None:
    from prewatt.domain.metering import board, site

    meters = board.board(operator=counter.admin)
    found = site.runs_out(meters, days=3, rows=8, now=counter.now)
    assert [(line.meter.pk, line.days_left) for line in found.lines] == [(counter.meters[0].pk, 1.5)]
    assert site.runs_out(meters, days=5, rows=1, now=counter.now).count == 2
    counter.read(counter.meters[0], balance_fen=-900)
    assert site.runs_out(meters, days=3, rows=8, now=counter.now).count == 0


def test_gateways_are_those_of_his_meters(counter: Counter) -> None:
    from prewatt.domain.estate.models import Gateway
    from prewatt.domain.metering import site

    now = counter.now
    Gateway.objects.filter(code="gw-1").update(last_seen_at=now)
    every = site.gateway_lines(operator=counter.admin, now=now)
    assert [(line.gateway.code, line.online, line.reached, line.meters) for line in every] == [
        ("gw-2", False, 1, 1),
        ("gw-1", True, 1, 1),
    ]
    assert [line.gateway.code for line in site.gateway_lines(operator=counter.stranger, now=now)] == ["gw-2"]
