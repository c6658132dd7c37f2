"""What inquiries found and the centre has not got yet. In memory, bounded: readings and answers never wait for it."""

from __future__ import annotations

from collections.abc import Callable

from prewatt.link.messages import FINDINGS_PER_BATCH_MAX, Finding

WAITING_MAX = 64
FRAMES_PER_BATCH_MAX = 200


class Findings:
    """A queue to the centre that loses its oldest news rather than grow; the end of an inquiry is kept longest."""

    def __init__(self) -> None:
        self._waiting: list[Finding] = []
        self._on_news: Callable[[], object] = lambda: None

    def on_news(self, call: Callable[[], object]) -> None:
        self._on_news = call

    def add(self, finding: Finding) -> None:
        self._waiting.append(finding)
        if len(self._waiting) > WAITING_MAX:
            oldest = next((at for at, one in enumerate(self._waiting) if not one.final), 0)
            del self._waiting[oldest]
        self._on_news()

    def next(self) -> list[Finding]:
        """As much as one batch carries beside its rows, in order."""
        chosen: list[Finding] = []
        frames = 0
        for finding in self._waiting[:FINDINGS_PER_BATCH_MAX]:
            frames += len(finding.frames)
            if chosen and frames > FRAMES_PER_BATCH_MAX:
                break
            chosen.append(finding)
        return chosen

    def delivered(self, findings: list[Finding]) -> None:
        """The centre has these. If more wait, they are news again."""
        gone = {id(finding) for finding in findings}
        self._waiting = [finding for finding in self._waiting if id(finding) not in gone]
        if self._waiting:
            self._on_news()
