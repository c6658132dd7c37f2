"""One-time codes: an operator draws one, a person types it at the gateway, the gateway gets its keys for it."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils.crypto import salted_hmac

from prewatt.domain.estate.models import EnrolmentCode, Gateway
from prewatt.domain.staff import operations as staff
from prewatt.link import keys as link_keys
from prewatt.link.keys import Suite

if TYPE_CHECKING:
    from prewatt.domain.staff.models import Operator

CODE_VALID = timedelta(hours=24)
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # no I, L, O, U: nothing to misread
_GROUPS, _GROUP = 4, 5  # 100 bits


def _digest(code: str) -> str:
    return salted_hmac("prewatt.enrolment", code, algorithm="sha256").hexdigest()


@transaction.atomic
def new_code(*, gateway: Gateway, now: datetime, operator: Operator | None = None, address: str = "") -> str:
    """A code to be typed at the gateway once, within a day. Codes drawn before are worth nothing any more.

    Keys that the gateway has stay good until the new code was used: this is also how keys are renewed.
    """
    if gateway.suite not in list(Suite):
        raise ValueError(f"gateway {gateway.code}: {gateway.suite!r} is no cipher suite")
    EnrolmentCode.objects.filter(gateway=gateway, used_at__isnull=True).delete()
    groups = ["".join(secrets.choice(_ALPHABET) for _ in range(_GROUP)) for _ in range(_GROUPS)]
    code = "-".join(groups)
    drawn = EnrolmentCode.objects.create(
        gateway=gateway, digest=_digest(link_keys.normal_code(code)), created_at=now, expires_at=now + CODE_VALID
    )
    staff.log(
        operator=operator,
        action="estate.enrolment_code",
        target=f"gateway {gateway.code}",
        after={"expires_at": drawn.expires_at.isoformat()},
        address=address,
        now=now,
    )
    return code


def waiting_code(gateway: Gateway, *, now: datetime) -> EnrolmentCode | None:
    """The code that was drawn and not used yet; what it says is known only to whoever drew it."""
    return EnrolmentCode.objects.filter(gateway=gateway, used_at__isnull=True, expires_at__gt=now).first()


def usable_code(normal: str, *, now: datetime) -> EnrolmentCode | None:
    """The code of this text, if it may still be used. `normal` is how the link writes what a person typed."""
    found = EnrolmentCode.objects.select_related("gateway").filter(digest=_digest(normal), used_at__isnull=True)
    return found.filter(expires_at__gt=now).first()


def claim_code(code: EnrolmentCode, *, now: datetime) -> bool:
    """By a conditional update: of two gateways with one code, one gets keys."""
    return EnrolmentCode.objects.filter(pk=code.pk, used_at__isnull=True).update(used_at=now) == 1


def enrolled(gateway: Gateway, *, key_version: int, software: str, now: datetime) -> None:
    changes = {"enrolled_at": now, "software": software[:64], "key_version": key_version}
    Gateway.objects.filter(pk=gateway.pk).update(**changes)
