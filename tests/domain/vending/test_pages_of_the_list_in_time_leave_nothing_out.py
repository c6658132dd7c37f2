"""The list in the order of time is cut from the heads of its three kinds: together the pages are the whole list."""

from __future__ import annotations

import pytest

from counter import Counter, yuan
from prewatt.domain.vending import movements
from prewatt.domain.vending.movements import Wanted
from prewatt.domain.vending.operations import refund, reverse

pytestmark = pytest.mark.django_db
SALES = 6


@pytest.fixture
def busy(counter: Counter) -> Counter:
    """Several movements of every kind, some of them at the very same moment."""
    counter.opened(balance_fen=yuan("50"))
    for number in range(SALES):
        counter.sell(f"s{number}", "100")
        counter.arrive(f"s{number}")
        if number % 2:
            counter.later(minutes=1)
    meter, admin = counter.meters[0], counter.admin
    refund(refund_id="r1", meter=meter, amount="20", tender="cash", operator=admin, now=counter.now)
    counter.arrive("r1")
    reverse(reversal_id="c1", sale_id="s5", operator=admin, now=counter.now)
    counter.arrive("c1")
    counter.later(minutes=1)
    refund(refund_id="r2", meter=meter, amount="10", tender="cash", operator=admin, now=counter.now)
    counter.arrive("r2")
    return counter


def paged(counter: Counter, size: int, *, falling: bool, wanted: Wanted) -> list[str]:
    found: list[str] = []
    while True:
        rows = movements.by_time(operator=counter.admin, wanted=wanted, falling=falling)
        part = [str(row["key"]) for row in rows[len(found) : len(found) + size]]
        found += part
        if len(part) < size:
            return found


@pytest.mark.parametrize("falling", [True, False])
@pytest.mark.parametrize("size", [1, 2, 3, 5, 100])
@pytest.mark.parametrize("wanted", [Wanted(), Wanted(what="sale"), Wanted(what="refund"), Wanted(tender="cash")])
def test_every_movement_stands_on_one_page(busy: Counter, size: int, falling: bool, wanted: Wanted) -> None:
    keys = paged(busy, size, falling=falling, wanted=wanted)
    whole = list(movements.movements(operator=busy.admin, wanted=wanted))
    assert sorted(keys) == sorted(str(row["key"]) for row in whole)
    at = {str(row["key"]): row["at"] for row in whole}
    assert [at[key] for key in keys] == sorted((at[key] for key in keys), reverse=falling)


def test_a_page_far_behind_is_cut_from_the_whole_list(busy: Counter, monkeypatch: pytest.MonkeyPatch) -> None:
    near = movements.by_time(operator=busy.admin, wanted=Wanted(), falling=True)[2:6]
    monkeypatch.setattr(movements, "HEAD_MAX", 3)
    far = movements.by_time(operator=busy.admin, wanted=Wanted(), falling=True)[2:6]
    assert [row["at"] for row in far] == [row["at"] for row in near]


def test_nobody_without_the_building_is_shown_a_row(busy: Counter) -> None:
    stranger = busy.person("elsewhere", "finance", all_buildings=False)
    assert movements.by_time(operator=stranger, wanted=Wanted(), falling=True)[0:50] == []
