"""报警升级: after its minutes, once, to the numbers of its building or of the site; not what somebody has in hand."""

from __future__ import annotations

from typing import Any

import pytest

from prewatt.domain.alarms import escalating, operations
from prewatt.domain.alarms.models import Alarm, Kind
from prewatt.domain.estate.models import Defaults
from prewatt.domain.notices.models import Message
from watching import Watching

FIRST, SECOND, OTHER = "13800138000", "13900139000", "13700137000"


@pytest.fixture(autouse=True)
def site(watching: Watching) -> Defaults:
    return Defaults.objects.create(building=None, escalate_phones=SECOND, escalate_after_min=20)


def alarm(watching: Watching, kind: Kind = Kind.RELAY, n: int = 0, **changes: Any) -> Alarm:
    counter = watching.counter
    facts: dict[str, Any] = {"meter": counter.meters[n], "building": counter.building}
    return Alarm.objects.create(kind=kind, since=counter.now, noticed_at=counter._now, **facts | changes)


def told() -> list[tuple[str, str]]:
    return [(one.to, one.text) for one in Message.objects.filter(kind="escalated").order_by("pk")]


def after(watching: Watching, **duration: int) -> int:
    watching.counter.later(**duration)
    return escalating.escalate(now=watching.counter._now)


def test_after_its_minutes_and_not_before(watching: Watching) -> None:
    alarm(watching)
    assert after(watching, minutes=19) == 0
    assert after(watching, minutes=1) == 1
    [(to, text)] = told()
    assert to == SECOND
    assert "已 20 分钟无人确认" in text
    assert "101 0300000000" in text


def test_once_however_often_it_is_looked(watching: Watching) -> None:
    row = alarm(watching)
    assert [after(watching, minutes=30) for _time in range(3)] == [1, 0, 0]
    assert len(told()) == 1
    row.refresh_from_db()
    assert row.escalated_at is not None


def test_an_episode_that_comes_back_is_not_passed_on_again(watching: Watching) -> None:
    row = alarm(watching)
    after(watching, minutes=30)
    Alarm.objects.filter(pk=row.pk).update(until=watching.counter.now)
    Alarm.objects.filter(pk=row.pk).update(until=None, times=2)
    assert after(watching, minutes=30) == 0


@pytest.mark.parametrize("what", ["acknowledged", "over"])
def test_what_somebody_has_in_hand_or_is_over_goes_to_nobody(watching: Watching, what: str) -> None:
    row = alarm(watching)
    if what == "over":
        Alarm.objects.update(until=watching.counter.now)
    else:
        counter = watching.counter
        operations.acknowledge(alarm_id=row.pk, note="在修", operator=counter.admin, now=counter.now)
    assert after(watching, hours=2) == 0
    assert told() == []


def test_many_of_a_kind_are_one_message(watching: Watching) -> None:
    for n in range(6):
        alarm(watching, n=n)
    assert after(watching, minutes=30) == 6
    assert [("共 6 处" in text) for _to, text in told()] == [True]


def test_a_building_has_its_own_person_and_its_own_patience(watching: Watching) -> None:
    Defaults.objects.create(building=watching.counter.building, escalate_phones=OTHER, escalate_after_min=60)
    alarm(watching)
    alarm(watching, Kind.GATEWAY, meter=None, gateway=watching.counter.gateway, building=None)
    assert after(watching, minutes=20) == 1
    assert [to for to, _text in told()] == [SECOND]
    assert after(watching, minutes=40) == 1
    assert [to for to, _text in told()] == [SECOND, OTHER]


def test_a_building_that_says_only_one_of_both_takes_the_other_from_the_site(watching: Watching) -> None:
    Defaults.objects.create(building=watching.counter.building, escalate_after_min=5)
    alarm(watching)
    assert after(watching, minutes=5) == 1
    assert [to for to, _text in told()] == [SECOND]


def test_a_building_may_have_nobody(watching: Watching) -> None:
    Defaults.objects.create(building=watching.counter.building, escalate_phones="")
    alarm(watching)
    assert after(watching, hours=5) == 0


def test_tenants_money_is_not_passed_on(watching: Watching) -> None:
    alarm(watching, Kind.OWE)
    assert after(watching, hours=5) == 0


def test_meters_behind_a_silent_gateway_are_not_named(watching: Watching) -> None:
    alarm(watching, Kind.GATEWAY, meter=None, gateway=watching.counter.gateway, building=None)
    for n in range(3):
        alarm(watching, Kind.LOST, n=n)
    assert after(watching, minutes=30) == 1
    assert ["gw-1" in text for _to, text in told()] == [True]


def test_without_a_number_nothing_is_marked_and_a_later_one_gets_it(watching: Watching, site: Defaults) -> None:
    Defaults.objects.update(escalate_phones="")
    alarm(watching)
    assert after(watching, hours=1) == 0
    Defaults.objects.update(escalate_phones=f"{FIRST},{SECOND}")
    assert after(watching, minutes=1) == 1
    assert [to for to, _text in told()] == [FIRST, SECOND]


@pytest.mark.parametrize("what", ["acknowledged", "over", "neither", "one of two"])
def test_what_waits_over_the_quiet_hours_is_taken_back_when_somebody_has_it_in_hand(
    watching: Watching, what: str
) -> None:
    watching.counter.later(hours=12)  # ten in the evening
    row = alarm(watching)
    if what == "one of two":
        alarm(watching, n=1)
    after(watching, minutes=30)
    counter = watching.counter
    if what == "over":
        Alarm.objects.update(until=counter.now)
    elif what != "neither":
        operations.acknowledge(alarm_id=row.pk, note="在修", operator=counter.admin, now=counter.now)
    after(watching, minutes=1)
    state = Message.objects.get(kind="escalated").state
    assert state == ("waiting" if what in ("neither", "one of two") else "expired")


def test_it_is_set_on_the_page_of_defaults(watching: Watching, client: Any) -> None:
    from django.urls import reverse

    client.force_login(watching.counter.admin)
    client.post(
        reverse("console:estate-defaults"), {"escalate_phones": f"{FIRST}，{OTHER}", "escalate_after_min": "15"}
    )
    kept = Defaults.objects.get(building=None)
    assert (kept.escalate_phones, kept.escalate_after_min) == (f"{FIRST},{OTHER}", 15)
    answer = client.post(reverse("console:estate-defaults"), {"escalate_after_min": "0"})
    assert answer.status_code == 422
