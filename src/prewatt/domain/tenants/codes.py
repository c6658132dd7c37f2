"""Coming in by a code that a phone was sent: six digits, five minutes, five tries. Only the code's digest is kept."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F
from django.utils.crypto import constant_time_compare, salted_hmac

from prewatt.domain.estate.models import Customer
from prewatt.domain.notices import operations as notices
from prewatt.domain.notices.models import Carrier, Door
from prewatt.domain.tenants import tallies
from prewatt.domain.tenants.doors import DAY, QUARTER, Entered, begin, has_phone, mobile
from prewatt.domain.tenants.models import Code, Visit
from prewatt.domain.tenants.refusals import WrongCode
from prewatt.domain.tenants.tallies import Limit

CODES_OF_A_PHONE = Limit("phone", 1, timedelta(minutes=1))
CODES_OF_A_PHONE_A_DAY = Limit("phone_day", 10, DAY)
CODES_OF_AN_ADDRESS = Limit("phone_address", 10, timedelta(hours=1))
CODES_IN_ALL = Limit("phone_all", 200, timedelta(hours=1))
CODE_TRIES_OF_AN_ADDRESS = Limit("code_address", 30, QUARTER)
CODE_TRIES = 5
CODE_VALID = timedelta(minutes=5)
CODE_DIGITS = 6


def can_send() -> bool:
    """Is there a carrier that takes text messages?"""
    return Carrier.objects.filter(door=Door.TEXT, on=True).exists()


def ask_code(*, phone: str, language: str, address: str, now: datetime) -> str:
    """Send a code to the phone if it is somebody's; the digits. Raises PhoneNotRight, TooOften.

    A phone of nobody is treated alike: it has a code, too, which nobody is told.
    """
    digits = mobile(phone)
    tallies.take(CODES_OF_AN_ADDRESS, address, now=now)
    tallies.take(CODES_OF_A_PHONE, digits, now=now)
    tallies.take(CODES_OF_A_PHONE_A_DAY, digits, now=now)
    tallies.take(CODES_IN_ALL, "", now=now)
    code = f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}d}"
    known = has_phone(digits)
    with transaction.atomic():
        Code.objects.update_or_create(
            phone=digits,
            defaults={"digest": _code_digest(digits, code, now), "made_at": now, "tries": 0, "used": False},
        )
        if known:
            _send(digits, code, known, language, now)
    return digits


def _send(digits: str, code: str, known: Sequence[Customer], language: str, now: datetime) -> None:
    """The name of no account is in it: a phone may have several, and lie on any table."""
    notices.say(
        kind="code",
        phone=digits,
        fields={"code": code, "minutes": str(CODE_VALID // timedelta(minutes=1))},
        key=f"tenant code {digits} {now.timestamp():.6f}",
        language="en" if language == "en" else "zh",
        now=now,
        customer=known[0],
        urgent=True,
    )


def _code_digest(digits: str, code: str, made_at: datetime) -> str:
    return salted_hmac(
        "prewatt tenants code", f"{digits} {made_at.timestamp():.6f} {code}", algorithm="sha256"
    ).hexdigest()


def enter_by_code(*, phone: str, code: str, address: str, now: datetime, agent: str = "") -> Entered:
    """Raises WrongCode, TooOften, PhoneNotRight. Five tries, then the code is none any more."""
    digits = mobile(phone)
    tallies.take(CODE_TRIES_OF_AN_ADDRESS, address, now=now)
    made = Code.objects.filter(phone=digits, used=False, tries__lt=CODE_TRIES, made_at__gt=now - CODE_VALID).first()
    if made is None or not _counted(made):
        raise WrongCode
    if not constant_time_compare(made.digest, _code_digest(digits, code.strip(), made.made_at)):
        raise WrongCode
    if not Code.objects.filter(pk=made.pk, used=False, digest=made.digest).update(used=True) or not has_phone(digits):
        raise WrongCode
    tallies.give_back(CODE_TRIES_OF_AN_ADDRESS, address)
    return begin(Visit(phone=digits), address, agent, now)


def _counted(made: Code) -> bool:
    """Count the try before it is looked at; false: another took the last one."""
    mine = Code.objects.filter(pk=made.pk, digest=made.digest, tries__lt=CODE_TRIES)
    return bool(mine.update(tries=F("tries") + 1))
