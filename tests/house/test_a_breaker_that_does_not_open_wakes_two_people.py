"""From a breaker that is welded in a simulated meter to the texts on two telephones, and to the end of the alarm.

The meter is switched off and wants its breaker open; the breaker stays. Its readings go in where a gateway's go in, the
worker's own passes do the rest, and libGammu decodes what the modem was given.
"""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest

import modem as emulator
from house.test_a_low_balance_becomes_a_message_on_a_telephone import BEGIN, GAMMU, Site, gammu, living_meter, there
from prewatt.sim.meter import Meter

pytestmark = pytest.mark.django_db
__all__ = ["there"]
FIRST, SECOND = "13900139000", "13700137000"


def welded() -> Meter:
    sound = living_meter()
    sound.memory.credit_fen = sound.memory.bought_fen = 90_000  # its tenant's money is not what this is about
    return Meter(msgspec.structs.replace(sound.spec, breaker="failed"), sound.load, sound.memory, now_ms=sound.at_ms)


@pytest.mark.skipif(GAMMU is None, reason="libGammu is not installed")
def test_a_breaker_that_does_not_open_wakes_two_people(there: emulator.Modem) -> None:
    from prewatt.domain.alarms import escalating
    from prewatt.domain.alarms.models import Alarm
    from prewatt.domain.estate.models import Defaults

    meter, site = welded(), Site(there.path)
    Defaults.objects.create(building=None, alarm_phones=FIRST, escalate_phones=SECOND, escalate_after_min=30)
    now = BEGIN + timedelta(minutes=1)
    site.turn(meter.values(round(now.timestamp() * 1000)), now)
    assert not Alarm.objects.exists()
    meter.apply("switch_off", {}, round(now.timestamp() * 1000))
    for minute in range(2, 62, 3):
        now = BEGIN + timedelta(minutes=minute)
        values = meter.values(round(now.timestamp() * 1000))
        assert (values["relay_command"], values["relay_closed"]) == (0, 1)
        site.turn(values, now)
        escalating.escalate(now=now)
    site.turn(values, now + timedelta(minutes=1))
    assert [(one.kind, one.detail, one.times) for one in Alarm.objects.all()] == [("relay", "stays_on", 1)]
    texts = [gammu(pdu) for pdu in there.sent]
    said = ["无人确认".encode("utf-16-be") in text for text in texts]
    to = [[phone for phone in (FIRST, SECOND) if phone.encode("utf-16-be") in text] for text in texts]
    assert all("开关不听命令".encode("utf-16-be") in text for text in texts)
    assert (said, to) == ([False, True], [[FIRST], [SECOND]])
    now += timedelta(minutes=5)
    site.turn(values | {"relay_closed": 0}, now)  # somebody went there
    assert [one.until for one in Alarm.objects.all()] == [now]
