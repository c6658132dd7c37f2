"""The worker's loops on real threads, with small pieces of work instead of the domain's."""

from __future__ import annotations

import threading
from datetime import UTC, datetime

from structlog.testing import capture_logs

from prewatt.server.worker import Loop, Worker

NOW = datetime(2026, 11, 22, 2, 42, tzinfo=UTC)


def test_a_failing_loop_is_named_and_the_others_go_on() -> None:
    turns, enough = [], threading.Event()

    def fails(now: datetime) -> int:
        raise RuntimeError("no such table")

    def works(now: datetime) -> int:
        turns.append(now)
        if len(turns) == 5:
            enough.set()
        return 1

    with capture_logs() as said:
        worker = Worker([Loop("broken", 0.01, fails), Loop("sound", 0.01, works)], now=lambda: NOW)
        worker.start()
        assert enough.wait(20)
        assert worker.stop()
    assert {entry["loop"] for entry in said if entry["log_level"] == "error"} == {"broken"}
    assert set(turns) == {NOW}


def test_a_full_batch_is_followed_by_the_next_at_once() -> None:
    waiting, empty = [3000, 3000, 10], threading.Event()

    def take(now: datetime) -> int:
        done = waiting.pop(0)
        if not waiting:
            empty.set()
        return done

    worker = Worker([Loop("seals", 3600.0, take, batch=3000)], now=lambda: NOW)
    worker.start()
    assert empty.wait(20)
    assert worker.stop()


def test_stopping_waits_for_the_piece_of_work_in_hand() -> None:
    begun, finished = threading.Event(), []

    def slow(now: datetime) -> int:
        begun.set()
        threading.Event().wait(0.2)
        finished.append(now)
        return 0

    worker = Worker([Loop("days", 3600.0, slow)], now=lambda: NOW)
    worker.start()
    assert begun.wait(20)
    assert worker.stop()
    assert finished == [NOW]
