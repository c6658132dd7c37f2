"""Ledger against meters at a glance: a few sums for the dashboard. The thorough look is `audit verify`."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from django.core.cache import cache
from django.db.models import Sum

from prewatt.domain.dispatch.models import SERIAL_KINDS, MeterOrder
from prewatt.domain.dispatch.states import OPEN, State
from prewatt.domain.ledger.models import MOVING, Transfer
from prewatt.domain.metering.board import board

if TYPE_CHECKING:
    from prewatt.domain.staff.models import Operator

_ON_THE_WAY = (State.LEASED, State.TAKEN, State.UNCLEAR)
DEAR_S = 0.05  # a look that takes longer is kept …
KEPT_S = 60  # … for so long: the books do not change faster than a person looks


@dataclass(frozen=True, slots=True)
class Glance:
    """`books_fen` is what the ledger says the meters hold, by the meters' own count of what was used."""

    books_fen: int
    meters_fen: int
    compared: int
    moving: int  # meters with money on the way: looked at when it has arrived
    differing: tuple[str, ...]  # meter numbers

    @property
    def agrees(self) -> bool:
        return not self.differing


class _Account(NamedTuple):
    opening: int
    number: str
    base_fen: int
    bought_fen: int
    net_fen: int | None
    energy_at: datetime | None
    taken_at: datetime | None


def glance(*, operator: Operator) -> Glance:
    """Over his meters with an account whose registers are known. Four queries, whatever their number."""
    key = f"glance:{operator.pk}"
    kept: Glance | None = cache.get(key)
    if kept is not None:
        return kept
    began = time.monotonic()
    found = _glance(operator)
    if time.monotonic() - began > DEAR_S:
        cache.set(key, found, KEPT_S)
    return found


def _glance(operator: Operator) -> Glance:
    moving = _moving()
    every = list(_accounts(operator))
    still = [one for one in every if one.opening not in moving]
    credited = _credited()
    expected = {one.opening: one.base_fen + credited.get(str(one.opening), 0) for one in still}
    proven = _proven([one.opening for one in still if expected[one.opening] != one.bought_fen])
    off = {one.number: expected[one.opening] - _shown(one, proven) for one in still}
    meters_fen = sum(one.net_fen or 0 for one in still)
    return Glance(
        books_fen=meters_fen + sum(off.values()),
        meters_fen=meters_fen,
        compared=len(still),
        moving=len(every) - len(still),
        differing=tuple(number for number, fen in off.items() if fen),
    )


def _accounts(operator: Operator) -> Iterator[_Account]:
    known = board(operator=operator).filter(
        current__bought_base_fen__isnull=False, state__bought_fen__isnull=False, state__balance_fen__isnull=False
    )
    rows = known.order_by("number").values_list(
        "current__pk",
        "number",
        "current__bought_base_fen",
        "state__bought_fen",
        "net_fen",
        "state__energy_at",
        "state__taken_at",
    )
    return (_Account(*row) for row in rows)


def _shown(one: _Account, proven: dict[int, tuple[int, datetime]]) -> int:
    """The meter's total; what a money order proved after the last full reading is newer."""
    proof, read_at = proven.get(one.opening), one.energy_at or one.taken_at
    return proof[0] if proof and (read_at is None or proof[1] > read_at) else one.bought_fen


def _credited() -> dict[str, int]:
    """What the ledger put on each account of a meter, refunds taken off."""
    moved = Transfer.objects.filter(kind__in=MOVING).exclude(cause_kind="usage").order_by()
    total: dict[str, int] = {}
    for side, sign in (("credit", 1), ("debit", -1)):
        rows = moved.filter(**{f"{side}__code": "meter"}).values_list(f"{side}__owner")
        for owner, fen in rows.annotate(fen=Sum("amount_fen")):
            total[owner] = total.get(owner, 0) + sign * int(fen)
    return total


def _proven(openings: list[int]) -> dict[int, tuple[int, datetime]]:
    """Per opening the total bought that the last confirmed money order showed, and when."""
    done = MeterOrder.objects.filter(opening__in=openings, kind__in=sorted(SERIAL_KINDS), state=State.DONE)
    rows = done.filter(answered_at__isnull=False).order_by("answered_at")
    return {
        opening: (after["bought_fen"], at)
        for opening, at, after in rows.values_list("opening_id", "answered_at", "after")
        if opening is not None and at is not None and "bought_fen" in after
    }


def _moving() -> set[int]:
    """Accounts with money on its way. `OPEN` stands there for the index."""
    found = MeterOrder.objects.filter(kind__in=sorted(SERIAL_KINDS), state__in=sorted(OPEN)).order_by()
    return {pk for pk, state in found.values_list("opening_id", "state") if pk is not None and state in _ON_THE_WAY}
