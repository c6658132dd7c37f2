"""The door that gateways knock at. A view unseals, makes one call, seals the reply; refusals travel open, by name."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import wraps

import msgspec
from django.conf import settings
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt

from prewatt.link import seal
from prewatt.link.http import MEDIA_TYPE, MSGPACK, is_loopback
from prewatt.link.messages import Batch, ConfigRequest, EnrolRequest, OrdersRequest, Refusal
from prewatt.link.seal import Type
from prewatt.web.fieldapi import enrolment, keyring, operations
from prewatt.web.fieldapi.refusals import Refused, too_large

ENROL_BYTES_MAX = 4096
_log = logging.getLogger(__name__)
View = Callable[[HttpRequest], HttpResponse]


def _door(view: View) -> View:
    """POST only, no cookies, no cross-site token: the seal is the proof. Whatever goes wrong becomes a Refusal."""

    @csrf_exempt
    @wraps(view)
    def inner(request: HttpRequest) -> HttpResponse:
        try:
            if request.method != "POST":
                raise Refused("method", "gateways POST here", status=405, retry=False)
            _check_transport(request)
            return view(request)
        except Refused as refused:
            return _refusal(refused.refusal, refused.status)
        except DatabaseError:
            _log.exception("the door could not reach its database")
            busy = Refusal(
                code="centre_busy", message="the centre's database did not answer; nothing is lost", retry=True
            )
            return _refusal(busy, 503)

    return inner


def _check_transport(request: HttpRequest) -> None:
    """TLS, or this machine. PREWATT_TLS=1 says that TLS ends at a proxy in front."""
    address = request.META.get("REMOTE_ADDR", "")
    if request.is_secure() or settings.SESSION_COOKIE_SECURE or not address or is_loopback(address):
        return
    raise Refused("plain_http", "use https:// to reach this centre", status=403, retry=False)


def _refusal(refusal: Refusal, status: int) -> HttpResponse:
    response = HttpResponse(msgspec.msgpack.encode(refusal), content_type=MSGPACK, status=status)
    response["Cache-Control"] = "no-store"
    return response


def _body(request: HttpRequest, limit: int) -> bytes:
    """The body, never more than `limit` of it in memory."""
    try:
        announced = int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError:
        raise Refused("malformed", "Content-Length is no number", status=400, retry=False) from None
    if announced > limit:
        raise too_large(limit)
    body = request.read(limit + 1)
    if len(body) > limit:
        raise too_large(limit)
    return body


def _sealed(body: bytes) -> HttpResponse:
    response = HttpResponse(body, content_type=MEDIA_TYPE)
    response["Cache-Control"] = "no-store"
    return response


@_door
def enrol(request: HttpRequest) -> HttpResponse:
    body = _body(request, ENROL_BYTES_MAX)
    try:
        message = msgspec.msgpack.decode(body, type=EnrolRequest)
    except msgspec.MsgspecError as error:
        raise Refused("malformed", f"no enrolment request: {error}", status=400, retry=False) from None
    address = request.META.get("REMOTE_ADDR", "")
    reply = enrolment.enrol(message, address=address, now=timezone.now())
    return HttpResponse(msgspec.msgpack.encode(reply), content_type=MSGPACK, headers={"Cache-Control": "no-store"})


@_door
def batch(request: HttpRequest) -> HttpResponse:
    now = timezone.now()
    body = _body(request, seal.ENVELOPE_BYTES_MAX)
    key, header, message = keyring.unseal(body, Batch, kind=Type.BATCH, now=now)
    reply = operations.take_batch(
        message,
        gateway=key.gateway,
        now=now,
        first=lambda: keyring.take(key, header, sent_at_ms=message.sent_at_ms, now=now),
    )
    return _sealed(keyring.reply(reply, key=key, header=header, now=now))


@_door
def orders(request: HttpRequest) -> HttpResponse:
    now = timezone.now()
    body = _body(request, seal.ENVELOPE_BYTES_MAX)
    key, header, message = keyring.unseal(body, OrdersRequest, kind=Type.ORDERS, now=now)
    keyring.take(key, header, sent_at_ms=message.sent_at_ms, now=now)
    reply = operations.orders(message, gateway=key.gateway)
    return _sealed(keyring.reply(reply, key=key, header=header, now=timezone.now()))


@_door
def config(request: HttpRequest) -> HttpResponse:
    now = timezone.now()
    body = _body(request, seal.ENVELOPE_BYTES_MAX)
    key, header, message = keyring.unseal(body, ConfigRequest, kind=Type.CONFIG_REQUEST, now=now)
    keyring.take(key, header, sent_at_ms=message.sent_at_ms, now=now)
    return _sealed(keyring.reply(operations.config(gateway=key.gateway), key=key, header=header, now=now))
