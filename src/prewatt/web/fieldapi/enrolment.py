"""A gateway gets its keys: an operator draws a one-time code, a person types it at the gateway."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta

from django.db import transaction
from django.utils.crypto import salted_hmac

from prewatt.domain.estate.models import Gateway
from prewatt.domain.estate.queries import gateway_config
from prewatt.link import keys as link_keys
from prewatt.link.keys import Suite
from prewatt.link.messages import EnrolReply, EnrolRequest
from prewatt.web.fieldapi import keyring, operations
from prewatt.web.fieldapi.models import EnrolmentCode, EnrolmentFailure
from prewatt.web.fieldapi.refusals import Refused

CODE_VALID = timedelta(hours=24)
FAILURES_MAX = 10
FAILURES_WITHIN = timedelta(minutes=10)
_FAILURES_KEPT = timedelta(days=1)
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # no I, L, O, U: nothing to misread
_GROUPS, _GROUP = 4, 5  # 100 bits


def _digest(code: str) -> str:
    return salted_hmac("prewatt.enrolment", code, algorithm="sha256").hexdigest()


@transaction.atomic
def new_code(*, gateway: Gateway, now: datetime) -> str:
    """A code to be typed at the gateway once, within a day. Codes drawn before are worth nothing any more."""
    if gateway.suite not in list(Suite):
        raise ValueError(f"gateway {gateway.code}: {gateway.suite!r} is no cipher suite")
    EnrolmentCode.objects.filter(gateway=gateway, used_at__isnull=True).delete()
    groups = ["".join(secrets.choice(_ALPHABET) for _ in range(_GROUP)) for _ in range(_GROUPS)]
    code = "-".join(groups)
    EnrolmentCode.objects.create(
        gateway=gateway, digest=_digest(link_keys.normal_code(code)), created_at=now, expires_at=now + CODE_VALID
    )
    return code


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
    code = EnrolmentCode.objects.select_related("gateway").filter(digest=_digest(normal)).first()
    if code is None or code.used_at is not None or now >= code.expires_at:
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
    # Claim the code only now, by a conditional update: of two gateways with one code, one gets keys.
    if not EnrolmentCode.objects.filter(pk=code.pk, used_at__isnull=True).update(used_at=now):
        raise Refused("wrong_code", "this code was used at this very moment; draw a new one", status=403, retry=False)
    key = keyring.add_key(gateway=gateway, master=master, now=now)
    Gateway.objects.filter(pk=gateway.pk).update(enrolled_at=now, software=operations.clean(request.software)[:64])
    return EnrolReply(
        gateway=gateway.code,
        suite=key.suite,
        key_version=key.version,
        public_key=public,
        config=gateway_config(gateway),
    )
