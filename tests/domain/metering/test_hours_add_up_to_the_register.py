from __future__ import annotations

import itertools

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.metering.site import Site, at, hours, look
from prewatt.domain.metering.closing import HOUR_MS, Track, rise
from prewatt.domain.metering.models import Dirty, Reading, UsageHour
from prewatt.domain.metering.operations import close_hours


def test_an_hour_is_what_the_register_rose_from_full_hour_to_full_hour(site: Site) -> None:
    site.record([look(site.meter, minutes, energy_wh=1000 + 10 * minutes) for minutes in range(0, 181, 30)])
    close_hours(now=at(180))
    assert hours(site.meter) == {0: (600, False), 1: (600, False), 2: (600, False)}


def test_between_readings_the_register_is_a_straight_line(site: Site) -> None:
    """50 minutes at 60 Wh/min lie in the first hour, 10 in the second."""
    site.record(
        [look(site.meter, 0, energy_wh=0), look(site.meter, 10, energy_wh=0), look(site.meter, 70, energy_wh=3600)]
    )
    close_hours(now=at(70))
    assert hours(site.meter) == {0: (3000, False), 1: (600, False)}


def test_the_running_hour_grows_with_every_reading(site: Site) -> None:
    seen = []
    for minutes in (0, 15, 30, 45, 60, 75):
        site.record([look(site.meter, minutes, energy_wh=10 * minutes)])
        close_hours(now=at(minutes))
        seen.append({hour: wh for hour, (wh, _) in hours(site.meter).items()})
    assert seen == [{}, {0: 150}, {0: 300}, {0: 450}, {0: 600}, {0: 600, 1: 150}]


@pytest.mark.parametrize(
    ("before", "after", "ct_ratio", "wh"),
    [  # the article's own rows: kWh before, after, CT ratio, use
        (68_460, 68_940, 120, 57_600),
        (86_650, 86_900, 80, 20_000),
        (157_900, 158_770, 120, 104_400),
        (9_050, 9_080, 100, 3_000),
        (183_730, 186_410, 1, 2_680),
        (1_680, 1_680, 60, 0),
        (6_170, 6_210, 1, 40),
    ],
)
def test_behind_a_current_transformer_use_is_multiplied(
    site: Site, before: int, after: int, ct_ratio: int, wh: int
) -> None:
    meter = site.add("030001040A", ct_ratio=ct_ratio)
    site.record([look(meter, 0, energy_wh=before), look(meter, 60, energy_wh=after)])
    close_hours(now=at(60))
    assert hours(meter) == {0: (wh, False)}


def test_hours_in_a_gap_are_marked_and_still_add_up(site: Site) -> None:
    looks = [(0, 0), (30, 100), (60, 200), (60 * 5 + 30, 2000), (60 * 6, 2100), (60 * 7, 2200)]
    site.record([look(site.meter, minutes, energy_wh=wh) for minutes, wh in looks])
    close_hours(now=at(420))
    found = hours(site.meter)
    assert [filled for _, filled in found.values()] == [False, True, True, True, True, True, False]
    assert sum(wh for wh, _ in found.values()) == 2200


def test_a_late_reading_draws_the_hours_of_its_gap_anew(site: Site) -> None:
    """The link was cut; what the gateway kept comes after the hours were closed across the gap."""
    site.record([look(site.meter, 0, energy_wh=0), look(site.meter, 240, energy_wh=2400)])
    close_hours(now=at(240))
    assert hours(site.meter) == dict.fromkeys(range(4), (600, True))
    site.record([look(site.meter, 60 * hour, energy_wh=wh) for hour, wh in ((1, 0), (2, 100), (3, 2400))])
    close_hours(now=at(241))
    assert hours(site.meter) == {0: (0, False), 1: (100, False), 2: (2300, False), 3: (0, False)}


def test_what_was_closed_is_not_closed_again_without_a_new_reading(site: Site) -> None:
    site.record([look(site.meter, 0, energy_wh=0), look(site.meter, 60, energy_wh=10)])
    assert (close_hours(now=at(60)), close_hours(now=at(61))) == (1, 0)


def test_one_reading_alone_is_no_use(site: Site) -> None:
    site.record([look(site.meter, 0, energy_wh=5000)])
    close_hours(now=at(60))
    assert hours(site.meter) == {}


FULL_REGISTER = 10**9


@pytest.mark.parametrize(
    ("before", "after", "wh"),
    [
        (999_999_990, 20, 30),  # 999 999.99 kWh -> 0.02
        (99_999_990, 10, 20),  # five digits of kWh
        (9_999_999_990, 0, 10),
        (500_000, 400_000, 0),  # set back, not rolled over
        (999_999_990, 500_000_000, 0),
        (990_000_000, 20, 0),  # not nearly full
        (100, 100, 0),
        (100, 250, 150),
    ],
)
def test_a_register_that_rolls_over_goes_on_and_one_that_was_set_back_counts_nothing(
    before: int, after: int, wh: int
) -> None:
    assert rise(before, after) == wh


def test_use_goes_on_over_a_rollover(site: Site) -> None:
    shown = [999_999_000, 999_999_500, 0, 500]
    site.record([look(site.meter, 30 * n, energy_wh=wh) for n, wh in enumerate(shown)])
    close_hours(now=at(90))
    assert {hour: wh for hour, (wh, _) in hours(site.meter).items()} == {0: 1000, 1: 500}


looks_of_a_day = st.lists(
    st.tuples(st.integers(0, 24 * 60), st.integers(0, 5000)), min_size=2, max_size=25, unique_by=lambda pair: pair[0]
)

ratios = st.sampled_from([1, 20, 120])


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    day=looks_of_a_day,
    order=st.randoms(use_true_random=False),
    ct_ratio=st.sampled_from([1, 20, 120]),
    pt_ratio=st.sampled_from([1, 100]),
)
def test_in_whatever_order_readings_come_the_hours_are_the_same_and_add_up(
    site: Site, day: list[tuple[int, int]], order: object, ct_ratio: int, pt_ratio: int
) -> None:
    """Closed after every piece, late pieces included, against all of it closed once."""
    type(site.meter).objects.filter(pk=site.meter.pk).update(ct_ratio=ct_ratio, pt_ratio=pt_ratio)
    for model in (Reading, UsageHour, Dirty):
        model.objects.all().delete()
    times = sorted(minutes for minutes, _ in day)
    register, looks = 0, []
    for minutes, (_, wh) in zip(times, day, strict=True):
        register += wh
        looks.append(look(site.meter, minutes, energy_wh=register))
    mixed = list(looks)
    order.shuffle(mixed)  # type: ignore[attr-defined]
    for start in range(0, len(mixed), 3):
        site.record(mixed[start : start + 3], minutes=24 * 60)
        close_hours(now=at(24 * 60))
    found = hours(site.meter)
    first, last = looks[0].values["energy_wh"], looks[-1].values["energy_wh"]
    assert sum(wh for wh, _ in found.values()) == (last - first) * ct_ratio * pt_ratio
    assert all(wh >= 0 for wh, _ in found.values())
    UsageHour.objects.all().delete()
    Dirty.objects.all().delete()
    Reading.objects.all().delete()
    site.record(looks, minutes=24 * 60)
    close_hours(now=at(24 * 60))
    assert hours(site.meter) == found


@given(day=looks_of_a_day, cuts=st.lists(st.integers(0, 24 * 60), min_size=2, max_size=9))
def test_however_a_span_is_cut_its_parts_add_up(day: list[tuple[int, int]], cuts: list[int]) -> None:
    times = sorted(minutes * 60_000 for minutes, _ in day)
    shown = [sum(wh for _, wh in day[: place + 1]) for place in range(len(day))]
    track = Track(times, shown)
    edges = sorted(minutes * 60_000 for minutes in cuts)
    parts = [track.value(after) - track.value(before) for before, after in itertools.pairwise(edges)]
    assert sum(parts) == track.value(edges[-1]) - track.value(edges[0])
    assert track.value(times[0] - HOUR_MS) == 0
    assert track.value(times[-1] + HOUR_MS) == shown[-1] - shown[0]
