"""A payment provider in memory that speaks `channel.py`, and misbehaves when told: for tests and for the torture run.

It keeps its own books, so that what it captured can be held against ours. Its signature is a real one (HMAC).
"""

# ruff: noqa: ARG002 - the interface passes times that a provider in memory does not need
from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from prewatt.domain.payments.channel import (
    Ask,
    BackAsk,
    BackFact,
    BillLine,
    Fact,
    Forged,
    Lead,
    Line,
    NotTaken,
    Opens,
    Reply,
    Standing,
    Unreachable,
    Way,
)

_KEY = b"known to the provider and to us"
SHANGHAI = ZoneInfo("Asia/Shanghai")
Message = tuple[dict[str, str], bytes]


@dataclass
class Order:
    ask: Ask
    standing: Standing = Standing.WAITING
    amount_fen: int = 0
    channel_no: str = ""
    paid_at: datetime | None = None


@dataclass
class Provider:
    """One channel. `down`: nothing answers. `mute`: queries answer, but say nothing."""

    name: str = "alipay"
    ways: frozenset[Way] = frozenset(Way)
    down: bool = False
    mute: bool = False
    refuses: str = ""  # the code with which refunds are refused
    orders: dict[str, Order] = field(default_factory=dict)
    backs: dict[str, BackAsk] = field(default_factory=dict)
    extra: list[BillLine] = field(default_factory=list)  # what it books by itself
    hidden: set[str] = field(default_factory=set)  # order and refund numbers that its bill leaves out
    calls: int = 0

    # what the payer and the provider's own people do

    def pay(self, order_no: str, *, now: datetime, amount_fen: int | None = None) -> Message:
        """The payer pays; returns the notification. Paying after the close works, as it does in life."""
        order = self.orders[order_no]
        order.standing, order.paid_at = Standing.PAID, now
        order.amount_fen = order.ask.amount_fen if amount_fen is None else amount_fen
        order.channel_no = f"{self.name[:2].upper()}{order_no}"
        return self.notice(order_no)

    def notice(self, order_no: str) -> Message:
        fact = self._fact(order_no)
        return self.signed(
            order_no=fact.order_no,
            standing=fact.standing.value,
            amount_fen=fact.amount_fen,
            channel_no=fact.channel_no,
            paid_at=fact.paid_at.isoformat() if fact.paid_at else None,
        )

    def signed(self, **content: object) -> Message:
        body = json.dumps(content).encode()
        return {"x-signature": hmac.digest(self._key(), body, hashlib.sha256).hex()}, body

    def captured_fen(self) -> int:
        return sum(one.amount_fen for one in self.orders.values() if one.standing == Standing.PAID)

    def returned_fen(self) -> int:
        return sum(one.amount_fen for one in self.backs.values())

    # channel.py

    def create(self, ask: Ask, *, now: datetime) -> Lead:
        self._answer()
        self.orders.setdefault(ask.order_no, Order(ask))
        return Lead(Opens.SCAN, url=f"fake://{self.name}/{ask.order_no}")

    def read_notice(self, headers: Mapping[str, str], body: bytes, *, now: datetime) -> Fact | BackFact:
        mine = hmac.digest(self._key(), body, hashlib.sha256).hex()
        if not hmac.compare_digest(headers.get("x-signature", ""), mine):
            raise Forged("the signature is not the provider's")
        said = json.loads(body)
        standing = Standing(said["standing"])
        if "back_no" in said:
            return BackFact(
                said["back_no"], said["order_no"], standing, said.get("amount_fen"), said.get("channel_no", "")
            )
        paid_at = datetime.fromisoformat(said["paid_at"]) if said.get("paid_at") else None
        return Fact(said["order_no"], standing, said.get("amount_fen"), said.get("channel_no", ""), paid_at)

    def reply(self, *, taken: bool) -> Reply:
        return Reply(200, "text/plain", b"success" if taken else b"fail")

    def query(self, order_no: str, *, created_at: datetime, now: datetime) -> Fact:
        self._answer()
        return Fact(order_no, Standing.UNKNOWN) if self.mute else self._fact(order_no)

    def close(self, order_no: str, *, created_at: datetime, now: datetime) -> Fact:
        self._answer()
        order = self.orders.get(order_no)
        if order is not None and order.standing == Standing.WAITING:
            order.standing = Standing.CLOSED
        return self.query(order_no, created_at=created_at, now=now)

    def refund(self, ask: BackAsk, *, now: datetime) -> BackFact:
        self._answer()
        if self.refuses:
            raise NotTaken(self.refuses, "this refund is not possible")
        if ask.back_no not in self.backs:
            given = sum(one.amount_fen for one in self.backs.values() if one.order_no == ask.order_no)
            order = self.orders.get(ask.order_no)
            if order is None or given + ask.amount_fen > order.amount_fen:
                raise NotTaken("REFUND_FEE_ERROR", "more than was paid")
        self.backs.setdefault(ask.back_no, replace(ask, asked_at=now))
        return self.query_refund(ask, now=now)

    def query_refund(self, ask: BackAsk, *, now: datetime) -> BackFact:
        self._answer()
        known = self.backs.get(ask.back_no)
        if known is None:
            return BackFact(ask.back_no, ask.order_no, Standing.ABSENT)
        return BackFact(ask.back_no, ask.order_no, Standing.PAID, known.amount_fen, f"BK{ask.back_no}")

    def bill(self, day: date, *, now: datetime) -> Sequence[BillLine]:
        self._answer()
        lines = [
            BillLine(Line.PAID, no, one.channel_no, one.amount_fen, one.amount_fen * 6 // 1000, one.paid_at)
            for no, one in self.orders.items()
            if one.standing == Standing.PAID and one.paid_at is not None and _day(one.paid_at) == day
        ]
        lines += [
            BillLine(Line.BACK, one.order_no, f"BK{no}", one.amount_fen, 0, one.asked_at, back_no=no)
            for no, one in self.backs.items()
            if _day(one.asked_at) == day
        ]
        lines += [one for one in self.extra if _day(one.at) == day]
        return [one for one in lines if not self.hidden & {one.order_no if not one.back_no else one.back_no}]

    def _answer(self) -> None:
        self.calls += 1
        if self.down:
            raise Unreachable("no answer")

    def _key(self) -> bytes:
        return _KEY + self.name.encode()

    def _fact(self, order_no: str) -> Fact:
        order = self.orders.get(order_no)
        if order is None:
            return Fact(order_no, Standing.ABSENT)
        amount_fen = order.amount_fen if order.standing == Standing.PAID else None
        return Fact(order_no, order.standing, amount_fen, order.channel_no, order.paid_at)


def _day(at: datetime) -> date:
    return at.astimezone(UTC).astimezone(SHANGHAI).date()
