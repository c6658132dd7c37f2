"""One bus and its one owner: a question and its own answer, never anybody else's, and never the question twice.

On RS-485 a Modbus answer carries no number: after a time limit has passed the answer may still come, and then it looks
like the answer to the next question. So a line that met silence

1. stays quiet until nothing was heard for a guard time: the slowest turnaround seen on it and the time of the missing
   answer;
2. remembers the open question for a while (`Memory`): its answer is recognised, counted as `late_answer` and given to
   nobody;
3. asks nothing whose answer would look just like it before that while has passed, or the device has answered something
   that looks different (a meter answers one question after the other). `clear_at` tells a scheduler, which may ask
   another meter meanwhile.

The same care is taken with an answer that comes twice. Modbus TCP numbers its transactions and needs none of this.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any, Literal

from prewatt.field.line.connection import Connection, State
from prewatt.field.line.framing import Codec, Framing, Reader, codec_for
from prewatt.field.line.memory import Memory
from prewatt.field.line.pipe import Pipe
from prewatt.field.wire.errors import CrcMismatch, ErrorAnswer, ExceptionAnswer, Malformed, Truncated, WireError

Direction = Literal["out", "in"]
# Called with the loop's time, the direction and the bytes, for everything that passes.
Observer = Callable[[float, Direction, bytes], None]

GAP_CHARS = 3.5
GAP_FAST_S = 0.00175  # above 19200 baud the standard fixes the gap
GAP_FAST_BAUD = 19200
TURNAROUND_S_FIRST = 0.05  # until the line has shown its own
GUARD_S_MAX = 1.0
HEARD_BYTES_MAX = 1024
FRAME_BYTES_MAX = 256
NOISE_S_MAX = 10.0  # a line that does not fall silent for so long is not asked
BROADCAST_S = 0.2  # what meters get to digest what nobody answers
STALE_ASKS = 20  # so many questions in a row and
STALE_S = 60.0  # so long without a single byte: the connection is opened anew
_TINY_S = 1e-6


class LineError(Exception):
    """No answer came, and why. `sent` tells whether the request left: if not, no meter can have acted on it."""

    code: str = "line_error"

    def __init__(self, message: str, *, sent: bool) -> None:
        super().__init__(message)
        self.sent = sent


class NoAnswer(LineError):
    """Silence until the time limit. The device may still have done what it was told: read before writing again."""

    code = "no_answer"


class LineDown(LineError):
    """The pipe to the bus is not open. It is being opened again; `retry_in_s` tells when the next attempt starts."""

    code = "line_down"

    def __init__(self, message: str, *, sent: bool, retry_in_s: float = 0.0) -> None:
        super().__init__(message, sent=sent)
        self.retry_in_s = retry_in_s


class LineNoisy(LineError):
    """The line never falls silent: a second master, a device that babbles, a wiring fault. Nothing was sent."""

    code = "line_noisy"


class Line:
    """A bus. One task asks at a time; a second one asking meanwhile is a mistake of the program and told so.

    `stats` counts `asked`, `answered`, `opened`, every error by its code, `late_answer`, `doubled_answer`,
    `garbage_bytes` and `unasked_bytes`.
    """

    def __init__(self, pipe: Pipe, *, framing: Framing = "rtu", baud: int = 9600, bits_per_char: int = 10) -> None:
        self._stats: Counter[str] = Counter()
        self._observer: Observer | None = None
        self.turnaround_s = TURNAROUND_S_FIRST  # the slowest answer lately, frames not counted
        self.ready_at = 0.0  # loop time from which a request may leave
        self._codec: Codec = codec_for(framing)
        self._memory = Memory(self._codec) if self._codec.shared_wire else None
        self._char_s = bits_per_char / baud if self._memory is not None else 0.0
        self.gap_s = gap_s(baud, bits_per_char) if self._memory is not None else 0.0
        self._pipe = pipe
        receive = self._receive_numbered if self._memory is None else self._receive
        self._connection = Connection(pipe, receive, self._changed)
        self._is_unproven = True  # nothing was heard yet on this connection
        self._is_plain = False  # open, numbered and unwatched: nothing to wait for, nobody to tell
        self._plain_asks = self._plain_answers = 0
        self._loop: asyncio.AbstractEventLoop = None  # type: ignore[assignment]  # set when the pipe opens, before any use
        self._waiter: asyncio.Future[Any] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0
        self._taken = False
        self._reader: Reader | None = None
        self._request: Any = None
        self._request_bytes = 0
        self._sent_at = self._deadline = self._heard_at = 0.0
        self._heard = bytearray()
        self._faults_named = 0
        self._error: WireError | None = None
        self._doubtful: Any = None  # a reply that may be the previous one coming twice
        self._asks_unheard = 0
        self._unheard_since = 0.0

    @property
    def stats(self) -> Counter[str]:
        """What happened so far, by name."""
        stats = self._stats
        stats["asked"] += self._plain_asks
        stats["answered"] += self._plain_answers
        self._plain_asks = self._plain_answers = 0
        return stats

    @property
    def observer(self) -> Observer | None:
        """Told everything that passes."""
        return self._observer

    @observer.setter
    def observer(self, observer: Observer | None) -> None:
        self._observer = observer
        self._set_plain()

    def _set_plain(self) -> None:
        self._is_plain = self._memory is None and self._observer is None and self.is_open

    # --- opening

    async def open(self) -> None:
        """Open, or raise LineDown with the reason. `ask` does it as well; from then on a lost pipe is opened again."""
        await self._connection.first_attempt()
        if self._connection.state is not State.UP:
            raise self._down(sent=False)

    async def wait_open(self) -> None:
        """Wait until the pipe is open, however long it takes."""
        await self._connection.wait_up()

    @property
    def is_open(self) -> bool:
        return self._connection.state is State.UP

    def close(self) -> None:
        """Close for good. A request under way fails with LineDown."""
        self._connection.close()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _changed(self, state: State) -> None:
        self._set_plain()
        if state is State.UP:
            self._stats["opened"] += 1
            self._is_unproven = True
            self._loop = asyncio.get_running_loop()
            now = self._loop.time()
            self._asks_unheard = 0
            # A serial server may hand over what it kept for an earlier caller.
            self.ready_at = max(self.ready_at, now + self.gap_s)
        elif state is not State.OPENING and self._waiter is not None and not self._waiter.done():
            self._fail(self._down(sent=True))

    def _down(self, *, sent: bool) -> LineDown:
        connection, wait_s = self._connection, 0.0
        if connection.state is State.WAITING:
            wait_s = max(0.0, connection.retry_at - asyncio.get_running_loop().time())
        return LineDown(f"{connection.reason or 'the line was closed'}", sent=sent, retry_in_s=wait_s)

    # --- asking

    def ask(self, request: Any, *, timeout_s: float) -> Awaitable[Any]:
        """Send once, and return the answer to this very request.

        `timeout_s` runs from the moment the request leaves until the answer is whole; an answer that is arriving at
        that moment is heard out. Waiting for a quiet line is not counted; a line that is down is waited for as long.
        Raises LineError or a WireError; only `LineError.sent == False` proves that nothing left.
        """
        if self._is_plain:
            waiter = self._waiter
            if (waiter is None or waiter.done()) and not self._taken:
                return self._send_plain(request, timeout_s)
        return self._ask(request, timeout_s)

    async def _ask(self, request: Any, timeout_s: float) -> Any:
        self._take()
        try:
            if self._connection.state is not State.UP:
                await self._come_up(timeout_s)
            if self._memory is not None:
                await self._quiet(request, self._memory)
            return await self._send(request, timeout_s)
        except asyncio.CancelledError:
            if self._waiter is not None:
                self._open_question()
            raise
        finally:
            self._taken = False
            self._waiter = self._reader = self._error = self._doubtful = None

    async def _come_up(self, timeout_s: float) -> None:
        """On a line that is down a question waits its own time limit, so that a caller in a loop cannot spin."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._connection.wait_up()
        except TimeoutError:
            raise self._down(sent=False) from self._connection.reason

    def _take(self) -> None:
        if self._taken or (self._waiter is not None and not self._waiter.done()):
            raise RuntimeError("a bus has one owner: this line is being asked already")
        self._taken = True

    def _send(self, request: Any, timeout_s: float) -> asyncio.Future[Any]:
        data, self._reader = self._codec.start(request)
        self._request, self._faults_named, self._error = request, 0, None
        loop = self._loop
        self._waiter = waiter = loop.create_future()
        self._sent_at = now = loop.time()
        self._deadline = deadline = now + timeout_s
        if self._timer is None or self._timer_at > deadline:
            self._arm(deadline)
        if not self._asks_unheard:
            self._unheard_since = now
        self._asks_unheard += 1
        self._stats["asked"] += 1
        self._request_bytes = len(data)
        self._pipe.write(data)
        if self._observer is not None:
            self._observer(now, "out", data)
        return waiter

    def _send_plain(self, request: Any, timeout_s: float) -> asyncio.Future[Any]:
        """As `_send`, for a connection that is open, numbered and unwatched: nothing to wait for and little to note, so
        the caller gets the future itself, without a coroutine around it. This is the path of a large fleet on TCP.
        """
        data, self._reader = self._codec.start(request)
        self._request, self._faults_named, self._error = request, 0, None
        loop = self._loop
        self._waiter = waiter = loop.create_future()
        deadline = self._deadline = loop.time() + timeout_s
        if self._timer is None or self._timer_at > deadline:
            self._arm(deadline)
        if self._asks_unheard:
            self._asks_unheard += 1
        else:
            self._asks_unheard, self._unheard_since = 1, deadline - timeout_s
        self._plain_asks += 1
        self._pipe.write(data)
        return waiter

    async def tell(self, request: Any) -> None:
        """Send what nobody answers (a broadcast), and give the meters time to digest it."""
        self._take()
        try:
            await self.open()
            if self._memory is not None:
                await self._quiet(request, self._memory)
            data, _ = self._codec.start(request)
            now = self._loop.time()
            self._stats["told"] += 1
            self._pipe.write(data)
            if self._observer is not None:
                self._observer(now, "out", data)
            self.ready_at = now + len(data) * self._char_s + BROADCAST_S
            await _sleep_until(self._loop, self.ready_at)
        finally:
            self._taken = False

    def clear_at(self, request: Any) -> float:
        """Loop time from which `ask` would send this request without waiting."""
        if self._memory is None:
            return self.ready_at
        return max(self.ready_at, self._memory.clear_at(request, asyncio.get_running_loop().time()))

    async def _quiet(self, request: Any, memory: Memory) -> None:
        """Wait until the line is quiet and no answer that may still come looks like the one that is wanted."""
        now = self._loop.time()
        patience = max(now, memory.clear_at(request, now)) + NOISE_S_MAX
        while (until := max(self.ready_at, memory.clear_at(request, now))) > now + _TINY_S:
            if now > patience:
                self._stats[LineNoisy.code] += 1
                raise LineNoisy(f"the line was not silent once in {NOISE_S_MAX:g} s; nothing was sent", sent=False)
            await _sleep_until(self._loop, until)
            if self._connection.state is not State.UP:
                raise self._down(sent=False)
            now = self._loop.time()
        memory.asked(request)
        self._heard.clear()

    # --- hearing

    def _receive_numbered(self, data: bytes | memoryview) -> None:
        """Modbus TCP: what comes belongs to the request of its number, or to nobody."""
        self._asks_unheard = 0
        if self._observer is not None:
            self._observer(self._loop.time(), "in", bytes(data))
        reader, waiter = self._reader, self._waiter
        if reader is None or waiter is None or waiter.done():
            self._stray(data)
            return
        try:
            reply = reader.feed(data)
        except (ExceptionAnswer, ErrorAnswer) as refusal:
            self._refused(refusal)
        except WireError as error:
            self._disbelieve(error)
        else:
            if reply is not None:
                self._plain_answers += 1
                if reader.faults:
                    self._count(reader)
                    self._count_garbage(reader)
                if self._is_unproven:
                    self._is_unproven = False
                    self._connection.heard()
                waiter.set_result(reply)

    def _stray(self, data: bytes | memoryview) -> None:
        """Too late, and told so by its number. Half of one would spoil what follows: a fresh connection, then."""
        self._stats["late_answer"] += 1
        if len(data) < 6 or len(data) != 6 + int.from_bytes(data[4:6], "big"):
            self._connection.lose(Malformed("half a frame that nobody asked for"))

    def _receive(self, data: bytes | memoryview) -> None:
        self._asks_unheard = 0
        if self._observer is not None:
            self._observer(self._loop.time(), "in", bytes(data))
        self._hear(data)
        reader, waiter = self._reader, self._waiter
        if reader is None or waiter is None or waiter.done():
            self._unasked(data)
            return
        try:
            reply = reader.feed(data)
        except (ExceptionAnswer, ErrorAnswer) as refusal:
            self._refused(refusal)
        except WireError as error:
            self._disbelieve(error)
        else:
            if reply is not None:
                self._answered(reply)

    def _hear(self, data: bytes | memoryview) -> None:
        self._heard_at = now = self._loop.time()
        self.ready_at = max(self.ready_at, now + self.gap_s)
        self._heard += data
        del self._heard[:-HEARD_BYTES_MAX]

    def _unasked(self, data: bytes | memoryview) -> None:
        """Bytes while nobody waits: an answer too late, one that came twice, or noise. Silence counts from here."""
        assert self._memory is not None
        if name := self._memory.name(self._heard, self._heard_at, asked=None):
            self._stats[name] += 1
            self._heard.clear()
            self.ready_at = self._heard_at + self.gap_s
        else:
            self._stats["unasked_bytes"] += len(data)
            self.ready_at = self._heard_at + (self._guard_s() if self._memory else self.gap_s)

    def _answered(self, reply: Any) -> None:
        memory = self._memory
        assert memory is not None
        now = self._heard_at
        if self._doubtful is None and memory.is_repetition(self._request, reply, now):
            self._doubtful = reply
            self._hasten(now + self._guard_s())
            return
        if self._doubtful is not None:
            self._stats["doubled_answer"] += 1
        assert self._reader is not None
        self._count(self._reader)
        self._count_garbage(self._reader)
        memory.answered(self._request, reply, now=now)
        on_wire_s = self._char_s * (self._request_bytes + len(self._heard))
        turnaround_s = now - self._sent_at - on_wire_s
        self.turnaround_s = max(turnaround_s, self.turnaround_s + (turnaround_s - self.turnaround_s) / 64, 0.0)
        self._finish(reply)

    def _finish(self, reply: Any) -> None:
        assert self._waiter is not None
        self._stats["answered"] += 1
        self._connection.heard()
        self._waiter.set_result(reply)

    def _refused(self, refusal: WireError) -> None:
        """A refusal is an answer, unless an open question of the same device and function may be its owner."""
        if self._memory is not None and self._memory.owes_refusal(self._request):
            self._stats["late_answer"] += 1
            return
        self._connection.heard()
        self._fail(refusal)

    def _disbelieve(self, error: WireError) -> None:
        """Not our answer. It may still come behind; a damaged one of ours will not."""
        assert self._reader is not None
        self._count(self._reader)
        if self._memory is None:  # the number was ours: nothing else will come
            self._fail(error)
            return
        if self._error is None or isinstance(error, CrcMismatch):
            self._error = error
        if isinstance(error, CrcMismatch):
            self._hasten(self._loop.time() + self._guard_s())

    def _count(self, reader: Reader) -> None:
        """Every fault by its name; a sound frame of somebody else may be an answer that we no longer waited for."""
        for fault in reader.faults[self._faults_named :]:
            self._stats[self._name() or ("late_answer" if fault == "wrong_transaction" else fault)] += 1
        self._faults_named = len(reader.faults)

    def _count_garbage(self, reader: Reader) -> None:
        """What came in pieces could not be told from garbage while it came."""
        if not reader.garbage_bytes:
            return
        name = None if reader.faults else self._name()
        if name:
            self._stats[name] += 1
        else:
            self._stats["garbage_bytes"] += reader.garbage_bytes

    def _name(self) -> str | None:
        return None if self._memory is None else self._memory.name(self._heard, self._heard_at, asked=self._request)

    # --- giving up

    def _arm(self, at: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer_at = at
        self._timer = self._loop.call_at(at, self._tick)

    def _hasten(self, at: float) -> None:
        if at < self._deadline:
            self._deadline = at
            self._arm(at)

    def _tick(self) -> None:
        """One timer a line, left running when an answer comes: it mostly finds a later limit or nobody waiting."""
        self._timer = None
        if self._waiter is None or self._waiter.done():
            return
        now, limit = self._loop.time(), self._deadline
        if self._doubtful is None and self._error is None and self._is_arriving():
            stall_s = self._codec.stall_s
            limit = min(self._heard_at + stall_s, limit + FRAME_BYTES_MAX * self._char_s + stall_s)
        if now < limit - _TINY_S:
            self._arm(limit)
        else:
            self._give_up()

    def _is_arriving(self) -> bool:
        return self._memory is not None and self._reader is not None and isinstance(self._reader.failure(), Truncated)

    def _give_up(self) -> None:
        reader, waiter = self._reader, self._waiter
        assert reader is not None
        assert waiter is not None
        if self._doubtful is not None:
            assert self._memory is not None
            self._memory.answered(self._request, self._doubtful, now=self._loop.time())
            self._finish(self._doubtful)
            return
        failure = reader.failure()
        self._count_garbage(reader)
        if not isinstance(self._error, CrcMismatch):  # our own answer, damaged: nothing more is to come
            self._open_question()
        self._fail(self._error or failure or NoAnswer("no answer within the time limit", sent=True))
        self._mistrust(failure)

    def _open_question(self) -> None:
        """The answer may still come."""
        if self._memory is not None:
            now = self._loop.time()
            self._memory.remember(self._request, sent_at=self._sent_at, now=now)
            self.ready_at = max(self.ready_at, now + self._guard_s())

    def _guard_s(self) -> float:
        """How long silence must last before we believe it."""
        answer_s = self._codec.answer_bytes(self._request) * self._char_s if self._request is not None else 0.0
        return min(self.turnaround_s + answer_s + self.gap_s, GUARD_S_MAX)

    def _fail(self, error: Exception) -> None:
        assert self._waiter is not None
        if error is not self._error:  # that one was counted when it came
            self._stats[getattr(error, "code", "line_error")] += 1
        self._waiter.set_exception(error)

    def _mistrust(self, failure: Exception | None) -> None:
        """Half a frame spoils a TCP stream for good; a connection that died without a word is noticed here only."""
        now = self._loop.time()
        if self._memory is None and isinstance(failure, Truncated):
            self._connection.lose(failure)
        elif self._asks_unheard >= STALE_ASKS and now - self._unheard_since > STALE_S:
            self._connection.lose(NoAnswer(f"nothing was heard for {now - self._unheard_since:.0f} s", sent=True))


def gap_s(baud: int, bits_per_char: int) -> float:
    """The silence that separates two Modbus RTU frames: 3.5 characters, fixed above 19200 baud."""
    return GAP_FAST_S if baud > GAP_FAST_BAUD else GAP_CHARS * bits_per_char / baud


async def _sleep_until(loop: asyncio.AbstractEventLoop, at: float) -> None:
    future = loop.create_future()
    handle = loop.call_at(at, _wake, future)
    try:
        await future
    finally:
        handle.cancel()


def _wake(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
