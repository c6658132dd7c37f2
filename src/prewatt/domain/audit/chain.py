"""Seals: walk the chain from its beginning and recompute every link from the transfers as they are now."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.models import Max

from prewatt.domain.audit.report import Finding, Report, Tick
from prewatt.domain.ledger.models import Account, Checkpoint, DaySeal, Seal, Transfer
from prewatt.domain.ledger.sealing import GENESIS, canonical, link

_CHUNK = 2000
_TICK = 5000


def seals(report: Report, tick: Tick) -> Iterator[Finding]:
    """Every seal in order.

    After a broken link the walk goes on from the stored seal, so each tampered row is named once.
    """
    total = Seal.objects.aggregate(last=Max("seq"))["last"] or 0
    accounts = {account.pk: account for account in Account.objects.all()}
    previous, expected, done = GENESIS, 1, 0
    for seal, transfer in _sealed():
        if seal.seq != expected:
            yield Finding(
                "seals",
                "removed",
                f"seal {expected}",
                f"seals {expected} to {seal.seq - 1} and what they sealed are gone",
            )
        yield from _one(previous, seal, transfer, accounts)
        previous, expected, done = seal.sha256, seal.seq + 1, done + 1
        if done % _TICK == 0:
            tick("seals", done, total)
    report.checked["seals"] = done
    tick("seals", done, total)
    yield from _unsealed(report)


def _sealed() -> Iterator[tuple[Seal, Transfer | None]]:
    """Pairs in the order of the chain; None where the transfer is gone.

    In chunks, so that a long ledger fits in memory.
    """
    seq = 0
    while True:
        chunk = list(Seal.objects.filter(seq__gt=seq).order_by("seq")[:_CHUNK])
        if not chunk:
            return
        transfers = Transfer.objects.in_bulk([seal.transfer_id for seal in chunk])
        for seal in chunk:
            yield seal, transfers.get(seal.transfer_id)
        seq = chunk[-1].seq


def _one(previous: str, seal: Seal, transfer: Transfer | None, accounts: dict[int, Account]) -> Iterator[Finding]:
    row = f"transfer {seal.transfer_id}"
    if transfer is None:
        yield Finding("seals", "removed", row, f"seal {seal.seq} stands for a transfer that is gone")
        return
    if transfer.debit_id not in accounts or transfer.credit_id not in accounts:
        yield Finding("seals", "removed", row, "one of its accounts is gone")
        return
    transfer.debit, transfer.credit = accounts[transfer.debit_id], accounts[transfer.credit_id]
    if link(previous, canonical(transfer)) != seal.sha256:
        yield Finding("seals", "changed", row, f"{transfer} is not what seal {seal.seq} sealed")


def _unsealed(report: Report) -> Iterator[Finding]:
    """New transfers wait for the worker. Below the last checkpoint everything was sealed: what has no seal there came
    later.
    """
    horizon = Checkpoint.objects.aggregate(upto=Max("upto"))["upto"] or 0
    waiting = Transfer.objects.filter(seal__isnull=True).order_by("pk")
    for transfer in waiting.filter(pk__lte=horizon)[:100]:
        yield Finding(
            "seals", "inserted", f"transfer {transfer.pk}", f"{transfer} appeared where everything was sealed already"
        )
    report.notes["unsealed"] = waiting.filter(pk__gt=horizon).count()


def days(report: Report, tick: Tick) -> Iterator[Finding]:
    """The seal that was written down (and printed) when a day was closed is still in the chain."""
    kept = list(DaySeal.objects.order_by("day"))
    chain = dict(Seal.objects.filter(seq__in=[day.seq for day in kept]).values_list("seq", "sha256"))
    for day in kept:
        if chain.get(day.seq) != day.sha256:
            kind = "removed" if day.seq not in chain else "changed"
            yield Finding(
                "days", kind, f"seal {day.seq}", f"the seal of {day.day} is not the one written down that day"
            )
    report.checked["days"] = len(kept)
    tick("days", len(kept), len(kept))
