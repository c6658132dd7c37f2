"""A month of an account in words and figures, for the console and for the tenant's own page alike.

What is shown adds up: amounts are written to 1e-4 yuan, and what is left to the whole fen is a line of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, time, timedelta
from fractions import Fraction
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from prewatt.domain.explaining.days import Line, Month, Told
from prewatt.domain.tariff.rules.charging import Wh
from prewatt.units.values import Rate, round_half_up
from prewatt.web.parts.formats import MINUS, thousandth
from prewatt.web.parts.words import Text

E4_PER_FEN = 100
BAND_WORDS: Mapping[str, Text] = {
    "sharp": gettext_lazy("Sharp"),
    "peak": gettext_lazy("Peak"),
    "flat": gettext_lazy("Flat"),
    "valley": gettext_lazy("Valley"),
    "deep": gettext_lazy("Deep valley"),
}
KIND_WORDS: Mapping[str, Text] = {
    "energy": gettext_lazy("All hours"),
    "step": gettext_lazy("Added by the ladder"),
    "free": gettext_lazy("Free energy"),
    "slab": gettext_lazy("Basic charge of the slab"),
    "allowance": gettext_lazy("Allowance"),
    "minimum": gettext_lazy("Up to the least charge"),
    "fee": gettext_lazy("Fee"),
    "part": gettext_lazy("Fee"),
}


@dataclass(frozen=True, slots=True)
class ShownLine:
    title: str
    clock: str
    step: str
    kwh: str
    price: str
    amount: str


@dataclass(frozen=True, slots=True)
class ShownDay:
    told: Told
    lines: tuple[ShownLine, ...]
    plans: tuple[str, ...]
    rest: str  # to the whole fen; empty where the lines come out even


@dataclass(frozen=True, slots=True)
class Shown:
    month: Month
    days: tuple[ShownDay, ...]
    before: date | None
    after: date | None

    @property
    def unpriced(self) -> int:
        return sum(one.told.fen is None for one in self.days)


def shown(month: Month, *, today: date) -> Shown:
    """The newest day first. `before` and `after` are the months that the account has use in."""
    earlier = (month.first - timedelta(days=1)).replace(day=1)
    later = (month.first + timedelta(days=32)).replace(day=1)
    begun = month.opening.opened_at.date().replace(day=1)
    ended = month.opening.closed_at.date() if month.opening.closed_at else today
    return Shown(
        month,
        tuple(_day(one) for one in reversed(month.days)),
        earlier if earlier >= begun else None,
        later if later <= ended else None,
    )


def _day(told: Told) -> ShownDay:
    amounts = [_e4(one.part.exact) for one in told.lines]
    rest = 0 if told.fen is None else told.fen * E4_PER_FEN - sum(amounts)
    plans = dict.fromkeys(
        _("%(plan)s, version %(number)d") % {"plan": one.source.plan_name, "number": one.source.number}
        for one in told.lines
    )
    lines = tuple(_line(one, e4) for one, e4 in zip(told.lines, amounts, strict=True))
    return ShownDay(told, lines, tuple(plans), _yuan_e4(rest) if rest else "")


def _line(line: Line, e4: int) -> ShownLine:
    part = line.part
    title = part.name or str(BAND_WORDS.get(part.band) or part.band or KIND_WORDS[part.kind])
    if part.kind == "step":
        title = str(KIND_WORDS["step"])
    return ShownLine(
        title=title,
        clock=", ".join(f"{_clock(begin)}–{_clock(end, last=True)}" for begin, end in part.clock),
        step=_("step %(step)d") % {"step": part.step} if part.step else "",
        kwh=_kwh(part.wh) if part.wh is not None else _count(part.count),
        price=_price(part.rate_e8),
        amount=_yuan_e4(e4),
    )


def _clock(at: time, *, last: bool = False) -> str:
    return "24:00" if last and at == time(0) else f"{at:%H:%M}"


def _e4(fen: Fraction) -> int:
    return round_half_up(fen.numerator * E4_PER_FEN, fen.denominator)


def _yuan_e4(e4: int) -> str:
    """At least two digits, and as many of four as say something."""
    whole, rest = divmod(abs(e4), 10_000)
    digits = f"{rest:04d}"
    digits = digits if digits[2:] != "00" else digits[:2]
    return (MINUS if e4 < 0 else "") + f"{whole:,}.{digits}"


def _kwh(wh: Wh) -> str:
    """Three digits: to the Wh."""
    found = Fraction(wh)
    return thousandth(round_half_up(found.numerator, found.denominator), 3)


def _count(count: Fraction | None) -> str:
    if count is None or count == 1:
        return ""
    return f"{float(count):g} ×"


def _price(rate_e8: int | None) -> str:
    return "" if rate_e8 is None else str(Rate(rate_e8))


def context(month: Month, *, today: date) -> dict[str, Any]:
    """For `parts/explain/_month.html`; the page adds `explain_href`, its own address without the month."""
    return {"explained": shown(month, today=today)}
