"""The six statements of docs/torture.md, checked against the meters' own memory, by somebody who saw everything."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from prewatt.domain.audit.verify import verify
from prewatt.domain.dispatch import queries as dispatch_queries
from prewatt.domain.dispatch.models import MeterOrder
from prewatt.domain.dispatch.states import OPEN, State
from prewatt.domain.estate.models import Meter, Opening
from prewatt.domain.vending.models import Sale
from prewatt.domain.vending.records import ENDED, ClosingLine
from prewatt.server.torture import billed

MONEY = ("recharge", "refund")
_STEPS = {"balance", "bought"}


@dataclass
class Verdict:
    """What did not hold. `orders` are the money orders to tell a story about."""

    double: int = 0
    lost: int = 0
    unexplained: int = 0
    broken: list[str] = field(default_factory=list)
    orders: list[str] = field(default_factory=list)

    def blame(self, what: str, order_id: str = "") -> None:
        self.broken.append(what)
        if order_id:
            self.orders.append(order_id)


def judge(truth: dict[str, dict[str, Any]]) -> Verdict:
    """`truth` is what every meter has in its own memory (`sim.building.truth`)."""
    verdict = Verdict()
    by_meter = Opening.objects.filter(closed_at__isnull=True, platform_terms__isnull=True)
    openings = by_meter.select_related("meter").order_by("meter__number")
    for opening in openings:
        _meter(verdict, opening, truth[opening.meter.number])
    for meter in Meter.objects.order_by("number"):
        _orders(verdict, meter, truth[meter.number])
    for what in billed.judge(truth):
        verdict.blame(what)
    for line in ClosingLine.objects.exclude(state__in=ENDED).order_by("code"):
        verdict.blame(f"account {line.code} never ended ({line.state} {line.reason})", line.code)
    for order in MeterOrder.objects.filter(kind__in=(*MONEY, "open"), state__in=OPEN).order_by("pk"):
        verdict.unexplained += 1
        verdict.blame(f"order {order.pk} never ended ({order.state})", order.pk)
    for finding in verify().findings:
        verdict.blame(f"audit: {finding.check} {finding.kind} {finding.row}: {finding.what}")
    unnumbered = Sale.objects.filter(number__lte=0).count()
    if unnumbered:
        verdict.blame(f"statement 5: {unnumbered} sales without a receipt number")
    return verdict


def _meter(verdict: Verdict, opening: Opening, truth: dict[str, Any]) -> None:
    name = opening.meter.number
    credited, kept = _kept_fen(opening, truth), dispatch_queries.credited_fen(opening)
    if kept != credited:
        verdict.blame(f"statement 2: meter {name} was credited {credited} fen, the ledger says {kept}")
    if truth["bought_fen"] - truth["deducted_fen"] != truth["balance_fen"]:
        verdict.blame(f"meter {name} contradicts itself: {truth['bought_fen']} - {truth['deducted_fen']}")
    if truth["purchase_count"] != dispatch_queries.expected_count(opening):
        verdict.blame(
            f"statement 3: meter {name} counts {truth['purchase_count']} purchases,"
            f" {dispatch_queries.expected_count(opening)} orders are confirmed"
        )


def _kept_fen(opening: Opening, truth: dict[str, Any]) -> int:
    """What the meter's memory holds beyond where it stood before this account."""
    return int(truth["bought_fen"]) - int(opening.bought_base_fen or 0)


def _orders(verdict: Verdict, meter: Meter, truth: dict[str, Any]) -> None:
    """The meter's own list against its orders, of whatever account: how often did which money reach memory?"""
    kept: Counter[tuple[int, int]] = Counter()
    for event in truth["events"]:
        if event["kind"] in MONEY and set(event["kept"]) >= _STEPS:
            kept[event["purchase_count"], event["amount_fen"]] += 1
    asked: dict[tuple[int, int], list[MeterOrder]] = {}
    for order in MeterOrder.objects.filter(meter=meter, kind__in=MONEY, count__isnull=False).order_by("pk"):
        fen = (order.amount_fen or 0) * (-1 if order.kind == "refund" else 1)
        asked.setdefault((order.count or 0, fen), []).append(order)
    for key, orders in asked.items():
        _alike(verdict, orders, kept.pop(key, 0))
    for (count, fen), times in kept.items():
        verdict.unexplained += times
        verdict.blame(f"meter {meter.number} took {fen} fen under count {count}: nobody ordered that")


def _alike(verdict: Verdict, orders: list[MeterOrder], times: int) -> None:
    """Orders of one count and amount (one was refused, and the same was asked again) and how often that was applied.

    Where a person has decided or corrected, either is explained.
    """
    done = [order for order in orders if order.state == State.DONE and not _corrected(order)]
    either = sum(map(_corrected, orders))
    name = orders[-1].pk
    if times < len(done):
        verdict.lost += len(done) - times
        verdict.blame(f"order {name} is confirmed, but the meter never had it", name)
    extra = times - len(done) - either
    if extra > 0 and done:
        verdict.double += extra
        verdict.blame(f"order {name} was applied {times} times", name)
    elif extra > 0:
        verdict.unexplained += extra
        verdict.blame(f"order {name} is {orders[-1].state}, but the meter has it", name)


def _corrected(order: MeterOrder) -> bool:
    return hasattr(order, "decision")
