"""`prewatt meter`: any meter, straight from this machine. No gateway, no centre, no database."""

from __future__ import annotations

import asyncio
import json
import sys
from collections import deque
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from prewatt import profiles
from prewatt.field.cli import search
from prewatt.field.cli.device import (
    EXIT_LINE,
    EXIT_NOT_ALLOWED,
    EXIT_NOT_OBEYED,
    EXIT_SILENT,
    Device,
    MeterError,
    explain,
    twice_hint,
)
from prewatt.field.gateway.switching import COMMANDED, CONTACT
from prewatt.field.line import Line, LineError, Url, UrlError, open_line
from prewatt.link.messages import Kind
from prewatt.profiles import NotAllowed, Profile, ProfileError
from prewatt.profiles.quantities import as_display

EXIT_USAGE = 2
FRAMES_SHOWN = 14
SETTLE_S = 10.0  # how long a contact may take to follow its command
READ_BACK_EVERY_S = 0.5

_EXITS = """Exit codes: 0 done · 2 wrong option, address or profile · 3 silent · 4 damaged or somebody else's answer ·
5 the meter refused · 6 the bus cannot be reached · 7 switched, but the read-back shows otherwise ·
8 the profile or --allow does not permit it. Nothing is sent with 2 and 8."""

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="Read, watch, scan or switch any meter, with no centre.",
    epilog=_EXITS,
)

UrlOption = Annotated[
    str,
    typer.Option(
        "--url", help="rtu+tcp://HOST:PORT?baud=9600 | tcp://HOST:PORT | serial:///dev/ttyX?baud=9600&parity=E"
    ),
]
UnitOption = Annotated[
    str, typer.Option("--unit", help="Modbus address 1–247, or the twelve digits of a DL/T 645 meter.")
]
ProfileOption = Annotated[str, typer.Option("--profile", help="The model: a profile's name, or a TOML file.")]
DirectoriesOption = Annotated[
    list[Path] | None, typer.Option("--profiles", help="A directory with profiles of your own; may be repeated.")
]
AllowOption = Annotated[
    str,
    typer.Option("--allow", help="Confidences of a profile that may be used: manual,observed,unverified,simulated."),
]
TimeoutOption = Annotated[float, typer.Option("--timeout", min=0.02, max=30.0, help="Seconds to wait for an answer.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print facts as JSON.")]

DEFAULT_ALLOW = "manual,observed"


class Command(StrEnum):
    """拉闸, 合闸, 保电, 恢复预付费."""

    OFF = "off"
    ON = "on"
    HOLD = "hold"
    RELEASE = "release"

    @property
    def kind(self) -> Kind:
        return {
            Command.OFF: Kind.SWITCH_OFF,
            Command.ON: Kind.SWITCH_ON,
            Command.HOLD: Kind.HOLD,
            Command.RELEASE: Kind.RELEASE,
        }[self]


# --- read


@app.command(epilog=_EXITS)
def read(
    *,
    url: UrlOption,
    unit: UnitOption = "1",
    profile: ProfileOption = "",
    directories: DirectoriesOption = None,
    allow: AllowOption = DEFAULT_ALLOW,
    timeout_s: TimeoutOption = 1.0,
    as_json: JsonOption = False,
) -> None:
    """Read everything that the profile allows, once."""
    device, whole = _device(url, unit, profile, directories=directories, allow=allow, timeout_s=timeout_s)
    values = _run(_with(device, lambda: device.read(_sweep(device.profile))), as_json=as_json)
    fact = _fact(device, values)
    if as_json:
        _print_json(fact)
        return
    console = Console()
    console.print(_table(device, values, fact["taken_at"]))
    if hidden := sorted(set(whole.quantities) - set(device.profile.quantities)):
        confidences = sorted({whole.quantities[name].confidence for name in hidden})
        console.print(f"[dim]{len(hidden)} more with --allow {allow},{','.join(confidences)}[/dim]")
    if hint := twice_hint(device.line):
        Console(stderr=True).print(f"[yellow]{hint}[/yellow]")


def _fact(device: Device, values: dict[str, int]) -> dict[str, Any]:
    taken_at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {"meter": device.label, "taken_at": taken_at, "values": as_display(values)}


def _sweep(profile: Profile) -> tuple[profiles.Block, ...]:
    blocks = profile.sweep_blocks or profile.plan()
    if not blocks:
        _refuse(
            f"Nothing of {profile.name} is published by its maker. Allow more: --allow manual,observed,unverified",
            EXIT_NOT_ALLOWED,
        )
    return blocks


def _table(device: Device, values: dict[str, int], taken_at: str) -> Table:
    table = Table(title=f"{device.label} · {device.profile.title} · {taken_at}", title_justify="left")
    table.add_column("quantity")
    table.add_column("value", justify="right")
    table.add_column("confidence", style="dim")
    quantities = device.profile.quantities
    for name, value in as_display(values).items():
        table.add_row(name, _shown(name, value), quantities[name].confidence)
    return table


def _shown(name: str, value: float) -> str:
    if name == "clock_ms":
        return datetime.fromtimestamp(value / 1000, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    return f"{value:,}"


# --- watch


@app.command(epilog=_EXITS)
def watch(
    *,
    url: UrlOption,
    unit: UnitOption = "1",
    profile: ProfileOption = "",
    directories: DirectoriesOption = None,
    allow: AllowOption = DEFAULT_ALLOW,
    timeout_s: TimeoutOption = 1.0,
    every_s: Annotated[float, typer.Option("--every", min=0.0, help="Seconds between two readings.")] = 1.0,
    count: Annotated[int, typer.Option("--count", min=0, help="Stop after so many readings; 0: Ctrl-C stops.")] = 0,
    as_json: JsonOption = False,
) -> None:
    """Read again and again, with the frames as they pass. With --json one line a reading."""
    device, _ = _device(url, unit, profile, directories=directories, allow=allow, timeout_s=timeout_s)
    _sweep(device.profile)
    show = _json_lines(device) if as_json else None
    _run(_with(device, lambda: _watch(device, every_s, count, show)), as_json=as_json)


Show = Callable[[dict[str, int] | None, MeterError | None], None]


def _json_lines(device: Device) -> Show:
    def show(values: dict[str, int] | None, error: MeterError | None) -> None:
        if values is not None:
            _print_json(_fact(device, values))
        elif error is not None:
            _print_json({"meter": device.label, "error": error.code, "message": str(error)})

    return show


async def _watch(device: Device, every_s: float, count: int, show: Show | None) -> None:
    if show is not None:
        await _repeat(device, every_s, count, show)
        return
    frames: deque[Text] = deque(maxlen=FRAMES_SHOWN)
    device.line.observer = lambda at, direction, data: frames.append(_frame(at, direction, data))
    with Live(console=Console(), auto_refresh=False, transient=False) as live:
        last: dict[str, int] = {}

        def draw(values: dict[str, int] | None, error: MeterError | None) -> None:
            last.update(values or {})
            taken_at = datetime.now(UTC).isoformat(timespec="seconds")
            parts: list[Any] = [_table(device, last, taken_at), *frames, Text(_statistics(device.line), style="dim")]
            if error is not None:
                parts.append(Text(str(error), style="red"))
            live.update(Group(*parts), refresh=True)

        await _repeat(device, every_s, count, draw)


async def _repeat(device: Device, every_s: float, count: int, show: Show) -> None:
    """A reading that fails is shown and the next one tried: on a bad line that is what one watches for."""
    loop = asyncio.get_running_loop()
    done = 0
    while not count or done < count:
        began = loop.time()
        try:
            show(await device.read(_sweep(device.profile)), None)
        except MeterError as error:
            show(None, error)
        done += 1
        if done != count:
            await asyncio.sleep(max(0.0, began + every_s - loop.time()))


def _frame(at: float, direction: str, data: bytes) -> Text:
    arrow, style = ("→", "cyan") if direction == "out" else ("←", "green")
    return Text(f"{at % 1000:8.3f} {arrow} {data.hex(' ')}", style=style, no_wrap=True, overflow="ellipsis")


def _statistics(line: Line) -> str:
    return " · ".join(f"{name} {count}" for name, count in sorted(line.stats.items()) if count)


# --- scan


@app.command(epilog=_EXITS)
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
        _refuse(f"--protocol is modbus or dlt645, not {protocol!r}", EXIT_USAGE)
    addresses = _with_bauds(_url(url), bauds)
    try:
        candidates = [profiles.load(name, directories or ()) for name in profiles.names(directories or ())]
    except ProfileError as error:
        _refuse(str(error), EXIT_USAGE)
    facts = []
    with _progress() as progress:
        for where in addresses:
            line = _line(where, "dlt645-2007" if protocol == "dlt645" else "modbus-rtu")
            dlt = protocol == "dlt645"
            job = _scan_dlt(line, timeout_s, progress) if dlt else _scan(line, numbers, timeout_s, progress)
            found = _run(job, as_json=as_json)
            if guess and not dlt:
                _run(_guess(line, found, candidates, timeout_s), as_json=as_json)
            line.close()
            facts += [_found_fact(where, item) for item in found]
    if as_json:
        _print_json({"found": facts})
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
        _refuse(f"--units is a list such as 1-247 or 1-20,40, not {text!r}", EXIT_USAGE)
    if not chosen or min(chosen) < 1 or max(chosen) > 247:
        _refuse("Modbus units are 1 to 247", EXIT_USAGE)
    return sorted(chosen)


def _with_bauds(url: Url, bauds: str) -> list[Url]:
    if not bauds:
        return [url]
    if url.scheme != "serial":
        _refuse("--bauds works on a serial port only: a serial server has its own setting", EXIT_USAGE)
    return [_url(f"serial://{url.path}?baud={baud}&parity={url.parity}&stop={url.stop}") for baud in bauds.split(",")]


# --- switch


@app.command(epilog=_EXITS)
def switch(
    *,
    command: Annotated[Command, typer.Argument(help="off 拉闸, on 合闸, hold 保电, release 恢复预付费.")],
    url: UrlOption,
    unit: UnitOption = "1",
    profile: ProfileOption = "",
    directories: DirectoriesOption = None,
    allow: AllowOption = DEFAULT_ALLOW,
    timeout_s: TimeoutOption = 1.0,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Switch, once, and read the relay back. Only what the meter shows afterwards counts."""
    device, _ = _device(url, unit, profile, directories=directories, allow=allow, timeout_s=timeout_s)
    try:
        device.profile.command(command.kind.value)
    except NotAllowed as error:
        _refuse(str(error), EXIT_NOT_ALLOWED, as_json=as_json)
    names = tuple(sorted({*COMMANDED[command.kind], "relay_closed", "relay_command", "forced"}))
    blocks = device.profile.plan(names)
    if not set(COMMANDED[command.kind]) & set(device.profile.quantities):
        _refuse(
            f"{device.profile.name} shows nothing that proves it (with --allow {allow}). Nothing was sent.",
            EXIT_NOT_ALLOWED,
            as_json=as_json,
        )
    before = _run(_with(device, lambda: device.read(blocks)), as_json=as_json)
    if not yes:
        what = _relay_text(before)
        typer.confirm(f"{device.label} at {url} is now {what}. Really switch {command.value}?", abort=True, err=True)
    outcome = _run(_with(device, lambda: _switch(device, command, blocks)), as_json=as_json)
    _tell_outcome(device, command, before, outcome, as_json=as_json)


async def _switch(device: Device, command: Command, blocks: tuple[profiles.Block, ...]) -> dict[str, Any]:
    """The write leaves once; reading goes on until the meter shows it, or the contact had its time to follow."""
    loop = asyncio.get_running_loop()
    unanswered = await device.command(command.kind.value, now=datetime.now(UTC))
    until = loop.time() + SETTLE_S
    after: dict[str, int] = {}
    failure: MeterError | None = None
    while True:
        try:
            after, failure = await device.read(blocks), None
        except MeterError as error:
            failure = error
        obeyed, contact = _obeyed(command, after), _contact_fits(command, after)
        if (obeyed and contact) or loop.time() >= until:
            return {"obeyed": obeyed, "contact": contact, "after": after, "write": unanswered, "failure": failure}
        await asyncio.sleep(READ_BACK_EVERY_S)


def _obeyed(command: Command, values: dict[str, int]) -> bool:
    wanted = COMMANDED[command.kind]
    seen = [name for name in wanted if name in values]
    return bool(seen) and all(values[name] == wanted[name] for name in seen)


def _contact_fits(command: Command, values: dict[str, int]) -> bool:
    wanted = CONTACT.get(command.kind)
    return wanted is None or values.get("relay_closed", wanted) == wanted


def _tell_outcome(
    device: Device, command: Command, before: dict[str, int], outcome: dict[str, Any], *, as_json: bool
) -> None:
    after, obeyed, contact = outcome["after"], outcome["obeyed"], outcome["contact"]
    if as_json:
        fact = {"meter": device.label, "command": command.value, "obeyed": obeyed, "contact_follows": contact}
        _print_json({**fact, "before": as_display(before), "after": as_display(after), "write_error": outcome["write"]})
    elif obeyed and contact:
        Console().print(f"[green]{device.label}: {_relay_text(before)} → {_relay_text(after)}[/green]")
    elif obeyed:
        message = f"{device.label} took the command, but its contact does not follow: {_relay_text(after)}. "
        Console(stderr=True).print(f"[yellow]{message}A breaker may wait for a hand.[/yellow]")
    else:
        why = outcome["failure"] or outcome["write"] or "it shows no change"
        message = (
            f"{device.label} did not switch {command.value}, or cannot be read: {why}. It shows {_relay_text(after)}."
        )
        Console(stderr=True).print(f"[red]{message}[/red]")
    if not obeyed or not contact:
        raise typer.Exit(EXIT_NOT_OBEYED)


def _relay_text(values: dict[str, int]) -> str:
    relay = {0: "off", 1: "on"}.get(values.get("relay_closed", -1), "of unknown contact")
    forced = {0: "prepaid", 1: "forced off", 2: "on hold"}.get(values.get("forced", -1), "")
    return f"{relay} ({forced})" if forced else relay


# --- shared


def _device(
    url: str, unit: str, profile: str, *, directories: list[Path] | None, allow: str, timeout_s: float
) -> tuple[Device, Profile]:
    """The device with what is allowed, and its whole profile. Refuses in words."""
    where = _url(url)
    whole = _profile(profile, directories or [])
    confidences = [word.strip() for word in allow.split(",") if word.strip()]
    if unknown := sorted(set(confidences) - {"manual", "observed", "unverified", "simulated"}):
        _refuse(f"--allow knows manual, observed, unverified and simulated, not {', '.join(unknown)}", EXIT_USAGE)
    line = _line(where, whole.protocol)
    number, address = _unit(unit, whole)
    return Device(line, whole.allowed(confidences), unit=number, address=address, timeout_s=timeout_s), whole


def _profile(name: str, directories: list[Path]) -> Profile:
    try:
        if not name:
            known = ", ".join(profiles.names(directories))
            _refuse(
                f"Which model is it? --profile NAME or FILE. Known: {known}. `prewatt meter scan` guesses.", EXIT_USAGE
            )
        return profiles.load(name, directories)
    except ProfileError as error:
        _refuse(f"{error} `prewatt meter scan` guesses the model.", EXIT_USAGE)


def _unit(text: str, profile: Profile) -> tuple[int, str]:
    if profile.protocol == "dlt645-2007":
        if not (text.isdigit() and len(text) <= 12):
            _refuse(f"A DL/T 645 meter is named by the twelve digits on its label, not {text!r}", EXIT_USAGE)
        return 0, text.zfill(12)
    if not text.isdigit() or not 1 <= int(text) <= 255:
        _refuse(f"A Modbus meter has a unit from 1 to 247, not {text!r}", EXIT_USAGE)
    return int(text), ""


def _url(text: str) -> Url:
    try:
        return Url.parse(text)
    except UrlError as error:
        _refuse(str(error), EXIT_USAGE)


def _line(url: Url, protocol: str) -> Line:
    try:
        return open_line(url, protocol=protocol)
    except UrlError as error:
        _refuse(str(error), EXIT_USAGE)


async def _with(device: Device, job: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    """Open, do, close: a serial port is free for others while a person thinks."""
    try:
        await device.line.open()
        return await job()
    except LineError as error:
        raise explain(error, device.line, device.label) from error
    finally:
        device.line.close()


def _run(job: Coroutine[Any, Any, Any], *, as_json: bool) -> Any:
    try:
        return asyncio.run(job)
    except MeterError as error:
        _refuse(str(error), error.exit_code, as_json=as_json, code=error.code)
    except LineError as error:
        _refuse(f"Nothing was sent: {error}.", EXIT_LINE, as_json=as_json, code=error.code)
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


def _refuse(message: str, exit_code: int, *, as_json: bool = False, code: str = "refused") -> NoReturn:
    if as_json:
        _print_json({"error": code, "message": message})
    else:
        Console(stderr=True).print(Text(message, style="red"))
    raise typer.Exit(exit_code)


def _print_json(fact: object) -> None:
    sys.stdout.write(json.dumps(fact, ensure_ascii=False) + "\n")
    sys.stdout.flush()
