"""What a meter used, as the rules of a price take it: by hours, or by the bands that the meter itself counted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from fractions import Fraction
from itertools import pairwise

from prewatt.domain.metering.closing import HOUR_MS, day_start_ms
from prewatt.domain.metering.models import UsageDay, UsageHour
from prewatt.domain.metering.queries import zone
from prewatt.domain.metering.stretches import between
from prewatt.domain.tariff.models import BANDS
from prewatt.domain.tariff.rules.plan import Plan, Version
from prewatt.domain.tariff.rules.timeline import Interval, Timeline, split

NO_BAND = "flat"  # of a meter that counts no bands


def bands_of_the_meter(version: Version) -> bool:
    """Whether the meter, and not the plan's tables, says to which period energy belongs."""
    return version.banded and not version.tables


def start_s(day: date) -> int:
    return day_start_ms(day, zone()) // 1000


def intervals(
    *, meter_id: int, plan: Plan, days: Mapping[date, UsageDay], cuts: Iterable[int] = ()
) -> Iterator[Interval]:
    """The use of these closed days, in the order of time. `cuts`: seconds at which the caller will cut, as an account
    begins there. What a meter counted by bands is told by its registers then: only they know which band it used before.
    """
    if not days:
        return
    versions, timeline = plan.versions, Timeline(plan)
    hours = _hours(meter_id, min(days), max(days)) if any(not bands_of_the_meter(one) for one in versions) else {}
    borders = sorted({*cuts, *timeline.borders()})
    for day, one in sorted(days.items()):
        first_s, end_s = start_s(day), start_s(day + timedelta(days=1))
        edges = [first_s, *(at for at in borders if first_s < at < end_s), end_s]
        held = [_version(plan, timeline, until_s) for until_s in edges[1:]]
        if not any(version is not None and bands_of_the_meter(version) for version in held):
            yield from hours.get(day, ())
            continue
        parts = _parts(meter_id, one, edges)
        for version, (from_s, to_s), used in zip(held, pairwise(edges), parts, strict=True):
            if version is None or not bands_of_the_meter(version):
                yield from _within(hours.get(day, ()), from_s, to_s)
            else:
                yield from (Interval(from_s, to_s, wh, band) for band, wh in used.items())


def _parts(meter_id: int, one: UsageDay, edges_s: Sequence[int]) -> Iterator[Mapping[str, Fraction | int]]:
    """The day's bands from edge to edge. What the parts before the last leave is the last one's: the closed day stands.

    Where no reading tells how the day was shared, time does.
    """
    left: dict[str, Fraction | int] = dict(bands(one))
    found = between(meter_id, [at * 1000 for at in edges_s]) if len(edges_s) > 2 else None
    names = {band: f"energy_{band}_wh" for band in BANDS} if counts_bands(one) else {NO_BAND: "energy_wh"}
    for number, (from_s, to_s) in enumerate(pairwise(edges_s[:-1])):
        if found is None:
            share = Fraction(to_s - from_s, edges_s[-1] - from_s)
            part: dict[str, Fraction | int] = {band: wh * share for band, wh in left.items()}
        else:
            part = {band: min(left[band], max(0, found[number].get(names[band], 0))) for band in left}
        left = {band: wh - part[band] for band, wh in left.items()}
        yield part
    yield left


def _within(hours: Iterable[Interval], from_s: int, to_s: int) -> Iterator[Interval]:
    for hour in hours:
        one = split(hour, from_s)[1] if hour.start_s < from_s < hour.end_s else hour
        one = split(one, to_s)[0] if one.start_s < to_s < one.end_s else one
        if from_s <= one.start_s and one.end_s <= to_s:
            yield one


def _version(plan: Plan, timeline: Timeline, until_s: int) -> Version | None:
    """The one that holds just before."""
    last = timeline.local(until_s - 1)
    held = [
        one for one in plan.versions if (not one.since or one.since <= last) and (not one.until or last < one.until)
    ]
    return held[-1] if held else None


def _hours(meter_id: int, first: date, last: date) -> dict[date, list[Interval]]:
    start_ms, end_ms = day_start_ms(first, zone()), day_start_ms(last + timedelta(days=1), zone())
    rows = UsageHour.objects.filter(meter=meter_id, start_ms__gte=start_ms, start_ms__lt=end_ms).order_by("start_ms")
    found: dict[date, list[Interval]] = {}
    day, edge_ms = first, day_start_ms(first + timedelta(days=1), zone())
    for at, wh in rows.values_list("start_ms", "energy_wh"):
        while at >= edge_ms:
            day += timedelta(days=1)
            edge_ms = day_start_ms(day + timedelta(days=1), zone())
        found.setdefault(day, []).append(Interval(at // 1000, (at + HOUR_MS) // 1000, max(0, int(wh))))
    return found


def bands(one: UsageDay) -> dict[str, int]:
    """Wh by band as the meter counted them; a meter that counts none has used all of it in `flat`."""
    found = {band: max(0, int(getattr(one, f"energy_{band}_wh"))) for band in BANDS}
    return {band: wh for band, wh in found.items() if wh} or {NO_BAND: max(0, int(one.energy_wh))}


def counts_bands(one: UsageDay) -> bool:
    return any(int(getattr(one, f"energy_{band}_wh")) > 0 for band in BANDS)
