from __future__ import annotations

from typing import Any

import pytest

from counter import Counter
from prewatt.domain.dispatch.models import MeterOrder
from prewatt.domain.dispatch.queries import expected_bought_fen, expected_count
from prewatt.domain.estate.models import Opening
from prewatt.domain.ledger.models import Transfer
from prewatt.domain.vending import checks
from prewatt.domain.vending.models import Sale, SaleState
from prewatt.domain.vending.opening import AlreadyOpen, OpeningAboveCeiling, OpeningIdTaken
from prewatt.domain.vending.operations import open_account
from prewatt.link.messages import Outcome


def opened(counter: Counter, **changes: Any) -> Opening:
    asked: dict[str, Any] = {
        "opening_id": "o1",
        "meter": counter.meters[0],
        "customer": counter.customer,
        "first_amount": "100",
        "carried_in": "20",
        "tender": "cash",
        "operator": counter.cashier,
        "now": counter.now,
    }
    return open_account(**asked | changes)


def test_first_recharge_and_carried_in_arrive_together(counter: Counter) -> None:
    opening = opened(counter)
    (order,) = counter.lease()
    assert (order.kind, order.amount_fen, order.count) == ("open", 12_000, 0)
    counter.settle("o1", Outcome.DONE, purchase_count=0, balance_fen=12_000, bought_fen=512_000)
    opening.refresh_from_db()
    assert (counter.on_meter_fen(opening), counter.drawer_fen(), counter.wallet_fen()) == (12_000, 10_000, 0)
    assert (expected_count(opening), expected_bought_fen(opening)) == (0, 512_000)
    sale = Sale.objects.get()
    assert (sale.receipt, sale.state, sale.first) == ("S2026-000001", SaleState.ARRIVED, True)


def test_a_sale_meanwhile_queues_and_counts_from_the_meters_new_beginning(counter: Counter) -> None:
    opened(counter)
    counter.sell("s1", "50")
    assert MeterOrder.objects.get(pk="s1").count is None
    counter.lease()
    counter.settle("o1", Outcome.DONE, purchase_count=0, balance_fen=12_000, bought_fen=12_000)
    second = MeterOrder.objects.get(pk="s1")
    assert (second.count, second.bought_before_fen) == (1, 12_000)


def test_an_account_may_open_without_money(counter: Counter) -> None:
    opened(counter, first_amount=0, carried_in="0")
    assert (Sale.objects.count(), Transfer.objects.count()) == (0, 0)
    counter.arrive("o1")
    assert Opening.objects.get().closed_at is None


def test_the_same_opening_twice_is_once(counter: Counter) -> None:
    assert opened(counter).pk == opened(counter).pk
    assert (Opening.objects.count(), Sale.objects.count()) == (1, 1)
    with pytest.raises(OpeningIdTaken):
        opened(counter, first_amount="99")


def test_a_meter_has_one_open_account(counter: Counter) -> None:
    opened(counter)
    with pytest.raises(AlreadyOpen, match="Nothing was booked"):
        opened(counter, opening_id="o2")


def test_the_ceiling_counts_both(counter: Counter) -> None:
    with pytest.raises(OpeningAboveCeiling, match=r"1000.00"):
        opened(counter, first_amount="1000", carried_in="0.01")
    assert (Opening.objects.count(), Transfer.objects.count()) == (0, 0)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"first_amount": 100.0}, checks.FloatAmount),
        ({"first_amount": "-1"}, checks.NegativeAmount),
        ({"carried_in": "1.001"}, checks.TooManyDecimals),
        ({"tender": "shells"}, checks.UnknownTender),
    ],
)
def test_wrong_money_opens_nothing(counter: Counter, changes: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        opened(counter, **changes)
    assert Opening.objects.count() == 0


def test_a_refused_opening_closes_again_and_its_money_waits(counter: Counter) -> None:
    opened(counter)
    counter.lease()
    counter.settle("o1", Outcome.REFUSED, reason="above_ceiling")
    assert Opening.objects.get().closed_at is not None
    assert (Sale.objects.get().state, counter.wallet_fen()) == (SaleState.WAITING, 10_000)
    opened(counter, opening_id="o2")


def test_what_queues_behind_a_refused_opening_is_not_sent_to_a_meter_without_an_account(counter: Counter) -> None:
    opened(counter)
    counter.sell("s1", "50")
    counter.lease()
    counter.settle("o1", Outcome.REFUSED, reason="above_ceiling")
    assert counter.lease() == []
    assert set(Sale.objects.values_list("state", flat=True)) == {SaleState.WAITING}
    assert counter.wallet_fen() == 15_000
