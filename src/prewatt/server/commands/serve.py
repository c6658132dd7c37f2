"""`prewatt serve`: everything a single site needs, as one process tree."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from prewatt.server import ready, schema
from prewatt.server.processes import port_is_free
from prewatt.server.supervisor import Child, Supervisor

app = typer.Typer(add_completion=False)


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535)] = 8000,
    tls_cert: Annotated[Path | None, typer.Option(exists=True, help="Certificate chain (PEM).")] = None,
    tls_key: Annotated[Path | None, typer.Option(exists=True, help="Its private key (PEM).")] = None,
) -> None:
    """Bring the database up to date, then run pages and worker. A part that dies is started again. Ctrl-C ends all."""
    if (tls_cert is None) != (tls_key is None):
        raise typer.BadParameter("--tls-cert and --tls-key go together.")
    ready.centre()
    if not port_is_free(host, port):
        raise ready.NotThereYet(f"Port {port} on {host} is taken by another program. Choose another with --port.")
    migrate()
    tls = ("--tls-cert", str(tls_cert), "--tls-key", str(tls_key)) if tls_cert else ()
    children = [
        Child("web", command("web", "--host", host, "--port", str(port), *tls)),
        Child("worker", command("worker")),
    ]
    say(f"http{'s' if tls_cert else ''}://{host}:{port}/  (Ctrl-C ends it)")
    raise typer.Exit(Supervisor(children, say=say).run())


def command(*arguments: str) -> tuple[str, ...]:
    """This very program again, in this very interpreter."""
    return (sys.executable, "-m", "prewatt.server.cli", *arguments)


def migrate() -> None:
    from django.db import connections

    schema.bring_up_to_date()
    connections.close_all()  # children open their own


def say(text: str) -> None:
    typer.echo(text, err=True)
