"""What must survive a power cut: readings until the centre has them, orders with their steps, answers, keys.

SQLite, write-ahead log, synchronous FULL. Readings are gathered and committed a few times a second, off the bus; an
order, a step and an answer are on the disk when the call returns. Readings are bounded by a disk limit, the oldest are
swept out last and loudly; orders, steps and answers are never swept out. On a full disk readings are dropped loudly,
and a step that cannot be stored raises `JournalFull`: the bytes that depend on it must not leave.

In production the disk belongs to one thread. `threaded=False` does the same in line, for a loop on virtual time.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol, TypeVar

import msgspec
import structlog

from prewatt.field.gateway.turns import Step
from prewatt.link.messages import MONEY_KINDS, Answer, Config, Event, Kind, MeterHealth, Order, Outcome, Reading

T = TypeVar("T")
_Rows = Sequence[tuple[str, Any]]
log = structlog.get_logger()

BYTES_MAX = 512 * 1024 * 1024  # readings; a gateway with 152 meters fills it in about a year without a centre
RESERVE_BYTES = 16 * 1024 * 1024  # beyond it, for orders and answers only
GATHER_S = 0.2  # how long a reading may wait for its commit
WAITING_MAX = 50_000
SWEEP_ROWS = 2_000
ANSWERS_AHEAD_MAX = 200
SETTLED_LIFE_MS = 30 * 86_400_000  # acknowledged orders that are not about money are forgotten after this

_SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS outbox (seq INTEGER PRIMARY KEY, kind TEXT NOT NULL, body BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS outbox_answers ON outbox (seq) WHERE kind = 'answer';
CREATE TABLE IF NOT EXISTS orders (
    number INTEGER PRIMARY KEY, order_id TEXT NOT NULL UNIQUE, meter TEXT NOT NULL, is_money INTEGER NOT NULL,
    taken_at_ms INTEGER NOT NULL, body BLOB NOT NULL, answer BLOB);
CREATE INDEX IF NOT EXISTS orders_open ON orders (number) WHERE answer IS NULL;
CREATE TABLE IF NOT EXISTS steps (
    order_id TEXT NOT NULL, number INTEGER NOT NULL, body BLOB NOT NULL, PRIMARY KEY (order_id, number)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS shapes (number INTEGER PRIMARY KEY, names BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS baselines (meter TEXT PRIMARY KEY, body BLOB NOT NULL) WITHOUT ROWID;
"""

_encode = msgspec.msgpack.encode
_decode_reading = msgspec.msgpack.Decoder(Reading).decode
_decode_packed = msgspec.msgpack.Decoder(tuple[str, int, int, list[int]]).decode
_decode_names = msgspec.msgpack.Decoder(tuple[str, ...]).decode
_decode_answer = msgspec.msgpack.Decoder(Answer).decode
_decode_event = msgspec.msgpack.Decoder(Event).decode
_decode_health = msgspec.msgpack.Decoder(MeterHealth).decode
_decode_order = msgspec.msgpack.Decoder(Order).decode
_decode_step = msgspec.msgpack.Decoder(Step).decode
_decode_config = msgspec.msgpack.Decoder(Config).decode


class JournalFull(Exception):
    """The disk under the journal takes no more. Nothing was sent to the meter. Make room; then it goes on by itself."""


class JournalBroken(Exception):
    """The journal cannot be opened or read. A person has to look at the disk before this gateway may touch money."""


class Taken(StrEnum):
    NEW = "new"
    KNOWN = "known"  # open here already; a wish to cancel was added to it
    ENDED = "ended"  # answered before: the same answer is sent again


class OpenOrder(msgspec.Struct, frozen=True):
    """An order not yet answered, with its steps: where a restarted gateway goes on, by reading."""

    order: Order
    steps: tuple[Step, ...] = ()


class Pending(msgspec.Struct, frozen=True):
    """The next rows for the centre.

    `ahead`: answers from further back in the queue, which shall not wait for a week of readings.
    """

    first_seq: int
    last_seq: int
    readings: list[Reading] = []
    answers: list[Answer] = []
    events: list[Event] = []
    health: list[MeterHealth] = []
    ahead: list[Answer] = []
    more: bool = False

    def __bool__(self) -> bool:
        return self.last_seq >= self.first_seq


class Journal(Protocol):
    """What the gateway asks of its journal. Every call is a moment at which the power may fail."""

    boot: int

    def reading(self, reading: Reading, *, baseline: bool = False) -> None: ...

    def event(self, event: Event) -> None: ...

    def health(self, health: MeterHealth) -> None: ...

    async def take(self, order: Order, *, now: int) -> Taken: ...

    async def step(self, order_id: str, step: Step) -> None: ...

    async def end(self, answer: Answer) -> None: ...

    async def open_orders(self) -> list[OpenOrder]: ...

    async def baselines(self) -> dict[str, Reading]: ...

    async def pending(self, limit: int) -> Pending: ...

    async def acknowledge(self, seq: int) -> None: ...

    async def config(self) -> Config | None: ...

    async def save_config(self, config: Config) -> None: ...

    def on_news(self, callback: Callable[[bool], None]) -> None: ...

    async def close(self) -> None: ...


class SqliteJournal:
    """The journal in one file, readable by its owner only."""

    def __init__(
        self,
        path: Path | str,
        *,
        threaded: bool = True,
        synchronous: str = "FULL",
        bytes_max: int = BYTES_MAX,
        reserve_bytes: int = RESERVE_BYTES,
        gather_s: float = GATHER_S,
        boot_min: int = 0,
    ) -> None:
        """`boot_min` keeps the boot counter rising even where an old copy of the file was put back: give it the time.

        Raises JournalBroken.
        """
        self._bytes_max, self._gather_s = bytes_max, gather_s
        self._waiting: list[tuple[str, Any]] = []  # changed on the loop's own thread only
        self._baselines: dict[str, Reading] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._news: Callable[[bool], None] = lambda _urgent: None
        self._dropped = 0  # readings lost since the disk ran full
        self._dropped_since_ms = 0
        self._executor: Executor | None = ThreadPoolExecutor(1, "journal") if threaded else None
        try:
            self._db = _open(str(path), synchronous=synchronous, bytes_max=bytes_max + reserve_bytes)
            self._load(boot_min)
        except sqlite3.Error as error:
            raise JournalBroken(f"{path}: {error}. Nothing was sent. Look at the disk, or restore the file.") from error

    def _load(self, boot_min: int) -> None:
        db = self._db
        self.boot = max(int(self._get("boot") or b"0") + 1, boot_min)
        self._put("boot", str(self.boot).encode())
        self.acked_seq = int(self._get("acked_seq") or b"0")
        (last,) = db.execute("SELECT coalesce(max(seq), 0) FROM outbox").fetchone()
        self._next_seq = max(last, self.acked_seq, int(self._get("last_seq") or b"0")) + 1
        self._unacked: dict[str, int] = {}
        for seq, body in db.execute("SELECT seq, body FROM outbox WHERE kind = 'answer' ORDER BY seq"):
            self._unacked[_decode_answer(body).order_id] = seq
        self._shapes: dict[tuple[str, ...], int] = _shapes(db)
        self._names = {number: names for names, number in self._shapes.items()}
        self._page_bytes = int(db.execute("PRAGMA page_size").fetchone()[0])

    # --- readings: gathered, committed off the bus --------------------------------------------------------------------

    def reading(self, reading: Reading, *, baseline: bool = False) -> None:
        """Keep a reading until the centre has it.

        `baseline`: also remember it over a restart as this meter's last good one.
        """
        if baseline:
            self._baselines[reading.meter] = reading
        self._gather("reading", reading)

    def event(self, event: Event) -> None:
        self._gather("event", event)

    def health(self, health: MeterHealth) -> None:
        self._gather("health", health)

    def _gather(self, kind: str, body: Any) -> None:
        if len(self._waiting) >= WAITING_MAX:  # the disk stalls: the oldest go, and the next commit says so
            self._drop(self._waiting[:SWEEP_ROWS])
            del self._waiting[:SWEEP_ROWS]
        self._waiting.append((kind, body))
        if self._timer is None:
            with contextlib.suppress(RuntimeError):  # without a loop the next durable call commits
                self._timer = asyncio.get_running_loop().call_later(self._gather_s, self._gathered)

    def _gathered(self) -> None:
        self._timer = None
        rows, baselines = self._hand_over()
        if self._executor is None:
            self._flush(rows, baselines)
            self._news(False)
        else:
            done = asyncio.get_running_loop().run_in_executor(self._executor, self._flush, rows, baselines)
            done.add_done_callback(self._flushed)

    def _hand_over(self) -> tuple[_Rows, dict[str, Reading]]:
        """Called on the loop's own thread only: what is gathered changes hands whole."""
        rows, baselines = self._waiting, self._baselines
        self._waiting, self._baselines = [], {}
        return rows, baselines

    def _flushed(self, done: asyncio.Future[None]) -> None:
        error = None if done.cancelled() else done.exception()
        if error is not None:
            log.error("journal_broken", error=str(error), help="readings are not being kept; look at the disk")
        self._news(False)

    def _flush(self, rows: _Rows, baselines: dict[str, Reading]) -> None:
        """Commit what was gathered. A full disk costs readings, never an exception: the bus goes on."""
        if not rows:
            return
        try:
            self._transaction(lambda: self._insert(rows, baselines))
        except JournalFull as error:
            self._drop(rows)
            log.error("journal_full", dropped=self._dropped, error=str(error))
            return
        self._sweep()

    def _insert(self, rows: _Rows, baselines: dict[str, Reading]) -> None:
        if self._dropped:
            detail: dict[str, str | int] = {"readings": self._dropped, "since_ms": self._dropped_since_ms}
            rows = [("event", Event(at_ms=_time_of(rows[-1][1]), code="journal_full", detail=detail)), *rows]
        seqs = range(self._next_seq, self._next_seq + len(rows))
        self._db.executemany(
            "INSERT INTO outbox (seq, kind, body) VALUES (?, ?, ?)",
            [
                (seq, kind, self._packed(body) if kind == "reading" else _encode(body))
                for seq, (kind, body) in zip(seqs, rows, strict=True)
            ],
        )
        if baselines:
            self._db.executemany(
                "INSERT INTO baselines VALUES (?, ?) ON CONFLICT (meter) DO UPDATE SET body = excluded.body",
                [(meter, _encode(reading)) for meter, reading in baselines.items()],
            )

        def committed() -> None:
            self._next_seq = seqs.stop
            self._dropped = 0

        self._after_commit.append(committed)

    def _packed(self, reading: Reading) -> bytes:
        """A reading without its names: they are most of its bytes, and the same for every meter of a model."""
        values = reading.values
        number = self._shapes.get(tuple(values)) or self._new_shape(tuple(values))
        return _encode((reading.meter, reading.taken_at_ms, number, tuple(values.values())))

    def _new_shape(self, names: tuple[str, ...]) -> int:
        query = "INSERT INTO shapes (names) VALUES (?)"
        number = self._db.execute(query, (_encode(names),)).lastrowid
        assert number is not None
        self._shapes[names], self._names[number] = number, names
        self._after_rollback.append(lambda: self._shapes.pop(names, None))
        return number

    def _unpacked(self, body: bytes) -> Reading:
        return _reading_of(body, self._names)

    def _drop(self, rows: _Rows) -> None:
        if not self._dropped:
            self._dropped_since_ms = _time_of(rows[0][1])
        self._dropped += len(rows)

    # --- the disk limit -----------------------------------------------------------------------------------------------

    def _sweep(self) -> None:
        """Over the limit the oldest readings go, and an event says which."""
        if self.bytes_used() <= self._bytes_max:
            return
        with contextlib.suppress(JournalFull):
            self._transaction(self._sweep_oldest)

    def _sweep_oldest(self) -> None:
        query = "SELECT seq, body FROM outbox WHERE kind = 'reading' ORDER BY seq LIMIT ?"
        rows = self._db.execute(query, (SWEEP_ROWS,)).fetchall()
        if not rows:
            return
        self._db.execute("DELETE FROM outbox WHERE kind = 'reading' AND seq <= ?", (rows[-1][0],))
        first, last = (self._unpacked(body).taken_at_ms for _, body in (rows[0], rows[-1]))
        detail: dict[str, str | int] = {"readings": len(rows), "from_ms": first, "to_ms": last}
        self._insert([("event", Event(at_ms=last, code="swept_out", detail=detail))], {})

    def bytes_used(self) -> int:
        """Without counting rows: pages in use."""
        (pages,) = self._db.execute("PRAGMA page_count").fetchone()
        (free,) = self._db.execute("PRAGMA freelist_count").fetchone()
        return int(pages - free) * self._page_bytes

    # --- orders: durable when the call returns ------------------------------------------------------------------------

    async def take(self, order: Order, *, now: int) -> Taken:
        """Journal an order and its TAKEN answer. From here on it is never forgotten. Raises JournalFull."""
        taken: Taken = await self._durably(lambda: self._take(order, now))
        self._news(True)
        return taken

    def _take(self, order: Order, now: int) -> Taken:
        row = self._db.execute("SELECT body, answer FROM orders WHERE order_id = ?", (order.order_id,)).fetchone()
        took = Answer(order_id=order.order_id, meter=order.meter, outcome=Outcome.TAKEN, at_ms=now)
        if row is None:
            self._db.execute(
                "INSERT INTO orders (order_id, meter, is_money, taken_at_ms, body) VALUES (?, ?, ?, ?, ?)",
                (order.order_id, order.meter, int(is_money(order.kind)), now, _encode(order)),
            )
            self._queue(took)
            return Taken.NEW
        body, answer = row
        if answer is not None:
            self._queue_again(_decode_answer(answer))
            return Taken.ENDED
        if order.cancel and not _decode_order(body).cancel:
            self._db.execute("UPDATE orders SET body = ? WHERE order_id = ?", (_encode(order), order.order_id))
        self._queue_again(took)
        return Taken.KNOWN

    def _queue_again(self, answer: Answer) -> None:
        if answer.order_id not in self._unacked:
            self._queue(answer)

    def _queue(self, answer: Answer) -> None:
        self._insert([("answer", answer)], {})
        self._after_commit.append(lambda: self._unacked.__setitem__(answer.order_id, self._next_seq - 1))

    async def step(self, order_id: str, step: Step) -> None:
        """Journal one step. Only when this returned may the bytes that depend on it leave. Raises JournalFull."""
        await self._durably(lambda: self._step(order_id, step))

    def _step(self, order_id: str, step: Step) -> None:
        self._db.execute(
            "INSERT INTO steps SELECT ?1, coalesce(max(number), 0) + 1, ?2 FROM steps WHERE order_id = ?1",
            (order_id, _encode(step)),
        )

    async def end(self, answer: Answer) -> None:
        """Journal how an order ended, and queue the answer until it is acknowledged. Raises JournalFull."""
        await self._durably(lambda: self._end(answer))
        self._news(True)

    def _end(self, answer: Answer) -> None:
        query = "UPDATE orders SET answer = ? WHERE order_id = ? AND answer IS NULL"
        if self._db.execute(query, (_encode(answer), answer.order_id)).rowcount:
            self._queue(answer)

    async def open_orders(self) -> list[OpenOrder]:
        """In the order in which they were taken."""
        orders: list[OpenOrder] = await self._run(self._open_orders)
        return orders

    def _open_orders(self) -> list[OpenOrder]:
        rows = self._db.execute("SELECT order_id, body FROM orders WHERE answer IS NULL ORDER BY number").fetchall()
        return [OpenOrder(order=_decode_order(body), steps=self._steps(order_id)) for order_id, body in rows]

    def _steps(self, order_id: str) -> tuple[Step, ...]:
        rows = self._db.execute("SELECT body FROM steps WHERE order_id = ? ORDER BY number", (order_id,))
        return tuple(_decode_step(body) for (body,) in rows)

    # --- the centre ---------------------------------------------------------------------------------------------------

    async def pending(self, limit: int) -> Pending:
        """The oldest rows that the centre has not acknowledged, at most `limit`, committed."""
        rows, baselines = self._hand_over()
        return await self._run(lambda: self._pending(limit, rows, baselines))

    def _pending(self, limit: int, gathered: _Rows, baselines: dict[str, Reading]) -> Pending:
        self._flush(gathered, baselines)
        query = "SELECT seq, kind, body FROM outbox ORDER BY seq LIMIT ?"
        rows = self._db.execute(query, (limit,)).fetchall()
        last_seq = rows[-1][0] if rows else self._next_seq - 1
        more = len(rows) == limit and last_seq + 1 < self._next_seq
        query = "SELECT body FROM outbox WHERE kind = 'answer' AND seq > ? ORDER BY seq LIMIT ?"
        ahead = self._db.execute(query, (last_seq, ANSWERS_AHEAD_MAX)).fetchall() if more else []
        return Pending(
            first_seq=rows[0][0] if rows else last_seq + 1,
            last_seq=last_seq,
            readings=[self._unpacked(body) for _, kind, body in rows if kind == "reading"],
            answers=[_decode_answer(body) for _, kind, body in rows if kind == "answer"],
            events=[_decode_event(body) for _, kind, body in rows if kind == "event"],
            health=[_decode_health(body) for _, kind, body in rows if kind == "health"],
            ahead=[_decode_answer(body) for (body,) in ahead],
            more=more,
        )

    async def acknowledge(self, seq: int) -> None:
        """The centre has everything up to `seq` on its disk: forget it. Numbers of the future are not believed."""
        await self._run(lambda: self._acknowledge(min(seq, self._next_seq - 1)))

    def _acknowledge(self, seq: int) -> None:
        if seq <= self.acked_seq:
            return
        with contextlib.suppress(JournalFull):  # then it is sent and acknowledged again
            self._transaction(lambda: self._forget(seq))
            self.acked_seq = seq
            self._unacked = {order_id: at for order_id, at in self._unacked.items() if at > seq}

    def _forget(self, seq: int) -> None:
        self._db.execute("DELETE FROM outbox WHERE seq <= ?", (seq,))
        self._put("acked_seq", str(seq).encode())

    async def forget_settled(self, *, now: int) -> None:
        """Orders that are not about money and were acknowledged long ago. Money is kept for ever."""
        await self._durably(lambda: self._forget_settled(now - SETTLED_LIFE_MS))

    def _forget_settled(self, before_ms: int) -> None:
        query = "SELECT order_id FROM orders WHERE answer IS NOT NULL AND is_money = 0 AND taken_at_ms < ?"
        settled = [row for row in self._db.execute(query, (before_ms,)).fetchall() if row[0] not in self._unacked]
        self._db.executemany("DELETE FROM steps WHERE order_id = ?", settled)
        self._db.executemany("DELETE FROM orders WHERE order_id = ?", settled)

    # --- what is remembered -------------------------------------------------------------------------------------------

    async def baselines(self) -> dict[str, Reading]:
        """The last good full reading of each meter."""
        query = "SELECT meter, body FROM baselines ORDER BY meter"
        return await self._run(lambda: {meter: _decode_reading(body) for meter, body in self._db.execute(query)})

    async def config(self) -> Config | None:
        body = await self.recall("config")
        return None if body is None else _decode_config(body)

    async def save_config(self, config: Config) -> None:
        await self.remember("config", _encode(config))

    async def remember(self, key: str, value: bytes) -> None:
        """Keep a small thing durably: keys, configuration. Raises JournalFull."""
        await self._durably(lambda: self._put(key, value))

    async def recall(self, key: str) -> bytes | None:
        return await self._run(lambda: self._get(key))

    def _get(self, key: str) -> bytes | None:
        row = self._db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return None if row is None else bytes(row[0])

    def _put(self, key: str, value: bytes) -> None:
        query = "INSERT INTO meta VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value"
        self._db.execute(query, (key, value))

    def on_news(self, callback: Callable[[bool], None]) -> None:
        """Called when rows for the centre were committed; with True when they shall not wait."""
        self._news = callback

    # --- the disk -----------------------------------------------------------------------------------------------------

    async def _durably(self, work: Callable[[], T]) -> T:
        return await self._run(lambda: self._transaction(work))

    async def _run(self, work: Callable[[], T]) -> T:
        if self._executor is None:
            return work()
        return await asyncio.get_running_loop().run_in_executor(self._executor, work)

    def _transaction(self, work: Callable[[], T]) -> T:
        """All of it on the disk, or none. On a full disk the oldest readings make room once."""
        try:
            return self._attempt(work)
        except sqlite3.OperationalError as error:
            if not _is_full(error):
                raise
        try:
            self._attempt(self._sweep_oldest)
            return self._attempt(work)
        except sqlite3.OperationalError as error:
            if not _is_full(error):
                raise
            raise JournalFull(f"the disk under the journal is full ({error}); nothing was sent to a meter") from error

    def _attempt(self, work: Callable[[], T]) -> T:
        self._after_commit: list[Callable[[], None]] = []
        self._after_rollback: list[Callable[[], object]] = []
        self._db.execute("BEGIN IMMEDIATE")
        try:
            result = work()
            self._db.execute("COMMIT")
        except BaseException:
            with contextlib.suppress(sqlite3.Error):
                self._db.execute("ROLLBACK")
            for undo in self._after_rollback:
                undo()
            raise
        for committed in self._after_commit:
            committed()
        return result

    async def close(self) -> None:
        """Commit what was gathered and let go of the file."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        rows, baselines = self._hand_over()
        await self._run(lambda: self._close(rows, baselines))
        if self._executor is not None:
            self._executor.shutdown()

    def _close(self, rows: _Rows, baselines: dict[str, Reading]) -> None:
        self._flush(rows, baselines)
        self._db.close()


def is_money(kind: Kind) -> bool:
    """Opening an account sets a balance: the same care as a recharge."""
    return kind in MONEY_KINDS or kind is Kind.OPEN


def _open(path: str, *, synchronous: str, bytes_max: int) -> sqlite3.Connection:
    if path != ":memory:":
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))  # SQLite gives its log the same mode
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, cached_statements=64)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute(f"PRAGMA synchronous = {synchronous}")
    page_bytes = int(db.execute("PRAGMA page_size").fetchone()[0])
    db.execute(f"PRAGMA max_page_count = {max(64, bytes_max // page_bytes)}")
    db.executescript(_SCHEMA)
    return db


def _shapes(db: sqlite3.Connection) -> dict[tuple[str, ...], int]:
    return {_decode_names(names): number for number, names in db.execute("SELECT number, names FROM shapes")}


def _reading_of(body: bytes, names: dict[int, tuple[str, ...]]) -> Reading:
    meter, taken_at_ms, number, values = _decode_packed(body)
    return Reading(meter=meter, taken_at_ms=taken_at_ms, values=dict(zip(names[number], values, strict=True)))


def _is_full(error: sqlite3.OperationalError) -> bool:
    """A disk that takes nothing more, also where it says so while the log grows."""
    return error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR)


def _time_of(body: Any) -> int:
    """Any row's own time."""
    for name in ("taken_at_ms", "at_ms", "last_answer_at_ms"):
        at: int | None = getattr(body, name, None)
        if at is not None:
            return at
    return 0


def inspect(path: Path | str) -> dict[str, int | str]:
    """What waits in a journal, without disturbing the gateway that writes it. Raises JournalBroken."""
    try:
        with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
            meta = dict(db.execute("SELECT key, value FROM meta WHERE key IN ('boot', 'acked_seq')").fetchall())
            first, last = db.execute("SELECT min(seq), max(seq) FROM outbox").fetchone()
            orders = db.execute(
                "SELECT count(*), coalesce(sum(is_money), 0) FROM orders WHERE answer IS NULL"
            ).fetchone()
            oldest = db.execute("SELECT body FROM outbox WHERE kind = 'reading' ORDER BY seq LIMIT 1").fetchone()
    except sqlite3.Error as error:
        raise JournalBroken(f"{path}: {error}. Is this the directory of a gateway that ran once?") from error
    return {
        "boot": int(meta.get("boot", b"0")),
        "acked_seq": int(meta.get("acked_seq", b"0")),
        "waiting": 0 if first is None else last - first + 1,
        "oldest_reading_ms": 0 if oldest is None else _decode_packed(oldest[0])[1],
        "open_orders": orders[0],
        "open_money_orders": orders[1],
        "bytes": os.path.getsize(path),
    }


def readings(path: Path | str) -> Iterator[Reading]:
    """Every reading still in a journal, oldest first. Raises JournalBroken."""
    try:
        with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
            names = {number: shape for shape, number in _shapes(db).items()}
            for (body,) in db.execute("SELECT body FROM outbox WHERE kind = 'reading' ORDER BY seq"):
                yield _reading_of(body, names)
    except sqlite3.Error as error:
        raise JournalBroken(f"{path}: {error}. Is this the directory of a gateway that ran once?") from error
