"""`prewatt torture`: many seeds, side by side on the machine's cores, one verdict."""

from __future__ import annotations

import gc
import json
import multiprocessing
import os
import sys
from collections.abc import Callable, Iterator
from enum import StrEnum
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from prewatt.server.torture.result import SeedResult, summary

app = typer.Typer(help="The seeded whole-building run: only time, line and process death are simulated.")
SEEDS_MAX = 1_000_000


class Level(StrEnum):
    mild = "mild"
    rough = "rough"
    brutal = "brutal"


def parse_seeds(text: str) -> range:
    """`7` is one seed, `1..200` both ends included."""
    first, _, last = text.partition("..")
    try:
        seeds = range(int(first), int(last or first) + 1)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r}: give one seed (7) or a range with both ends included (1..200)") from error
    if not 0 < len(seeds) <= SEEDS_MAX:
        raise typer.BadParameter(f"{text!r} holds {max(len(seeds), 0)} seeds; between 1 and {SEEDS_MAX} can run")
    return seeds


def _work(job: dict[str, Any]) -> SeedResult:
    from prewatt.server.torture.run import Plot, run_seed

    return run_seed(Plot(**job))


def _each(jobs: list[dict[str, Any]], workers: int) -> Iterator[SeedResult]:
    if workers == 1 or len(jobs) == 1:
        yield from map(_work, jobs)
        return
    with multiprocessing.get_context("spawn").Pool(min(workers, len(jobs)), _collect_seldom) as pool:
        yield from pool.imap_unordered(_work, jobs)


def _collect_seldom() -> None:
    """A seed makes few cycles and many rows: looking for the one among the other was a twentieth of its time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 20, 50)


def run_all(jobs: list[dict[str, Any]], workers: int, done: Callable[[SeedResult], None]) -> list[SeedResult]:
    """Every seed's result, in seed order whatever the order they ended in."""
    results = []
    for result in _each(jobs, workers):
        results.append(result)
        done(result)
    return sorted(results, key=lambda result: result.seed)


def _explain(console: Console, facts: dict[str, Any]) -> None:
    console.print(
        f"{facts['seeds']} seeds x {facts['days']} days: {facts['sales']} sales, {facts['orders']} money orders, "
        f"{facts['frames']} frames, {facts['faults']} faults, {facts['kills']} kills, "
        f"{facts['decided']} decided by a person"
    )
    console.print(f"double {facts['double']}   lost {facts['lost']}   unexplained {facts['unexplained']}")
    for failure in facts["failed"]:
        console.print(f"\nseed {failure['seed']} broke: {', '.join(failure['broken'])}", style="bold red")
        for line in failure["story"]:
            console.print("  " + line, highlight=False, markup=False)
        console.print(f"again: prewatt torture --seeds {failure['seed']}")


@app.callback(invoke_without_command=True)
def torture(  # noqa: PLR0917 - a command's options
    seeds: Annotated[str, typer.Option(help="one seed (7) or a range with both ends (1..200)")] = "1..20",
    days: Annotated[float, typer.Option(help="simulated days a seed", min=0.01, max=400)] = 1.0,
    faults: Annotated[Level, typer.Option(help="how bad the line and the luck are")] = Level.rough,
    meters: Annotated[int, typer.Option(help="meters in the building; 152 is the whole tower", min=1, max=152)] = 3,
    sales: Annotated[float, typer.Option(help="wishes a meter and day: sell, refund, reverse, switch", min=0.1)] = 40.0,
    rules: Annotated[str, typer.Option(help="`good`, or a known-bad strategy that the run must catch")] = "good",
    jobs: Annotated[int, typer.Option(help="processes side by side; 0 is one a core", min=0)] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="facts as JSON")] = False,
) -> None:
    """Exit code 0: all six statements held in every seed. 1: a statement did not hold. 2: the call is wrong."""
    from prewatt.server.torture import database

    database.set_up()
    from prewatt.server.torture.rules import RULES

    if rules not in RULES:
        raise typer.BadParameter(f"--rules {rules!r}: one of {', '.join(RULES)}")
    work = [
        {"seed": seed, "days": days, "level": faults.value, "meters": meters, "sales": sales, "rules": rules}
        for seed in parse_seeds(seeds)
    ]
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=as_json) as progress:
        task = progress.add_task("seeds", total=len(work))
        results = run_all(work, jobs or os.cpu_count() or 1, lambda _: progress.advance(task))
    facts = summary(results)
    if as_json:
        print(json.dumps(facts, ensure_ascii=False))
    else:
        _explain(Console(), facts)
    sys.exit(1 if facts["caught"] else 0)
