"""The console's pages on a large site, on SQLite and PostgreSQL, each beside the same server's shortest page.

A child process a database loads the site (`demo --scale`'s meters), then asks for each page by Django's test client:
the real WSGI handler with the whole middleware, templates and database, without a socket and a browser. The pages take
turns, so that none has the quieter minute; the first round of each is for warming up and does not count.
"""

from __future__ import annotations

import json as json_text
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager

import typer
from rich.console import Console
from rich.table import Table

from prewatt.server.bench.cluster import cluster

TARGET_P95_MS = 200.0
HELLO = "hello"
_TIME_S_MAX = 1800

# page -> {p50_ms, p95_ms, cpu_ms of the web process (SQLite's work included), queries}
Figures = Mapping[str, Mapping[str, float]]


def run(*, json: bool = False, meters: int = 10_000, rounds: int = 40) -> None:
    """Measure and print. Needs PostgreSQL's programs."""
    found = measure(meters=meters, rounds=rounds)
    if json:
        typer.echo(json_text.dumps({"meters": meters, "rounds": rounds, **found}))
    else:
        Console().print(_table(found, meters))


def measure(*, meters: int, rounds: int) -> dict[str, Figures]:
    """{"sqlite": …, "postgres": …}, one after the other: they would only take each other's time."""
    found: dict[str, Figures] = {}
    for name in ("sqlite", "postgres"):
        with ExitStack() as stack:
            url = stack.enter_context(_DATABASES[name]())
            found[name] = _client(url, meters, rounds)
    return found


@contextmanager
def _sqlite() -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="prewatt-bench-") as folder:
        yield f"sqlite:///{folder}/console.sqlite3"


@contextmanager
def _postgres() -> Iterator[str]:
    with cluster(durable=True) as own:
        yield own.create("bench")


_DATABASES = {"sqlite": _sqlite, "postgres": _postgres}


def _client(url: str, meters: int, rounds: int) -> Figures:
    with tempfile.TemporaryDirectory(prefix="prewatt-bench-data-") as folder:
        environment = os.environ | {
            "PREWATT_DATABASE": url,
            "PREWATT_DATA": folder,
            "PREWATT_SECRET_KEY": "bench",
            "DJANGO_SETTINGS_MODULE": "prewatt.server.settings",
        }
        command = [sys.executable, "-m", "prewatt.server.bench.console_client", str(meters), str(rounds)]
        done = subprocess.run(  # noqa: S603 - ourselves
            command, env=environment, stdout=subprocess.PIPE, text=True, check=True, timeout=_TIME_S_MAX
        )
    found: Figures = json_text.loads(done.stdout.splitlines()[-1])
    return found


def _table(found: Mapping[str, Figures], meters: int) -> Table:
    table = Table(
        title=f"Pages of a site with {meters:,} meters, milliseconds",
        caption=f"Target: 95 % within {TARGET_P95_MS:.0f} ms. Without socket and browser.",
    )
    table.add_column("page")
    for name in found:
        for head in (f"{name} p50", "p95", "CPU", "queries"):
            table.add_column(head, justify="right")
    for page in next(iter(found.values())):
        cells = [
            text
            for figures in found.values()
            for text in (
                f"{figures[page]['p50_ms']:.1f}",
                f"{figures[page]['p95_ms']:.1f}",
                f"{figures[page]['cpu_ms']:.1f}",
                f"{figures[page]['queries']:.0f}",
            )
        ]
        table.add_row(page, *cells)
    return table
