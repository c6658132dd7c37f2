"""Messages sent again, a carrier switched and tried, a kind of message switched off: as on the pages."""

from __future__ import annotations

from typing import Any

import pytest

from counter import Counter
from prewatt.domain.notices import operations
from prewatt.domain.notices.models import Carrier, Message, Rules
from prewatt.domain.staff.models import LogEntry
from web.api.door import Program

pytestmark = pytest.mark.django_db


@pytest.fixture
def carrier(counter: Counter) -> Carrier:
    facts: dict[str, Any] = {"settings": {"port": "/dev/ttyUSB0"}, "sealed": b"kept", "said": "no SIM"}
    return Carrier.objects.create(
        name="猫", kind="modem", door="text", form_id="c1", created_at=counter.now, alarms=["lost"], **facts
    )


@pytest.fixture
def failed(counter: Counter) -> Message:
    counter.opened()
    counter.customer.phone = "13800138000"
    counter.customer.save()
    now = counter.now
    facts: dict[str, Any] = {"language": "zh", "text": "余额不足", "made_at": now, "not_before": now, "expires_at": now}
    facts |= {"meter": counter.meters[0], "customer": counter.customer, "state": "failed"}
    return Message.objects.create(key="m1", kind="low1", to="13900139000", **facts)


def test_a_message_goes_out_again_once_for_a_key(counter: Counter, failed: Message) -> None:
    program = Program(counter.cashier)
    for _time in range(2):
        answer = program.send(f"/messages/{failed.pk}/again", {"reason": "号码改过"}, key="again-0001")
        assert answer.status_code == 200
    said = answer.json()
    assert (said["state"], said["to"], said["again_of_id"]) == ("waiting", "13800138000", failed.pk)
    assert Message.objects.count() == 2
    assert LogEntry.objects.filter(action="message.again").count() == 1


def test_who_may_only_read_sends_nothing(counter: Counter, failed: Message) -> None:
    answer = Program(counter.reader).send(f"/messages/{failed.pk}/again", {"reason": "x"})
    assert answer.status_code == 403
    assert Message.objects.count() == 1


def test_messages_are_found_by_kind_and_state(counter: Counter, failed: Message) -> None:
    program = Program(counter.reader)
    for query, number in (("kind=low1", 1), ("kind=low2", 0), ("state=failed", 1), ("state=sent", 0)):
        assert len(program.get(f"/messages?{query}").json()["items"]) == number, query


def test_a_carrier_is_switched_without_touching_what_is_secret(counter: Counter, carrier: Carrier) -> None:
    program = Program(counter.admin)
    body = {"on": False, "price_e4": 450, "alarms": ["gateway", "carrier"]}
    answer = program.send(f"/carriers/{carrier.pk}", body, method="PATCH")
    assert answer.status_code == 200
    assert (answer.json()["on"], answer.json()["alarms"]) == (False, ["carrier", "gateway"])
    assert "kept" not in answer.content.decode()
    carrier.refresh_from_db()
    assert (carrier.on, carrier.price_e4, carrier.version) == (False, 450, 2)
    assert (bytes(carrier.sealed or b""), carrier.settings) == (b"kept", {"port": "/dev/ttyUSB0"})
    entry = LogEntry.objects.get(action="carrier.change")
    assert (entry.before["on"], entry.after["on"]) == (True, False)


def test_a_kind_of_alarm_that_there_is_not_is_refused(counter: Counter, carrier: Carrier) -> None:
    answer = Program(counter.admin).send(f"/carriers/{carrier.pk}", {"alarms": ["no such"]}, method="PATCH")
    assert answer.status_code == 422


def test_a_test_goes_by_this_carrier_alone(counter: Counter, carrier: Carrier) -> None:
    program = Program(counter.admin)
    assert program.send(f"/carriers/{carrier.pk}/test", {"to": "not a number"}).status_code == 409
    answer = program.send(f"/carriers/{carrier.pk}/test", {"to": "138-0013-8000"})
    assert answer.json()["to"] == "13800138000"
    assert Message.objects.get().only == carrier


def test_carriers_are_for_who_sees_every_building(counter: Counter, carrier: Carrier) -> None:
    counter.stranger.buildings.add(counter.building)
    program = Program(counter.stranger)
    assert program.get("/carriers").json()["items"] == []
    assert program.send(f"/carriers/{carrier.pk}", {"on": False}, method="PATCH").status_code == 404
    assert program.send(f"/carriers/{carrier.pk}/test", {"to": "13800138000"}).status_code == 404
    assert program.send("/settings/sending", {"per_hour": 1}, method="PATCH").status_code in {403, 404}
    assert Carrier.objects.get().on


def test_a_kind_is_switched_off_and_on_and_nothing_else_changes(counter: Counter, failed: Message) -> None:
    program = Program(counter.admin)
    said = {"kind": "low1", "phone": "13800138000", "fields": {}, "language": "zh"}
    answer = program.send("/settings/sending", {"muted": ["low1", "code"]}, method="PATCH")
    assert answer.json()["muted"] == ["low1"]  # a code is never switched off
    assert answer.json()["quiet_from"] == "21:30"
    assert operations.say(**said, key="k1", now=counter.now) is None  # type: ignore[arg-type]
    program.send("/settings/sending", {"muted": [], "quiet_from": "22:00"}, method="PATCH")
    assert operations.say(**said, key="k1", now=counter.now) is not None  # type: ignore[arg-type]
    held = Rules.objects.get()
    assert (f"{held.quiet_from:%H:%M}", held.per_hour) == ("22:00", 4)
