"""Reads of the plans."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from django.db.models import Count, QuerySet

from prewatt.domain.tariff.models import Plan, PlanKind, PlanUse, PurchasePrice
from prewatt.domain.tariff.pricing import read
from prewatt.domain.tariff.rules.five import five_of


def plans(*, active: bool | None = None) -> QuerySet[Plan]:
    """With `meters`, how many use each."""
    found = Plan.objects.annotate(meters=Count("uses"))
    return found if active is None else found.filter(active=active)


def lost_of(plan: Plan) -> tuple[str, ...]:
    """What of the version that took effect last five prices cannot say; empty for most plans."""
    if plan.kind != PlanKind.FULL:
        return ()
    held = plan.versions.filter(number=plan.version).first()
    return five_of(read(held.document).versions[0]).lost if held else ()


def purchase(*, day: date) -> PurchasePrice | None:
    """What the site pays on this day; None while nobody said."""
    return PurchasePrice.objects.filter(from_day__lte=day).order_by("-from_day").first()


def plans_of(meter_ids: Iterable[int]) -> dict[int, Plan]:
    """The plan of each meter that has one."""
    uses = PlanUse.objects.filter(meter__in=list(meter_ids)).select_related("plan")
    return {use.meter_id: use.plan for use in uses}
