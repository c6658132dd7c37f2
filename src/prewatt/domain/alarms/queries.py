"""Alarms of now and of the past, within the operator's buildings."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from django.db.models import Count, Q, QuerySet

from prewatt.domain.alarms.models import THINGS, Alarm
from prewatt.domain.estate import queries as estate
from prewatt.domain.estate import scope
from prewatt.domain.estate.models import Meter
from prewatt.domain.metering.board import span
from prewatt.domain.metering.closing import day_start_ms
from prewatt.domain.metering.queries import zone

if TYPE_CHECKING:
    from prewatt.domain.staff.models import Operator


def alarms(*, operator: Operator) -> QuerySet[Alarm]:
    """Those of his meters, and of the gateways and buses that read at least one of them.

    Carriers and providers are the whole site's: for who sees every building.
    """
    if not operator.is_active:
        return Alarm.objects.none()
    if operator.all_buildings:
        return Alarm.objects.all()
    mine = Meter.objects.for_operator(operator).order_by().values("pk")
    gateways = scope.gateways(operator).order_by().values("pk")
    buses = Meter.objects.for_operator(operator).order_by().values("bus")
    return Alarm.objects.filter(Q(meter__in=mine) | Q(gateway__in=gateways) | Q(bus__in=buses))


def open_count(*, operator: Operator) -> int:
    """Alarms that go on and that nobody has taken note of."""
    return alarms(operator=operator).filter(until__isnull=True, acknowledged_at__isnull=True).count()


@dataclass(frozen=True, slots=True)
class Wanted:
    """Empty: all of them. `floors` is a number or a span. Days are the site's; an episode counts where it overlaps."""

    open_only: bool = False
    kind: str = ""
    building: str = ""  # its code
    floors: str = ""
    text: str = ""  # room, meter, tenant
    acknowledged: bool | None = None
    first_day: date | None = None
    last_day: date | None = None


_SHOWN = (
    *("meter__room__floor__building", "opening__customer", "gateway", "bus__gateway", "carrier", "building"),
    "acknowledged_by",
)


def wanted_alarms(*, operator: Operator, wanted: Wanted) -> QuerySet[Alarm]:
    found = alarms(operator=operator).select_related(*_SHOWN)
    if wanted.open_only:
        found = found.filter(until__isnull=True)
    if wanted.kind:
        found = found.filter(kind=wanted.kind)
    if wanted.building:
        found = found.filter(building__code=wanted.building)
    if floors := span(wanted.floors):
        found = found.filter(meter__room__floor__number__range=floors)
    if wanted.text:
        found = found.filter(_fitting(wanted.text))
    if wanted.acknowledged is not None:
        found = found.filter(acknowledged_at__isnull=not wanted.acknowledged)
    return _between(found, wanted)


def _fitting(text: str) -> Q:
    """Who lived there when it began counts, and who lives there now."""
    meters = Meter.objects.filter(estate.fitting(text)).order_by().values("pk")
    found = Q(meter__in=meters) | Q(opening__customer__name__icontains=text) | Q(gateway__code__icontains=text)
    return (
        found | Q(bus__code__icontains=text) | Q(bus__gateway__code__icontains=text) | Q(carrier__name__icontains=text)
    )


def _between(found: QuerySet[Alarm], wanted: Wanted) -> QuerySet[Alarm]:
    if wanted.first_day is not None:
        found = found.filter(Q(until__isnull=True) | Q(until__gte=_start(wanted.first_day)))
    if wanted.last_day is not None:
        found = found.filter(since__lt=_start(wanted.last_day + timedelta(days=1)))
    return found


def _start(day: date) -> datetime:
    return datetime.fromtimestamp(day_start_ms(day, zone()) / 1000, zone())


def open_counts(*, operator: Operator) -> dict[str, int]:
    """How many alarms of each kind go on."""
    rows = alarms(operator=operator).filter(until__isnull=True).order_by()
    return dict(rows.values_list("kind").annotate(number=Count("pk")))


EARLIER_ROWS = 10


def earlier(alarm: Alarm, *, operator: Operator) -> list[Alarm]:
    """The last episodes of the same thing, this one left out."""
    things = {thing: getattr(alarm, f"{thing}_id") for thing in THINGS}
    of = {thing: pk for thing, pk in things.items() if pk is not None} or {"channel": alarm.channel}
    found = alarms(operator=operator).filter(**of).exclude(pk=alarm.pk).select_related("acknowledged_by")
    return list(found.order_by("-since", "-pk")[:EARLIER_ROWS])
