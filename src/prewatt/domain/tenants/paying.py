"""What a tenant may pay and by which channels, and the payment of an order that is his."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from prewatt.domain.billing import queries as billing
from prewatt.domain.estate.models import Customer, Opening
from prewatt.domain.forecast import queries as forecast
from prewatt.domain.forecast.rule import Left
from prewatt.domain.payments import channels
from prewatt.domain.payments.channel import Way
from prewatt.domain.payments.channels import Offer
from prewatt.domain.payments.models import Attempt
from prewatt.domain.vending.look import look

AMOUNTS_FEN = (50_00, 100_00, 200_00, 500_00, 1000_00, 2000_00)
CHOICES = 3
DAYS_WANTED = 7  # the first choice lasts about so long


@dataclass(frozen=True, slots=True)
class Choice:
    fen: int
    left: Left | None  # how long the balance lasts with it


@dataclass(frozen=True, slots=True)
class Till:
    """`most_fen` None: no ceiling. `channels` empty: nothing can be paid here."""

    choices: tuple[Choice, ...]
    chosen_fen: int
    most_fen: int | None
    channels: tuple[Offer, ...]


def till(*, opening: Opening, way: Way, now: datetime) -> Till:
    seen = look(opening.meter_id)
    most_fen = None
    if not billing.billed_here(opening.pk) and opening.meter.ceiling_fen:
        most_fen = max(0, opening.meter.ceiling_fen - seen.balance_fen - seen.arriving_fen)
    ahead = forecast.ahead([opening.meter_id]).get(opening.meter_id)
    held_fen = max(0, seen.balance_fen)
    fitting = [fen for fen in AMOUNTS_FEN if most_fen is None or fen <= most_fen]
    found = [Choice(fen, ahead.left(held_fen + fen, now=now) if ahead else None) for fen in fitting]
    first = next((n for n, one in enumerate(found) if one.left and one.left.days >= DAYS_WANTED), 1)
    begin = max(0, min(first - 1, len(found) - CHOICES))
    shown = tuple(found[begin : begin + CHOICES])
    chosen = shown[min(1, len(shown) - 1)].fen if shown else 0
    offers = tuple(one for one in channels.offers() if way in one.ways)
    return Till(shown, chosen, most_fen, offers)


def attempt(*, order_id: str, mine: Iterable[Customer]) -> Attempt | None:
    """The newest attempt of an order, if it is for an account of these."""
    found = Attempt.objects.filter(order_id=order_id, customer__in=[one.pk for one in mine])
    return found.select_related("opening__meter__room", "sale").order_by("-created_at").first()
