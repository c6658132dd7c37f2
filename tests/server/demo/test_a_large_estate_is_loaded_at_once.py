"""`demo --scale`: the meters that nobody simulates still tell one story on every page."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from counter import Counter

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 6, 1, 4, 20, tzinfo=UTC)  # twenty past noon in Shanghai
METERS = 160  # the plan once, and eight of its second copy


@pytest.fixture
def admin(db: None) -> Any:
    from prewatt.server.demo import scale

    counter = Counter(meters=0)
    assert scale.load(meters=METERS, now=NOW, seller=counter.admin) == METERS
    return counter.admin


def test_every_meter_stands_somewhere_and_every_state_is_there(admin: Any) -> None:
    from prewatt.domain.estate.models import Building, Meter
    from prewatt.domain.metering import board

    counted = board.counts(board.board(operator=admin))
    assert sum(counted.values()) == Meter.objects.count() == METERS
    assert all(counted.values())
    assert list(Building.objects.filter(code__startswith="S").values_list("code", flat=True)) == ["S01", "S02"]


def test_the_books_agree_with_the_meters(admin: Any) -> None:
    from prewatt.domain.audit.glance import glance

    seen = glance(operator=admin)
    assert seen.agrees
    assert seen.compared == METERS - 6  # the rooms without an account


def test_sales_are_booked_as_the_audit_wants_them(admin: Any) -> None:
    from django.db import connection

    from prewatt.domain.audit.books import _NAMED, CAUSES, LEDGER

    with connection.cursor() as cursor:
        for name in ("sale_booked", "booked_as_sold", "order_reserved"):
            cursor.execute(_NAMED + CAUSES[name])
            assert cursor.fetchall() == [], name
        for name, text in LEDGER.items():
            cursor.execute(text)
            assert cursor.fetchall() == [], name


def test_the_dashboard_has_figures_of_two_days(admin: Any) -> None:
    from prewatt.web.console.overview import overview

    seen = overview(operator=admin, now=NOW)
    assert len([value for value in seen.load_today if value is not None]) == 12 * 4  # up to the hour that runs
    assert all(seen.load_yesterday)
    assert seen.energy_wh > 0
    assert seen.income.income_fen > 0
    assert seen.runs_out.count > 0
    assert seen.vitals.meters == METERS


def test_it_is_bounded_and_loaded_once(admin: Any) -> None:
    from prewatt.server.demo import scale

    for wrong in (0, scale.METERS_MAX + 1, METERS):
        with pytest.raises(ValueError, match=r"meters|already"):
            scale.load(meters=wrong, now=NOW, seller=admin)


def test_looking_again_keeps_them_from_being_lost(admin: Any) -> None:
    from datetime import timedelta

    from prewatt.domain.metering.models import MeterState
    from prewatt.domain.metering.operations import mark_lost
    from prewatt.server.demo import repeating

    lost = MeterState.objects.filter(lost=True).count()
    later = NOW + timedelta(minutes=11)
    assert sum(repeating.repeat(turn=turn, now=later) for turn in range(repeating.PARTS)) == METERS - lost
    assert mark_lost(now=later + timedelta(minutes=1)) == 0
    assert MeterState.objects.filter(lost=True).count() == lost
    mark_lost(now=later + timedelta(hours=9))  # the demo slept
    for turn in range(repeating.PARTS):
        repeating.repeat(turn=turn, now=later + timedelta(hours=9, minutes=1))
    assert MeterState.objects.filter(lost=True).count() == lost
