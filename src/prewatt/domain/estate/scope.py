"""What of the estate an operator may see, and what he may change."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from prewatt.domain.estate.models import Area, Building, Bus, Gateway, GatewayEvent, Meter, Room
from prewatt.domain.estate.refusals import NotYours

if TYPE_CHECKING:
    from prewatt.domain.staff.models import Operator


def buildings(operator: Operator) -> QuerySet[Building]:
    if not operator.is_active:
        return Building.objects.none()
    return Building.objects.all() if operator.all_buildings else operator.buildings.all()


def rooms(operator: Operator) -> QuerySet[Room]:
    return Room.objects.filter(floor__building__in=buildings(operator).order_by().values("pk"))


def areas(operator: Operator) -> QuerySet[Area]:
    return Area.objects.filter(building__in=buildings(operator).order_by().values("pk"))


def gateways(operator: Operator) -> QuerySet[Gateway]:
    """The gateways that read at least one meter of his."""
    if operator.is_active and operator.all_buildings:
        return Gateway.objects.all()
    mine = Meter.objects.for_operator(operator).order_by().values("bus__gateway")
    return Gateway.objects.filter(pk__in=mine)


def buses(operator: Operator) -> QuerySet[Bus]:
    return Bus.objects.filter(gateway__in=gateways(operator).order_by().values("pk")).select_related("gateway")


def events(operator: Operator) -> QuerySet[GatewayEvent]:
    """What his gateways told, without what they told of meters in other buildings."""
    found = GatewayEvent.objects.filter(gateway__in=gateways(operator).order_by().values("pk"))
    if operator.all_buildings:
        return found
    mine = Meter.objects.for_operator(operator).order_by().values("number")
    return found.filter(meter_number__in=["", *[row["number"] for row in mine]])


def check_site(operator: Operator) -> None:
    """What concerns every building is changed by those who see every building."""
    if not (operator.is_active and operator.all_buildings):
        raise NotYours(
            _("This concerns every building, and %(who)s sees only some. Nothing was changed. Ask an administrator.")
            % {"who": operator.username}
        )


def check_building(operator: Operator, building: Building) -> None:
    if not buildings(operator).filter(pk=building.pk).exists():
        raise NotYours(
            _("Building %(code)s is none of %(who)s's. Nothing was changed.")
            % {"code": building.code, "who": operator.username}
        )


def check_gateway(operator: Operator, gateway: Gateway) -> None:
    """A gateway is changed by those who may see every meter behind it."""
    every = Meter.objects.filter(bus__gateway=gateway)
    mine = Meter.objects.for_operator(operator).filter(bus__gateway=gateway)
    seen = gateways(operator).filter(pk=gateway.pk).exists()
    if not seen or every.count() != mine.count():
        raise NotYours(
            _("Gateway %(code)s reads meters outside the buildings of %(who)s. Nothing was changed.")
            % {"code": gateway.code, "who": operator.username}
        )


def is_whole(operator: Operator, gateway: Gateway) -> bool:
    try:
        check_gateway(operator, gateway)
    except NotYours:
        return False
    return True
