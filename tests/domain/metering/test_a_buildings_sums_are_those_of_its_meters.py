"""What stands ready for the pages is what adding up would give, also after a late reading."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db.models import Sum

from counter import NOW, Counter

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


@pytest.fixture
def counter(db: None) -> Counter:
    return Counter(meters=3)


def _read(counter: Counter, number: int, hours: float, energy_wh: int) -> None:
    from prewatt.domain.metering.operations import record_readings
    from prewatt.link.messages import Reading

    at = NOW + HOUR * hours
    values = {"energy_wh": energy_wh, "power_w": 1000 * (number + 1), "bought_fen": 0, "balance_fen": -energy_wh}
    look = Reading(meter=counter.meters[number].number, taken_at_ms=round(at.timestamp() * 1000), values=values)
    record_readings([look], gateway=None, now=at)


def _close() -> None:
    from prewatt.domain.metering.operations import close_days, close_hours

    close_hours(now=NOW + HOUR * 90)
    close_days(now=NOW + HOUR * 90)


def _sums_agree() -> bool:
    from prewatt.domain.metering.models import BuildingHour, UsageHour

    truth = dict(UsageHour.objects.values_list("start_ms").annotate(Sum("energy_wh")))
    kept = dict(BuildingHour.objects.values_list("start_ms").annotate(Sum("energy_wh")))
    assert truth
    return truth == kept


def test_hours_of_a_building_add_up_also_when_a_late_reading_bends_them(counter: Counter) -> None:
    for number in range(3):
        _read(counter, number, 0, 1000)
        _read(counter, number, 4, 1000 + 900 * (number + 1))
        _close()
    assert _sums_agree()
    _read(counter, 1, 2, 1100)
    _close()
    assert _sums_agree()


def test_a_meter_without_a_room_counts_apart(counter: Counter) -> None:
    from prewatt.domain.estate.models import Meter
    from prewatt.domain.metering.models import BuildingHour

    Meter.objects.filter(pk=counter.meters[2].pk).update(room=None)
    for number in range(3):
        _read(counter, number, 0, 0)
        _read(counter, number, 1, 500)
    _close()
    assert set(BuildingHour.objects.values_list("place", "energy_wh")) == {(counter.building.pk, 1000), (0, 500)}


def test_what_is_deducted_a_day_is_the_mean_of_closed_days(counter: Counter) -> None:
    from prewatt.domain.metering.models import UsageDay
    from prewatt.domain.metering.queries import daily_mean_fen

    for hours in range(0, 80, 4):
        _read(counter, 0, hours, 1000 * hours)
    assert daily_mean_fen([counter.meters[0].pk]) == {}
    _close()
    closed = [fen for fen in UsageDay.objects.values_list("deducted_fen", flat=True) if fen is not None]
    assert len(closed) >= 2
    assert daily_mean_fen([counter.meters[0].pk]) == {counter.meters[0].pk: sum(closed) // len(closed)}


def test_the_load_of_a_quarter_is_written_once(counter: Counter) -> None:
    from prewatt.domain.metering.models import Quarter
    from prewatt.domain.metering.sums import take_load

    _read(counter, 0, 0, 0)
    _read(counter, 1, 0, 0)
    counter.read(counter.meters[1], lost=True)
    take_load(now=NOW)
    _read(counter, 0, 0.1, 0)
    _read(counter, 2, 0.1, 0)
    take_load(now=NOW + HOUR / 10)
    [one] = Quarter.objects.all()
    assert (one.place, one.power_w) == (counter.building.pk, 1000)
    take_load(now=NOW + HOUR / 4)
    assert list(Quarter.objects.order_by("start_ms").values_list("power_w", flat=True)) == [1000, 4000]
