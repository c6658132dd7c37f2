"""`verify`: recompute everything. What was tampered with is named, the first row first."""

from __future__ import annotations

from prewatt.domain.audit.books import causes, ledger
from prewatt.domain.audit.chain import days, seals
from prewatt.domain.audit.log import log
from prewatt.domain.audit.meters import meters
from prewatt.domain.audit.receipts import receipts
from prewatt.domain.audit.report import FINDINGS_MAX, Check, Finding, Report, Tick
from prewatt.domain.audit.signed import signed
from prewatt.domain.reconciliation.rule import one_view

CHECKS: tuple[Check, ...] = (seals, days, ledger, causes, receipts, meters, log, signed)


def quiet(check: str, done: int, total: int) -> None:
    """For callers that draw no progress bar."""


def verify(tick: Tick = quiet, *, findings_max: int = FINDINGS_MAX) -> Report:
    """Run every check on one unchanging view of the database, up to so many findings. Changes and blocks nothing."""
    report = Report()
    with one_view():
        for check in CHECKS:
            for finding in check(report, tick):
                report.findings.append(finding)
                if len(report.findings) >= findings_max:
                    return report
    return report


__all__ = ["Finding", "Report", "verify"]
