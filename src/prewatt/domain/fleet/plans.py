"""A version of a plan that wants to be sent goes to the plan's meters by itself when it takes effect."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.db.models import F

from prewatt.domain.estate.models import Meter
from prewatt.domain.fleet.models import Batch
from prewatt.domain.fleet.operations import place_batch
from prewatt.domain.staff.refusals import Refused
from prewatt.domain.tariff.models import PlanVersion
from prewatt.link.messages import Kind

if TYPE_CHECKING:
    from prewatt.domain.estate.models import MeterQuerySet
    from prewatt.domain.staff.models import Operator
    from prewatt.domain.tariff.models import Plan

# What could not be sent for so long (no right any more, a price that no meter holds) is left to people, who see it.
TRIED = timedelta(days=7)


def meters_of(plan: Plan, *, operator: Operator) -> MeterQuerySet:
    """The plan's meters within the operator's buildings."""
    return Meter.objects.for_operator(operator).filter(active=True, plan_use__plan=plan)


def batch_id(version: PlanVersion) -> str:
    """One version is sent by itself once, whatever happens to the worker."""
    return f"plan-{version.plan_id}-v{version.number}"


def send_due(*, now: datetime) -> int:
    """For the worker: returns how many versions were sent."""
    held = PlanVersion.objects.filter(
        withdrawn_at=None, send_by__isnull=False, effective_from__lte=now, effective_from__gt=now - TRIED
    )
    due = list(held.filter(plan__version=F("number"), plan__active=True).select_related("plan", "send_by"))
    sent = _sent(due)
    return sum(_send(one, now) for one in due if batch_id(one) not in sent)


def _sent(versions: Iterable[PlanVersion]) -> set[str]:
    return set(Batch.objects.filter(pk__in=[batch_id(one) for one in versions]).values_list("pk", flat=True))


def _send(version: PlanVersion, now: datetime) -> int:
    if version.send_by is None:
        return 0
    try:
        place_batch(
            batch_id=batch_id(version),
            kind=Kind.PRICES,
            meters=meters_of(version.plan, operator=version.send_by),
            plan=version.plan,
            note=f"{version.plan.name} v{version.number}"[:200],  # its ground was asked for when it was made
            operator=version.send_by,
            now=now,
        )
    except Refused:
        return 0
    return 1
