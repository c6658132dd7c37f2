"""What a shared wire still owes us: questions whose answers may yet come, and the answer that came last.

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
MEMORY_S_MIN = 1.0  # how long an unanswered question is remembered, at least
MEMORY_S_MAX = 10.0


@dataclass(slots=True)
class _Unanswered:
    request: Any
    who: Hashable
    likeness: Hashable
    sent_at: float
    until: float
    passed: bool = False  # the device has since answered something that looks different, and it answers in order


class Memory:
    """Open questions and the last answer of one wire. All times are the loop's seconds."""

    def __init__(self, codec: Codec) -> None:
        self._codec = codec
        self._open: list[_Unanswered] = []
        self._last: tuple[Any, Any] | None = None
        self._last_until = 0.0
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
        return max((q.until for q in self._open if q.likeness == likeness and not q.passed), default=now)

    def asked(self, request: Any) -> None:
        """This request leaves now; what looks like its answer from here on is its answer."""
        likeness = self._codec.likeness(request)
        self._open = [question for question in self._open if question.likeness != likeness]

    def answered(self, request: Any, reply: Any, *, now: float) -> None:
        self._last, self._last_until = (request, reply), now + MEMORY_S_MIN
        if self._open:
            who, likeness = self._codec.who(request), self._codec.likeness(request)
            for question in self._open:
                question.passed = question.passed or (question.who == who and question.likeness != likeness)

    def is_repetition(self, request: Any, reply: Any, now: float) -> bool:
        """The reply could be the previous answer coming twice: another block of the same look and the same content."""
        if self._last is None or now > self._last_until:
            return False
        request_before, reply_before = self._last
        same_look = self._codec.likeness(request_before) == self._codec.likeness(request)
        return same_look and request_before != request and bool(reply_before == reply)

    def name(self, heard: bytes | bytearray, now: float, *, asked: Any) -> str | None:
        """Whose answer was heard, beside the one to `asked`: `late_answer`, `doubled_answer`, or nobody known."""
        for question in self._open:
            if self._answer_in(question.request, heard) is not None:
                self._open.remove(question)
                self.lateness_s = max(self.lateness_s, min(now - question.sent_at, MEMORY_S_MAX))
                return "late_answer"
        if self._last is not None and now <= self._last_until:
            request, reply = self._last
            same_look = asked is not None and self._codec.likeness(request) == self._codec.likeness(asked)
            if not same_look and self._answer_in(request, heard) == reply:
                return "doubled_answer"
        return None

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
