"""The long poll: at once when orders wait, as soon as they come, and nothing held meanwhile."""

from __future__ import annotations

from typing import Any

from django.db import connection

from counter import Counter
from door import FieldGateway
from prewatt.domain.dispatch.operations import place
from prewatt.domain.estate.operations import bump_config
from prewatt.link.messages import Kind, OrdersRequest
from prewatt.web.fieldapi import operations


def _place(tower: Counter, clock: Any, order_id: str = "o1", meter: int = 0) -> None:
    place(order_id=order_id, meter=tower.meters[meter], kind=Kind.SWITCH_OFF, now=clock.now)


class Waiter:
    """Waits without waiting: counts the pauses, and lets something happen in one of them."""

    def __init__(self, at: int = -1, then: Any = None) -> None:
        self.pauses: list[float] = []
        self._at, self._then = at, then
        self.in_transaction = False

    def __call__(self, seconds: float) -> None:
        self.in_transaction = self.in_transaction or len(connection.savepoint_ids) > 0
        self.pauses.append(seconds)
        if len(self.pauses) == self._at:
            self._then()


def _ask(tower: Counter, clock: Any, waiter: Waiter, **changes: Any) -> Any:
    version = tower.gateway.config_version
    request = OrdersRequest(**{"sent_at_ms": clock.ms, "wait_s": 5, "config_version": version, **changes})
    return operations.orders(request, gateway=tower.gateway, clock=clock, pause=waiter)


def test_an_order_goes_through_the_door(tower: Counter, gateway: FieldGateway, clock: Any) -> None:
    _place(tower, clock)
    reply = gateway.orders(OrdersRequest(sent_at_ms=clock.ms, wait_s=0, config_version=gateway.config.version))
    assert [(order.order_id, order.meter, order.kind) for order in reply.orders] == [
        ("o1", tower.meters[0].number, Kind.SWITCH_OFF)
    ]


def test_what_waits_is_given_at_once(tower: Counter, clock: Any) -> None:
    _place(tower, clock)
    waiter = Waiter()
    assert len(_ask(tower, clock, waiter).orders) == 1
    assert waiter.pauses == []


def test_what_comes_is_given_when_it_comes(tower: Counter, clock: Any) -> None:
    waiter = Waiter(7, lambda: _place(tower, clock))
    assert len(_ask(tower, clock, waiter).orders) == 1
    assert len(waiter.pauses) == 7
    assert not waiter.in_transaction


def test_when_nothing_comes_the_wait_ends(tower: Counter, clock: Any) -> None:
    waiter = Waiter()
    assert _ask(tower, clock, waiter).orders == []
    assert round(sum(waiter.pauses), 6) == 5


def test_no_wait_is_longer_than_the_centre_allows(tower: Counter, clock: Any) -> None:
    waiter = Waiter()
    _ask(tower, clock, waiter, wait_s=10**9)
    assert round(sum(waiter.pauses), 6) == operations.WAIT_S_MAX


def test_a_new_configuration_ends_the_wait(tower: Counter, clock: Any) -> None:
    waiter = Waiter(3, lambda: bump_config([tower.gateway.pk]))
    reply = _ask(tower, clock, waiter)
    assert (reply.orders, reply.config_version) == ([], tower.gateway.config_version + 1)
    assert len(waiter.pauses) == 3


def test_another_gateway_sees_none_of_it(tower: Counter, clock: Any) -> None:
    _place(tower, clock)
    request = OrdersRequest(sent_at_ms=clock.ms, wait_s=0, config_version=tower.other_gateway.config_version)
    assert operations.orders(request, gateway=tower.other_gateway, clock=clock, pause=Waiter()).orders == []


def test_an_order_that_was_given_is_not_given_again_at_once(tower: Counter, clock: Any) -> None:
    _place(tower, clock)
    assert len(_ask(tower, clock, Waiter(), wait_s=0).orders) == 1
    assert _ask(tower, clock, Waiter(), wait_s=0).orders == []
