from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from counter import Counter
from prewatt.domain.dispatch.models import MeterOrder
from prewatt.domain.dispatch.operations import (
    LEASE,
    TAKEN_LEASE,
    OrderEnded,
    OrderIdTaken,
    OrderUnclear,
    cancel,
    lease,
    place,
)
from prewatt.domain.dispatch.queries import expected_bought_fen, expected_count, open_money_orders
from prewatt.domain.dispatch.states import State
from prewatt.link.messages import Kind, Outcome


def counts() -> list[tuple[str, int | None]]:
    return list(MeterOrder.objects.order_by("placed_at").values_list("id", "count"))


def test_a_second_sale_queues_behind_the_first_and_gets_its_count_when_its_turn_comes(counter: Counter) -> None:
    opening = counter.opened(count=6, bought_fen=30_000)
    for sale_id in ("s1", "s2", "s3"):
        counter.sell(sale_id, "100")
    assert counts() == [("s1", 7), ("s2", None), ("s3", None)]
    assert [order.order_id for order in counter.lease()] == ["s1"]
    counter.arrive("s1")
    assert counts() == [("s1", 7), ("s2", 8), ("s3", None)]
    second = MeterOrder.objects.get(pk="s2")
    assert second.bought_before_fen == 40_000
    counter.lease()
    counter.settle("s2", Outcome.REFUSED, reason="above_ceiling")
    assert counts() == [("s1", 7), ("s2", 8), ("s3", 8)]
    assert (expected_count(opening), expected_bought_fen(opening)) == (7, 40_000)


def test_the_database_itself_refuses_a_second_head(counter: Counter) -> None:
    counter.opened()
    counter.sell("s1", "100")
    counter.sell("s2", "100")
    with pytest.raises(IntegrityError), transaction.atomic():
        MeterOrder.objects.filter(pk="s2").update(count=2)


def test_an_unclear_order_holds_the_queue_until_a_person_has_decided(counter: Counter) -> None:
    counter.opened()
    counter.sell("s1", "100")
    counter.sell("s2", "100")
    counter.lease()
    counter.settle("s1", Outcome.UNCLEAR, purchase_count=3)
    assert counter.lease() == []
    assert counts() == [("s1", 1), ("s2", None)]
    assert [order.pk for order in open_money_orders(counter.meters[0])] == ["s1", "s2"]


def test_an_order_is_given_again_when_its_lease_is_over_and_not_before(counter: Counter) -> None:
    counter.opened()
    counter.sell("s1", "100")
    now = counter.now
    assert [order.order_id for order in lease(gateway=counter.gateway, now=now)] == ["s1"]
    assert lease(gateway=counter.gateway, now=now + LEASE - timedelta(seconds=1)) == []
    again = lease(gateway=counter.gateway, now=now + LEASE)
    assert [(order.order_id, order.count, order.amount_fen) for order in again] == [("s1", 1, 10_000)]


def test_a_gateway_that_took_an_order_is_reminded_rarely(counter: Counter) -> None:
    counter.opened()
    counter.sell("s1", "100")
    counter.lease()
    counter.settle("s1", Outcome.TAKEN)
    now = counter.now
    assert lease(gateway=counter.gateway, now=now + LEASE) == []
    assert len(lease(gateway=counter.gateway, now=now + TAKEN_LEASE)) == 1
    assert MeterOrder.objects.get(pk="s1").state == State.TAKEN


def test_a_gateway_gets_orders_for_its_own_meters_only(counter: Counter) -> None:
    counter.opened()
    counter.sell("s1", "100")
    assert lease(gateway=counter.other_gateway, now=counter.now) == []
    assert MeterOrder.objects.get(pk="s1").state == State.QUEUED


def test_money_goes_before_switching_and_both_before_prices(counter: Counter) -> None:
    counter.opened()
    for order_id, kind in (("p", Kind.PRICES), ("o", Kind.SWITCH_OFF)):
        place(order_id=order_id, meter=counter.meters[0], kind=kind, now=counter.now)
    counter.sell("s1", "100")
    assert [order.order_id for order in counter.lease()] == ["s1", "o", "p"]


def test_a_lease_gives_no_more_than_was_asked_for(counter: Counter) -> None:
    for number in range(5):
        place(order_id=f"o{number}", meter=counter.meters[0], kind=Kind.READ, now=counter.now)
    assert len(lease(gateway=counter.gateway, now=counter.now, limit=3)) == 3
    assert len(lease(gateway=counter.gateway, now=counter.now, limit=3)) == 2


def test_the_same_order_id_is_the_same_order(counter: Counter) -> None:
    meter = counter.meters[0]
    first = place(order_id="o", meter=meter, kind=Kind.SWITCH_ON, now=counter.now)
    assert place(order_id="o", meter=meter, kind=Kind.SWITCH_ON, now=counter.now) == first
    with pytest.raises(OrderIdTaken, match="nothing was placed"):
        place(order_id="o", meter=meter, kind=Kind.SWITCH_OFF, now=counter.now)


def test_cancelling_what_never_left_ends_it_and_cancelling_what_left_only_asks(counter: Counter) -> None:
    meter = counter.meters[0]
    place(order_id="o1", meter=meter, kind=Kind.SWITCH_OFF, now=counter.now)
    assert cancel(order_id="o1", now=counter.now).state == State.CANCELLED
    assert cancel(order_id="o1", now=counter.now).state == State.CANCELLED
    place(order_id="o2", meter=meter, kind=Kind.SWITCH_OFF, now=counter.now)
    assert [order.cancel for order in counter.lease()] == [False]
    assert cancel(order_id="o2", now=counter.now).state == State.LEASED
    assert [order.cancel for order in counter.lease()] == [True]
    counter.settle("o2", Outcome.DONE)
    with pytest.raises(OrderEnded, match="no money moved"):
        cancel(order_id="o2", now=counter.now)


def test_what_is_unclear_cannot_be_cancelled(counter: Counter) -> None:
    counter.opened()
    counter.sell("s1", "100")
    counter.lease()
    counter.settle("s1", Outcome.UNCLEAR)
    with pytest.raises(OrderUnclear, match="stays reserved"):
        cancel(order_id="s1", now=counter.now)
