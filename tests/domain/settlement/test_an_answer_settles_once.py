from __future__ import annotations

from typing import Any

import pytest

from counter import Counter
from prewatt.domain import settlement
from prewatt.domain.dispatch import queries as dispatch
from prewatt.domain.dispatch.models import Contradiction, MeterOrder
from prewatt.domain.dispatch.states import State
from prewatt.domain.estate.models import Opening
from prewatt.domain.ledger.models import Kind, Transfer
from prewatt.domain.settlement import Book, Settled, settle
from prewatt.domain.vending import operations as vending
from prewatt.domain.vending.checks import NoRight
from prewatt.domain.vending.models import Sale, SaleState
from prewatt.link.messages import Outcome


@pytest.fixture
def selling(counter: Counter) -> Counter:
    counter.opened()
    counter.sell("s1", "100")
    counter.lease()
    return counter


def facts(counter: Counter) -> tuple[Any, ...]:
    order, sale = MeterOrder.objects.get(pk="s1"), Sale.objects.get(pk="s1")
    return order.state, sale.state, counter.wallet_fen(), Transfer.objects.count()


@pytest.mark.parametrize(
    "outcome", [Outcome.DONE, Outcome.REFUSED, Outcome.UNCLEAR, Outcome.CANCELLED, Outcome.EXPIRED]
)
def test_the_same_answer_again_changes_nothing(selling: Counter, outcome: Outcome) -> None:
    answer = selling.answer("s1", outcome, purchase_count=1, bought_fen=10_000, balance_fen=10_000)
    assert settle(answer, gateway=selling.gateway, now=selling.now) == Settled.SETTLED
    after = facts(selling)
    for _ in range(3):
        assert settle(answer, gateway=selling.gateway, now=selling.now) == Settled.REPEATED
        assert facts(selling) == after


@pytest.mark.parametrize(
    ("outcome", "state", "sale_state", "in_wallet_fen"),
    [
        (Outcome.TAKEN, State.TAKEN, SaleState.PAID, 10_000),
        (Outcome.DONE, State.DONE, SaleState.ARRIVED, 0),
        (Outcome.REFUSED, State.REFUSED, SaleState.WAITING, 10_000),
        (Outcome.EXPIRED, State.EXPIRED, SaleState.WAITING, 10_000),
        (Outcome.CANCELLED, State.CANCELLED, SaleState.WAITING, 10_000),
        (Outcome.UNCLEAR, State.UNCLEAR, SaleState.UNCLEAR, 10_000),
    ],
)
def test_each_outcome_means_one_thing(
    selling: Counter, outcome: Outcome, state: State, sale_state: SaleState, in_wallet_fen: int
) -> None:
    assert selling.settle("s1", outcome, reason="because") == Settled.SETTLED
    assert facts(selling)[:3] == (state, sale_state, in_wallet_fen)


def test_the_answer_for_another_gateways_meter_is_refused_and_kept(selling: Counter) -> None:
    before = facts(selling)
    assert selling.settle("s1", Outcome.DONE, gateway=selling.other_gateway) == Settled.FOREIGN
    assert facts(selling) == before
    assert Contradiction.objects.get().why == "foreign_meter"


def test_the_answer_that_names_another_meter_is_refused_and_kept(selling: Counter) -> None:
    other = selling.meter("0300000099")
    before = facts(selling)
    assert selling.settle("s1", Outcome.DONE, meter=other) == Settled.FOREIGN
    assert facts(selling) == before


def test_an_answer_that_nobody_asked_for_is_kept_once(selling: Counter) -> None:
    for _ in range(3):
        assert selling.settle("who", Outcome.DONE) == Settled.UNKNOWN
    assert Contradiction.objects.count() == 1


def test_an_answer_to_an_order_that_was_never_given_out_moves_nothing(selling: Counter) -> None:
    selling.sell("s2", "50")  # queues behind s1, has no count
    assert selling.settle("s2", Outcome.DONE) == Settled.CONTRADICTS
    assert Sale.objects.get(pk="s2").state == SaleState.PAID


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (Outcome.DONE, Outcome.REFUSED),
        (Outcome.DONE, Outcome.CANCELLED),
        (Outcome.REFUSED, Outcome.DONE),
        (Outcome.CANCELLED, Outcome.DONE),
        (Outcome.EXPIRED, Outcome.DONE),
    ],
)
def test_the_first_settled_word_stands_and_the_other_is_kept_for_a_person(
    selling: Counter, first: Outcome, second: Outcome
) -> None:
    selling.settle("s1", first)
    before = facts(selling)
    assert selling.settle("s1", second) == Settled.CONTRADICTS
    assert facts(selling) == before
    kept = Contradiction.objects.get()
    assert (kept.order_ref, kept.outcome, kept.state) == ("s1", second.value, before[0])


def test_a_later_reading_may_prove_what_was_unclear(selling: Counter) -> None:
    selling.settle("s1", Outcome.UNCLEAR)
    assert selling.settle("s1", Outcome.DONE, purchase_count=1) == Settled.SETTLED
    assert facts(selling)[:3] == (State.DONE, SaleState.ARRIVED, 0)


def test_after_a_restore_an_answer_may_come_before_the_lease_is_remembered(counter: Counter) -> None:
    counter.opened()
    counter.sell("s1", "100")
    assert counter.settle("s1", Outcome.DONE, purchase_count=1) == Settled.SETTLED
    assert Sale.objects.get().state == SaleState.ARRIVED


class _NoKey(Book):
    """Known-bad: forgets what it has settled and books under a fresh key each time."""

    def moved(self, order: MeterOrder, following: State) -> bool:
        return False

    def confirm(self, order: MeterOrder, *, now: Any) -> None:
        from uuid import uuid4

        from prewatt.domain.ledger import operations as ledger

        pending = Transfer.objects.select_related("debit", "credit").get(key=f"order:{order.pk}", kind=Kind.PENDING)
        ledger.post(
            key=f"bad:{uuid4()}",
            cause=ledger.Cause("sale", order.pk),
            debit=ledger.Ref(pending.debit.code, pending.debit.owner),
            credit=ledger.Ref(pending.credit.code, pending.credit.owner),
            amount_fen=pending.amount_fen,
            at=now,
        )


def test_a_strategy_without_keys_pays_twice_and_the_audit_sees_it(
    selling: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    from prewatt.domain.audit.verify import verify

    monkeypatch.setattr(settlement, "BOOK", _NoKey())
    for _ in range(2):
        selling.settle("s1", Outcome.DONE, purchase_count=1, bought_fen=10_000, balance_fen=10_000)
    assert selling.wallet_fen() == -10_000
    assert not verify().ok


def test_a_count_torn_off_proven_money_is_followed(selling: Counter) -> None:
    """A meter whose count proves nothing lost power between balance and count: the money is there, the count is not."""
    selling.settle("s1", Outcome.DONE, purchase_count=0, bought_fen=10_000, balance_fen=10_000)
    opening = MeterOrder.objects.get(pk="s1").opening
    assert opening is not None
    assert dispatch.expected_count(opening) == 0
    assert [(one.delta, one.operator) for one in opening.count_corrections.all()] == [(-1, None)]
    selling.sell("s2", "50")
    assert MeterOrder.objects.get(pk="s2").count == 1


@pytest.mark.parametrize("outcome", [Outcome.CANCELLED, Outcome.REFUSED])
def test_a_count_that_went_ahead_without_its_money_is_followed(selling: Counter, outcome: Outcome) -> None:
    """The power went after the count was written and before the balance was: there is no money, and the count stays."""
    base_fen = Opening.objects.get().bought_base_fen
    selling.settle("s1", outcome, purchase_count=1, bought_fen=base_fen, balance_fen=0)
    opening = MeterOrder.objects.get(pk="s1").opening
    assert opening is not None
    assert [(one.delta, one.reason) for one in opening.count_corrections.all()] == [(1, "count_torn")]
    assert dispatch.expected_count(opening) == 1
    selling.sell("s2", "50")
    assert MeterOrder.objects.get(pk="s2").count == 2


def test_a_foreign_recharge_is_not_taken_for_a_torn_count(selling: Counter) -> None:
    base_fen = Opening.objects.get().bought_base_fen
    assert base_fen is not None
    selling.settle("s1", Outcome.REFUSED, purchase_count=1, bought_fen=base_fen + 7_700, balance_fen=7_700)
    assert not Opening.objects.get().count_corrections.exists()


def test_a_count_that_fits_is_left_alone(selling: Counter) -> None:
    selling.settle("s1", Outcome.DONE, purchase_count=1, bought_fen=10_000, balance_fen=10_000)
    opening = MeterOrder.objects.get(pk="s1").opening
    assert opening is not None
    assert not opening.count_corrections.exists()


@pytest.mark.parametrize("role", ["viewer", "cashier"])
def test_who_may_only_sell_does_not_take_back_a_refund_of_another(selling: Counter, role: str) -> None:
    selling.settle("s1", Outcome.DONE, purchase_count=1, bought_fen=10_000, balance_fen=10_000)
    selling.read(selling.meters[0], balance_fen=10_000, purchase_count=1, bought_fen=10_000)
    vending.refund(
        refund_id="r1", meter=selling.meters[0], amount="20", tender="cash", operator=selling.admin, now=selling.now
    )
    with pytest.raises(NoRight):
        settlement.cancel(order_id="r1", operator=selling.person(f"another-{role}", role), now=selling.now)
    assert MeterOrder.objects.get(pk="r1").state == State.QUEUED
