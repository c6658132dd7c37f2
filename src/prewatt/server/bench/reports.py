"""The report centre on a large site with years behind it: every page of its room, and the files of a year.

A child process a database loads the site (`reports_load`), asks for every page that the side bar's room "Reports" has,
each as it opens and over a month and a year where it has days to choose, and has the worker's own code write the files.
"""

from __future__ import annotations

import json as json_text
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import typer
from rich.console import Console
from rich.table import Table

from prewatt.server.bench.cluster import cluster

TARGET_P95_MS = 200.0
TARGET_EXPORT_S = 20.0
_TIME_S_MAX = 4 * 3600


def run(*, json: bool, database: str, rounds: int, **size: int) -> None:
    """Measure and print. Without `database` on a PostgreSQL of its own, which goes again."""
    found = measure(database=database, rounds=rounds, **size)
    if json:
        typer.echo(json_text.dumps(found))
    else:
        for table in (_pages(found), _files(found)):
            Console().print(table)


def measure(*, database: str, rounds: int, **size: int) -> dict[str, Any]:
    """See docs/commands.md for what stands in it."""
    load = os.getloadavg()[0]
    with _database(database) as url, tempfile.TemporaryDirectory(prefix="prewatt-bench-data-") as folder:
        environment = os.environ | {
            "PREWATT_DATABASE": url,
            "PREWATT_DATA": folder,
            "PREWATT_SECRET_KEY": "bench",
            "DJANGO_SETTINGS_MODULE": "prewatt.server.settings",
        }
        asked = json_text.dumps(size | {"rounds": rounds})
        command = [sys.executable, "-m", "prewatt.server.bench.reports_client", asked]
        done = subprocess.run(  # noqa: S603 - ourselves
            command, env=environment, stdout=subprocess.PIPE, text=True, check=True, timeout=_TIME_S_MAX
        )
    found: dict[str, Any] = json_text.loads(done.stdout.splitlines()[-1])
    return {"load_before": round(load, 1), "rounds": rounds, **size, **found}


@contextmanager
def _database(url: str) -> Iterator[str]:
    if url:
        yield url
        return
    with cluster(durable=True) as own:
        yield own.create("bench")


def _pages(found: Mapping[str, Any]) -> Table:
    table = Table(
        title=f"Reports of a site with {found['rows']['meters']:,} meters on {found['database']}, milliseconds",
        caption=f"Target: 95 % within {TARGET_P95_MS:.0f} ms. Without socket and browser."
        f" Pages that failed: {', '.join(found['failed']) or 'none'}.",
    )
    for head in ("page", "p50", "p95", "CPU", "queries"):
        table.add_column(head, justify="left" if head == "page" else "right")
    for name, figures in found["pages"].items():
        late = figures["p95_ms"] > TARGET_P95_MS
        table.add_row(
            name,
            f"{figures['p50_ms']:.1f}",
            f"[bold]{figures['p95_ms']:.1f}[/]" if late else f"{figures['p95_ms']:.1f}",
            f"{figures['cpu_ms']:.1f}",
            str(figures["queries"]),
        )
    return table


def _files(found: Mapping[str, Any]) -> Table:
    table = Table(
        title="Excel files over a year, written by the worker", caption=f"Target: within {TARGET_EXPORT_S:.0f} s."
    )
    for head in ("list", "rows", "seconds", "rows/s", "MiB", "progress told"):
        table.add_column(head, justify="left" if head == "list" else "right")
    for name, figures in found["exports"].items():
        table.add_row(
            name,
            f"{figures['rows']:,}",
            f"{figures['seconds']:.1f}",
            f"{figures['rows_s']:,}",
            f"{figures['mib']:.1f}",
            str(figures["told"]),
        )
    return table
