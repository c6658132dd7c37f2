"""`prewatt restore`: an installation from a backup, here or elsewhere."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Annotated

import click
import typer

from prewatt.server import ready

app = typer.Typer(add_completion=False)

EXIT_NOT_CLEAN = 1


class Refused(click.ClickException):
    """Nothing was touched, and why."""

    exit_code = 1


@app.command()
def restore(
    *,
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="The backup.")],
    into: Annotated[Path | None, typer.Option(help="Data folder to restore into, instead of PREWATT_DATA.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Move what is there aside, and take its place.")] = False,
    passphrase_file: Annotated[
        Path | None,
        typer.Option(help="Holds the passphrase. Else PREWATT_BACKUP_PASSPHRASE_FILE or PREWATT_BACKUP_PASSPHRASE."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the facts as one JSON object.")] = False,
) -> None:
    """Check a backup, bring it up to this version, audit it, and only then put it in place. Stop prewatt first.

    Exit codes: 0 restored and its books are clean; 1 refused (nothing was touched), or restored and the audit found
    something; 75 or 78 it could not begin.
    """
    from prewatt.domain.backups.refusals import BackupRefused
    from prewatt.server import restoring

    if into is not None:
        os.environ["PREWATT_DATA"] = str(into.absolute())
        if os.environ.get("PREWATT_DATABASE", "").startswith("sqlite:"):
            del os.environ["PREWATT_DATABASE"]
    try:
        done = restoring.restore(file.absolute(), passphrase=_passphrase(file, passphrase_file), force=force)
    except BackupRefused as error:
        raise Refused(str(error)) from error
    typer.echo(json.dumps(done.as_dict(), ensure_ascii=False) if as_json else done.told())
    if not done.report.ok:
        raise typer.Exit(EXIT_NOT_CLEAN)


def _passphrase(file: Path, passphrase_file: Path | None) -> str | None:
    """None for a backup in the open. Read here and not in the domain: there is no installation yet."""
    from prewatt.domain.backups.sealing import is_sealed

    with file.open("rb") as source:
        if not is_sealed(source):
            return None
    named = passphrase_file or os.environ.get("PREWATT_BACKUP_PASSPHRASE_FILE")
    try:
        found = Path(named).read_text().strip("\r\n") if named else os.environ.get("PREWATT_BACKUP_PASSPHRASE")
    except (OSError, UnicodeDecodeError) as error:
        raise ready.WrongSetting(f"The passphrase file {named} cannot be read. Nothing was touched.") from error
    if not found and sys.stdin.isatty():
        found = str(click.prompt("Passphrase", hide_input=True, err=True))
    return found
