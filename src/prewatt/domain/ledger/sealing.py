"""Seals: a chain over everything that was booked, in the order the worker saw it. Checkpoints: sums, so that balances
stay cheap.

Transfers get their ids before they are committed, so a smaller id may appear after a larger one. The chain therefore
follows
its own numbers (`seq`), and a checkpoint is laid only after every writer in flight has finished.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from datetime import UTC, date, datetime

from django.db import connection, transaction
from django.db.models import Max
from django.db.utils import OperationalError

from prewatt.domain.ledger.models import Checkpoint, DaySeal, Seal, Transfer
from prewatt.domain.turns import give_way

GENESIS = hashlib.sha256(b"prewatt ledger 1").hexdigest()
_SEAL_LOCK = 0x7077_5EA1  # a number of our own for PostgreSQL's advisory locks
_LOCK_WAIT_MS = 300
SEALS_TOGETHER = 500  # in one transaction: who sells meanwhile waits for tens of milliseconds


def canonical(transfer: Transfer) -> bytes:
    """What a seal covers: every column, with accounts by name. Text, so that it can be recomputed from paper."""
    at = transfer.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    content = [
        transfer.pk,
        transfer.key,
        transfer.kind,
        transfer.resolves_id,
        transfer.cause_kind,
        transfer.cause_id,
        transfer.amount_fen,
        str(transfer.debit),
        str(transfer.credit),
        at,
    ]
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()


def link(previous: str, content: bytes) -> str:
    """The next seal of a chain."""
    return hashlib.sha256(bytes.fromhex(previous) + content).hexdigest()


def seal(*, limit: int = SEALS_TOGETHER) -> int:
    """Seal up to `limit` transfers that have none yet. Returns how many. Safe to run in several workers: they take
    turns.
    """
    if not _unsealed(1):  # most turns have nothing to do, and take no lock for it
        return 0
    with transaction.atomic():
        _one_sealer()
        last = Seal.objects.order_by("-seq").first()
        seq, previous = (last.seq, last.sha256) if last else (0, GENESIS)
        fresh = _unsealed(limit)
        seals = []
        for transfer in fresh:
            seq, previous = seq + 1, link(previous, canonical(transfer))
            seals.append(Seal(seq=seq, transfer=transfer, sha256=previous))
        Seal.objects.bulk_create(seals, batch_size=500)
    return len(seals)


def _one_sealer() -> None:
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", (_SEAL_LOCK,))


def _unsealed(limit: int) -> Sequence[Transfer]:
    """Below the last checkpoint everything is sealed and nothing can appear any more (see `checkpoint`)."""
    horizon = Checkpoint.objects.aggregate(upto=Max("upto"))["upto"] or 0
    found = Transfer.objects.filter(pk__gt=horizon, seal__isnull=True).select_related("debit", "credit")
    return list(found.order_by("pk")[:limit])


_CHECKPOINT = """
INSERT INTO ledger_checkpoint (account_id, upto, balance_fen, laid_at)
SELECT a.id, %s, COALESCE(p.balance_fen, 0)
     + COALESCE((SELECT SUM(t.amount_fen) FROM ledger_transfer t WHERE t.credit_id = a.id
                 AND t.id > COALESCE(p.upto, 0) AND t.id <= %s AND t.kind IN ('posted', 'confirmed')), 0)
     - COALESCE((SELECT SUM(t.amount_fen) FROM ledger_transfer t WHERE t.debit_id = a.id
                 AND t.id > COALESCE(p.upto, 0) AND t.id <= %s AND t.kind IN ('posted', 'confirmed')), 0), %s
FROM ledger_account a
LEFT JOIN ledger_checkpoint p ON p.account_id = a.id
    AND p.upto = (SELECT MAX(q.upto) FROM ledger_checkpoint q WHERE q.account_id = a.id)
WHERE EXISTS (SELECT 1 FROM ledger_transfer t WHERE t.id > %s AND t.id <= %s
              AND (t.credit_id = a.id OR t.debit_id = a.id))
"""


def checkpoint(*, now: datetime, every: int = 1000) -> int:
    """Lay a checkpoint for every account that moved since the last one, once at least `every` transfers have gathered.

    Returns the id up to which balances are now summed, or 0 when there was nothing to do or a writer would not let us
    in
    (the next turn tries again). Everything below is sealed first, in the same transaction.
    """
    before = Checkpoint.objects.aggregate(upto=Max("upto"))["upto"] or 0
    newest = Transfer.objects.aggregate(newest=Max("pk"))["newest"] or 0
    if newest - before < every:
        return 0
    while seal():
        give_way()
    try:
        with transaction.atomic():
            _wait_for_writers()
            return _lay(before, now)
    except OperationalError:
        return 0


def _lay(before: int, now: datetime) -> int:
    while seal():
        pass
    upto = int(Transfer.objects.aggregate(newest=Max("pk"))["newest"] or 0)
    at = connection.ops.adapt_datetimefield_value(now)
    with connection.cursor() as cursor:
        cursor.execute(_CHECKPOINT, (upto, upto, upto, at, before, upto))
    return upto


def _wait_for_writers() -> None:
    """PostgreSQL: let every transfer in flight finish and hold new ones back for this moment.

    SQLite has one writer anyway.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL lock_timeout = {_LOCK_WAIT_MS}")
            cursor.execute("LOCK TABLE ledger_transfer IN SHARE MODE")


def seal_day(*, day: date, now: datetime) -> DaySeal | None:
    """Write down the chain's last seal when a business day is closed. The first word stands; None while nothing is
    sealed.
    """
    while seal():
        give_way()
    last = Seal.objects.order_by("-seq").first()
    if last is None:
        return None
    laid, _created = DaySeal.objects.get_or_create(
        day=day, defaults={"seq": last.seq, "sha256": last.sha256, "laid_at": now}
    )
    return laid
