"""A charge opened to its days: what each day added to the statement of its span, line by line.

A day's lines are the statement's lines at its end less those at its beginning, so they add up exactly; the charge of a
day is in whole fen, and what is between the two (`rest`) is the fraction of a fen that is carried to the next day.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, time
from fractions import Fraction
from itertools import groupby

from prewatt.domain.tariff.rules.charging import NOBODY, Customer, Line, Statement, Tally, Wh
from prewatt.domain.tariff.rules.plan import Plan
from prewatt.domain.tariff.rules.timeline import Interval, Piece, Span, Timeline, ordered

Key = tuple[str, int, str, str, int | None, int | None]  # kind, version, name, band, step, rate


@dataclass(frozen=True, slots=True)
class Part:
    """One line of a day. `exact` is in fen; a day that changes what earlier ones cost has lines below zero."""

    kind: str  # energy, step, free, slab, allowance, minimum, fee, part
    version: int
    exact: Fraction
    name: str = ""
    band: str = ""
    step: int | None = None
    rate_e8: int | None = None
    wh: Wh | None = None
    count: Fraction | None = None
    clock: tuple[tuple[time, time], ...] = ()  # when the band holds on this day; to midnight is to 00:00


@dataclass(frozen=True, slots=True)
class Day:
    """`fen` is the sum of the parts and of `rest`: the fraction of a fen between them, or what lines are rounded by."""

    day: date
    parts: tuple[Part, ...]
    fen: int
    wh: Wh

    @property
    def exact(self) -> Fraction:
        return sum((one.exact for one in self.parts), Fraction(0))

    @property
    def rest(self) -> Fraction:
        return self.fen - self.exact


def by_day(plan: Plan, intervals: Iterable[Interval], customer: Customer = NOBODY) -> Iterator[Day]:
    """Every day with use, in the order of time. The first day must begin a span for ladders to count from its start.

    Raises CannotPrice for what has no price.
    """
    found = ordered(intervals)
    if not found:
        return
    bill = Timeline(plan).span_of(found) if plan.settlement.every == "bill" else None
    timeline, book = Timeline(plan, bill), _Book(plan, customer)
    for day, pieces in groupby(timeline.pieces(found), lambda one: one.segment.day):
        yield book.day(day, list(pieces), timeline)


class _Book:
    def __init__(self, plan: Plan, customer: Customer) -> None:
        self._plan, self._customer = plan, customer
        self._tallies: dict[Span, Tally] = {}
        self._before: dict[Span, Statement] = {}

    def day(self, day: date, pieces: list[Piece], timeline: Timeline) -> Day:
        for piece in pieces:
            span = piece.segment.span
            if span not in self._tallies:
                self._tallies[span] = Tally(self._plan, span, self._customer)
            self._tallies[span].add(piece)
        clocks = _clocks(timeline, day)
        parts: list[Part] = []
        fen = 0
        for span in dict.fromkeys(piece.segment.span for piece in pieces):
            after, before = self._tallies[span].statement(), self._before.get(span)
            parts += _grown(before.lines if before else (), after.lines, clocks)
            fen += after.fen - (before.fen if before else 0)
            self._before[span] = after
        wh = sum((piece.wh for piece in pieces), 0)
        return Day(day, tuple(_merged(parts)), fen, wh)


def _clocks(timeline: Timeline, day: date) -> dict[str, tuple[tuple[time, time], ...]]:
    """When each band holds on this day, neighbours joined. Empty where the plan leaves bands to the meter."""
    found: dict[str, list[tuple[time, time]]] = {}
    for band, group in groupby(timeline.segments(day), lambda one: one.band):
        same = list(group)
        if band:
            begin, end = timeline.local(same[0].start_s), timeline.local(same[-1].end_s)
            found.setdefault(band, []).append((begin.time(), end.time()))
    return {band: tuple(slots) for band, slots in found.items()}


def _key(line: Line) -> Key:
    return (line.kind, line.version, line.name, line.band, line.step, line.rate_e8)


def _grown(
    before: Iterable[Line], after: Iterable[Line], clocks: dict[str, tuple[tuple[time, time], ...]]
) -> Iterator[Part]:
    """What the day added to each line; lines that it took away stand below zero."""
    old = {_key(line): line for line in before}
    for line in after:
        was = old.pop(_key(line), None)
        yield _part(line, was, clocks)
    for line in old.values():
        yield _part(None, line, clocks)


def _part(line: Line | None, was: Line | None, clocks: dict[str, tuple[tuple[time, time], ...]]) -> Part:
    one = line or was
    assert one is not None
    zero = Fraction(0)
    wh, was_wh = (line.wh if line else None) or 0, (was.wh if was else None) or 0
    count, was_count = (line.count if line else None) or zero, (was.count if was else None) or zero
    return Part(
        kind=one.kind,
        version=one.version,
        exact=(line.exact if line else zero) - (was.exact if was else zero),
        name=one.name,
        band=one.band,
        step=one.step,
        rate_e8=one.rate_e8,
        wh=None if one.wh is None else wh - was_wh,
        count=None if one.count is None else count - was_count,
        clock=clocks.get(one.band, ()),
    )


def _merged(parts: Iterable[Part]) -> Iterator[Part]:
    """Lines that the day did not touch are left out."""
    return (one for one in parts if one.exact or one.wh or one.count)
