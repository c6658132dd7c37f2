"""Coming in by number and password, staying, and going out. By a code: `codes`.

Whoever is not known is answered in the same words, after the same work, as who typed a wrong password.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache

from django.contrib.auth.hashers import check_password, make_password
from django.utils.crypto import constant_time_compare

from prewatt.domain.estate.models import Customer, Opening
from prewatt.domain.tenants import tallies
from prewatt.domain.tenants.models import Code, Visit
from prewatt.domain.tenants.refusals import NotLetIn, PhoneNotRight
from prewatt.domain.tenants.tallies import Limit

QUARTER, DAY = timedelta(minutes=15), timedelta(days=1)
OF_A_NUMBER = Limit("number", 6, QUARTER)
OF_A_NUMBER_A_DAY = Limit("number_day", 30, DAY)
OF_AN_ADDRESS = Limit("address", 30, QUARTER)
VISIT_IDLE, VISIT_AT_MOST = timedelta(days=14), timedelta(days=90)
KIOSK_IDLE, KIOSK_AT_MOST = timedelta(seconds=90), timedelta(minutes=15)
SEEN_EVERY, SEEN_EVERY_AT_KIOSK = timedelta(minutes=5), timedelta(seconds=5)
WORD_BYTES = 32
PASSWORD_MAX, NUMBER_MAX = 64, 32
MOBILE = re.compile(r"1\d{10}")


@dataclass(frozen=True, slots=True)
class Entered:
    """`word` goes into the browser's cookie and is kept nowhere here."""

    visit: Visit
    word: str


def enter(*, number: str, password: str, address: str, now: datetime, agent: str = "", kiosk: bool = False) -> Entered:
    """By user number, or by the room where it is one tenant's alone. Raises NotLetIn, TooOften."""
    typed = number.strip()[:NUMBER_MAX]
    customer = _known(typed)
    key = f"customer {customer.number}" if customer else f"typed {typed.lower()}"
    tallies.take(OF_AN_ADDRESS, address, now=now)
    tallies.take(OF_A_NUMBER, key, now=now)
    tallies.take(OF_A_NUMBER_A_DAY, key, now=now)
    kept = (customer.password if customer else "") or _nobodys()
    fits = check_password(password.strip()[:PASSWORD_MAX], kept)
    if not fits or customer is None or not customer.password:
        raise NotLetIn
    tallies.give_back(OF_AN_ADDRESS, address)
    tallies.forget(OF_A_NUMBER, key)
    tallies.give_back(OF_A_NUMBER_A_DAY, key)
    return begin(Visit(customer=customer, proof=_proof(customer), kiosk=kiosk), address, agent, now)


def _known(typed: str) -> Customer | None:
    customer = Customer.objects.filter(number__iexact=typed).first()
    if customer is not None:
        return customer
    rows = Opening.objects.filter(meter__room__number__iexact=typed, closed_at__isnull=True).order_by()
    ids = set(rows.values_list("customer", flat=True)[:10])
    return Customer.objects.get(pk=ids.pop()) if len(ids) == 1 else None


@cache
def _nobodys() -> str:
    """A hash that costs as much to check as anybody's."""
    return make_password(secrets.token_urlsafe())


def _proof(customer: Customer) -> str:
    """Ends the visits when the password is another one."""
    return hashlib.sha256(f"visit {customer.password}".encode()).hexdigest()


def begin(visit: Visit, address: str, agent: str, now: datetime) -> Entered:
    word = secrets.token_urlsafe(WORD_BYTES)
    visit.digest, visit.address, visit.agent = _digest(word), address, agent[:256]
    visit.started_at = visit.seen_at = now
    visit.save(force_insert=True)
    _sweep(now)
    return Entered(visit, word)


def _digest(word: str) -> str:
    return hashlib.sha256(word.encode()).hexdigest()


def _sweep(now: datetime) -> None:
    Visit.objects.filter(seen_at__lt=now - VISIT_IDLE).delete()
    Visit.objects.filter(kiosk=True, seen_at__lt=now - KIOSK_AT_MOST).delete()
    Code.objects.filter(made_at__lt=now - DAY).delete()
    tallies.sweep(now=now)


def find(*, word: str, kiosk: bool, now: datetime) -> Visit | None:
    """The visit of this cookie, if it still stands; looking keeps it alive."""
    idle, at_most = (KIOSK_IDLE, KIOSK_AT_MOST) if kiosk else (VISIT_IDLE, VISIT_AT_MOST)
    visit = Visit.objects.select_related("customer").filter(digest=_digest(word), kiosk=kiosk).first()
    if visit is None or now - visit.seen_at > idle or now - visit.started_at > at_most:
        return None
    if visit.customer is not None and not constant_time_compare(visit.proof, _proof(visit.customer)):
        return None
    if now - visit.seen_at >= (SEEN_EVERY_AT_KIOSK if kiosk else SEEN_EVERY):
        Visit.objects.filter(pk=visit.pk).update(seen_at=now)
    return visit


def leave(*, visit: Visit) -> None:
    Visit.objects.filter(pk=visit.pk).delete()


def mobile(text: str) -> str:
    """Eleven digits, however they were typed. Raises PhoneNotRight."""
    digits = re.sub(r"[\s\-()]", "", text).removeprefix("+86").removeprefix("0086")
    if not MOBILE.fullmatch(digits):
        raise PhoneNotRight
    return digits


def has_phone(digits: str) -> list[Customer]:
    """Everybody who has this phone, however it was written down."""
    near = Customer.objects.filter(phone__endswith=digits[-2:]).order_by("number")
    return [one for one in near if re.sub(r"[\s\-()]", "", one.phone).removeprefix("+86") == digits]


def customers(visit: Visit) -> list[Customer]:
    """Who sits before this browser: one by password, by phone whoever has it now."""
    return [visit.customer] if visit.customer is not None else has_phone(visit.phone)
