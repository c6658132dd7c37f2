"""The reckoning around a bill: prices from ratios and components, use from registers, energy for a credit."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

from prewatt.domain.tariff.rules.charging import NOBODY, Customer, Tally
from prewatt.domain.tariff.rules.plan import Plan
from prewatt.domain.tariff.rules.timeline import CannotPrice, Interval, Timeline
from prewatt.units.values import E8_PER_YUAN, Rate, round_half_up

WH_MAX = 10**12


def scaled(rate: Rate, factor: Fraction, *, decimals: int = 4) -> Rate:
    """A price from another by a ratio, rounded to so many decimals of a yuan: peak is 1.7 times flat, and so on.

    A chain rounds at each link, as published tables do: sharp from the peak price that was rounded already.
    """
    return _rounded(rate.e8 * factor, decimals)


def composed(floating: Iterable[Rate], fixed: Iterable[Rate], factor: Fraction, *, decimals: int = 6) -> Rate:
    """A band's price of components of which only some float with the band (purchase and losses, not grid and funds)."""
    return _rounded(sum(one.e8 for one in floating) * factor + sum(one.e8 for one in fixed), decimals)


def _rounded(e8: Fraction, decimals: int) -> Rate:
    unit = E8_PER_YUAN // 10**decimals
    return Rate(round_half_up(e8.numerator, e8.denominator * unit) * unit)


def used_wh(last_wh: int, this_wh: int, *, ct_ratio: int = 1, factor: int = 1, register_wh: int | None = None) -> int:
    """(this - last) x factor x CT ratio. A register that turned over counts on from zero, if its size is known."""
    turned = this_wh < last_wh
    if turned and register_wh is None:
        raise CannotPrice("the register went back: say how far it counts, or look at the meter")
    return (this_wh - last_wh + (register_wh or 0) * turned) * factor * ct_ratio


def corrected_wh(wh: int, rate: Fraction) -> int:
    """What a meter that was wired wrongly really let through: 更正率 times what it counted."""
    found = wh * rate
    return round_half_up(found.numerator, found.denominator)


def energy_for_credit(
    plan: Plan, credit_fen: int, *, at_s: int, used_wh: int = 0, band: str | None = None, customer: Customer = NOBODY
) -> int:
    """The most Wh that this credit buys from an instant on, when so much of its span was used already.

    Fixed fees are left out; what is asked is how far the money reaches.
    """
    timeline = Timeline(plan, Timeline(plan).span_of([Interval(at_s, at_s + 1, 0)]))

    def cost(wh: int) -> Fraction:
        return _cost(timeline, plan, Interval(at_s, at_s + 1, used_wh + wh, band), customer)

    before, low, high = cost(0), 0, WH_MAX
    while low < high:
        middle = (low + high + 1) // 2
        try:
            fits = cost(middle) - before <= credit_fen
        except CannotPrice:
            fits = False
        low, high = (middle, high) if fits else (low, middle - 1)
    return low


def _cost(timeline: Timeline, plan: Plan, interval: Interval, customer: Customer) -> Fraction:
    pieces = list(timeline.pieces([interval]))
    tally = Tally(plan, pieces[0].segment.span, customer)
    for piece in pieces:
        tally.add(piece)
    return tally.statement().exact
