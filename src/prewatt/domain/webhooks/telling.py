"""Put down what happened, inside the transaction in which it happens: it is told if and only if it did."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from prewatt.domain.estate.models import Meter
from prewatt.domain.webhooks.models import Delivery, Endpoint, Event

VERSION = 1
Value = str | int | bool | None


@dataclass(frozen=True, slots=True)
class Happened:
    """`key` with the event's name is its id: the same key again is the same event and is told once."""

    key: str
    at: datetime
    meter_id: int | None = None
    data: Mapping[str, Value] = field(default_factory=dict)


def tell(event: Event, key: str, *, at: datetime, meter_id: int | None = None, **data: Value) -> None:
    tell_all(event, [Happened(key, at, meter_id, data)])


def tell_all(event: Event, happened: Iterable[Happened]) -> None:
    """One short question where nobody listens."""
    hearers = [pk for pk, events in Endpoint.objects.filter(on=True).values_list("pk", "events") if event in events]
    if not hearers:
        return
    every = list(happened)
    places = _places({one.meter_id for one in every if one.meter_id is not None})
    rows = [
        Delivery(endpoint_id=pk, event=event, event_id=_id(event, one), at=one.at, body=body(event, one, places))
        for one in every
        for pk in hearers
    ]
    Delivery.objects.bulk_create(rows, batch_size=200, ignore_conflicts=True)


def _id(event: Event, one: Happened) -> str:
    return f"{event.value}:{one.key}"[:128]


def body(event: Event, one: Happened, places: Mapping[int, Mapping[str, Value]]) -> str:
    place = places.get(one.meter_id, {}) if one.meter_id is not None else {}
    content = {
        "version": VERSION,
        "id": _id(event, one),
        "event": event.value,
        "at": one.at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "data": {**place, **one.data},
    }
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"))


def _places(meters: set[int]) -> dict[int, dict[str, Value]]:
    names = ("pk", "number", "room__number", "room__floor__building__code")
    rows = Meter.objects.filter(pk__in=meters).values_list(*names)
    return {pk: {"meter": number, "room": room, "building": code} for pk, number, room, code in rows}
