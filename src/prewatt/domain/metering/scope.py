"""Which meters a report of energy is about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db.models import Q

from prewatt.domain.estate import queries as estate
from prewatt.domain.estate.models import Meter, MeterQuerySet, Opening
from prewatt.domain.metering.board import span

if TYPE_CHECKING:
    from prewatt.domain.staff.models import Operator


@dataclass(frozen=True, slots=True)
class Scope:
    """Empty: every meter. `floors` is a number or a span such as 11-20, `area` an area's id, `use` a kind of use."""

    text: str = ""
    building: str = ""
    area: str = ""
    floors: str = ""
    use: str = ""


def meters(*, operator: Operator, scope: Scope) -> MeterQuerySet:
    """His meters within the scope, those taken out of use as well: what they counted stays counted."""
    found = Meter.objects.for_operator(operator).order_by()
    if scope.text:
        found = found.filter(estate.fitting(scope.text))
    if scope.building:
        found = found.filter(room__floor__building__code=scope.building)
    if scope.area:
        found = found.filter(room__area=int(scope.area))
    if floors := span(scope.floors):
        found = found.filter(room__floor__number__range=floors)
    return found.filter(_of_use(scope.use)) if scope.use else found


def _of_use(use: str) -> Q:
    """What the account says goes before what the room says."""
    current = Opening.objects.filter(closed_at__isnull=True).exclude(use="")
    said = Q(pk__in=current.filter(use=use).values("meter"))
    return said | (Q(room__use=use) & ~Q(pk__in=current.values("meter")))


def everything(operator: Operator, scope: Scope) -> bool:
    """Whether no meter is left out: then the database need not be given a list of them."""
    return scope == Scope() and operator.is_active and operator.all_buildings
