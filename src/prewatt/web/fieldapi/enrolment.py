"""A gateway gets its keys for the one-time code that was typed at it."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction

from prewatt.domain.estate import enrolment as codes
from prewatt.domain.estate.queries import gateway_config
from prewatt.link import keys as link_keys
from prewatt.link.keys import Suite
from prewatt.link.messages import EnrolReply, EnrolRequest
from prewatt.web.fieldapi import keyring, operations
from prewatt.web.fieldapi.models import EnrolmentFailure
from prewatt.web.fieldapi.refusals import Refused

FAILURES_MAX = 10
FAILURES_WITHIN = timedelta(minutes=10)
_FAILURES_KEPT = timedelta(days=1)


def enrol(request: EnrolRequest, *, address: str, now: datetime) -> EnrolReply:
    """Keys and configuration for a code. Raises Refused; a wrong code is remembered against the address."""
    _check_throttle(address, now)
    try:
        return _enrol(request, now)
    except Refused as refused:
        if refused.refusal.code == "wrong_code":
            EnrolmentFailure.objects.filter(at__lt=now - _FAILURES_KEPT).delete()
            EnrolmentFailure.objects.create(address=address[:64], at=now)
        raise


def _check_throttle(address: str, now: datetime) -> None:
    failures = EnrolmentFailure.objects.filter(address=address[:64], at__gt=now - FAILURES_WITHIN).count()
    if failures >= FAILURES_MAX:
        raise Refused("throttled", "too many wrong codes from here; wait ten minutes", status=429, retry=True)


@transaction.atomic
def _enrol(request: EnrolRequest, now: datetime) -> EnrolReply:
    normal = link_keys.normal_code(request.code)
    code = codes.usable_code(normal, now=now)
    if code is None:
        raise Refused(
            "wrong_code", "this code is wrong, used or too old; draw a new one at the centre", status=403, retry=False
        )
    gateway = code.gateway
    if gateway.suite == Suite.TRIPLE_DES and not keyring.is_3des_allowed():
        raise Refused("suite_off", link_keys.TRIPLE_DES_WARNING, status=403, retry=False)
    private, public = link_keys.new_exchange()
    try:
        master = link_keys.agree(private=private, own_public=public, other_public=request.public_key, code=normal)
    except ValueError:
        raise Refused("malformed", "the public key is no X25519 key", status=400, retry=False) from None
    if not codes.claim_code(code, now=now):
        raise Refused("wrong_code", "this code was used at this very moment; draw a new one", status=403, retry=False)
    key = keyring.add_key(gateway=gateway, master=master, now=now)
    codes.enrolled(gateway, key_version=key.version, software=operations.clean(request.software), now=now)
    return EnrolReply(
        gateway=gateway.code,
        suite=key.suite,
        key_version=key.version,
        public_key=public,
        config=gateway_config(gateway),
    )
