"""What a tenant may be charged for energy when the site passes its own bill on: pure reckoning, exact, rounded once.

Each period costs what the bill says of it, and its other lines (capacity, funds) are shared by kWh. Who is not counted
by periods pays the bill's mean price.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from prewatt.units.values import round_half_up

E8_PER_FEN_PER_WH = 10**9  # 1 fen a Wh is 10 yuan a kWh, 1e9 of a rate's 1e-8


@dataclass(frozen=True, slots=True)
class Paid:
    """A month's bill: Wh and fen by period, and the fen of all other lines."""

    wh: Mapping[str, int]
    fen: Mapping[str, int]
    other_fen: int = 0
    markup_permille: int = 0

    @property
    def total_wh(self) -> int:
        return sum(self.wh.values())

    @property
    def total_fen(self) -> int:
        return sum(self.fen.values()) + self.other_fen

    @property
    def by_period(self) -> bool:
        """Whether the bill tells more than one period."""
        return sum(1 for wh in self.wh.values() if wh) > 1

    def mean(self) -> Fraction:
        """Fen a Wh over everything on the bill; zero for an empty one."""
        return Fraction(self.total_fen, self.total_wh) if self.total_wh else Fraction(0)

    def price(self, band: str) -> Fraction:
        """Fen a Wh of one period, its share of the other lines included. The mean where nothing was bought in it."""
        wh = self.wh.get(band, 0)
        if not wh:
            return self.mean()
        return Fraction(self.fen.get(band, 0), wh) + Fraction(self.other_fen, self.total_wh)


def allowed_fen(paid: Paid, used: Mapping[str, int], total_wh: int) -> int:
    """`used` is Wh by period as the tenant's meter counted them; empty where it counts none."""
    if paid.by_period and any(used.values()):
        counted = sum(used.values())
        exact = sum((paid.price(band) * wh for band, wh in used.items()), Fraction(0))
        exact += paid.mean() * max(0, total_wh - counted)
    else:
        exact = paid.mean() * total_wh
    exact = exact * (1000 + paid.markup_permille) / 1000
    return max(0, round_half_up(exact.numerator, exact.denominator))


def over_fen(charged_fen: int, allowed: int, given_fen: int = 0) -> int:
    """What is still to be given back: never below zero, never more than was charged."""
    return max(0, charged_fen - allowed - given_fen)


def rate_e8(fen_per_wh: Fraction) -> int:
    """As a price for people: 1e-8 yuan a kWh, of four decimals."""
    exact = fen_per_wh * E8_PER_FEN_PER_WH
    return round_half_up(exact.numerator, exact.denominator * 10_000) * 10_000
