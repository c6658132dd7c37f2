"""The five prices that a meter takes, as a plan's document."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from prewatt.domain.tariff.rules.plan import FORMAT
from prewatt.units.values import Price

BANDS = ("sharp", "peak", "flat", "valley", "deep")


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
