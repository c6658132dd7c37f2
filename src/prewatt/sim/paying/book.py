"""What the providers' own books hold. A provider keeps its promise here, whatever it does on the wire."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from enum import StrEnum

CHINA = timezone(timedelta(hours=8))


class State(StrEnum):
    WAITING = "waiting"
    PAID = "paid"
    CLOSED = "closed"


class Refusal(Exception):
    """`why` is ours; each protocol has its own word for it."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


@dataclass
class Back:
    back_no: str
    order_no: str
    amount_fen: int
    at: datetime
    channel_no: str


@dataclass
class Order:
    """`facts` are what the protocol wants to hear again, such as the time a UnionPay order was sent."""

    channel: str
    order_no: str
    amount_fen: int
    subject: str
    notify_url: str
    return_url: str
    created_at: datetime
    expires_at: datetime
    facts: dict[str, str] = field(default_factory=dict)
    state: State = State.WAITING
    channel_no: str = ""
    paid_at: datetime | None = None
    backs: dict[str, Back] = field(default_factory=dict)

    @property
    def back_fen(self) -> int:
        return sum(one.amount_fen for one in self.backs.values())


class Book:
    """Safe for several threads at once."""

    def __init__(self) -> None:
        self._orders: dict[tuple[str, str], Order] = {}
        self._lock = threading.RLock()
        self._number = 0
        self._new_backs: list[tuple[Order, Back]] = []

    def create(self, order: Order) -> Order:
        """The same order again is the same order; another amount under its number is refused."""
        with self._lock:
            known = self._orders.get((order.channel, order.order_no))
            if known is None:
                self._orders[order.channel, order.order_no] = order
                return order
            if known.amount_fen != order.amount_fen:
                raise Refusal("other_amount")
            if known.state != State.WAITING:
                raise Refusal(known.state.value)
            return known

    def find(self, channel: str, order_no: str) -> Order:
        found = self._orders.get((channel, order_no))
        if found is None:
            raise Refusal("absent")
        return found

    def pay(self, order: Order, *, now: datetime, after_close: bool = False) -> None:
        with self._lock:
            if order.state == State.PAID:
                return
            over = order.state == State.CLOSED or now >= order.expires_at
            if over and not after_close:
                raise Refusal("closed")
            order.state, order.paid_at, order.channel_no = State.PAID, now, self._next(now)

    def close(self, order: Order) -> None:
        with self._lock:
            if order.state == State.PAID:
                raise Refusal("paid")
            order.state = State.CLOSED

    def give_back(self, order: Order, back_no: str, amount_fen: int, *, now: datetime) -> Back:
        """Repeating with the same number is safe, with another amount it is refused."""
        with self._lock:
            known = order.backs.get(back_no)
            if known is not None:
                if known.amount_fen != amount_fen:
                    raise Refusal("other_amount")
                return known
            if order.state != State.PAID:
                raise Refusal("not_paid")
            if not 0 < amount_fen <= order.amount_fen - order.back_fen:
                raise Refusal("too_much")
            order.backs[back_no] = Back(back_no, order.order_no, amount_fen, now, self._next(now))
            self._new_backs.append((order, order.backs[back_no]))
            return order.backs[back_no]

    def new_backs(self) -> list[tuple[Order, Back]]:
        """Refunds since this was last asked: each is told once."""
        with self._lock:
            found, self._new_backs = self._new_backs, []
            return found

    def back(self, channel: str, back_no: str) -> tuple[Order, Back]:
        with self._lock:
            for order in self._orders.values():
                if order.channel == channel and back_no in order.backs:
                    return order, order.backs[back_no]
        raise Refusal("absent")

    def movements(self, channel: str, day: date) -> Iterator[tuple[Order, Back | None]]:
        """What was paid and given back on a day in China, by time: the daily bill."""
        with self._lock:
            found: list[tuple[datetime, Order, Back | None]] = []
            for order in self._orders.values():
                if order.channel == channel and order.paid_at is not None:
                    found.append((order.paid_at, order, None))
                    found += [(one.at, order, one) for one in order.backs.values()]
        found.sort(key=lambda one: one[0])
        return ((order, back) for at, order, back in found if at.astimezone(CHINA).date() == day)

    def orders(self) -> list[Order]:
        with self._lock:
            return sorted(self._orders.values(), key=lambda one: one.created_at, reverse=True)

    def _next(self, now: datetime) -> str:
        self._number += 1
        return f"{now.astimezone(CHINA):%Y%m%d%H%M%S}{self._number:014d}"
