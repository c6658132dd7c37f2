"""Reads of the estate: finding a tenant in one field, the building's tree, a gateway's own part."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import Case, Count, IntegerField, Max, Q, QuerySet, When

from prewatt.domain.estate import defaults, scope
from prewatt.domain.estate.models import Building, Bus, Gateway, Meter, MeterQuerySet, Opening
from prewatt.link import messages as link

if TYPE_CHECKING:
    from prewatt.domain.staff.models import Operator

SEARCH_TEXT_MAX = 64
SEARCH_RESULTS_MAX = 50


def search(*, text: str, operator: Operator, limit: int = 20) -> list[Meter]:
    """Meters whose room, tenant, phone, user or meter number fits, best first: exact room, then beginnings, then parts.

    Only what the operator may see. Pinyin initials find Chinese names: `hfxc` finds 海风西餐厅.
    """
    text = text.strip()[:SEARCH_TEXT_MAX]
    if not text:
        return []
    found = _with_tenant(Meter.objects.for_operator(operator)).filter(fitting(text))
    return list(found.order_by(_rank(text), "room__number", "number")[: min(limit, SEARCH_RESULTS_MAX)])


def fitting(text: str) -> Q:
    """The meters whose room, number or tenant has the text in it."""
    customer = Opening.objects.filter(closed_at__isnull=True).filter(
        Q(customer__name__icontains=text)
        | Q(customer__contact__icontains=text)
        | Q(customer__number__iexact=text)
        | Q(customer__phone__contains=text)
        | Q(customer__pinyin__startswith=text.lower())
    )
    return Q(room__number__icontains=text) | Q(number__icontains=text) | Q(pk__in=customer.values("meter"))


def _rank(text: str) -> Case:
    """Ranked by the database: the exact room must not drown among a thousand that contain its digits."""
    return Case(
        When(Q(room__number__iexact=text) | Q(number__iexact=text), then=0),
        When(room__number__istartswith=text, then=1),
        default=2,
        output_field=IntegerField(),
    )


def _with_tenant(meters: MeterQuerySet) -> MeterQuerySet:
    return meters.select_related("room__floor__building", "state")


def buildings(*, operator: Operator) -> list[Building]:
    found = Building.objects.all() if operator.all_buildings else operator.buildings.all()
    return list(found.order_by("sort", "code"))


def open_openings(meter_ids: list[int]) -> dict[int, Opening]:
    """The open account of each meter, with its customer."""
    found = Opening.objects.filter(meter__in=meter_ids, closed_at__isnull=True).select_related("customer")
    return {opening.meter_id: opening for opening in found}


def gateway_config(gateway: Gateway) -> link.Config:
    """What a gateway must know: its buses and active meters, in a stable order.

    How often a meter is read: as often as it says itself, else its bus, its building, the site.
    """
    buses = list(gateway.buses.order_by("code"))
    found = Meter.objects.filter(bus__gateway=gateway, active=True).select_related("bus", "room__floor")
    meters = found.order_by("number")
    site_s, of_buildings = defaults.site_sweep_s(), defaults.sweeps_of_buildings()
    return link.Config(
        version=gateway.config_version,
        gateway=gateway.code,
        buses=[
            link.BusConfig(bus=bus.code, url=bus.url, sweep_s=bus.sweep_s or site_s, status_s=bus.status_s)
            for bus in buses
        ],
        meters=[_meter_config(meter, of_buildings) for meter in meters],
    )


def _meter_config(meter: Meter, of_buildings: dict[int, int]) -> link.MeterConfig:
    building_s = of_buildings.get(meter.room.floor.building_id) if meter.room else None
    return link.MeterConfig(
        meter=meter.number,
        bus=meter.bus.code,
        unit=meter.unit,
        profile=meter.profile,
        address=meter.address,
        ct_ratio=meter.ratio,  # a gateway judges by the product alone
        sweep_s=meter.sweep_s or (None if meter.bus.sweep_s else building_s),
        allow=list(meter.allow),
        options=dict(meter.options),
    )


def gateways_with_sums(*, operator: Operator) -> QuerySet[Gateway]:
    """With `bus_count`, and over the meters that he may see `meter_count`, `silent_count` and `newest_reading_at`."""
    mine = Q(buses__meters__in=Meter.objects.for_operator(operator).order_by().values("pk"), buses__meters__active=True)
    return scope.gateways(operator).annotate(
        bus_count=Count("buses", distinct=True),
        meter_count=Count("buses__meters", filter=mine, distinct=True),
        silent_count=Count("buses__meters", filter=mine & Q(buses__meters__state__lost=True), distinct=True),
        newest_reading_at=Max("buses__meters__state__taken_at", filter=mine),
    )


def buses_with_sums(gateway: Gateway, *, operator: Operator) -> QuerySet[Bus]:
    """With `meter_count` and `silent_count` over the meters that he may see."""
    mine = Q(meters__in=Meter.objects.for_operator(operator).order_by().values("pk"), meters__active=True)
    return gateway.buses.annotate(
        meter_count=Count("meters", filter=mine, distinct=True),
        silent_count=Count("meters", filter=mine & Q(meters__state__lost=True), distinct=True),
    ).order_by("code")
