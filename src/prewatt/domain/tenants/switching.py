"""远程控制: a tenant switches his own supply, so often and no more: a relay wears out."""

from __future__ import annotations

from datetime import datetime, timedelta

from prewatt.domain import commands
from prewatt.domain.dispatch.models import MeterOrder
from prewatt.domain.estate.models import Opening
from prewatt.domain.tenants import tallies
from prewatt.domain.tenants.tallies import Limit
from prewatt.link.messages import Kind

OF_A_METER = Limit("switch", 6, timedelta(hours=1))


def switch(
    *, order_id: str, opening: Opening, kind: Kind, now: datetime, confirmed: str = "", address: str = ""
) -> MeterOrder:
    """As `commands.by_tenant`; TooOften beside its refusals."""
    if not MeterOrder.objects.filter(pk=order_id).exists():
        tallies.take(OF_A_METER, str(opening.meter_id), now=now)
    return commands.by_tenant(
        order_id=order_id, opening=opening, kind=kind, now=now, confirmed=confirmed, address=address
    )


def latest(opening: Opening) -> MeterOrder | None:
    """The last order to switch that the tenant gave."""
    mine = MeterOrder.objects.filter(cause_kind=commands.TENANT, cause_id=str(opening.pk), meter=opening.meter_id)
    return mine.order_by("-placed_at").first()
