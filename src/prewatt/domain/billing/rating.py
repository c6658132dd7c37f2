"""What an account's use costs, from its opening on: `charge so far`. Whoever books takes off what is booked already.

Everything is priced by the plan's own rules from the opening on, so that a ladder counts on, fractions of a fen never
pile up, and neither the order nor the cutting of readings changes a fen.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from django.db.models import Max

from prewatt.domain.estate.models import Opening
from prewatt.domain.explaining.use import NO_BAND, bands_of_the_meter, intervals, start_s
from prewatt.domain.metering.closing import HOUR_MS
from prewatt.domain.metering.models import Reading, UsageDay, UsageHour
from prewatt.domain.metering.queries import zone
from prewatt.domain.metering.stretches import between
from prewatt.domain.tariff.history import whole_second
from prewatt.domain.tariff.models import BANDS
from prewatt.domain.tariff.pricing import Rules, charged_fen, rules_of
from prewatt.domain.tariff.rules.charging import price
from prewatt.domain.tariff.rules.timeline import CannotPrice, Interval, split

FOREVER_S = 2**62
MS = 1000


@dataclass(frozen=True, slots=True)
class Rated:
    """`until` is None while nothing was priced."""

    fen: int
    until: datetime | None


def of_days(opening: Opening, days: Iterable[UsageDay]) -> int:
    """What these closed days of the account cost together. Raises CannotPrice."""
    return _priced(opening, rules_of(opening.meter_id), {one.day: one for one in days}, ())


def so_far(opening: Opening) -> Rated:
    """Every closed day, and the closed hours after them. Raises CannotPrice."""
    rules = rules_of(opening.meter_id)
    days = {one.day: one for one in days_of(opening)}
    after_s = _opened_s(opening)
    if days:
        after_s = max(after_s, start_s(max(days) + timedelta(days=1)))
    hours = _running_bands(opening.meter_id, after_s) if rules and _by_meter(rules[-1]) else []
    if rules and not _by_meter(rules[-1]):
        hours = _hours(opening.meter_id, after_s)
    ends_s = [*(one.end_s for one in hours[-1:]), *([after_s] if days else [])]
    until = datetime.fromtimestamp(max(ends_s), UTC) if ends_s else None
    return Rated(_priced(opening, rules, days, hours), until)


def first_day(opening: Opening) -> date:
    return opening.opened_at.astimezone(zone()).date()


def days_of(opening: Opening) -> list[UsageDay]:
    return list(UsageDay.objects.filter(meter=opening.meter_id, day__gte=first_day(opening)).order_by("day"))


def _hours(meter_id: int, after_s: int) -> list[Interval]:
    """Closed hours that end after this moment: the day that runs is priced as far as it has come."""
    rows = UsageHour.objects.filter(meter=meter_id, start_ms__gt=after_s * MS - HOUR_MS).order_by("start_ms")
    return [
        Interval(at // MS, (at + HOUR_MS) // MS, max(0, int(wh)))
        for at, wh in rows.values_list("start_ms", "energy_wh")
    ]


def _running_bands(meter_id: int, after_s: int) -> list[Interval]:
    """The day that runs, as far as the meter's registers have told which band it used, up to its last reading."""
    last_ms = Reading.objects.filter(meter=meter_id, energy_wh__isnull=False).aggregate(at=Max("taken_ms"))["at"]
    if last_ms is None or last_ms // MS <= after_s:
        return []
    found = between(meter_id, [after_s * MS, last_ms])
    if found is None:
        return []
    used = {band: found[0].get(f"energy_{band}_wh", 0) for band in BANDS}
    if not any(used.values()):
        used = {NO_BAND: found[0].get("energy_wh", 0)}
    return [Interval(after_s, last_ms // MS, wh, band) for band, wh in used.items() if wh > 0]


def _by_meter(rules: Rules) -> bool:
    """Its running hours have no band yet: the registers tell them."""
    return any(bands_of_the_meter(one) for one in rules.plan.versions)


def _priced(opening: Opening, rules: Sequence[Rules], days: Mapping[date, UsageDay], hours: Sequence[Interval]) -> int:
    began_s = _opened_s(opening)
    if not rules or int(rules[0].since.timestamp()) > began_s:
        raise CannotPrice("the meter had no price plan when the account was opened")
    bills = []
    for one in rules:
        from_s, to_s = max(began_s, _whole_s(one.since)), _whole_s(one.until) if one.until else FOREVER_S
        if from_s >= to_s:
            continue
        mine = _touching(days, from_s, to_s)
        use = [*intervals(meter_id=opening.meter_id, plan=one.plan, days=mine, cuts=(from_s, to_s)), *hours]
        priced = [cut for piece in use if (cut := _clipped(piece, from_s, to_s)) is not None]
        if priced:
            bills.append((one, price(one.plan, priced)))
    return charged_fen(bills)


def _touching(days: Mapping[date, UsageDay], from_s: int, to_s: int) -> dict[date, UsageDay]:
    return {day: one for day, one in days.items() if start_s(day) < to_s and start_s(day + timedelta(days=1)) > from_s}


def _clipped(one: Interval, from_s: int, to_s: int) -> Interval | None:
    if one.end_s <= from_s or one.start_s >= to_s:
        return None
    if one.start_s < from_s:
        one = split(one, from_s)[1]
    return split(one, to_s)[0] if one.end_s > to_s else one


def _opened_s(opening: Opening) -> int:
    """Its first whole second, as of a price: the plan that came with the opening holds from there too."""
    return _whole_s(whole_second(opening.opened_at))


def _whole_s(at: datetime) -> int:
    return int(at.timestamp())
