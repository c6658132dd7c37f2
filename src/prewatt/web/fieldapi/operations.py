"""What a gateway asks of the centre, behind the seals: also the way in for a gateway inside the same process.

Everything may come twice. A batch is acknowledged when all of it is on the disk, and not before.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime

from django.db import DatabaseError, transaction
from django.utils import timezone

from prewatt.domain import settlement
from prewatt.domain.commissioning import operations as commissioning
from prewatt.domain.dispatch import operations as dispatch
from prewatt.domain.estate import operations as estate
from prewatt.domain.estate.models import Gateway, GatewayEvent
from prewatt.domain.estate.queries import gateway_config
from prewatt.domain.metering import operations as metering
from prewatt.link import messages as link
from prewatt.profiles.quantities import QUANTITIES
from prewatt.web.fieldapi.refusals import Refused

ROWS_MAX = 5000
TEXT_MAX = 200
WAIT_S_MAX = 25
LOOK_AGAIN_S = 0.1
INQUIRY_EVERY = 5  # looks: an engineer waits half a second where money waits a tenth
_VALUE_MAX = 2**62
_TIME_MS_MAX = 253_402_300_799_000  # year 9999
_log = logging.getLogger(__name__)


def take_batch(
    batch: link.Batch, *, gateway: Gateway, now: datetime, first: Callable[[], object] = lambda: None
) -> link.BatchReply:
    """Readings, health and events in one transaction, begun by `first` (marking the envelope as taken); then each
    answer in one of its own, so that meters and wallets are never locked across each other.

    Raises Refused when the batch is no batch; whatever one row says, the others are taken.
    """
    _check(batch)
    with transaction.atomic():
        first()
        sound = [reading for reading in batch.readings if _is_sound(reading)]
        answers = [answer for answer in batch.answers if _are_texts(answer.order_id, answer.meter, answer.reason)]
        health = [item for item in batch.health if _are_texts(item.meter, item.last_error)]
        dropped = len(batch.readings) + len(batch.answers) + len(batch.health) - len(sound) - len(answers) - len(health)
        recorded = metering.record_readings(sound, gateway=gateway, now=now)
        metering.record_health(health, gateway=gateway, now=now)
        _record_events([*batch.events, *_own_events(batch, dropped, recorded.foreign)], gateway)
        estate.seen(gateway=gateway, now=now, sent_at_ms=batch.sent_at_ms, software=clean(batch.software))
    for answer in answers:
        settled = settlement.settle(answer, gateway=gateway, now=now)
        _log.debug("answer %s of %s: %s", answer.order_id, gateway.code, settled)
    _take_findings(batch, gateway, now)
    return link.BatchReply(
        acked_seq=batch.last_seq,
        centre_time_ms=_ms(now),
        config_version=_config_version(gateway),
    )


def _take_findings(batch: link.Batch, gateway: Gateway, now: datetime) -> None:
    """Last and apart: whatever an engineer's look brings, readings and answers are on the disk and acknowledged."""
    try:
        commissioning.take_findings(batch.findings, gateway=gateway, now=now)
    except DatabaseError:
        _log.exception("findings of %s were not kept", gateway.code)


def _check(batch: link.Batch) -> None:
    rows = len(batch.readings) + len(batch.answers) + len(batch.events) + len(batch.health)
    if rows > ROWS_MAX or len(batch.readings) > link.READINGS_PER_BATCH_MAX:
        raise Refused("too_many_rows", f"{rows} rows in one batch; send fewer", status=413, retry=False)


def _is_sound(reading: link.Reading) -> bool:
    """Whole numbers that fit the database, under known names: anything else would stop the batch for good."""
    return (
        _are_texts(reading.meter)
        and 0 < reading.taken_at_ms < _TIME_MS_MAX
        and all(name in QUANTITIES and -_VALUE_MAX < value < _VALUE_MAX for name, value in reading.values.items())
    )


def _are_texts(*texts: str) -> bool:
    """Short and printable: PostgreSQL holds no NUL."""
    return all(len(text) <= TEXT_MAX and text.isprintable() for text in texts)


def clean(text: str) -> str:
    return "".join(letter for letter in text[:TEXT_MAX] if letter.isprintable())


def _own_events(batch: link.Batch, dropped: int, foreign: tuple[str, ...]) -> list[link.Event]:
    """What the centre did not take, said where a person finds it."""
    events = [link.Event(at_ms=batch.sent_at_ms, code="foreign_meter", meter=number) for number in foreign]
    if dropped:
        events.append(link.Event(at_ms=batch.sent_at_ms, code="unreadable", detail={"rows": dropped}))
    return events


def _record_events(events: list[link.Event], gateway: Gateway) -> None:
    GatewayEvent.objects.bulk_create(
        [
            GatewayEvent(
                gateway=gateway,
                at=datetime.fromtimestamp(min(max(event.at_ms, 0), _TIME_MS_MAX) / 1000, UTC),
                code=clean(event.code)[:32],
                meter_number=clean(event.meter)[:32],
                detail={
                    clean(key): clean(value) if isinstance(value, str) else value for key, value in event.detail.items()
                },
            )
            for event in events
        ],
        ignore_conflicts=True,
    )


def orders(
    request: link.OrdersRequest,
    *,
    gateway: Gateway,
    clock: Callable[[], datetime] = timezone.now,
    pause: Callable[[float], None] = time.sleep,
) -> link.OrdersReply:
    """Orders for this gateway: at once when some wait, else as soon as some come, else none after `wait_s`.

    Nothing is held while waiting: each look is one short read.
    """
    looks = round(min(max(request.wait_s, 0), WAIT_S_MAX) / LOOK_AGAIN_S)
    for look in range(looks + 1):
        version = _config_version(gateway)
        if version != request.config_version or dispatch.waiting(gateway=gateway, now=clock()) or look == looks:
            break
        if not look % INQUIRY_EVERY and commissioning.waiting(gateway=gateway, now=clock()):
            break
        pause(LOOK_AGAIN_S)
    now = clock()
    found = dispatch.lease(gateway=gateway, now=now) if dispatch.waiting(gateway=gateway, now=now) else []
    return link.OrdersReply(
        orders=found,
        centre_time_ms=_ms(now),
        config_version=_config_version(gateway),
        inquiries=commissioning.hand_out(gateway=gateway, now=now),
    )


def config(*, gateway: Gateway) -> link.Config:
    return gateway_config(Gateway.objects.get(pk=gateway.pk))


def _config_version(gateway: Gateway) -> int:
    return Gateway.objects.values_list("config_version", flat=True).get(pk=gateway.pk)


def _ms(at: datetime) -> int:
    return int(at.timestamp() * 1000)
