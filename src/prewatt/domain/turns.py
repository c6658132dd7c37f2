"""Many small transactions instead of one long one, so that whoever sells meanwhile is never kept waiting."""

from __future__ import annotations

import time

from django.db import connection

# SQLite has one writer, and who waits for it looks again at least every 100 ms: he gets in during such a rest.
REST_S = 0.11
WORK_S = 0.3  # so long the small transactions may follow each other before the next rest


class _Turn:
    rested_at_s = 0.0


def give_way() -> None:
    """Call between two transactions of a long piece of work. PostgreSQL lets the others in by itself."""
    if connection.vendor != "sqlite" or connection.in_atomic_block:
        return
    if time.monotonic() - _Turn.rested_at_s >= WORK_S:
        time.sleep(REST_S)
        _Turn.rested_at_s = time.monotonic()
