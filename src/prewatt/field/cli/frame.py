"""`prewatt frame`: what is in these bytes?"""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from prewatt.field.wire.describe import PROTOCOLS, SIDES, describe, guess_protocol

app = typer.Typer(no_args_is_help=True, help="Decode frames of Modbus and DL/T 645.")

EXIT_FAULT = 1  # the frame has a fault
EXIT_USAGE = 2  # not hex, or an unknown option


@app.callback()
def main() -> None:
    """Decode frames of Modbus and DL/T 645."""


@app.command()
def decode(
    words: Annotated[list[str], typer.Argument(metavar="HEX", help="The bytes in hex; spaces do not matter.")],
    protocol: Annotated[str | None, typer.Option(help=f"One of {', '.join(PROTOCOLS)}; guessed if not given.")] = None,
    side: Annotated[str | None, typer.Option(help="request or response; guessed if not given.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the fields as JSON.")] = False,
) -> None:
    """Tell the fields of one frame. Exit code 0: sound; 1: the frame has a fault, named in `error`; 2: not hex."""
    if protocol is not None and protocol not in PROTOCOLS:
        raise typer.BadParameter(f"{protocol!r} is none of {', '.join(PROTOCOLS)}", param_hint="--protocol")
    if side is not None and side not in SIDES:
        raise typer.BadParameter(f"{side!r} is none of {', '.join(SIDES)}", param_hint="--side")
    data = _bytes(" ".join(words))
    fields = describe(data, protocol, side, full=not as_json)
    if as_json:
        typer.echo(json.dumps(fields, ensure_ascii=False))
    else:
        _show(protocol or guess_protocol(data), fields)
    if fields.get("ok") is False:
        raise typer.Exit(EXIT_FAULT)


def _bytes(text: str) -> bytes:
    for separator in " :,-_\t\n":
        text = text.replace(separator, "")
    try:
        return bytes.fromhex(text.removeprefix("0x"))
    except ValueError:
        typer.echo(f"not hex: {text[:80]!r}. Give pairs of the digits 0-9 and A-F.", err=True)
        raise typer.Exit(EXIT_USAGE) from None


def _show(protocol: str, fields: dict[str, Any], indent: str = "") -> None:
    if not indent:
        typer.echo(f"{'protocol':<12} {protocol}")
    for name, value in fields.items():
        if isinstance(value, dict):
            typer.echo(f"{indent}{name}")
            _show(protocol, value, indent + "  ")
        else:
            shown = " ".join(map(str, value)) if isinstance(value, list) else value
            typer.echo(f"{indent}{name:<12} {shown}")
