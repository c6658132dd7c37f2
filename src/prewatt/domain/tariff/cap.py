"""The cap on resold electricity: the end user pays what the grid charges, plus at most what the site may add (0).

Plans by time of use are compared by their blended price: each band weighs what is used in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from prewatt.domain.tariff.models import BANDS
from prewatt.units.values import round_half_up

# Hours of a common commercial day in each band, used until the site's own consumption is known.
HOURS: Mapping[str, int] = {"sharp": 2, "peak": 6, "flat": 8, "valley": 8, "deep": 0}


@dataclass(frozen=True, slots=True)
class Cap:
    """`asked_e4` and `allowed_e4` are blended prices, rounded for people; `above` was decided before rounding."""

    asked_e4: int
    allowed_e4: int
    above: bool


def blended_e4(prices: Mapping[str, int], weights: Mapping[str, int]) -> int:
    return round_half_up(_sum(prices, weights), _total(weights))


def cap(
    prices: Mapping[str, int], purchase: Mapping[str, int], *, markup_permille: int, weights: Mapping[str, int]
) -> Cap:
    """`prices` and `purchase` by the names of an order (`price_flat_e4`); `weights` by band: Wh, hours, any unit."""
    if not _total(weights):
        weights = HOURS
    asked, paid = _sum(prices, weights), _sum(purchase, weights)
    allowed = paid * (1000 + markup_permille)
    total = _total(weights)
    return Cap(round_half_up(asked, total), round_half_up(allowed, 1000 * total), asked * 1000 > allowed)


def _sum(prices: Mapping[str, int], weights: Mapping[str, int]) -> int:
    return sum(prices[f"price_{band}_e4"] * weights.get(band, 0) for band in BANDS)


def _total(weights: Mapping[str, int]) -> int:
    return sum(weights.get(band, 0) for band in BANDS)
