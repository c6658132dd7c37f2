"""A sale's history: everything that happened to its money, in the order in which it happened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import Any

from django.utils.translation import gettext as _

from prewatt.domain.dispatch.models import Decision, MeterOrder
from prewatt.domain.vending.models import Refund, Reversal, Sale
from prewatt.web.parts import words
from prewatt.web.parts.formats import yuan


@dataclass(frozen=True, slots=True)
class Happened:
    at: datetime
    icon: str
    text: str
    note: str = ""
    who: str = ""
    tone: str = ""


@dataclass(frozen=True, slots=True)
class Shown:
    """One register before and after, as the meter showed it."""

    title: words.Text
    before: str
    after: str


def of_sale(sale: Sale) -> list[Happened]:
    """Oldest first."""
    orders = MeterOrder.objects.filter(cause_kind="sale", cause_id=sale.pk).select_related("placed_by")
    backs: list[Refund | Reversal] = [
        *sale.reversals.select_related("operator", "order"),
        *Refund.objects.filter(sale=sale),
    ]
    steps = chain(
        [Happened(sale.sold_at, "cash-banknote", _("Paid"), sale.receipt, str(sale.operator), "good")],
        *(_of_order(order) for order in (*orders, *([sale.order] if sale.order and sale.order not in orders else []))),
        *(_of_back(back) for back in backs),
    )
    return sorted(steps, key=lambda one: one.at)


def _of_order(order: MeterOrder) -> list[Happened]:
    found = [Happened(order.placed_at, "send", _("Order placed"), f"{order.pk[:8]}", str(order.placed_by or ""))]
    if order.leased_at:
        found.append(Happened(order.leased_at, "antenna-bars-4", _("Fetched by the gateway"), _count(order)))
    if order.taken_at:
        found.append(Happened(order.taken_at, "router", _("Kept in the gateway's journal")))
    if order.cancel_asked_at:
        found.append(Happened(order.cancel_asked_at, "circle-x", _("Asked to be cancelled"), tone="warn"))
    decision = Decision.objects.filter(order=order).select_related("operator", "second_person").first()
    if decision is not None:
        found.append(_of_decision(decision))
    if order.ended_at or order.state == "unclear":
        word, icon, tone = words.ORDERS[order.state]
        note = str(words.reason(order.reason)) if order.reason else _balance(order)
        found.append(Happened(order.ended_at or order.answered_at or order.placed_at, icon, str(word), note, tone=tone))
    return found


def _count(order: MeterOrder) -> str:
    return _("purchase no. %(count)d") % {"count": order.count} if order.count else ""


def _balance(order: MeterOrder) -> str:
    before, after = order.before.get("balance_fen"), order.after.get("balance_fen")
    return "" if after is None else f"{yuan(before)} → {yuan(after)}"


def _of_decision(decision: Decision) -> Happened:
    word = _("Decided: it is on the meter") if decision.applied else _("Decided: it is not on the meter")
    people = [str(decision.operator), *([str(decision.second_person)] if decision.second_person else [])]
    return Happened(decision.at, "user", word, decision.reason, " + ".join(people))


def _of_back(back: Refund | Reversal) -> list[Happened]:
    reversal = isinstance(back, Reversal)
    asked = _("Reversal asked for") if reversal else _("Pay-out asked for")
    found = [Happened(back.asked_at, "arrow-back-up", asked, back.note, str(back.operator))]
    if back.state == "done":
        found.append(Happened(back.state_at, "receipt-refund", _("Paid back"), back.receipt, tone="good"))
    elif back.state != "sending":
        word, icon, tone = words.BACKS[back.state]
        note = str(words.reason(back.reason)) if back.reason else ""
        found.append(Happened(back.state_at, icon, str(word), note, tone=tone))
    return found


def registers(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Shown]:
    """The three registers that tell whether money arrived."""
    return [
        Shown(_("Balance (yuan)"), yuan(before.get("balance_fen")), yuan(after.get("balance_fen"))),
        Shown(_("Purchase count"), _plain(before.get("purchase_count")), _plain(after.get("purchase_count"))),
        Shown(_("Total bought (yuan)"), yuan(before.get("bought_fen")), yuan(after.get("bought_fen"))),
    ]


def _plain(value: int | None) -> str:
    return "—" if value is None else str(value)
