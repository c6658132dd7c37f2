"""What one seed, and all seeds together, came to."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from prewatt.server.torture.history import combined


@dataclass(frozen=True, kw_only=True)
class SeedResult:
    """One seed. `double`, `lost`, `unexplained` count money orders; `broken` names the statements that failed."""

    seed: int
    days: float
    sales: int
    orders: int
    frames: int
    faults: int
    kills: int
    decided: int
    double: int
    lost: int
    unexplained: int
    broken: tuple[str, ...]
    history_sha256: str
    story: tuple[str, ...] = field(default=())

    @property
    def failed(self) -> bool:
        return bool(self.broken or self.double or self.lost or self.unexplained)


def summary(results: Sequence[SeedResult]) -> dict[str, Any]:
    """The facts of `prewatt torture --json`. `caught` is the number of seeds in which a statement did not hold."""
    total = {
        name: sum(getattr(result, name) for result in results)
        for name in ("sales", "orders", "frames", "faults", "kills", "decided", "double", "lost", "unexplained")
    }
    return {
        "seeds": len(results),
        "days": results[0].days if results else 0,
        **total,
        "caught": sum(result.failed for result in results),
        "history_sha256": combined(result.history_sha256 for result in results),
        "failed": [dataclasses.asdict(result) for result in results if result.failed],
    }
