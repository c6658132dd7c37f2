"""The centre's half of the link: whose key, which version, was it taken before; and nonces that never repeat."""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from datetime import datetime, timedelta
from typing import TypeVar

from django.conf import settings
from django.db import transaction

from prewatt.domain.estate.models import Gateway
from prewatt.link import keys as link_keys
from prewatt.link import seal
from prewatt.link.keys import Direction, LinkKeys, Suite
from prewatt.link.messages import Message
from prewatt.link.seal import Header, Type, Window
from prewatt.web.fieldapi.models import CentreBoot, GatewayKey
from prewatt.web.fieldapi.refusals import Refused, of_seal

OVERLAP = timedelta(minutes=10)  # how long a superseded key is still accepted
COUNTER_MAX = 2**63 - 1  # what both databases hold
_SALT = b"prewatt centre 1"
M = TypeVar("M", bound=Message)


def _passphrase() -> str:
    return os.environ.get("PREWATT_MASTER_KEY") or settings.SECRET_KEY


def is_3des_allowed() -> bool:
    return os.environ.get("PREWATT_ALLOW_3DES") == "1"


def add_key(*, gateway: Gateway, master: bytes, now: datetime) -> GatewayKey:
    """The next key version of a gateway; older ones are accepted for a little while. Call inside a transaction."""
    newest = gateway.keys.order_by("-version").first()
    version = newest.version + 1 if newest else 1
    gateway.keys.filter(expires_at__isnull=True).update(expires_at=now + OVERLAP)
    wrapped = link_keys.wrap(master, _passphrase(), context=_context(gateway, version), salt=_SALT)
    return GatewayKey.objects.create(
        gateway=gateway, version=version, suite=gateway.suite, wrapped=wrapped, created_at=now
    )


def _context(gateway: Gateway, version: int) -> str:
    return f"gateway {gateway.code} key version {version}"


@transaction.atomic
def rewrap(old: str | None) -> list[str]:
    """After a restore: every key under this machine's passphrase, from the one that the backup brought (None: it
    brought none). Returns the gateways whose keys nothing opens: they have to enrol again.
    """
    lost = set()
    for key in GatewayKey.objects.select_related("gateway").order_by("gateway__code", "version"):
        context, wrapped = _context(key.gateway, key.version), bytes(key.wrapped)
        master = _unwrapped(wrapped, context, [_passphrase(), *([old] if old else [])])
        if master is None:
            lost.add(key.gateway.code)
            continue
        key.wrapped = link_keys.wrap(master, _passphrase(), context=context, salt=_SALT)
        key.save(update_fields=["wrapped"])
    return sorted(lost)


def _unwrapped(wrapped: bytes, context: str, passphrases: list[str]) -> bytes | None:
    for one in passphrases:
        with suppress(link_keys.KeyUnusable):
            return link_keys.unwrap(wrapped, one, context=context)
    return None


def _opened(key: GatewayKey) -> LinkKeys:
    try:
        master = link_keys.unwrap(bytes(key.wrapped), _passphrase(), context=_context(key.gateway, key.version))
    except link_keys.KeyUnusable as error:
        raise Refused("centre_key", str(error), status=503, retry=True) from None
    return LinkKeys(gateway=key.gateway.code, suite=key.suite, version=key.version, master=master)


def unseal(envelope: bytes, message_type: type[M], *, kind: Type, now: datetime) -> tuple[GatewayKey, Header, M]:
    """Whose message it is, and the message. Raises Refused. Take it (`take`) before using anything of it."""
    try:
        header, _ = seal.peek(envelope)
        key = _key(header, now)
        header, message = seal.unseal(envelope, message_type, keys=_opened(key), direction=Direction.UP, kind=kind)
    except seal.SealError as error:
        raise of_seal(error) from None
    return key, header, message


def _key(header: Header, now: datetime) -> GatewayKey:
    keys = GatewayKey.objects.select_related("gateway").filter(gateway__code=header.gateway)
    key = keys.filter(version=header.key_version).first()
    if key is None:
        if keys.exists():
            raise seal.WrongKeyVersion(f"this gateway has no key version {header.key_version}; enrol it again")
        raise Refused(
            "unknown_gateway", "no gateway of this name has keys here; enrol it with a code", status=401, retry=False
        )
    if key.expires_at is not None and now >= key.expires_at:
        raise seal.WrongKeyVersion(f"key version {key.version} was replaced and is no longer accepted; enrol again")
    if key.suite == Suite.TRIPLE_DES and not is_3des_allowed():
        raise Refused("suite_off", "3des-cbc is turned off at this centre", status=401, retry=False)
    return key


@transaction.atomic
def take(key: GatewayKey, header: Header, *, sent_at_ms: int, now: datetime) -> GatewayKey:
    """Mark the message as taken; in the caller's transaction, if there is one. Raises Refused (replayed, clock).

    Two processes that hold the same message at the same time: one of them waits here and then refuses.
    """
    held = GatewayKey.objects.select_for_update(of=("self",)).select_related("gateway").get(pk=key.pk)
    try:
        if header.boot > COUNTER_MAX:
            raise seal.MalformedEnvelope("the boot counter is beyond any that a gateway reaches")
        window = seal.accept(Window(held.boot, held.sequence, held.window_bits), header.boot, header.sequence)
        seal.check_clock(sent_at_ms, int(now.timestamp() * 1000))
    except seal.SealError as error:
        raise of_seal(error) from None
    held.boot, held.sequence, held.window_bits = window.boot, window.sequence, window.bits
    held.save(update_fields=["boot", "sequence", "window_bits"])
    return held


# --- replies ----------------------------------------------------------------------------------------------------------


class _Counter:
    """(boot, sequence) of this process. The boot number is durable before the first reply; a fork takes its own."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pid = 0
        self._boot = 0
        self._sequence = 0

    def next(self, now: datetime) -> tuple[int, int]:
        with self._lock:
            if self._pid != os.getpid() or self._sequence >= seal.SEQUENCE_MAX:
                self._boot = _new_boot(now)
                self._pid, self._sequence = os.getpid(), 0
            self._sequence += 1
            return self._boot, self._sequence


@transaction.atomic
def _new_boot(now: datetime) -> int:
    """Higher than any before, and than the clock: a restored backup must not bring an old number back."""
    CentreBoot.objects.get_or_create(pk=1)
    held = CentreBoot.objects.select_for_update().get(pk=1)
    held.boot = max(held.boot + 1, int(now.timestamp() * 1000))
    held.save(update_fields=["boot"])
    return held.boot


_counter = _Counter()


def reply(message: Message, *, key: GatewayKey, header: Header, now: datetime) -> bytes:
    """The sealed answer to the message with this header."""
    boot, sequence = _counter.next(now)
    return seal.seal(
        message,
        keys=_opened(key),
        direction=Direction.DOWN,
        kind=Type(header.type + 1),
        boot=boot,
        sequence=sequence,
        reply_to=(header.boot, header.sequence),
    )
