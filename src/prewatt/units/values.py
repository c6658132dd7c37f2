"""Value types. Standard library only: a meter, a gateway and the ledger count in the same numbers."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal

_AMOUNT = re.compile(r"[+-]?\d{1,12}(\.\d{1,2})?")
_PRICE = re.compile(r"\d{1,6}(\.\d{1,4})?")
_RATE = re.compile(r"-?\d{1,6}(\.\d{1,8})?")
_KWH = re.compile(r"[+-]?\d{1,12}(\.\d{1,3})?")

FEN_PER_YUAN = 100
WH_PER_KWH = 1000
# A price counts 1e-4 yuan per kWh; times Wh that is 1e-7 yuan, and a fen is 1e-2 yuan.
_PRICE_WH_PER_FEN = 100_000
E8_PER_YUAN = 10**8
# A rate counts 1e-8 yuan per kWh; times Wh that is 1e-11 yuan.
RATE_WH_PER_FEN = 10**9


class UnitError(ValueError):
    """The text is not such an amount. Trying again with the same text does not help."""


def _text(value: object, pattern: re.Pattern[str], what: str) -> Decimal:
    if isinstance(value, float):
        raise UnitError(f"{what}: a float cannot carry an exact amount; give text such as '12.30'")
    text = str(value).strip()
    if not pattern.fullmatch(text):
        raise UnitError(f"{what}: {text!r} is not an amount in this unit")
    return Decimal(text)


@dataclass(frozen=True, slots=True, order=True)
class Money:
    """An amount in whole fen (1/100 yuan), signed."""

    fen: int

    def __post_init__(self) -> None:
        if type(self.fen) is not int:
            raise UnitError(f"Money counts whole fen, not {self.fen!r}")

    @classmethod
    def parse(cls, text: str | int | Decimal) -> Money:
        """Yuan as text, at most two decimals. Raises UnitError for floats, exponents and a third decimal."""
        return cls(int(_text(text, _AMOUNT, "Money") * FEN_PER_YUAN))

    def __add__(self, other: Money) -> Money:
        return Money(self.fen + other.fen)

    def __sub__(self, other: Money) -> Money:
        return Money(self.fen - other.fen)

    def __neg__(self) -> Money:
        return Money(-self.fen)

    def __bool__(self) -> bool:
        return self.fen != 0

    def __str__(self) -> str:
        sign = "-" if self.fen < 0 else ""
        return f"{sign}{abs(self.fen) // FEN_PER_YUAN}.{abs(self.fen) % FEN_PER_YUAN:02d}"


@dataclass(frozen=True, slots=True, order=True)
class Energy:
    """Whole watt-hours, signed (a difference may be negative)."""

    wh: int

    def __post_init__(self) -> None:
        if type(self.wh) is not int:
            raise UnitError(f"Energy counts whole Wh, not {self.wh!r}")

    @classmethod
    def parse_kwh(cls, text: str | int | Decimal) -> Energy:
        """kWh as text, at most three decimals."""
        return cls(int(_text(text, _KWH, "Energy") * WH_PER_KWH))

    def __add__(self, other: Energy) -> Energy:
        return Energy(self.wh + other.wh)

    def __sub__(self, other: Energy) -> Energy:
        return Energy(self.wh - other.wh)

    def __str__(self) -> str:
        sign = "-" if self.wh < 0 else ""
        return f"{sign}{abs(self.wh) // WH_PER_KWH}.{abs(self.wh) % WH_PER_KWH:03d}"


@dataclass(frozen=True, slots=True, order=True)
class Price:
    """Yuan per kWh in steps of 1e-4, never negative."""

    e4: int

    def __post_init__(self) -> None:
        if type(self.e4) is not int or self.e4 < 0:
            raise UnitError(f"Price counts whole 1e-4 yuan per kWh from zero up, not {self.e4!r}")

    @classmethod
    def parse(cls, text: str | int | Decimal) -> Price:
        """Yuan per kWh as text, at most four decimals."""
        return cls(int(_text(text, _PRICE, "Price") * 10_000))

    def __str__(self) -> str:
        return f"{self.e4 // 10_000}.{self.e4 % 10_000:04d}"


@dataclass(frozen=True, slots=True, order=True)
class Rate:
    """Yuan per kWh in steps of 1e-8, signed: grid companies publish six decimals, and a surcharge may be a discount.

    What a meter takes is a `Price`; what a bill is reckoned with is a `Rate`.
    """

    e8: int

    def __post_init__(self) -> None:
        if type(self.e8) is not int:
            raise UnitError(f"Rate counts whole 1e-8 yuan per kWh, not {self.e8!r}")

    @classmethod
    def parse(cls, text: str | int | Decimal) -> Rate:
        """Yuan per kWh as text, at most eight decimals."""
        return cls(int(_text(text, _RATE, "Rate") * E8_PER_YUAN))

    def __str__(self) -> str:
        """At least four decimals, and as many more as it has."""
        whole, rest = divmod(abs(self.e8), E8_PER_YUAN)
        digits = f"{rest:08d}".rstrip("0").ljust(4, "0")
        return f"{'-' if self.e8 < 0 else ''}{whole}.{digits}"


def round_half_up(numerator: int, denominator: int) -> int:
    """The one rounding: to the nearest whole number, halves away from zero. The denominator is positive."""
    magnitude = (2 * abs(numerator) + denominator) // (2 * denominator)
    return -magnitude if numerator < 0 else magnitude


def charge(price: Price, energy: Energy) -> Money:
    """What the energy costs, rounded once to a fen.

    Charge usage cumulatively, `charge(price, total so far) - already charged`: fractions of a fen then never pile up.
    """
    return Money(round_half_up(price.e4 * energy.wh, _PRICE_WH_PER_FEN))
