"""What a meter's answer means for a sale, a refund, a reversal or an opening.

Called by `settlement` only, with the meter held.
"""

from __future__ import annotations

from datetime import datetime

from prewatt.domain.dispatch.models import MeterOrder
from prewatt.domain.ledger import accounts
from prewatt.domain.ledger import operations as ledger
from prewatt.domain.ledger import queries as ledger_queries
from prewatt.domain.vending.models import BackState, Refund, Reversal, Sale, SaleState
from prewatt.domain.vending.returning import pay, set_sale


def arrived(order: MeterOrder, *, now: datetime) -> None:
    """The meter holds the money."""
    for sale in Sale.objects.filter(order=order):
        set_sale(sale, SaleState.ARRIVED, now=now)


def arrived_late(order: MeterOrder, *, now: datetime) -> None:
    """It turned out that the meter has the money of a sale whose transfer was voided: move it out of the wallet, if
    it is there.
    """
    for sale in Sale.objects.filter(order=order, state=SaleState.WAITING):
        wallet = accounts.wallet(sale.customer_id)
        ledger.lock(wallet)
        if ledger_queries.available_fen(wallet) < sale.amount_fen:
            continue
        ledger.post(
            key=f"order:{order.pk}:late",
            cause=ledger.Cause("sale", sale.pk),
            debit=wallet,
            credit=accounts.meter(order.opening_id or 0),
            amount_fen=sale.amount_fen,
            at=now,
        )
        set_sale(sale, SaleState.ARRIVED, now=now)


def waits(order: MeterOrder, *, now: datetime) -> None:
    """The meter does not have it: the money waits in the wallet."""
    for sale in Sale.objects.filter(order=order):
        set_sale(sale, SaleState.WAITING, now=now, reason=order.reason)


def unclear(order: MeterOrder, *, now: datetime) -> None:
    for sale in Sale.objects.filter(order=order):
        set_sale(sale, SaleState.UNCLEAR, now=now, reason=order.reason)
    for row in _backs(order):
        _set_back(row, BackState.UNCLEAR, now=now, reason=order.reason)


def taken_back(order: MeterOrder, *, now: datetime) -> None:
    """The meter's credit is reduced: pay the customer, number the red receipt."""
    for row in _backs(order):
        kind = "reversal" if isinstance(row, Reversal) else "refund"
        if isinstance(row, Reversal):
            set_sale(row.sale, SaleState.REVERSED, now=now)
        pay(row, now=now, key=f"{kind}:{row.pk}:paid", cause=ledger.Cause(kind, row.pk))
        row.save(update_fields=["state", "state_at", "business_day", "shift", "series", "number", "reason"])


def not_taken_back(order: MeterOrder, *, cancelled: bool, now: datetime) -> None:
    """The meter still holds it; nothing is paid."""
    for row in _backs(order):
        _set_back(row, BackState.CANCELLED if cancelled else BackState.REFUSED, now=now, reason=order.reason)


def _backs(order: MeterOrder) -> list[Refund | Reversal]:
    return [*Refund.objects.filter(order=order), *Reversal.objects.filter(order=order).select_related("sale")]


def _set_back(row: Refund | Reversal, state: BackState, *, now: datetime, reason: str) -> None:
    row.state, row.state_at, row.reason = state, now, reason[:64]
    row.save(update_fields=["state", "state_at", "reason"])
