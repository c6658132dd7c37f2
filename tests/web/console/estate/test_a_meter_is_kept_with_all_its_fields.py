"""仪表: every field, addresses once on a bus, ratios with a reason, and no meter taken from under an account."""

from __future__ import annotations

from typing import Any

import pytest

from counter import Counter

pytestmark = pytest.mark.django_db


def form(counter: Counter, **changes: str) -> dict[str, str]:
    return {
        "form_id": "m1",
        "number": "030001040A",
        "profile": "acrel-dtsy1352-nk",
        "bus": str(counter.bus.pk),
        "unit": "10",
        "address": "",
        "building": "A",
        "room": "101",
        "circuit": "1-104",
        "level": "2",
        "ct_ratio": "120",
        "pt_ratio": "100",
        "sweep_s": "",
        "allow": "manual,observed",
        "remark": "东侧",
        "active": "1",
        "alarm1_fen": "80",
    } | changes


def as_it_is(counter: Counter, **changes: str) -> dict[str, str]:
    """The form of the standing meter, as it is drawn."""
    meter = counter.meters[0]
    drawn = {
        "number": meter.number,
        "unit": str(meter.unit),
        "circuit": "",
        "level": "1",
        "ct_ratio": "1",
        "pt_ratio": "1",
    }
    return form(counter, **drawn, remark="") | changes


def test_a_new_meter_has_what_was_typed_and_the_rest_from_the_defaults(counter: Counter, engineer: Any) -> None:
    from prewatt.domain.estate.models import Meter

    page = engineer.post("/settings/meters/new/", form(counter))
    assert engineer.post("/settings/meters/new/", form(counter)).url == page.url
    made = Meter.objects.get(number="030001040A")
    assert (made.unit, made.ct_ratio, made.pt_ratio, made.level, made.remark) == (10, 120, 100, 2, "东侧")
    assert made.room == counter.room
    assert (made.alarm1_fen, made.alarm2_fen) == (8000, 2000)


def test_every_wrong_field_is_named_at_once_and_nothing_is_lost(counter: Counter, engineer: Any) -> None:
    from prewatt.domain.estate.models import Meter

    wrong = form(counter, unit="1", room="999", ct_ratio="0", number="")
    text = engineer.post("/settings/meters/new/", wrong).content.decode()
    assert "1 is the address of meter 0300000000 on this bus." in text
    assert "“999” is no room of building A." in text
    assert "from 1 to 10000" in text
    assert "is empty." in text
    assert 'value="东侧"' in text
    assert Meter.objects.count() == 1


def test_a_changed_ratio_of_a_meter_that_was_read_needs_a_reason_which_is_logged(
    counter: Counter, engineer: Any
) -> None:
    from prewatt.domain.staff.models import LogEntry

    meter = counter.meters[0]
    path = f"/settings/meters/{meter.pk}/"
    assert engineer.post(path, as_it_is(counter, ct_ratio="20")).status_code == 302  # never read yet
    counter.read(meter, energy_wh=1)
    page = engineer.post(path, as_it_is(counter, ct_ratio="20", pt_ratio="100"))
    assert page.status_code == 422
    assert "Say why the ratio changes" in page.content.decode()
    meter.refresh_from_db()
    assert meter.pt_ratio == 1
    engineer.post(path, as_it_is(counter, ct_ratio="20", pt_ratio="100", reason="PT built in"))
    meter.refresh_from_db()
    assert meter.ratio == 2000
    line = LogEntry.objects.filter(action="estate.meter").latest("pk")
    assert (line.before, line.after) == ({"pt_ratio": "1"}, {"pt_ratio": "100", "reason": "PT built in"})


def test_a_meter_with_an_open_account_stays_in_use(counter: Counter, engineer: Any) -> None:
    counter.opened(balance_fen=100)
    meter = counter.meters[0]
    page = engineer.post(f"/settings/meters/{meter.pk}/", as_it_is(counter, active=""))
    assert "has an open account" in page.content.decode()
    meter.refresh_from_db()
    assert meter.active


def test_a_number_that_was_sold_to_is_not_given_to_another(counter: Counter, engineer: Any) -> None:
    counter.opened(balance_fen=100)
    page = engineer.post(f"/settings/meters/{counter.meters[0].pk}/", as_it_is(counter, number="0399"))
    assert page.status_code == 422
    assert "under this number" in page.content.decode()


def test_the_gateway_learns_of_a_change_and_of_the_product_of_both_ratios(counter: Counter, engineer: Any) -> None:
    from prewatt.domain.estate.models import Gateway
    from prewatt.domain.estate.queries import gateway_config

    before = Gateway.objects.get(pk=counter.gateway.pk).config_version
    engineer.post(f"/settings/meters/{counter.meters[0].pk}/", as_it_is(counter, ct_ratio="20", pt_ratio="100"))
    config = gateway_config(Gateway.objects.get(pk=counter.gateway.pk))
    assert config.version == before + 1
    assert config.meters[0].ct_ratio == 2000


def test_the_list_shows_meters_out_of_use_too(counter: Counter, engineer: Any) -> None:
    type(counter.meters[0]).objects.update(active=False)
    rows = engineer.get("/settings/meters/?active=no").context["table"].rows()
    assert [row[0].text for row in rows] == ["0300000000"]
    assert engineer.get("/settings/meters/?active=yes").context["table"].rows() == []


def test_what_a_scan_found_stands_in_the_new_form(counter: Counter, engineer: Any) -> None:
    text = engineer.get(f"/settings/meters/new/?bus={counter.bus.pk}&unit=7&profile=dlt645-2007").content.decode()
    assert 'name="unit" value="7"' in text
    assert '<option value="dlt645-2007" selected>' in text
    free = engineer.get(f"/settings/meters/new/?bus={counter.bus.pk}").content.decode()
    assert 'name="unit" value="2"' in free


def test_strangers_and_readers(counter: Counter, client: Any) -> None:
    path = f"/settings/meters/{counter.meters[0].pk}/"
    client.force_login(counter.stranger)
    assert client.get(path).status_code == 404
    assert client.get("/settings/meters/").context["table"].rows() == []
    assert client.post("/settings/meters/new/", form(counter)).status_code == 422  # neither his bus nor his room
    client.force_login(counter.reader)
    assert client.get(path).status_code == 403
    assert client.get("/settings/meters/").status_code == 200
    assert client.get("/settings/meters/new/").status_code == 403
