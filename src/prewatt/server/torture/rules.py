"""Strategies: the one we trust, and the known-bad ones that the run must catch, or it proves nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import Any

import msgspec

from prewatt.domain import settlement
from prewatt.domain.dispatch.models import MeterOrder
from prewatt.domain.dispatch.states import State
from prewatt.domain.ledger import operations as ledger
from prewatt.domain.ledger.accounts import Ref
from prewatt.domain.ledger.models import Kind as TransferKind
from prewatt.domain.ledger.models import Transfer
from prewatt.field.gateway.recharge import STANDARD, RechargeRules
from prewatt.field.gateway.turns import Action, Fact, Phase


@dataclass(frozen=True)
class Strategy:
    """How the gateway carries out money orders, and how the centre books the answers."""

    recharge: RechargeRules
    book: type[settlement.Book] = settlement.Book


class KeylessBook(settlement.Book):
    """Known bad: every answer moves money again, under a fresh key each time."""

    def moved(self, order: MeterOrder, following: State) -> bool:  # noqa: ARG002 - it never asks
        return False

    def _end(self, order: MeterOrder, kind: TransferKind, now: Any) -> None:
        first = not Transfer.objects.filter(resolves__key=f"order:{order.pk}").exists()
        if first:
            super()._end(order, kind, now)
            return
        for pending in Transfer.objects.filter(key=f"order:{order.pk}"):
            again = Transfer.objects.filter(cause_id=pending.cause_id).count()
            ledger.post(
                key=f"again:{order.pk}:{again}",
                cause=ledger.Cause(pending.cause_kind, pending.cause_id),
                debit=Ref(pending.debit.code, pending.debit.owner),
                credit=Ref(pending.credit.code, pending.credit.owner),
                amount_fen=pending.amount_fen,
                at=now,
            )


class ForgetfulBook(settlement.Book):
    """Known bad: a day that is closed again, as a reading came late, is charged again, whole."""

    def booked_fen(self, opening_id: int, day: date) -> int:  # noqa: ARG002 - it never asks
        return 0


def _with(**changes: Action) -> MappingProxyType[tuple[Phase, Fact], Action]:
    table = dict(STANDARD)
    for name, action in changes.items():
        table[Phase.WRITTEN, Fact(name)] = action
    return MappingProxyType(table)


GOOD = RechargeRules()

RULES: dict[str, Strategy] = {
    "good": Strategy(GOOD),
    # after silence the same write goes out again, unread
    "repeat-on-silence": Strategy(msgspec.structs.replace(GOOD, table=_with(unanswered=Action.WRITE))),
    # a yes ends the order, a no as well
    "trust-acknowledgement": Strategy(
        msgspec.structs.replace(GOOD, table=_with(acked=Action.DONE, denied=Action.REFUSE))
    ),
    # the step is written down only when the write is over
    "journal-after-writing": Strategy(msgspec.structs.replace(GOOD, journal_first=False)),
    # an answer that comes twice is booked twice
    "settle-without-key": Strategy(GOOD, KeylessBook),
    # a late reading is rated on top of what was charged for its day
    "rate-twice": Strategy(GOOD, ForgetfulBook),
}


@contextmanager
def in_force(strategy: Strategy) -> Iterator[None]:
    """The centre books by this strategy for a while."""
    before, settlement.BOOK = settlement.BOOK, strategy.book()
    try:
        yield
    finally:
        settlement.BOOK = before
