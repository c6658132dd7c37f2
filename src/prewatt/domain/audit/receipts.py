"""Statement 5: no sale without its receipt number, and no series with a gap."""

from __future__ import annotations

from collections.abc import Iterator

from prewatt.domain.audit.report import Finding, Report, Tick
from prewatt.domain.vending.models import Refund, Reversal, Sale, Series


def receipts(report: Report, tick: Tick) -> Iterator[Finding]:
    """Walk each series from one to its counter. A number is used once, and the last used is the counter's."""
    known = {series.code: series.last for series in Series.objects.all()}
    used = set(Sale.objects.values_list("series", flat=True).distinct())
    for model in (Refund, Reversal):
        used |= set(model.objects.filter(number__isnull=False).values_list("series", flat=True).distinct())
    for done, code in enumerate(sorted(known.keys() | used)):
        tick("receipts", done, len(known))
        yield from _series(code, known.get(code, 0))
    report.checked["series"] = len(known)
    tick("receipts", len(known), len(known))


def _series(code: str, last: int) -> Iterator[Finding]:
    expected = 1
    for number in _numbers(code):
        if number > expected:
            yield Finding("receipts", "gap", f"{code}-{expected:06d}", f"{number - expected} numbers are missing")
        elif number < expected:
            yield Finding("receipts", "inserted", f"{code}-{number:06d}", "this receipt number is used twice")
            continue
        expected = number + 1
    if expected - 1 != last:
        kind = "removed" if expected - 1 < last else "inserted"
        yield Finding("receipts", kind, f"{code}-{last:06d}", f"counted to {last}, used to {expected - 1}")


def _numbers(code: str) -> Iterator[int]:
    numbers: list[int] = []
    for model in (Sale, Refund, Reversal):
        used = model.objects.filter(series=code, number__isnull=False).values_list("number", flat=True)
        numbers += [int(number) for number in used if number is not None]
    yield from sorted(numbers)
