"""One tenant whom the platform bills from the demo's first minute on: his account is handed over by the real act.

The simulated meter is switched off, read, gives up its credit and is held; whoever looks early enough sees it happen.
"""

from __future__ import annotations

from datetime import datetime

from prewatt.domain.billing.models import Billing
from prewatt.domain.estate.models import Opening
from prewatt.domain.staff.models import Operator
from prewatt.domain.vending import operations as vending

ROOM = "1703"


def hand_over(*, now: datetime) -> None:
    opening = Opening.objects.select_related("customer").get(meter__room__number=ROOM, closed_at=None)
    vending.change_billing(
        rebill_id="demo-platform",
        opening=opening,
        to=Billing.PLATFORM,
        overdraft="50",
        switch_on_min="10",
        operator=Operator.objects.get(username="manager"),
        note="改为平台计费",
        now=now,
    )
