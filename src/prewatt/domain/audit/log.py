"""The operation log: the same chain, over what people did."""

from __future__ import annotations

from collections.abc import Iterator

from prewatt.domain.audit.report import Finding, Report, Tick
from prewatt.domain.staff.models import LogSeal
from prewatt.domain.staff.sealing import verify_log


def log(report: Report, tick: Tick) -> Iterator[Finding]:
    """The first entry that was changed or removed."""
    total = LogSeal.objects.count()
    tick("log", 0, total)
    fault = verify_log()
    if fault is not None:
        row = f"seal {fault.seq}" if fault.entry_id is None else f"log entry {fault.entry_id}"
        yield Finding("log", fault.kind, row, f"the operation log does not fit its seal {fault.seq}")
    report.checked["log_seals"] = total
    tick("log", total, total)
