"""What every carrier does for the outbox. A new one: `docs/recipes/carrier.md`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import ClassVar, Protocol

from django.utils.functional import Promise

Handed = Callable[[str], None]  # says the carrier's reference of a part; it is written down before this returns


@dataclass(frozen=True, slots=True)
class Letter:
    """What a carrier is given. `handed`: references of the parts that it took before; they are not sent again."""

    id: int
    key: str
    to: str
    title: str
    text: str
    kind: str
    language: str
    fields: Mapping[str, str]
    valid_min: int
    handed: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """`arrived` is None while the carrier still tries."""

    reference: str
    to: str
    arrived: bool | None


class Fate(StrEnum):
    """What a provider says of a message. `SILENT`: it says nothing of it. `NOT_THERE`: it never took it."""

    ARRIVED = "arrived"
    NOT_ARRIVED = "not_arrived"
    TAKEN = "taken"
    SILENT = "silent"
    NOT_THERE = "not_there"


@dataclass(frozen=True, slots=True)
class Asked:
    """What a provider is asked about. Without `references` nobody knows whether it took it."""

    id: int
    to: str
    references: Sequence[str]
    at: datetime


class Line(Protocol):
    """A carrier that is open. `look_s`: how often it wants to be looked at even with nothing to send; None: never.

    `reports`: whether it tells what arrived; without, what it took counts as told.
    """

    look_s: ClassVar[float | None]
    reporting: ClassVar[bool]

    def parts(self, letter: Letter) -> int:
        """How many it is charged as. Raises CarrierRefused for a text that cannot go out."""
        ...

    def send(self, letter: Letter, handed: Handed) -> None:
        """Hand over what was not handed over yet. Raises CarrierRefused, NotKnown."""
        ...

    def reports(self) -> Sequence[Report]:
        """What it was told of earlier messages since it was last asked."""
        ...

    def health(self) -> Mapping[str, object]:
        """What the dashboard shows. `reachable` False: it works, and nothing can go out. Raises CarrierRefused."""
        ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Field:
    """One setting of a carrier, as its form asks for it. A secret is sealed, and never shown again."""

    name: str
    title: str | Promise
    shipped: str = ""
    secret: bool = False
    needed: bool = True
    lines: bool = False
    note: str | Promise = ""


@dataclass(frozen=True, slots=True)
class Room:
    """A kind of carrier: what it asks for, and how it is opened. `wrong` says what is wrong with a setting, or ''."""

    fields: Sequence[Field]
    open: Callable[[Mapping[str, str], Mapping[str, str]], Line]
    wrong: Callable[[Mapping[str, str]], dict[str, str]] = lambda _settings: {}
    look_s: float | None = None  # as its line's, before it is open
    # Settings, secrets and a message: what became of it. None: this kind cannot be asked. Raises as `send`.
    ask: Callable[[Mapping[str, str], Mapping[str, str], Asked], Fate] | None = None
