"""Sixty days of money through the real operations: accounts opened, electricity sold, meters switched, alarms noticed.

Each purchase of a meter's life (`past.py`) is asked for by the operation that the counter calls, leased as a gateway
leases it, and settled with the answer that the meter's own readings prove. The operation numbers the order; should that
number ever differ from the meter's, the run stops: ledger and meter must tell one story.

Alarms are not made here: where a meter's credit had fallen to a limit, or its line went down or came back, the looks
and the health that a gateway sends are recorded, and the worker's own watch is asked some seconds later.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import msgspec
from django.db import transaction

from prewatt.domain import settlement
from prewatt.domain.alarms import operations as alarms
from prewatt.domain.alarms.models import Alarm
from prewatt.domain.alarms.models import Kind as AlarmKind
from prewatt.domain.dispatch import operations as dispatch
from prewatt.domain.estate.models import Customer, Gateway, Meter
from prewatt.domain.metering import operations as metering
from prewatt.domain.metering.operations import LOST_AFTER_S
from prewatt.domain.staff.models import Operator
from prewatt.domain.vending import operations as vending
from prewatt.link.messages import Answer, Kind, MeterHealth, Order, Outcome, Reading
from prewatt.server.demo import days, estate, tower
from prewatt.server.demo.past import Life, Purchase, Switched
from prewatt.units.values import Money

WATCHED_AFTER_MS = 8_000  # the worker looks for alarms every fifteen seconds
PER_TRANSACTION = 20  # few enough that the console's own writes never wait long
_TENDERS = ("wechat", "alipay", "cash", "card", "wechat", "transfer")


class TwoStories(RuntimeError):
    """The centre's order and the meter's life differ. The demo's data folder is of no use; start with --fresh."""


class Down(msgspec.Struct, frozen=True):
    """The gateway gave a meter up."""

    at_ms: int
    heard_ms: int


class Back(msgspec.Struct, frozen=True):
    """It answers again, and was looked at."""

    at_ms: int
    reading: Reading


class Low(msgspec.Struct, frozen=True):
    """A look at a meter whose credit had just fallen to a limit."""

    at_ms: int
    reading: Reading


What = Purchase | Switched | Down | Back | Low


class _Happening(NamedTuple):
    at_ms: int
    room: int
    what: What


class _People(NamedTuple):
    gateway: Gateway
    cashier: Operator
    manager: Operator
    engineer: Operator


def replay(lives: list[Life], *, progress: Callable[[int, int], None]) -> None:
    """Everything in the order in which it happened. Raises TwoStories."""
    people = _People(
        Gateway.objects.get(code=estate.GATEWAY),
        Operator.objects.get(username="cashier"),
        Operator.objects.get(username="manager"),
        Operator.objects.get(username="engineer"),
    )
    meters = {meter.number: meter for meter in Meter.objects.select_related("bus")}
    customers = {customer.number: customer for customer in Customer.objects.all()}
    happenings = sorted(_happenings(lives), key=lambda one: one[:2])
    for start in range(0, len(happenings), PER_TRANSACTION):
        with transaction.atomic():
            for one in happenings[start : start + PER_TRANSACTION]:
                plan = tower.rooms()[one.room]
                _happen(one.what, plan, meters[plan.meter], customers[plan.customer], people)
        progress(min(start + PER_TRANSACTION, len(happenings)), len(happenings))


def _happen(what: What, plan: tower.RoomPlan, meter: Meter, customer: Customer, people: _People) -> None:
    if isinstance(what, Purchase):
        _buy(what, plan, meter, customer, people)
        if what.count and what.before["balance_fen"] <= tower.ALARM1_FEN:
            _watch(what.at_ms)
    elif isinstance(what, Switched):
        _switch(what, meter, people)
    elif isinstance(what, Down):
        _down(what, meter, people)
    else:
        metering.record_readings([what.reading], gateway=people.gateway, now=_time(what.at_ms))
        if isinstance(what, Back):
            health = MeterHealth(meter=meter.number, lost=False, last_answer_at_ms=what.at_ms)
            metering.record_health([health], gateway=people.gateway, now=_time(what.at_ms))
        _watch(what.at_ms)


def _happenings(lives: list[Life]) -> Iterator[_Happening]:
    for life in lives:
        all_of_it: list[What] = [*life.purchases, *life.switched]
        all_of_it += [Low(look.taken_at_ms, look) for look in life.lows]
        for outage in life.outages:
            all_of_it += [Down(outage.from_ms + LOST_AFTER_S * 1000, outage.from_ms), _back(life, outage.until_ms)]
        yield from (_Happening(one.at_ms, life.index, one) for one in all_of_it)


def _back(life: Life, at_ms: int) -> Back:
    values = days.values_at(life, at_ms)
    return Back(at_ms, Reading(meter=tower.rooms()[life.index].meter, taken_at_ms=at_ms, values=values))


def _down(down: Down, meter: Meter, people: _People) -> None:
    """The engineer on duty sees it after a while and says what he does about it."""
    health = MeterHealth(meter=meter.number, lost=True, last_answer_at_ms=down.heard_ms, last_error="no_answer")
    metering.record_health([health], gateway=people.gateway, now=_time(down.at_ms))
    _watch(down.at_ms)
    alarm = Alarm.objects.get(meter=meter, kind=AlarmKind.LOST, until=None)
    seen_at = _time(down.at_ms + 9 * 60_000)
    alarms.acknowledge(alarm_id=alarm.pk, note="已派人查看弱电间接线", operator=people.engineer, now=seen_at)


def _watch(at_ms: int) -> None:
    alarms.watch(now=_time(at_ms + WATCHED_AFTER_MS))


def last_look(lives: list[Life]) -> None:
    """Each meter as it stands where its past ends, and which ones do not answer any more."""
    gateway = Gateway.objects.get(code=estate.GATEWAY)
    looks, lost = [], []
    for life in lives:
        number, at_ms = tower.rooms()[life.index].meter, life.silent_from_ms or life.end_ms
        looks.append(Reading(meter=number, taken_at_ms=at_ms, values=days.values_at(life, at_ms)))
        if life.silent_from_ms:
            lost.append(MeterHealth(meter=number, lost=True, last_answer_at_ms=at_ms, last_error="no_answer"))
    now = _time(lives[0].end_ms)
    metering.record_readings(looks, gateway=gateway, now=now)
    metering.record_health(lost, gateway=gateway, now=now)
    alarms.watch(now=now)


def _seen(at_ms: int, meter: Meter, values: dict[str, int], people: _People) -> None:
    """The gateway looked at the meter's money, shortly before a purchase or to prove it."""
    reading = Reading(meter=meter.number, taken_at_ms=at_ms, values=values)
    metering.record_readings([reading], gateway=people.gateway, now=_time(at_ms))


def _buy(purchase: Purchase, plan: tower.RoomPlan, meter: Meter, customer: Customer, people: _People) -> None:
    order_id = f"demo-{meter.number}-{purchase.count}"
    asked = _time(purchase.at_ms - 1500)
    _seen(purchase.at_ms - 60_000, meter, purchase.before, people)
    tender = _TENDERS[(plan.index + purchase.count) % len(_TENDERS)]
    if purchase.count == 0:
        vending.open_account(
            opening_id=order_id,
            meter=meter,
            customer=customer,
            first_amount=Money(purchase.amount_fen),
            tender=tender,
            operator=people.cashier,
            now=asked,
        )
    else:
        vending.sell(
            sale_id=order_id,
            meter=meter,
            amount=Money(purchase.amount_fen),
            tender=tender,
            operator=people.cashier,
            now=asked,
        )
    order = _lease(order_id, people.gateway, asked)
    if (order.count, order.amount_fen) != (purchase.count, purchase.amount_fen):
        raise TwoStories(f"{meter.number}: order {order.count}, {order.amount_fen} fen; meter {purchase}")
    _answer(order, people.gateway, purchase.at_ms, purchase.before, purchase.after)
    _seen(purchase.at_ms + 600, meter, purchase.after, people)


def _switch(switched: Switched, meter: Meter, people: _People) -> None:
    order_id = f"demo-{meter.number}-{switched.command}"
    asked = _time(switched.at_ms - 1500)
    dispatch.place(order_id=order_id, meter=meter, kind=Kind(switched.command), operator=people.manager, now=asked)
    order = _lease(order_id, people.gateway, asked)
    _answer(order, people.gateway, switched.at_ms, switched.before, switched.after)


def _lease(order_id: str, gateway: Gateway, asked: datetime) -> Order:
    [order] = dispatch.lease(gateway=gateway, now=asked + timedelta(milliseconds=200))
    if order.order_id != order_id:
        raise TwoStories(f"{order_id} was placed, {order.order_id} came")
    return order


def _answer(order: Order, gateway: Gateway, at_ms: int, before: dict[str, int], after: dict[str, int]) -> None:
    settled = settlement.settle(
        Answer(
            order_id=order.order_id,
            meter=order.meter,
            outcome=Outcome.DONE,
            at_ms=at_ms + 600,
            before=before,
            after=after,
            writes=1,
        ),
        gateway=gateway,
        now=_time(at_ms + 900),
    )
    if settled is not settlement.Settled.SETTLED:
        raise TwoStories(f"{order.order_id}: the answer was {settled}")


def _time(at_ms: int) -> datetime:
    return datetime.fromtimestamp(at_ms / 1000, UTC)
