"""The second factor: six digits from a telephone (RFC 6238), or a recovery code. Wrong ones cost waiting time."""

from __future__ import annotations

import secrets
from base64 import b32encode
from datetime import datetime, timedelta
from typing import ClassVar

from django.db import transaction
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django_otp.plugins.otp_totp.models import TOTPDevice

from prewatt.domain.staff.models import Operator, RecoveryCode
from prewatt.domain.staff.operations import check_own_password, log
from prewatt.domain.staff.refusals import Refused

RECOVERY_CODES = 10
LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # without what looks alike
DEVICE = "phone"


class WrongCode(Refused):
    code: ClassVar[str] = "wrong_code"
    retry: ClassVar[bool] = True


class TooSoon(Refused):
    """Throttled after wrong codes: no code is looked at before `wait_s` are over."""

    code: ClassVar[str] = "too_soon"
    retry: ClassVar[bool] = True

    def __init__(self, wait_s: int) -> None:
        super().__init__(
            ngettext(
                "After wrong codes the next one counts in %(n)d second. Wait, then type the new code.",
                "After wrong codes the next one counts in %(n)d seconds. Wait, then type the new code.",
                wait_s,
            )
            % {"n": wait_s}
        )
        self.wait_s = wait_s


def is_on(operator: Operator) -> bool:
    return bool(TOTPDevice.objects.filter(user=operator, confirmed=True).exists())


def codes_left(operator: Operator) -> int:
    return operator.recovery_codes.filter(used_at=None).count()


@transaction.atomic
def start(*, operator: Operator) -> TOTPDevice:
    """The secret that the telephone shall learn; the same one until it is confirmed."""
    if is_on(operator):
        raise WrongCode(_("The second factor is on already. Switch it off first to use another telephone."))
    return TOTPDevice.objects.get_or_create(user=operator, confirmed=False, defaults={"name": DEVICE})[0]


def confirm(*, operator: Operator, code: str, now: datetime, address: str = "") -> list[str]:
    """On from now on; returns the recovery codes, in clear for the only time. Raises WrongCode, TooSoon."""
    device = start(operator=operator)
    if not _verify(device, _plain(code)):
        raise WrongCode(
            _(
                "The code is not right. The second factor is still off. "
                "Check the telephone's clock and type the code it shows now."
            )
        )
    with transaction.atomic():
        device.confirmed = True
        device.save(update_fields=["confirmed"])
        codes = _new_codes(operator)
        log(
            operator=operator,
            action="staff.second_factor_on",
            target=operator.username,
            before={"second_factor": False},
            after={"second_factor": True},
            address=address,
            now=now,
        )
    return codes


@transaction.atomic
def renew_codes(*, operator: Operator, password: str, now: datetime, address: str = "") -> list[str]:
    """Ten new recovery codes; the old ones open nothing any more."""
    check_own_password(operator, password)
    codes = _new_codes(operator)
    log(operator=operator, action="staff.recovery_codes", target=operator.username, address=address, now=now)
    return codes


def _new_codes(operator: Operator) -> list[str]:
    operator.recovery_codes.all().delete()
    codes = ["-".join(_letters() for _part in range(3)) for _code in range(RECOVERY_CODES)]
    RecoveryCode.objects.bulk_create(RecoveryCode(operator=operator, digest=_digest(code)) for code in codes)
    return codes


def _letters() -> str:
    return "".join(secrets.choice(LETTERS) for _letter in range(4))


def _digest(code: str) -> str:
    """Sixty random bits: a keyed digest is enough, no slow hash is needed."""
    return salted_hmac("prewatt.recovery-code", _plain(code), algorithm="sha256").hexdigest()


def _plain(code: str) -> str:
    return "".join(letter for letter in code.lower() if letter.isalnum())


def _verify(device: TOTPDevice, code: str) -> bool:
    allowed, why = device.verify_is_allowed()
    if not allowed:
        until: datetime = (why or {}).get("locked_until") or timezone.now() + timedelta(seconds=1)
        raise TooSoon(max(1, round((until - timezone.now()).total_seconds())))
    return bool(device.verify_token(code))


def check(*, operator: Operator, code: str, now: datetime, address: str = "") -> bool:
    """At the door. A wrong one is counted and logged before this returns False. Raises TooSoon."""
    with transaction.atomic():
        device = TOTPDevice.objects.select_for_update().filter(user=operator, confirmed=True).first()
        if device is None:
            return False
        text = _plain(code)
        right = _verify(device, text) or _use_recovery(device, operator, text, now=now, address=address)
        if not right:
            log(operator=operator, action="login.wrong_code", target=operator.username, address=address, now=now)
    return right


def _use_recovery(device: TOTPDevice, operator: Operator, code: str, *, now: datetime, address: str) -> bool:
    """The device has already counted a wrong code; a right one here takes that back."""
    fresh = operator.recovery_codes.filter(digest=_digest(code), used_at=None)
    if not code or not fresh.update(used_at=now):
        return False
    device.throttle_reset()
    after = {"left": codes_left(operator)}
    log(
        operator=operator, action="login.recovery_code", target=operator.username, after=after, address=address, now=now
    )
    return True


@transaction.atomic
def switch_off(*, operator: Operator, password: str, now: datetime, address: str = "") -> None:
    """By its owner, who proves himself by his password."""
    check_own_password(operator, password)
    if forget(operator):
        log(
            operator=operator,
            action="staff.second_factor_off",
            target=operator.username,
            before={"second_factor": True},
            after={"second_factor": False},
            address=address,
            now=now,
        )


def forget(operator: Operator) -> bool:
    """Inside the caller's transaction and under his line in the log."""
    operator.recovery_codes.all().delete()
    had = is_on(operator)
    TOTPDevice.objects.filter(user=operator).delete()
    return had


def spelled(device: TOTPDevice) -> str:
    """The secret for who cannot photograph it, in groups of four."""
    text = b32encode(device.bin_key).decode().rstrip("=")
    return " ".join(text[at : at + 4] for at in range(0, len(text), 4))
