"""A provider's notification: no log-in, no cookie, no cross-site token. The provider's signature is the proof."""

from __future__ import annotations

import logging

from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt

from prewatt.domain.payments import channels, operations
from prewatt.domain.payments.channel import Reply
from prewatt.domain.payments.refusals import ChannelOff

BODY_BYTES_MAX = 64 * 1024
_log = logging.getLogger(__name__)


@csrf_exempt
def notice(request: HttpRequest, channel: str) -> HttpResponse:
    """Success only after the commit: whatever else happens, the provider shall say it again."""
    if request.method != "POST":
        return _plain(405, "notifications are posted")
    try:
        provider = channels.channel(channel)
    except ChannelOff:
        return _plain(404, "no such channel here")
    body = request.read(BODY_BYTES_MAX + 1)
    if len(body) > BODY_BYTES_MAX:
        return _plain(413, "too large for a notification")
    headers = {name.lower(): value for name, value in request.headers.items()}
    address = request.META.get("REMOTE_ADDR", "")
    try:
        reply = operations.take(channel=provider, headers=headers, body=body, now=timezone.now(), address=address)
    except DatabaseError:
        _log.exception("a notification could not be kept; the provider says it again")
        return _answer(provider.reply(taken=False), status=503)
    return _answer(reply)


def _answer(reply: Reply, status: int | None = None) -> HttpResponse:
    return HttpResponse(
        reply.body,
        status=status or reply.status,
        content_type=reply.content_type,
        headers={"Cache-Control": "no-store"},
    )


def _plain(status: int, text: str) -> HttpResponse:
    return HttpResponse(text, status=status, content_type="text/plain", headers={"Cache-Control": "no-store"})
