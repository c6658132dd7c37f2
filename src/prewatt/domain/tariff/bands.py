"""Which band of the day is when, for a chart of many meters. Reads only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from django.db.models import Count

from prewatt.domain.tariff.models import PlanVersion
from prewatt.domain.tariff.pricing import read
from prewatt.domain.tariff.rules.plan import Slot, Version

if TYPE_CHECKING:
    from django.db.models import QuerySet

VERSIONS_MAX = 50  # of the most used plans
DAY_MINUTES = 24 * 60


@dataclass(frozen=True, slots=True)
class Span:
    """From one minute of the day to another, the later excluded."""

    first: int
    end: int
    band: str


def bands_of(meters: QuerySet[Any], *, day: date, now: datetime) -> tuple[Span, ...]:
    """The bands of that day by the plan that most of the meters use and that has hours; none where no plan has."""
    mine = meters.order_by().values("pk")
    began = PlanVersion.objects.filter(withdrawn_at=None, effective_from__lte=now, plan__uses__meter__in=mine)
    most = began.annotate(meters=Count("plan__uses")).order_by("-meters", "plan", "-effective_from")
    seen: set[int] = set()
    for version in most[:VERSIONS_MAX]:
        if version.plan_id in seen:
            continue  # an older one of the same plan
        seen.add(version.plan_id)
        if spans := spans_of(read(version.document).versions[0], day):
            return spans
    return ()


def spans_of(version: Version, day: date) -> tuple[Span, ...]:
    table = version.table_of(day)
    return _spans(version.tables[table]) if table is not None and version.banded else ()


def _spans(slots: tuple[Slot, ...]) -> tuple[Span, ...]:
    """What the day begins with, where no slot begins at midnight, is the band of the evening before."""
    if not slots:
        return ()
    begins = sorted((one.at.hour * 60 + one.at.minute, one.band) for one in slots)
    if begins[0][0]:
        begins.insert(0, (0, begins[-1][1]))
    ends = [*(first for first, _band in begins[1:]), DAY_MINUTES]
    return tuple(Span(first, end, band) for (first, band), end in zip(begins, ends, strict=True))
