"""The sending loop with a modem on a real terminal: what goes out, once; and what happens when something breaks."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

import modem as emulator
from counter import Counter
from prewatt.domain.alarms import operations as alarms
from prewatt.domain.alarms.models import Alarm
from prewatt.domain.notices import operations, sending
from prewatt.domain.notices.models import Carrier, CarrierKind, Door, Message, Rules, State, Why
from prewatt.domain.notices.modem import dialogue
from prewatt.domain.notices.sms import reading

pytestmark = pytest.mark.django_db
PHONE = "13800138000"
LONG = "尊敬的用户：您的电表余额不足。" * 10


@pytest.fixture
def there() -> Iterator[emulator.Modem]:
    with emulator.modem() as found:
        yield found
        sending.close()


@pytest.fixture
def carrier(there: emulator.Modem, counter: Counter) -> Carrier:
    Rules.objects.create(per_hour=100, per_day=100)
    return made(counter, there)


def made(counter: Counter, there: emulator.Modem, **changes: Any) -> Carrier:
    facts: dict[str, Any] = {
        "name": there.path,
        "kind": CarrierKind.MODEM,
        "door": Door.TEXT,
        "settings": {"path": there.path, "baud": "115200"},
        "price_e4": 450,
        "per_minute": 100,
        "form_id": there.path,
        "created_at": counter.now,
    }
    return Carrier.objects.create(**facts | changes)


def say(counter: Counter, text: str = "余额不足", key: str = "1", **changes: Any) -> Message:
    """`text` stands in the room's place of a shipped template that has nothing else to say."""
    asked: dict[str, Any] = {
        "kind": "low1",
        "phone": PHONE,
        "fields": {"room": text, "balance": "9.85", "alarm": "10"},
        "key": key,
        "language": "zh",
        "now": counter.now,
    }
    found = operations.say(**asked | changes)
    assert found is not None
    return found


def texts(there: emulator.Modem) -> list[str]:
    return [reading.read(one)["text"] for one in there.sent]


def work(counter: Counter, **later: int) -> int:
    return sending.work(counter.later(**later) if later else counter.now)


def look_again() -> None:
    """As if its next look were due."""
    sending._looked_s.clear()


def test_a_message_goes_out_once_and_its_report_arrives(
    counter: Counter, carrier: Carrier, there: emulator.Modem
) -> None:
    there.report_status = 0
    message = say(counter)
    assert work(counter) == 1
    assert texts(there) == [message.text]
    message.refresh_from_db()
    assert (message.state, message.parts, message.cost_e4, message.handed) == (State.SENT, 1, 450, ["41"])
    for _ in range(100):
        look_again()
        work(counter)
        message.refresh_from_db()
        if message.state == State.DELIVERED:
            break
        time.sleep(0.02)
    assert message.state == State.DELIVERED
    assert len(there.sent) == 1
    carrier.refresh_from_db()
    assert carrier.health["signal_dbm"] == -71
    assert carrier.health["registration"] == "home"


def test_a_report_that_it_did_not_arrive_is_believed(counter: Counter, carrier: Carrier, there: emulator.Modem) -> None:
    there.report_status = 0x46
    message = say(counter)
    work(counter)
    for _ in range(100):
        look_again()
        work(counter)
        message.refresh_from_db()
        if message.state != State.SENT:
            break
        time.sleep(0.02)
    assert (message.state, message.why) == (State.FAILED, Why.NOT_ARRIVED)


def test_a_long_text_broken_off_goes_on_where_it_broke(
    counter: Counter, carrier: Carrier, there: emulator.Modem
) -> None:
    message = say(counter, LONG)
    there.errors = []
    sent: list[int] = []
    real = dialogue.Modem.send

    def second_fails(self: dialogue.Modem, one: Any) -> int:
        if len(sent) == 1:
            there.errors.append(42)
        sent.append(1)
        return real(self, one)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dialogue.Modem, "send", second_fails)
        work(counter)
    message.refresh_from_db()
    assert (message.state, message.handed, message.only) == (State.WAITING, ["41"], carrier)
    work(counter, minutes=2)
    message.refresh_from_db()
    assert (message.state, message.parts) == (State.SENT, 3)
    assert len(there.sent) == 3
    assert reading.joined([reading.read(one) for one in there.sent])["text"] == message.text


@pytest.mark.parametrize(
    ("code", "wanted"),
    [
        (38, (State.WAITING, "", False)),
        (27, (State.WAITING, "", False)),
        (1, (State.FAILED, Why.NUMBER, False)),
        (305, (State.FAILED, Why.TEXT, False)),
        (50, (State.WAITING, "", True)),
    ],
)
def test_a_refusal_is_followed_by_its_class(
    counter: Counter, carrier: Carrier, there: emulator.Modem, code: int, wanted: tuple[State, str, bool]
) -> None:
    there.errors = [code]
    message = say(counter)
    work(counter)
    message.refresh_from_db()
    carrier.refresh_from_db()
    assert (message.state, message.why, bool(carrier.stopped_for)) == wanted
    assert str(code) in message.said
    work(counter, minutes=30)
    message.refresh_from_db()
    carrier.refresh_from_db()
    assert len(there.sent) == (0 if wanted[1] else 1)
    assert (carrier.stopped_for, carrier.failures) == ("", 0)


def test_it_is_not_tried_for_ever(counter: Counter, carrier: Carrier, there: emulator.Modem) -> None:
    there.errors = [27] * 20
    message = say(counter)
    for _ in range(6):
        work(counter, minutes=20)
    message.refresh_from_db()
    assert (message.state, message.why, message.attempts) == (State.FAILED, Why.TRIES, sending.FEW_TRIES_MAX)


def test_what_a_person_must_mend_costs_no_tries(counter: Counter, carrier: Carrier, there: emulator.Modem) -> None:
    there.errors = [50] * 10
    message = say(counter)
    for _ in range(10):
        work(counter, minutes=11)
    assert there.sent == []
    work(counter, minutes=11)
    message.refresh_from_db()
    assert (message.state, message.attempts) == (State.SENT, 1)


def test_silence_after_the_message_is_not_repeated(
    counter: Counter, carrier: Carrier, there: emulator.Modem, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dialogue, "SEND_S", 0.3)
    there.swallow = True
    message = say(counter)
    work(counter)
    there.swallow = False
    for _ in range(3):
        work(counter, minutes=30)
    message.refresh_from_db()
    assert (message.state, message.why) == (State.UNKNOWN, Why.SILENCE)
    assert len(there.sent) == 1


def test_who_dies_between_handing_over_and_noting_leaves_it_unknown(
    counter: Counter, carrier: Carrier, there: emulator.Modem
) -> None:
    message, next_one = say(counter), say(counter, "another", key="2")

    class Died(BaseException):
        pass

    def dies(*_given: Any, **_named: Any) -> None:
        raise Died

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sending, "_end", dies)
        with pytest.raises(Died):
            work(counter)
    assert len(there.sent) == 1
    work(counter, minutes=5)
    message.refresh_from_db()
    next_one.refresh_from_db()
    assert (message.state, message.why) == (State.UNKNOWN, Why.CUT_OFF)
    assert next_one.state == State.SENT
    assert len(there.sent) == 2


def test_two_processes_do_not_send_through_one_modem(
    counter: Counter, carrier: Carrier, there: emulator.Modem, monkeypatch: pytest.MonkeyPatch
) -> None:
    say(counter)
    work(counter)
    monkeypatch.setattr(sending, "_me", "another")
    waits = say(counter, "another", key="2")
    assert work(counter) == 0
    waits.refresh_from_db()
    assert waits.state == State.WAITING
    sending.close()  # the first one is gone
    assert work(counter, minutes=2) == 1


def test_a_modem_is_unplugged_and_comes_back(counter: Counter, carrier: Carrier, there: emulator.Modem) -> None:
    work(counter)
    there.unplug()
    message = say(counter)
    look_again()
    work(counter)
    carrier.refresh_from_db()
    assert carrier.failing_since is not None
    assert "gone" in carrier.said
    with emulator.modem() as other:
        Carrier.objects.update(settings={"path": other.path, "baud": "115200"}, version=2)
        work(counter, minutes=2)
        assert texts(other) == [message.text]
        sending.close()
    carrier.refresh_from_db()
    assert carrier.failing_since is None


def test_a_modem_without_a_network_fails_until_it_has_one(
    counter: Counter, carrier: Carrier, there: emulator.Modem
) -> None:
    """Also with nothing to send: somebody is to know before a tenant is not told."""
    there.registered = 2
    work(counter)
    carrier.refresh_from_db()
    assert (carrier.failing_since is not None, carrier.said) == (True, "the modem is in no network")
    assert carrier.health["registration"] == "searching"
    say(counter)
    work(counter, minutes=5)
    assert there.sent == []
    there.registered = 5
    look_again()
    work(counter, minutes=5)
    carrier.refresh_from_db()
    assert (carrier.failing_since, carrier.health["registration"], len(there.sent)) == (None, "roaming", 1)


def test_an_unplugged_modem_is_one_alarm_until_another_is_there(
    counter: Counter, carrier: Carrier, there: emulator.Modem
) -> None:
    def open_alarms() -> list[bool]:
        alarms.watch(now=counter.now)
        return [one.until is None for one in Alarm.objects.filter(kind="carrier")]

    work(counter)
    there.unplug()
    for minutes, found in ((0, []), (2, []), (2, [True]), (30, [True])):
        look_again()
        work(counter, minutes=minutes)
        assert open_alarms() == found
    with emulator.modem() as other:
        Carrier.objects.update(settings={"path": other.path, "baud": "115200"}, version=2)
        look_again()
        work(counter, minutes=2)
        assert open_alarms() == [False]
        sending.close()


def test_a_full_sim_is_emptied_and_the_message_goes(counter: Counter, carrier: Carrier, there: emulator.Modem) -> None:
    there.full = True
    message = say(counter)
    work(counter)
    assert texts(there) == [message.text]


def test_nobody_is_flooded(counter: Counter, carrier: Carrier, there: emulator.Modem) -> None:
    Rules.objects.update(per_hour=2, per_day=3)
    for number in range(6):
        say(counter, f"{number}", key=f"{number}")
    code = say(counter, key="code", kind="code", urgent=True)
    work(counter)
    work(counter)
    assert len(there.sent) == 3  # two, and the code
    code.refresh_from_db()
    assert code.state == State.SENT
    for _ in range(5):
        work(counter, hours=2)
    assert len(there.sent) == 4


def test_a_carrier_sends_so_many_a_minute(counter: Counter, carrier: Carrier, there: emulator.Modem) -> None:
    Carrier.objects.update(per_minute=2)
    for number in range(4):
        say(counter, f"{number}", key=f"{number}", phone=f"1380013800{number}")
    for _ in range(3):
        work(counter)
    assert len(there.sent) == 2
    work(counter, minutes=2)
    assert len(there.sent) == 4


def test_a_code_goes_before_everything_and_is_gone_afterwards(
    counter: Counter, carrier: Carrier, there: emulator.Modem
) -> None:
    say(counter)
    code = say(counter, kind="code", fields={"code": "482913", "minutes": "5"}, key="c", urgent=True)
    work(counter)
    assert ["482913" in text for text in texts(there)] == [True, False]
    code.refresh_from_db()
    assert (code.state, code.sealed) == (State.SENT, None)
    assert "482913" not in str(Message.objects.filter(pk=code.pk).values().get())


def test_what_came_too_late_is_not_sent(counter: Counter, carrier: Carrier, there: emulator.Modem) -> None:
    code = say(counter, kind="code", fields={"code": "482913"}, key="c", urgent=True)
    work(counter, minutes=6)
    code.refresh_from_db()
    assert (code.state, code.why, there.sent) == (State.EXPIRED, Why.TOO_LATE, [])


def test_the_second_modem_helps_when_the_first_does_not(counter: Counter, there: emulator.Modem) -> None:
    Rules.objects.create(per_hour=100, per_day=100)
    with emulator.modem() as spare:
        first, _second = made(counter, there, sort=1), made(counter, spare, sort=2)
        say(counter)
        work(counter)
        assert (len(there.sent), len(spare.sent)) == (1, 0)
        there.errors = [38]
        say(counter, "another", key="2")
        work(counter)
        work(counter, minutes=1)
        first.refresh_from_db()
        assert len(there.sent) + len(spare.sent) == 2
        sending.close()


def test_a_switched_off_carrier_lets_go_of_its_port(counter: Counter, carrier: Carrier, there: emulator.Modem) -> None:
    work(counter)
    assert carrier.pk in sending._lines
    Carrier.objects.update(on=False)
    say(counter)
    assert work(counter) == 0
    assert sending._lines == {}


def test_quiet_hours_hold_it_back(counter: Counter, carrier: Carrier, there: emulator.Modem) -> None:
    now = counter.later(hours=13)  # eleven in the evening
    say(counter, now=now)
    sending.work(now + timedelta(minutes=1))
    assert there.sent == []
    sending.work(now + timedelta(hours=9, minutes=1))
    assert len(there.sent) == 1
