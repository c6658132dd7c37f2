"""What the counter does with accounts, by a program: a new person with two meters, and all of them closed."""

from __future__ import annotations

from typing import Any

import pytest

from counter import Counter
from web.api.door import Program

PERSON = {"number": "K0153", "name": "海风西餐厅", "phone": "13800000000"}


@pytest.fixture
def program(counter: Counter) -> Program:
    counter.meters.append(counter.meter("0300010402"))
    for meter in counter.meters:
        counter.read_all(meter, balance_fen=0, purchase_count=0, bought_fen=0, energy_wh=0)
    return Program(counter.cashier)


def wanted(counter: Counter, **more: Any) -> dict[str, Any]:
    meters = [{"meter_id": one.pk, "first_amount_fen": 10_000, "alarm1_fen": 3000} for one in counter.meters]
    return {"person": PERSON, "tender": "cash", "meters": meters} | more


def openings() -> int:
    from prewatt.domain.estate.models import Opening

    return Opening.objects.count()


def test_a_new_person_with_two_meters_is_opened_once(counter: Counter, program: Program) -> None:
    from prewatt.domain.estate.models import Customer, Meter
    from prewatt.web.api.models import Answer

    first = program.send("/openings", wanted(counter), key="one-and-the-same")
    assert first.status_code == 200, first.content
    assert [one["customer"] for one in first.json()["items"]] == ["海风西餐厅"] * 2
    assert counter.drawer_fen() == 20_000
    assert set(Meter.objects.values_list("alarm1_fen", flat=True)) == {3000}
    Answer.objects.all().delete()  # also when the keys are lost
    again = program.send("/openings", wanted(counter), key="one-and-the-same")
    assert (again.json(), openings(), counter.drawer_fen()) == (first.json(), 2, 20_000)
    assert Customer.objects.filter(number="K0153").count() == 1


def test_one_meter_that_cannot_be_opened_leaves_all_closed(counter: Counter, program: Program) -> None:
    body = wanted(counter)
    body["meters"][1]["alarm2_fen"] = 9000  # above alarm 1
    refused = program.send("/openings", body)
    where = f"meters.{counter.meters[1].pk}.alarm2_fen"
    assert (refused.status_code, list(refused.json()["fields"])) == (422, [where])
    assert (openings(), counter.drawer_fen()) == (0, 0)


@pytest.mark.parametrize("whom", [{"person": None}, {"customer_id": 1}])
def test_a_customer_or_a_person_and_not_both(counter: Counter, program: Program, whom: dict[str, Any]) -> None:
    refused = program.send("/openings", wanted(counter, **whom))
    assert (refused.status_code, set(refused.json()["fields"])) == (422, {"customer_id", "person"})


def test_all_accounts_of_a_customer_are_closed_in_one_act(counter: Counter, program: Program) -> None:
    made = program.send("/openings", wanted(counter)).json()["items"]
    for account in made:
        order = program.get(f"/meters/{account['meter_id']}/orders").json()["items"]
        assert {one["kind"] for one in order} >= {"open"}
    refused = program.send(f"/customers/{made[0]['customer_id']}/close")
    assert (refused.status_code, refused.json()["code"]) == (409, "orders_under_way")  # its money is on its way
