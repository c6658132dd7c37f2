"""缺相: one phase far below the others, with a margin against flapping; a riser that loses one is one alarm."""

from __future__ import annotations

import pytest

from prewatt.domain.alarms.gathering import GATHERED_FROM
from prewatt.domain.alarms.models import Alarm
from prewatt.domain.estate.models import Meter
from watching import Watching


def volts(watching: Watching, n: int, a: int, b: int | None, c: int | None) -> None:
    """What meter `n` shows, in tenths of a volt."""
    values = {"voltage_a_dv": a, "voltage_b_dv": b, "voltage_c_dv": c}
    shown = {name: dv for name, dv in values.items() if dv is not None}
    watching.counter.read(watching.counter.meters[n], **shown)


@pytest.mark.parametrize(
    ("a", "b", "c", "found"),
    [
        (2200, 2210, 2190, False),
        (2200, 0, 2190, True),
        (2200, 1319, 2200, True),
        (2200, 1320, 2200, False),  # 60 % exactly: low, and not lost
        (577, 300, 577, True),  # behind a voltage transformer the figures are small
        (2303, 0, 0, False),  # a meter of one phase that reports three
        (0, 0, 0, False),  # no supply at all is another matter
    ],
)
def test_a_phase_is_lost_below_sixty_percent_of_the_highest(
    watching: Watching, a: int, b: int, c: int, found: bool
) -> None:
    volts(watching, 0, a, b, c)
    watching.look()
    assert watching.episodes() == ([("phase", "0", True)] if found else [])


def test_a_meter_that_reports_one_phase_has_none_to_lose(watching: Watching) -> None:
    volts(watching, 0, 2200, None, None)
    watching.look()
    assert watching.episodes() == []


def test_three_wires_have_no_middle_one(watching: Watching) -> None:
    Meter.objects.update(pt_ratio=100)
    volts(watching, 0, 1000, 0, 1002)
    watching.look()
    assert watching.episodes() == []


def test_it_does_not_flap_at_its_edge(watching: Watching) -> None:
    seen = []
    for dv in (1319, 1330, 1310, 1715, 1716):
        volts(watching, 0, 2200, dv, 2200)
        watching.look()
        seen.append(watching.episodes())
    assert seen == [[("phase", "0", True)]] * 4 + [[("phase", "0", False)]]
    one = Alarm.objects.get()
    assert (one.detail, one.value, one.worst, one.threshold) == ("b", 1319, 1310, 2200)


def test_a_second_phase_that_goes_keeps_the_episode(watching: Watching) -> None:
    volts(watching, 0, 2200, 0, 2200)
    watching.look()
    volts(watching, 0, 2200, 0, 0)
    watching.look()
    assert watching.episodes() == [("phase", "0", True)]


def test_many_of_one_bus_are_one_episode_of_the_bus_until_the_last_is_well(watching: Watching) -> None:
    for n in range(GATHERED_FROM - 1):
        volts(watching, n, 2200, 0, 2200)
    watching.look()
    singles = [("phase", str(n), True) for n in range(GATHERED_FROM - 1)]
    assert watching.episodes() == singles
    for n in range(6):
        volts(watching, n, 2200, 0, 2200)
    watching.look()
    over = [(kind, about, False) for kind, about, _on in singles]
    assert watching.episodes() == [*over, ("phase", "bus-1", True)]
    assert Alarm.objects.get(bus__isnull=False).value == 6
    for n in range(5):  # one is left: it does not fall apart into single ones
        volts(watching, n, 2200, 2200, 2200)
        watching.look()
        assert watching.episodes() == [*over, ("phase", "bus-1", True)]
    volts(watching, 5, 2200, 2200, 2200)
    watching.look()
    assert watching.episodes() == [*over, ("phase", "bus-1", False)]


def test_only_who_has_a_meter_there_sees_the_buss_episode(watching: Watching) -> None:
    from prewatt.domain.alarms import queries

    for n in range(6):
        volts(watching, n, 2200, 0, 2200)
    watching.look()
    counter = watching.counter
    assert queries.open_count(operator=counter.stranger) == 0
    counter.stranger.buildings.add(counter.building)
    assert queries.open_count(operator=counter.stranger) == 1


def test_a_bus_is_told_by_name_once(watching: Watching) -> None:
    from prewatt.domain.estate.models import Defaults
    from prewatt.domain.notices.models import Message

    Defaults.objects.create(building=None, alarm_phones="13800138000")
    for n in range(6):
        volts(watching, n, 2200, 0, 2200)
    watching.look()
    watching.look()
    assert ["gw-1 bus-1（共 6 处）" in one.text for one in Message.objects.all()] == [True]
