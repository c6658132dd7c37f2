"""One cell -> one value, or a sentence that says what to type instead.

A spreadsheet knows only text and floats. Numbers that name something (meters, rooms, telephones) must be text cells: as
a number `0300010401` has lost its zero and `03000105E1` has become 300010500, before anybody could ask.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from prewatt.units.values import Money, Price, UnitError

Parse = Callable[[Any], Any]
_HOST = r"[A-Za-z0-9._\-\[\]:]+"
_URL = re.compile(rf"(serial:///\S+|(rtu\+tcp|tcp)://{_HOST}:\d{{1,5}}(\?\S*)?)")


class CellError(ValueError):
    """The cell does not hold such a value. The text is for the person who filled in the sheet."""


@dataclass(frozen=True)
class Text:
    """Text that stays as it is: leading zeros and letters survive."""

    length_max: int
    pattern: str = ""
    hint: str = ""

    def __call__(self, cell: Any) -> str:
        if not isinstance(cell, str):
            raise CellError(
                _("is a number cell, which loses leading zeros. Format the column as text, then type it again.")
            )
        text = cell.strip()
        if len(text) > self.length_max:
            raise CellError(_("is longer than %(max)s characters.") % {"max": self.length_max})
        if self.pattern and not re.fullmatch(self.pattern, text):
            raise CellError(_("“%(text)s” does not fit: %(hint)s") % {"text": text[:40], "hint": _(self.hint)})
        return text


@dataclass(frozen=True)
class Whole:
    """A whole number within bounds."""

    low: int
    high: int

    def __call__(self, cell: Any) -> int:
        text = _typed(cell)
        if not re.fullmatch(r"-?\d{1,15}", text) or not self.low <= int(text) <= self.high:
            raise CellError(
                _("“%(text)s” is not a whole number from %(low)s to %(high)s.")
                % {"text": text[:40], "low": self.low, "high": self.high}
            )
        return int(text)


@dataclass(frozen=True)
class OneOf:
    choices: tuple[str, ...]

    def __call__(self, cell: Any) -> str:
        text = _typed(cell)
        if text not in self.choices:
            raise CellError(
                _("“%(text)s” is not known. Known are: %(choices)s.")
                % {"text": text[:40], "choices": ", ".join(self.choices)}
            )
        return text


@dataclass(frozen=True)
class SomeOf:
    """Several of the choices, separated by commas."""

    choices: tuple[str, ...]

    def __call__(self, cell: Any) -> list[str]:
        one = OneOf(self.choices)
        return [one(part.strip()) for part in re.split(r"[,，、;；]", _typed(cell)) if part.strip()]


def amount_fen(cell: Any) -> int:
    """Yuan, at most two decimals."""
    try:
        fen = Money.parse(_typed(cell)).fen
    except UnitError:
        fen = -1
    if fen < 0:
        raise CellError(
            _("“%(text)s” is not an amount in yuan with at most two decimals.") % {"text": _typed(cell)[:40]}
        )
    return fen


def price_e4(cell: Any) -> int:
    """Yuan per kWh, at most four decimals."""
    try:
        return Price.parse(_typed(cell)).e4
    except UnitError as error:
        raise CellError(
            _("“%(text)s” is not a price in yuan per kWh with at most four decimals.") % {"text": _typed(cell)[:40]}
        ) from error


def bus_url(cell: Any) -> str:
    text = _typed(cell)
    if len(text) > 200 or not _URL.fullmatch(text):
        raise CellError(
            _(
                "“%(text)s” is no bus address. Examples: rtu+tcp://192.168.1.20:4001?baud=9600, serial:///dev/ttyS1?baud=9600"
            )
            % {"text": text[:60]}
        )
    return text


def _typed(cell: Any) -> str:
    """What the person sees: spreadsheets count in floats (=1.1*3 is 3.3000000000000003) and show fifteen digits."""
    if isinstance(cell, bool):
        return str(cell)
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < 1e15 else f"{cell:.15g}"
    return str(cell).strip()
