"""A gateway that falls silent is one message, not nineteen; and who asked for a kind gets it where he asked."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from counter import Counter
from prewatt.domain.alarms import telling
from prewatt.domain.alarms.models import Alarm, Kind
from prewatt.domain.estate.models import Defaults
from prewatt.domain.notices.models import Carrier, CarrierKind, Door, Message

pytestmark = pytest.mark.django_db


@pytest.fixture
def tower() -> Counter:
    found = Counter(meters=8)
    Defaults.objects.create(building=None, alarm_phones="13800138000, 13900139000")
    return found


def carrier(tower: Counter, kind: CarrierKind, door: Door, **changes: Any) -> Carrier:
    facts: dict[str, Any] = {"name": kind, "form_id": kind, "created_at": tower.now, "alarms": ["gateway", "lost"]}
    return Carrier.objects.create(kind=kind, door=door, **facts | changes)


def lost(tower: Counter, meters: Any) -> list[Alarm]:
    facts = {"kind": Kind.LOST, "building": tower.building, "since": tower.now, "noticed_at": tower.now}
    return [Alarm.objects.create(meter=one, **facts) for one in meters]


def dark(tower: Counter) -> Alarm:
    return Alarm.objects.create(kind=Kind.GATEWAY, gateway=tower.gateway, since=tower.now, noticed_at=tower.now)


def test_many_of_one_moment_are_one_message_to_each(tower: Counter) -> None:
    group = carrier(tower, CarrierKind.WECOM, Door.GROUP)
    carrier(tower, CarrierKind.MAIL, Door.MAIL, settings={"recipients": "li@example.org, wu@example.org"})
    rows = lost(tower, tower.meters)
    telling.tell(rows, now=tower.now)
    assert sorted((one.door, one.to) for one in Message.objects.all()) == [
        ("group", ""),
        ("mail", "li@example.org"),
        ("mail", "wu@example.org"),
        ("text", "13800138000"),
        ("text", "13900139000"),
    ]
    said = Message.objects.get(door=Door.GROUP)
    assert said.only == group
    assert "失联" in said.text
    assert "共 8 处" in said.text
    assert "101 0300000000、" in said.text


def test_a_gateway_that_goes_dark_is_one_message_not_nineteen(tower: Counter) -> None:
    telling.tell([dark(tower)], now=tower.now)
    telling.tell(lost(tower, tower.meters), now=tower.now)
    assert [(one.to, "gw-1" in one.text) for one in Message.objects.order_by("to")] == [
        ("13800138000", True),
        ("13900139000", True),
    ]


def test_the_same_episode_is_told_once(tower: Counter) -> None:
    row = dark(tower)
    telling.tell([row], now=tower.now)
    telling.tell([row], now=tower.later(days=1))
    assert Message.objects.count() == 2  # two numbers
    again = Alarm.objects.create(
        kind=Kind.CLOCK, gateway=tower.gateway, since=tower.now + timedelta(days=1), noticed_at=tower.now
    )
    telling.tell([again], now=tower.now)
    assert Message.objects.count() == 2  # nobody asked for clocks


def test_a_buildings_own_numbers_go_before_the_sites(tower: Counter) -> None:
    Defaults.objects.create(building=tower.building, alarm_phones="13700137000")
    telling.tell(lost(tower, tower.meters[:1]), now=tower.now)
    assert [one.to for one in Message.objects.all()] == ["13700137000"]


def test_money_is_the_tenants_own_matter(tower: Counter) -> None:
    facts = {"building": tower.building, "since": tower.now, "noticed_at": tower.now}
    telling.tell([Alarm.objects.create(kind=Kind.AL1, meter=tower.meters[0], **facts)], now=tower.now)
    assert not Message.objects.exists()
