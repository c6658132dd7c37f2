"""What an account may still use, and as of when: shown by its meter, or kept by the platform.

The one answer for every page, list and alarm: `of` for one account at hand, `NET` the same for the database, where a
list is sorted and counted by it. Neither asks anything further: whoever fetches accounts joins `WITH_IT`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from django.db.models import BigIntegerField, Case, F, Value, When
from django.db.models.functions import Coalesce

if TYPE_CHECKING:
    from prewatt.domain.estate.models import Opening
    from prewatt.domain.metering.models import MeterState

POSTPAID = "postpaid"  # 后付费: nobody waits for this money yet
WITH_IT = ("platform_terms", "standing")  # of an `Opening`
_NUMBER = BigIntegerField()


@dataclass(frozen=True, slots=True)
class Balance:
    """`fen` None: nobody knows. `at`: the meter was read then, or use is priced up to then."""

    fen: int | None
    at: datetime | None
    here: bool = False  # 平台计费: the balance lives in the ledger
    postpaid: bool = False


def of(opening: Opening | None, latest: MeterState | None) -> Balance:
    terms = getattr(opening, "platform_terms", None)
    if opening is None or terms is None:
        return Balance(_shown(latest), latest.taken_at if latest else None)
    rated = opening.standing
    fen = None if rated.refused else rated.put_fen - rated.rated_fen
    return Balance(fen, rated.rated_until or opening.opened_at, here=True, postpaid=terms.billing == POSTPAID)


def _shown(latest: MeterState | None) -> int | None:
    """Balance less overdraft. A meter that shows debt as a negative balance shows it once, not twice."""
    if latest is None or latest.balance_fen is None:
        return None
    return latest.balance_fen if latest.balance_fen < 0 else latest.balance_fen - (latest.overdraft_fen or 0)


# The same of a meter with its account as `current`.
NET = Case(
    When(current__standing__refused__gt="", then=Value(None)),
    When(current__standing__isnull=False, then=F("current__standing__put_fen") - F("current__standing__rated_fen")),
    When(state__balance_fen__lt=0, then=F("state__balance_fen")),
    default=F("state__balance_fen") - Coalesce("state__overdraft_fen", 0),
    output_field=_NUMBER,
)
# What a state and an alarm are judged by; nothing for who pays afterwards.
DUE = Case(
    When(current__platform_terms__billing=POSTPAID, then=Value(None)),
    default=F("net_fen"),
    output_field=_NUMBER,
)
