from __future__ import annotations

from typing import Any

import pytest

from counter import Counter
from prewatt.domain.dispatch.models import Contradiction, CountCorrection, Decision, MeterOrder
from prewatt.domain.dispatch.queries import contradictions, expected_bought_fen, expected_count
from prewatt.domain.dispatch.states import State
from prewatt.domain.ledger import accounts
from prewatt.domain.ledger.models import Transfer
from prewatt.domain.ledger.queries import balance_fen
from prewatt.domain.settlement import (
    NotUnclear,
    ReasonNeeded,
    SecondPersonNeeded,
    Settled,
    accept_late,
    decide,
)
from prewatt.domain.vending.models import Sale, SaleState
from prewatt.link.messages import Outcome


@pytest.fixture
def unclear(counter: Counter) -> Counter:
    """The third order; somebody recharged by card meanwhile, so the count is one ahead and the total 20 yuan more."""
    counter.opened(count=2, bought_fen=20_000, balance_fen=3_000)
    counter.sell("s1", "100")
    counter.lease()
    return counter


def word(counter: Counter, *, applied: bool, **changes: Any) -> Decision:
    asked: dict[str, Any] = {
        "order_id": "s1",
        "operator": counter.admin,
        "reason": "两次读数都在",
        "now": counter.now,
    }
    return decide(applied=applied, **asked | changes)


def opening(counter: Counter) -> Any:
    return counter.meters[0].openings.get()


@pytest.mark.parametrize("applied", [True, False])
def test_the_word_moves_the_money_once(unclear: Counter, applied: bool) -> None:
    count, bought_fen = (3, 30_000) if applied else (2, 20_000)
    ended = (State.DONE, SaleState.ARRIVED, 0) if applied else (State.REFUSED, SaleState.WAITING, 10_000)
    unclear.settle("s1", Outcome.UNCLEAR, purchase_count=count, bought_fen=bought_fen)
    first = word(unclear, applied=applied)
    assert word(unclear, applied=applied).pk == first.pk
    order = MeterOrder.objects.get(pk="s1")
    assert (order.state, Sale.objects.get().state, unclear.wallet_fen()) == ended
    assert (CountCorrection.objects.count(), balance_fen(accounts.ADJUSTMENT)) == (0, 0)
    assert first.after == {"purchase_count": count, "bought_fen": bought_fen}
    with pytest.raises(NotUnclear):
        word(unclear, applied=not applied)


def test_a_count_that_differs_is_corrected_in_the_open_and_the_next_order_counts_from_there(unclear: Counter) -> None:
    unclear.sell("s2", "50")
    unclear.settle("s1", Outcome.UNCLEAR, purchase_count=5, bought_fen=30_000)
    word(unclear, applied=True)
    correction = CountCorrection.objects.get()
    assert (correction.delta, correction.reason, correction.operator) == (2, "两次读数都在", unclear.admin)
    assert expected_count(opening(unclear)) == 5
    assert opening(unclear).count_base == 2
    assert MeterOrder.objects.get(pk="s2").count == 6


def test_money_that_differs_is_adjusted_with_a_second_person_only(unclear: Counter) -> None:
    unclear.settle("s1", Outcome.UNCLEAR, purchase_count=3, bought_fen=22_500)
    booked = Transfer.objects.count()
    for second in (None, unclear.admin):
        with pytest.raises(SecondPersonNeeded, match="-7500"):
            word(unclear, applied=True, second_person=second)
        assert (Transfer.objects.count(), MeterOrder.objects.get(pk="s1").state) == (booked, State.UNCLEAR)
    word(unclear, applied=True, second_person=unclear.second)
    assert balance_fen(accounts.ADJUSTMENT) == 7_500
    assert expected_bought_fen(opening(unclear)) == 22_500


def test_a_decision_needs_a_reason(unclear: Counter) -> None:
    unclear.settle("s1", Outcome.UNCLEAR)
    with pytest.raises(ReasonNeeded):
        word(unclear, applied=True, reason="  ")


def test_only_what_is_unclear_is_decided(unclear: Counter) -> None:
    with pytest.raises(NotUnclear, match="nothing to decide"):
        word(unclear, applied=True)


def test_a_late_answer_that_agrees_with_the_decision_changes_nothing(unclear: Counter) -> None:
    unclear.settle("s1", Outcome.UNCLEAR, purchase_count=3, bought_fen=30_000)
    word(unclear, applied=True)
    booked = Transfer.objects.count()
    assert unclear.settle("s1", Outcome.DONE, purchase_count=3) == Settled.REPEATED
    assert (Transfer.objects.count(), Contradiction.objects.count()) == (booked, 0)


def test_a_late_done_after_the_decision_not_applied_is_loud_and_never_double(unclear: Counter) -> None:
    unclear.settle("s1", Outcome.UNCLEAR, purchase_count=2, bought_fen=20_000)
    word(unclear, applied=False)
    assert unclear.settle("s1", Outcome.DONE, purchase_count=3, bought_fen=30_000) == Settled.CONTRADICTS
    assert unclear.wallet_fen() == 10_000
    (kept,) = contradictions()
    asked: dict[str, Any] = {
        "contradiction_id": kept.pk,
        "operator": unclear.admin,
        "second_person": unclear.second,
        "reason": "电表上确有这笔钱",
        "now": unclear.now,
    }
    for _ in range(2):
        accept_late(**asked)
    assert (unclear.wallet_fen(), unclear.on_meter_fen(opening(unclear))) == (0, 10_000)
    assert (expected_count(opening(unclear)), expected_bought_fen(opening(unclear))) == (3, 30_000)
    assert balance_fen(accounts.ADJUSTMENT) == 0
    assert not contradictions()


def test_a_late_done_whose_money_has_left_the_wallet_is_an_adjustment(unclear: Counter) -> None:
    from prewatt.domain.vending.operations import pay_out

    unclear.settle("s1", Outcome.UNCLEAR, purchase_count=2, bought_fen=20_000)
    word(unclear, applied=False)
    pay_out(refund_id="r1", sale_id="s1", tender="cash", operator=unclear.admin, now=unclear.now)
    unclear.settle("s1", Outcome.DONE, purchase_count=3, bought_fen=30_000)
    (kept,) = contradictions()
    accept_late(
        contradiction_id=kept.pk,
        operator=unclear.admin,
        second_person=unclear.second,
        reason="已退现金，表上也有",
        now=unclear.now,
    )
    assert (unclear.wallet_fen(), balance_fen(accounts.ADJUSTMENT)) == (0, -10_000)
    assert expected_bought_fen(opening(unclear)) == 30_000


def test_only_who_may_decide_decides(unclear: Counter) -> None:
    from prewatt.domain.vending.checks import NoRight, OutOfScope

    unclear.settle("s1", Outcome.UNCLEAR)
    with pytest.raises(NoRight):
        word(unclear, applied=True, operator=unclear.cashier)
    with pytest.raises(OutOfScope):
        word(unclear, applied=True, operator=unclear.stranger)
