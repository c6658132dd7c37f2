"""Months of each meter, and days of all meters, are kept beside the days: a late reading, a second closing, what the
platform books and a bulk load leave them the sum of the days.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta
from typing import Any

import pytest
from django.db.models import Count, Sum
from django.db.models.functions import Coalesce
from django.utils import timezone

from domain.metering.site import Site, look
from prewatt.domain.estate.models import Meter
from prewatt.domain.metering import sums
from prewatt.domain.metering.models import UsageDay, UsageMonth, UsageOfAll
from prewatt.domain.metering.scope import Scope
from prewatt.domain.metering.usage import Days, Per, by_time
from prewatt.domain.staff.models import Operator
from prewatt.domain.staff.operations import ready_roles

pytestmark = pytest.mark.django_db
DAY = 24 * 60


def added_up() -> dict[tuple[int, date], list[int]]:
    found: defaultdict[tuple[int, date], list[int]] = defaultdict(lambda: [0, 0])
    for meter, day, wh in UsageDay.objects.values_list("meter_id", "day", "energy_wh"):
        one = found[meter, day.replace(day=1)]
        one[0] += wh
        one[1] += 1
    return dict(found)


def kept() -> dict[tuple[int, date], list[int]]:
    rows = UsageMonth.objects.values_list("meter_id", "month", "energy_wh", "days")
    return {(meter, month): [wh, days] for meter, month, wh, days in rows}


def of_all() -> dict[date, tuple[int, int, int]]:
    rows = UsageOfAll.objects.values_list("day", "energy_wh", "deducted_fen", "meters")
    return {day: (wh, fen, meters) for day, wh, fen, meters in rows}


def all_added_up() -> dict[date, tuple[int, int, int]]:
    rows = UsageDay.objects.values_list("day").annotate(
        wh=Sum("energy_wh"), fen=Coalesce(Sum("deducted_fen"), 0), n=Count("pk")
    )
    return {day: (wh, fen, n) for day, wh, fen, n in rows}


def months(site: Site, meter: Meter, *, step: int) -> None:
    site.record(look(meter, at, energy_wh=at * step) for at in range(0, 70 * DAY, 360))
    site.close(72 * DAY)


def test_three_months_of_two_meters(site: Site) -> None:
    months(site, site.meter, step=3)
    months(site, site.add("0300010402", ct_ratio=40), step=1)
    assert len(kept()) == 6  # June, July, the first of August
    assert kept() == added_up()
    assert len(of_all()) > 60
    assert of_all() == all_added_up()


def test_a_late_reading_changes_its_month(site: Site) -> None:
    site.record(look(site.meter, at, energy_wh=at * 3) for at in range(100, 70 * DAY, 360))  # none at midnight
    site.close(72 * DAY)
    before = kept()
    site.record([look(site.meter, 30 * DAY, energy_wh=3 * 30 * DAY - 10)], minutes=73 * DAY)
    site.close(74 * DAY)
    assert kept() != before
    assert kept() == added_up()
    assert of_all() == all_added_up()


def test_what_was_loaded_in_bulk_is_added_up_at_once(site: Site) -> None:
    months(site, site.meter, step=3)
    row = UsageDay.objects.get(meter=site.meter, day=date(2026, 7, 4))
    UsageDay.objects.filter(pk=row.pk).update(energy_wh=row.energy_wh + 500)
    assert kept() != added_up()
    assert of_all() != all_added_up()
    sums.add_all()
    assert kept() == added_up()
    assert of_all() == all_added_up()


def test_what_the_platform_books_for_a_day_is_in_the_day_of_all(site: Site) -> None:
    months(site, site.meter, step=3)
    before = of_all()
    for fen in (500, 700, 0):
        sums.keep_charged(site.meter.pk, date(2026, 7, 4), fen)
        assert of_all() == all_added_up()
    assert before[date(2026, 7, 5)] == of_all()[date(2026, 7, 5)]


def test_a_chart_of_the_whole_site_is_the_chart_of_its_meters(site: Site) -> None:
    """Read from the days of all, or added up meter by meter for whoever asks for less than all: the same line."""
    months(site, site.meter, step=3)
    months(site, site.add("0300010402"), step=1)
    admin = Operator.objects.create(
        username="all", role=ready_roles()["admin"], all_buildings=True, created_at=timezone.now()
    )
    days = Days(date(2026, 6, 10), date(2026, 8, 20))
    for per in Per:
        asked: dict[str, Any] = {"operator": admin, "per": per, "days": days, "newest": date(2026, 8, 9)}
        whole = by_time(scope=Scope(), **asked)
        assert whole == by_time(scope=Scope(text="0300010"), **asked)
        assert whole


def test_the_last_day_of_a_month_belongs_to_it_in_the_sites_zone(site: Site) -> None:
    months(site, site.meter, step=1)
    june = UsageMonth.objects.get(meter=site.meter, month=date(2026, 6, 1))
    assert (june.energy_wh, june.days) == (30 * DAY, 30)
    assert UsageDay.objects.filter(day__gte=june.month, day__lt=june.month + timedelta(days=30)).count() == 30
