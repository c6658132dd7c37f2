"""开关不听命: what was ordered and what the contact does are two facts, and one alarm where they stay apart."""

from __future__ import annotations

from typing import Any

import pytest

from prewatt.domain import commands
from prewatt.domain.alarms.models import Alarm
from prewatt.link.messages import Kind, Outcome
from watching import Watching

OFF: dict[str, int] = {"forced": 1, "relay_command": 0}
ON: dict[str, int] = {"forced": 0, "relay_command": 1}


def ordered(watching: Watching, kind: Kind, *, outcome: Outcome = Outcome.DONE, reason: str = "") -> None:
    """By somebody at the console, fetched by the gateway, answered."""
    counter = watching.counter
    meter = counter.meters[0]
    order_id = f"o{counter.now.timestamp()}"
    facts: dict[str, Any] = {"reason": "work", "note": "修线", "operator": counter.admin, "now": counter.now}
    commands.command(order_id=order_id, meter=meter, kind=kind, confirmed=meter.room.number, **facts)
    counter.lease()
    counter.settle(order_id, outcome, reason=reason)


def test_switched_off_and_still_on_is_an_alarm_until_the_contact_opens(watching: Watching) -> None:
    counter, meter = watching.counter, watching.counter.meters[0]
    ordered(watching, Kind.SWITCH_OFF)
    counter.later(seconds=90)
    counter.read(meter, relay_closed=1, **OFF)
    watching.look()
    assert watching.episodes() == [("relay", "0", True)]
    assert Alarm.objects.get().detail == "stays_on"
    assert watching.look() == 0
    counter.later(seconds=600)
    counter.read(meter, relay_closed=0, **OFF)
    watching.look()
    assert watching.episodes() == [("relay", "0", False)]


def test_a_contact_has_a_minute_to_follow(watching: Watching) -> None:
    ordered(watching, Kind.SWITCH_OFF)
    watching.counter.read(watching.counter.meters[0], relay_closed=1, **OFF)
    watching.look()
    assert watching.episodes() == []


def test_a_welded_contact_is_an_alarm_though_nobody_ordered_anything(watching: Watching) -> None:
    """The meter opened it for arrears, and electricity flows on."""
    watching.counter.read(watching.counter.meters[0], relay_closed=1, relay_command=0, forced=0)
    watching.look()
    assert watching.episodes() == [("relay", "0", True)]


def test_switched_on_and_still_off_is_an_alarm(watching: Watching) -> None:
    ordered(watching, Kind.SWITCH_ON)
    watching.counter.later(seconds=90)
    watching.counter.read(watching.counter.meters[0], relay_closed=0, **ON)
    watching.look()
    assert [(one.kind, one.detail) for one in Alarm.objects.all()] == [("relay", "stays_off")]


def test_a_breaker_that_waits_for_a_hand_without_an_order_is_none(watching: Watching) -> None:
    """After a purchase the tenant presses the button himself."""
    watching.counter.read(watching.counter.meters[0], relay_closed=0, **ON)
    watching.look()
    assert watching.episodes() == []


def test_a_meter_that_took_no_order_does_not_obey_until_another_order(watching: Watching) -> None:
    ordered(watching, Kind.SWITCH_OFF, outcome=Outcome.REFUSED, reason="not_taken")
    watching.counter.later(seconds=90)
    watching.counter.read(watching.counter.meters[0], relay_closed=1, **ON)
    watching.look()
    assert [(one.kind, one.detail) for one in Alarm.objects.all()] == [("relay", "not_taken")]
    ordered(watching, Kind.SWITCH_OFF)
    watching.counter.later(seconds=90)
    watching.counter.read(watching.counter.meters[0], relay_closed=0, **OFF)
    watching.look()
    assert watching.episodes() == [("relay", "0", False)]


def test_an_order_refused_for_another_reason_is_no_disobedience(watching: Watching) -> None:
    ordered(watching, Kind.SWITCH_OFF, outcome=Outcome.REFUSED, reason="forbidden")
    watching.counter.later(seconds=90)
    watching.counter.read(watching.counter.meters[0], relay_closed=1, **ON)
    watching.look()
    assert watching.episodes() == []


def test_what_comes_back_within_minutes_is_the_same_episode(watching: Watching) -> None:
    counter, meter = watching.counter, watching.counter.meters[0]
    for closed in (1, 0, 1, 0, 1):
        counter.later(seconds=20)
        counter.read(meter, relay_closed=closed, **OFF)
        watching.look()
    assert watching.episodes() == [("relay", "0", True)]
    assert Alarm.objects.get().times == 3


@pytest.mark.parametrize("lost", [True, False])
def test_an_old_look_at_a_lost_meter_begins_nothing(watching: Watching, lost: bool) -> None:
    watching.counter.read(watching.counter.meters[0], relay_closed=1, lost=lost, **OFF)
    watching.look()
    assert ("relay", "0", True) in watching.episodes() or lost
    assert ("relay" in {kind for kind, _about, _on in watching.episodes()}) is not lost
