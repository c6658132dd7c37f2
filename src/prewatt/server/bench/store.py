"""Readings into PostgreSQL and SQLite beside the limit: a COPY of ready lines into a table of the same layout.

Turn about in one run, medians of CPU time (client and server, user and system) per committed row; both databases wait
for a real disk. Batches are as large as a gateway's.
"""

from __future__ import annotations

import json as json_text
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from prewatt.server.bench.cluster import Cluster, cluster

TARGET_RATIO, TARGET_BYTES = 2.0, 180.0
_ROUNDS = 5
_DJANGO_PART = 10  # the usual way is slow: a tenth of the rows says enough
# name -> (database, job)
_TURNS = {
    "copy_us": ("postgres", "copy"),
    "postgres_us": ("postgres", "store"),
    "sqlite_us": ("sqlite", "store"),
    "postgres_record_us": ("postgres", "record"),
    "sqlite_record_us": ("sqlite", "record"),
    "postgres_django_us": ("postgres", "django"),
    "sqlite_django_us": ("sqlite", "django"),
}


@dataclass(frozen=True)
class Figures:
    copy_us: float  # the limit
    postgres_us: float  # decoded values -> committed rows, each once
    sqlite_us: float
    postgres_record_us: float  # the whole operation: lookup, rows, newest states, marks for closing
    sqlite_record_us: float
    postgres_django_us: float  # bulk_create of model objects, the usual way
    sqlite_django_us: float
    postgres_ratio: float
    sqlite_ratio: float
    postgres_bytes: float  # a reading on the disk, its key included
    sqlite_bytes: float
    rows: int


class Database:
    """A child process on a database of its own."""

    def __init__(self, child: subprocess.Popen[str], server_cpu_s: Callable[[], float]) -> None:
        self._child, self._server_cpu_s = child, server_cpu_s

    def turn(self, job: str, rows: int) -> float:
        """CPU µs per row, this side and the server's."""
        self._ask(f"{job} {rows}", expect="ready")
        before_s = self._server_cpu_s()
        done = json_text.loads(self._ask("go"))
        server_s = self._server_cpu_s() - before_s
        if done["rows"] != rows:
            raise RuntimeError(f"{job}: {done['rows']} of {rows} rows were stored")
        return float(done["cpu_s"] + server_s) / rows * 1e6

    def bytes_per_row(self) -> float:
        return float(self._ask("size 0"))

    def _ask(self, line: str, expect: str = "") -> str:
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        self._child.stdin.write(line + "\n")
        self._child.stdin.flush()
        answer = self._child.stdout.readline().strip()
        if not answer or (expect and answer != expect):
            raise RuntimeError(f"the benchmark's client ended during {line!r}: {answer!r}")
        return answer


def run(*, json: bool = False, rows: int = 25_000) -> None:
    """Measure and print. Needs PostgreSQL's programs."""
    figures = measure(rows=rows, quiet=json or not sys.stderr.isatty())
    if json:
        typer.echo(json_text.dumps({name: round(value, 2) for name, value in asdict(figures).items()}))
    else:
        Console().print(_table(figures))


def measure(*, rows: int, rounds: int = _ROUNDS, quiet: bool = True) -> Figures:
    found: dict[str, list[float]] = {name: [] for name in _TURNS}
    with ExitStack() as stack:
        bar = stack.enter_context(Progress(console=Console(stderr=True), disable=quiet, transient=True))
        task = bar.add_task("store", total=(rounds + 1) * len(_TURNS))
        databases = {
            "postgres": stack.enter_context(_postgres(stack.enter_context(cluster(durable=True)))),
            "sqlite": stack.enter_context(_sqlite()),
        }
        for turn in range(rounds + 1):  # the first is for warming up
            for name, (database, job) in _TURNS.items():
                each_us = databases[database].turn(job, rows // (_DJANGO_PART if job == "django" else 1))
                if turn:
                    found[name].append(each_us)
                bar.advance(task)
        sizes = {name: database.bytes_per_row() for name, database in databases.items()}
    medians = {name: statistics.median(values) for name, values in found.items()}
    return Figures(
        **medians,
        postgres_ratio=medians["postgres_us"] / medians["copy_us"],
        sqlite_ratio=medians["sqlite_us"] / medians["copy_us"],
        postgres_bytes=sizes["postgres"],
        sqlite_bytes=sizes["sqlite"],
        rows=rows,
    )


@contextmanager
def _postgres(own: Cluster) -> Iterator[Database]:
    with _child(own.create("bench")) as child:
        yield Database(child, lambda: _cpu_of_cluster_s(own))


@contextmanager
def _sqlite() -> Iterator[Database]:
    with tempfile.TemporaryDirectory(prefix="prewatt-bench-") as folder, _child(f"sqlite:///{folder}/b.sqlite3") as one:
        yield Database(one, lambda: 0.0)


@contextmanager
def _child(url: str) -> Iterator[subprocess.Popen[str]]:
    environment = os.environ | {
        "PREWATT_DATABASE": url,
        "PREWATT_SECRET_KEY": "bench",
        "DJANGO_SETTINGS_MODULE": "prewatt.server.settings",
    }
    subprocess.run([sys.executable, "-m", "django", "migrate", "-v0"], env=environment, check=True, timeout=300)
    command = [sys.executable, "-m", "prewatt.server.bench.store_client"]
    pipe = subprocess.PIPE
    child = subprocess.Popen(command, env=environment, stdin=pipe, stdout=pipe, text=True)  # noqa: S603  ourselves
    try:
        yield child
    finally:
        child.kill()
        child.wait()


def _cpu_of_cluster_s(own: Cluster) -> float:
    """CPU time of the server and its children, in the kernel's nanoseconds."""
    server = (own.folder / "data" / "postmaster.pid").read_text().split()[0]
    members = [entry for entry in Path("/proc").iterdir() if entry.name == server or _parent(entry) == server]
    return sum(_on_cpu_ns(entry) for entry in members) / 1e9


def _parent(entry: Path) -> str:
    try:
        return (entry / "stat").read_text().rsplit(")", 1)[1].split()[1] if entry.name.isdigit() else ""
    except OSError:  # it ended meanwhile
        return ""


def _on_cpu_ns(entry: Path) -> int:
    try:
        return int((entry / "schedstat").read_text().split()[0])
    except OSError:
        return 0


def _table(figures: Figures) -> Table:
    table = Table(title="CPU µs per committed row", caption=f"{figures.rows} rows a turn, batches of 500, medians")
    for head in ("", "µs", "beside the limit", "bytes a row"):
        table.add_column(head, justify="left" if not head else "right")
    limit = figures.copy_us
    rows = (
        ("COPY of ready lines (the limit)", limit, ""),
        ("prewatt, PostgreSQL", figures.postgres_us, f"{figures.postgres_bytes:.0f}"),
        ("prewatt, SQLite", figures.sqlite_us, f"{figures.sqlite_bytes:.0f}"),
        ("whole operation, PostgreSQL", figures.postgres_record_us, ""),
        ("whole operation, SQLite", figures.sqlite_record_us, ""),
        ("Django bulk_create, PostgreSQL", figures.postgres_django_us, ""),
        ("Django bulk_create, SQLite", figures.sqlite_django_us, ""),
    )
    for name, each_us, size in rows:
        table.add_row(name, f"{each_us:.1f}", f"{each_us / limit:.2f} ×", size)
    table.add_row("target", "", f"≤ {TARGET_RATIO:.0f} ×", f"≤ {TARGET_BYTES:.0f}")
    return table
