"""A plan that five prices cannot say is used without an order: by accounts billed on the platform, or not open yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prewatt.domain.estate.models import Opening
from prewatt.domain.fleet.models import Skip
from prewatt.domain.fleet.sorting import Sorted
from prewatt.domain.tariff.queries import lost_of

if TYPE_CHECKING:
    from prewatt.domain.estate.models import MeterQuerySet
    from prewatt.domain.tariff.models import Plan


def beyond_meters(plan: Plan) -> bool:
    """More than rounding down would lose."""
    return not set(lost_of(plan)) <= {"decimals"}


def sorted_out(meters: MeterQuerySet) -> list[Sorted]:
    """PLATFORM: it may use the plan. OWN: its meter counts the money of an open account, and would charge otherwise."""
    counting = Opening.objects.filter(
        meter__in=meters.order_by().values("pk"), closed_at__isnull=True, platform_terms__isnull=True
    )
    own = set(counting.values_list("meter", flat=True))
    return [
        Sorted(pk, number, {}, Skip.INACTIVE if not active else Skip.OWN if pk in own else Skip.PLATFORM)
        for pk, number, active in meters.values_list("pk", "number", "active")
    ]
