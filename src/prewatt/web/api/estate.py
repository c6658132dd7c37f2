"""Buildings, rooms, meters and what they used, gateways."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from enum import Enum
from typing import Annotated, Any

from django.db.models import Sum
from django.db.models.functions import TruncMonth
from django.http import HttpRequest
from ninja import Query, Schema

from prewatt.domain.estate import queries as estate
from prewatt.domain.estate import scope
from prewatt.domain.estate.models import Meter
from prewatt.domain.metering import queries as metering
from prewatt.domain.metering.closing import day_start_ms
from prewatt.domain.metering.models import UsageDay, UsageHour
from prewatt.domain.staff.rights import Right
from prewatt.web.api import shapes
from prewatt.web.api.doors import Chapter, bearer, reads
from prewatt.web.api.finding import meter_of
from prewatt.web.api.paging import Parts, check_span, take
from prewatt.web.api.shapes import Pk, Word

chapter = Chapter("estate")
DAYS_MAX = {"hour": 32, "day": 732, "month": 3660}


class WantedMeters(Schema):
    """`number` is the whole number; `text` fits room, tenant, phone, user and meter number as at the counter."""

    number: Word = ""
    text: Word = ""
    building: Word = ""
    active: bool | None = None


class By(Enum):
    HOUR = "hour"
    DAY = "day"
    MONTH = "month"


@reads(chapter, "/buildings", Right.READ, of=shapes.BuildingsOut)
def list_buildings(request: HttpRequest) -> Any:
    """The buildings that this token sees"""
    found = estate.buildings(operator=bearer(request))
    return {"items": [shapes.building(row) for row in found]}


@reads(chapter, "/rooms", Right.READ, of=shapes.RoomsOut)
def list_rooms(request: HttpRequest, part: Parts) -> Any:
    """Rooms"""
    rows, after = take(scope.rooms(bearer(request)).select_related("floor__building"), part)
    return {"items": [shapes.room(row) for row in rows], "next": after}


@reads(chapter, "/meters", Right.READ, of=shapes.MetersOut)
def list_meters(request: HttpRequest, part: Parts, wanted: Annotated[WantedMeters, Query()]) -> Any:
    """Meters with their newest values and states, by number"""
    found = Meter.objects.for_operator(bearer(request))
    if wanted.number:
        found = found.filter(number=wanted.number)
    if wanted.text:
        found = found.filter(estate.fitting(wanted.text))
    if wanted.building:
        found = found.filter(room__floor__building__code=wanted.building)
    if wanted.active is not None:
        found = found.filter(active=wanted.active)
    rows, after = take(found, part, by="number")
    shown = {row.meter.pk: row for row in metering.standings(Meter.objects.filter(pk__in=[row.pk for row in rows]))}
    return {"items": [shapes.meter(shown[row.pk]) for row in rows], "next": after}


@reads(chapter, "/meters/{meter_id}", Right.READ, of=shapes.MeterOut)
def get_meter(request: HttpRequest, meter_id: Pk) -> Any:
    """One meter with its newest values and state"""
    return shapes.meter(metering.standing(meter_of(request, meter_id)))


@reads(chapter, "/meters/{meter_id}/usage", Right.READ, of=shapes.UsageOut)
def get_usage(request: HttpRequest, meter_id: Pk, by: By, first_day: date, last_day: date) -> Any:
    """What one meter used, by hour, day or month; hours without a known use are absent"""
    meter, most = meter_of(request, meter_id), DAYS_MAX[by.value]
    check_span(first_day, last_day, most)
    rows = _hours(meter, first_day, last_day) if by == By.HOUR else _days(meter, first_day, last_day, by)
    return {"items": [{"at": at, "energy_wh": wh, "deducted_fen": fen} for at, wh, fen in rows]}


def _hours(meter: Meter, first: date, last: date) -> list[tuple[datetime, int, int | None]]:
    zone = metering.zone()
    start_ms, end_ms = day_start_ms(first, zone), day_start_ms(last + timedelta(days=1), zone)
    found = UsageHour.objects.filter(meter=meter, start_ms__gte=start_ms, start_ms__lt=end_ms).order_by("start_ms")
    return [
        (datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(zone), wh, None)
        for at_ms, wh in found.values_list("start_ms", "energy_wh")
    ]


def _days(meter: Meter, first: date, last: date, by: By) -> list[tuple[datetime, int, int | None]]:
    found = UsageDay.objects.filter(meter=meter, day__gte=first, day__lte=last).order_by("day")
    rows = found.values_list("day", "energy_wh", "deducted_fen")
    if by == By.MONTH:
        months = found.order_by().annotate(month=TruncMonth("day")).values_list("month").order_by("month")
        rows = months.annotate(wh=Sum("energy_wh"), fen=Sum("deducted_fen"))
    return [(datetime.combine(day, time(), metering.zone()), wh, fen) for day, wh, fen in rows]


@reads(chapter, "/gateways", Right.READ, of=shapes.GatewaysOut)
def list_gateways(request: HttpRequest, part: Parts) -> Any:
    """Gateways, with how many meters each reads and how many are silent"""
    rows, after = take(estate.gateways_with_sums(operator=bearer(request)), part)
    return {"items": [shapes.gateway(row) for row in rows], "next": after}
