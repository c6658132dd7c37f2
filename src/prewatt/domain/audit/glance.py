"""Ledger against meters at a glance: a few sums for the dashboard, by the rule of the daily comparison.

What is booked as used is left to that comparison and to `audit verify`, the thorough look.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.core.cache import cache

from prewatt.domain.ledger.queries import balances_by_code
from prewatt.domain.metering.board import board
from prewatt.domain.reconciliation import rule
from prewatt.domain.reconciliation.models import Verdict

if TYPE_CHECKING:
    from prewatt.domain.staff.models import Operator

DEAR_S = 0.05  # a look that takes longer is kept …
KEPT_S = 60  # … for so long: the books do not change faster than a person looks


@dataclass(frozen=True, slots=True)
class Glance:
    """`books_fen` is what the ledger says the meters hold, by the meters' own count of what was used.

    `ledger_fen`: all accounts of the ledger together, which must be zero.
    """

    ledger_fen: int
    books_fen: int
    meters_fen: int
    compared: int
    moving: int  # meters with money on the way: looked at when it has arrived
    differing: tuple[str, ...]  # meter numbers

    @property
    def agrees(self) -> bool:
        return not self.differing and not self.ledger_fen


def glance(*, operator: Operator) -> Glance:
    """Over his meters with an account whose registers are known. A few queries, whatever their number."""
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
    with rule.one_view():
        found = rule.compare(board(operator=operator), usage=False)
    known = [one for one in found if one.bought_books_fen is not None and one.meter_fen is not None]
    moving = [one for one in known if one.verdict in (Verdict.MOVING, Verdict.UNCLEAR)]
    still = [one for one in known if one.verdict in (Verdict.EQUAL, Verdict.SURPLUS, Verdict.DIFFERS)]
    meters_fen = sum(one.meter_fen or 0 for one in still)
    return Glance(
        ledger_fen=sum(balances_by_code().values()),
        books_fen=meters_fen + sum(one.unexplained_fen or 0 for one in still),
        meters_fen=meters_fen,
        compared=len(still),
        moving=len(moving),
        differing=tuple(one.number for one in still if one.verdict == Verdict.DIFFERS),
    )
