"""Receipt numbers: one up at a time inside the transaction that uses the number, so a rollback leaves no gap.

The series row is the one hot row of a sale. Take the number last: it is held only until the commit.
"""

from __future__ import annotations

from datetime import datetime

from django.db import connection
from django.utils import timezone

SALE, REFUND, REVERSAL = "S", "T", "C"  # 售电, 退电, 冲正; refunds and reversals are red receipts

# After a restore the series' names end with three letters of their own: no number stands on two papers.
_NEXT = """
INSERT INTO vending_series (code, last)
VALUES (%s || COALESCE((SELECT p.series FROM dispatch_restorepoint p ORDER BY p.id DESC LIMIT 1), ''), 1)
ON CONFLICT (code) DO UPDATE SET last = vending_series.last + 1 RETURNING code, last
"""


def next_number(kind: str, now: datetime) -> tuple[str, int]:
    """The series of the site's local year, and its next number. Waits for whoever took the number before."""
    with connection.cursor() as cursor:
        cursor.execute(_NEXT, (f"{kind}{timezone.localdate(now).year}",))
        row = cursor.fetchone()
    return str(row[0]), int(row[1])
