"""Gateways, buses and meters: added, changed, removed where nothing hangs on them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from django.http import HttpRequest
from ninja import Schema
from pydantic import Field, StrictInt

from prewatt.domain.estate import gateways, meters, queries, scope
from prewatt.domain.estate.models import Bus, Gateway, GatewayEvent, Meter
from prewatt.domain.metering import queries as metering
from prewatt.domain.staff.rights import Right
from prewatt.web.api import shapes
from prewatt.web.api.doors import Chapter, bearer, by, reads, write_id, writes
from prewatt.web.api.finding import meter_of, one
from prewatt.web.api.paging import Parts, take
from prewatt.web.api.shapes import FenOrNone, Given, Id, Pk, Text, Word, changed, texts

chapter = Chapter("installation")
Code = Annotated[str, Field(max_length=32, pattern=shapes.PRINTABLE)]
Ratio = Annotated[StrictInt, Field(ge=1, le=10_000)]
Sweep = Annotated[StrictInt, Field(ge=60, le=86_400, description="seconds")]
PriceE4 = Annotated[StrictInt, Field(ge=0, lt=2**31)]


def _gateway(request: HttpRequest, pk: int) -> Gateway:
    return one(queries.gateways_with_sums(operator=bearer(request)).filter(pk=pk))


@reads(chapter, "/gateways/{gateway_id}", Right.READ, of=shapes.GatewayOut)
def get_gateway(request: HttpRequest, gateway_id: Pk) -> Any:
    """One gateway"""
    return shapes.gateway(_gateway(request, gateway_id))


class GatewayIn(Given):
    """`suite`: aes-256-gcm, sm4-gcm or 3des-cbc."""

    code: Code
    name: Word = ""
    suite: Word = gateways.SUITES[0]


class GatewayChange(Given):
    """What is left out stays. Its code stays: it is part of its keys."""

    name: Word | None = None
    suite: Word | None = None


@writes(chapter, "/gateways", Right.SETTINGS, of=shapes.GatewayOut)
def add_gateway(request: HttpRequest, given: GatewayIn) -> Any:
    """A new gateway"""
    made = gateways.create_gateway(form_id=write_id(request), typed=texts(given.dict()), **by(request))
    return shapes.gateway(_gateway(request, made.pk))


@writes(chapter, "/gateways/{gateway_id}", Right.SETTINGS, of=shapes.GatewayOut, change=True)
def change_gateway(request: HttpRequest, gateway_id: Pk, given: GatewayChange) -> Any:
    """Change a gateway's name, or the suite of its next keys"""
    held = _gateway(request, gateway_id)
    gateways.change_gateway(gateway=held, typed=changed(held, given), **by(request))
    return shapes.gateway(_gateway(request, gateway_id))


@writes(chapter, "/gateways/{gateway_id}/remove", Right.SETTINGS, of=shapes.GatewayOut)
def remove_gateway(request: HttpRequest, gateway_id: Pk, given: shapes.NothingIn) -> Any:  # noqa: ARG001
    """Remove a gateway that never spoke and has no bus"""
    held = _gateway(request, gateway_id)
    was = shapes.gateway(held)
    gateways.remove_gateway(gateway=held, **by(request))
    return was


class EnrolmentOut(Schema):
    """`enrolment_code` is to be typed at the gateway within a day. It is said this once: empty when asked again."""

    gateway_id: int
    enrolment_code: str


@writes(chapter, "/gateways/{gateway_id}/code", Right.SETTINGS, of=EnrolmentOut, said_once="enrolment_code")
def draw_code(request: HttpRequest, gateway_id: Pk, given: shapes.NothingIn) -> Any:  # noqa: ARG001 - an empty body
    """Draw a one-time code for a gateway's next keys"""
    held = _gateway(request, gateway_id)
    return {
        "gateway_id": held.pk,
        "enrolment_code": gateways.draw_code(form_id=write_id(request), gateway=held, **by(request)),
    }


class EventOut(Schema):
    id: int
    gateway: str
    at: datetime
    code: str
    meter: str
    detail: dict[str, Any]


class EventsOut(Schema):
    items: list[EventOut]
    next: str


def _event(row: GatewayEvent) -> dict[str, Any]:
    names = "id at code detail".split()
    return {**{name: getattr(row, name) for name in names}, "gateway": row.gateway.code, "meter": row.meter_number}


@reads(chapter, "/gateway-events", Right.READ, of=EventsOut)
def list_gateway_events(request: HttpRequest, part: Parts) -> Any:
    """What gateways told beside readings and answers, the newest first"""
    rows, after = take(scope.events(bearer(request)).select_related("gateway"), part, by="-at")
    return {"items": [_event(row) for row in rows], "next": after}


class BusOut(Schema):
    """`sweep_s` empty: as the building or the site says."""

    id: int
    gateway_id: int
    code: str
    url: str
    sweep_s: int | None
    status_s: int


class BusesOut(Schema):
    items: list[BusOut]
    next: str


class BusIn(Given):
    """`url` such as rtu+tcp://192.168.1.20:4001?baud=9600 or serial:///dev/ttyS1?baud=9600."""

    code: Code
    url: Text
    sweep_s: Sweep | None = None
    status_s: Annotated[StrictInt, Field(ge=10, le=86_400)] = 180


class BusChange(Given):
    """What is left out stays."""

    code: Code | None = None
    url: Text | None = None
    sweep_s: Sweep | None = None
    status_s: Annotated[StrictInt, Field(ge=10, le=86_400)] | None = None


def _bus(request: HttpRequest, pk: int) -> Bus:
    return one(scope.buses(bearer(request)).filter(pk=pk))


def _bus_out(held: Bus) -> dict[str, Any]:
    return {name: getattr(held, name) for name in BusOut.model_fields}


@reads(chapter, "/buses", Right.SETTINGS, of=BusesOut)
def list_buses(request: HttpRequest, part: Parts) -> Any:
    """Buses of one's gateways"""
    rows, after = take(scope.buses(bearer(request)), part)
    return {"items": [_bus_out(row) for row in rows], "next": after}


@writes(chapter, "/gateways/{gateway_id}/buses", Right.SETTINGS, of=BusOut)
def add_bus(request: HttpRequest, gateway_id: Pk, given: BusIn) -> Any:
    """A new bus of a gateway"""
    held = _gateway(request, gateway_id)
    return _bus_out(
        gateways.create_bus(form_id=write_id(request), gateway=held, typed=texts(given.dict()), **by(request))
    )


@writes(chapter, "/buses/{bus_id}", Right.SETTINGS, of=BusOut, change=True)
def change_bus(request: HttpRequest, bus_id: Pk, given: BusChange) -> Any:
    """Change a bus"""
    held = _bus(request, bus_id)
    return _bus_out(gateways.change_bus(bus=held, typed=changed(held, given), **by(request)))


@writes(chapter, "/buses/{bus_id}/remove", Right.SETTINGS, of=BusOut)
def remove_bus(request: HttpRequest, bus_id: Pk, given: shapes.NothingIn) -> Any:  # noqa: ARG001
    """Remove a bus without meters"""
    held = _bus(request, bus_id)
    was = _bus_out(held)
    gateways.remove_bus(bus=held, **by(request))
    return was


class SettingsOut(Schema):
    """What the site says of a meter, and what its gateway must know."""

    id: int
    number: str
    profile: str
    bus_id: int
    unit: int
    address: str
    building: str
    room: str
    circuit: str
    level: int
    parent: str
    ct_ratio: int
    pt_ratio: int
    sweep_s: int | None
    allow: list[str]
    remark: str
    active: bool


class MeterIn(Given):
    """Called by `unit` (Modbus) or `address` (DL/T 645). `parent` is the number of the meter that feeds it. Amounts and
    prices that are left out come from the defaults of its building. `allow`: manual, observed, unverified, simulated.
    """

    number: Code
    profile: Word
    bus_id: Id
    unit: Annotated[StrictInt, Field(ge=1, le=247)] | None = None
    address: Annotated[str, Field(pattern="^([0-9]{12})?$")] = ""
    building: Word = ""
    room: Code = ""
    circuit: Word = ""
    level: Annotated[StrictInt, Field(ge=1, le=9)] = 1
    parent: Code = ""
    ct_ratio: Ratio = 1
    pt_ratio: Ratio = 1
    sweep_s: Sweep | None = None
    allow: Annotated[list[Word], Field(max_length=4)] = Field(default_factory=lambda: ["manual", "observed"])
    remark: Text = ""
    active: bool = True
    alarm1_fen: FenOrNone | None = None
    alarm2_fen: FenOrNone | None = None
    ceiling_fen: FenOrNone | None = None
    overload_limit_w: Annotated[StrictInt, Field(ge=0, le=10_000_000)] | None = None
    price_sharp_e4: PriceE4 | None = None
    price_peak_e4: PriceE4 | None = None
    price_flat_e4: PriceE4 | None = None
    price_valley_e4: PriceE4 | None = None
    price_deep_e4: PriceE4 | None = None


class MeterChange(Given):
    """What is left out stays. A new ratio of a meter that was read needs a `reason`."""

    number: Code | None = None
    profile: Word | None = None
    bus_id: Id | None = None
    unit: Annotated[StrictInt, Field(ge=1, le=247)] | None = None
    address: Annotated[str, Field(pattern="^([0-9]{12})?$")] | None = None
    building: Word | None = None
    room: Code | None = None
    circuit: Word | None = None
    level: Annotated[StrictInt, Field(ge=1, le=9)] | None = None
    parent: Code | None = None
    ct_ratio: Ratio | None = None
    pt_ratio: Ratio | None = None
    sweep_s: Sweep | None = None
    allow: Annotated[list[Word], Field(max_length=4)] | None = None
    remark: Text | None = None
    active: bool | None = None
    reason: Text = ""


def _settings(held: Meter) -> dict[str, Any]:
    room = held.room
    place = {
        "room": room.number if room else "",
        "building": room.floor.building.code if room else "",
        "parent": held.parent.number if held.parent else "",
    }
    names = [name for name in SettingsOut.model_fields if name not in place]
    return {**{name: getattr(held, name) for name in names}, **place, "allow": list(held.allow)}


def _typed(said: dict[str, Any]) -> dict[str, str]:
    said["bus"] = said.pop("bus_id")
    return texts(said)


@writes(chapter, "/meters", Right.SETTINGS, of=shapes.MeterOut)
def add_meter(request: HttpRequest, given: MeterIn) -> Any:
    """A new meter"""
    made = meters.create_meter(form_id=write_id(request), typed=_typed(given.dict()), **by(request))
    return shapes.meter(metering.standing(meter_of(request, made.pk)))


@reads(chapter, "/meters/{meter_id}/settings", Right.READ, of=SettingsOut)
def get_meter_settings(request: HttpRequest, meter_id: Pk) -> Any:
    """What the site says of one meter"""
    return _settings(meter_of(request, meter_id))


@writes(chapter, "/meters/{meter_id}/settings", Right.SETTINGS, of=SettingsOut, change=True)
def change_meter_settings(request: HttpRequest, meter_id: Pk, given: MeterChange) -> Any:
    """Change what the site says of a meter, its ratios too; what lives in the meter is sent by an order"""
    held = meter_of(request, meter_id)
    known = {name: value for name, value in _settings(held).items() if name != "id"}
    meters.edit_meter(meter=held, typed=_typed(known | given.dict(exclude_unset=True)), **by(request))
    return _settings(meter_of(request, meter_id))
