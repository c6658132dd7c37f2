"""Each kind of alarm has its words, its figures, its steps and its ways on, on the list and on its own page."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse
from django.utils import translation
from django.utils.html import escape

from counter import Counter
from prewatt.domain.alarms.models import Alarm, Kind
from prewatt.domain.notices.models import Carrier
from prewatt.web.console.views import alarm_advice

pytestmark = pytest.mark.django_db

# What it is about, its facts, and what its line says in English.
CASES: dict[str, tuple[Kind, str, dict[str, Any], str]] = {
    "relay": (Kind.RELAY, "meter", {"detail": "stays_on", "value": 1}, "electricity flows"),
    "phase": (
        Kind.PHASE,
        "meter",
        {"detail": "b", "value": 12, "worst": 9, "threshold": 2201},
        "phase B at 0.9 V, the highest at 220.1 V",
    ),
    "riser": (Kind.PHASE, "bus", {"value": 4, "worst": 6}, "6 meters of this bus"),
    "books": (
        Kind.BOOKS,
        "meter",
        {"detail": "price", "value": 1250, "worst": 1250},
        "12.50 yuan between books and meter are not explained (price not on the meter)",
    ),
    "late": (
        Kind.PAYMENT,
        "meter",
        {"detail": "late", "value": 20_000},
        "200.00 yuan paid online are not",
    ),
    "kept": (Kind.PAYMENT, "meter", {"detail": "ceiling", "value": 20_000}, "above the ceiling of the meter"),
    "bill": (Kind.PAYMENT, "alipay", {"detail": "bill", "worst": 3}, "3 differences in its bills"),
    "silent": (Kind.PAYMENT, "wechat", {"detail": "silent", "worst": 1}, "It says nothing of 1 payment"),
    "person": (Kind.CARRIER, "carrier", {"detail": "person"}, "It waits for a person; messages wait. no SIM"),
    "nothing_out": (
        Kind.CARRIER,
        "carrier",
        {"detail": "nothing_out", "worst": 5},
        "5 messages in a row did not",
    ),
}


@pytest.fixture
def made(counter: Counter) -> dict[str, Alarm]:
    now = counter.now
    opening = counter.opened()
    carrier = Carrier.objects.create(name="GSM", kind="modem", door="text", form_id="c", created_at=now, said="no SIM")
    things = {"meter": counter.meters[0], "bus": counter.bus, "carrier": carrier}
    rows = {}
    for nth, (name, (kind, about, facts, _text)) in enumerate(CASES.items()):
        of = {about: things[about]} if about in things else {"channel": about}
        more = {"opening": opening} if about == "meter" else {}
        until = None if name not in ("late", "kept", "nothing_out") else now
        rows[name] = Alarm.objects.create(
            kind=kind, since=now, until=until, noticed_at=now, times=nth + 1, **of, **more, **facts
        )
    return rows


@pytest.mark.parametrize("name", CASES)
def test_its_page_says_it(client: Any, counter: Counter, made: dict[str, Alarm], name: str) -> None:
    client.force_login(counter.admin)
    client.cookies["django_language"] = "en"
    answer = client.get(reverse("console:alarm", args=[made[name].pk]))
    text = answer.content.decode()
    assert answer.status_code == 200
    assert CASES[name][3] in text
    with translation.override("en"):
        assert str(escape(alarm_advice.STEPS[CASES[name][0]][0])) in text


def test_the_lists_say_it(client: Any, counter: Counter, made: dict[str, Alarm]) -> None:
    client.force_login(counter.admin)
    client.cookies["django_language"] = "en"
    now = client.get(reverse("console:alarms")).content.decode()
    past = client.get(reverse("console:alarm-history"), {"from": "2026-06-01", "to": "2026-06-01"}).content.decode()
    for name, (_kind, _about, _facts, text) in CASES.items():
        assert text in past
        assert (text in now) is (made[name].until is None)
    assert "gw-1 bus-1" in now
    assert "Alipay" in now


def test_every_kind_has_its_steps() -> None:
    assert set(alarm_advice.STEPS) == set(Kind)


def test_ways_on_are_for_who_may_go_there(client: Any, counter: Counter, made: dict[str, Alarm]) -> None:
    where = reverse("console:carrier", args=[made["person"].carrier_id])
    for who, there in ((counter.admin, True), (counter.reader, False)):
        client.force_login(who)
        text = client.get(reverse("console:alarm", args=[made["person"].pk])).content.decode()
        assert (where in text) is there


@pytest.mark.parametrize("name", ["bill", "person"])
def test_what_is_the_whole_sites_is_not_there_for_who_sees_one_building(
    client: Any, counter: Counter, made: dict[str, Alarm], name: str
) -> None:
    counter.stranger.buildings.add(counter.building)
    client.force_login(counter.stranger)
    assert client.get(reverse("console:alarm", args=[made[name].pk])).status_code == 404
    assert client.get(reverse("console:alarm", args=[made["riser"].pk])).status_code == 200
