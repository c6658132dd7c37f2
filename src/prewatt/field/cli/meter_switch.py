"""`prewatt meter switch`: once, and then what the meter shows."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any

import typer
from rich.console import Console

from prewatt import profiles
from prewatt.field.cli.device import EXIT_NOT_ALLOWED, EXIT_NOT_OBEYED, Device, MeterError
from prewatt.field.cli.meter_options import (
    DEFAULT_ALLOW,
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
from prewatt.field.gateway.switching import COMMANDED, CONTACT
from prewatt.link.messages import Kind
from prewatt.profiles import NotAllowed
from prewatt.profiles.quantities import as_display

SETTLE_S = 10.0  # how long a contact may take to follow its command
READ_BACK_EVERY_S = 0.5


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
    device, _ = device_of(url, unit, profile, directories=directories, allow=allow, timeout_s=timeout_s)
    try:
        device.profile.command(command.kind.value)
    except NotAllowed as error:
        refuse(str(error), EXIT_NOT_ALLOWED, as_json=as_json)
    names = tuple(sorted({*COMMANDED[command.kind], "relay_closed", "relay_command", "forced"}))
    blocks = device.profile.plan(names)
    if not set(COMMANDED[command.kind]) & set(device.profile.quantities):
        refuse(
            f"{device.profile.name} shows nothing that proves it (with --allow {allow}). Nothing was sent.",
            EXIT_NOT_ALLOWED,
            as_json=as_json,
        )
    before = run(with_line(device, lambda: device.read(blocks)), as_json=as_json)
    if not yes:
        what = _relay_text(before)
        typer.confirm(f"{device.label} at {url} is now {what}. Really switch {command.value}?", abort=True, err=True)
    outcome = run(with_line(device, lambda: _switch(device, command, blocks)), as_json=as_json)
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
        print_json({**fact, "before": as_display(before), "after": as_display(after), "write_error": outcome["write"]})
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
