"""The operation log's chain of seals, laid by the worker in the order in which it saw the entries."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC

from django.db import connection, transaction

from prewatt.domain.staff.models import LogEntry, LogSeal

GENESIS = hashlib.sha256(b"prewatt operation log 1").hexdigest()
_TOGETHER = 1000
SEALS_TOGETHER = 500  # in one transaction
_LOCK = 0x7077_106  # a number of our own for PostgreSQL's advisory locks


def canonical(entry: LogEntry) -> bytes:
    """What a seal covers: every column, as text that can be recomputed anywhere."""
    at = entry.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    content = [
        entry.pk,
        at,
        entry.operator_id,
        entry.operator_name,
        entry.address,
        entry.action,
        entry.target,
        entry.before,
        entry.after,
    ]
    return json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def link(previous: str, content: bytes) -> str:
    return hashlib.sha256(bytes.fromhex(previous) + content).hexdigest()


def seal_log(*, limit: int = SEALS_TOGETHER) -> int:
    """Seal up to `limit` entries that have no seal yet; returns how many. Several workers take turns."""
    if not LogEntry.objects.filter(logseal__isnull=True).exists():
        return 0  # most turns have nothing to do, and take no lock for it
    return _seal_log(limit)


@transaction.atomic
def _seal_log(limit: int) -> int:
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
    last = LogSeal.objects.order_by("-seq").first()
    seq, previous = (last.seq, last.sha256) if last else (0, GENESIS)
    seals = []
    for entry in LogEntry.objects.filter(logseal__isnull=True).order_by("pk")[:limit]:
        seq, previous = seq + 1, link(previous, canonical(entry))
        seals.append(LogSeal(seq=seq, entry=entry, sha256=previous))
    LogSeal.objects.bulk_create(seals, batch_size=500)
    return len(seals)


@dataclass(frozen=True)
class LogFault:
    """The first place where the chain does not hold. `kind`: changed (a row put between shows so too) or removed."""

    seq: int
    entry_id: int | None
    kind: str


def verify_log() -> LogFault | None:
    """Recompute the whole chain; the first fault, or None. Entries not yet sealed are not judged."""
    previous, expected = GENESIS, 1
    while seals := list(LogSeal.objects.filter(seq__gte=expected).order_by("seq")[:_TOGETHER]):
        entries = LogEntry.objects.in_bulk([seal.entry_id for seal in seals])
        for seal in seals:
            if seal.seq != expected:
                return LogFault(expected, None, "removed")
            entry = entries.get(seal.entry_id)
            if entry is None:
                return LogFault(seal.seq, seal.entry_id, "removed")
            previous = link(previous, canonical(entry))
            if previous != seal.sha256:
                return LogFault(seal.seq, entry.pk, "changed")
            expected += 1
    return None
