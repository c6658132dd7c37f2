"""What a tenant is texted of his money: that it has arrived, in the transaction in which it did."""

from __future__ import annotations

from datetime import datetime

from prewatt.domain.notices import operations as notices
from prewatt.domain.notices.models import Carrier, Door
from prewatt.domain.vending.models import Sale
from prewatt.units.values import Money

UNKNOWN = "—"


def credited(sale: Sale, *, balance_fen: int | None, now: datetime) -> None:
    """Once for each sale. A site without a carrier of text messages, and a tenant without a number, are told nothing:
    nobody waits for it as for a warning.
    """
    if not Carrier.objects.filter(on=True, door=Door.TEXT).exists() or not sale.customer.phone:
        return
    balance = UNKNOWN if balance_fen is None else str(Money(balance_fen))
    notices.say(
        kind="sold",
        phone=sale.customer.phone,
        fields={"amount": str(Money(sale.amount_fen)), "balance": balance, "receipt": sale.receipt},
        key=f"sale:{sale.pk}:credited",
        language=notices.rules().language,
        now=now,
        customer=sale.customer,
        meter=sale.meter,
    )
