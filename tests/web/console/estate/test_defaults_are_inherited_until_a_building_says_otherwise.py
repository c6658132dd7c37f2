"""默认参数: shipped, site, building; new meters take them, standing ones keep theirs; gateways learn the interval."""

from __future__ import annotations

from typing import Any

import pytest

from counter import Counter

pytestmark = pytest.mark.django_db


def interval(counter: Counter) -> tuple[int, int | None, int]:
    """What the gateway is told: of the bus, of the meter; and in which version."""
    from prewatt.domain.estate.models import Gateway
    from prewatt.domain.estate.queries import gateway_config

    config = gateway_config(Gateway.objects.get(pk=counter.gateway.pk))
    return config.buses[0].sweep_s, config.meters[0].sweep_s, config.version


def test_a_building_goes_before_the_site_and_the_site_before_the_shipped(counter: Counter, engineer: Any) -> None:
    from prewatt.domain.estate import defaults

    engineer.post("/settings/defaults/", {"alarm1_fen": "80", "ceiling_fen": "1000", "price_flat_e4": "0.7263"})
    engineer.post(f"/settings/defaults/{counter.building.pk}/", {"alarm1_fen": "60.5"})
    of_building = defaults.effective(counter.building)
    assert (of_building["alarm1_fen"], of_building["ceiling_fen"], of_building["alarm2_fen"]) == (6050, 100_000, 2000)
    assert defaults.effective(None)["alarm1_fen"] == 8000
    text = engineer.get(f"/settings/defaults/{counter.building.pk}/").content.decode()
    assert 'value="60.50"' in text
    assert "Empty: 80.00, from the site" in text
    assert "Empty: 0.7263, from the site" in text


def test_new_meters_take_them_and_standing_ones_keep_theirs(counter: Counter, engineer: Any) -> None:
    from prewatt.domain.estate.operations import add_meter

    engineer.post(f"/settings/defaults/{counter.building.pk}/", {"alarm1_fen": "70", "price_peak_e4": "1.1"})
    made = add_meter(number="N", bus=counter.bus, unit=9, profile="acrel-dtsy1352-nk", room=counter.room)
    roomless = add_meter(number="O", bus=counter.bus, unit=10, profile="acrel-dtsy1352-nk")
    assert (made.alarm1_fen, made.price_peak_e4, roomless.alarm1_fen) == (7000, 11_000, 5000)
    counter.meters[0].refresh_from_db()
    assert counter.meters[0].alarm1_fen == 5000


def test_a_new_interval_reaches_the_gateways_that_it_concerns(counter: Counter, engineer: Any) -> None:
    from prewatt.domain.estate.models import Gateway

    assert interval(counter) == (1800, None, 1)
    engineer.post("/settings/defaults/", {"sweep_s": "900"})
    assert interval(counter) == (900, None, 2)
    engineer.post(f"/settings/defaults/{counter.building.pk}/", {"sweep_s": "600"})
    assert interval(counter) == (900, 600, 3)
    assert Gateway.objects.get(pk=counter.other_gateway.pk).config_version == 2  # it reads nothing in this building
    engineer.post(f"/settings/defaults/{counter.building.pk}/", {"sweep_s": "600", "alarm1_fen": "70"})
    assert interval(counter) == (900, 600, 3)


def test_a_bus_with_an_interval_of_its_own_keeps_it(counter: Counter, engineer: Any) -> None:
    type(counter.bus).objects.update(sweep_s=300)
    engineer.post("/settings/defaults/", {"sweep_s": "900"})
    engineer.post(f"/settings/defaults/{counter.building.pk}/", {"sweep_s": "600"})
    assert interval(counter)[:2] == (300, None)


def test_every_wrong_field_is_named_and_nothing_is_saved(counter: Counter, engineer: Any) -> None:
    from prewatt.domain.estate.models import Defaults

    wrong = {"alarm1_fen": "1.234", "sweep_s": "5", "alarm_phones": "1380000,12"}
    page = engineer.post("/settings/defaults/", wrong)
    text = page.content.decode()
    assert page.status_code == 422
    for said in ("not an amount in yuan", "from 60 to 86400", "up to ten telephone numbers", 'value="1.234"'):
        assert said in text
    assert "above alarm 1" in engineer.post("/settings/defaults/", {"alarm1_fen": "10"}).content.decode()
    assert not Defaults.objects.exists()


def test_a_change_is_logged_with_before_and_after(counter: Counter, engineer: Any) -> None:
    from prewatt.domain.staff.models import LogEntry

    engineer.post("/settings/defaults/", {"alarm1_fen": "80"})
    engineer.post("/settings/defaults/", {"alarm1_fen": "80"})
    line = LogEntry.objects.get(action="estate.defaults")
    assert (line.target, line.before, line.after) == ("site", {"alarm1_fen": None}, {"alarm1_fen": 8000})


def test_strangers_readers_and_people_of_one_building(counter: Counter, client: Any) -> None:
    path = f"/settings/defaults/{counter.building.pk}/"
    client.force_login(counter.stranger)
    assert client.get(path).status_code == 404
    assert client.post("/settings/defaults/", {"alarm1_fen": "80"}).status_code == 422
    client.force_login(counter.reader)
    assert client.get("/settings/defaults/").status_code == 403
    local = counter.person("local", "engineer", all_buildings=False)
    local.buildings.set([counter.building])
    client.force_login(local)
    assert client.post(path, {"alarm1_fen": "80"}).status_code == 302
