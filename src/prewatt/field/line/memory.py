"""What a shared wire may still bring: answers to questions that were given up, and copies of answers that came.

No I/O, no clock: times come in. An answer on RS-485 shows at most its device, its kind and its length: it is believed
only if no other question it could belong to is open.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

from prewatt.field.line.framing import Codec
from prewatt.field.wire.errors import WireError

UNANSWERED_MAX = 8
MEMORY_S_MIN = 2.0  # how long an unanswered question is remembered, at least: converters hold answers back
MEMORY_S_MAX = 10.0
RECENT_MAX = 8
COPY_S = 0.1  # a second copy of an answer comes close behind the first: nothing that looks alike is asked before
SUSPECT_S = 0.5  # what says the same so soon after is doubted, and believed only if nothing else comes


@dataclass(slots=True)
class _Unanswered:
    request: Any
    who: Hashable
    likeness: Hashable
    sent_at: float
    until: float
    passed: bool = False  # the device has since answered something that looks different, and it answers in order


@dataclass(slots=True)
class _Answered:
    request: Any
    likeness: Hashable
    reply: Any
    came_at: float


class Memory:
    """Open questions and recent answers of one wire. All times are the loop's seconds."""

    def __init__(self, codec: Codec) -> None:
        self._codec = codec
        self._open: list[_Unanswered] = []
        self._recent: list[_Answered] = []
        self.lateness_s = 0.0  # the latest late answer so far, from its request on

    def __bool__(self) -> bool:
        return bool(self._open)

    def remember(self, request: Any, *, sent_at: float, now: float) -> None:
        """The time limit of this question has passed."""
        until = now + min(max(MEMORY_S_MIN, 2 * self.lateness_s), MEMORY_S_MAX)
        codec = self._codec
        self._open.append(_Unanswered(request, codec.who(request), codec.likeness(request), sent_at, until))
        del self._open[:-UNANSWERED_MAX]

    def clear_at(self, request: Any, now: float) -> float:
        """From when on what looks like the answer to `request` can only be that; `now` if it already is so."""
        self._open = [question for question in self._open if question.until > now]
        likeness = self._codec.likeness(request)
        open_until = (q.until for q in self._open if q.likeness == likeness and not q.passed)
        # Bytes do not overtake each other: once another answer was heard, the copies of this one are past.
        copies_until = (answer.came_at + COPY_S for answer in self._recent[-1:] if answer.likeness == likeness)
        return max((now, *open_until, *copies_until))

    def asked(self, request: Any) -> None:
        """This request leaves now; what looks like its answer from here on is its answer."""
        likeness = self._codec.likeness(request)
        self._open = [question for question in self._open if question.likeness != likeness]

    def answered(self, request: Any, reply: Any, *, now: float) -> None:
        likeness = self._codec.likeness(request)
        self._came(request, likeness, reply, now)
        if self._open:
            who = self._codec.who(request)
            for question in self._open:
                question.passed = question.passed or (question.who == who and question.likeness != likeness)

    def _came(self, request: Any, likeness: Hashable, reply: Any, now: float) -> None:
        recent = [answer for answer in self._recent if answer.came_at + SUSPECT_S > now and answer.likeness != likeness]
        recent.append(_Answered(request, likeness, reply, now))
        self._recent = recent[-RECENT_MAX:]

    def is_repetition(self, request: Any, reply: Any, now: float) -> bool:
        """The reply could be an earlier answer coming twice: it looks the same and says the same."""
        likeness = self._codec.likeness(request)
        suspects = (answer for answer in self._recent if answer.came_at + SUSPECT_S > now)
        return any(answer.likeness == likeness and answer.reply == reply for answer in suspects)

    def name(self, heard: bytes | bytearray, now: float, *, asked: Any) -> str | None:
        """Whose answer was heard, beside the one to `asked`: `late_answer`, `doubled_answer`, or nobody known."""
        for question in self._open:
            reply = self._answer_in(question.request, heard)
            if reply is not None:
                self._open.remove(question)
                self._came(question.request, question.likeness, reply, now)
                self.lateness_s = max(self.lateness_s, min(now - question.sent_at, MEMORY_S_MAX))
                return "late_answer"
        likeness = None if asked is None else self._codec.likeness(asked)
        others = (answer for answer in self._recent if answer.came_at + SUSPECT_S > now and answer.likeness != likeness)
        copied = any(self._answer_in(answer.request, heard) == answer.reply for answer in others)
        return "doubled_answer" if copied else None

    def owes_refusal(self, request: Any) -> bool:
        """A refusal shows only device and function: it may be meant for an open question. That one is then closed."""
        kind = self._codec.refusal_likeness(request)
        for question in self._open:
            if not question.passed and self._codec.refusal_likeness(question.request) == kind:
                self._open.remove(question)
                return True
        return False

    def _answer_in(self, request: Any, heard: bytes | bytearray) -> Any:
        try:
            return self._codec.start(request)[1].feed(heard)
        except WireError:
            return None
