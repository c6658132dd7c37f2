from __future__ import annotations

import msgspec
import pytest
from django.db import IntegrityError, transaction

from domain.estate.tower import NOW, Tower
from prewatt.domain.estate import operations as estate
from prewatt.domain.estate.models import Bus, Gateway, Meter
from prewatt.domain.estate.queries import gateway_config
from prewatt.domain.staff.models import LogEntry
from prewatt.link.messages import Config


def version(tower: Tower) -> int:
    return Gateway.objects.get(pk=tower.gateway.pk).config_version


def test_the_configuration_is_its_own_part_of_the_estate(tower: Tower) -> None:
    other = estate.add_gateway(code="GW-B", buses=[("bus-1", "tcp://h:9")])
    estate.add_meter(number="9900000001", bus=Bus.objects.get(gateway=other), unit=1, profile="p")
    tower.meter("030001040A", unit=10, ct_ratio=120, allow=["manual"], options={"password": 1}, sweep_s=60)
    tower.meter("0300010401", unit=1, active=False)
    config = gateway_config(Gateway.objects.get(pk=tower.gateway.pk))
    assert [(bus.bus, bus.url) for bus in config.buses] == [("bus-1", "tcp://127.0.0.1:1"), ("bus-2", "tcp://h:2")]
    assert [msgspec.to_builtins(meter) for meter in config.meters] == [
        {
            "meter": "030001040A",
            "bus": "bus-1",
            "unit": 10,
            "profile": "acrel-dtsy1352-nk",
            "address": "",
            "ct_ratio": 120,
            "sweep_s": 60,
            "allow": ["manual"],
            "options": {"password": 1},
        }
    ]
    assert (config.gateway, config.version) == ("GW-A", version(tower))


@pytest.mark.parametrize("number", ["0300010401", "030001040A", "0000000000", "1E10", "0300010520"])
def test_a_meter_number_is_text_all_the_way(tower: Tower, number: str) -> None:
    tower.meter(number)
    config = gateway_config(tower.gateway)
    travelled = msgspec.msgpack.decode(msgspec.msgpack.encode(config), type=Config)
    assert [meter.meter for meter in travelled.meters] == [number]
    assert Meter.objects.get().number == number


def test_a_new_meter_and_a_change_that_concerns_the_gateway_are_fetched(tower: Tower) -> None:
    before = version(tower)
    meter = tower.meter("0300010401", "0101")
    assert version(tower) == before + 1
    estate.change_meter(meter=meter, operator=tower.manager, now=NOW, unit=7)
    assert version(tower) == before + 2


def test_a_change_that_does_not_concern_it_is_not(tower: Tower) -> None:
    meter = tower.meter("0300010401", "0101")
    before = version(tower)
    estate.change_meter(meter=meter, operator=tower.manager, now=NOW, remark="behind the lift")
    assert version(tower) == before


def test_a_meter_that_moves_to_another_gateway_is_news_for_both(tower: Tower) -> None:
    other = estate.add_gateway(code="GW-B", buses=[("bus-1", "tcp://h:9")])
    meter = tower.meter("0300010401")
    before = version(tower), other.config_version
    estate.change_meter(meter=meter, operator=tower.manager, now=NOW, bus=Bus.objects.get(gateway=other))
    other.refresh_from_db()
    assert (version(tower), other.config_version) == (before[0] + 1, before[1] + 1)


def test_a_change_is_logged_with_what_was_before(tower: Tower) -> None:
    meter = tower.meter("0300010401", ct_ratio=20)
    estate.change_meter(meter=meter, operator=tower.manager, now=NOW, ct_ratio=120)
    line = LogEntry.objects.get(action="estate.meter")
    assert (line.before, line.after, line.target) == ({"ct_ratio": "20"}, {"ct_ratio": "120"}, "meter 0300010401")


def test_two_active_meters_cannot_share_an_address_of_a_bus(tower: Tower) -> None:
    old = tower.meter("0300010401", unit=5)
    with pytest.raises(IntegrityError), transaction.atomic():
        tower.meter("0300010402", unit=5)
    elsewhere = Bus.objects.get(code="bus-2")
    estate.add_meter(number="0300010403", bus=elsewhere, unit=5, profile="p")
    estate.change_meter(meter=old, operator=tower.manager, now=NOW, active=False)
    tower.meter("0300010404", unit=5)
    assert Meter.objects.filter(unit=5).count() == 3


def test_dlt645_meters_share_a_unit_but_never_an_address(tower: Tower) -> None:
    tower.meter("0300010401", unit=1, address="000000000001")
    tower.meter("0300010402", unit=1, address="000000000002")
    with pytest.raises(IntegrityError), transaction.atomic():
        tower.meter("0300010403", unit=1, address="000000000002")
