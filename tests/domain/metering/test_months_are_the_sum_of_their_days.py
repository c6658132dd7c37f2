"""Months are kept beside the days: a late reading, a second closing and a bulk load leave them the sum of the days."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta

import pytest

from domain.metering.site import Site, look
from prewatt.domain.estate.models import Meter
from prewatt.domain.metering import sums
from prewatt.domain.metering.models import UsageDay, UsageMonth

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


def months(site: Site, meter: Meter, *, step: int) -> None:
    site.record(look(meter, at, energy_wh=at * step) for at in range(0, 70 * DAY, 360))
    site.close(72 * DAY)


def test_three_months_of_two_meters(site: Site) -> None:
    months(site, site.meter, step=3)
    months(site, site.add("0300010402", ct_ratio=40), step=1)
    assert len(kept()) == 6  # June, July, the first of August
    assert kept() == added_up()


def test_a_late_reading_changes_its_month(site: Site) -> None:
    site.record(look(site.meter, at, energy_wh=at * 3) for at in range(100, 70 * DAY, 360))  # none at midnight
    site.close(72 * DAY)
    before = kept()
    site.record([look(site.meter, 30 * DAY, energy_wh=3 * 30 * DAY - 10)], minutes=73 * DAY)
    site.close(74 * DAY)
    assert kept() != before
    assert kept() == added_up()


def test_what_was_loaded_in_bulk_is_added_up_at_once(site: Site) -> None:
    months(site, site.meter, step=3)
    row = UsageDay.objects.get(meter=site.meter, day=date(2026, 7, 4))
    UsageDay.objects.filter(pk=row.pk).update(energy_wh=row.energy_wh + 500)
    assert kept() != added_up()
    sums.add_all_months()
    assert kept() == added_up()


def test_the_last_day_of_a_month_belongs_to_it_in_the_sites_zone(site: Site) -> None:
    months(site, site.meter, step=1)
    june = UsageMonth.objects.get(meter=site.meter, month=date(2026, 6, 1))
    assert (june.energy_wh, june.days) == (30 * DAY, 30)
    assert UsageDay.objects.filter(day__gte=june.month, day__lt=june.month + timedelta(days=30)).count() == 30
