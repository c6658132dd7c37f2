from __future__ import annotations

from typing import Any

import pytest

from counter import Counter
from prewatt.domain.ledger.models import Transfer
from prewatt.domain.settlement import cancel
from prewatt.domain.vending import checks
from prewatt.domain.vending.models import BackState, Refund, Reversal, Sale, SaleState
from prewatt.domain.vending.operations import pay_out, refund, reverse
from prewatt.domain.vending.returning import (
    AlreadyReversed,
    MoreThanBalance,
    MoreThanBooked,
    NotArrived,
    RefundIdTaken,
    ReversalIdTaken,
)
from prewatt.domain.vending.selling import NotWaiting
from prewatt.link.messages import Outcome


@pytest.fixture
def sold(counter: Counter) -> Counter:
    """A hundred yuan on the meter."""
    counter.opened()
    counter.sell("s1", "100")
    counter.arrive("s1")
    return counter


def give_back(counter: Counter, amount: object = "30", **changes: Any) -> Refund:
    asked: dict[str, Any] = {
        "refund_id": "r1",
        "meter": counter.meters[0],
        "amount": amount,
        "tender": "cash",
        "operator": counter.admin,
        "now": counter.now,
    }
    return refund(**asked | changes)


def test_a_refund_pays_when_the_meter_has_confirmed(sold: Counter) -> None:
    row = give_back(sold)
    assert (row.state, row.receipt, sold.drawer_fen(), sold.wallet_fen()) == ("sending", "", 10_000, 0)
    sold.arrive("r1")
    row.refresh_from_db()
    assert (row.state, row.receipt, sold.drawer_fen(), sold.wallet_fen()) == ("done", "T2026-000001", 7_000, 0)


def test_a_refused_refund_pays_nothing_and_uses_no_number(sold: Counter) -> None:
    give_back(sold)
    sold.lease()
    sold.settle("r1", Outcome.REFUSED, reason="balance_too_small")
    row = Refund.objects.get()
    assert (row.state, row.reason, row.number) == (BackState.REFUSED, "balance_too_small", None)
    assert sold.drawer_fen() == 10_000
    give_back(sold, refund_id="r2")
    sold.arrive("r2")
    assert Refund.objects.get(pk="r2").receipt == "T2026-000001"


def test_the_same_refund_twice_is_once(sold: Counter) -> None:
    assert give_back(sold).pk == give_back(sold).pk
    assert Refund.objects.count() == 1
    for changed in ({"amount": "31"}, {"tender": "card"}):
        with pytest.raises(RefundIdTaken):
            give_back(sold, **changed)


def test_no_more_is_taken_back_than_the_meter_holds(sold: Counter) -> None:
    sold.read(sold.meters[0], balance_fen=4_000)
    with pytest.raises(MoreThanBalance, match=r"At most 40.00"):
        give_back(sold, "40.01")
    give_back(sold, "25")
    with pytest.raises(MoreThanBalance, match=r"At most 15.00"):
        give_back(sold, "15.01", refund_id="r2")


def test_money_of_unknown_origin_is_not_paid_out(sold: Counter) -> None:
    sold.read(sold.meters[0], balance_fen=50_000)
    with pytest.raises(MoreThanBooked, match=r"100.00"):
        give_back(sold, "100.01")


@pytest.mark.parametrize("lost", [True, False])
def test_a_refund_needs_a_fresh_look_at_the_meter(sold: Counter, lost: bool) -> None:
    sold.read(sold.meters[0], balance_fen=10_000, lost=lost)
    sold.later(minutes=0 if lost else 16)
    with pytest.raises(checks.ReadingTooOld, match="Read the meter"):
        give_back(sold)
    assert checks.ReadingTooOld.retry


def test_a_refund_needs_its_right(sold: Counter) -> None:
    with pytest.raises(checks.NoRight):
        give_back(sold, operator=sold.cashier)


def test_a_reversal_turns_the_whole_sale_round_and_is_linked_to_it(sold: Counter) -> None:
    reverse(reversal_id="v1", sale_id="s1", operator=sold.admin, now=sold.now)
    assert Sale.objects.get().state == SaleState.ARRIVED
    sold.arrive("v1")
    row = Reversal.objects.get()
    assert (row.state, row.receipt, row.sale_id, row.amount_fen) == ("done", "C2026-000001", "s1", 10_000)
    assert Sale.objects.get().state == SaleState.REVERSED
    assert (sold.drawer_fen(), sold.wallet_fen()) == (0, 0)


def test_a_sale_is_reversed_once(sold: Counter) -> None:
    first = reverse(reversal_id="v1", sale_id="s1", operator=sold.admin, now=sold.now)
    assert reverse(reversal_id="v1", sale_id="s1", operator=sold.admin, now=sold.now).pk == first.pk
    with pytest.raises(AlreadyReversed):
        reverse(reversal_id="v2", sale_id="s1", operator=sold.admin, now=sold.now)
    sold.arrive("v1")
    with pytest.raises(AlreadyReversed):
        reverse(reversal_id="v3", sale_id="s1", operator=sold.admin, now=sold.now)
    sold.sell("s2", "10")
    with pytest.raises(ReversalIdTaken):
        reverse(reversal_id="v1", sale_id="s2", operator=sold.admin, now=sold.now)


def test_a_refused_reversal_may_be_tried_again(sold: Counter) -> None:
    reverse(reversal_id="v1", sale_id="s1", operator=sold.admin, now=sold.now)
    sold.lease()
    sold.settle("v1", Outcome.REFUSED)
    reverse(reversal_id="v2", sale_id="s1", operator=sold.admin, now=sold.now)
    sold.arrive("v2")
    assert Sale.objects.get().state == SaleState.REVERSED


def test_a_sale_is_reversed_only_while_the_meter_still_holds_the_amount(sold: Counter) -> None:
    sold.read(sold.meters[0], balance_fen=9_999)
    with pytest.raises(MoreThanBalance):
        reverse(reversal_id="v1", sale_id="s1", operator=sold.admin, now=sold.now)


def test_a_sale_on_its_way_is_not_reversed_but_cancelled_first(counter: Counter) -> None:
    counter.opened()
    counter.sell("s1", "100")
    with pytest.raises(NotArrived, match="Cancel"):
        reverse(reversal_id="v1", sale_id="s1", operator=counter.admin, now=counter.now)
    cancel(order_id="s1", operator=counter.admin, now=counter.now)
    assert (Sale.objects.get().state, counter.wallet_fen()) == (SaleState.WAITING, 10_000)
    row = reverse(reversal_id="v1", sale_id="s1", operator=counter.admin, now=counter.now)
    assert (row.state, row.from_wallet, row.receipt) == ("done", True, "C2026-000001")
    assert (Sale.objects.get().state, counter.wallet_fen(), counter.drawer_fen()) == (SaleState.REVERSED, 0, 0)


def test_money_that_waits_in_the_wallet_is_paid_out_once(counter: Counter) -> None:
    counter.opened()
    counter.sell("s1", "100")
    cancel(order_id="s1", operator=counter.admin, now=counter.now)
    asked: dict[str, Any] = {"sale_id": "s1", "tender": "transfer", "operator": counter.admin, "now": counter.now}
    row = pay_out(refund_id="r1", **asked)
    assert pay_out(refund_id="r1", **asked).pk == row.pk
    assert (row.receipt, counter.wallet_fen(), counter.drawer_fen("transfer")) == ("T2026-000001", 0, -10_000)
    assert Sale.objects.get().state == SaleState.RETURNED
    booked = Transfer.objects.count()
    with pytest.raises(NotWaiting):
        pay_out(refund_id="r2", **asked)
    with pytest.raises(AlreadyReversed):
        reverse(reversal_id="v1", sale_id="s1", operator=counter.admin, now=counter.now)
    assert Transfer.objects.count() == booked


def test_what_arrived_cannot_be_paid_out_of_the_wallet(sold: Counter) -> None:
    with pytest.raises(NotWaiting):
        pay_out(refund_id="r1", sale_id="s1", tender="cash", operator=sold.admin, now=sold.now)
