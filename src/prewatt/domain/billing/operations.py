"""Pricing what platform accounts have used. Posting it is `settlement`'s, day by day."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, Q

from prewatt.domain.billing import queries, rating
from prewatt.domain.billing.models import Billing, Standing, Terms
from prewatt.domain.dispatch import operations as dispatch
from prewatt.domain.estate.models import Opening
from prewatt.domain.tariff.rules.timeline import CannotPrice

EVERY = timedelta(minutes=5)


def begin(*, opening: Opening, asked: str, billing: Billing, overdraft_fen: int, switch_on_min_fen: int) -> Terms:
    """From its first second on the platform bills this account. The caller has just opened it, and holds the meter."""
    terms = Terms.objects.create(
        opening=opening,
        asked=asked,
        billing=billing,
        overdraft_fen=overdraft_fen,
        switch_on_min_fen=switch_on_min_fen,
    )
    Standing.objects.create(opening=opening)
    return terms


def rate(*, now: datetime, every: timedelta = EVERY, limit: int = 200) -> int:
    """Price the use of open accounts, those first that were priced longest ago. Returns how many changed.

    Hours close once an hour, and an account's year takes some 50 ms: pricing all of them every minute would keep a
    thousand meters' worker at nothing else.
    """
    due = Q(at=None) | Q(at__lte=now - every)
    waiting = Standing.objects.filter(due, opening__closed_at=None)
    openings = waiting.order_by(F("at").asc(nulls_first=True), "pk").values_list("pk", flat=True)
    return sum(rate_one(opening_id=pk, now=now) for pk in list(openings[:limit]))


def keep_put(opening_id: int) -> None:
    """Money was put on the account or taken off it, in this transaction. The caller holds the meter."""
    Standing.objects.filter(pk=opening_id).update(put_fen=queries.put_fen(opening_id))


@transaction.atomic
def rate_one(*, opening_id: int, now: datetime) -> bool:
    """What cannot be priced keeps its last figure and says why; nobody acts on it then."""
    opening = Opening.objects.get(pk=opening_id)
    dispatch.lock_meter(opening.meter_id)
    row = Standing.objects.get(pk=opening_id)
    before = (row.rated_fen, row.rated_until, row.refused)
    try:
        rated = rating.so_far(opening)
        row.rated_fen, row.rated_until, row.refused = rated.fen, rated.until, ""
    except CannotPrice as error:
        row.refused = str(error)[:200]
    row.at, row.put_fen = now, queries.put_fen(opening_id)
    row.save()
    return before != (row.rated_fen, row.rated_until, row.refused)
