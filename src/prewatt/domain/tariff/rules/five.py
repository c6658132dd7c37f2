"""The five prices that a meter takes, as a plan's document, and of a document what a meter would take."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from prewatt.domain.tariff.rules.plan import ALL_HOURS, FORMAT, Version
from prewatt.units.values import Price

BANDS = ("sharp", "peak", "flat", "valley", "deep")
# What people write for a band, in either language.
BAND_OF_WORD: Mapping[str, str] = {
    **{code: code for code in BANDS},
    "deep valley": "deep",
    "尖": "sharp",
    "尖峰": "sharp",
    "峰": "peak",
    "高峰": "peak",
    "平": "flat",
    "平段": "flat",
    "谷": "valley",
    "低谷": "valley",
    "深谷": "deep",
}
E8_PER_E4 = 10_000


def document_of(
    *, name: str, prices: Mapping[str, int], flat: bool, tables: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """`prices` by the names of an order (`price_flat_e4`), as `Plan.prices` has them.

    The hours stand in the meter: without `tables` each interval must bring the band that the meter counted it in.
    """
    if flat:
        version: dict[str, Any] = {"price": str(Price(prices["price_flat_e4"]))}
    else:
        version = {"prices": {band: str(Price(prices[f"price_{band}_e4"])) for band in BANDS}}
        version |= {"tables": dict(tables)} if tables else {}
    return {"format": FORMAT, "name": name, "versions": [version]}


@dataclass(frozen=True, slots=True)
class Five:
    """What of a version a meter could be told. `lost` names what it could not: told the rest, it charges otherwise."""

    prices: Mapping[str, int]
    flat: bool
    lost: tuple[str, ...]  # of ladder, free, fees, minimum, decimals, bands, zero


def five_of(version: Version) -> Five:
    """The five prices of a version; where a band has none, the next one's. Rates of more decimals are rounded down."""
    rates = {band: version.rates_e8.get(band) for band in BANDS}
    if not version.banded:
        rates = dict.fromkeys(BANDS, version.rates_e8[ALL_HOURS])
    known = next((rate for band in ("flat", "peak", "valley", *BANDS) if (rate := rates[band]) is not None), 0)
    prices = {}
    for band in BANDS:
        known = known if rates[band] is None else rates[band] or 0
        prices[f"price_{band}_e4"] = max(1, known // E8_PER_E4)
    return Five(prices, not version.banded, tuple(_lost(version)))


def _lost(version: Version) -> Iterator[str]:
    if version.ladder:
        yield "ladder"
    if version.free:
        yield "free"
    if version.fees:
        yield "fees"
    if version.minimum_fen:
        yield "minimum"
    if version.banded and not set(version.rates_e8) <= set(BANDS):
        yield "bands"
    if any(rate % E8_PER_E4 for rate in version.rates_e8.values()):
        yield "decimals"
    if any(rate < E8_PER_E4 for rate in version.rates_e8.values()):
        yield "zero"
