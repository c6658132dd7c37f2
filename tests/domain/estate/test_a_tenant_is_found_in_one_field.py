from __future__ import annotations

import pytest

from domain.estate.tower import NOW, Tower
from prewatt.domain.estate.models import Opening
from prewatt.domain.estate.operations import initials
from prewatt.domain.estate.queries import SEARCH_RESULTS_MAX, search


def found(tower: Tower, text: str, **more: int) -> list[str]:
    return [meter.number for meter in search(text=text, operator=tower.manager, **more)]


@pytest.fixture
def filled(tower: Tower) -> Tower:
    tower.tenant(tower.meter("030001040A", "0402"), "K0042", "海风西餐厅", contact="周先生", phone="13800001234")
    tower.tenant(tower.meter("0300010412", "1806"), "K0043", "澜石设计工作室", phone="0756-3333333")
    tower.tenant(tower.meter("020304010A", "1807"), "K0044", "ABC 贸易 2")
    return tower


@pytest.mark.parametrize(
    ("typed", "number"),
    [
        ("0402", "030001040A"),  # room
        (" 0402 ", "030001040A"),
        ("海风", "030001040A"),  # name
        ("西餐", "030001040A"),
        ("周先生", "030001040A"),  # the person
        ("hfxct", "030001040A"),  # initials
        ("HFX", "030001040A"),
        ("hfxc", "030001040A"),
        ("1234", "030001040A"),  # part of the telephone number
        ("k0042", "030001040A"),  # user number
        ("030001040a", "030001040A"),  # meter number, letters either way
        ("lssj", "0300010412"),
        ("0756-3", "0300010412"),
        ("abcmy2", "020304010A"),
    ],
)
def test_by_whatever_the_cashier_knows(filled: Tower, typed: str, number: str) -> None:
    assert found(filled, typed) == [number]


@pytest.mark.parametrize("typed", ["", "   ", "nobody", "%", "_", "'; DROP TABLE estate_meter; --"])
def test_nothing_is_found_by_what_nobody_has(filled: Tower, typed: str) -> None:
    assert found(filled, typed) == []


def test_who_moved_out_is_not_found_by_name_any_more(filled: Tower) -> None:
    Opening.objects.filter(customer__number="K0042").update(closed_at=NOW)
    assert found(filled, "海风") == []
    assert found(filled, "0402") == ["030001040A"]


def test_the_exact_room_comes_first_even_among_hundreds_that_contain_it(tower: Tower) -> None:
    tower.bus.meters.all().delete()
    for n in range(120):
        tower.meter(f"m{n:04d}", f"{n:03d}-7", unit=n + 1)
    tower.meter("exact", "7", unit=200)
    tower.meter("begins", "7-1", unit=201)
    assert found(tower, "7", limit=2) == ["exact", "begins"]


def test_a_search_is_bounded(tower: Tower) -> None:
    for n in range(SEARCH_RESULTS_MAX + 10):
        tower.meter(f"m{n:04d}", f"9{n:03d}", unit=n + 1)
    assert len(found(tower, "9", limit=10_000)) == SEARCH_RESULTS_MAX
    assert found(tower, "9" * 10_000) == []


@pytest.mark.parametrize(
    ("name", "typed"),
    [("海风西餐厅", "hfxct"), ("ABC 贸易", "abcmy"), ("重庆小面", "cqxm"), ("7-11 便利店", "7-11bld"), ("", "")],
)
def test_initials_are_what_a_person_types(name: str, typed: str) -> None:
    assert initials(name) == typed
