"""What an audit says: findings, the first one first, and what was looked at."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

FINDINGS_MAX = 1000  # a broken chain is one finding; a database full of them needs no longer list than this


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it must be. `row` names it so that a person can find it in the database."""

    check: str  # seals, days, ledger, causes, receipts, meters, log, signed
    kind: str  # changed, removed, inserted, gap, mismatch ...
    row: str
    what: str


@dataclass(slots=True)
class Report:
    findings: list[Finding] = field(default_factory=list)
    checked: dict[str, int] = field(default_factory=dict)
    # not wrong, but worth knowing: unsealed transfers, meters unread
    notes: dict[str, int] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        return not self.findings

    @property
    def first(self) -> Finding | None:
        return self.findings[0] if self.findings else None

    def as_dict(self) -> dict[str, Any]:
        return {
            "ok": self.ok,
            "first": None if self.first is None else asdict(self.first),
            "findings": [asdict(finding) for finding in self.findings],
            "checked": self.checked,
            "notes": self.notes,
        }


class Tick(Protocol):
    """Called as a check goes on: its name, how far it is, how far it goes."""

    def __call__(self, check: str, done: int, total: int) -> None: ...


Check = Callable[[Report, Tick], Iterator[Finding]]
