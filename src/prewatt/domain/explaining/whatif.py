"""A plan against what was really used: what each meter would have cost, beside its plan of today and what was charged.

Hours go through the bulk rules, some meters at a time, so that a year of a thousand meters needs little memory. A plan
whose periods the meter itself counts is priced from the days, which carry them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

import numpy as np
from django.db import connection
from django.db.models import Max, Min, Sum

from prewatt.domain.estate.models import Meter, Opening
from prewatt.domain.explaining.use import NO_BAND, bands, bands_of_the_meter, start_s
from prewatt.domain.metering.closing import HOUR_MS
from prewatt.domain.metering.models import UsageDay
from prewatt.domain.tariff.models import BANDS
from prewatt.domain.tariff.pricing import rules_of_many
from prewatt.domain.tariff.rules.bulk import Bulk, Grid
from prewatt.domain.tariff.rules.charging import price
from prewatt.domain.tariff.rules.plan import ALL_HOURS, Plan
from prewatt.domain.tariff.rules.timeline import CannotPrice, Interval
from prewatt.units.values import RATE_WH_PER_FEN, round_half_up

METERS_TOGETHER = 25
IDS_TOGETHER = 500
HOUR_S = HOUR_MS // 1000
_HOURS = """
SELECT meter_id, start_ms, energy_wh FROM metering_usagehour
WHERE meter_id IN ({marks}) AND start_ms >= %s AND start_ms < %s
"""


@dataclass(frozen=True, slots=True)
class Row:
    """One meter. `now_fen`: by the plan that it has today, None where it has none; `charged_fen`: what it deducted."""

    meter: Meter
    opening: Opening | None
    wh: int
    charged_fen: int
    now_fen: int | None
    then_fen: int

    @property
    def base_fen(self) -> int:
        """What the new plan is held against."""
        return self.charged_fen if self.now_fen is None else self.now_fen

    @property
    def difference_fen(self) -> int:
        return self.then_fen - self.base_fen

    @property
    def change_permille(self) -> int | None:
        return round_half_up(self.difference_fen * 1000, self.base_fen) if self.base_fen > 0 else None


@dataclass(frozen=True, slots=True)
class WhatIf:
    """Of the days that are known of `first` to `last`. `refused`: why this use has no price by the plan."""

    first: date
    last: date
    rows: tuple[Row, ...] = ()
    refused: str = ""


def what_if(*, plan: Plan, meters: Sequence[Meter], first: date, last: date, now: datetime) -> WhatIf:
    """`plan` has one version, without a beginning. Meters without a closed day in the span are left out."""
    ids = [one.pk for one in meters]
    known = _known(ids, first, last)
    if not known:
        return WhatIf(first, last)
    first = max(first, min(one.first for one in known.values()))
    last = min(last, max(one.last for one in known.values()))
    try:
        then = _priced(plan, list(known), first, last)
    except CannotPrice as error:
        return WhatIf(first, last, refused=str(error))
    today = _today(list(known), first, last, now)
    openings = {one.meter_id: one for one in _openings(list(known))}
    rows = (
        Row(one, openings.get(one.pk), known[one.pk].wh, known[one.pk].fen, today.get(one.pk), then[one.pk])
        for one in meters
        if one.pk in known
    )
    return WhatIf(first, last, tuple(rows))


@dataclass(frozen=True, slots=True)
class _Known:
    wh: int
    fen: int
    first: date
    last: date


def _known(ids: Sequence[int], first: date, last: date) -> dict[int, _Known]:
    found: dict[int, _Known] = {}
    for some in _some(ids, IDS_TOGETHER):
        rows = UsageDay.objects.filter(meter__in=some, day__gte=first, day__lte=last).order_by().values_list("meter_id")
        sums = rows.annotate(wh=Sum("energy_wh"), fen=Sum("deducted_fen"), since=Min("day"), till=Max("day"))
        for meter, wh, fen, since, till in sums:
            found[meter] = _Known(int(wh), int(fen or 0), since, till)
    return found


def _some(ids: Sequence[int], size: int) -> Iterable[Sequence[int]]:
    return (ids[at : at + size] for at in range(0, len(ids), size))


def _openings(ids: Sequence[int]) -> Iterable[Opening]:
    for some in _some(ids, IDS_TOGETHER):
        yield from Opening.objects.filter(meter__in=some, closed_at=None).select_related("customer")


def _today(ids: Sequence[int], first: date, last: date, now: datetime) -> dict[int, int]:
    """By the version that each meter has today, as if it had held all the time; meters of one version together."""
    groups: defaultdict[int, list[int]] = defaultdict(list)
    plans: dict[int, Plan] = {}
    for meter, rules in rules_of_many(ids, until=now).items():
        if rules:
            held = rules[-1]
            version = held.sources[-1].version_id
            plans[version] = replace(held.plan, versions=(replace(held.plan.versions[-1], since=None, until=None),))
            groups[version].append(meter)
    found: dict[int, int] = {}
    for version, some in groups.items():
        try:
            found |= _priced(plans[version], some, first, last)
        except CannotPrice:
            continue  # their column stays empty
    return found


def _priced(plan: Plan, ids: Sequence[int], first: date, last: date) -> dict[int, int]:
    """Fen by meter. Raises CannotPrice."""
    version = plan.versions[0]
    simple = not (version.ladder or version.fees or version.free or version.minimum_fen)
    if simple and (bands_of_the_meter(version) or not version.banded):
        return _by_months(plan, ids, first, last)
    if bands_of_the_meter(version):
        return _by_days(plan, ids, first, last)
    return _by_hours(plan, ids, first, last)


def _by_months(plan: Plan, ids: Sequence[int], first: date, last: date) -> dict[int, int]:
    """Prices alone: a month's energy by band is all that is needed."""
    rates = plan.versions[0].rates_e8
    sums = {"energy_wh": Sum("energy_wh"), **{f"{band}_wh": Sum(f"energy_{band}_wh") for band in BANDS}}
    found = dict.fromkeys(ids, 0)
    for some in _some(ids, IDS_TOGETHER):
        days = UsageDay.objects.filter(meter__in=some, day__gte=first, day__lte=last).order_by()
        rows = days.values_list("meter_id", "day__year", "day__month").annotate(**sums)
        for meter, _year, _month, total, *parts in rows:
            found[meter] += _month_fen(rates, int(total), [int(part) for part in parts])
    return found


def _month_fen(rates: Mapping[str, int], total_wh: int, parts: Sequence[int]) -> int:
    if ALL_HOURS in rates:
        return round_half_up(total_wh * rates[ALL_HOURS], RATE_WH_PER_FEN)
    used = {band: wh for band, wh in zip(BANDS, parts, strict=True) if wh > 0} or {NO_BAND: max(0, total_wh)}
    missing = set(used) - set(rates)
    if missing:
        raise CannotPrice(f"the plan has no price for the band {min(missing)!r}; it has {', '.join(rates)}")
    return round_half_up(sum(wh * rates[band] for band, wh in used.items()), RATE_WH_PER_FEN)


def _by_days(plan: Plan, ids: Sequence[int], first: date, last: date) -> dict[int, int]:
    """A ladder or fees over periods that the meter counts: day by day, meter by meter."""
    found = {}
    for meter in ids:
        days = UsageDay.objects.filter(meter=meter, day__gte=first, day__lte=last).order_by("day")
        use = [
            Interval(start_s(one.day), start_s(one.day + timedelta(days=1)), wh, band)
            for one in days
            for band, wh in bands(one).items()
        ]
        found[meter] = price(plan, use).fen
    return found


def _by_hours(plan: Plan, ids: Sequence[int], first: date, last: date) -> dict[int, int]:
    begin, end = start_s(first), start_s(last + timedelta(days=1))
    grid = Grid(begin, HOUR_S, (end - begin) // HOUR_S)
    bulk, found = Bulk(plan, grid), dict.fromkeys(ids, 0)
    for some in _some(ids, METERS_TOGETHER):
        fen = bulk.price(_table(some, grid)).sum(axis=1)
        found |= {meter: int(one) for meter, one in zip(some, fen, strict=True)}
    return found


def _table(ids: Sequence[int], grid: Grid) -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
    """Wh of these meters (rows) in each hour (columns); an hour that nobody closed is zero."""
    table = np.zeros((len(ids), grid.count), dtype=np.int64)
    place = {meter: row for row, meter in enumerate(ids)}
    statement = _HOURS.format(marks=", ".join(["%s"] * len(ids)))
    with connection.cursor() as cursor:
        cursor.execute(statement, [*ids, grid.start_s * 1000, grid.end_s * 1000])
        rows = cursor.fetchall()
    if rows:
        meters, at, wh = np.array(rows, dtype=np.int64).T
        places = np.vectorize(place.__getitem__, otypes=[np.intp])(meters)
        table[places, (at // 1000 - grid.start_s) // grid.step_s] = np.maximum(wh, 0)
    return table
