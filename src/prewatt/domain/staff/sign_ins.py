"""Where an operator is logged in: begun at the door, looked up with every page, ended by him or by who disables him."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from prewatt.domain.staff.models import Operator, SignIn
from prewatt.domain.staff.operations import log

SEEN_EVERY = timedelta(minutes=1)  # a page a second does not write a row a second


def _digest(word: str) -> str:
    return hashlib.sha256(word.encode()).hexdigest()


def _since(now: datetime) -> datetime:
    return now - timedelta(seconds=settings.SESSION_COOKIE_AGE)


@transaction.atomic
def begin(*, operator: Operator, now: datetime, address: str = "", agent: str = "", second_factor: bool = False) -> str:
    """Log the log-in and return the word that the session carries from now on."""
    SignIn.objects.filter(operator=operator, seen_at__lt=_since(now)).delete()
    word = remember(operator=operator, now=now, address=address, agent=agent, second_factor=second_factor)
    after = {"second_factor": True} if second_factor else {}
    log(operator=operator, action="login", target=operator.username, after=after, address=address, now=now)
    return word


def remember(
    *, operator: Operator, now: datetime, address: str = "", agent: str = "", second_factor: bool = False
) -> str:
    """A session that is there already, without a new line in the log."""
    word = secrets.token_urlsafe(24)
    SignIn.objects.create(
        operator=operator,
        digest=_digest(word),
        address=address[:64],
        agent=agent[:256],
        second_factor=second_factor,
        started_at=now,
        seen_at=now,
    )
    return word


def find(*, operator: Operator, word: str, now: datetime) -> SignIn | None:
    """None: it was ended. Notes from time to time that the browser is still there."""
    found = SignIn.objects.filter(operator=operator, digest=_digest(word)).first()
    if found is not None and now - found.seen_at > SEEN_EVERY:
        SignIn.objects.filter(pk=found.pk).update(seen_at=now)
    return found


def of(*, operator: Operator, now: datetime) -> QuerySet[SignIn]:
    """The latest first."""
    return SignIn.objects.filter(operator=operator, seen_at__gte=_since(now)).order_by("-seen_at", "-pk")


def is_this(one: SignIn, word: str) -> bool:
    return one.digest == _digest(word)


def finish(*, operator: Operator, word: str, now: datetime, address: str = "") -> None:
    """Log out of this browser."""
    SignIn.objects.filter(operator=operator, digest=_digest(word)).delete()
    log(operator=operator, action="logout", target=operator.username, address=address, now=now)


@transaction.atomic
def end(*, operator: Operator, pk: int, by: Operator, now: datetime, address: str = "") -> bool:
    """End one from elsewhere; False: it was over already."""
    gone = SignIn.objects.filter(operator=operator, pk=pk).delete()[0] > 0
    if gone:
        log(operator=by, action="staff.sign_out", target=operator.username, address=address, now=now)
    return gone


@transaction.atomic
def end_others(*, operator: Operator, by: Operator, now: datetime, keep: str = "", address: str = "") -> int:
    """All of them, but for the one that asks."""
    gone = drop(operator, keep=keep)
    if gone:
        after = {"ended": gone}
        log(operator=by, action="staff.sign_out", target=operator.username, after=after, address=address, now=now)
    return gone


def drop(operator: Operator, *, keep: str = "") -> int:
    """Inside the caller's transaction and under the caller's line in the log."""
    return SignIn.objects.filter(operator=operator).exclude(digest=_digest(keep)).delete()[0]
