"""短信费用: what carriers charge, by month, kind, building and carrier."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import BigIntegerField, Case, Count, F, Q, Sum, Value, When
from django.db.models.functions import Length, TruncMonth

from prewatt.domain.notices import queries
from prewatt.domain.notices.models import Message, State
from prewatt.domain.notices.queries import Wanted

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from prewatt.domain.staff.models import Operator

# What a carrier took, whatever became of it: it charges for that.
TAKEN = Q(sent_at__isnull=False) | Q(state=State.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Cost:
    """`parts` and `characters`: of what the carriers took. `building` and `carrier` empty: of none."""

    month: date
    kind: str
    building: str
    carrier: str
    messages: int
    sent: int
    arrived: int
    failed: int
    characters: int
    parts: int
    cost_e4: int


def costs(*, operator: Operator, wanted: Wanted, building: str = "") -> list[Cost]:
    """Of his buildings' messages, the newest month first. `building` is a code."""
    found: QuerySet[Message] = queries.wanted_messages(operator=operator, wanted=wanted)
    if building:
        found = found.filter(building__code=building)
    month = TruncMonth("made_at", tzinfo=ZoneInfo(settings.TIME_ZONE))
    grouped = found.order_by().annotate(month=month).values("month", "kind", "building__name", "carrier__name")
    rows = grouped.annotate(
        messages=Count("pk"),
        sent=Count("pk", filter=TAKEN),
        arrived=Count("pk", filter=Q(state=State.DELIVERED)),
        failed=Count("pk", filter=Q(state__in=(State.FAILED, State.EXPIRED))),
        characters=Sum(_taken(Length("text"))),
        charged=Sum(_taken(F("parts"))),
        cost=Sum("cost_e4"),
    ).order_by("-month", "kind", "building__name", "carrier__name")
    return [
        Cost(
            month=row["month"].date(),
            kind=row["kind"],
            building=row["building__name"] or "",
            carrier=row["carrier__name"] or "",
            characters=row["characters"] or 0,
            parts=row["charged"] or 0,
            cost_e4=row["cost"] or 0,
            **{name: row[name] for name in ("messages", "sent", "arrived", "failed")},
        )
        for row in rows
    ]


def _taken(value: F | Length) -> Case:
    return Case(When(TAKEN, then=value), default=Value(0), output_field=BigIntegerField())
