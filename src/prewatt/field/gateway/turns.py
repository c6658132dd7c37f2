"""What every order has in common: its phase, what a turn can find out, and what follows from it.

An order is carried out in turns. A turn reads the meter, judges, writes at most once, and reads again. What must
survive a power cut is `Memory`; it is rebuilt from the journalled steps alone. Nothing here touches a line, a clock or
a disk.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum

import msgspec

Values = Mapping[str, int]


class Phase(StrEnum):
    FRESH = "fresh"  # no write of this order has ever left the gateway
    WRITTEN = "written"  # at least one has, or may have


class Fact(StrEnum):
    """What a turn found out. The first group comes from a reading, the second from the answer to a write."""

    SILENT = "silent"  # the meter did not answer the reading
    BEFORE = "before"  # proven: the order is not on the meter, and nothing forbids to write it
    EARLY = "early"  # not on the meter yet, but a write is too recent to exclude that it still arrives
    FORBIDDEN = "forbidden"  # not on the meter, and it may never be written (above the ceiling, not open, ...)
    CANCEL = "cancel"  # not on the meter, and the centre wants it cancelled
    EXPIRED = "expired"  # not on the meter, and too late
    WORN_OUT = "worn_out"  # not on the meter after as many writes as we are willing to make
    AFTER = "after"  # proven: the order is on the meter
    DOUBT = "doubt"  # the reading fits neither; look once more before a person is called
    NEITHER = "neither"  # two readings apart in time fit neither

    ACKED = "acked"  # the meter said yes: no proof
    DENIED = "denied"  # the meter said no: no proof either
    UNANSWERED = "unanswered"  # silence, or bytes that cannot be believed


class Action(StrEnum):
    WRITE = "write"
    READ = "read"
    LATER = "later"  # the turn ends; the next one starts by reading
    DONE = "done"
    REFUSE = "refuse"
    CANCEL = "cancel"
    EXPIRE = "expire"
    UNCLEAR = "unclear"


ENDS = frozenset({Action.DONE, Action.REFUSE, Action.CANCEL, Action.EXPIRE, Action.UNCLEAR})

Table = Mapping[tuple[Phase, Fact], Action]


class StepName(StrEnum):
    WRITING = "writing"  # journalled before the bytes leave, with the reading that allows them
    DOUBT = "doubt"  # a reading that fits neither
    CALM = "calm"  # a later reading that does fit: the doubt is gone


class Step(msgspec.Struct, frozen=True):
    """One journalled step of an order."""

    name: StepName
    at_ms: int
    values: dict[str, int] = {}


class Memory(msgspec.Struct, frozen=True):
    """What an order remembers between turns, restarts and power cuts."""

    before: dict[str, int] | None = None  # the reading that allowed the last write
    before_at_ms: int = 0
    writes: int = 0
    doubt_at_ms: int | None = None

    @property
    def phase(self) -> Phase:
        return Phase.WRITTEN if self.writes else Phase.FRESH

    def after(self, step: Step) -> Memory:
        if step.name is StepName.WRITING:
            return Memory(before=step.values, before_at_ms=step.at_ms, writes=self.writes + 1)
        if step.name is StepName.DOUBT:
            return msgspec.structs.replace(
                self, doubt_at_ms=step.at_ms if self.doubt_at_ms is None else self.doubt_at_ms
            )
        return msgspec.structs.replace(self, doubt_at_ms=None)


def remember(steps: Iterable[Step]) -> Memory:
    memory = Memory()
    for step in steps:
        memory = memory.after(step)
    return memory


class Judgement(msgspec.Struct, frozen=True):
    """The fact found in one reading, why, and (for EARLY and DOUBT) when to look again."""

    fact: Fact
    reason: str = ""
    again_at_ms: int = 0
