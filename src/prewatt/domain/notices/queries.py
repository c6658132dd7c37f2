"""Messages within the operator's buildings, and how the carriers do."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Count, Q, QuerySet, Sum

from prewatt.domain.estate.models import Meter
from prewatt.domain.notices.models import Carrier, Message, State

if TYPE_CHECKING:
    from prewatt.domain.staff.models import Operator


def messages(*, operator: Operator) -> QuerySet[Message]:
    """Those about his meters; those about no meter (alarms to operators, codes) for who sees every building."""
    found = Message.objects.select_related("customer", "meter__room", "carrier", "by", "building")
    if not operator.is_active:
        return found.none()
    if operator.all_buildings:
        return found
    return found.filter(meter__in=Meter.objects.for_operator(operator).order_by().values("pk"))


@dataclass(frozen=True, slots=True)
class Wanted:
    """Empty: all of them. Days are the site's."""

    kind: str = ""
    state: str = ""
    carrier: int = 0
    text: str = ""  # recipient, tenant, meter, words
    first_day: date | None = None
    last_day: date | None = None


def wanted_messages(*, operator: Operator, wanted: Wanted) -> QuerySet[Message]:
    found = messages(operator=operator)
    if wanted.kind:
        found = found.filter(kind=wanted.kind)
    if wanted.state:
        found = found.filter(state=wanted.state)
    if wanted.carrier:
        found = found.filter(carrier=wanted.carrier)
    if wanted.text:
        found = found.filter(_fitting(wanted.text))
    if wanted.first_day is not None:
        found = found.filter(made_at__gte=_start(wanted.first_day))
    if wanted.last_day is not None:
        found = found.filter(made_at__lt=_start(wanted.last_day + timedelta(days=1)))
    return found


def _fitting(text: str) -> Q:
    names = ("to", "text", "customer__name", "customer__number", "meter__number", "meter__room__number")
    fits = Q()
    for name in names:
        fits |= Q(**{f"{name}__icontains": text})
    return fits


def _start(day: date) -> datetime:
    return datetime.combine(day, datetime.min.time(), tzinfo=ZoneInfo(settings.TIME_ZONE))


def totals(found: QuerySet[Message]) -> dict[str, int]:
    """Parts and what they cost, of all of them."""
    sums = found.order_by().aggregate(parts=Sum("parts"), cost_e4=Sum("cost_e4"))
    return {name: int(value or 0) for name, value in sums.items()}


def carriers() -> QuerySet[Carrier]:
    """For who sees every building: a carrier is the whole site's."""
    waiting = Count("messages", filter=Q(messages__state=State.SENDING))
    return Carrier.objects.annotate(busy=waiting).order_by("sort", "pk")


def seen_carriers(*, operator: Operator) -> QuerySet[Carrier]:
    """All of them, or none: a carrier sends for every building."""
    found = Carrier.objects.all()
    return found if operator.is_active and operator.all_buildings else found.none()


def ailing() -> list[Carrier]:
    """Switched on and not working: somebody should look."""
    return list(Carrier.objects.filter(Q(failing_since__isnull=False) | ~Q(stopped_for=""), on=True))
