"""The worker's half: each endpoint's queue from its head on. What fails is tried again, and nothing overtakes it."""

from __future__ import annotations

import time
from datetime import datetime, timedelta

from django.db.models import Exists, OuterRef, Q

import prewatt
from prewatt.domain.staff.operations import log
from prewatt.domain.webhooks import secrets
from prewatt.domain.webhooks.models import Delivery, DeliveryState, Endpoint
from prewatt.domain.webhooks.sending import Answer, send

TOGETHER = 20  # messages to one endpoint before the others have their turn
HELD = timedelta(seconds=TOGETHER * 20)  # whoever delivers and dies is followed after this
FIRST_PAUSE_S, PAUSE_S_MAX = 5, 3600
GIVEN_UP_AFTER = timedelta(days=3)
KEPT = timedelta(days=30)
SWEPT = 5000


def deliver(now: datetime) -> int:
    """One turn through all endpoints that have something to hear and whose pause is over. How many messages arrived."""
    waiting = Delivery.objects.filter(endpoint=OuterRef("pk"), state=DeliveryState.WAITING)
    due = Endpoint.objects.filter(_free(now), on=True, paused_for="").filter(Exists(waiting))
    began_s = time.monotonic()
    return sum(_to(endpoint, _later(now, began_s)) for endpoint in due.order_by("next_try_at", "pk"))


def _later(now: datetime, began_s: float) -> datetime:
    """A slow receiver takes seconds, and a signature says when it was made."""
    return now + timedelta(seconds=time.monotonic() - began_s)


def _free(now: datetime) -> Q:
    unheld = Q(held_until=None) | Q(held_until__lte=now)
    return unheld & (Q(next_try_at=None) | Q(next_try_at__lte=now))


def _to(endpoint: Endpoint, now: datetime) -> int:
    mine = Endpoint.objects.filter(_free(now), pk=endpoint.pk, on=True, paused_for="")
    if not mine.update(held_until=now + HELD):
        return 0
    if secrets.check_digest(endpoint.nonce) != endpoint.check_digest:
        _pause(endpoint, "secret", now)
        return 0
    heard, began_s = 0, time.monotonic()
    try:
        for one in endpoint.deliveries.filter(state=DeliveryState.WAITING).order_by("pk")[:TOGETHER]:
            if not _one(endpoint, one, _later(now, began_s)):
                break
            heard += 1
    finally:
        Endpoint.objects.filter(pk=endpoint.pk).update(held_until=None)
    return heard


def _one(endpoint: Endpoint, one: Delivery, now: datetime) -> bool:
    body = one.body.encode()
    headers = {
        "Content-Type": "application/json",
        "User-Agent": f"prewatt/{prewatt.__version__}",
        "Prewatt-Event": one.event,
        "Prewatt-Id": one.event_id,
        secrets.HEADER: secrets.signature(endpoint.nonce, body, now),
    }
    answer = send(endpoint.url, body, headers, private=endpoint.private)
    _write_down(one, answer, now)
    if answer.heard:
        Endpoint.objects.filter(pk=endpoint.pk).update(failing_since=None, failures=0, next_try_at=None, heard_at=now)
        return True
    _failed(endpoint, now)
    return False


def _write_down(one: Delivery, answer: Answer, now: datetime) -> None:
    one.tries, one.tried_at, one.status, one.said = one.tries + 1, now, answer.status, answer.said
    if answer.heard:
        one.state, one.done_at = DeliveryState.DONE, now
    one.save(update_fields=["tries", "tried_at", "status", "said", "state", "done_at"])


def _failed(endpoint: Endpoint, now: datetime) -> None:
    """5, 10, 20 … seconds, at most an hour; after three days it is paused and says so. Its messages stay."""
    endpoint.refresh_from_db()
    endpoint.failures += 1
    endpoint.failing_since = endpoint.failing_since or now
    pause_s = min(PAUSE_S_MAX, FIRST_PAUSE_S * 2 ** min(endpoint.failures - 1, 10))
    endpoint.next_try_at = now + timedelta(seconds=pause_s)
    endpoint.save(update_fields=["failures", "failing_since", "next_try_at"])
    if now - endpoint.failing_since >= GIVEN_UP_AFTER:
        _pause(endpoint, "silent", now)


def _pause(endpoint: Endpoint, why: str, now: datetime) -> None:
    Endpoint.objects.filter(pk=endpoint.pk).update(paused_for=why, held_until=None)
    log(operator=None, action="webhook.paused", target=f"webhook {endpoint.pk}", after={"why": why}, now=now)


def sweep(now: datetime) -> int:
    """What was delivered, or waits at a paused endpoint, for a month."""
    old = (
        Q(done_at__lt=now - KEPT)
        | (~Q(endpoint__paused_for="") & Q(at__lt=now - KEPT))
        | (Q(endpoint__on=False) & Q(at__lt=now - KEPT))
    )
    gone = list(Delivery.objects.filter(old).order_by("pk").values_list("pk", flat=True)[:SWEPT])
    return Delivery.objects.filter(pk__in=gone).delete()[0] if gone else 0
