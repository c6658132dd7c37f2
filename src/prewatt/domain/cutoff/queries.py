"""Accounts in stages, what is to be told, what keeps power on: within the operator's buildings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db.models import Count, Q, QuerySet

from prewatt.domain.cutoff import facts
from prewatt.domain.cutoff.models import FairRules, Grace, Keep, Notice, Standing
from prewatt.domain.estate import queries as estate
from prewatt.domain.estate.models import Meter, Opening

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from prewatt.domain.staff.models import Operator

rules = facts.rules


def rules_facts(held: FairRules) -> dict[str, Any]:
    return {field.name: getattr(held, field.name) for field in FairRules._meta.concrete_fields if field.name != "id"}


def openings(*, operator: Operator) -> QuerySet[Opening]:
    """His open accounts."""
    mine = Meter.objects.for_operator(operator).order_by().values("pk")
    return Opening.objects.filter(meter__in=mine, closed_at__isnull=True).select_related("meter__room", "customer")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Empty: all of them."""

    stage: str = ""
    why: str = ""
    building: str = ""
    text: str = ""
    untold: bool = False


def standings(*, operator: Operator, wanted: Wanted | None = None) -> QuerySet[Standing]:
    """His accounts that run out of money."""
    asked = wanted or Wanted()
    mine = Meter.objects.for_operator(operator).order_by()
    if asked.text:
        mine = mine.filter(estate.fitting(asked.text))
    if asked.building:
        mine = mine.filter(room__floor__building__code=asked.building)
    found = Standing.objects.filter(opening__meter__in=mine.values("pk"))
    found = found.select_related("opening__customer", "opening__meter__room__floor__building", "trip")
    if asked.stage:
        found = found.filter(stage=asked.stage)
    if asked.why:
        found = found.filter(why=asked.why)
    if asked.untold:
        found = found.filter(opening__in=_untold().values("opening"))
    return found


def _untold() -> QuerySet[Notice]:
    return Notice.objects.filter(open=True, told_at__isnull=True).order_by()


def notices(*, operator: Operator) -> QuerySet[Notice]:
    """Everything that his tenants were or are to be told."""
    mine = Meter.objects.for_operator(operator).order_by().values("pk")
    return Notice.objects.filter(opening__meter__in=mine).select_related(
        "opening__meter__room__floor__building", "opening__customer", "told_by"
    )


def counts(*, operator: Operator) -> dict[str, int]:
    """How many of his accounts stand at each stage. One query."""
    rows = standings(operator=operator).order_by().values_list("stage").annotate(number=Count("pk"))
    return dict(rows)


def to_tell(*, operator: Operator) -> int:
    """How many of his tenants' accounts have a notice that nobody has told yet."""
    mine = Meter.objects.for_operator(operator).order_by().values("pk")
    return _untold().filter(opening__meter__in=mine).aggregate(number=Count("opening", distinct=True))["number"] or 0


def standing_of(opening: Opening) -> Standing | None:
    return Standing.objects.filter(pk=opening.pk).first()


def last_notices(opening_ids: Collection[int]) -> dict[int, Notice]:
    """The newest notice of each of these accounts that still counts."""
    rows = Notice.objects.filter(opening__in=opening_ids, open=True).select_related("told_by").order_by("at", "pk")
    return {one.opening_id: one for one in rows}


@dataclass(frozen=True, slots=True)
class Case:
    """All that is known of one account that runs out of money, or ran out before."""

    opening: Opening
    standing: Standing | None
    notices: list[Notice]
    graces: list[Grace]
    keeps: list[Keep]

    @property
    def untold(self) -> list[Notice]:
        return [one for one in self.notices if one.open and one.told_at is None]

    def running(self, now: datetime) -> Grace | None:
        """The grace that is promised now."""
        return next((one for one in self.graces if one.ended_at is None and one.until > now), None)


CASE_ROWS = 20


def case(*, operator: Operator, opening_id: int) -> Case | None:
    opening = openings(operator=operator).filter(pk=opening_id).first()
    if opening is None:
        return None
    said = notices(operator=operator).filter(opening=opening).order_by("-at", "-pk")[:CASE_ROWS]
    graces = Grace.objects.filter(opening=opening).select_related("by").order_by("-at")[:CASE_ROWS]
    keeps = Keep.objects.filter(opening=opening).select_related("hold", "release").order_by("-began_at")[:CASE_ROWS]
    standing = standings(operator=operator).filter(pk=opening.pk).first()
    return Case(opening, standing, list(said), list(graces), list(keeps))


def kept_now(*, operator: Operator) -> QuerySet[Keep]:
    """Meters that we hold on now."""
    mine = Meter.objects.for_operator(operator).order_by().values("pk")
    return Keep.objects.filter(Q(meter__in=mine), ended_at__isnull=True)
