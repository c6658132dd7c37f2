"""功率因数 and 三相不平衡 of a day: what its raw readings say, closed once, closed again when a late one comes."""

from __future__ import annotations

import random
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.metering.site import HOUR_MS, MIDNIGHT_MS, Site, look
from prewatt.domain.metering import quality
from prewatt.domain.metering.models import QualityDay, Reading

pytestmark = pytest.mark.django_db
DAY = 24 * 60
FIRST = date(2026, 6, 1)


def values(hour: int, seed: int = 1) -> dict[str, int]:
    dice = random.Random(hour * 100 + seed)
    return {
        "power_w": dice.randint(500, 9000) * dice.choice((1, 1, -1)),
        "power_factor": dice.randint(600, 1000) * dice.choice((1, -1)),
        "current_a_a": dice.randint(1000, 9000),
        "current_b_a": dice.randint(1000, 9000),
        "current_c_a": dice.randint(1000, 9000),
    }


def run(site: Site, *, without: int | None = None) -> None:
    hours = [hour for hour in range(3 * 24 + 2) if hour != without]
    site.record(look(site.meter, hour * 60, energy_wh=hour * 1000, **values(hour)) for hour in hours)
    site.close(3 * DAY + 120)


def independent(day: int) -> tuple[float, float, int, int]:
    """Straight from the raw rows of that day, as floating point."""
    start_ms = MIDNIGHT_MS + (day - 1) * 24 * HOUR_MS
    rows = Reading.objects.filter(taken_ms__gte=start_ms, taken_ms__lt=start_ms + 24 * HOUR_MS)
    active = apparent = spread = highest = 0.0
    factors, parts = [], []
    load_w = max(abs(row.power_w) for row in rows)
    load_ma = max(max(row.current_a_ma, row.current_b_ma, row.current_c_ma) for row in rows)
    for row in rows:
        active += abs(row.power_w)
        apparent += abs(row.power_w) / abs(row.power_factor_e3 / 1000)
        phases = sorted((row.current_a_ma, row.current_b_ma, row.current_c_ma))
        spread += phases[2] - phases[0]
        highest += phases[2]
        if abs(row.power_w) >= load_w / 10:
            factors.append(abs(row.power_factor_e3))
        if phases[2] >= load_ma / 10:
            parts.append(round((phases[2] - phases[0]) * 1000 / phases[2]))
    return active / apparent, spread / highest, min(factors), max(parts)


def sums(day: int) -> quality.Sums:
    row = QualityDay.objects.get(day=FIRST.replace(day=day))
    return quality.Sums(**{name: getattr(row, name) for name in quality.Sums.__dataclass_fields__})


@pytest.mark.parametrize("day", [1, 2, 3])
def test_a_day_is_what_its_raw_readings_say(site: Site, day: int) -> None:
    run(site)
    factor, unbalance, lowest, worst = independent(day)
    its = sums(day)
    assert (its.looks, its.phase_looks) == (24, 24)
    assert its.factor_e3 == pytest.approx(factor * 1000, abs=1)
    assert its.unbalance_e3 == pytest.approx(unbalance * 1000, abs=1)
    assert (its.factor_min_e3, its.unbalance_max_e3) == (lowest, worst)


def test_a_late_reading_closes_the_day_again(site: Site) -> None:
    run(site, without=30)
    before = sums(2)
    assert before.looks == 23
    site.record([look(site.meter, 30 * 60, energy_wh=30_000, **values(30))])
    site.close(3 * DAY + 180)
    assert sums(2).looks == 24
    assert sums(2).factor_e3 == pytest.approx(independent(2)[0] * 1000, abs=1)
    assert sums(2) != before


def test_a_meter_that_shows_neither_has_no_row(site: Site) -> None:
    site.record(look(site.meter, hour * 60, energy_wh=hour, power_w=100) for hour in range(26))
    site.close(DAY + 120)
    assert not QualityDay.objects.exists()


def test_a_single_phase_meter_has_a_power_factor_and_no_phases(site: Site) -> None:
    some: dict[str, Any] = {"power_w": 460, "power_factor": 920, "current_a_a": 2174}
    site.record(look(site.meter, hour * 60, energy_wh=hour, **some) for hour in range(26))
    site.close(DAY + 120)
    its = sums(1)
    assert (its.factor_e3, its.factor_min_e3) == (920, 920)
    assert (its.phase_looks, its.unbalance_e3, its.unbalance_max_e3) == (0, None, None)


def test_what_runs_at_next_to_nothing_is_not_the_worst_of_a_day() -> None:
    loaded, standby = (10_000, 950, 9000, 8000, 8500), (50, 300, 90, 0, 0)
    its = quality.of_day([loaded, standby])
    assert its is not None
    assert (its.factor_min_e3, its.unbalance_max_e3) == (950, 111)
    assert its.looks == 2


small = st.integers(-9999, 9999) | st.none()
factors = st.integers(-1000, 1000) | st.none()


@given(st.lists(st.tuples(small, factors, small, small, small), max_size=30))
def test_whatever_a_meter_shows_the_figures_stay_within_their_limits(rows: list[tuple[int | None, ...]]) -> None:
    its = quality.of_day(rows)
    if its is None:
        return
    for part in (its.factor_e3, its.factor_min_e3, its.unbalance_e3, its.unbalance_max_e3):
        assert part is None or 0 <= part <= 1000
    assert its.looks + its.phase_looks > 0
    shuffled = quality.of_day(rows[::-1])
    assert shuffled == its
