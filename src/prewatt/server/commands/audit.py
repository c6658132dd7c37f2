"""`prewatt audit verify`: can the books be believed?"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from prewatt.server import ready

if TYPE_CHECKING:
    from prewatt.domain.audit.report import Report, Tick

app = typer.Typer(add_completion=False, no_args_is_help=True)

EXIT_FOUND = 1  # something was changed, removed or inserted; 0: the books are clean; 75 and 78: the audit could not run
_SHOWN_MAX = 50


@app.callback()
def audit() -> None:
    """Recompute every seal and balance."""


@app.command()
def verify(
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as one JSON object.")] = False,
) -> None:
    """Recompute seals, balances and receipts, and compare the books with the last reading of each meter.

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
