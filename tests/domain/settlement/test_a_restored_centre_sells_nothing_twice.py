"""The meter has purchases that the restored books have forgotten; new money must not be taken for one of them."""

from __future__ import annotations

import pytest

from counter import Counter
from prewatt.domain.audit.verify import verify
from prewatt.domain.dispatch.models import MeterOrder, Unseen
from prewatt.domain.dispatch.restores import restored, series_ending
from prewatt.domain.settlement import SecondPersonNeeded, compare_restored, decide
from prewatt.domain.vending.models import Sale


@pytest.fixture
def back(counter: Counter) -> Counter:
    """One sale is in the backup. Another of 100 yuan reached the meter after it, and is lost."""
    counter.opened()
    counter.sell("s1", "50")
    counter.arrive("s1")
    made_at = counter.now
    restored(backup_made_at=made_at, now=counter.later(hours=1))
    return counter


def read_lost(counter: Counter) -> None:
    counter.read_all(purchase_count=2, bought_fen=15_000, balance_fen=15_000)


def test_new_money_waits_until_the_meter_was_compared(back: Counter) -> None:
    back.sell("s2", "100")
    assert back.lease() == []
    assert compare_restored(now=back.now) == 0  # nobody has read it since
    back.read_all(purchase_count=1, bought_fen=5_000, balance_fen=5_000)
    assert compare_restored(now=back.now) == 1
    assert [one.order_id for one in back.lease()] == ["s2"]
    assert not Unseen.objects.exists()


def test_the_same_amount_again_is_not_taken_for_the_lost_sale(back: Counter) -> None:
    """Without this the gateway would find count 2 and 150 yuan, and call the new sale done without writing."""
    back.sell("s2", "100")
    read_lost(back)
    compare_restored(now=back.now)
    order = MeterOrder.objects.get(pk="s2")
    assert (order.state, order.reason, order.after["purchase_count"]) == ("unclear", "restored", 2)
    assert back.lease() == []
    assert Sale.objects.get(pk="s2").state == "unclear"


def test_the_lost_sale_is_entered_again_and_nothing_is_written_twice(back: Counter) -> None:
    back.sell("again", "100")  # with the tenant's paper in hand
    read_lost(back)
    compare_restored(now=back.now)
    decide(order_id="again", applied=True, operator=back.admin, reason="收据 S2026-000002", now=back.now)
    assert compare_restored(now=back.now) == 1
    assert not Unseen.objects.exists()
    assert verify().findings == []


def test_money_that_was_new_waits_in_the_wallet_and_the_lost_one_is_booked_in_the_open(back: Counter) -> None:
    back.sell("s2", "100")
    read_lost(back)
    compare_restored(now=back.now)
    asked = {"order_id": "s2", "applied": False, "operator": back.admin, "reason": "paper of the lost sale seen"}
    with pytest.raises(SecondPersonNeeded):
        decide(**asked, now=back.now)
    decide(**asked, second_person=back.second, now=back.now)
    compare_restored(now=back.now)
    assert back.wallet_fen() == 10_000
    assert verify().findings == []


def test_an_order_that_was_in_the_backup_goes_on_at_once(counter: Counter) -> None:
    counter.opened()
    counter.sell("s1", "50")
    restored(backup_made_at=counter.now, now=counter.later(hours=1))
    assert [one.order_id for one in counter.lease()] == ["s1"]
    counter.read_all(purchase_count=0, bought_fen=0, balance_fen=0)
    assert compare_restored(now=counter.now) == 0  # its own order is on the way
    counter.arrive("s1")
    assert compare_restored(now=counter.now) == 1  # the proof of its order is newer than the reading


def test_silent_meters_hold_nobody_up(counter: Counter) -> None:
    more = [counter.meter(f"0400{nth:06d}") for nth in range(3)]
    for meter in (*counter.meters, *more):
        counter.opened(meter)
    restored(backup_made_at=counter.now, now=counter.later(hours=1))
    counter.read_all(more[-1], purchase_count=0, bought_fen=0, balance_fen=0)
    assert compare_restored(now=counter.now, limit=1) == 1
    assert Unseen.objects.count() == 3


def test_a_difference_without_new_money_is_found_by_the_audit(back: Counter) -> None:
    read_lost(back)
    compare_restored(now=back.now)
    assert Unseen.objects.get().differs
    assert [one.check for one in verify().findings] == ["meters"]
    assert compare_restored(now=back.now) == 0  # no news


def test_receipts_go_on_in_a_series_of_their_own(back: Counter) -> None:
    sale = back.sell("s2", "10")
    ending = series_ending(back._now)
    assert Sale.objects.get(pk="s1").receipt == "S2026-000001"
    assert sale.receipt.startswith("S2026")
    assert len(sale.series) == 8
    assert sale.receipt.endswith("-000001")
    assert sale.series != "S2026"
    assert ending == sale.series[5:]
    assert [one for one in verify().findings if one.check == "receipts"] == []


def test_two_restores_a_quarter_of_an_hour_apart_share_no_series(counter: Counter) -> None:
    seen = {series_ending(counter.later(minutes=17)) for _ in range(400)}
    assert len(seen) == 400
    assert {len(one) for one in seen} == {3}
