"""What money did, told to programs elsewhere: one line where it happens, inside its transaction."""

from __future__ import annotations

from datetime import datetime

from prewatt.domain.dispatch.models import MeterOrder
from prewatt.domain.vending.models import Refund, Reversal, Sale
from prewatt.domain.webhooks.models import Event
from prewatt.domain.webhooks.telling import tell


def sold(sale: Sale) -> None:
    tell(
        Event.SALE,
        sale.pk,
        at=sale.sold_at,
        meter_id=sale.meter_id,
        sale=sale.pk,
        receipt=sale.receipt,
        amount_fen=sale.amount_fen,
        tender=sale.tender,
        customer_id=sale.customer_id,
        operator=sale.operator.username,
        business_day=sale.business_day.isoformat(),
    )


def credited(order: MeterOrder, *, now: datetime) -> None:
    """The money stands in the meter's own memory."""
    tell(
        Event.CREDIT,
        order.pk,
        at=now,
        meter_id=order.meter_id,
        order=order.pk,
        cause=order.cause_kind,
        cause_id=order.cause_id,
        amount_fen=order.amount_fen,
        purchase_count=order.after.get("purchase_count"),
        balance_fen=order.after.get("balance_fen"),
    )


def credited_here(sale: Sale, *, balance_fen: int | None) -> None:
    """The money stands on an account that the platform bills: no order carried it."""
    tell(
        Event.CREDIT,
        sale.pk,
        at=sale.sold_at,
        meter_id=sale.meter_id,
        order=None,
        cause="sale",
        cause_id=sale.pk,
        amount_fen=sale.amount_fen,
        purchase_count=None,
        balance_fen=balance_fen,
    )


def paid_back(row: Refund | Reversal) -> None:
    """A refund or reversal has its number: the money has left the drawer."""
    event = Event.REVERSAL if isinstance(row, Reversal) else Event.REFUND
    tell(
        event,
        row.pk,
        at=row.state_at,
        meter_id=row.meter_id,
        receipt=f"{row.series}-{row.number:06d}",
        sale=getattr(row, "sale_id", None),
        amount_fen=row.amount_fen,
        tender=row.tender,
        customer_id=row.customer_id,
    )


def switched(order: MeterOrder, *, now: datetime) -> None:
    """The relay was read back where it was told to go."""
    tell(
        Event.SWITCH,
        order.pk,
        at=now,
        meter_id=order.meter_id,
        order=order.pk,
        kind=order.kind,
        cause=order.cause_kind,
        relay_closed=order.after.get("relay_closed"),
    )
