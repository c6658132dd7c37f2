"""Which backups there are, and whether the last good one is young enough."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.db.models import QuerySet

from prewatt.domain.backups.models import Plan, Run, RunState
from prewatt.domain.dispatch.models import RestorePoint, Unseen
from prewatt.domain.staff.rights import Right

if TYPE_CHECKING:
    from prewatt.domain.staff.models import Operator

WARN_AFTER = timedelta(days=2)


@dataclass(frozen=True, slots=True)
class Health:
    """`failed`: the newest attempt, when it is newer than the last good one."""

    good: Run | None
    failed: Run | None
    running: Run | None
    planned: bool
    old: bool

    @property
    def warns(self) -> bool:
        return self.old or self.failed is not None


def runs(*, operator: Operator) -> QuerySet[Run]:
    """Every backup holds every building: who sees only some sees none of them."""
    mine = operator.is_active and operator.all_buildings and operator.may(Right.SETTINGS)
    return Run.objects.select_related("asked_by").order_by("-asked_at", "-id") if mine else Run.objects.none()


def health(*, operator: Operator, now: datetime) -> Health | None:
    """For the dashboard; None for who may not see it."""
    every = runs(operator=operator)
    if not (operator.is_active and operator.all_buildings and operator.may(Right.SETTINGS)):
        return None
    good = every.filter(state=RunState.DONE).order_by("-ended_at").first()
    failed = every.filter(state=RunState.FAILED).order_by("-ended_at").first()
    if failed is not None and good is not None and failed.asked_at <= good.asked_at:
        failed = None
    old = good is None or good.ended_at is None or now - good.ended_at > WARN_AFTER
    return Health(
        good=good,
        failed=failed,
        running=every.filter(state__in=(RunState.QUEUED, RunState.RUNNING)).first(),
        planned=Plan.objects.filter(on=True).exists(),
        old=old,
    )


@dataclass(frozen=True, slots=True)
class Restored:
    """What the last restore left to be done: meters not compared yet, and meters that show other purchases."""

    point: RestorePoint
    waiting: int
    differing: list[Unseen]


def restored() -> Restored | None:
    point = RestorePoint.objects.order_by("-pk").first()
    if point is None:
        return None
    differing = Unseen.objects.filter(differs=True).select_related("meter").order_by("meter__number")
    return Restored(point, Unseen.objects.filter(differs=False).count(), list(differing[:50]))
