"""What an operator does with webhooks. A webhook tells of every building: only who sees them all keeps them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils.translation import gettext as _

from prewatt.domain.staff.operations import log
from prewatt.domain.staff.rights import Right
from prewatt.domain.webhooks import secrets
from prewatt.domain.webhooks.models import Delivery, DeliveryState, Endpoint, Event
from prewatt.domain.webhooks.refusals import NotYours, WebhookRefused
from prewatt.domain.webhooks.sending import check_url
from prewatt.domain.webhooks.telling import Happened, body

if TYPE_CHECKING:
    from prewatt.domain.staff.models import Operator

ENDPOINTS_MAX = 20
CHOSEN = tuple(event for event in Event if event != Event.TEST)


def check(operator: Operator) -> None:
    if not (operator.is_active and operator.may(Right.SETTINGS) and operator.all_buildings):
        raise NotYours(
            _("A webhook tells of every building, and you see only some. Nothing was changed. Ask an administrator.")
        )


@transaction.atomic
def add(
    *,
    form_id: str,
    name: str,
    url: str,
    events: Iterable[str],
    private: bool,
    operator: Operator,
    now: datetime,
    address: str = "",
) -> tuple[Endpoint, str]:
    """A new endpoint and its secret, which is shown this once; the same form again gives no secret. Raises
    WebhookRefused.
    """
    check(operator)
    first = Endpoint.objects.filter(form_id=form_id).first()
    if first is not None:
        return first, ""
    facts = _checked(name, url, events)
    if Endpoint.objects.count() >= ENDPOINTS_MAX:
        raise WebhookRefused(_("There are 20 webhooks already. Nothing was changed. Change one that is there."))
    nonce = secrets.new_nonce()
    made = Endpoint.objects.create(
        **facts,
        private=private,
        nonce=nonce,
        check_digest=secrets.check_digest(nonce),
        form_id=form_id,
        created_at=now,
        created_by=operator,
    )
    _log("webhook.add", made, operator, now, address, after={**facts, "private": private})
    return made, secrets.secret(nonce)


@transaction.atomic
def change(
    *,
    endpoint: Endpoint,
    name: str,
    url: str,
    events: Iterable[str],
    private: bool,
    on: bool,
    operator: Operator,
    now: datetime,
    address: str = "",
) -> Endpoint:
    """Switched off it collects nothing; switched on again it goes on with what waits. Raises WebhookRefused."""
    check(operator)
    held = Endpoint.objects.select_for_update().get(pk=endpoint.pk)
    before = _facts(held)
    for field, value in {**_checked(name, url, events), "private": private, "on": on}.items():
        setattr(held, field, value)
    held.paused_for, held.failures, held.failing_since, held.next_try_at = "", 0, None, None
    held.save()
    _log("webhook.change", held, operator, now, address, before=before, after=_facts(held))
    return held


@transaction.atomic
def renew(*, endpoint: Endpoint, operator: Operator, now: datetime, address: str = "") -> str:
    """Another secret from now on; what waits is signed with it. It is shown this once."""
    check(operator)
    nonce = secrets.new_nonce()
    held = Endpoint.objects.select_for_update().get(pk=endpoint.pk)
    held.nonce, held.check_digest = nonce, secrets.check_digest(nonce)
    if held.paused_for == "secret":
        held.paused_for = ""
    held.save(update_fields=["nonce", "check_digest", "paused_for"])
    _log("webhook.renew", held, operator, now, address)
    return secrets.secret(nonce)


@transaction.atomic
def replay(*, delivery: Delivery, operator: Operator, now: datetime, address: str = "") -> Delivery:
    """The same message under the same id once more, at the end of the queue. While one waits: that one."""
    check(operator)
    Endpoint.objects.select_for_update().get(pk=delivery.endpoint_id)
    same = Delivery.objects.filter(
        endpoint=delivery.endpoint_id, event_id=delivery.event_id, state=DeliveryState.WAITING
    )
    if waiting := same.first():
        return waiting
    _log("webhook.replay", delivery.endpoint, operator, now, address, after={"event": delivery.event_id})
    return Delivery.objects.create(
        endpoint=delivery.endpoint,
        event=delivery.event,
        event_id=delivery.event_id,
        at=delivery.at,
        body=delivery.body,
        replay=True,
    )


@transaction.atomic
def skip(*, delivery: Delivery, operator: Operator, now: datetime, address: str = "") -> bool:
    """Leave one out that its receiver will never take, so that the others go on."""
    check(operator)
    mine = Delivery.objects.filter(pk=delivery.pk, state=DeliveryState.WAITING)
    if not mine.update(state=DeliveryState.SKIPPED, done_at=now):
        return False
    Endpoint.objects.filter(pk=delivery.endpoint_id).update(failures=0, failing_since=None, next_try_at=None)
    _log("webhook.skip", delivery.endpoint, operator, now, address, after={"event": delivery.event_id})
    return True


@transaction.atomic
def try_out(*, endpoint: Endpoint, form_id: str, operator: Operator, now: datetime, address: str = "") -> None:
    """A message that says nothing but that it arrived."""
    check(operator)
    one = Happened(form_id, now)
    text = body(Event.TEST, one, {})
    row = Delivery(endpoint=endpoint, event=Event.TEST, event_id=f"test:{form_id}"[:128], at=now, body=text)
    Delivery.objects.bulk_create([row], ignore_conflicts=True)
    _log("webhook.test", endpoint, operator, now, address)


def _checked(name: str, url: str, events: Iterable[str]) -> dict[str, object]:
    chosen = [event.value for event in CHOSEN if event.value in set(events)]
    if not name.strip():
        raise WebhookRefused(_("The webhook has no name. Nothing was changed. Say who is told."))
    if not chosen:
        raise WebhookRefused(_("No event is chosen. Nothing was changed. Choose at least one."))
    return {"name": name.strip()[:64], "url": check_url(url), "events": chosen}


def _facts(one: Endpoint) -> dict[str, object]:
    return {name: getattr(one, name) for name in ("name", "url", "events", "private", "on", "paused_for")}


def _log(
    action: str,
    one: Endpoint,
    operator: Operator,
    now: datetime,
    address: str,
    *,
    before: dict[str, object] | None = None,
    after: dict[str, object] | None = None,
) -> None:
    target = f"webhook {one.pk}"
    log(operator=operator, action=action, target=target, before=before, after=after, address=address, now=now)
