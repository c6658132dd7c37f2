"""Balances: the last checkpoint plus what came after. Credits count up, debits down."""

from __future__ import annotations

from collections.abc import Iterator

from django.db import connection
from django.db.models import QuerySet, Sum

from prewatt.domain.ledger.accounts import Ref
from prewatt.domain.ledger.models import MOVING, Account, Kind, Transfer

_BALANCE = """
SELECT COALESCE(p.balance_fen, 0)
     + COALESCE((SELECT SUM(t.amount_fen) FROM ledger_transfer t
                 WHERE t.credit_id = a.id AND t.id > COALESCE(p.upto, 0) AND t.kind IN ('posted', 'confirmed')), 0)
     - COALESCE((SELECT SUM(t.amount_fen) FROM ledger_transfer t
                 WHERE t.debit_id = a.id AND t.id > COALESCE(p.upto, 0) AND t.kind IN ('posted', 'confirmed')), 0)
FROM ledger_account a
LEFT JOIN ledger_checkpoint p ON p.account_id = a.id
    AND p.upto = (SELECT MAX(q.upto) FROM ledger_checkpoint q WHERE q.account_id = a.id)
WHERE a.code = %s AND a.owner = %s
"""


# Every account's last checkpoint, and what came after the newest: an account without one there has not moved since.
_BY_CODE = """
SELECT a.code, SUM(x.fen) FROM (
    SELECT b.id AS id, (SELECT p.balance_fen FROM ledger_checkpoint p
                        WHERE p.account_id = b.id ORDER BY p.upto DESC LIMIT 1) AS fen
    FROM ledger_account b
    UNION ALL
    SELECT t.credit_id, t.amount_fen FROM ledger_transfer t WHERE t.kind IN ('posted', 'confirmed')
        AND t.id > (SELECT COALESCE(MAX(q.upto), 0) FROM ledger_checkpoint q)
    UNION ALL
    SELECT t.debit_id, -t.amount_fen FROM ledger_transfer t WHERE t.kind IN ('posted', 'confirmed')
        AND t.id > (SELECT COALESCE(MAX(q.upto), 0) FROM ledger_checkpoint q)
) x JOIN ledger_account a ON a.id = x.id GROUP BY a.code ORDER BY a.code
"""

# The same as the chain of seals had it: up to a checkpoint (0: none), and from there what is sealed up to a number.
_SEALED_BY_CODE = """
SELECT a.code, SUM(x.fen) FROM (
    SELECT p.account_id AS id, p.balance_fen AS fen FROM ledger_checkpoint p
    WHERE p.upto = (SELECT MAX(q.upto) FROM ledger_checkpoint q WHERE q.account_id = p.account_id AND q.upto <= %s)
    UNION ALL
    SELECT t.credit_id, t.amount_fen FROM ledger_seal s JOIN ledger_transfer t ON t.id = s.transfer_id
    WHERE t.kind IN ('posted', 'confirmed') AND t.id > %s AND s.seq > %s AND s.seq <= %s
    UNION ALL
    SELECT t.debit_id, -t.amount_fen FROM ledger_seal s JOIN ledger_transfer t ON t.id = s.transfer_id
    WHERE t.kind IN ('posted', 'confirmed') AND t.id > %s AND s.seq > %s AND s.seq <= %s
) x JOIN ledger_account a ON a.id = x.id GROUP BY a.code ORDER BY a.code
"""


def balance_fen(ref: Ref) -> int:
    """Credits minus debits, confirmed ones only. An account that nothing ever moved has zero."""
    with connection.cursor() as cursor:
        cursor.execute(_BALANCE, tuple(ref))
        row = cursor.fetchone()
    return int(row[0]) if row else 0


def reserved_fen(ref: Ref) -> int:
    """What pending transfers out of the account hold back."""
    return _sum(Transfer.objects.filter(debit__code=ref.code, debit__owner=ref.owner))


def arriving_fen(ref: Ref) -> int:
    """What pending transfers into the account may still bring."""
    return _sum(Transfer.objects.filter(credit__code=ref.code, credit__owner=ref.owner))


def _sum(transfers: QuerySet[Transfer]) -> int:
    found = transfers.filter(kind=Kind.PENDING, resolution__isnull=True).aggregate(total=Sum("amount_fen"))
    return int(found["total"] or 0)


def available_fen(ref: Ref) -> int:
    """What an operation may still take out. Take `operations.lock(ref)` first, or two may take the same."""
    return balance_fen(ref) - reserved_fen(ref)


def balances_by_code() -> dict[str, int]:
    """The accounts of each kind added up; together they are zero."""
    with connection.cursor() as cursor:
        cursor.execute(_BY_CODE)
        return {code: int(fen or 0) for code, fen in cursor.fetchall()}


def sealed_by_code(*, upto_seq: int, after_seq: int = 0, checkpoint: int = 0) -> dict[str, int]:
    """What the transfers with these seals moved, by kind of account. `checkpoint`: one that was laid before `upto_seq`
    was looked up; the sums start from it.
    """
    part = (checkpoint, after_seq, upto_seq)
    with connection.cursor() as cursor:
        cursor.execute(_SEALED_BY_CODE, (checkpoint, *part, *part))
        return {code: int(fen or 0) for code, fen in cursor.fetchall()}


def balances() -> Iterator[tuple[Ref, int]]:
    """Every account with its balance, recomputed from the transfers alone."""
    totals: dict[int, int] = {}
    moving = Transfer.objects.filter(kind__in=MOVING)
    for side, sign in (("credit_id", 1), ("debit_id", -1)):
        for account_id, total in moving.values_list(side).annotate(total=Sum("amount_fen")):
            totals[account_id] = totals.get(account_id, 0) + sign * int(total)
    for account in Account.objects.order_by("code", "owner"):
        yield Ref(account.code, account.owner), totals.get(account.pk, 0)
