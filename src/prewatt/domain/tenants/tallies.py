"""So many tries in so long a time. A try is counted before it is made: ten at the same moment are ten."""

from __future__ import annotations

import hashlib
import math
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db import transaction
from django.db.models import F

from prewatt.domain.tenants.models import Tally
from prewatt.domain.tenants.refusals import TooOften

KEPT = timedelta(days=2)


class Limit(NamedTuple):
    kind: str
    tries: int
    span: timedelta


@transaction.atomic
def take(limit: Limit, key: str, *, now: datetime) -> None:
    """One more try. Raises TooOften when there were as many as are allowed."""
    named = {"kind": limit.kind, "key": _digest(key)}
    Tally.objects.get_or_create(**named, defaults={"since": now})
    held = Tally.objects.select_for_update().get(**named)
    if now - held.since >= limit.span:
        held.since, held.tries = now, 0
    if held.tries >= limit.tries:
        left = limit.span - (now - held.since)
        raise TooOften(max(1, math.ceil(left.total_seconds() / 60)))
    held.tries += 1
    held.save(update_fields=["since", "tries"])


def give_back(limit: Limit, key: str) -> None:
    """It was a good one: it does not count."""
    Tally.objects.filter(kind=limit.kind, key=_digest(key), tries__gt=0).update(tries=F("tries") - 1)


def forget(limit: Limit, key: str) -> None:
    """He came in: his slips of the finger are over."""
    Tally.objects.filter(kind=limit.kind, key=_digest(key)).delete()


def sweep(*, now: datetime) -> None:
    Tally.objects.filter(since__lt=now - KEPT).delete()


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()
