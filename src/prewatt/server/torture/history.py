"""What happened in a run, one line an event, under a running SHA-256: two runs can be compared to the byte."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Iterable

FRAMES = frozenset({"in", "out", "held"})
FRAMES_KEPT = 2_000


class History:
    """Lines of `time_ms kind key=value …`. The clock is the run's own virtual one.

    Every line goes into the hash. Of the frames, which are most of a long run, only the last are kept for a story.
    """

    def __init__(self, now_ms: Callable[[], int]) -> None:
        self._now_ms = now_ms
        self._sha = hashlib.sha256()
        self.told: list[str] = []
        self.frames: deque[str] = deque(maxlen=FRAMES_KEPT)
        self.counts: dict[str, int] = {}

    def note(self, kind: str, /, **facts: object) -> None:
        line = " ".join([str(self._now_ms()), kind, *(f"{key}={value}" for key, value in facts.items())])
        self._sha.update(line.encode() + b"\n")
        (self.frames if kind in FRAMES else self.told).append(line)
        self.counts[kind] = self.counts.get(kind, 0) + 1

    def last(self, count: int) -> list[str]:
        """The last lines of all, frames among them, in their order."""
        lines = [*self.told[-count:], *self.frames]
        return sorted(lines, key=lambda line: int(line.partition(" ")[0]))[-count:]

    @property
    def sha256(self) -> str:
        return self._sha.hexdigest()


def combined(hashes: Iterable[str]) -> str:
    """One hash over the hashes of many seeds, in seed order."""
    return hashlib.sha256("\n".join(hashes).encode()).hexdigest()
