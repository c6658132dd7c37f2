"""短信发送中断: a modem that is gone, a provider that refuses everything; not one that stumbles for a moment."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from prewatt.domain.alarms import queries
from prewatt.domain.alarms.models import Alarm
from prewatt.domain.notices import sending
from prewatt.domain.notices.models import Carrier, CarrierKind, Door, Message, State
from watching import Watching


@pytest.fixture
def modem(watching: Watching) -> Carrier:
    facts: dict[str, Any] = {"kind": CarrierKind.MODEM, "door": Door.TEXT, "created_at": watching.counter.now}
    return Carrier.objects.create(name="猫", form_id="c1", **facts)


def set_to(carrier: Carrier, **facts: Any) -> None:
    Carrier.objects.filter(pk=carrier.pk).update(**facts)


def test_a_carrier_that_fails_for_three_minutes_has_stopped_until_it_works(watching: Watching, modem: Carrier) -> None:
    set_to(modem, failing_since=watching.counter.now, said="no modem")
    watching.counter.later(seconds=170)
    watching.look()
    assert watching.episodes() == []
    watching.counter.later(seconds=20)
    watching.look()
    assert watching.episodes() == [("carrier", "猫", True)]
    assert watching.look() == 0
    set_to(modem, failing_since=None)
    watching.look()
    assert watching.episodes() == [("carrier", "猫", False)]


def test_what_needs_a_person_is_told_at_once(watching: Watching, modem: Carrier) -> None:
    set_to(modem, failing_since=watching.counter.now, stopped_for="SIM missing")
    watching.look()
    assert [(one.kind, one.detail) for one in Alarm.objects.all()] == [("carrier", "person")]


def test_one_that_comes_and_goes_is_one_episode(watching: Watching, modem: Carrier) -> None:
    for since in (watching.counter.now, None, watching.counter.now, None):
        set_to(modem, failing_since=since)
        watching.counter.later(seconds=200)
        watching.look()
    assert watching.episodes() == [("carrier", "猫", False)]
    assert Alarm.objects.get().times == 2


def test_a_carrier_switched_off_is_in_no_alarm(watching: Watching, modem: Carrier) -> None:
    set_to(modem, failing_since=watching.counter.now, stopped_for="SIM missing")
    watching.look()
    set_to(modem, on=False)
    watching.look()
    assert watching.episodes() == [("carrier", "猫", False)]


def message(watching: Watching, modem: Carrier, n: int) -> Message:
    at = watching.counter.now
    facts = {"kind": "test", "language": "zh", "text": f"{n}", "made_at": at, "not_before": at}
    return Message.objects.create(
        key=f"m{n}", to="13800138000", carrier=modem, state=State.SENDING, lease=sending._me,
        expires_at=at + timedelta(hours=1), **facts,
    )  # fmt: skip


def test_five_messages_in_a_row_that_did_not_go_out_are_an_alarm_until_one_does(
    watching: Watching, modem: Carrier
) -> None:
    """It answers each time, so it is not failing; a rejected signature looks like this."""
    for n in range(5):
        watching.look()
        assert watching.episodes() == []
        sending._end(message(watching, modem, n), modem, watching.counter.now, state=State.FAILED, why="text")
    watching.look()
    assert [(one.kind, one.detail, one.value) for one in Alarm.objects.all()] == [("carrier", "nothing_out", 5)]
    sending._end(message(watching, modem, 9), modem, watching.counter.now, state=State.SENT)
    watching.look()
    assert watching.episodes() == [("carrier", "猫", False)]


def test_who_sees_one_building_does_not_see_it(watching: Watching, modem: Carrier) -> None:
    set_to(modem, failing_since=watching.counter.now, stopped_for="SIM missing")
    watching.look()
    counter = watching.counter
    counter.stranger.buildings.add(counter.building)
    assert queries.open_count(operator=counter.stranger) == 0
    assert queries.open_count(operator=counter.admin) == 1
