"""`prewatt import`: an estate from Excel."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from prewatt.server import ready

if TYPE_CHECKING:
    from prewatt.domain.estate.importing.plan import Plan

app = typer.Typer(add_completion=False, no_args_is_help=True)

EXIT_REFUSED = 1  # cells are wrong and nothing was changed; 2: no such file, or no workbook; 75 and 78: see `ready`
EXIT_USAGE = 2
_SHOWN_MAX = 50
JsonOption = Annotated[bool, typer.Option("--json", help="Print what was found as one JSON object.")]


@app.callback()
def import_() -> None:
    """Bring an estate in from Excel: buildings, rooms, gateways, buses, meters, customers."""


@app.command()
def template(
    file: Annotated[Path, typer.Argument(help="The workbook to write, e.g. estate.xlsx", dir_okay=False)],
    force: Annotated[bool, typer.Option("--force", help="Write over a file that is there.")] = False,
) -> None:
    """Write an empty workbook with every sheet and column, and one example row each."""
    ready.centre(database=False)
    from prewatt.domain.estate.importing.workbook import write_template

    if file.exists() and not force:
        typer.echo(f"{file} is there already; it was left as it is. Give another name, or --force.", err=True)
        raise typer.Exit(EXIT_USAGE)
    try:
        write_template(file)
    except OSError as error:
        typer.echo(f"{file} cannot be written: {error}", err=True)
        raise typer.Exit(EXIT_USAGE) from error
    typer.echo(f"Wrote {file}. Replace the example rows, then: prewatt import estate {file} --check")


@app.command()
def estate(
    file: Annotated[Path, typer.Argument(help="The filled-in workbook (.xlsx)")],
    check: Annotated[bool, typer.Option("--check", help="Only look; change nothing.")] = False,
    skip_bad: Annotated[bool, typer.Option("--skip-bad", help="Import the good rows and leave out the bad.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Read a workbook, name every bad cell, and import it: all rows or none.

    Rows that are there already, just so, are left alone: the same file twice is once.
    Exit codes: 0 imported (or, with --check, importable); 1 cells are wrong; 2 the file cannot be read.
    """
    ready.centre(migrated=True)
    from django.utils import translation

    from prewatt.domain.estate.importing import plan as planning
    from prewatt.domain.estate.importing import workbook

    translation.activate("en")  # the command line speaks English, whatever the site's pages speak
    try:
        plan = planning.check(workbook.read(file))
    except workbook.WorkbookRefused as error:
        if as_json:
            typer.echo(json.dumps({"ok": False, "error": str(error)}, ensure_ascii=False))
        typer.echo(str(error), err=True)
        if isinstance(error, workbook.NoSheet):
            typer.echo("prewatt import template estate.xlsx writes one.", err=True)
        raise typer.Exit(EXIT_USAGE) from error
    done = not check and (skip_bad or not plan.problems)
    if done:
        _write_or_exit(plan, file, quiet=as_json or not sys.stderr.isatty())
    typer.echo(json.dumps(_facts(plan, done), ensure_ascii=False) if as_json else _told(plan, check, done))
    if plan.problems and not (done and skip_bad):
        raise typer.Exit(EXIT_REFUSED)


def _write_or_exit(plan: Plan, file: Path, *, quiet: bool) -> None:
    from django.db import IntegrityError

    try:
        _write(plan, file, quiet=quiet)
    except IntegrityError as error:
        typer.echo("Somebody changed the estate at the same time. Nothing was imported; run it again.", err=True)
        raise typer.Exit(ready.EXIT_TRY_AGAIN) from error


def _write(plan: Plan, file: Path, *, quiet: bool) -> None:
    from rich.console import Console
    from rich.progress import Progress

    from prewatt.domain.estate.importing.writing import write

    with Progress(console=Console(stderr=True), disable=quiet, transient=True) as bar:
        task = bar.add_task("import", total=sum(plan.counts().values()))
        write(
            plan,
            operator=None,
            now=datetime.now(UTC),
            source=file.name,
            tick=lambda kind, rows: bar.update(task, advance=rows, description=kind),
        )


def _facts(plan: Plan, done: bool) -> dict[str, object]:
    problems = [
        {"sheet": one.sheet, "cell": one.cell, "column": one.column, "problem": one.text} for one in plan.problems
    ]
    return {
        "ok": not plan.problems,
        "imported": done,
        "new": plan.counts(),
        "unchanged": plan.unchanged,
        "bad_rows": plan.bad_rows,
        "problems": problems,
    }


def _told(plan: Plan, check: bool, done: bool) -> str:
    new = ", ".join(f"{count} {kind}" for kind, count in plan.counts().items() if count) or "nothing"
    same = sum(plan.unchanged.values())
    lines = [f"  {one}" for one in plan.problems[:_SHOWN_MAX]]
    if len(plan.problems) > _SHOWN_MAX:
        lines.append(f"  … and {len(plan.problems) - _SHOWN_MAX} more (--json shows them)")
    if done:
        head = f"Imported {new}." + (f" {plan.bad_rows} bad rows were left out:" if plan.problems else "")
    elif plan.problems:
        head = f"{plan.bad_rows} bad rows. Nothing was changed. Correct these cells and import the file again:"
    else:
        head = f"Every cell is good: {new} would be imported." if check else "Nothing to import."
    return "\n".join([head, *lines, *([f"{same} rows were there already."] if same else [])])
