"""`prewatt bench`: measured beside a peer or a physical limit, in the same run. See docs/benchmarks.md."""

from __future__ import annotations

import importlib
from typing import Annotated, Any

import typer

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Measure against a peer or a physical limit.")

EXIT_MISSING = 2

JsonOption = Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")]


def _run(name: str, **options: Any) -> None:
    """Each benchmark is a module with `run(json=…, …)`, imported when it is called: the gateway needs no database."""
    try:
        module = importlib.import_module(f"prewatt.server.bench.{name}")
    except ModuleNotFoundError as error:
        extra = {
            "store": "prewatt[centre,postgres]",
            "vend": "prewatt[centre,postgres]",
            "console": "prewatt[centre,postgres]",
            "reports": "prewatt[centre,postgres]",
            "fleet": "pymodbus",
            "rate": "prewatt[centre]",
        }
        missing = error.name or ""
        cure = "is not part of this installation" if missing.startswith("prewatt.") else f"install {extra.get(name)}"
        typer.echo(f"`prewatt bench {name}` needs {missing}: {cure}", err=True)
        raise typer.Exit(EXIT_MISSING) from error
    module.run(**options)


@app.command()
def bus(
    *,
    seconds: Annotated[float, typer.Option(min=5.0, help="Seconds of each of the three parts.")] = 20.0,
    baud: Annotated[int, typer.Option(help="Speed of the emulated buses.")] = 9600,
    meters: Annotated[int, typer.Option(min=10, max=200, help="Meters on each bus; more than a second of sweep.")] = 19,
    as_json: JsonOption = False,
) -> None:
    """Eight emulated RS-485 buses of 19 meters: how near to the physical limit, with dead meters, with recharges."""
    _run("bus", json=as_json, seconds=seconds, baud=baud, meters=meters)


@app.command()
def fleet(
    *,
    meters: Annotated[int, typer.Option(min=100, help="How many meters.")] = 2000,
    rounds: Annotated[int, typer.Option(min=1, help="How often each contender reads all of them.")] = 5,
    as_json: JsonOption = False,
) -> None:
    """2,000 meters behind a fast responder: CPU per reading, side by side with a plain pymodbus loop."""
    _run("fleet", json=as_json, meters=meters, rounds=rounds)


@app.command()
def store(*, as_json: JsonOption = False) -> None:
    """Readings into the database: CPU per committed row."""
    _run("store", json=as_json)


@app.command()
def console(
    *,
    meters: Annotated[int, typer.Option(min=100, max=50_000, help="Meters of the site.")] = 10_000,
    rounds: Annotated[int, typer.Option(min=5, max=1000, help="How often each page is asked for.")] = 40,
    as_json: JsonOption = False,
) -> None:
    """The console's pages on a site of 10,000 meters, on SQLite and PostgreSQL, beside a page that says hello."""
    _run("console", json=as_json, meters=meters, rounds=rounds)


@app.command()
def rate(
    *,
    meters: Annotated[int, typer.Option(min=2, max=20_000, help="Meters of the building.")] = 1000,
    rounds: Annotated[int, typer.Option(min=1, max=100, help="How often the building is priced; the best counts.")] = 3,
    as_json: JsonOption = False,
) -> None:
    """A building's year of half-hours priced at once, beside a Decimal loop: CPU per interval, on one core."""
    _run("rate", json=as_json, meters=meters, rounds=rounds)


@app.command()
def reports(
    *,
    meters: Annotated[int, typer.Option(min=100, max=50_000, help="Meters of the site.")] = 10_000,
    years: Annotated[int, typer.Option(min=1, max=10, help="Years of days and sales.")] = 2,
    hours_days: Annotated[int, typer.Option(min=2, help="Days of hours.")] = 60,
    readings_days: Annotated[int, typer.Option(min=1, help="Days of raw readings.")] = 7,
    readings_every: Annotated[int, typer.Option(min=1, max=60, help="Minutes between two raw readings.")] = 15,
    rounds: Annotated[int, typer.Option(min=5, max=1000, help="How often each page is asked for.")] = 20,
    database: Annotated[
        str, typer.Option(help="A database to load and keep, or a loaded one; else one of its own.")
    ] = "",
    as_json: JsonOption = False,
) -> None:
    """Every report's page and a year's files on a site of 10,000 meters with two years behind it."""
    _run(
        "reports",
        json=as_json,
        database=database,
        rounds=rounds,
        meters=meters,
        years=years,
        hours_days=hours_days,
        readings_days=readings_days,
        readings_every_min=readings_every,
    )


@app.command()
def forecast(*, as_json: JsonOption = False) -> None:
    """The forecast of use and of days left on 52 weeks it has not seen, beside two naive ones."""
    _run("forecast", json=as_json)


@app.command()
def vend(*, as_json: JsonOption = False) -> None:
    """Whole sales a second, beside pgbench with the same SQL."""
    _run("vend", json=as_json)
