"""What was told to whom, the carriers that took it, and the site's rules of sending."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Final

from django.http import HttpRequest
from ninja import Query, Schema
from pydantic import Field, StrictBool, StrictInt

from prewatt.domain.alarms.models import Kind
from prewatt.domain.notices import keeping, operations, queries
from prewatt.domain.notices.models import NOTE_MAX, Carrier, Message, Rules
from prewatt.domain.staff.rights import Right
from prewatt.web.api import shapes
from prewatt.web.api.doors import Chapter, bearer, by, reads, write_id, writes
from prewatt.web.api.finding import one
from prewatt.web.api.paging import Parts, take
from prewatt.web.api.shapes import BigPk, Given, Pk, Word, texts

chapter = Chapter("messages")
Clock = Annotated[str, Field(pattern="^([01][0-9]|2[0-3]):[0-5][0-9]$", description="of the site, such as 21:30")]
CLOCKS: Final = ("quiet_from", "quiet_until")


class SentOut(Schema):
    """`state`: waiting, sending, sent, delivered, failed, expired, unknown. `said`: the carrier's own word.

    A log-in code never stands in `text`. `cost_e4`: 1e-4 yuan.
    """

    id: int
    kind: str
    door: str
    to: str
    language: str
    text: str
    state: str
    why: str
    said: str
    customer_id: int | None
    meter_id: int | None
    carrier: str
    attempts: int
    parts: int
    cost_e4: int
    made_at: datetime
    sent_at: datetime | None
    done_at: datetime | None
    again_of_id: int | None


class SentsOut(Schema):
    items: list[SentOut]
    next: str


class WantedMessages(Schema):
    kind: Word = ""
    state: Word = ""


class AgainIn(Given):
    reason: Annotated[str, Field(min_length=1, max_length=NOTE_MAX, pattern=shapes.PRINTABLE)]


def _sent(held: Message) -> dict[str, Any]:
    names = [name for name in SentOut.model_fields if name != "carrier"]
    carrier = held.carrier.name if held.carrier else ""
    return {**{name: getattr(held, name) for name in names}, "carrier": carrier}


def _message(request: HttpRequest, pk: int) -> Message:
    return one(queries.messages(operator=bearer(request)).filter(pk=pk))


@reads(chapter, "/messages", Right.READ, of=SentsOut)
def list_sent_messages(request: HttpRequest, part: Parts, wanted: Annotated[WantedMessages, Query()]) -> Any:
    """What was told to tenants and operators, the newest first"""
    chosen = queries.Wanted(kind=wanted.kind, state=wanted.state)
    found = queries.wanted_messages(operator=bearer(request), wanted=chosen)
    rows, after = take(found, part, by="-made_at")
    return {"items": [_sent(row) for row in rows], "next": after}


@reads(chapter, "/messages/{message_id}", Right.READ, of=SentOut)
def get_sent_message(request: HttpRequest, message_id: BigPk) -> Any:
    """One message, and what became of it"""
    return _sent(_message(request, message_id))


@writes(chapter, "/messages/{message_id}/again", *operations.MAY_SAY, of=SentOut)
def send_message_again(request: HttpRequest, message_id: BigPk, given: AgainIn) -> Any:
    """Send the same words once more, as a message of its own"""
    held = _message(request, message_id)
    made = operations.say_again(message=held, form_id=write_id(request), reason=given.reason, **by(request))
    return _sent(_message(request, made.pk))


class CarrierOut(Schema):
    """`stopped_for`: why it waits for a person. `health`: a modem's signal, network and operator. No secret shows."""

    id: int
    name: str
    kind: str
    door: str
    on: bool
    sort: int
    per_minute: int
    price_e4: int
    alarms: list[str]
    failing_since: datetime | None
    stopped_for: str
    said: str
    seen_at: datetime | None
    health: dict[str, Any]


class CarriersOut(Schema):
    items: list[CarrierOut]
    next: str


class CarrierChange(Given):
    """What is left out stays. `alarms`: the kinds that mail and chat groups are told here.

    Addresses, ports and secrets are typed by a person at the console.
    """

    on: StrictBool | None = None
    sort: Annotated[StrictInt, Field(ge=0, le=keeping.SORT_MAX)] | None = None
    per_minute: Annotated[StrictInt, Field(ge=1, le=keeping.PER_MINUTE_MAX)] | None = None
    price_e4: Annotated[StrictInt, Field(ge=0, le=keeping.PRICE_E4_MAX)] | None = None
    alarms: Annotated[list[Kind], Field(max_length=len(Kind))] | None = None


class TryIn(Given):
    """`to` is left out for a chat group."""

    to: Annotated[str, Field(max_length=128, pattern=shapes.PRINTABLE)] = ""


def _carrier(request: HttpRequest, pk: int) -> Carrier:
    return one(queries.seen_carriers(operator=bearer(request)).filter(pk=pk))


def _shown(held: Carrier) -> dict[str, Any]:
    return {name: getattr(held, name) for name in CarrierOut.model_fields}


@reads(chapter, "/carriers", Right.SETTINGS, of=CarriersOut)
def list_carriers(request: HttpRequest, part: Parts) -> Any:
    """What takes messages away, and how it does; for who sees every building"""
    rows, after = take(queries.seen_carriers(operator=bearer(request)), part)
    return {"items": [_shown(row) for row in rows], "next": after}


@writes(chapter, "/carriers/{carrier_id}", Right.SETTINGS, of=CarrierOut, change=True)
def change_carrier(request: HttpRequest, carrier_id: Pk, given: CarrierChange) -> Any:
    """Switch a carrier on or off, and how it sends"""
    new = {name: value for name, value in given.dict().items() if value is not None}
    keeping.adjust(carrier=_carrier(request, carrier_id), **new, **by(request))
    return _shown(_carrier(request, carrier_id))


@writes(chapter, "/carriers/{carrier_id}/test", Right.SETTINGS, of=SentOut)
def try_carrier(request: HttpRequest, carrier_id: Pk, given: TryIn) -> Any:
    """Send a message that says nothing but that it arrived, by this carrier and no other"""
    held = _carrier(request, carrier_id)
    made = keeping.try_out(carrier=held, form_id=write_id(request), to=given.to, **by(request))
    return _sent(_message(request, made.pk))


class SendingOut(Schema):
    """`muted`: kinds that this site does not send. `per_hour`, `per_day`: to one recipient."""

    quiet_from: str
    quiet_until: str
    per_hour: int
    per_day: int
    valid_hours: int
    language: str
    muted: list[str]


class SendingChange(Given):
    """What is left out stays. Equal times: no quiet hours."""

    quiet_from: Clock | None = None
    quiet_until: Clock | None = None
    per_hour: Annotated[StrictInt, Field(ge=1, le=keeping.PER_HOUR_MAX)] | None = None
    per_day: Annotated[StrictInt, Field(ge=1, le=keeping.PER_DAY_MAX)] | None = None
    valid_hours: Annotated[StrictInt, Field(ge=1, le=keeping.VALID_HOURS_MAX)] | None = None
    language: Annotated[str, Field(pattern="^(zh|en)$")] | None = None
    muted: Annotated[list[Word], Field(max_length=50)] | None = None


def _rules(held: Rules) -> dict[str, Any]:
    names = [name for name in SendingOut.model_fields if name not in CLOCKS]
    return {
        **{name: getattr(held, name) for name in names},
        **{name: f"{getattr(held, name):%H:%M}" for name in CLOCKS},
    }


@reads(chapter, "/settings/sending", Right.SETTINGS, of=SendingOut)
def get_sending_rules(request: HttpRequest) -> Any:  # noqa: ARG001 - the site's
    """Quiet hours, limits, and which kinds are not sent"""
    return _rules(operations.rules())


@writes(chapter, "/settings/sending", Right.SETTINGS, of=SendingOut, change=True)
def change_sending_rules(request: HttpRequest, given: SendingChange) -> Any:
    """Change quiet hours and limits, or switch a kind of message off and on"""
    known = _rules(operations.rules()) | {name: new for name, new in given.dict().items() if new is not None}
    muted = known.pop("muted")
    return _rules(keeping.set_rules(given=texts(known), muted=muted, **by(request)))
