"""Every write once: the key, what the domain wrote and the answer stand in one transaction.

The domain's own id is made from token, operation and key (`derived`). So when this table is lost or cleared, the same
key still finds the first sale in the domain.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from prewatt.domain.staff.models import Bearer
from prewatt.web.api.answers import problem
from prewatt.web.api.models import Answer

KEY = re.compile(r"[\x21-\x7e]{8,64}")
KEPT = timedelta(days=30)
CLEARED_MAX = 200  # at a time, so that no request waits for it


def derived(who: Bearer, operation: str, key: str) -> str:
    """What the domain knows this write by. At most 40 letters, as batches ask for."""
    digest = hashlib.sha256(f"{who.token.pk}\n{operation}\n{key}".encode()).hexdigest()
    return f"api{digest[:36]}"


def once(
    run: Callable[[], HttpResponse],
    *,
    request: HttpRequest,
    who: Bearer,
    operation: str,
    now: datetime,
    said_once: str = "",
    one_view: bool = False,
) -> HttpResponse:
    """`run` writes or refuses. A refusal has written nothing, so its key stays free.

    `said_once` is a field of the answer: the answer is kept without it. `one_view`: what `run` reads
    is of one moment.
    """
    key = request.headers.get("Idempotency-Key", "")
    if not KEY.fullmatch(key):
        return problem(
            400,
            "key_needed",
            _(
                "A write needs the header Idempotency-Key: 8 to 64 letters, digits or signs that you make up, and "
                "send again when you are not sure. Nothing was done."
            ),
        )
    request.write_id = derived(who, operation, key)  # type: ignore[attr-defined]
    digest = _digest(request)
    alone = not connection.in_atomic_block
    with transaction.atomic():
        if one_view and alone and connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        _clear(now)
        Answer.objects.bulk_create(
            [Answer(token_id=who.token.pk, key=key, digest=digest, at=now)], ignore_conflicts=True
        )
        held = Answer.objects.select_for_update().get(token_id=who.token.pk, key=key)
        if held.status:
            return _again(held, digest)
        response = run()
        if response.status_code >= 400:
            transaction.set_rollback(True)
            return response
        held.status, held.body = response.status_code, _kept(response, said_once)
        held.save(update_fields=["status", "body"])
    return response


def _kept(response: HttpResponse, said_once: str) -> str:
    text = response.content.decode()
    return json.dumps(json.loads(text) | {said_once: ""}, ensure_ascii=False) if said_once else text


def _again(held: Answer, digest: str) -> HttpResponse:
    if held.digest != digest:
        return problem(
            409,
            "key_used",
            _(
                "This Idempotency-Key was already used for another request. Nothing was done this time. Take a new key "
                "for a new request."
            ),
        )
    response = HttpResponse(held.body, status=held.status, content_type="application/json; charset=utf-8")
    response.headers["Idempotent-Replay"] = "true"
    return response


def _digest(request: HttpRequest) -> str:
    """The same JSON written in another order is the same request."""
    try:
        body = json.dumps(json.loads(request.body or b"null"), sort_keys=True).encode()
    except (ValueError, RecursionError):
        body = request.body
    return hashlib.sha256(f"{request.method} {request.path}\n".encode() + body).hexdigest()


def _clear(now: datetime) -> None:
    old = Answer.objects.filter(at__lt=now - KEPT).order_by("at").values_list("pk", flat=True)[:CLEARED_MAX]
    if found := list(old):
        Answer.objects.filter(pk__in=found).delete()
