"""What a version would do, before it is kept: how it stands to the cap in each band, and what a month costs with it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from prewatt.domain.tariff import queries
from prewatt.domain.tariff.cap import HOURS, Cap, cap_of_version, steps_of
from prewatt.domain.tariff.models import BANDS, PurchasePrice
from prewatt.domain.tariff.rules.charging import price
from prewatt.domain.tariff.rules.five import E8_PER_E4
from prewatt.domain.tariff.rules.plan import ALL_HOURS, Plan, Settlement, Version
from prewatt.domain.tariff.rules.timeline import CannotPrice, Interval, later_settlement, seconds, settlement_start

EXAMPLE_WH = 300_000


@dataclass(frozen=True, slots=True)
class BandCap:
    """One band of the dearest step with its fees per kWh, beside what the site pays and may add, in 1e-8 yuan."""

    band: str
    asked_e8: int
    allowed_e8: int

    @property
    def above(self) -> bool:
        return self.asked_e8 > self.allowed_e8


@dataclass(frozen=True, slots=True)
class CapLook:
    paid: PurchasePrice
    blended: Cap
    bands: tuple[BandCap, ...]


def held_against_cap(version: Version, *, day: date, weights: Mapping[str, int]) -> CapLook | None:
    """None while the site's own price is not set."""
    paid = queries.purchase(day=day)
    if paid is None:
        return None
    found = cap_of_version(version, paid.prices, markup_permille=paid.markup_permille, weights=weights)
    return CapLook(paid, found, tuple(_bands(version, paid)))


def _bands(version: Version, paid: PurchasePrice) -> Iterator[BandCap]:
    fees = sum(fee.per_kwh_e8 or 0 for fee in version.fees)
    steps = steps_of(version)
    for band in BANDS:
        rates = [rate for step in steps if (rate := step.rates_e8.get(band, step.rates_e8.get(ALL_HOURS))) is not None]
        if rates:
            allowed = paid.prices[f"price_{band}_e4"] * E8_PER_E4 * (1000 + paid.markup_permille) // 1000
            yield BandCap(band, max(rates) + fees, allowed)


def example_fen(plan: Plan, *, at: datetime, weights: Mapping[str, int], wh: int = EXAMPLE_WH) -> int | None:
    """What a customer pays for so much, used evenly over the month of `at`; None where the plan has no price for it.

    Bands without hours share it as `weights` (Wh or hours by band) say. The month is the first of its ladder.
    """
    zone = ZoneInfo(plan.zone)
    settles = plan.settlement if plan.settlement.every != "bill" else Settlement()
    start = settlement_start(settles, at.astimezone(zone).replace(tzinfo=None), monthly=True)
    end = later_settlement(start, monthly=True)
    start_s, end_s = (seconds(one.replace(tzinfo=zone)) for one in (start, end))
    try:
        return price(plan, _month(plan.versions[0], start_s, end_s, wh, weights)).fen
    except CannotPrice:
        return None


def _month(version: Version, start_s: int, end_s: int, wh: int, weights: Mapping[str, int]) -> list[Interval]:
    if not version.banded or version.tables:
        return [Interval(start_s, end_s, wh)]
    known = {band: weights.get(band, 0) for band in version.bands}
    if not any(known.values()):
        known = {band: HOURS.get(band, 1) for band in version.bands}
    total, given, so_far, found = sum(known.values()), 0, 0, []
    for band, weight in known.items():
        so_far += weight
        share = wh * so_far // total - given
        given += share
        found.append(Interval(start_s, end_s, share, band))
    return found
