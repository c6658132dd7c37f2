"""Reading platform accounts: their terms, and what they may still use."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime

from prewatt.domain.billing.models import Billing, Standing, Terms
from prewatt.domain.dispatch import queries as dispatch_queries
from prewatt.domain.ledger import accounts
from prewatt.domain.ledger import queries as ledger_queries
from prewatt.domain.metering.models import MeterState


@dataclass(frozen=True, slots=True)
class Stand:
    """An account as it stands. `available_fen` is None while its use cannot be priced: nobody acts on such a balance.

    `known_at` is the end of the last priced use; `read_at` the meter's last reading.
    """

    opening: int
    meter: int
    billing: str
    available_fen: int | None
    overdraft_fen: int
    switch_on_min_fen: int
    known_at: datetime | None
    read_at: datetime | None

    @property
    def postpaid(self) -> bool:
        return self.billing == Billing.POSTPAID


def billed_here(opening_id: int) -> bool:
    return Terms.objects.filter(pk=opening_id).exists()


def is_priced(opening_id: int) -> bool:
    """Whether everything that it used has a price."""
    return Standing.objects.filter(pk=opening_id, refused="").exists()


def terms_of(opening_id: int) -> Terms | None:
    return Terms.objects.filter(pk=opening_id).first()


def available_fen(opening_id: int) -> int:
    """What the ledger put on the account, less what is on its way back and the use that was priced, posted or not."""
    rated_fen = Standing.objects.filter(pk=opening_id).values_list("rated_fen", flat=True).first() or 0
    return put_fen(opening_id) - rated_fen


def put_fen(opening_id: int) -> int:
    """What the ledger put on the account, less what went back and what is on its way back. Use is left out."""
    return dispatch_queries.credited_of(opening_id) - ledger_queries.reserved_fen(accounts.meter(opening_id))


def standing(opening_id: int) -> Stand | None:
    """As the ledger says at this moment. None for an account that its meter bills."""
    found = standings([opening_id]).get(opening_id)
    known = found is not None and found.available_fen is not None
    return replace(found, available_fen=available_fen(opening_id)) if found and known else found


def standings(openings: Collection[int] | None = None) -> dict[int, Stand]:
    """Open platform accounts by opening; None asks for all of them. Two queries for any number."""
    rows = Terms.objects.filter(opening__closed_at=None).select_related("opening__standing")
    rows = rows if openings is None else rows.filter(pk__in=list(openings))
    found = list(rows)
    meters = [one.opening.meter_id for one in found]
    read = dict(MeterState.objects.filter(meter__in=meters).values_list("meter", "taken_at"))
    return {one.pk: _stand(one, read.get(one.opening.meter_id)) for one in found}


def _stand(terms: Terms, read_at: datetime | None) -> Stand:
    rated = terms.opening.standing
    return Stand(
        opening=terms.pk,
        meter=terms.opening.meter_id,
        billing=terms.billing,
        available_fen=None if rated.refused else rated.put_fen - rated.rated_fen,
        overdraft_fen=terms.overdraft_fen,
        switch_on_min_fen=terms.switch_on_min_fen,
        known_at=rated.rated_until,
        read_at=read_at,
    )
