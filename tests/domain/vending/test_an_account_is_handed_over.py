from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from counter import Counter
from leavers import Leavers
from prewatt.domain.audit.verify import verify
from prewatt.domain.dispatch.queries import expected
from prewatt.domain.estate.models import Opening
from prewatt.domain.ledger import accounts
from prewatt.domain.ledger.queries import balance_fen
from prewatt.domain.vending.checks import ReadingTooOld
from prewatt.domain.vending.closing import ClosingIdTaken, OrdersUnderWay
from prewatt.domain.vending.handing import InArrears, SameCustomer
from prewatt.domain.vending.models import Refund, Sale
from prewatt.domain.vending.operations import hand_over
from prewatt.domain.vending.records import Closing, ClosingLine


@pytest.fixture
def leavers(counter: Counter) -> Leavers:
    leavers = Leavers(counter)
    leavers.account("100", used_fen=3_000)
    leavers.account("60")
    return leavers


def hand(leavers: Leavers, hand_id: str = "h1", **changes: Any) -> Closing:
    counter = leavers.counter
    asked: dict[str, Any] = {
        "hand_id": hand_id,
        "openings": list(Opening.objects.filter(closed_at__isnull=True).order_by("meter__number")),
        "to_customer": counter.other_customer(),
        "operator": counter.cashier,
        "now": counter.now,
    }
    return hand_over(**asked | changes)


def test_the_balance_goes_along_at_once_and_the_meters_know_nothing_of_it(leavers: Leavers) -> None:
    counter = leavers.counter
    openings = list(Opening.objects.order_by("pk"))
    act = hand(leavers, openings=openings)
    assert hand(leavers, openings=openings).pk == act.pk
    assert act.state == "done"
    assert not counter.lease()
    lines = list(ClosingLine.objects.order_by("code"))
    assert [(line.carried_fen, line.used_fen, line.back_fen) for line in lines] == [(7_000, 3_000, 0), (6_000, 0, 0)]
    later = [line.new_opening for line in lines if line.new_opening]
    assert [one.customer.name for one in later] == ["李四", "李四"]
    assert [counter.on_meter_fen(one) for one in later] == [7_000, 6_000]
    assert [counter.on_meter_fen(one) for one in openings] == [0, 0]
    assert verify().findings == []


def test_the_new_customer_buys_where_the_meter_stands(leavers: Leavers) -> None:
    """Purchase count and total bought go on as the meter shows them."""
    counter = leavers.counter
    hand(leavers)
    opening = Opening.objects.get(meter=counter.meters[0], closed_at__isnull=True)
    assert expected(opening.pk) == (0, leavers.holds[counter.meters[0].number]["bought_fen"])
    counter.sell("s9", "10")
    leavers.answer_all()
    assert Sale.objects.get(pk="s9").state == "arrived"
    assert Sale.objects.get(pk="s9").customer.name == "李四"
    assert verify().findings == []


def test_paid_back_the_new_account_begins_at_zero_with_its_power_decided_by_the_meter(leavers: Leavers) -> None:
    counter = leavers.counter
    drawer_fen = counter.drawer_fen()
    act = hand(leavers, settle="pay_back")
    assert act.state == "open"
    leavers.answer_all(rounds=3)
    assert "release" in [order.kind for order in counter.lease()]
    counter.later(minutes=2)
    leavers.answer_all()
    act.refresh_from_db()
    assert (act.state, drawer_fen - counter.drawer_fen()) == ("done", 13_000)
    assert {row.customer for row in Refund.objects.all()} == {counter.customer}
    later = Opening.objects.filter(closed_at__isnull=True)
    assert {(one.customer.name, counter.on_meter_fen(one), one.count_base) for one in later} == {("李四", 0, 1)}
    counter.sell("s9", "10")
    leavers.answer_all()
    assert Sale.objects.get(pk="s9").state == "arrived"
    assert verify().findings == []


def test_what_waits_in_the_wallet_stays_the_old_customers(leavers: Leavers) -> None:
    from prewatt.link.messages import Outcome

    counter = leavers.counter
    counter.sell("s1", "50")
    with pytest.raises(OrdersUnderWay):
        hand(leavers)
    counter.lease()
    counter.settle("s1", Outcome.REFUSED)
    hand(leavers)
    assert counter.wallet_fen() == 5_000
    assert balance_fen(accounts.wallet(counter.other_customer().pk)) == 0


def test_what_cannot_be_handed_over_is_refused(leavers: Leavers) -> None:
    counter = leavers.counter
    with pytest.raises(SameCustomer):
        hand(leavers, to_customer=counter.customer)
    with pytest.raises(ReadingTooOld):
        hand(leavers, now=counter.now + timedelta(minutes=16))
    leavers.use(counter.meters[0], 7_001)
    with pytest.raises(InArrears, match=r"0\.01"):
        hand(leavers)
    leavers.use(counter.meters[0], -1_000)
    hand(leavers)
    with pytest.raises(ClosingIdTaken):
        hand(leavers, to_customer=counter.customer)


@pytest.mark.parametrize("settle", ["carry", "pay_back"])
def test_whom_to_tell_is_for_the_new_customer_to_say(leavers: Leavers, settle: str) -> None:
    """The kind of use is the room's and stays."""
    counter = leavers.counter
    Opening.objects.update(use="商业", alarm1_notify=False, alarm2_notify=False, texts=False)
    hand(leavers, settle=settle)
    leavers.answer_all(rounds=3)
    counter.later(minutes=2)
    leavers.answer_all()
    later = Opening.objects.filter(customer=counter.other_customer())
    assert [(one.use, one.alarm1_notify, one.alarm2_notify, one.texts) for one in later] == [
        ("商业", True, True, True)
    ] * 2
