from __future__ import annotations

from datetime import timedelta

from counter import Counter
from prewatt.domain.dispatch.models import MeterOrder
from prewatt.domain.dispatch.operations import LAPSE_GRACE, SWITCH_VALID, expire, lease, place
from prewatt.domain.dispatch.states import State
from prewatt.domain.settlement import Settled
from prewatt.link.messages import Kind, Outcome


def state(order_id: str = "trip") -> str:
    return MeterOrder.objects.get(pk=order_id).state


def trip(counter: Counter, *, cause: str = "arrears") -> None:
    place(order_id="trip", meter=counter.meters[0], kind=Kind.SWITCH_OFF, cause=(cause, ""), now=counter.now)


def test_it_is_not_given_to_a_gateway_that_comes_too_late(counter: Counter) -> None:
    trip(counter)
    late = counter.now + SWITCH_VALID
    assert lease(gateway=counter.gateway, now=late) == []
    assert expire(now=late) == 1
    assert state() == State.EXPIRED


def test_it_carries_its_end_to_the_gateway(counter: Counter) -> None:
    trip(counter)
    (order,) = counter.lease()
    assert order.expires_at_ms == order.placed_at_ms + SWITCH_VALID.total_seconds() * 1000


def test_one_that_left_and_was_never_answered_lapses_after_some_grace(counter: Counter) -> None:
    trip(counter)
    counter.lease()
    end = MeterOrder.objects.get(pk="trip").expires_at
    assert end is not None
    assert expire(now=end + LAPSE_GRACE - timedelta(seconds=1)) == 0
    assert expire(now=end + LAPSE_GRACE) == 1
    assert counter.settle("trip", Outcome.DONE) == Settled.SETTLED
    assert state() == State.DONE  # the relay's own word is newer than our clock


def test_money_orders_never_expire(counter: Counter) -> None:
    counter.opened()
    counter.sell("s1", "100")
    assert expire(now=counter.now + timedelta(days=3650)) == 0
    assert state("s1") == State.QUEUED


def test_a_payment_stops_a_trip_for_arrears_that_has_not_left(counter: Counter) -> None:
    counter.opened()
    trip(counter)
    counter.sell("s1", "100")
    assert state() == State.CANCELLED
    assert [order.order_id for order in counter.lease()] == ["s1"]


def test_a_payment_recalls_a_trip_for_arrears_that_is_on_its_way(counter: Counter) -> None:
    counter.opened()
    trip(counter)
    counter.lease()
    counter.sell("s1", "100")
    assert [(order.order_id, order.cancel) for order in counter.lease()] == [("s1", False), ("trip", True)]
    counter.settle("trip", Outcome.CANCELLED)
    assert state() == State.CANCELLED


def test_a_payment_leaves_a_trip_that_an_operator_ordered(counter: Counter) -> None:
    counter.opened()
    trip(counter, cause="operator")
    counter.sell("s1", "100")
    assert state() == State.QUEUED


def test_a_payment_stops_the_one_for_arrears_beside_the_one_that_an_operator_ordered(counter: Counter) -> None:
    counter.opened()
    trip(counter)
    place(order_id="by hand", meter=counter.meters[0], kind=Kind.SWITCH_OFF, now=counter.now)
    counter.sell("s1", "100")
    assert (state("trip"), state("by hand")) == (State.CANCELLED, State.QUEUED)
