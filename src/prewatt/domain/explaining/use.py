"""What a meter used, as the rules of a price take it: by hours, or by the bands that the meter itself counted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, timedelta

from prewatt.domain.metering.closing import HOUR_MS, day_start_ms
from prewatt.domain.metering.models import UsageDay, UsageHour
from prewatt.domain.metering.queries import zone
from prewatt.domain.tariff.models import BANDS
from prewatt.domain.tariff.rules.plan import Plan, Version
from prewatt.domain.tariff.rules.timeline import Interval, Timeline

NO_BAND = "flat"  # of a meter that counts no bands


def bands_of_the_meter(version: Version) -> bool:
    """Whether the meter, and not the plan's tables, says to which period energy belongs."""
    return version.banded and not version.tables


def start_s(day: date) -> int:
    return day_start_ms(day, zone()) // 1000


def intervals(*, meter_id: int, plan: Plan, days: Mapping[date, UsageDay]) -> Iterator[Interval]:
    """The use of these closed days, in the order of time."""
    if not days:
        return
    versions, timeline = plan.versions, Timeline(plan)
    hours = _hours(meter_id, min(days), max(days)) if any(not bands_of_the_meter(one) for one in versions) else {}
    for day, one in sorted(days.items()):
        at = _version(plan, timeline, day)
        if at is None or not bands_of_the_meter(at):
            yield from hours.get(day, ())
        else:
            for band, wh in bands(one).items():
                yield Interval(start_s(day), start_s(day + timedelta(days=1)), wh, band)


def _version(plan: Plan, timeline: Timeline, day: date) -> Version | None:
    """The one that holds at the end of the day: what the meter counted by bands is told by the day alone."""
    last = timeline.local(start_s(day + timedelta(days=1)) - 1)
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
