"""Webhooks as their page shows them; nothing of them for who sees only some buildings."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from django.db.models import Count, Q, QuerySet

from prewatt.domain.staff.rights import Right
from prewatt.domain.webhooks.models import Delivery, DeliveryState, Endpoint

if TYPE_CHECKING:
    from prewatt.domain.staff.models import Operator


def endpoints(*, operator: Operator) -> QuerySet[Endpoint]:
    if not (operator.is_active and operator.may(Right.SETTINGS) and operator.all_buildings):
        return Endpoint.objects.none()
    waiting = Count("deliveries", filter=Q(deliveries__state=DeliveryState.WAITING))
    return Endpoint.objects.annotate(waiting=waiting).order_by("name", "pk")


def deliveries(*, operator: Operator) -> QuerySet[Delivery]:
    mine = endpoints(operator=operator).order_by().values("pk")
    return Delivery.objects.filter(endpoint__in=mine).select_related("endpoint").order_by("-pk")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Empty: all of them. Days are the site's, of what happened; `text` is part of the id or of the message."""

    endpoint: int = 0
    event: str = ""
    state: str = ""
    text: str = ""
    first_day: date | None = None
    last_day: date | None = None


def wanted_deliveries(*, operator: Operator, wanted: Wanted) -> QuerySet[Delivery]:
    found = deliveries(operator=operator)
    same = {"endpoint": wanted.endpoint, "event": wanted.event, "state": wanted.state}
    found = found.filter(**{name: value for name, value in same.items() if value})
    if wanted.text:
        found = found.filter(Q(event_id__icontains=wanted.text) | Q(body__icontains=wanted.text))
    if wanted.first_day is not None:
        found = found.filter(at__date__gte=wanted.first_day)
    if wanted.last_day is not None:
        found = found.filter(at__date__lte=wanted.last_day)
    return found


def is_next(one: Delivery) -> bool:
    """Nothing waits before it: it is what its endpoint's queue hangs on."""
    before = Delivery.objects.filter(endpoint=one.endpoint_id, state=DeliveryState.WAITING, pk__lt=one.pk)
    return one.state == DeliveryState.WAITING and not before.exists()
