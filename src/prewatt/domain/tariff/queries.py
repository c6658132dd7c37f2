"""Reads of the plans."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime

from django.db.models import Count, QuerySet

from prewatt.domain.tariff.history import holding
from prewatt.domain.tariff.models import Plan, PlanKind, PlanUse, PurchasePrice
from prewatt.domain.tariff.pricing import read
from prewatt.domain.tariff.rules.five import five_of


def plans(*, active: bool | None = None) -> QuerySet[Plan]:
    """With `meters`, how many use each."""
    found = Plan.objects.annotate(meters=Count("uses"))
    return found if active is None else found.filter(active=active)


def lost_of(plan: Plan, *, now: datetime) -> tuple[str, ...]:
    """What of the version that holds now five prices cannot say; empty for most plans."""
    if plan.kind != PlanKind.FULL:
        return ()
    held = holding(plan, at=now)
    return five_of(read(held.document).versions[0]).lost if held else ()


def purchase(*, day: date) -> PurchasePrice | None:
    """What the site pays on this day; None while nobody said."""
    return PurchasePrice.objects.filter(from_day__lte=day).order_by("-from_day").first()


def plans_of(meter_ids: Iterable[int]) -> dict[int, Plan]:
    """The plan of each meter that has one."""
    uses = PlanUse.objects.filter(meter__in=list(meter_ids)).select_related("plan")
    return {use.meter_id: use.plan for use in uses}
