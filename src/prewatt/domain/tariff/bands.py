"""Which band of the day is when, for a chart of many meters. Reads only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from django.db.models import Count

from prewatt.domain.tariff.history import holding
from prewatt.domain.tariff.models import Plan, PlanUse
from prewatt.domain.tariff.pricing import read
from prewatt.domain.tariff.rules.plan import Slot, Version

if TYPE_CHECKING:
    from django.db.models import QuerySet

PLANS_MAX = 5  # the most used ones are asked for their hours
DAY_MINUTES = 24 * 60


@dataclass(frozen=True, slots=True)
class Span:
    """From one minute of the day to another, the later excluded."""

    first: int
    end: int
    band: str


def bands_of(meters: QuerySet[Any], *, day: date, now: datetime) -> tuple[Span, ...]:
    """The bands of that day by the plan that most of the meters use and that has hours; none where no plan has."""
    uses = PlanUse.objects.filter(meter__in=meters.order_by().values("pk")).values("plan")
    most = uses.annotate(meters=Count("pk")).order_by("-meters", "plan")[:PLANS_MAX]
    plans = Plan.objects.in_bulk([one["plan"] for one in most])
    for one in most:
        version = holding(plans[one["plan"]], at=now)
        if version is not None and (spans := spans_of(read(version.document).versions[0], day)):
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
