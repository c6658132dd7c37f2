"""What use costs, and why: every charge is a list of lines that add up to it.

Energy is counted into cells (version, band, step) in the order of time; a statement makes lines of the cells. Charge
as you go by `charge so far - already charged` (`Running`): fractions of a fen then never pile up.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction

from prewatt.domain.tariff.rules.plan import ALL_HOURS, Fee, Ladder, Plan, Slab, Step, Version
from prewatt.domain.tariff.rules.timeline import CannotPrice, Interval, Piece, Span, Timeline, ordered
from prewatt.units.values import RATE_WH_PER_FEN, WH_PER_KWH, round_half_up

Wh = int | Fraction


@dataclass(frozen=True, slots=True)
class Customer:
    """What of the customer a plan may ask for: persons of the household, contracted quantities such as demand_kw."""

    persons: int = 1
    quantities: Mapping[str, Fraction] = field(default_factory=dict)


NOBODY = Customer()


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a charge. `exact` is in fen; `fen` is it rounded alone. Energy at a rate, or a count of an amount."""

    kind: str  # energy, step, free, slab, allowance, minimum, fee, part
    version: int
    exact: Fraction
    fen: int
    name: str = ""
    band: str = ""
    step: int | None = None  # 1 is the first
    wh: Wh | None = None
    rate_e8: int | None = None
    count: Fraction | None = None


@dataclass(frozen=True, slots=True)
class Statement:
    """The charge of one span so far."""

    span: Span
    lines: tuple[Line, ...]
    exact: Fraction
    fen: int
    wh: Wh


@dataclass(frozen=True, slots=True)
class Bill:
    statements: tuple[Statement, ...]

    @property
    def fen(self) -> int:
        return sum(one.fen for one in self.statements)

    @property
    def wh(self) -> Wh:
        return sum((one.wh for one in self.statements), 0)


def price(plan: Plan, intervals: Iterable[Interval], customer: Customer = NOBODY) -> Bill:
    """Everything at once, in any order. Raises CannotPrice for what has no price."""
    found = ordered(intervals)
    by_bill = plan.settlement.every == "bill" and found
    timeline = Timeline(plan)
    if by_bill:
        timeline = Timeline(plan, timeline.span_of(found))
    tallies: dict[Span, Tally] = {}
    for piece in timeline.pieces(found):
        span = piece.segment.span
        if span not in tallies:
            tallies[span] = Tally(plan, span, customer)
        tallies[span].add(piece)
    return Bill(tuple(tally.statement() for tally in tallies.values()))


class Running:
    """The same as time goes on: each call returns the fen to charge now, so that the sum is always `price` so far.

    Use comes in the order of time. What comes later than it should belongs to a span that is priced again.
    """

    def __init__(self, plan: Plan, customer: Customer = NOBODY, *, bill: Span | None = None) -> None:
        self._plan, self._customer, self._timeline = plan, customer, Timeline(plan, bill)
        self._tallies: dict[Span, Tally] = {}
        self._charged: dict[Span, int] = {}
        self._last_s = -(2**62)

    @property
    def fen(self) -> int:
        return sum(self._charged.values())

    def add(self, intervals: Iterable[Interval]) -> int:
        """What these add to the charge. Raises CannotPrice when one begins before the last of an earlier call ended."""
        found = ordered(intervals)
        if found and found[0].start_s < self._last_s:
            raise CannotPrice("this use is earlier than what was charged already: price its span again")
        touched = {}
        for piece in self._timeline.pieces(found):
            span = piece.segment.span
            if span not in self._tallies:
                self._tallies[span] = Tally(self._plan, span, self._customer)
            self._tallies[span].add(piece)
            touched[span] = True
        self._last_s = max([self._last_s, *(one.end_s for one in found)])
        return sum(self._charge(span) for span in touched)

    def _charge(self, span: Span) -> int:
        fen = self._tallies[span].statement().fen
        due = fen - self._charged.get(span, 0)
        self._charged[span] = fen
        return due


@dataclass(frozen=True, slots=True)
class Limits:
    """A ladder's limits for one span, household and number of days: step i lasts to `upper_wh[i]` (None: no end)."""

    upper_wh: tuple[int | None, ...]
    steps: tuple[Step, ...]

    def step_at(self, used_wh: Wh) -> int:
        """The step of the next Wh. Raises CannotPrice above the last limit."""
        closed = [limit for limit in self.upper_wh if limit is not None]
        index = bisect_right(closed, used_wh)
        if index >= len(self.steps):
            raise CannotPrice(f"the plan has no price above {Fraction(closed[-1], WH_PER_KWH)} kWh")
        return index


def limits(ladder: Ladder, steps: tuple[Step, ...], span: Span, persons: int) -> Limits:
    """Limits grow with the household, and with the days where they are given for a number of days."""
    more = max([0, *(one.add_wh for one in ladder.households if persons >= one.persons)])
    return Limits(tuple(_limit(ladder, one.up_to_wh, more, span.days) for one in steps), steps)


def _limit(ladder: Ladder, up_to_wh: int | None, more_wh: int, days: int) -> int | None:
    if up_to_wh is None:
        return None
    if ladder.per_days is None:
        return up_to_wh + more_wh
    unit = WH_PER_KWH if ladder.whole_kwh else 1
    return round_half_up((up_to_wh + more_wh) * days, ladder.per_days * unit) * unit


def season_steps(ladder: Ladder, span: Span) -> tuple[Step, ...]:
    return next(one.steps for one in ladder.seasons if one.season.holds(span.first_day))


Cell = tuple[int, str, int, bool]  # version, band, step, free


class Tally:
    """What one span used so far, by cell."""

    def __init__(self, plan: Plan, span: Span, customer: Customer = NOBODY) -> None:
        self.plan, self.span, self.customer = plan, span, customer
        self.cells: dict[Cell, Wh] = {}
        self.used_wh: Wh = 0
        self.ranges: dict[int, tuple[Wh, Wh]] = {}  # where in the span's use a version began and ended
        self.months: dict[int, int] = {}  # month -> the version that held at its first use
        self.days: dict[date, int] = {}
        self._free: dict[int, Wh] = {}
        self._limits: dict[int, Limits | None] = {}

    def add(self, piece: Piece) -> None:
        index, month = piece.segment.version, piece.segment.month
        self.months.setdefault(month, index)
        self.days.setdefault(piece.segment.day, index)
        begun = self.ranges.get(index, (self.used_wh, 0))[0]
        left = piece.wh
        while left:
            left -= self._take(index, month, piece.band, left)
        self.ranges[index] = (begun, self.used_wh)

    def _take(self, index: int, month: int, band: str, left: Wh) -> Wh:
        """Count as much as falls into one cell."""
        step, room = self._step(index)
        free = self._free_left(index, month)
        taken = min([left, *([room] if room is not None else []), *([free] if free else [])])
        cell = (index, band, step, bool(free))
        self.cells[cell] = self.cells.get(cell, 0) + taken
        self.used_wh += taken
        if free:
            key = self._free_key(index, month)
            self._free[key] = self._free.get(key, 0) + taken
        return taken

    def _step(self, index: int) -> tuple[int, Wh | None]:
        """The step of the next Wh, and how many Wh it has left."""
        found = self.limits_of(index)
        if found is None:
            return 0, None
        step = found.step_at(self.used_wh)
        upper = found.upper_wh[step]
        return step, None if upper is None else upper - self.used_wh

    def limits_of(self, index: int) -> Limits | None:
        """None without a ladder, and for slabs, which are chosen by the total."""
        if index not in self._limits:
            ladder = self.plan.versions[index].ladder
            self._limits[index] = (
                limits(ladder, season_steps(ladder, self.span), self.span, self.customer.persons)
                if ladder and ladder.seasons
                else None
            )
        return self._limits[index]

    def _free_key(self, index: int, month: int) -> int:
        free = self.plan.versions[index].free
        return month if free and free.every == "month" else -1

    def _free_left(self, index: int, month: int) -> Wh:
        free = self.plan.versions[index].free
        if not free or not free.wh:
            return 0
        return max(0, free.wh - self._free.get(self._free_key(index, month), 0))

    def statement(self) -> Statement:
        return statement(self)


def statement(tally: Tally) -> Statement:
    """The lines of a tally, and their sum."""
    book = _Lines(tally.plan)
    for index, version in enumerate(tally.plan.versions):
        if index in tally.ranges:
            _energy(book, tally, index, version)
    first = next(iter(tally.ranges), 0)
    _allowance(book, first, tally.plan.versions[first])
    for index, version in enumerate(tally.plan.versions):
        _fees(book, tally, index, version)
    for index, version in enumerate(tally.plan.versions):
        _parts(book, tally, index, version)
    exact = book.sum()
    return Statement(tally.span, tuple(book.lines), exact, _rounded(exact, book.to_fen), tally.used_wh)


def _rounded(exact: Fraction, to_fen: int) -> int:
    return round_half_up(exact.numerator, exact.denominator * to_fen) * to_fen


class _Lines:
    """Lines as they are made. Rounding by line rounds each before it is added."""

    def __init__(self, plan: Plan) -> None:
        self.by_line, self.to_fen = plan.rounding.each == "line", plan.rounding.to_fen
        self.lines: list[Line] = []

    def add(self, kind: str, version: int, exact: Fraction, *, name: str = "", count: Fraction | None = None) -> None:
        self.lines.append(Line(kind, version, exact, _rounded(exact, self.to_fen), name=name, count=count))

    def energy(
        self, kind: str, version: int, wh: Wh, rate_e8: int, *, name: str = "", band: str = "", step: int | None = None
    ) -> None:
        """Energy at a rate; nothing where nothing was used."""
        if not wh:
            return
        exact = Fraction(wh * rate_e8, RATE_WH_PER_FEN)
        fen = _rounded(exact, self.to_fen)
        shown = "" if band == ALL_HOURS else band
        self.lines.append(Line(kind, version, exact, fen, name=name, band=shown, step=step, wh=wh, rate_e8=rate_e8))

    def sum(self, version: int | None = None, kinds: tuple[str, ...] = ()) -> Fraction:
        chosen = (one for one in self.lines if version in (None, one.version) and (not kinds or one.kind in kinds))
        return sum((Fraction(one.fen) if self.by_line else one.exact for one in chosen), Fraction(0))


ENERGY = ("energy", "step", "allowance", "minimum")
FEES = ("slab", "fee")


def _energy(book: _Lines, tally: Tally, index: int, version: Version) -> None:
    cells = {cell[1:]: wh for cell, wh in tally.cells.items() if cell[0] == index}
    free = sum((wh for (_, _, is_free), wh in cells.items() if is_free), 0)
    paid = {(band, step): wh for (band, step, is_free), wh in cells.items() if not is_free}
    if version.ladder and version.ladder.slabs:
        _slab(book, tally, index, version.ladder)
        return
    found = tally.limits_of(index)
    steps = found.steps if found else (Step(None, version.rates_e8),)
    if version.banded and found and all(one.add_e8 is not None for one in steps):
        _bands_and_surcharges(book, index, version, steps, paid)
    else:
        for band in version.bands:
            for number, step in enumerate(steps):
                label = number + 1 if found else None
                wh = paid.get((band, number), 0)
                book.energy("energy", index, wh, step.rates_e8[band], band=band, step=label)
    book.energy("free", index, free, 0)


def _bands_and_surcharges(
    book: _Lines, index: int, version: Version, steps: tuple[Step, ...], paid: Mapping[tuple[str, int], Wh]
) -> None:
    """阶梯加价: each band at its price, and on top what each step adds."""
    for band, rate in version.rates_e8.items():
        wh = sum((wh for (name, _), wh in paid.items() if name == band), 0)
        book.energy("energy", index, wh, rate, band=band)
    for number, step in enumerate(steps):
        wh = sum((wh for (_, at), wh in paid.items() if at == number), 0)
        if step.add_e8:
            book.energy("step", index, wh, step.add_e8, step=number + 1)


def _slab(book: _Lines, tally: Tally, index: int, ladder: Ladder) -> None:
    """The whole span has the table of the slab that its total falls into; a later version prices only what it saw."""
    slab = _slab_of(ladder, tally)
    if index == next(iter(tally.ranges)) and slab.fixed_fen:
        book.add("slab", index, Fraction(slab.fixed_fen))
    found = limits(ladder, slab.steps, tally.span, tally.customer.persons)
    begun, ended = tally.ranges[index]
    lower: Wh = 0
    for number, step in enumerate(slab.steps):
        upper = found.upper_wh[number]
        top = ended if upper is None else min(ended, upper)
        book.energy("energy", index, max(0, top - max(lower, begun)), step.rates_e8[ALL_HOURS], step=number + 1)
        lower = top if upper is None else upper
    if lower < ended:
        raise CannotPrice(f"the plan has no price above {Fraction(lower, WH_PER_KWH)} kWh")


def _slab_of(ladder: Ladder, tally: Tally) -> Slab:
    for slab in ladder.slabs:
        more = max([0, *(one.add_wh for one in ladder.households if tally.customer.persons >= one.persons)])
        upper = _limit(ladder, slab.up_to_wh, more, tally.span.days)
        if upper is None or tally.used_wh <= upper:
            return slab
    raise CannotPrice("the plan has no slab for so much energy")


def _allowance(book: _Lines, index: int, version: Version) -> None:
    energy = book.sum(kinds=("energy", "step"))
    if version.free and version.free.fen and energy:
        book.add("allowance", index, -min(Fraction(version.free.fen), energy))
    below = version.minimum_fen - book.sum()
    if below > 0:
        book.add("minimum", index, below)


def _fees(book: _Lines, tally: Tally, index: int, version: Version) -> None:
    wh = sum((wh for cell, wh in tally.cells.items() if cell[0] == index and not cell[3]), 0)
    for fee in version.fees:
        if fee.fen is not None:
            count = fee_count(fee, tally, index)
            if count:
                book.add("fee", index, count * fee.fen, name=fee.name, count=count)
        elif fee.per_kwh_e8 is not None:
            book.energy("fee", index, wh, fee.per_kwh_e8, name=fee.name)


def fee_count(fee: Fee, tally: Tally, index: int) -> Fraction:
    """How often a fixed amount is due: by the version that held when the month, the day or the span was first used."""
    held = {
        "month": list(tally.months.values()),
        "day": list(tally.days.values()),
        "span": list(tally.ranges)[:1],
    }[fee.every]
    times = tally.customer.quantities.get(fee.times, Fraction(0)) if fee.times else Fraction(1)
    return held.count(index) * times


def _parts(book: _Lines, tally: Tally, index: int, version: Version) -> None:
    """Taxes and the like: parts of the lines that stand there before any of them."""
    kinds = {"energy": ENERGY, "fees": FEES, "all": ENERGY + FEES}
    parts = [fee for fee in version.fees if fee.part_e8 is not None]
    for fee in parts:
        base = _above(tally, index, fee.above_wh) if fee.above_wh else book.sum(index, kinds[fee.of])
        exact = base * (fee.part_e8 or 0) / 10**8
        if exact:
            book.add("part", index, exact, name=fee.name)


def _above(tally: Tally, index: int, above_wh: int) -> Fraction:
    """The price of the energy in the steps that begin at this limit or higher."""
    found = tally.limits_of(index)
    if found is None:
        return Fraction(0)
    first = next(number for number, step in enumerate(found.steps) if step.up_to_wh == above_wh) + 1
    whole = sum(
        (
            wh * found.steps[step].rates_e8[band]
            for (version, band, step, free), wh in tally.cells.items()
            if version == index and step >= first and not free
        ),
        0,
    )
    return Fraction(whole, RATE_WH_PER_FEN)
