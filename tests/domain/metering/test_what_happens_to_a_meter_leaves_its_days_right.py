"""A register that begins again, a new ratio and late readings, all within one span: its days are those of the truth."""

from __future__ import annotations

import random
from datetime import date, timedelta

import pytest
from django.db.models import Sum

from domain.metering.site import MIDNIGHT, Site, days, look
from prewatt.domain.estate.models import Meter, RatioChange
from prewatt.domain.metering.models import UsageDay, UsageHour, UsageMonth

pytestmark = pytest.mark.django_db
DAY = 24 * 60
STEP = 30  # minutes between readings
FULL = 10**9  # Wh: six digits of kWh and two decimals
NIGHTS = 6
TURNS_AT, NEW_RATIO_AT = (
    2 * DAY + 11 * 60,
    4 * DAY + 9 * 60,
)  # minutes; the register turns on June 3, the ratio on June 5
BEFORE, AFTER = 20, 30


def rise(minutes: int) -> int:
    """Wh on the register in the step that ends then."""
    return random.Random(minutes).randint(50, 900)


def truth() -> tuple[dict[int, int], dict[int, int]]:
    """What the register really counted up to each moment, and what it showed: it turned at TURNS_AT."""
    moments = range(0, NIGHTS * DAY + 61, STEP)
    counted, total = {}, 0
    for minutes in moments:
        total += rise(minutes) if minutes else 0
        counted[minutes] = total
    begins = FULL - counted[TURNS_AT] + 100
    return counted, {minutes: (begins + wh) % FULL for minutes, wh in counted.items()}


def meant(first: int, last: int) -> int:
    """Primary Wh of June `first` to `last`, both in it, step by step with the ratio of its time."""
    steps = range((first - 1) * DAY + STEP, last * DAY + 1, STEP)
    return sum(rise(minutes) * (BEFORE if minutes <= NEW_RATIO_AT else AFTER) for minutes in steps)


@pytest.fixture
def meter(site: Site) -> Meter:
    made = site.add("CT", ct_ratio=AFTER)
    RatioChange.objects.create(meter=made, at=MIDNIGHT + timedelta(minutes=NEW_RATIO_AT), ratio=BEFORE)
    return made


def assert_right(meter: Meter) -> None:
    found = days(meter)
    assert [found[day].energy_wh for day in range(1, NIGHTS + 1)] == [meant(day, day) for day in range(1, NIGHTS + 1)]
    month = UsageMonth.objects.get(meter=meter, month=date(2026, 6, 1))
    assert (month.energy_wh, month.days) == (meant(1, NIGHTS), NIGHTS)
    hours = UsageHour.objects.filter(meter=meter).order_by("start_ms")[: NIGHTS * 24]
    assert sum(hour.energy_wh for hour in hours) == meant(1, NIGHTS)


def test_the_register_turns_and_the_ratio_changes_within_the_span(site: Site, meter: Meter) -> None:
    _counted, shown = truth()
    assert shown[TURNS_AT] < shown[TURNS_AT - STEP]  # it did turn
    site.record(look(meter, minutes, energy_wh=wh) for minutes, wh in shown.items())
    site.close(NIGHTS * DAY + 120)
    assert_right(meter)
    assert {row.version for row in UsageDay.objects.filter(meter=meter)} == {1}


@pytest.mark.parametrize("seed", range(3))
def test_in_whatever_order_and_however_late_readings_come(site: Site, meter: Meter, seed: int) -> None:
    """Half of them come a day after the rest was closed; those around the turn and the new ratio among them."""
    _counted, shown = truth()
    dice = random.Random(seed)
    edges = {day * DAY for day in range(NIGHTS + 1)} | {NIGHTS * DAY + 60}
    late = {minutes for minutes in shown if minutes not in edges and dice.random() < 0.5} | {NEW_RATIO_AT, TURNS_AT}
    site.record(look(meter, minutes, energy_wh=wh) for minutes, wh in shown.items() if minutes not in late)
    site.close(NIGHTS * DAY + 120)
    before = {day: row.version for day, row in days(meter).items()}
    assert set(before) == set(range(1, NIGHTS + 1))
    coming = sorted(late)
    dice.shuffle(coming)
    for start in range(0, len(coming), 40):
        batch = [look(meter, minutes, energy_wh=shown[minutes]) for minutes in coming[start : start + 40]]
        site.record(batch, minutes=(NIGHTS + 1) * DAY)
        site.close((NIGHTS + 1) * DAY + 10)
    assert_right(meter)
    after = {day: row.version for day, row in days(meter).items()}
    assert after[5] > before[5]  # the day of the new ratio was bridged on a straight line before: it is closed anew


def test_a_register_that_was_set_back_counts_no_use_in_that_step(site: Site) -> None:
    """A changed meter under its old number: what it used between the two readings nobody knows, and nobody invents."""
    rows = {minutes: 5_000_000 + minutes * 10 for minutes in range(0, DAY, STEP)}
    rows |= {minutes: (minutes - DAY) * 10 for minutes in range(DAY, 2 * DAY + 61, STEP)}
    site.record(look(site.meter, minutes, energy_wh=wh) for minutes, wh in rows.items())
    site.close(2 * DAY + 120)
    used = UsageDay.objects.filter(meter=site.meter).aggregate(wh=Sum("energy_wh"))["wh"]
    assert used == (DAY - STEP) * 10 + DAY * 10
