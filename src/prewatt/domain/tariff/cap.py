"""The cap on resold electricity: the end user pays what the grid charges, plus at most what the site may add (0).

Plans by time of use are compared by their blended price: each band weighs what is used in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from prewatt.domain.tariff.models import BANDS
from prewatt.domain.tariff.rules.five import E8_PER_E4
from prewatt.domain.tariff.rules.plan import ALL_HOURS, Step, Version
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


def cap_of_version(
    version: Version, purchase: Mapping[str, int], *, markup_permille: int, weights: Mapping[str, int]
) -> Cap:
    """The dearest step of a version with its fees per kWh, against the same. Fixed fees are no price of electricity."""
    paid = {name: price * E8_PER_E4 for name, price in purchase.items()}
    fees = sum(fee.per_kwh_e8 or 0 for fee in version.fees)
    found = [
        cap(_by_band(step.rates_e8, fees), paid, markup_permille=markup_permille, weights=weights)
        for step in steps_of(version)
    ]
    worst = max(found, key=lambda one: one.asked_e4)
    return Cap(round_half_up(worst.asked_e4, E8_PER_E4), round_half_up(worst.allowed_e4, E8_PER_E4), worst.above)


def steps_of(version: Version) -> tuple[Step, ...]:
    """All steps of all seasons or slabs; a version without a ladder is one step."""
    if version.ladder is None:
        return (Step(None, version.rates_e8),)
    lists = [*(one.steps for one in version.ladder.seasons), *(one.steps for one in version.ladder.slabs)]
    return tuple(step for steps in lists for step in steps)


def _by_band(rates_e8: Mapping[str, int], fees_e8: int) -> dict[str, int]:
    """By the names of an order; a band that has no price of its own has the dearest one."""
    dearest = max(rates_e8.values())
    rates = {band: rates_e8.get(band, rates_e8.get(ALL_HOURS, dearest)) for band in BANDS}
    return {f"price_{band}_e4": rate + fees_e8 for band, rate in rates.items()}
