"""Many small transactions instead of one long one, so that whoever sells meanwhile is never kept waiting."""

from __future__ import annotations

import time

from django.db import connection

# SQLite has one writer, and who waits for it looks again at least every 100 ms: he gets in during such a rest.
REST_S = 0.11


def give_way() -> None:
    """Call between two transactions of a long piece of work. PostgreSQL lets the others in by itself."""
    if connection.vendor == "sqlite" and not connection.in_atomic_block:
        time.sleep(REST_S)
