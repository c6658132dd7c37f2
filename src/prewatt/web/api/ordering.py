"""Orders to meters, one by one and to many; alarms."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from django.http import HttpRequest
from django.utils.translation import gettext as _
from ninja import Query, Schema
from pydantic import Field, StrictInt

from prewatt.domain.alarms import noting
from prewatt.domain.alarms import operations as alarming
from prewatt.domain.alarms import queries as alarms
from prewatt.domain.commands import RIGHTS, command
from prewatt.domain.dispatch.models import MeterOrder
from prewatt.domain.estate.models import Meter
from prewatt.domain.fleet import operations as fleet
from prewatt.domain.fleet import queries as fleets
from prewatt.domain.fleet.models import BatchItem
from prewatt.domain.staff.refusals import Refused
from prewatt.domain.staff.rights import Right
from prewatt.domain.tariff import queries as tariff
from prewatt.link.messages import Kind
from prewatt.web.api import shapes
from prewatt.web.api.doors import Chapter, bearer, by, reads, second_person, write_id, writes
from prewatt.web.api.finding import meter_of, one
from prewatt.web.api.paging import Parts, take
from prewatt.web.api.shapes import BigPk, Name, Pk, Word

chapter = Chapter("orders")
ANY = (Right.SWITCH, Right.HOLD, Right.METER_ORDERS)


class UnknownKind(Refused):
    code: ClassVar[str] = "fields"

    def __init__(self, kind: str, known: list[str]) -> None:
        text = _("“%(kind)s” is no order that can be given here. Nothing was sent. Choose one of: %(known)s.") % {
            "kind": kind,
            "known": ", ".join(known),
        }
        self.problems = {"kind": text}
        super().__init__(text)


def _kind(given: str, known: list[Kind]) -> Kind:
    for kind in known:
        if kind.value == given:
            return kind
    raise UnknownKind(given, [kind.value for kind in known])


@reads(chapter, "/meters/{meter_id}/orders", Right.READ, of=shapes.OrdersOut)
def list_orders(request: HttpRequest, meter_id: Pk, part: Parts) -> Any:
    """A meter's orders, the newest first"""
    rows, after = take(MeterOrder.objects.filter(meter=meter_of(request, meter_id)), part, by="-placed_at")
    return {"items": [shapes.order(row) for row in rows], "next": after}


@writes(chapter, "/meters/{meter_id}/orders", *ANY, of=shapes.OrderOut, second=True)
def place_order(request: HttpRequest, meter_id: Pk, given: shapes.OrderIn) -> Any:
    """Give a meter an order: read, switch_off, switch_on, hold, release"""
    order = command(
        order_id=write_id(request),
        meter=meter_of(request, meter_id),
        kind=_kind(given.kind, list(RIGHTS)),
        reason=given.reason,
        note=given.note,
        override=given.override,
        confirmed=given.confirmed,
        second_person=second_person(request),
        **by(request),
    )
    return shapes.order(order)


@reads(chapter, "/orders/{order_id}", Right.READ, of=shapes.OrderOut)
def get_order(request: HttpRequest, order_id: Name) -> Any:
    """One order, and what became of it"""
    mine = Meter.objects.for_operator(bearer(request)).order_by().values("pk")
    return shapes.order(one(MeterOrder.objects.filter(pk=order_id, meter__in=mine)))


@reads(chapter, "/batches", Right.READ, of=shapes.BatchesOut)
def list_batches(request: HttpRequest, part: Parts) -> Any:
    """Orders to many meters, the newest first"""
    rows, after = take(fleets.batches(operator=bearer(request)), part, by="-placed_at")
    counted = fleets.progress_of(rows, operator=bearer(request))
    return {"items": [shapes.batch(counted[row.pk]) for row in rows], "next": after}


def batch_of(request: HttpRequest, batch_id: str) -> dict[str, Any]:
    """One batch as the answer, or not there."""
    found = one(fleets.batches(operator=bearer(request)).filter(pk=batch_id))
    return shapes.batch(fleets.progress(found, operator=bearer(request)))


@writes(chapter, "/batches", *ANY, of=shapes.BatchOut, second=True)
def place_batch(request: HttpRequest, given: shapes.BatchIn) -> Any:
    """Give many meters one order: prices, limits, clock, read, hold, release, switch_off, switch_on"""
    kind = _kind(given.kind, list(fleet.RIGHTS))
    mine = Meter.objects.for_operator(bearer(request)).filter(pk__in=given.meter_ids)
    plan = one(tariff.plans(active=True).filter(pk=given.plan_id)) if given.plan_id else None
    made = fleet.place_batch(
        batch_id=write_id(request),
        kind=kind,
        meters=mine,
        values=given.values or None,
        plan=plan,
        round_down=given.round_down,
        reason=given.reason,
        note=given.note,
        override=given.override,
        second_person=second_person(request),
        **by(request),
    )
    return batch_of(request, made.pk)


@reads(chapter, "/batches/{batch_id}", Right.READ, of=shapes.BatchOut)
def get_batch(request: HttpRequest, batch_id: Name) -> Any:
    """How far an order to many meters is"""
    return batch_of(request, batch_id)


@writes(chapter, "/batches/{batch_id}/stop", *ANY, of=shapes.BatchOut)
def stop_batch(request: HttpRequest, batch_id: Name, given: shapes.NothingIn) -> Any:  # noqa: ARG001 - an empty body
    """Nothing more of it leaves"""
    found = one(fleets.batches(operator=bearer(request)).filter(pk=batch_id))
    fleet.stop_batch(batch_id=found.pk, **by(request))
    return batch_of(request, batch_id)


class RetryIn(shapes.Given):
    """`override`: inside protected hours a word why it cannot wait."""

    override: shapes.Text = ""


@writes(chapter, "/batches/{batch_id}/retry", *ANY, of=shapes.BatchOut, second=True)
def retry_batch(request: HttpRequest, batch_id: Name, given: RetryIn) -> Any:
    """Order once more what was refused, expired or cancelled"""
    found = one(fleets.batches(operator=bearer(request)).filter(pk=batch_id))
    fleet.retry_failed(batch_id=found.pk, override=given.override, second_person=second_person(request), **by(request))
    return batch_of(request, batch_id)


class ItemOut(Schema):
    """`skip`: why this meter got no order."""

    id: int
    meter_id: int
    meter: str
    order_id: str | None
    state: str
    reason: str
    skip: str
    detail: str
    tries: int


class ItemsOut(Schema):
    items: list[ItemOut]
    next: str


@reads(chapter, "/batches/{batch_id}/items", Right.READ, of=ItemsOut)
def list_batch_items(request: HttpRequest, batch_id: Name, part: Parts) -> Any:
    """What became of a batch, meter by meter"""
    found = one(fleets.batches(operator=bearer(request)).filter(pk=batch_id))
    rows, after = take(fleets.items(found, operator=bearer(request)), part)
    return {"items": [_item(row) for row in rows], "next": after}


def _item(row: BatchItem) -> dict[str, Any]:
    order = row.order
    return {
        **{name: getattr(row, name) for name in "id meter_id order_id skip detail tries".split()},
        "meter": row.meter.number,
        "state": order.state if order else "",
        "reason": order.reason if order else "",
    }


class WantedAlarms(Schema):
    """`open`: only those that go on."""

    open: bool = False
    kind: Word = ""


def _alarms(request: HttpRequest, wanted: WantedAlarms | None = None) -> Any:
    chosen = alarms.Wanted(open_only=wanted.open, kind=wanted.kind) if wanted else alarms.Wanted()
    return alarms.wanted_alarms(operator=bearer(request), wanted=chosen)


@reads(chapter, "/alarms", Right.READ, of=shapes.AlarmsOut)
def list_alarms(request: HttpRequest, part: Parts, wanted: Annotated[WantedAlarms, Query()]) -> Any:
    """Alarms of now and of the past, the newest first"""
    rows, after = take(_alarms(request, wanted), part, by="-since")
    return {"items": [shapes.alarm(row) for row in rows], "next": after}


@reads(chapter, "/alarms/{alarm_id}", Right.READ, of=shapes.AlarmOut)
def get_alarm(request: HttpRequest, alarm_id: BigPk) -> Any:
    """One alarm"""
    return shapes.alarm(one(_alarms(request).filter(pk=alarm_id)))


@writes(chapter, "/alarms/{alarm_id}/acknowledge", *alarming.MAY_ACKNOWLEDGE, of=shapes.AlarmOut)
def acknowledge(request: HttpRequest, alarm_id: BigPk, given: shapes.NoteIn) -> Any:
    """Take note of an alarm"""
    found = one(_alarms(request).filter(pk=alarm_id))
    alarming.acknowledge(alarm_id=found.pk, note=given.note, **by(request))
    return shapes.alarm(one(_alarms(request).filter(pk=alarm_id)))


class NoteAllIn(shapes.NoteIn):
    """Those that go on and are listed so; `upto` the newest `id` that somebody has seen."""

    upto: Annotated[StrictInt, Field(ge=1, lt=2**63)]
    kind: Word = ""
    building: Word = ""
    floors: Word = ""
    text: Word = ""


class NotedOut(Schema):
    noted: int


@writes(chapter, "/acknowledgements", *alarming.MAY_ACKNOWLEDGE, of=NotedOut)
def acknowledge_all(request: HttpRequest, given: NoteAllIn) -> Any:
    """Take note of many alarms with one word, at most a thousand at once"""
    wanted = alarms.Wanted(**given.dict(exclude={"note", "upto"}), open_only=True)
    return {"noted": noting.acknowledge_listed(wanted=wanted, upto=given.upto, note=given.note, **by(request))}
