"""`prewatt backup`: the whole installation as one file, while it runs."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from uuid import uuid4

import click
import typer

from prewatt.server import ready

if TYPE_CHECKING:
    from prewatt.domain.backups.making import Made

app = typer.Typer(add_completion=False)

LEFT_OUT = (
    "Not encrypted: whoever reads this file reads every name, telephone number and password digest in it. The centre's "
    "secret key and the telephones' second factors are left out: after a restore elsewhere, gateways enrol again and "
    "people set up their second factor again. --encrypt takes everything along."
)


class Refused(click.ClickException):
    """Nothing was kept, and why."""

    exit_code = 1


@app.command()
def backup(
    to: Annotated[Path, typer.Option(help="A folder, or the file to write.")] = Path(),
    encrypt: Annotated[bool, typer.Option("--encrypt", help="Seal it by a passphrase; the keys travel along.")] = False,
    passphrase_file: Annotated[
        Path | None,
        typer.Option(help="Holds the passphrase. Else PREWATT_BACKUP_PASSPHRASE_FILE or PREWATT_BACKUP_PASSPHRASE."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the facts as one JSON object.")] = False,
) -> None:
    """Back up the database, with what else is needed to go on elsewhere, while everything runs.

    Exit codes: 0 made and read back; 1 not made, and why; 75 or 78 it could not begin.
    """
    ready.centre(migrated=True)
    from django.utils import translation

    from prewatt.domain.backups import operations
    from prewatt.domain.backups.refusals import BackupRefused

    translation.activate("en")
    now = datetime.now(UTC)
    try:
        made = _made(to, now, _passphrase(passphrase_file) if encrypt else None, quiet=as_json)
    except BackupRefused as error:
        raise Refused(str(error)) from error
    operations.record(made, run_id=f"command-{uuid4()}", encrypted=encrypt, now=now)
    if not encrypt:
        typer.echo(LEFT_OUT, err=True)
    typer.echo(json.dumps(_facts(made)) if as_json else _told(made))


def _passphrase(file: Path | None) -> str:
    from prewatt.domain.backups import making
    from prewatt.domain.backups.refusals import NoPassphrase

    try:
        return making.passphrase(str(file or ""))
    except NoPassphrase:
        if file is not None or not sys.stdin.isatty():
            raise
        return str(click.prompt("Passphrase", hide_input=True, confirmation_prompt=True, err=True))


def _made(to: Path, now: datetime, passphrase: str | None, *, quiet: bool) -> Made:
    from rich.console import Console
    from rich.progress import Progress

    from prewatt.domain.backups.making import make

    with Progress(console=Console(stderr=True), disable=quiet or not sys.stderr.isatty(), transient=True) as bar:
        task = bar.add_task("backup", total=1.0)
        return make(to, now=now, passphrase=passphrase, alive=lambda done: bar.update(task, completed=done))


def _facts(made: Made) -> dict[str, object]:
    names = ("made_at", "version", "engine", "counts", "seals", "encrypted")
    return {
        "file": str(made.file),
        "bytes": made.bytes,
        "sha256": made.sha256,
        **{name: made.manifest[name] for name in names},
    }


def _told(made: Made) -> str:
    counts = made.manifest["counts"]
    return (
        f"{made.file}: {made.bytes / 1e6:.1f} MB, read back and whole. {counts['ledger_transfer']} transfers, "
        f"{counts['vending_sale']} sales, {counts['estate_meter']} meters. sha256 {made.sha256}"
    )
