"""Where prices change. An interval is cut at every such instant, its energy shared by time, exactly.

Instants are whole seconds since 1970 (UTC); tables and calendars are read on the plan's own clock, so an hour that
summer time repeats or leaves out has the band that its clock shows.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from fractions import Fraction
from itertools import pairwise
from zoneinfo import ZoneInfo

from prewatt.domain.tariff.rules.plan import ALL_HOURS, Plan, Settlement, Version

DAY = timedelta(days=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
YEARS = range(1971, 2200)


class CannotPrice(ValueError):
    """This use has no price, or cannot be understood. The message says which and what to do; again fails again."""


@dataclass(frozen=True, slots=True)
class Interval:
    """Energy used from `start` to `end`. A `band` is given where the meter itself counted by bands."""

    start_s: int
    end_s: int
    wh: int | Fraction
    band: str | None = None

    @classmethod
    def between(cls, start: datetime, end: datetime, wh: int, band: str | None = None) -> Interval:
        return cls(seconds(start), seconds(end), wh, band)


@dataclass(frozen=True, slots=True)
class Span:
    """One settlement: from its first second to before `end_s`."""

    start_s: int
    end_s: int
    first_day: date
    days: int


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of one day with one price. `month` is the second at which the settlement's month began."""

    start_s: int
    end_s: int
    span: Span
    month: int
    version: int
    band: str | None
    day: date


@dataclass(frozen=True, slots=True)
class Piece:
    """What of an interval fell into a segment. The energy is whole Wh unless a change cut the interval."""

    segment: Segment
    wh: int | Fraction
    band: str


def seconds(instant: datetime) -> int:
    """Whole seconds since 1970 of an instant that knows its zone. Raises CannotPrice for others."""
    if instant.tzinfo is None or instant.microsecond:
        raise CannotPrice(f"{instant} is no instant: whole seconds, with a time zone")
    since = instant - EPOCH
    return since.days * 86_400 + since.seconds


def settlement_start(settlement: Settlement, local: datetime, *, monthly: bool) -> datetime:
    """The settlement instant (local) at or before this one."""
    month = local.month if monthly else settlement.month
    start = datetime.combine(date(local.year, month, settlement.day), settlement.at)
    return start if start <= local else _earlier(start, monthly=monthly)


def _earlier(start: datetime, *, monthly: bool) -> datetime:
    if not monthly:
        return start.replace(year=start.year - 1)
    return (start.replace(day=1) - DAY).replace(day=start.day)


def later_settlement(start: datetime, *, monthly: bool) -> datetime:
    if not monthly:
        return start.replace(year=start.year + 1)
    return (start.replace(day=28) + 4 * DAY).replace(day=start.day)


class Timeline:
    """The segments of a plan, worked out day by day and kept. For a plan settled by bill, `bill` is the one span."""

    def __init__(self, plan: Plan, bill: Span | None = None) -> None:
        self.plan, self.zone, self._bill = plan, ZoneInfo(plan.zone), bill
        self._since = [self._instant(one.since) if one.since else -(2**62) for one in plan.versions]
        self._until = [self._instant(one.until) if one.until else 2**62 for one in plan.versions]
        self._days: dict[date, tuple[Segment, ...]] = {}
        self._spans: dict[datetime, Span] = {}

    def local(self, at_s: int) -> datetime:
        """The plan's clock, without its zone."""
        return (EPOCH + timedelta(seconds=at_s)).astimezone(self.zone).replace(tzinfo=None)

    def _instant(self, local: datetime, fold: int = 0) -> int:
        return seconds(local.replace(tzinfo=self.zone, fold=fold))

    def span_of(self, intervals: Iterable[Interval]) -> Span:
        """One span over all of them, for a plan that is settled by bill. Days are counted up to whole ones."""
        ends = [(one.start_s, one.end_s) for one in intervals]
        start, end = min(start for start, _ in ends), max(end for _, end in ends)
        first, last = self.local(start), self.local(end)
        days = -((first - last) // DAY)
        return Span(start, end, first.date(), max(days, 1))

    def borders(self) -> set[int]:
        """The seconds at which a version begins or ends."""
        return {at for at in (*self._since, *self._until) if abs(at) < 2**62}

    def band_at(self, at_s: int) -> str | None:
        """The band of an instant; None where the plan leaves bands to the meter's own registers."""
        return self._segment_at(at_s).band

    def _segment_at(self, at_s: int) -> Segment:
        found = self.segments(self.local(at_s).date())
        return found[bisect_right(found, at_s, key=lambda one: one.start_s) - 1]

    def pieces(self, intervals: Iterable[Interval]) -> Iterator[Piece]:
        """Every interval in the order of time, cut. Raises CannotPrice for an overlap, or a time without a price."""
        last: Segment | None = None
        for interval in ordered(intervals):
            if last and last.start_s <= interval.start_s and interval.end_s <= last.end_s:
                yield Piece(last, interval.wh, self._band(interval, last))
                continue
            for piece in self._cut(interval):
                last = piece.segment
                yield piece

    def _cut(self, interval: Interval) -> Iterator[Piece]:
        at_s, day = interval.start_s, self.local(interval.start_s).date()
        whole_s = interval.end_s - interval.start_s
        while at_s < interval.end_s:
            for segment in self.segments(day):
                if segment.end_s <= at_s:
                    continue
                if segment.start_s >= interval.end_s:
                    break
                part_s = min(segment.end_s, interval.end_s) - at_s
                wh = interval.wh if part_s == whole_s else _share(interval.wh, part_s, whole_s)
                yield Piece(segment, wh, self._band(interval, segment))
                at_s += part_s
            day += DAY

    def _band(self, interval: Interval, segment: Segment) -> str:
        if segment.version < 0:
            at = self.local(max(interval.start_s, segment.start_s))
            raise CannotPrice(f"no version of the plan holds at {at:%Y-%m-%d %H:%M}")
        version = self.plan.versions[segment.version]
        if not version.banded:
            return ALL_HOURS
        band = interval.band or segment.band
        if band is None:
            raise CannotPrice(
                f"the plan has prices for {', '.join(version.bands)} but no tables that say when: "
                "give each interval its band, as the meter counted it, or give the plan tables"
            )
        if band not in version.rates_e8:
            raise CannotPrice(f"the plan has no price for the band {band!r}; it has {', '.join(version.bands)}")
        return band

    def segments(self, day: date) -> tuple[Segment, ...]:
        """The day's segments, from its first second to its last."""
        if day not in self._days:
            self._days[day] = tuple(self._segments(day))
        return self._days[day]

    def _segments(self, day: date) -> Iterator[Segment]:
        cuts = self._cuts(day)
        for start_s, end_s in pairwise(cuts):
            local = self.local(start_s)
            version = self._version_at(start_s)
            monthly = settlement_start(self.plan.settlement, local, monthly=True)
            yield Segment(
                start_s,
                end_s,
                self._span(local),
                self._instant(monthly) if self.plan.settlement.every != "bill" else 0,
                version,
                _band_of(self.plan.versions[version], day, local.time()) if version >= 0 else None,
                day,
            )

    def _version_at(self, at_s: int) -> int:
        """-1 where none holds."""
        index = bisect_right(self._since, at_s) - 1
        return index if index >= 0 and at_s < self._until[index] else -1

    def _span(self, local: datetime) -> Span:
        settlement = self.plan.settlement
        if settlement.every == "bill":
            if self._bill is None:
                raise CannotPrice("the plan is settled by bill: say which days are one bill")
            return self._bill
        monthly = settlement.every == "month"
        start = settlement_start(settlement, local, monthly=monthly)
        if start not in self._spans:
            end = later_settlement(start, monthly=monthly)
            days = (end.date() - start.date()).days
            self._spans[start] = Span(self._instant(start), self._instant(end), start.date(), days)
        return self._spans[start]

    def _cuts(self, day: date) -> list[int]:
        """Every second of the day at which something may change, its first and the next day's first included."""
        start = self._instant(datetime.combine(day, time(0)))
        end = self._instant(datetime.combine(day + DAY, time(0)))
        cuts = {start, end, *self._since, *self._until}
        for at in self._clock_times(day):
            local = datetime.combine(day, at)
            cuts.update((self._instant(local), self._instant(local, fold=1)))
        if end - start != 86_400:
            cuts.add(self._jump(start, end))
        return sorted(cut for cut in cuts if start <= cut <= end)

    def _clock_times(self, day: date) -> set[time]:
        times = {self.plan.settlement.at}
        for version in self.plan.versions:
            if version.tables:
                times.update(slot.at for slot in version.tables.get(version.table_of(day) or "", ()))
        return times

    def _jump(self, start: int, end: int) -> int:
        """The second at which the zone's clock is put forward or back within this day."""
        before = self.local(start) - timedelta(seconds=start)
        while end - start > 1:
            middle = (start + end) // 2
            if self.local(middle) - timedelta(seconds=middle) == before:
                start = middle
            else:
                end = middle
        return end


def _band_of(version: Version, day: date, at: time) -> str | None:
    if not version.tables:
        return None
    slots = version.tables[version.table_of(day) or ""]
    return slots[bisect_right(slots, at, key=lambda slot: slot.at) - 1].band


def _share(wh: int | Fraction, part_s: int, whole_s: int) -> int | Fraction:
    share = Fraction(wh * part_s, whole_s)
    return share.numerator if share.denominator == 1 else share


def split(interval: Interval, at_s: int) -> tuple[Interval, Interval]:
    """The interval before and after an instant within it, its energy shared by time, exactly."""
    whole_s = interval.end_s - interval.start_s
    before = Interval(interval.start_s, at_s, _share(interval.wh, at_s - interval.start_s, whole_s), interval.band)
    return before, Interval(at_s, interval.end_s, interval.wh - before.wh, interval.band)


def ordered(intervals: Iterable[Interval]) -> list[Interval]:
    """In the order of time. Raises CannotPrice where one is empty or backwards, or two lie over each other."""
    found = sorted(intervals, key=lambda one: (one.start_s, one.end_s, one.band or ""))
    last: dict[str | None, int] = {}
    for one in found:
        if one.end_s <= one.start_s:
            raise CannotPrice("an interval ends before it begins, or lasts no time")
        if one.wh < 0:
            raise CannotPrice("an interval has less than no energy")
        _check_overlap(one, last)
        last[one.band] = one.end_s
    return found


def _check_overlap(one: Interval, last: dict[str | None, int]) -> None:
    """Intervals of different bands may lie over each other (the meter counted them beside one another)."""
    others = (one.band, None) if one.band else last
    if any(one.start_s < last.get(band, one.start_s) for band in others):
        at = EPOCH + timedelta(seconds=one.start_s)
        raise CannotPrice(f"two intervals lie over each other at {at:%Y-%m-%d %H:%M} UTC")
