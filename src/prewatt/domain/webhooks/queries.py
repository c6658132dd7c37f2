"""Webhooks as their page shows them; nothing of them for who sees only some buildings."""

from __future__ import annotations

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
