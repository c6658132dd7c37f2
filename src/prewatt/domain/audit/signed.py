"""Signed days: each sheet is what its person signed, and its figures still follow from the books."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from prewatt.domain.audit.report import Finding, Report, Tick
from prewatt.domain.ledger import queries as ledger
from prewatt.domain.ledger.models import Seal
from prewatt.domain.reports import day_close
from prewatt.domain.reports.models import DayClose
from prewatt.domain.staff.models import LogEntry


def signed(report: Report, tick: Tick) -> Iterator[Finding]:
    """Every signed day, in the order of the days: seal, signature in the log, figures."""
    days = list(DayClose.objects.select_related("closed_by").order_by("day"))
    logged = _logged()
    for done, closed in enumerate(days):
        tick("signed", done, len(days))
        yield from _one(closed, logged.pop(_target(closed), None))
    for target in sorted(logged):
        yield Finding("signed", "removed", f"signed {target}", "the log says that it was signed, and its sheet is gone")
    yield from _balances(days)
    report.checked["signed_days"] = len(days)
    report.notes["signed_days_without_a_place_in_the_chain"] = sum(not day_close.chain_of(one) for one in days)
    tick("signed", len(days), len(days))


def _target(closed: DayClose) -> str:
    return f"day {closed.day.isoformat()}"


def _logged() -> dict[str, str]:
    """What the operation log, which has a chain of its own, says of each signature: its digest."""
    entries = LogEntry.objects.filter(action="day.sign").values_list("target", "after")
    return {target: str(after.get("sha256", "")) for target, after in entries}


def _one(closed: DayClose, logged: str | None) -> Iterator[Finding]:
    row = f"signed {_target(closed)}"
    if not day_close.untouched(closed):
        yield Finding("signed", "changed", row, "the sheet is not what its own seal was made over")
        return
    if logged is None:
        yield Finding("signed", "inserted", row, "the log knows of no signature under it")
    elif logged != closed.sha256:
        yield Finding("signed", "changed", row, "the log says that another sheet was signed")
    if not Seal.objects.filter(seq=closed.seal_seq, sha256=closed.seal_sha256).exists():
        yield Finding("signed", "changed", row, f"the ledger's seal {closed.seal_seq} is not the one that was signed")
    if day_close.chain_of(closed) and (names := day_close.differing(closed)):
        yield Finding("signed", "mismatch", row, f"these figures do not follow from the books: {', '.join(names)}")


def _balances(days: list[DayClose]) -> Iterator[Finding]:
    """The ledger's balances on each sheet, in one walk along the chain. After a sheet that does not fit the walk goes
    on from what it says, so each is named once.
    """
    balances: dict[str, int] = {}
    after = 0
    placed = [(chain, one.day, one) for one in days if (chain := day_close.chain_of(one))]
    for upto, _day, closed in sorted(placed, key=lambda one: one[:2]):
        said = _moved(closed.figures["ledger"])
        if _added(balances, ledger.sealed_by_code(after_seq=after, upto_seq=upto)) != said:
            row = f"signed {_target(closed)}"
            yield Finding("signed", "mismatch", row, "these figures do not follow from the books: ledger")
        balances, after = said, upto


def _added(one: Mapping[str, int], other: Mapping[str, int]) -> dict[str, int]:
    return _moved({code: one.get(code, 0) + other.get(code, 0) for code in {*one, *other}})


def _moved(balances: Mapping[str, int]) -> dict[str, int]:
    return {code: fen for code, fen in balances.items() if fen}
