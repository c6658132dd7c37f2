from __future__ import annotations

import pytest

from domain.estate.tower import Tower
from prewatt.domain.estate.models import Meter
from prewatt.domain.estate.queries import buildings, search


@pytest.fixture
def filled(tower: Tower) -> Tower:
    tower.tenant(tower.meter("0300010401", "0101"), "K1", "海风西餐厅")
    tower.tenant(tower.meter("0300010402", "0102", tower.b), "K2", "海风西餐厅分店")
    tower.meter("0300010403")  # a meter of no room: the building's own
    return tower


@pytest.mark.parametrize(
    ("who", "seen"),
    [
        ("manager", ["0300010401", "0300010402", "0300010403"]),
        ("of_a", ["0300010401"]),
        ("of_b", ["0300010402"]),
        ("stranger", []),
    ],
)
def test_meters(filled: Tower, who: str, seen: list[str]) -> None:
    operator = getattr(filled, who)
    assert [meter.number for meter in Meter.objects.for_operator(operator)] == seen


@pytest.mark.parametrize(
    ("who", "seen"),
    [("manager", ["0300010401", "0300010402"]), ("of_a", ["0300010401"]), ("of_b", ["0300010402"]), ("stranger", [])],
)
def test_what_is_found_by_a_tenants_name(filled: Tower, who: str, seen: list[str]) -> None:
    assert [meter.number for meter in search(text="海风", operator=getattr(filled, who))] == seen


@pytest.mark.parametrize(("who", "seen"), [("manager", ["A", "B"]), ("of_a", ["A"]), ("stranger", [])])
def test_buildings(filled: Tower, who: str, seen: list[str]) -> None:
    assert [building.code for building in buildings(operator=getattr(filled, who))] == seen


def test_somebody_with_both_buildings_sees_each_meter_once(filled: Tower) -> None:
    both = filled.person("both", filled.a, filled.b)
    assert [meter.number for meter in Meter.objects.for_operator(both)] == ["0300010401", "0300010402"]
