from __future__ import annotations

import pytest

from counter import Counter
from prewatt.domain.ledger.models import Transfer
from prewatt.domain.settlement import Settled
from prewatt.domain.vending.models import Sale, SaleState
from prewatt.domain.vending.operations import resend
from prewatt.domain.vending.queries import sale_progress
from prewatt.domain.vending.selling import NotWaiting, SaleIdTaken
from prewatt.link.messages import Outcome


def test_the_money_is_booked_at_once_and_arrives_when_the_meter_confirms(counter: Counter) -> None:
    opening = counter.opened()
    sale = counter.sell("s1", "100")
    assert (counter.drawer_fen(), counter.wallet_fen(), counter.on_meter_fen(opening)) == (10_000, 10_000, 0)
    assert sale.receipt == "S2026-000001"
    assert counter.arrive("s1") == Settled.SETTLED
    assert (counter.drawer_fen(), counter.wallet_fen(), counter.on_meter_fen(opening)) == (10_000, 0, 10_000)
    sale.refresh_from_db()
    assert sale.state == SaleState.ARRIVED


def test_a_second_click_finds_the_first_sale(counter: Counter) -> None:
    counter.opened()
    first = counter.sell("s1", "100")
    again = counter.sell("s1", "100.00")
    assert again.pk == first.pk
    assert (Sale.objects.count(), Transfer.objects.count(), counter.drawer_fen()) == (1, 2, 10_000)


@pytest.mark.parametrize("changed", [{"amount": "100.01"}, {"tender": "card"}, {"amount": 100.0}])
def test_the_same_id_with_other_content_is_refused_by_name(counter: Counter, changed: dict[str, object]) -> None:
    counter.opened()
    counter.sell("s1", "100")
    with pytest.raises(SaleIdTaken, match="S2026-000001"):
        counter.sell("s1", **changed)
    assert Transfer.objects.count() == 2


def test_the_same_id_for_another_meter_is_refused_by_name(counter: Counter) -> None:
    other = counter.meter("0300000099")
    counter.opened()
    counter.opened(other)
    counter.sell("s1", "100")
    with pytest.raises(SaleIdTaken):
        counter.sell("s1", "100", meter=other)
    assert Transfer.objects.count() == 2


def test_a_refused_recharge_leaves_the_money_in_the_wallet_to_be_sent_again(counter: Counter) -> None:
    opening = counter.opened()
    counter.sell("s1", "100")
    counter.lease()
    counter.settle("s1", Outcome.REFUSED, reason="above_ceiling")
    sale = Sale.objects.get(pk="s1")
    assert (sale.state, sale.reason) == (SaleState.WAITING, "above_ceiling")
    assert (counter.wallet_fen(), counter.on_meter_fen(opening)) == (10_000, 0)
    resend(order_id="o2", sale_id="s1", operator=counter.cashier, now=counter.now)
    resend(order_id="o2", sale_id="s1", operator=counter.cashier, now=counter.now)
    counter.arrive("o2")
    assert (counter.drawer_fen(), counter.wallet_fen(), counter.on_meter_fen(opening)) == (10_000, 0, 10_000)
    with pytest.raises(NotWaiting):
        resend(order_id="o3", sale_id="s1", operator=counter.cashier, now=counter.now)


def test_a_lost_meter_is_sold_to_and_the_page_says_that_the_order_waits(counter: Counter) -> None:
    counter.opened()
    counter.read(counter.meters[0], lost=True, balance_fen=0)
    counter.sell("s1", "100")
    progress = sale_progress("s1")
    assert progress.lost
    assert [(step.name, step.state) for step in progress.steps] == [
        ("paid", "done"),
        ("sending", "now"),
        ("arrived", "later"),
    ]
    assert progress.steps[1].reason == "meter_lost"


def test_the_steps_of_a_sale_follow_its_order(counter: Counter) -> None:
    counter.opened()
    counter.sell("s1", "100")
    counter.sell("s2", "50")
    behind = sale_progress("s2")
    assert (behind.ahead, behind.steps[1].state, behind.steps[1].reason) == (1, "later", "queued_behind")
    counter.lease()
    counter.settle("s1", Outcome.TAKEN)
    assert sale_progress("s1").steps[1].reason == "at_gateway"
    counter.arrive("s1")
    done = sale_progress("s1")
    assert done.ended
    assert [step.state for step in done.steps] == ["done", "done", "done"]
    assert sale_progress("s2").ahead == 0
