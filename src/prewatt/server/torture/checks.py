"""The six statements of docs/money.md, checked against the meters' own memory, by somebody who saw everything."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from prewatt.domain.audit.verify import verify
from prewatt.domain.dispatch import queries as dispatch_queries
from prewatt.domain.dispatch.models import MeterOrder
from prewatt.domain.dispatch.states import OPEN, State
from prewatt.domain.estate.models import Opening
from prewatt.domain.vending.models import Sale

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
    openings = Opening.objects.filter(closed_at__isnull=True).select_related("meter").order_by("meter__number")
    for opening in openings:
        _meter(verdict, opening, truth[opening.meter.number])
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
    _orders(verdict, opening, truth)


def _kept_fen(opening: Opening, truth: dict[str, Any]) -> int:
    """What the meter's memory holds beyond where it stood before this account."""
    return int(truth["bought_fen"]) - int(opening.bought_base_fen or 0)


def _orders(verdict: Verdict, opening: Opening, truth: dict[str, Any]) -> None:
    """Each order against the meter's own list: how often did its money reach memory? People's corrections are known."""
    since_ms = int(opening.opened_at.timestamp() * 1000)
    kept: Counter[tuple[int, int]] = Counter()
    for event in truth["events"]:
        if event["kind"] in MONEY and event["at_ms"] >= since_ms and set(event["kept"]) >= _STEPS:
            kept[event["purchase_count"], event["amount_fen"]] += 1
    for order in MeterOrder.objects.filter(opening=opening, kind__in=MONEY, count__isnull=False).order_by("pk"):
        key = (order.count or 0, (order.amount_fen or 0) * (-1 if order.kind == "refund" else 1))
        times = kept.pop(key, 0)
        _one(verdict, order, times)
    for (count, fen), times in kept.items():
        verdict.unexplained += times
        verdict.blame(f"meter {opening.meter.number} took {fen} fen under count {count}: nobody ordered that")


def _one(verdict: Verdict, order: MeterOrder, times: int) -> None:
    corrected = hasattr(order, "count_correction") or hasattr(order, "decision")
    if times > 1:
        verdict.double += times - 1
        verdict.blame(f"order {order.pk} was applied {times} times", order.pk)
    elif order.state == State.DONE and times == 0 and not corrected:
        verdict.lost += 1
        verdict.blame(f"order {order.pk} is confirmed, but the meter never had it", order.pk)
    elif order.state in (State.REFUSED, State.CANCELLED, State.EXPIRED) and times == 1 and not corrected:
        verdict.unexplained += 1
        verdict.blame(f"order {order.pk} is {order.state}, but the meter has it", order.pk)
