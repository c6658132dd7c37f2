"""`prewatt audit verify`: can the books be believed? `prewatt audit receipt`: can this paper?"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from prewatt.server import ready

if TYPE_CHECKING:
    from prewatt.domain.audit.paper import Checked
    from prewatt.domain.audit.report import Report, Tick

app = typer.Typer(add_completion=False, no_args_is_help=True)

EXIT_FOUND = 1  # something was changed, removed or inserted; 0: the books are clean; 75 and 78: the audit could not run
_SHOWN_MAX = 50


@app.callback()
def audit() -> None:
    """Recompute every seal and balance, and check papers."""


@app.command()
def receipt(
    text: Annotated[str, typer.Argument(metavar="TEXT", help="The text of a receipt's QR code, or its number.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print what was found as one JSON object.")] = False,
) -> None:
    """Check a paper: is its code ours, and what do the books know of it?

    Exit codes: 0 the paper is ours and the books agree (for a number alone: the books have it); 1 it is forged, of
    another site, not in the books, or not as they say; 75 or 78 the books could not be asked.
    """
    ready.centre(migrated=True)
    from prewatt.domain.audit.paper import check

    checked = check(text)
    typer.echo(
        json.dumps(checked.as_dict(), ensure_ascii=False, default=str) if as_json else "\n".join(_paper(checked))
    )
    if not checked.good:
        raise typer.Exit(EXIT_FOUND)


_VERDICTS = {
    "genuine": "GENUINE: the code is ours, and the books say the same.",
    "known": "KNOWN: the books have this number. A number alone proves nothing about the paper.",
    "forged": "FORGED: the code claims to be ours, and its seal is wrong.",
    "differs": "DIFFERS: the code is ours, but the books say something else.",
    "missing": "MISSING: the code is ours, but the books have no such receipt.",
    "unknown": "UNKNOWN: the books have no receipt with this number.",
    "foreign": "FOREIGN: the code is of another site.",
    "unreadable": "UNREADABLE: neither the code of a receipt nor a receipt number.",
}


def _paper(checked: Checked) -> list[str]:
    from django.utils import timezone

    from prewatt.units.values import Money

    told = [_VERDICTS[checked.verdict.value]]
    if checked.said:
        said = checked.said
        told.append(f"  paper: {said.receipt}  {Money(said.amount_fen)} yuan  {timezone.localtime(said.at):%F %T}")
    if not checked.books:
        return told
    books = checked.books
    told.append(f"  books: {books.receipt}  {Money(books.amount_fen)} yuan  {timezone.localtime(books.at):%F %T}")
    told.append(f"  {books.kind} to {books.customer} ({books.customer_number}) by {books.operator}")
    told += [
        f"  {one.receipt}: {Money(one.amount_fen)} yuan, {one.tender}, meter {one.meter}, {one.state}"
        for one in books.lines
    ]
    told += [
        f"  {'names' if one.first else 'turned round by'} {one.receipt} ({one.kind}, {Money(one.amount_fen)} yuan)"
        for one in books.related
    ]
    told += [
        f"  {'printed' if one.nth == 1 else f'reprint {one.nth - 1}'} {timezone.localtime(one.at):%F %T} by {one.by}"
        for one in books.prints
    ] or ["  never printed"]
    seal = "not laid yet" if books.seal is None else f"no. {books.seal} holds"
    told.append(f"  seal of its money: {seal if books.seal_holds else 'DOES NOT HOLD'}")
    return told


@app.command()
def verify(
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as one JSON object.")] = False,
) -> None:
    """Recompute seals, balances, receipts and signed days, and compare the books with the last reading of each meter.

    Exit codes: 0 clean; 1 something is not as it was booked (the first row is named); 75 or 78 the audit could not run.
    """
    ready.centre(migrated=True)
    report = _run(quiet=as_json or not sys.stderr.isatty())
    typer.echo(json.dumps(report.as_dict(), ensure_ascii=False) if as_json else _told(report))
    if not report.ok:
        raise typer.Exit(EXIT_FOUND)


def _run(*, quiet: bool) -> Report:
    from rich.console import Console
    from rich.progress import Progress

    from prewatt.domain.audit.verify import verify as recompute

    with Progress(console=Console(stderr=True), disable=quiet, transient=True) as bar:
        tasks: dict[str, object] = {}

        def tick(check: str, done: int, total: int) -> None:
            if check not in tasks:
                tasks[check] = bar.add_task(check, total=total)
            bar.update(tasks[check], completed=done, total=max(total, 1))  # type: ignore[arg-type]

        one: Tick = tick
        return recompute(one)


def _told(report: Report) -> str:
    looked = ", ".join(f"{count} {name}" for name, count in report.checked.items())
    notes = [f"  {name.replace('_', ' ')}: {count}" for name, count in report.notes.items() if count]
    if report.ok:
        return "\n".join([f"Clean. Looked at {looked}.", *notes])
    lines = [f"  {one.check} {one.kind}: {one.row}: {one.what}" for one in report.findings[:_SHOWN_MAX]]
    if len(report.findings) > _SHOWN_MAX:
        lines.append(f"  … and {len(report.findings) - _SHOWN_MAX} more (--json shows them)")
    head = f"NOT CLEAN: {len(report.findings)} findings; the first is {lines[0].strip()}"
    return "\n".join([head, *lines, f"Looked at {looked}.", *notes])
