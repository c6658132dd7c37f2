"""Webhooks, backups, and looking at a bus."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from django.http import Http404, HttpRequest
from ninja import Query, Schema
from pydantic import Field, StrictInt

from prewatt.domain.backups import operations as backups
from prewatt.domain.backups import queries as runs
from prewatt.domain.backups.models import Run
from prewatt.domain.commissioning import operations as commissioning
from prewatt.domain.commissioning import queries as looks
from prewatt.domain.commissioning.models import Inquiry
from prewatt.domain.staff.rights import Right
from prewatt.domain.webhooks import operations as webhooks
from prewatt.domain.webhooks import queries as told
from prewatt.domain.webhooks.models import Delivery, Endpoint, Event
from prewatt.link.messages import InquiryKind
from prewatt.web.api import shapes
from prewatt.web.api.doors import Chapter, bearer, by, reads, write_id, writes
from prewatt.web.api.finding import one
from prewatt.web.api.paging import Parts, take
from prewatt.web.api.shapes import BigPk, Given, Name, Pk, Word
from prewatt.web.parts.pages import now

chapter = Chapter("machines")
Url = Annotated[str, Field(max_length=500, pattern=shapes.PRINTABLE)]
Path400 = Annotated[str, Field(max_length=400, pattern=shapes.PRINTABLE)]
Unit = Annotated[StrictInt, Field(ge=1, le=commissioning.UNIT_MAX)]


class WebhookOut(Schema):
    """`paused_for`: why it was switched off by itself. `waiting`: how many messages are not delivered yet."""

    id: int
    name: str
    url: str
    events: list[str]
    on: bool
    private: bool
    paused_for: str
    failing_since: datetime | None
    waiting: int


class WebhooksOut(Schema):
    items: list[WebhookOut]
    next: str


class WebhookIn(Given):
    """`private`: its address may lie inside the own network."""

    name: Word
    url: Url
    events: Annotated[list[Event], Field(min_length=1, max_length=20)]
    private: bool = False


class WebhookChange(Given):
    """What is left out stays. Switched on again it goes on with what waits."""

    name: Word | None = None
    url: Url | None = None
    events: Annotated[list[Event], Field(min_length=1, max_length=20)] | None = None
    private: bool | None = None
    on: bool | None = None


class MadeOut(Schema):
    """`secret` signs what is sent. It is said this once: empty when asked again."""

    webhook: WebhookOut
    secret: str


def _endpoint(request: HttpRequest, pk: int) -> Endpoint:
    return one(told.endpoints(operator=bearer(request)).filter(pk=pk))


def _webhook(held: Endpoint) -> dict[str, Any]:
    return {name: getattr(held, name) for name in WebhookOut.model_fields}


@reads(chapter, "/webhooks", Right.SETTINGS, of=WebhooksOut)
def list_webhooks(request: HttpRequest, part: Parts) -> Any:
    """Programs that are told what happens; for who sees every building"""
    rows, after = take(told.endpoints(operator=bearer(request)), part)
    return {"items": [_webhook(row) for row in rows], "next": after}


@writes(chapter, "/webhooks", Right.SETTINGS, of=MadeOut, said_once="secret")
def add_webhook(request: HttpRequest, given: WebhookIn) -> Any:
    """Tell a program what happens"""
    made, secret = webhooks.add(form_id=write_id(request), **given.dict(), **by(request))
    return {"webhook": _webhook(_endpoint(request, made.pk)), "secret": secret}


@reads(chapter, "/webhooks/{webhook_id}", Right.SETTINGS, of=WebhookOut)
def get_webhook(request: HttpRequest, webhook_id: Pk) -> Any:
    """One of them, and how it does"""
    return _webhook(_endpoint(request, webhook_id))


@writes(chapter, "/webhooks/{webhook_id}", Right.SETTINGS, of=WebhookOut, change=True)
def change_webhook(request: HttpRequest, webhook_id: Pk, given: WebhookChange) -> Any:
    """Change whom it tells and of what, or switch it"""
    held = _endpoint(request, webhook_id)
    known = {name: getattr(held, name) for name in WebhookChange.model_fields}
    new = {name: value for name, value in given.dict().items() if value is not None}
    webhooks.change(endpoint=held, **(known | new), **by(request))
    return _webhook(_endpoint(request, webhook_id))


@writes(chapter, "/webhooks/{webhook_id}/secret", Right.SETTINGS, of=MadeOut, said_once="secret")
def renew_webhook(request: HttpRequest, webhook_id: Pk, given: shapes.NothingIn) -> Any:  # noqa: ARG001
    """Another secret from now on"""
    secret = webhooks.renew(endpoint=_endpoint(request, webhook_id), **by(request))
    return {"webhook": _webhook(_endpoint(request, webhook_id)), "secret": secret}


@writes(chapter, "/webhooks/{webhook_id}/test", Right.SETTINGS, of=WebhookOut)
def try_webhook(request: HttpRequest, webhook_id: Pk, given: shapes.NothingIn) -> Any:  # noqa: ARG001
    """Send a message that says nothing but that it arrived"""
    webhooks.try_out(endpoint=_endpoint(request, webhook_id), form_id=write_id(request), **by(request))
    return _webhook(_endpoint(request, webhook_id))


class DeliveryOut(Schema):
    """`state`: waiting, done or skipped. `said`: the beginning of the answer, or why there was none."""

    id: int
    webhook_id: int
    event: str
    event_id: str
    at: datetime
    state: str
    tries: int
    tried_at: datetime | None
    done_at: datetime | None
    status: int | None
    said: str
    replay: bool


class DeliveriesOut(Schema):
    items: list[DeliveryOut]
    next: str


def _delivery(held: Delivery) -> dict[str, Any]:
    names = [name for name in DeliveryOut.model_fields if name != "webhook_id"]
    return {**{name: getattr(held, name) for name in names}, "webhook_id": held.endpoint_id}


def _told(request: HttpRequest, pk: int) -> Delivery:
    return one(told.deliveries(operator=bearer(request)).filter(pk=pk))


@reads(chapter, "/webhooks/{webhook_id}/deliveries", Right.SETTINGS, of=DeliveriesOut)
def list_deliveries(request: HttpRequest, webhook_id: Pk, part: Parts) -> Any:
    """What it was told, the newest first"""
    mine = told.deliveries(operator=bearer(request)).filter(endpoint=_endpoint(request, webhook_id))
    rows, after = take(mine, part, by="-pk")
    return {"items": [_delivery(row) for row in rows], "next": after}


@writes(chapter, "/deliveries/{delivery_id}/again", Right.SETTINGS, of=DeliveryOut)
def tell_again(request: HttpRequest, delivery_id: BigPk, given: shapes.NothingIn) -> Any:  # noqa: ARG001
    """The same message under the same id once more"""
    return _delivery(webhooks.replay(delivery=_told(request, delivery_id), **by(request)))


@writes(chapter, "/deliveries/{delivery_id}/skip", Right.SETTINGS, of=DeliveryOut)
def skip_delivery(request: HttpRequest, delivery_id: BigPk, given: shapes.NothingIn) -> Any:  # noqa: ARG001
    """Leave a message out that its receiver will never take"""
    webhooks.skip(delivery=_told(request, delivery_id), **by(request))
    return _delivery(_told(request, delivery_id))


# --- backups ----------------------------------------------------------------------------------------------------------


class BackupOut(Schema):
    """`state`: queued, running, done or failed. `gone_at`: its file was removed for newer ones."""

    id: str
    planned: bool
    asked_at: datetime
    state: str
    percent: int
    ended_at: datetime | None
    name: str
    bytes: int | None
    sha256: str
    encrypted: bool
    verified_at: datetime | None
    reason: str
    gone_at: datetime | None


class BackupsOut(Schema):
    items: list[BackupOut]
    next: str


class BackupPlanOut(Schema):
    on: bool
    hour: int
    folder: str
    keep: int
    encrypt: bool
    passphrase_file: str


class BackupPlanChange(Given):
    """What is left out stays. `folder` is on the server; `passphrase_file` empty takes the environment's."""

    on: bool | None = None
    hour: Annotated[StrictInt, Field(ge=0, le=23)] | None = None
    folder: Path400 | None = None
    keep: Annotated[StrictInt, Field(ge=1, le=backups.KEEP_MAX)] | None = None
    encrypt: bool | None = None
    passphrase_file: Path400 | None = None


def _run(run: Run) -> dict[str, Any]:
    return {name: getattr(run, name) for name in BackupOut.model_fields}


def _plan() -> dict[str, Any]:
    held = backups.plan()
    return {name: getattr(held, name) for name in BackupPlanOut.model_fields}


@reads(chapter, "/backups", Right.SETTINGS, of=BackupsOut)
def list_backups(request: HttpRequest, part: Parts) -> Any:
    """Backups, the newest first; for who sees every building"""
    rows, after = take(runs.runs(operator=bearer(request)), part, by="-asked_at")
    return {"items": [_run(row) for row in rows], "next": after}


@reads(chapter, "/backups/{backup_id}", Right.SETTINGS, of=BackupOut)
def get_backup(request: HttpRequest, backup_id: Name) -> Any:
    """How far one is"""
    return _run(one(runs.runs(operator=bearer(request)).filter(pk=backup_id)))


@writes(chapter, "/backups", Right.SETTINGS, of=BackupOut)
def back_up(request: HttpRequest, given: shapes.NothingIn) -> Any:  # noqa: ARG001 - an empty body
    """Back up now; while one is on its way, that one"""
    return _run(backups.ask(run_id=write_id(request), **by(request)))


@reads(chapter, "/settings/backups", Right.SETTINGS, of=BackupPlanOut)
def get_backup_plan(request: HttpRequest) -> Any:
    """When backups are made and where they go"""
    if not bearer(request).all_buildings:
        raise Http404
    return _plan()


@writes(chapter, "/settings/backups", Right.SETTINGS, of=BackupPlanOut, change=True)
def change_backup_plan(request: HttpRequest, given: BackupPlanChange) -> Any:
    """Change when backups are made and where they go"""
    new = {name: value for name, value in given.dict().items() if value is not None}
    backups.change_plan(**(_plan() | new), **by(request))
    return _plan()


# --- commissioning ----------------------------------------------------------------------------------------------------


class LookIn(Given):
    """`kind`: scan and duplicates ask `first_unit` to `last_unit`; identify and read ask one `unit` or `address`, read
    by a `profile`; watch listens.
    """

    kind: InquiryKind
    first_unit: Unit = 1
    last_unit: Unit = commissioning.UNIT_MAX
    unit: Annotated[StrictInt, Field(ge=0, le=commissioning.UNIT_MAX)] = 0
    address: Annotated[str, Field(pattern="^([0-9]{12})?$")] = ""
    profile: Word = ""


class FoundOut(Schema):
    """`verdict`: how what answered compares with the estate."""

    unit: int
    address: str
    verdict: str
    meter: str
    profiles: list[str]


class LookOut(Schema):
    id: str
    bus_id: int
    kind: str
    state: str
    reason: str
    placed_at: datetime
    ended_at: datetime | None
    asked: int
    total: int
    left_s: int
    values: Any
    found: list[FoundOut]


class FrameOut(Schema):
    """`out`: from the gateway to the bus."""

    number: int
    at: datetime
    out: bool
    hex: str
    unit: int
    error: str


class FramesOut(Schema):
    items: list[FrameOut]


LOOK_FACTS = "id bus_id kind reason placed_at ended_at asked total left_s values".split()


def _look(look: Inquiry) -> dict[str, Any]:
    compared = look.kind not in {InquiryKind.READ, InquiryKind.WATCH}
    return {
        **{name: getattr(look, name) for name in LOOK_FACTS},
        "state": look.standing(now()),
        "found": [_found(place) for place in looks.compare(look)] if compared else [],
    }


def _found(place: looks.Place) -> dict[str, Any]:
    return {
        "unit": place.unit,
        "address": place.address,
        "verdict": place.verdict.value,
        "meter": place.meter.number if place.meter else "",
        "profiles": list(place.profiles),
    }


def _mine(request: HttpRequest, look_id: str) -> Inquiry:
    return one(looks.inquiries(bearer(request)).filter(pk=look_id))


@writes(chapter, "/buses/{bus_id}/looks", Right.METER_ORDERS, of=LookOut)
def look_at_bus(request: HttpRequest, bus_id: Pk, given: LookIn) -> Any:
    """Have a gateway look at a bus: scan, find duplicates, identify, read live, watch frames"""
    said, who = given.dict(), by(request)
    made = commissioning.place(
        inquiry_id=write_id(request),
        bus=one(looks.buses(bearer(request)).filter(pk=bus_id)),
        meter_address=said.pop("address"),
        **said,
        **who,
    )
    return _look(made)


@reads(chapter, "/looks/{look_id}", Right.METER_ORDERS, of=LookOut)
def get_look(request: HttpRequest, look_id: Name) -> Any:
    """What a look found so far, beside what the estate says"""
    return _look(_mine(request, look_id))


@reads(chapter, "/looks/{look_id}/frames", Right.METER_ORDERS, of=FramesOut)
def get_look_frames(request: HttpRequest, look_id: Name, after: Annotated[int, Query(ge=0, lt=2**31)] = 0) -> Any:
    """The newest frames that passed behind number `after`, the oldest first"""
    rows = looks.frames(_mine(request, look_id), after=after)
    return {"items": [{name: getattr(row, name) for name in FrameOut.model_fields} for row in rows]}


@writes(chapter, "/looks/{look_id}/stop", Right.METER_ORDERS, of=LookOut)
def stop_look(request: HttpRequest, look_id: Name, given: shapes.NothingIn) -> Any:  # noqa: ARG001
    """Stop a look"""
    found, who = _mine(request, look_id), by(request)
    commissioning.cancel(inquiry_id=found.pk, operator=who["operator"], now=who["now"])
    return _look(_mine(request, look_id))
