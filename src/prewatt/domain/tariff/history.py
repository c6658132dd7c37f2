"""The rows of the past: versions of plans, and which meter used which plan from when. They are only ever added.

Nobody is asked here whether he may: `operations` and `versions` do that, and write the log.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.db.models import Max

from prewatt.domain.tariff.models import Plan, PlanChange, PlanKind, PlanVersion
from prewatt.domain.tariff.rules.five import document_of

if TYPE_CHECKING:
    from prewatt.domain.staff.models import Operator

SECOND = timedelta(seconds=1)
CHUNK = 500


def whole_second(at: datetime) -> datetime:
    """This instant or the next whole second: a price never begins before it was decided."""
    return at if not at.microsecond else at.replace(microsecond=0) + SECOND


def five_prices(plan: Plan) -> dict[str, Any]:
    """The document of a plan that has only its five prices; the hours of the bands are the meter's own."""
    return document_of(name=plan.name, prices=plan.prices, flat=plan.kind == PlanKind.FLAT)


def free_instant(plan: Plan, at: datetime) -> datetime:
    """The first whole second from `at` on from which no version of the plan holds yet."""
    at = whole_second(at)
    taken = set(
        plan.versions.filter(withdrawn_at=None, effective_from__gte=at).values_list("effective_from", flat=True)
    )
    while at in taken:
        at += SECOND
    return at


def keep_version(
    *,
    plan: Plan,
    document: Mapping[str, Any],
    effective_from: datetime,
    operator: Operator,
    now: datetime,
    note: str = "",
    key: str | None = None,
    send_by: Operator | None = None,
) -> PlanVersion:
    """The next number of the plan. Inside the caller's transaction; the plan's row is held until its end."""
    Plan.objects.select_for_update().get(pk=plan.pk)
    newest = plan.versions.aggregate(newest=Max("number"))["newest"] or 0
    return PlanVersion.objects.create(
        plan=plan,
        number=newest + 1,
        effective_from=effective_from,
        document=dict(document),
        note=note,
        key=key,
        send_by=send_by,
        created_at=now,
        created_by=operator,
    )


def keep_uses(*, plan: Plan, meter_ids: Iterable[int], operator: Operator, now: datetime) -> None:
    """From now on these meters use this plan."""
    PlanChange.objects.bulk_create(
        [PlanChange(meter_id=pk, plan=plan, since=now, operator=operator) for pk in meter_ids], batch_size=CHUNK
    )


def holding(plan: Plan, *, at: datetime) -> PlanVersion | None:
    """The version of an instant; None before the first."""
    found = plan.versions.filter(withdrawn_at=None, effective_from__lte=at)
    return found.order_by("-effective_from").first()
