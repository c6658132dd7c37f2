"""Which of the five rates a meter counts in: date segments choose a plan, its slots a rate, by the meter's clock."""

from __future__ import annotations

from datetime import date
from functools import lru_cache

import msgspec

RATES = ("sharp", "peak", "flat", "valley", "deep")
SLOTS_MAX = 14
DATES_MAX = 4
_DAY_MS = 86_400_000
_MINUTE_MS = 60_000
_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()


class TariffError(ValueError):
    """The tables cannot be put into a meter. Correct them; trying again does not help."""


class Slot(msgspec.Struct, frozen=True):
    """From this minute of the day on, this rate (0 sharp … 4 deep valley)."""

    minute: int
    rate: int


class Segment(msgspec.Struct, frozen=True):
    """From this day of every year on (month × 100 + day), this daily plan (0 is the first)."""

    month_day: int
    plan: int


class Tariff(msgspec.Struct, frozen=True):
    """Daily plans and the date segments that choose between them. Raises TariffError on tables that no meter takes."""

    plans: tuple[tuple[Slot, ...], ...]
    dates: tuple[Segment, ...] = (Segment(101, 0),)

    def __post_init__(self) -> None:
        for plan in self.plans:
            _check_plan(plan)
        days = [segment.month_day for segment in self.dates]
        if not days or len(days) > DATES_MAX or days != sorted(set(days)):
            raise TariffError(f"1 to {DATES_MAX} date segments, ascending, not {days}")
        if any(not 0 <= segment.plan < len(self.plans) for segment in self.dates):
            raise TariffError(f"a date segment names a plan that does not exist (there are {len(self.plans)})")

    def rate_at(self, local_ms: int) -> tuple[int, int]:
        """The rate at this moment of the meter's own clock, and the moment at which to ask again."""
        day, in_day = divmod(local_ms, _DAY_MS)
        for end, rate in _day(self, day):
            if in_day < end:
                return rate, day * _DAY_MS + end
        raise AssertionError("a day's slots end with the day")


def _check_plan(plan: tuple[Slot, ...]) -> None:
    minutes = [slot.minute for slot in plan]
    if not minutes or len(minutes) > SLOTS_MAX or minutes[0] != 0 or minutes[-1] >= 1440:
        raise TariffError(f"a daily plan has 1 to {SLOTS_MAX} slots, the first at 00:00, not {minutes}")
    if any(later - earlier < 15 for earlier, later in zip(minutes, [*minutes[1:], 1440], strict=True)):
        raise TariffError(f"slots ascend and last at least 15 minutes, not {minutes}")
    if any(not 0 <= slot.rate < len(RATES) for slot in plan):
        raise TariffError(f"rates are 0 to {len(RATES) - 1}: {', '.join(RATES)}")


@lru_cache(maxsize=4096)
def _day(tariff: Tariff, day: int) -> tuple[tuple[int, int], ...]:
    """The slots of one local day as (end in ms of the day, rate)."""
    when = date.fromordinal(_EPOCH_ORDINAL + day)
    month_day = when.month * 100 + when.day
    plan = tariff.dates[-1].plan  # before the first segment of the year, the last one of the year before runs on
    for segment in tariff.dates:
        if segment.month_day <= month_day:
            plan = segment.plan
    slots = tariff.plans[plan]
    ends = [slot.minute * _MINUTE_MS for slot in slots[1:]] + [_DAY_MS]
    return tuple((end, slot.rate) for slot, end in zip(slots, ends, strict=True))


def parse_tariff(plans: list[list[str]], dates: list[str] | None = None) -> Tariff:
    """From a fleet file's words: slots "08:00 flat", dates "07-01 2" (plans counted from 1). Raises TariffError."""
    try:
        return Tariff(
            plans=tuple(tuple(_slot(text) for text in plan) for plan in plans),
            dates=tuple(_segment(text) for text in dates or ["01-01 1"]),
        )
    except (ValueError, IndexError) as error:
        if isinstance(error, TariffError):
            raise
        raise TariffError(f'{error}; write slots as "08:00 flat" and dates as "07-01 2"') from error


def _slot(text: str) -> Slot:
    at, rate = text.split()
    hour, minute = at.split(":")
    if not (0 <= int(hour) < 24 and 0 <= int(minute) < 60):
        raise TariffError(f"{at} is no time of day")
    return Slot(int(hour) * 60 + int(minute), RATES.index(rate))


def _segment(text: str) -> Segment:
    at, plan = text.split()
    month, day = at.split("-")
    date(2024, int(month), int(day))
    return Segment(int(month) * 100 + int(day), int(plan) - 1)


# Guangdong, Pearl river delta with Zhuhai: valley 0-8, peak 10-12 and 14-19; July to September sharp 11-12 and 15-17.
ZHUHAI = parse_tariff(
    [
        ["00:00 valley", "08:00 flat", "10:00 peak", "12:00 flat", "14:00 peak", "19:00 flat"],
        [
            "00:00 valley",
            "08:00 flat",
            "10:00 peak",
            "11:00 sharp",
            "12:00 flat",
            "14:00 peak",
            "15:00 sharp",
            "17:00 peak",
            "19:00 flat",
        ],
    ],
    ["01-01 1", "07-01 2", "10-01 1"],
)
ZHUHAI_PRICES_E4 = (16704, 13418, 8007, 3214, 3214)  # below 1 kV, one-part, 2026-10 (provisional), to 1e-4 yuan
