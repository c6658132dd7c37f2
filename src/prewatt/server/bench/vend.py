"""Sales a second on PostgreSQL with a real disk: a cluster of our own, `ledger.post` beside pgbench with the same SQL.

Turn about in one run, medians: a machine that is busy is busy for both. Whole sales are made by eight processes.
"""

from __future__ import annotations

import json as json_text
import os
import re
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from prewatt.server.bench.cluster import Cluster, cluster

CLIENTS = 8
TARGET_RATIO, TARGET_TPS, TARGET_P95_MS = 0.7, 200, 50
_ROUNDS = 8

# The statement of `ledger.post`, with a fresh key each time.
_PGBENCH = r"""
\set number random(1, 9000000000000000000)
INSERT INTO ledger_transfer (key, kind, cause_kind, cause_id, amount_fen, debit_id, credit_id, at)
SELECT 'pgbench:' || :number, 'posted', 'sale', 'bench', 100, d.id, c.id, now() FROM ledger_account d, ledger_account c
WHERE d.code = 'tender' AND d.owner = 'cash' AND c.code = 'wallet' AND c.owner = '1'
ON CONFLICT (key) DO NOTHING RETURNING id;
"""


@dataclass(frozen=True)
class Figures:
    tps: float  # whole sales a second, all clients together
    p50_ms: float
    p95_ms: float
    post_tps: float  # ledger.post, one client
    pgbench_tps: float  # the same statement by pgbench, one client
    post_ratio: float
    clients: int
    sales: int


def run(*, json: bool = False, seconds: float = 8.0) -> None:
    """Measure and print. Needs PostgreSQL's programs; whole sales are made for `seconds`."""
    figures = measure(seconds=seconds, quiet=json or not sys.stderr.isatty())
    if json:
        typer.echo(json_text.dumps({name: _short(value) for name, value in asdict(figures).items()}))
    else:
        Console().print(_table(figures))


def measure(*, seconds: float, quiet: bool = True) -> Figures:
    with cluster(durable=True) as own, Progress(console=Console(stderr=True), disable=quiet, transient=True) as bar:
        task = bar.add_task("vend", total=_ROUNDS + 2)
        environment = _ready(own)
        bar.advance(task)
        pairs = []
        with _started("post", 1, environment) as clients:
            for _ in range(_ROUNDS):
                pairs.append((len(_together(clients, 1)), _pgbench(own)))
                bar.advance(task)
        with _started("sell", CLIENTS, environment) as clients:
            spent_ms = _together(clients, seconds)
        bar.advance(task)
    return Figures(
        tps=len(spent_ms) / seconds,
        p50_ms=statistics.median(spent_ms),
        p95_ms=statistics.quantiles(spent_ms, n=20)[-1],
        post_tps=statistics.median(ours for ours, _ in pairs),
        pgbench_tps=statistics.median(theirs for _, theirs in pairs),
        post_ratio=statistics.median(ours / theirs for ours, theirs in pairs),
        clients=CLIENTS,
        sales=len(spent_ms),
    )


def _ready(own: Cluster) -> dict[str, str]:
    environment = os.environ | {
        "PREWATT_DATABASE": own.create("bench"),
        "PREWATT_SECRET_KEY": "bench",
        "DJANGO_SETTINGS_MODULE": "prewatt.server.settings",
    }
    for arguments in (
        ("-m", "django", "migrate", "-v0", "--skip-checks"),
        ("-m", "prewatt.server.bench.vend_client", "prepare"),
    ):
        subprocess.run([sys.executable, *arguments], env=environment, check=True, timeout=300)  # noqa: S603  ourselves
    return environment


_Client = subprocess.Popen[str]


@contextmanager
def _started(job: str, count: int, environment: dict[str, str]) -> Iterator[list[_Client]]:
    """So many clients, all of them ready to begin; ended afterwards."""
    command = [sys.executable, "-m", "prewatt.server.bench.vend_client", job]
    pipe = subprocess.PIPE
    clients = [
        subprocess.Popen(command, env=environment, stdin=pipe, stdout=pipe, text=True)  # noqa: S603  ourselves
        for _ in range(count)
    ]
    try:
        for client in clients:
            if _line(client) != "ready":
                raise RuntimeError("a client of the benchmark did not start; what it printed stands above")
        yield clients
    finally:
        for client in clients:
            client.kill()
            client.wait()


def _together(clients: list[_Client], seconds: float) -> list[float]:
    """Milliseconds of every call of all clients, who begin together."""
    for client in clients:
        assert client.stdin is not None
        client.stdin.write(f"{seconds}\n")
        client.stdin.flush()
    return [spent for client in clients for spent in json_text.loads(_line(client))]


def _line(client: _Client) -> str:
    assert client.stdout is not None
    return client.stdout.readline().strip()


def _pgbench(own: Cluster) -> float:
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "post.sql"
        script.write_text(_PGBENCH)
        Path(folder).chmod(0o755)
        script.chmod(0o644)
        where = ("-h", "127.0.0.1", "-p", str(own.port), "-U", "prewatt")
        printed = own.call("pgbench", "-n", "-c", "1", "-T", "1", "-f", str(script), *where, "bench")
    found = re.search(r"tps = ([\d.]+)", printed)
    if found is None:
        raise RuntimeError(f"pgbench printed no rate:\n{printed}")
    return float(found[1])


def _short(value: float) -> float:
    return value if isinstance(value, int) else round(value, 3)


def _table(figures: Figures) -> Table:
    table = Table("what", "measured", "target", title="vend: PostgreSQL with fsync, on this machine")
    table.add_row("ledger.post, 1 client", f"{figures.post_tps:.0f}/s", "")
    table.add_row("pgbench, same SQL, 1 client", f"{figures.pgbench_tps:.0f}/s", "")
    table.add_row("ratio", f"{figures.post_ratio:.2f}", f"≥ {TARGET_RATIO}")
    table.add_row(f"whole sale, {figures.clients} clients", f"{figures.tps:.0f}/s", f"≥ {TARGET_TPS}/s")
    table.add_row("  median", f"{figures.p50_ms:.1f} ms", "")
    table.add_row("  95 % within", f"{figures.p95_ms:.1f} ms", f"≤ {TARGET_P95_MS} ms")
    return table
