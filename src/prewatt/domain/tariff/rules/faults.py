"""What is wrong with a document, and where: every fault at once, each with its JSON pointer (RFC 6901)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, TypeVar

from prewatt.units.values import UnitError

FAULTS_MAX = 100
TEXT_MAX = 400
_TIME = re.compile(r"([01]\d|2[0-3]):[0-5]\d")
_MONTH_DAY = re.compile(r"\d\d-\d\d")
_LEAP_YEAR = 2024

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Fault:
    """`pointer` leads to the member that is wrong ("" is the document); `text` says what, and what to do, in English.

    `said` with its `values` is the same for who speaks another language: see `tariff.fault_words`.
    """

    pointer: str
    said: str
    values: tuple[tuple[str, str | int], ...] = ()

    @property
    def text(self) -> str:
        return self.said % dict(self.values) if self.values else self.said

    def __str__(self) -> str:
        return f"{self.pointer or '/'}: {self.text}"


class BadPlan(ValueError):
    """The document is not a plan. `faults` says why; the same document again fails again."""

    def __init__(self, faults: list[Fault]) -> None:
        self.faults = faults
        super().__init__("; ".join(map(str, faults[:3])))


@dataclass
class Faults:
    found: list[Fault] = field(default_factory=list)

    def add(self, fault: Fault) -> None:
        if len(self.found) < FAULTS_MAX:
            self.found.append(fault)


def _endless(value: object) -> bool:
    """1e999999999 is a short text and a long number."""
    return isinstance(value, Decimal) and not (value.is_finite() and -20 < int(value.as_tuple().exponent) < 20)


class Node:
    """One member of a document with its place. A wrong member is noted and a harmless value goes on in its stead."""

    def __init__(self, value: Any, pointer: str, faults: Faults) -> None:
        self.value, self.pointer, self.faults = value, pointer, faults

    def fault(self, said: str, **values: str | int) -> None:
        """`said` is a sentence with places such as %(known)s for the values. Each has its words in `fault_words`."""
        self.faults.add(Fault(self.pointer, said, tuple(values.items())))

    def at(self, key: str | int) -> Node:
        step = str(key).replace("~", "~0").replace("/", "~1")
        return Node(self.value[key], f"{self.pointer}/{step}", self.faults)

    def has(self, key: str) -> bool:
        return isinstance(self.value, Mapping) and key in self.value

    def members(self, *known: str, needed: tuple[str, ...] = ()) -> bool:
        """Is it an object with only these members, and all the needed ones?"""
        if not isinstance(self.value, Mapping):
            self.fault("must be an object")
            return False
        for key in self.value:
            if key not in known:
                self.at(key).fault("is not known here; known are %(known)s", known=", ".join(known))
        missing = [key for key in needed if key not in self.value]
        for key in missing:
            self.fault("needs '%(key)s'", key=key)
        return not missing

    def one_of(self, *keys: str) -> str:
        """Which of these members is there; exactly one must be."""
        there = [key for key in keys if self.has(key)]
        if len(there) != 1:
            self.fault("needs exactly one of %(keys)s", keys=", ".join(keys))
            return ""
        return there[0]

    def items(self, limit: int, *, least: int = 1) -> Iterator[Node]:
        if not isinstance(self.value, list) or not least <= len(self.value) <= limit:
            self.fault("must be a list of %(least)s to %(limit)s", least=least, limit=limit)
            return
        yield from (self.at(index) for index in range(len(self.value)))

    def named(self, limit: int, *, least: int = 1) -> Iterator[tuple[str, Node]]:
        if not isinstance(self.value, Mapping) or not least <= len(self.value) <= limit:
            self.fault("must be an object with %(least)s to %(limit)s members", least=least, limit=limit)
            return
        yield from ((str(key), self.at(key)) for key in self.value)

    def text(self, default: str = "", *, longest: int = TEXT_MAX) -> str:
        if not isinstance(self.value, str) or len(self.value) > longest:
            self.fault("must be text of at most %(longest)s characters", longest=longest)
            return default
        return self.value

    def choice(self, choices: tuple[str, ...]) -> str:
        if self.value not in choices:
            self.fault("must be one of %(choices)s", choices=", ".join(choices))
            return choices[0]
        return str(self.value)

    def whole(self, low: int, high: int) -> int:
        if type(self.value) is not int or not low <= self.value <= high:
            self.fault("must be a whole number from %(low)s to %(high)s", low=low, high=high)
            return low
        return self.value

    def truth(self) -> bool:
        if not isinstance(self.value, bool):
            self.fault("must be true or false")
        return self.value is True

    def unit(self, parse: Callable[[str | int | Decimal], T], fallback: T, what: str) -> T:
        """A number with its exact digits: text such as "0.5469", or a number that kept its digits when it was read."""
        if isinstance(self.value, bool) or not isinstance(self.value, (str, int, Decimal)) or _endless(self.value):
            self.fault("must be %(what)s, written as text", what=what)
            return fallback
        try:
            return parse(format(self.value, "f") if isinstance(self.value, Decimal) else self.value)
        except UnitError:
            self.fault("%(given)s is not %(what)s", given=repr(str(self.value)[:40]), what=what)
            return fallback

    def clock(self) -> time:
        if not isinstance(self.value, str) or not _TIME.fullmatch(self.value):
            self.fault("must be a time from 00:00 to 23:59")
            return time(0)
        return time.fromisoformat(self.value)

    def day(self) -> date:
        try:
            return date.fromisoformat(self.value)
        except (TypeError, ValueError):
            self.fault("must be a date such as 2026-01-31")
            return date(_LEAP_YEAR, 1, 1)

    def instant(self) -> datetime:
        """Local time of the plan; a date alone means its first moment."""
        try:
            read = datetime.fromisoformat(self.value)
        except (TypeError, ValueError):
            read = None
        if read is None or read.tzinfo is not None or read.microsecond:
            self.fault("must be a local date and time such as 2026-01-01T00:00, without an offset")
            return datetime(_LEAP_YEAR, 1, 1)  # noqa: DTZ001 - local time of the plan
        return read

    def month_day(self) -> tuple[int, int]:
        text = self.value if isinstance(self.value, str) else ""
        try:
            if not _MONTH_DAY.fullmatch(text):
                raise ValueError
            found = date.fromisoformat(f"{_LEAP_YEAR}-{text}")
        except ValueError:
            self.fault("must be a day of the year such as 02-28")
            return (1, 1)
        return (found.month, found.day)
