"""Reading sales: one sale's way to the meter, lists, and the day's figures."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Literal, TypeVar

from django.db.models import Count, Q, QuerySet, Sum

from prewatt.domain.dispatch.models import SERIAL_KINDS
from prewatt.domain.dispatch.states import OPEN, State
from prewatt.domain.estate.models import Meter
from prewatt.domain.metering.models import MeterState
from prewatt.domain.vending.models import Refund, Reversal, Sale, SaleState

if TYPE_CHECKING:
    from prewatt.domain.staff.models import Operator

Row = TypeVar("Row", Sale, Refund, Reversal)


@dataclass(frozen=True, slots=True)
class ProgressStep:
    """`name`: paid 已收款, sending 下发中, arrived 已到账."""

    name: Literal["paid", "sending", "arrived"]
    state: Literal["done", "now", "later", "failed"]
    at: datetime | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Progress:
    sale: Sale
    steps: tuple[ProgressStep, ProgressStep, ProgressStep]
    order_state: str
    ahead: int  # money orders to the same meter that are before this one
    lost: bool  # the meter does not answer: the order waits for it
    cancel_asked: bool
    ended: bool  # nothing will change by itself any more: stop refreshing


def sale_progress(sale_id: str) -> Progress:
    """Where a sale's money is. Raises Sale.DoesNotExist."""
    sale = Sale.objects.select_related("order", "meter", "customer", "operator", "opening").get(pk=sale_id)
    order = sale.order
    lost = MeterState.objects.filter(meter_id=sale.meter_id, lost=True).exists()
    waiting = order is not None and order.state in OPEN
    return Progress(
        sale=sale,
        steps=(ProgressStep("paid", "done", sale.sold_at), _sending(sale, lost=lost), _arrived(sale)),
        order_state=order.state if order else "",
        ahead=_ahead(sale) if waiting else 0,
        lost=lost and waiting,
        cancel_asked=order is not None and order.cancel_asked_at is not None and waiting,
        ended=sale.state != SaleState.PAID,
    )


def _sending(sale: Sale, *, lost: bool) -> ProgressStep:
    order = sale.order
    if order is None:  # 平台计费: it arrived when it was booked
        return ProgressStep("sending", "done", sale.sold_at)
    if order.state in (State.DONE, State.REFUSED, State.EXPIRED, State.CANCELLED, State.UNCLEAR):
        return ProgressStep("sending", "done", order.leased_at or order.ended_at)
    if order.count is None:
        return ProgressStep("sending", "later", None, "queued_behind")
    reason = "meter_lost" if lost else ("at_gateway" if order.state == State.TAKEN else "")
    return ProgressStep("sending", "now", order.taken_at or order.leased_at, reason)


def _arrived(sale: Sale) -> ProgressStep:
    order = sale.order
    if order is None:
        return ProgressStep("arrived", "done", sale.sold_at)
    if order.state == State.DONE:
        return ProgressStep("arrived", "done", order.ended_at)
    if order.state in (State.REFUSED, State.EXPIRED, State.CANCELLED, State.UNCLEAR):
        return ProgressStep("arrived", "failed", order.ended_at, order.reason or order.state)
    return ProgressStep("arrived", "later", None)


def _ahead(sale: Sale) -> int:
    order = sale.order
    if order is None:
        return 0
    before = Q(placed_at__lt=order.placed_at) | Q(placed_at=order.placed_at, id__lt=order.pk)
    same = type(order).objects.filter(meter_id=sale.meter_id, kind__in=sorted(SERIAL_KINDS), state__in=sorted(OPEN))
    return same.filter(before).count()


def sales(
    *,
    operator: Operator,
    first_day: date | None = None,
    last_day: date | None = None,
    seller_id: int | None = None,
    tender: str = "",
    state: str = "",
    text: str = "",
) -> QuerySet[Sale]:
    """Sales within the operator's buildings, newest first.

    `text` looks in meter, customer and receipt numbers and names.
    """
    found = Sale.objects.select_related("meter", "customer", "operator", "order").order_by(
        "-sold_at", "-series", "-number"
    )
    found = _in_scope(found, operator)
    found = _on_days(found, first_day, last_day)
    if seller_id is not None:
        found = found.filter(operator_id=seller_id)
    if tender:
        found = found.filter(tender=tender)
    if state:
        found = found.filter(state=state)
    return _matching(found, text) if text.strip() else found


def refunds(*, operator: Operator, first_day: date | None = None, last_day: date | None = None) -> QuerySet[Refund]:
    """Refunds within the operator's buildings, newest first; days are those on which the money was paid back."""
    found = Refund.objects.select_related("meter", "customer", "operator", "order").order_by("-asked_at")
    return _on_days(_in_scope(found, operator), first_day, last_day)


def reversals(*, operator: Operator, first_day: date | None = None, last_day: date | None = None) -> QuerySet[Reversal]:
    """Reversals within the operator's buildings, newest first, with their sales."""
    found = Reversal.objects.select_related("meter", "customer", "operator", "order", "sale").order_by("-asked_at")
    return _on_days(_in_scope(found, operator), first_day, last_day)


def _in_scope(found: QuerySet[Row], operator: Operator) -> QuerySet[Row]:
    if operator.all_buildings:
        return found
    return found.filter(meter__in=Meter.objects.for_operator(operator).values("pk"))


def _on_days(found: QuerySet[Row], first_day: date | None, last_day: date | None) -> QuerySet[Row]:
    if first_day is not None:
        found = found.filter(business_day__gte=first_day)
    return found if last_day is None else found.filter(business_day__lte=last_day)


def _matching(found: QuerySet[Sale], text: str) -> QuerySet[Sale]:
    word = text.strip()
    hit = Q(meter__number__icontains=word) | Q(customer__name__icontains=word) | Q(customer__number__icontains=word)
    series, dash, number = word.upper().partition("-")
    if dash and number.isdigit():
        hit |= Q(series=series, number=int(number))
    return found.filter(hit)


@dataclass(frozen=True, slots=True)
class Figures:
    """财务收入 = 售电 - 冲正 - 退电, of one seller and way of paying (or all, when they are empty)."""

    seller: str = ""
    seller_id: int | None = None
    tender: str = ""
    sold_fen: int = 0
    sold_count: int = 0
    reversed_fen: int = 0
    refunded_fen: int = 0

    @property
    def income_fen(self) -> int:
        return self.sold_fen - self.reversed_fen - self.refunded_fen


def figures(*, operator: Operator, first_day: date, last_day: date) -> list[Figures]:
    """One row per seller and way of paying, in the operator's buildings, over whole business days."""
    cells: dict[tuple[int, str, str], list[int]] = {}
    columns = (
        _totals(Sale.objects.all(), operator, first_day, last_day),
        _totals(Reversal.objects.filter(state="done"), operator, first_day, last_day),
        _totals(Refund.objects.filter(state="done"), operator, first_day, last_day),
    )
    for column, totals in enumerate(columns):
        for seller_id, seller, tender, fen, count in totals:
            cell = cells.setdefault((seller_id, seller, tender), [0, 0, 0, 0])
            cell[column] += fen
            cell[3] += count if column == 0 else 0
    return [
        Figures(
            seller=seller,
            seller_id=seller_id,
            tender=tender,
            sold_fen=cell[0],
            reversed_fen=cell[1],
            refunded_fen=cell[2],
            sold_count=cell[3],
        )
        for (seller_id, seller, tender), cell in sorted(cells.items(), key=lambda item: item[0][1:])
    ]


def _totals(
    rows: QuerySet[Row], operator: Operator, first_day: date, last_day: date
) -> Iterable[tuple[int, str, str, int, int]]:
    found = _on_days(_in_scope(rows, operator), first_day, last_day).order_by()
    grouped = found.values_list("operator_id", "operator__username", "tender")
    return grouped.annotate(fen=Sum("amount_fen"), count=Count("pk"))


def total(rows: Iterable[Figures]) -> Figures:
    """The sum over rows."""
    rows = list(rows)
    return Figures(
        sold_fen=sum(row.sold_fen for row in rows),
        sold_count=sum(row.sold_count for row in rows),
        reversed_fen=sum(row.reversed_fen for row in rows),
        refunded_fen=sum(row.refunded_fen for row in rows),
    )
