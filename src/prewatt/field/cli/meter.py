"""`prewatt meter`: any meter, straight from this machine. No gateway, no centre, no database."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from prewatt import profiles
from prewatt.field.cli import meter_scan, meter_switch
from prewatt.field.cli.device import EXIT_NOT_ALLOWED, Device, MeterError, twice_hint
from prewatt.field.cli.meter_options import (
    DEFAULT_ALLOW,
    EXITS,
    AllowOption,
    DirectoriesOption,
    JsonOption,
    ProfileOption,
    TimeoutOption,
    UnitOption,
    UrlOption,
    device_of,
    print_json,
    refuse,
    run,
    with_line,
)
from prewatt.field.line import Line
from prewatt.profiles import Profile
from prewatt.profiles.quantities import as_display

FRAMES_SHOWN = 14

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="Read, watch, scan or switch any meter, with no centre.",
    epilog=EXITS,
)


# --- read


@app.command(epilog=EXITS)
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
    device, whole = device_of(url, unit, profile, directories=directories, allow=allow, timeout_s=timeout_s)
    values = run(with_line(device, lambda: device.read(_sweep(device.profile))), as_json=as_json)
    fact = _fact(device, values)
    if as_json:
        print_json(fact)
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
        refuse(
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


@app.command(epilog=EXITS)
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
    device, _ = device_of(url, unit, profile, directories=directories, allow=allow, timeout_s=timeout_s)
    _sweep(device.profile)
    show = _json_lines(device) if as_json else None
    run(with_line(device, lambda: _watch(device, every_s, count, show)), as_json=as_json)


Show = Callable[[dict[str, int] | None, MeterError | None], None]


def _json_lines(device: Device) -> Show:
    def show(values: dict[str, int] | None, error: MeterError | None) -> None:
        if values is not None:
            print_json(_fact(device, values))
        elif error is not None:
            print_json({"meter": device.label, "error": error.code, "message": str(error)})

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


app.command(epilog=EXITS)(meter_scan.scan)
app.command(epilog=EXITS)(meter_switch.switch)
