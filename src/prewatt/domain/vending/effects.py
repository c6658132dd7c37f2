"""What a meter's answer means for a sale, a refund, a reversal or an opening.

Called by `settlement` only, with the meter held.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from prewatt.domain.dispatch import operations as dispatch
from prewatt.domain.dispatch.models import MeterOrder
from prewatt.domain.dispatch.states import State
from prewatt.domain.ledger import accounts
from prewatt.domain.ledger import operations as ledger
from prewatt.domain.ledger import queries as ledger_queries
from prewatt.domain.vending import news, platform, texting
from prewatt.domain.vending.leaving import CAUSES
from prewatt.domain.vending.models import BackState, Refund, Reversal, Sale, SaleState
from prewatt.domain.vending.returning import pay, set_sale
from prewatt.link.messages import SWITCH_KINDS, Kind

POWER_BACK = timedelta(days=1)  # an order to give power back may wait longer than one to take it


def arrived(order: MeterOrder, *, now: datetime) -> None:
    """The meter holds the money."""
    for sale in Sale.objects.filter(order=order):
        set_sale(sale, SaleState.ARRIVED, now=now)
        texting.credited(sale, balance_fen=order.after.get("balance_fen"), now=now)
    news.credited(order, now=now)


def opened(order: MeterOrder, *, now: datetime) -> None:
    """The account before was closed with the meter switched off (销户): the new one has its power back."""
    last = MeterOrder.objects.filter(meter=order.meter_id, kind__in=sorted(SWITCH_KINDS), state=State.DONE)
    switched = last.order_by("-answered_at").values_list("kind", "cause_kind").first()
    if switched is None or switched[0] != Kind.SWITCH_OFF or switched[1] not in CAUSES.values():
        return
    dispatch.place_held(
        order_id=f"{order.pk[:60]}.on",
        meter=order.meter,
        opening_id=order.opening_id,
        kind=Kind.RELEASE,
        cause=("opening", order.pk),
        operator=order.placed_by,
        now=now,
        expires_at=now + POWER_BACK,
    )


def recalled_too_late(order: MeterOrder, *, now: datetime) -> None:
    """A trip for arrears was called back, as the money had come, but the meter had obeyed it: power is given back."""
    if order.cause_kind != "arrears" or order.cancel_asked_at is None:
        return
    dispatch.place_held(
        order_id=f"{order.pk[:60]}.on",
        meter=order.meter,
        opening_id=order.opening_id,
        kind=Kind.SWITCH_ON,
        values=platform.switching(order.meter, Kind.SWITCH_ON),
        cause=("recalled", order.pk),
        now=now,
        expires_at=now + POWER_BACK,
    )


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
        texting.credited(sale, balance_fen=order.after.get("balance_fen"), now=now)
        news.credited(order, now=now)


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
