"""What the commands of `prewatt meter` share: their options, and how they open, run and refuse."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console
from rich.text import Text

from prewatt import profiles
from prewatt.field.cli.device import EXIT_LINE, Device, MeterError, explain
from prewatt.field.line import Line, LineError, Url, UrlError, open_line
from prewatt.profiles import Profile, ProfileError

EXIT_USAGE = 2

EXITS = """Exit codes: 0 done · 2 wrong option, address or profile · 3 silent · 4 damaged or somebody else's answer ·
5 the meter refused · 6 the bus cannot be reached · 7 switched, but the read-back shows otherwise ·
8 the profile or --allow does not permit it. Nothing is sent with 2 and 8."""

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


def device_of(
    url: str, unit: str, profile: str, *, directories: list[Path] | None, allow: str, timeout_s: float
) -> tuple[Device, Profile]:
    """The device with what is allowed, and its whole profile. Refuses in words."""
    where = url_of(url)
    whole = _profile(profile, directories or [])
    confidences = [word.strip() for word in allow.split(",") if word.strip()]
    if unknown := sorted(set(confidences) - {"manual", "observed", "unverified", "simulated"}):
        refuse(f"--allow knows manual, observed, unverified and simulated, not {', '.join(unknown)}", EXIT_USAGE)
    line = line_of(where, whole.protocol)
    number, address = _unit(unit, whole)
    return Device(line, whole.allowed(confidences), unit=number, address=address, timeout_s=timeout_s), whole


def _profile(name: str, directories: list[Path]) -> Profile:
    try:
        if not name:
            known = ", ".join(profiles.names(directories))
            refuse(
                f"Which model is it? --profile NAME or FILE. Known: {known}. `prewatt meter scan` guesses.", EXIT_USAGE
            )
        return profiles.load(name, directories)
    except ProfileError as error:
        refuse(f"{error} `prewatt meter scan` guesses the model.", EXIT_USAGE)


def _unit(text: str, profile: Profile) -> tuple[int, str]:
    if profile.protocol == "dlt645-2007":
        if not (text.isdigit() and len(text) <= 12):
            refuse(f"A DL/T 645 meter is named by the twelve digits on its label, not {text!r}", EXIT_USAGE)
        return 0, text.zfill(12)
    if not text.isdigit() or not 1 <= int(text) <= 255:
        refuse(f"A Modbus meter has a unit from 1 to 247, not {text!r}", EXIT_USAGE)
    return int(text), ""


def url_of(text: str) -> Url:
    try:
        return Url.parse(text)
    except UrlError as error:
        refuse(str(error), EXIT_USAGE)


def line_of(url: Url, protocol: str) -> Line:
    try:
        return open_line(url, protocol=protocol)
    except UrlError as error:
        refuse(str(error), EXIT_USAGE)


async def with_line(device: Device, job: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    """Open, do, close: a serial port is free for others while a person thinks."""
    try:
        await device.line.open()
        return await job()
    except LineError as error:
        raise explain(error, device.line, device.label) from error
    finally:
        device.line.close()


def run(job: Coroutine[Any, Any, Any], *, as_json: bool) -> Any:
    try:
        return asyncio.run(job)
    except MeterError as error:
        refuse(str(error), error.exit_code, as_json=as_json, code=error.code)
    except LineError as error:
        refuse(f"Nothing was sent: {error}.", EXIT_LINE, as_json=as_json, code=error.code)
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


def refuse(message: str, exit_code: int, *, as_json: bool = False, code: str = "refused") -> NoReturn:
    if as_json:
        print_json({"error": code, "message": message})
    else:
        Console(stderr=True).print(Text(message, style="red"))
    raise typer.Exit(exit_code)


def print_json(fact: object) -> None:
    sys.stdout.write(json.dumps(fact, ensure_ascii=False) + "\n")
    sys.stdout.flush()
