from __future__ import annotations

from datetime import date
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.metering.site import Site, at, days, look
from prewatt.domain.metering.closing import business_day, close_days, day_start_ms
from prewatt.domain.metering.models import Dirty, Reading, UsageDay
from prewatt.link.messages import Reading as Look

DAY = 24 * 60
GRACE = 45


def sweep(site: Site, first: int, last: int, *, step: int = 30, bought: int = 10_000) -> list[Look]:
    """A steady meter: 10 Wh and 1 fen a minute, four rates alike."""
    return [
        look(
            site.meter,
            minutes,
            energy_wh=10 * minutes,
            energy_peak_wh=4 * minutes,
            energy_valley_wh=6 * minutes,
            bought_fen=bought,
            balance_fen=bought - minutes,
        )
        for minutes in range(first, last + 1, step)
    ]


def test_a_day_is_energy_by_rate_and_what_the_meter_deducted(site: Site) -> None:
    site.record(sweep(site, 0, DAY + 60))
    close_days(now=at(DAY + GRACE + 60))
    row = days(site.meter)[1]
    assert (row.energy_wh, row.energy_peak_wh, row.energy_valley_wh, row.energy_sharp_wh) == (14_400, 5_760, 8_640, 0)
    assert (row.deducted_fen, row.counter_fen, row.gap_s_max) == (DAY, DAY, 1800)
    assert list(days(site.meter)) == [1]


def test_energy_is_multiplied_behind_a_current_transformer_and_money_is_not(site: Site) -> None:
    type(site.meter).objects.filter(pk=site.meter.pk).update(ct_ratio=120)
    site.record(sweep(site, 0, DAY + 60))
    close_days(now=at(DAY + GRACE + 60))
    row = days(site.meter)[1]
    assert (row.energy_wh, row.energy_peak_wh, row.deducted_fen) == (14_400 * 120, 5_760 * 120, DAY)


def test_a_voltage_transformer_multiplies_as_well(site: Site) -> None:
    type(site.meter).objects.filter(pk=site.meter.pk).update(ct_ratio=20, pt_ratio=100)
    site.record(sweep(site, 0, DAY + 60))
    close_days(now=at(DAY + GRACE + 60))
    row = days(site.meter)[1]
    assert (row.energy_wh, row.energy_valley_wh, row.deducted_fen) == (14_400 * 2000, 8_640 * 2000, DAY)


def test_a_recharge_or_a_refund_is_no_use(site: Site) -> None:
    """Bought and balance move together; only what the meter took counts."""
    site.record(sweep(site, 0, 600))
    site.record(sweep(site, 630, 900, bought=90_000))
    site.record(sweep(site, 930, DAY + 60, bought=40_000))
    close_days(now=at(DAY + GRACE + 60))
    assert days(site.meter)[1].deducted_fen == DAY


def test_overdraft_counts_whether_shown_as_minus_or_in_its_own_register(site: Site) -> None:
    own = site.add("0300010402")
    site.record([look(site.meter, n, energy_wh=n, bought_fen=500, balance_fen=500 - n) for n in range(0, DAY + 61, 60)])
    site.record(
        look(own, n, energy_wh=n, bought_fen=500, balance_fen=max(0, 500 - n), overdraft_fen=max(0, n - 500))
        for n in range(0, DAY + 61, 60)
    )
    close_days(now=at(DAY + GRACE + 60))
    assert days(site.meter)[1].deducted_fen == days(own)[1].deducted_fen == DAY


def test_a_meter_that_does_not_count_money_has_energy_only(site: Site) -> None:
    site.record([look(site.meter, n, energy_wh=n) for n in range(0, DAY + 61, 60)])
    close_days(now=at(DAY + GRACE + 60))
    row = days(site.meter)[1]
    assert (row.energy_wh, row.deducted_fen, row.counter_fen) == (DAY, None, None)


def test_a_day_waits_for_its_last_sweep(site: Site) -> None:
    site.record(sweep(site, 0, DAY + 30))
    close_days(now=at(DAY + 30))
    assert days(site.meter) == {}
    close_days(now=at(DAY + GRACE))
    assert list(days(site.meter)) == [1]


def test_a_lost_meters_day_waits_until_a_reading_shows_how_it_ended(site: Site) -> None:
    site.record(sweep(site, 0, 600))
    close_days(now=at(5 * DAY))
    assert days(site.meter) == {}
    assert close_days(now=at(5 * DAY)) == 0  # nor is it looked at again and again
    site.record(sweep(site, 3 * DAY + 30, 3 * DAY + 90))
    close_days(now=at(5 * DAY))
    found = days(site.meter)
    assert list(found) == [1, 2, 3]
    assert sum(row.energy_wh for row in found.values()) == 3 * 14_400
    assert [row.deducted_fen for row in found.values()] == [600, 0, 0]  # the rest shows on the day of its reading
    assert [row.gap_s_max for row in found.values()] == [(DAY - 600) * 60, (2 * DAY - 600) * 60, (3 * DAY - 600) * 60]


def test_lost_meters_do_not_keep_the_others_from_being_closed(site: Site) -> None:
    silent = [site.add(f"02000000{n:02d}") for n in range(5)]
    site.record([look(meter, 10, energy_wh=1) for meter in silent])
    site.record(sweep(site, 0, DAY + 60))
    close_days(now=at(DAY + GRACE + 60), limit=1)
    assert list(days(site.meter)) == [1]


def test_the_midnight_sweep_ends_the_day_although_it_comes_seconds_after(site: Site) -> None:
    """Energy and money of a day cover the same hours."""
    swept = [
        Look(meter=one.meter, taken_at_ms=one.taken_at_ms + 3040, values=one.values)
        for one in sweep(site, 0, 2 * DAY + 90)
    ]
    site.record(swept)
    close_days(now=at(2 * DAY + GRACE + 90))
    assert [row.deducted_fen for row in days(site.meter).values()] == [DAY, DAY]


def test_a_late_reading_opens_the_day_again_and_gives_it_a_new_version(site: Site) -> None:
    looks = sweep(site, 0, 2 * DAY + 60)
    late = looks.pop(DAY // 30)  # of midnight itself
    site.record(looks)
    close_days(now=at(2 * DAY + GRACE + 60))
    before = days(site.meter)
    UsageDay.objects.update(posted_version=1)
    late_values = late.values | {"balance_fen": late.values["balance_fen"] - 7}
    site.record([Look(meter=late.meter, taken_at_ms=late.taken_at_ms, values=late_values)], minutes=2 * DAY + 60)
    close_days(now=at(2 * DAY + GRACE + 61))
    after = days(site.meter)
    assert [(row.version, row.posted_version) for row in after.values()] == [(2, 1), (2, 1)]
    assert sum(row.deducted_fen or 0 for row in after.values()) == sum(row.deducted_fen or 0 for row in before.values())
    assert after[1].deducted_fen != before[1].deducted_fen


def test_a_late_midnight_sweep_still_ends_yesterday(site: Site) -> None:
    """It belongs to the day before, and today goes on: yesterday is closed again at once, not tomorrow."""
    looks = sweep(site, 0, DAY + 60)
    midnight = looks.pop(DAY // 30)
    site.record(looks)
    close_days(now=at(DAY + GRACE + 60))
    assert days(site.meter)[1].deducted_fen == DAY - 30
    site.record([Look(meter=midnight.meter, taken_at_ms=midnight.taken_at_ms + 3040, values=midnight.values)])
    close_days(now=at(DAY + GRACE + 65))
    assert (days(site.meter)[1].deducted_fen, days(site.meter)[1].version) == (DAY, 2)


def test_of_two_looks_around_midnight_the_later_ends_the_day_also_when_it_comes_late(site: Site) -> None:
    site.record(sweep(site, 0, DAY + 60))
    close_days(now=at(DAY + GRACE + 60))
    site.record(sweep(site, DAY + 2, DAY + 2), minutes=DAY + 61)
    close_days(now=at(DAY + GRACE + 61))
    assert (days(site.meter)[1].deducted_fen, days(site.meter)[1].version) == (DAY + 2, 2)


def test_a_late_reading_within_a_day_makes_a_new_version_though_its_sums_stay(site: Site) -> None:
    """Where a price begins inside the day, it shares the day out otherwise: whoever prices days must see it again."""
    looks = sweep(site, 0, DAY + 60)
    late = looks.pop(10)
    site.record(looks)
    close_days(now=at(DAY + GRACE + 60))
    before = days(site.meter)[1]
    UsageDay.objects.update(gap_s_max=1800)
    site.record([late], minutes=DAY + 60)
    close_days(now=at(DAY + GRACE + 90))
    row = days(site.meter)[1]
    assert (row.version, row.energy_wh, row.deducted_fen) == (2, before.energy_wh, before.deducted_fen)


def test_a_day_that_is_closed_again_from_the_same_readings_keeps_its_version(site: Site) -> None:
    looks = sweep(site, 0, 2 * DAY + 60)
    late = looks.pop(DAY // 30 + 10)
    site.record(looks)
    close_days(now=at(2 * DAY + GRACE + 60))
    closed_at = days(site.meter)[1].closed_at
    site.record([late], minutes=2 * DAY + 60)
    Dirty.objects.update(days_since_ms=looks[0].taken_at_ms)
    close_days(now=at(2 * DAY + GRACE + 90))
    first, second = days(site.meter)[1], days(site.meter)[2]
    assert (first.version, first.closed_at, second.version) == (1, closed_at, 2)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    steps=st.lists(st.tuples(st.integers(1, 700), st.integers(0, 900), st.integers(0, 900)), min_size=8, max_size=25),
    order=st.randoms(use_true_random=False),
)
def test_days_add_up_to_the_registers_in_whatever_order_readings_come(
    site: Site, steps: list[tuple[int, int, int]], order: object
) -> None:
    for model in (Reading, UsageDay, Dirty):
        model.objects.all().delete()
    minutes = energy = deducted = 0
    looks = []
    for gap, wh, fen in steps:
        looks.append(look(site.meter, minutes, energy_wh=energy, bought_fen=50_000, balance_fen=50_000 - deducted))
        minutes, energy, deducted = minutes + gap, energy + wh, deducted + fen
    mixed = list(looks)
    order.shuffle(mixed)  # type: ignore[attr-defined]
    minutes += 2 * DAY
    looks.append(look(site.meter, minutes, energy_wh=energy, bought_fen=50_000, balance_fen=50_000 - deducted))
    mixed.append(looks[-1])
    now = at(minutes + 2 * DAY)
    for start in range(0, len(mixed), 4):
        site.record(mixed[start : start + 4], minutes=minutes)
        close_days(now=now)
    found = days(site.meter)
    type(site.state()).objects.all().delete()
    for model in (Reading, UsageDay, Dirty):
        model.objects.all().delete()
    site.record(looks, minutes=minutes)
    close_days(now=now)
    once = days(site.meter)
    names = ("energy_wh", "deducted_fen", "counter_fen", "first_ms", "last_ms", "gap_s_max")
    assert {day: [getattr(row, name) for name in names] for day, row in found.items()} == {
        day: [getattr(row, name) for name in names] for day, row in once.items()
    }
    if found:
        assert sum(row.deducted_fen or 0 for row in found.values()) == list(found.values())[-1].counter_fen


@pytest.mark.parametrize(
    ("zone", "day", "length_h"),
    [
        ("Asia/Shanghai", date(2026, 6, 1), 24),
        ("Asia/Kolkata", date(2026, 6, 1), 24),
        ("Europe/Berlin", date(2026, 3, 29), 23),
        ("Europe/Berlin", date(2026, 10, 25), 25),
    ],
)
def test_a_business_day_is_the_sites_own(zone: str, day: date, length_h: int) -> None:
    place = ZoneInfo(zone)
    start_ms = day_start_ms(day, place)
    end_ms = day_start_ms(date.fromordinal(day.toordinal() + 1), place)
    assert end_ms - start_ms == length_h * 3_600_000
    assert (business_day(start_ms, place), business_day(end_ms - 1, place)) == (day, day)
