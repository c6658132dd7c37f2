"""Sales, refunds and reversals as one list, with sums, within an operator's buildings."""

from __future__ import annotations

import pytest

from counter import Counter, yuan

pytestmark = pytest.mark.django_db


@pytest.fixture
def counter() -> Counter:
    one = Counter()
    one.opened(balance_fen=yuan("50"))
    return one


def listed(counter: Counter, who: object = None, **wanted: object) -> list[dict[str, object]]:
    from prewatt.domain.vending.movements import Wanted, movements

    return list(movements(operator=who or counter.admin, wanted=Wanted(**wanted)).order_by("-at", "key"))  # type: ignore[arg-type]


def test_each_kind_stands_signed_in_the_list(counter: Counter) -> None:
    from prewatt.domain.vending.operations import refund, reverse

    counter.sell("s1", "100")
    counter.arrive("s1")
    counter.sell("s2", "30")
    counter.arrive("s2")
    refund(refund_id="r1", meter=counter.meters[0], amount="20", tender="cash", operator=counter.admin, now=counter.now)
    counter.arrive("r1")
    reverse(reversal_id="c1", sale_id="s2", operator=counter.admin, now=counter.now)
    rows = listed(counter)
    assert [(row["what"], row["signed_fen"]) for row in rows] == [
        ("reversal", -3000),
        ("refund", -2000),
        ("sale", 3000),
        ("sale", 10000),
    ]
    assert rows[0]["sale_key"] == "s2"
    assert [row["key"] for row in listed(counter, what="refund")] == ["r1"]


def test_money_still_on_its_way_back_is_listed_but_not_summed(counter: Counter) -> None:
    from prewatt.domain.vending.movements import Wanted, sums
    from prewatt.domain.vending.operations import reverse

    sale = counter.sell("s1", "100")
    counter.arrive("s1")
    reverse(reversal_id="c1", sale_id="s1", operator=counter.admin, now=counter.now)
    today = {"first_day": sale.business_day, "last_day": sale.business_day}
    assert [row["what"] for row in listed(counter, **today)] == ["reversal", "sale"]
    assert sums(operator=counter.admin, wanted=Wanted(**today)).income_fen == yuan("100")
    counter.arrive("c1")
    assert sums(operator=counter.admin, wanted=Wanted(**today)).income_fen == 0


def test_a_stranger_of_another_building_sees_nothing(counter: Counter) -> None:
    from prewatt.domain.vending.movements import Wanted, sums

    counter.sell("s1", "100")
    assert listed(counter) != []
    assert listed(counter, counter.stranger) == []
    assert sums(operator=counter.stranger, wanted=Wanted()).count == 0


@pytest.mark.parametrize("text", ["101", "0300", "张三", "k0001", "S2026-000001"])
def test_the_text_finds_room_meter_tenant_number_and_receipt(counter: Counter, text: str) -> None:
    counter.sell("s1", "100")
    assert [row["key"] for row in listed(counter, text=text)] == ["s1"]
    assert listed(counter, text="nobody") == []


def test_a_seller_without_a_name_is_called_by_his_user_name(counter: Counter) -> None:
    counter.sell("s1", "100")
    assert listed(counter)[0]["seller"] == "cashier"
    counter.cashier.name = "林晓岚"
    counter.cashier.save()
    assert listed(counter)[0]["seller"] == "林晓岚"
