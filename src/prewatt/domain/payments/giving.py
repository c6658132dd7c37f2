"""Money on its way back."""

from __future__ import annotations

from datetime import datetime

from prewatt.domain.payments.channel import BackFact
from prewatt.domain.payments.keeping import keep
from prewatt.domain.payments.models import Heard, Verdict


def settle_back(
    *, channel: str, fact: BackFact, now: datetime, heard: Heard, address: str = "", body: str = ""
) -> Verdict:
    """Take what a provider has signed about a refund."""
    return keep(channel, heard, Verdict.NO_ORDER, now=now, order_no=fact.order_no, body=body, address=address)
