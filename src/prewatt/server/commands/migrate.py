"""`prewatt migrate`: bring the database up to date."""

from __future__ import annotations

import typer

from prewatt.server import ready, schema

app = typer.Typer(add_completion=False)


@app.command()
def migrate() -> None:
    """Bring the database up to date. Safe to run again; does nothing when there is nothing to do."""
    ready.centre()
    schema.bring_up_to_date()
    typer.echo("The database is up to date.")
