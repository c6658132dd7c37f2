"""Prices against the cap, weighed by what this site really uses in each band."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from django.db.models import Sum

from prewatt.domain.metering.models import UsageDay
from prewatt.domain.metering.queries import today
from prewatt.domain.tariff import queries as tariff
from prewatt.domain.tariff.cap import Cap, cap
from prewatt.domain.tariff.models import BANDS, PRICE_NAMES

WEIGH_DAYS = 30


def weights(*, now: datetime) -> dict[str, int]:
    """Wh of each band in the last 30 days; all zero where nothing is known (then hours of a common day weigh)."""
    since = today(now) - timedelta(days=WEIGH_DAYS)
    sums = UsageDay.objects.filter(day__gte=since).aggregate(**{band: Sum(f"energy_{band}_wh") for band in BANDS})
    return {band: int(sums[band] or 0) for band in BANDS}


def cap_of(prices: Mapping[str, int], *, now: datetime) -> Cap | None:
    """How these prices stand to the cap; None while the site's own price is not set, or some price is missing."""
    paid = tariff.purchase(day=today(now))
    if paid is None or any(name not in prices for name in PRICE_NAMES):
        return None
    return cap(prices, paid.prices, markup_permille=paid.markup_permille, weights=weights(now=now))
