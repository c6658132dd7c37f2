"""A whole building's year at once: the same rules, the same fen as `charging.price`, in arrays of whole numbers.

All meters of a table share one grid of intervals, so the plan is cut into runs (stretches of one price) once. A chunk
of meters is summed by runs in int64, which is nearly all of the work; the ladder needs only where each run begins and
ends. What is left, some hundred numbers a meter, is priced in Python's own integers, which cannot overflow.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import reduce
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from prewatt.domain.tariff.rules.charging import ENERGY, FEES, NOBODY, Customer, Limits, Tally, fee_count, limits
from prewatt.domain.tariff.rules.plan import ALL_HOURS, Plan, Step, Version
from prewatt.domain.tariff.rules.timeline import CannotPrice, Interval, Segment, Span, Timeline
from prewatt.units.values import E8_PER_YUAN, RATE_WH_PER_FEN, WH_PER_KWH, round_half_up

CHUNK_METERS = 100
INT64_SAFE = 2**62
Whole = Any  # an array of Python's integers: a number a meter
_ROUND = np.frompyfunc(round_half_up, 2, 1)  # the one rounding


@dataclass(frozen=True, slots=True)
class Grid:
    """Intervals of one length, one after the other without a gap."""

    start_s: int
    step_s: int
    count: int

    @property
    def end_s(self) -> int:
        return self.start_s + self.step_s * self.count


@dataclass(frozen=True, slots=True)
class _Run:
    """Consecutive seconds of one band in one stretch."""

    start_s: int
    end_s: int
    band: str
    version: int
    month: int
    span: Span


class Bulk:
    """A plan laid over a grid; make it once, then price any number of chunks."""

    def __init__(self, plan: Plan, grid: Grid, customer: Customer = NOBODY) -> None:
        self.plan, self.grid, self.customer = plan, grid, customer
        whole = Interval(grid.start_s, grid.end_s, 0)
        bill = Timeline(plan).span_of([whole]) if plan.settlement.every == "bill" else None
        segments = list(_segments(Timeline(plan, bill), grid))
        self._runs = list(_runs(plan, segments))
        self._span_runs = [list(group) for _, group in groupby(range(len(self._runs)), lambda at: self._runs[at].span)]
        self._tallies = [_frame(plan, segments, self._runs[own[0]].span, customer) for own in self._span_runs]
        offsets = [max(0, run.start_s - grid.start_s) for run in self._runs]
        self._unit_s = reduce(math.gcd, offsets, grid.step_s)
        self.parts = grid.step_s // self._unit_s  # a Wh is counted as so many
        self._edges = np.array(
            [*(offset // self._unit_s for offset in offsets), grid.count * self.parts], dtype=np.int64
        )
        self._starts = np.array([offset // grid.step_s for offset in offsets], dtype=np.intp)

    @property
    def spans(self) -> list[Span]:
        return [tally.span for tally in self._tallies]

    def chunks(self, table: NDArray[Any], meters: int = CHUNK_METERS) -> Iterator[NDArray[np.int64]]:
        """The fen of a table (meters x intervals, whole Wh), some meters at a time."""
        for first in range(0, len(table), meters):
            yield self.price(table[first : first + meters])

    def price(self, wh: NDArray[Any]) -> NDArray[np.int64]:
        """Fen of each meter (row) in each span (column). Raises CannotPrice as the scalar rule does."""
        sums = self._sums(wh)
        spans = zip(self._span_runs, self._tallies, strict=True)
        fen = [self._span_fen(sums[:, own], own, tally) for own, tally in spans]
        try:
            return np.stack(fen, axis=1).astype(np.int64)
        except OverflowError as error:
            raise CannotPrice("a charge is more than can be counted") from error

    def _sums(self, wh: NDArray[Any]) -> NDArray[np.int64]:
        """Energy of each meter in each run, in parts of a Wh."""
        if wh.ndim != 2 or wh.shape[1] != self.grid.count or not np.issubdtype(wh.dtype, np.integer):
            raise CannotPrice(f"the table must be of whole Wh, {self.grid.count} to a meter")
        if wh.size and (int(wh.min()) < 0 or int(wh.max()) * self.grid.count * self.parts > INT64_SAFE):
            raise CannotPrice("an interval has less than no energy, or more than can be counted")
        if self.parts == 1:
            return np.add.reduceat(wh, self._starts, axis=1, dtype=np.int64)
        return self._cut_sums(wh)

    def _cut_sums(self, wh: NDArray[Any]) -> NDArray[np.int64]:
        """The same where a run begins within an interval: up to there of its parts belong to the run before."""
        so_far = np.zeros((len(wh), self.grid.count + 1), dtype=np.int64)
        np.cumsum(wh, axis=1, out=so_far[:, 1:])
        at, rest = self._edges // self.parts, self._edges % self.parts
        inside = np.minimum(at, self.grid.count - 1)
        total = so_far[:, at] * self.parts + wh[:, inside].astype(np.int64) * rest
        return np.diff(total, axis=1)

    def _span_fen(self, sums: NDArray[np.int64], own: list[int], tally: Tally) -> Whole:
        cells = _Cells(self, tally)
        for _, group in groupby(enumerate(own), lambda one: (self._runs[one[1]].version, self._runs[one[1]].month)):
            columns = [(self._runs[at], sums[:, column]) for column, at in group]
            cells.climb(columns)
        return _Sheet(self, tally, cells).fen()


def price_all(
    plan: Plan, grid: Grid, tables: Iterable[NDArray[Any]], customer: Customer = NOBODY
) -> Iterator[NDArray[np.int64]]:
    """Fen by meter and span for table after table, so that no more than one table is in memory."""
    bulk = Bulk(plan, grid, customer)
    for table in tables:
        yield from bulk.chunks(table)


def _segments(timeline: Timeline, grid: Grid) -> Iterator[Segment]:
    day, last = timeline.local(grid.start_s).date(), timeline.local(grid.end_s - 1).date()
    while day <= last:
        yield from (one for one in timeline.segments(day) if one.end_s > grid.start_s and one.start_s < grid.end_s)
        day += timedelta(days=1)


def _runs(plan: Plan, segments: list[Segment]) -> Iterator[_Run]:
    for key, group in groupby(segments, lambda one: (one.span, one.month, one.version, one.band)):
        span, month, version, band = key
        if version < 0:
            raise CannotPrice("no version of the plan holds in a part of these intervals")
        if plan.versions[version].banded and band is None:
            raise CannotPrice("the plan has no tables that say which band an interval belongs to")
        same = list(group)
        yield _Run(same[0].start_s, same[-1].end_s, band or ALL_HOURS, version, month, span)


def _frame(plan: Plan, segments: list[Segment], span: Span, customer: Customer) -> Tally:
    """What of a span is the same for every meter: its limits, and in which months and days there was use."""
    tally = Tally(plan, span, customer)
    for one in segments:
        if one.span == span:
            tally.months.setdefault(one.month, one.version)
            tally.days.setdefault(one.day, one.version)
            tally.ranges.setdefault(one.version, (0, 0))
    return tally


class _Cells:
    """`Tally` for many meters: the same cells, each a number a meter, in parts of a Wh."""

    def __init__(self, bulk: Bulk, tally: Tally) -> None:
        self._bulk, self._tally = bulk, tally
        self.paid: dict[tuple[int, str, int], Whole] = {}
        self.ranges: dict[int, tuple[Whole, Whole]] = {}
        self.used: Any = 0
        self._free: dict[int, Any] = {}

    def climb(self, columns: list[tuple[_Run, NDArray[np.int64]]]) -> None:
        """A stretch of one version in one month: its runs stand one on the other from where the span has come to."""
        version, month = columns[0][0].version, columns[0][0].month
        edges = self.used + np.cumsum([np.zeros_like(columns[0][1]), *(sums for _, sums in columns)], axis=0)
        paid_from = self._free_to(version, month, edges[0], edges[-1])
        for step, low, high in self._steps(version, edges[-1]):
            floor = np.maximum(low, paid_from)
            inside = np.clip(edges, floor, np.maximum(high, floor))
            for index, (run, _) in enumerate(columns):
                self._count((version, run.band, step), inside[index + 1] - inside[index])
        self.ranges[version] = (self.ranges.get(version, (edges[0],))[0], edges[-1])
        self.used = edges[-1]

    def _count(self, cell: tuple[int, str, int], parts: NDArray[np.int64]) -> None:
        self.paid[cell] = self.paid[cell] + parts if cell in self.paid else parts

    def _steps(self, version: int, used: NDArray[np.int64]) -> Iterator[tuple[int, int, int]]:
        """Step, and its limits in parts of a Wh. Slabs are chosen later, by the total."""
        found = self._tally.limits_of(version)
        if found is None:
            yield 0, 0, INT64_SAFE
            return
        low, top = 0, int(used.max(initial=0))
        for step, upper in enumerate(found.upper_wh):
            high = INT64_SAFE if upper is None else upper * self._bulk.parts
            yield step, low, max(low, high)
            low = max(low, high)
            if low >= top:
                return
        raise CannotPrice(f"the plan has no price above {low / self._bulk.parts / WH_PER_KWH:.3f} kWh")

    def _free_to(self, version: int, month: int, start: Any, end: Any) -> Any:
        """Up to where the use of this stretch is free."""
        free = self._bulk.plan.versions[version].free
        if not free or not free.wh:
            return start
        key = month if free.every == "month" else -1
        left = np.maximum(0, free.wh * self._bulk.parts - self._free.get(key, 0))
        taken = np.minimum(left, end - start)
        self._free[key] = self._free.get(key, 0) + taken
        return start + taken


class _Sheet:
    """`statement` for many meters: the same lines in the same order, without what explains them.

    Amounts are whole numbers of 1/`_fen` of a fen, fine enough for every price, share and rate of the plan.
    """

    def __init__(self, bulk: Bulk, tally: Tally, cells: _Cells) -> None:
        self._plan, self._tally, self._cells, self._parts = bulk.plan, tally, cells, bulk.parts
        shares = [one.denominator for one in tally.customer.quantities.values()]
        self._fine = E8_PER_YUAN * math.lcm(1, *shares)
        self._fen = RATE_WH_PER_FEN * bulk.parts * self._fine
        self._lines: list[tuple[str, int, Whole]] = []
        self._none: Whole = cells.used.astype(object) * 0

    def fen(self) -> Whole:
        held = [(index, one) for index, one in enumerate(self._plan.versions) if index in self._tally.ranges]
        for index, version in held:
            self._energy(index, version)
        first = next(iter(self._tally.ranges))
        self._allowance(first, self._plan.versions[first])
        for index, version in enumerate(self._plan.versions):
            self._fees(index, version)
        for index, version in held:
            self._rates(index, version)
        return self._rounded(self._sum())

    def _rounded(self, exact: Whole) -> Whole:
        to_fen = self._plan.rounding.to_fen
        found: Whole = _ROUND(exact, self._fen * to_fen) * to_fen
        return found

    def _add(self, kind: str, version: int, exact: Whole) -> None:
        by_line = self._plan.rounding.each == "line"
        self._lines.append((kind, version, self._rounded(exact) * self._fen if by_line else exact))

    def _sum(self, version: int | None = None, kinds: tuple[str, ...] = ()) -> Whole:
        chosen = [exact for kind, of, exact in self._lines if version in (None, of) and (not kinds or kind in kinds)]
        return self._total(chosen)

    def _total(self, columns: Iterable[Whole]) -> Whole:
        total = self._none
        for column in columns:
            total = total + column
        return total

    def _cost(self, parts: Whole, rate_e8: int) -> Whole:
        return parts.astype(object) * (rate_e8 * self._fine)

    def _energy(self, index: int, version: Version) -> None:
        if version.ladder and version.ladder.slabs:
            self._slabs(index, version)
            return
        found = self._tally.limits_of(index)
        paid = {(band, step): parts for (at, band, step), parts in self._cells.paid.items() if at == index}
        if version.banded and found and all(one.add_e8 is not None for one in found.steps):
            self._bands_and_surcharges(index, version, found, paid)
            return
        for (band, step), parts in paid.items():
            rates = found.steps[step].rates_e8 if found else version.rates_e8
            self._add("energy", index, self._cost(parts, rates[band]))

    def _bands_and_surcharges(
        self, index: int, version: Version, found: Limits, paid: dict[tuple[str, int], Whole]
    ) -> None:
        for band, rate in version.rates_e8.items():
            parts = self._total(parts for (name, _), parts in paid.items() if name == band)
            self._add("energy", index, self._cost(parts, rate))
        for number, step in enumerate(found.steps):
            parts = self._total(parts for (_, at), parts in paid.items() if at == number)
            self._add("step", index, self._cost(parts, step.add_e8 or 0))

    def _slabs(self, index: int, version: Version) -> None:
        """Each meter has the slab that its total falls into; the others price nothing of it."""
        ladder, tally, used = version.ladder, self._tally, self._cells.used
        assert ladder is not None
        begun, ended = self._cells.ranges[index]
        left = np.ones(used.shape, dtype=bool)
        for slab in ladder.slabs:
            (upper,) = limits(ladder, (Step(slab.up_to_wh, {}),), tally.span, tally.customer.persons).upper_wh
            here = left if upper is None else left & (used <= upper * self._parts)
            left = left & ~here
            if index == next(iter(tally.ranges)):
                self._add("slab", index, here.astype(object) * (slab.fixed_fen * self._fen))
            low = 0
            found = limits(ladder, slab.steps, tally.span, tally.customer.persons)
            for step, top in zip(found.steps, found.upper_wh, strict=True):
                high = INT64_SAFE if top is None else top * self._parts
                inside = np.clip(ended, low, high) - np.clip(begun, low, high)
                self._add("energy", index, self._cost(np.where(here, inside, 0), step.rates_e8[ALL_HOURS]))
                low = high
            left = left | (here & (ended > low))
        if left.any():
            raise CannotPrice("the plan has no slab, or no price, for so much energy")

    def _allowance(self, index: int, version: Version) -> None:
        energy = self._sum(kinds=("energy", "step"))
        if version.free and version.free.fen:
            self._add("allowance", index, -np.minimum(version.free.fen * self._fen, energy))
        below = version.minimum_fen * self._fen - self._sum()
        self._add("minimum", index, np.maximum(below, 0))

    def _fees(self, index: int, version: Version) -> None:
        parts = self._total(parts for (at, _, _), parts in self._cells.paid.items() if at == index)
        for fee in version.fees:
            if fee.fen is not None:
                exact = fee_count(fee, self._tally, index) * fee.fen * self._fen
                self._add("fee", index, self._none + int(exact))
            elif fee.per_kwh_e8 is not None:
                self._add("fee", index, self._cost(parts, fee.per_kwh_e8))

    def _rates(self, index: int, version: Version) -> None:
        kinds = {"energy": ENERGY, "fees": FEES, "all": ENERGY + FEES}
        for fee in version.fees:
            if fee.part_e8 is not None:
                base = self._above(index, fee.above_wh) if fee.above_wh else self._sum(index, kinds[fee.of])
                self._add("part", index, base * fee.part_e8 // E8_PER_YUAN)

    def _above(self, index: int, above_wh: int) -> Whole:
        found = self._tally.limits_of(index)
        if found is None:
            return self._none
        first = next(number for number, step in enumerate(found.steps) if step.up_to_wh == above_wh) + 1
        upper = [
            self._cost(parts, found.steps[step].rates_e8[band])
            for (at, band, step), parts in self._cells.paid.items()
            if at == index and step >= first
        ]
        return self._total(upper)
