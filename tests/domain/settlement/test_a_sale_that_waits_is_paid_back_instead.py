"""A tenant does not want to wait for a lost meter: the order is cancelled with proof, then the money goes back."""

from __future__ import annotations

from typing import Any

import pytest

from counter import Counter
from prewatt.domain.dispatch.operations import OrderUnclear
from prewatt.domain.settlement import cancel, pay_back_instead
from prewatt.domain.vending.checks import NoRight
from prewatt.domain.vending.models import Sale, SaleState
from prewatt.domain.vending.operations import refund, resend, reverse
from prewatt.domain.vending.selling import NotWaiting
from prewatt.link.messages import Outcome


@pytest.fixture
def counter(db: None) -> Counter:
    one = Counter()
    one.opened()
    one.read(one.meters[0], lost=True, balance_fen=0)
    one.sell("s1", "100")
    return one


def back(counter: Counter, refund_id: str = "r1", **changes: Any) -> Any:
    asked = {"refund_id": refund_id, "sale_id": "s1", "tender": "cash", "operator": counter.admin, "now": counter.now}
    return pay_back_instead(**asked | changes)


def test_what_never_left_the_centre_is_paid_back_at_once(counter: Counter) -> None:
    row = back(counter)
    assert row.receipt == "T2026-000001"
    assert Sale.objects.get(pk="s1").state == SaleState.RETURNED
    assert (counter.drawer_fen(), counter.wallet_fen()) == (0, 0)
    assert back(counter) == row
    assert counter.drawer_fen() == 0


def test_what_a_gateway_has_must_be_proven_first(counter: Counter) -> None:
    counter.lease()
    assert back(counter) is None
    assert (Sale.objects.get(pk="s1").state, counter.drawer_fen()) == (SaleState.PAID, 10_000)
    counter.settle("s1", Outcome.CANCELLED, reason="cancelled")
    assert back(counter).amount_fen == 10_000
    assert counter.drawer_fen() == 0


def test_when_the_reading_shows_that_it_arrived_nothing_is_paid(counter: Counter) -> None:
    counter.lease()
    assert back(counter) is None
    counter.arrive("s1")
    with pytest.raises(NotWaiting):
        back(counter)
    assert counter.drawer_fen() == 10_000


def test_unclear_money_is_not_paid_back(counter: Counter) -> None:
    counter.lease()
    counter.settle("s1", Outcome.UNCLEAR, reason="unclear")
    with pytest.raises((OrderUnclear, NotWaiting)):
        back(counter)
    assert counter.drawer_fen() == 10_000


def test_a_cashier_without_the_right_to_refund_may_not(counter: Counter) -> None:
    with pytest.raises(NoRight):
        back(counter, operator=counter.cashier)
    assert Sale.objects.get(pk="s1").state == SaleState.PAID


def test_money_in_the_wallet_may_be_sent_again_instead(counter: Counter) -> None:
    cancel(order_id="s1", operator=counter.cashier, now=counter.now)
    resend(order_id="o2", sale_id="s1", operator=counter.cashier, now=counter.now)
    counter.arrive("o2")
    assert Sale.objects.get(pk="s1").state == SaleState.ARRIVED


def test_who_only_sells_takes_back_no_refund_and_no_reversal_of_another(counter: Counter) -> None:
    counter.arrive("s1")
    counter.read(counter.meters[0], balance_fen=10_000)
    refund(refund_id="r1", meter=counter.meters[0], amount="5", tender="cash", operator=counter.admin, now=counter.now)
    with pytest.raises(NoRight):
        cancel(order_id="r1", operator=counter.cashier, now=counter.now)
    counter.arrive("r1")
    counter.sell("s2", "1")
    counter.arrive("s2")
    reverse(reversal_id="c1", sale_id="s2", operator=counter.admin, now=counter.now)
    with pytest.raises(NoRight):
        cancel(order_id="c1", operator=counter.cashier, now=counter.now)
    assert cancel(order_id="c1", operator=counter.admin, now=counter.now).state == "cancelled"
