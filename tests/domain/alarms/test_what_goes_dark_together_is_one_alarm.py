"""A gateway that goes dark, or a cable that is cut, is one alarm and not one for each meter behind it."""

from __future__ import annotations

from datetime import timedelta

from prewatt.domain.alarms.gathering import GATHERED_FROM
from prewatt.domain.alarms.models import Alarm
from prewatt.domain.metering import operations as metering
from watching import Watching


def silence(watching: Watching, *, heard: bool) -> None:
    """Nothing is heard of any meter for eleven minutes; the worker sees it."""
    watching.counter.later(minutes=11)
    metering.mark_lost(now=watching.counter.now)
    watching.look(heard=heard)


def answer(watching: Watching, *places: int) -> None:
    for n in places:
        watching.counter.read(watching.counter.meters[n], lost=False, lost_since=None)


def test_a_silent_gateway_is_one_alarm_however_long_it_is_silent(watching: Watching) -> None:
    watching.look()
    silence(watching, heard=False)
    watching.counter.later(hours=5)
    watching.look(heard=False)
    assert watching.episodes() == [("gateway", "gw-1", True)]


def test_who_stays_lost_when_the_gateway_is_back_has_an_alarm_of_his_own(watching: Watching) -> None:
    watching.look()
    silence(watching, heard=False)
    answer(watching, 1, 2, 3, 4, 5)
    watching.look()
    assert watching.episodes() == [("gateway", "gw-1", False), ("lost", "0", True)]


def test_who_was_lost_before_goes_on_while_the_gateway_is_silent(watching: Watching) -> None:
    watching.counter.read(watching.counter.meters[0], lost=True, lost_since=watching.counter.now)
    watching.look()
    silence(watching, heard=False)
    assert watching.episodes() == [("lost", "0", True), ("gateway", "gw-1", True)]


def test_a_cable_that_is_cut_is_one_alarm_of_its_bus(watching: Watching) -> None:
    silence(watching, heard=True)
    assert watching.episodes() == [("lost", "bus-1", True)]
    one = Alarm.objects.get()
    assert (one.value, one.threshold) == (6, GATHERED_FROM)
    assert one.since <= watching.counter._now - timedelta(minutes=10)
    answer(watching, *range(6))
    watching.look()
    assert watching.episodes() == [("lost", "bus-1", False)]


def test_a_few_lost_meters_are_a_few_alarms(watching: Watching) -> None:
    for n in range(GATHERED_FROM - 1):
        watching.counter.read(watching.counter.meters[n], lost=True, lost_since=watching.counter.now)
    watching.look()
    assert watching.episodes() == [("lost", str(n), True) for n in range(GATHERED_FROM - 1)]


def test_a_bus_that_is_cut_and_back_within_minutes_is_one_episode(watching: Watching) -> None:
    for lost in (True, False, True):
        for meter in watching.counter.meters:
            watching.counter.read(meter, lost=lost, lost_since=watching.counter._now)
        watching.look()
    assert watching.episodes() == [("lost", "bus-1", True)]
    assert Alarm.objects.get().times == 2
