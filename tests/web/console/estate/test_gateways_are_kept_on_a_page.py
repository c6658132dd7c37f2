"""通讯管理机: registered, given buses, enrolled by a code that is shown once; foreign ones do not exist."""

from __future__ import annotations

import re
from typing import Any

import pytest

from counter import Counter

pytestmark = pytest.mark.django_db
URL = "rtu+tcp://10.0.0.9:4001?baud=9600"


def bus_form(**changes: str) -> dict[str, str]:
    return {"form_id": "b1", "code": "bus-9", "url": URL, "sweep_s": "", "status_s": "180"} | changes


def test_a_gateway_is_registered_once_however_often_the_form_comes(engineer: Any) -> None:
    from prewatt.domain.estate.models import Gateway
    from prewatt.domain.staff.models import LogEntry

    form = {"form_id": "g1", "code": "GW-07", "name": "弱电间", "suite": "sm4-gcm"}
    first = engineer.post("/settings/gateways/new/", form)
    again = engineer.post("/settings/gateways/new/", form)
    made = Gateway.objects.get(code="GW-07")
    assert first.url == again.url == f"/settings/gateways/{made.pk}/"
    assert (made.name, made.suite) == ("弱电间", "sm4-gcm")
    assert LogEntry.objects.filter(action="estate.gateway").count() == 1


def test_another_form_with_a_taken_code_comes_back_with_everything_typed(engineer: Any) -> None:
    page = engineer.post("/settings/gateways/new/", {"form_id": "g2", "code": "gw-1", "name": "十楼", "suite": ""})
    text = page.content.decode()
    assert page.status_code == 422
    assert "there is a gateway of this code already" in text
    assert 'value="十楼"' in text
    assert 'value="g2"' in text


def test_a_bus_takes_an_address_that_the_field_understands(counter: Counter, engineer: Any) -> None:
    from prewatt.domain.estate.models import Bus

    before = type(counter.gateway).objects.get(pk=counter.gateway.pk).config_version
    wrong = engineer.post(f"/settings/gateways/{counter.gateway.pk}/buses/new/", bus_form(url="http://10.0.0.9"))
    assert wrong.status_code == 422
    assert "is no bus address" in wrong.content.decode()
    engineer.post(f"/settings/gateways/{counter.gateway.pk}/buses/new/", bus_form())
    made = Bus.objects.get(code="bus-9")
    assert (made.url, made.sweep_s, made.status_s) == (URL, None, 180)
    assert type(counter.gateway).objects.get(pk=counter.gateway.pk).config_version == before + 1


def test_a_bus_with_meters_stays(counter: Counter, engineer: Any) -> None:
    page = engineer.post(f"/settings/buses/{counter.bus.pk}/remove/", follow=True)
    assert "Bus bus-1 has meters" in page.content.decode()
    assert type(counter.bus).objects.filter(pk=counter.bus.pk).exists()


def test_an_enrolment_code_is_shown_once_and_works(counter: Counter, engineer: Any) -> None:
    from prewatt.domain.estate import enrolment
    from prewatt.link.keys import normal_code

    path = f"/settings/gateways/{counter.gateway.pk}/code/"
    drawn = engineer.post(path, {"form_id": "c1"})
    text = drawn.content.decode()
    found = re.search(r'id="code">([0-9A-Z-]{23})<', text)
    assert found is not None
    assert f"prewatt gateway enrol --centre http://testserver --code {found[1]}" in text
    from django.utils import timezone

    usable = enrolment.usable_code(normal_code(found[1]), now=timezone.now())
    assert usable is not None
    assert usable.gateway == counter.gateway
    again = engineer.post(path, {"form_id": "c1"})
    assert again.status_code == 422
    assert found[1] not in again.content.decode()
    assert found[1] not in engineer.get(f"/settings/gateways/{counter.gateway.pk}/").content.decode()


def test_drawing_a_code_is_logged_without_the_code(counter: Counter, engineer: Any) -> None:
    from prewatt.domain.staff.models import LogEntry

    engineer.post(f"/settings/gateways/{counter.gateway.pk}/code/", {"form_id": "c1"})
    line = LogEntry.objects.get(action="estate.enrolment_code")
    assert line.target == "gateway gw-1"
    assert list(line.after) == ["expires_at"]


def test_the_list_counts_silent_meters_and_tells_what_was_told(counter: Counter, engineer: Any) -> None:
    from prewatt.domain.estate.models import GatewayEvent

    counter.read(counter.meters[0], lost=True)
    GatewayEvent.objects.create(gateway=counter.gateway, at=counter.now, code="meter_lost", meter_number="0300000000")
    table = engineer.get("/settings/gateways/").context["table"]
    row = table.rows()[0]
    assert [cell.text for cell in row[:6]] == ["gw-1", "", "not enrolled", "1", "1", "1"]
    events = engineer.get("/settings/gateways/events/?code=meter_lost").content.decode()
    assert "a meter stopped answering" in events
    assert "0300000000" in events


def test_a_stranger_finds_no_gateway_and_a_reader_cannot_change_one(counter: Counter, client: Any) -> None:
    client.force_login(counter.stranger)
    assert client.get("/settings/gateways/").context["table"].rows() == []
    for path in ("", "edit/", "buses/new/"):
        assert client.get(f"/settings/gateways/{counter.gateway.pk}/{path}").status_code == 404
    assert client.post(f"/settings/gateways/{counter.gateway.pk}/code/").status_code == 404
    assert client.get(f"/settings/buses/{counter.bus.pk}/").status_code == 404
    client.force_login(counter.reader)
    assert client.get(f"/settings/gateways/{counter.gateway.pk}/").status_code == 200
    assert client.get(f"/settings/gateways/{counter.gateway.pk}/edit/").status_code == 403
    assert client.post(f"/settings/gateways/{counter.gateway.pk}/code/").status_code == 403


def test_who_sees_only_a_part_of_its_meters_cannot_change_a_gateway(counter: Counter, client: Any) -> None:
    """His colleague's tenants hang on it, too."""
    from prewatt.domain.estate.models import Building, Floor, Meter, Room

    other = Building.objects.create(name="B座", code="B")
    room = Room.objects.create(floor=Floor.objects.create(building=other, number=1), number="1")
    Meter.objects.create(number="B1", unit=9, profile="acrel-dtsy1352-nk", bus=counter.bus, room=room)
    local = counter.person("local", "engineer", all_buildings=False)
    local.buildings.set([other])
    client.force_login(local)
    assert client.get(f"/settings/gateways/{counter.gateway.pk}/").context["gateway"].meter_count == 1
    page = client.post(f"/settings/gateways/{counter.gateway.pk}/edit/", {"form_id": "x", "name": "n", "suite": ""})
    assert page.status_code == 422
    assert "outside the buildings of local" in page.content.decode()
