"""`prewatt meter scan`: who is on this bus?"""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from prewatt import profiles
from prewatt.field.cli.device import EXIT_SILENT
from prewatt.field.cli.meter_options import (
    EXIT_USAGE,
    DirectoriesOption,
    JsonOption,
    UrlOption,
    line_of,
    print_json,
    refuse,
    run,
    url_of,
)
from prewatt.field.line import Line, Url, search
from prewatt.profiles import Profile, ProfileError


def scan(
    *,
    url: UrlOption,
    units: Annotated[str, typer.Option("--units", help="For example 1-247 or 1-20,40.")] = "1-247",
    bauds: Annotated[str, typer.Option("--bauds", help="Serial only: for example 9600,4800,2400,1200.")] = "",
    protocol: Annotated[str, typer.Option("--protocol", help="modbus or dlt645.")] = "modbus",
    directories: DirectoriesOption = None,
    timeout_s: Annotated[float, typer.Option("--timeout", min=0.02, max=10.0, help="Seconds to wait each time.")] = 0.3,
    guess: Annotated[bool, typer.Option("--guess/--no-guess", help="Guess the model of what answers.")] = True,
    as_json: JsonOption = False,
) -> None:
    """Find the meters on a bus, guess their models, and notice an address that two meters have. Never writes."""
    numbers = _units(units)
    if protocol not in {"modbus", "dlt645"}:
        refuse(f"--protocol is modbus or dlt645, not {protocol!r}", EXIT_USAGE)
    addresses = _with_bauds(url_of(url), bauds)
    try:
        candidates = [profiles.load(name, directories or ()) for name in profiles.names(directories or ())]
    except ProfileError as error:
        refuse(str(error), EXIT_USAGE)
    facts = []
    with _progress() as progress:
        for where in addresses:
            line = line_of(where, "dlt645-2007" if protocol == "dlt645" else "modbus-rtu")
            dlt = protocol == "dlt645"
            job = _scan_dlt(line, timeout_s, progress) if dlt else _scan(line, numbers, timeout_s, progress)
            found = run(job, as_json=as_json)
            if guess and not dlt:
                run(_guess(line, found, candidates, timeout_s), as_json=as_json)
            line.close()
            facts += [_found_fact(where, item) for item in found]
    if as_json:
        print_json({"found": facts})
    else:
        Console().print(_found_table(facts))
    if not facts:
        raise typer.Exit(EXIT_SILENT)


def _progress() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=Console(stderr=True), transient=True)


async def _scan(line: Line, units: list[int], timeout_s: float, progress: Progress) -> list[search.Found]:
    task = progress.add_task("asking units", total=len(units))
    found: list[search.Found] = []
    async for unit, item in search.find_units(line, units, timeout_s=timeout_s):
        progress.update(task, advance=1, description=f"unit {unit}, found {len(found)}")
        if item is not None:
            found.append(item)
    line.close()
    return found


async def _scan_dlt(line: Line, timeout_s: float, progress: Progress) -> list[search.Found]:
    task = progress.add_task("asking addresses", total=None)
    found: list[search.Found] = []
    async for mask, item in search.find_addresses(line, timeout_s=timeout_s):
        progress.update(task, advance=1, description=f"address {mask}, found {len(found)}")
        if item is not None:
            found.append(item)
    line.close()
    return found


async def _guess(line: Line, found: list[search.Found], candidates: list[Profile], timeout_s: float) -> None:
    for item in found:
        if item.note != "garbled":
            item.profiles = await search.identify(line, item, candidates, timeout_s=timeout_s)
    line.close()


_NOTES = {
    "": "",
    "garbled": "every answer damaged: two meters with this address? wrong parity?",
    "twice": "two meters have this address: more bytes came than one sends",
}


def _found_fact(where: Url, found: search.Found) -> dict[str, Any]:
    return {
        "unit": found.unit,
        "address": found.address,
        "baud": where.baud if where.scheme != "tcp" else None,
        "profiles": found.profiles,
        "note": found.note,
        "hint": _NOTES[found.note],
    }


def _found_table(facts: list[dict[str, Any]]) -> Table:
    table = Table(title=f"{len(facts)} found", title_justify="left")
    for heading in ("meter", "baud", "probably", "note"):
        table.add_column(heading)
    for fact in facts:
        models = " or ".join(fact["profiles"]) or "?"
        table.add_row(fact["address"] or f"unit {fact['unit']}", str(fact["baud"] or ""), models, fact["hint"])
    return table


def _units(text: str) -> list[int]:
    try:
        ranges = [part.partition("-")[::2] for part in text.split(",")]
        chosen = {unit for first, last in ranges for unit in range(int(first), int(last or first) + 1)}
    except ValueError:
        refuse(f"--units is a list such as 1-247 or 1-20,40, not {text!r}", EXIT_USAGE)
    if not chosen or min(chosen) < 1 or max(chosen) > 247:
        refuse("Modbus units are 1 to 247", EXIT_USAGE)
    return sorted(chosen)


def _with_bauds(url: Url, bauds: str) -> list[Url]:
    if not bauds:
        return [url]
    if url.scheme != "serial":
        refuse("--bauds works on a serial port only: a serial server has its own setting", EXIT_USAGE)
    return [url_of(f"serial://{url.path}?baud={baud}&parity={url.parity}&stop={url.stop}") for baud in bauds.split(",")]
