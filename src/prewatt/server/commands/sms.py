"""`prewatt sms`: a text as the messages that a modem sends, and back."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from prewatt.domain.notices.sms import pdu, reading
from prewatt.domain.notices.sms.parts import TextTooLong

app = typer.Typer(no_args_is_help=True)

EXIT_UNREADABLE = 1
EXIT_USAGE = 2


@app.callback()
def main() -> None:
    """Text messages as a modem takes and brings them. 短信"""


@app.command()
def encode(  # noqa: PLR0917 - typer calls it by keywords
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What to say.")],
    to: Annotated[str, typer.Option(metavar="NUMBER", help="Whom: digits, + before a country's number.")],
    reference: Annotated[int, typer.Option(min=0, max=255, help="Tells the parts of one text from another's.")] = 0,
    validity_min: Annotated[
        int, typer.Option(min=1, max=pdu.VALIDITY_MIN_MAX, help="How many minutes the network tries.")
    ] = pdu.DAY_MIN,
    report: Annotated[bool, typer.Option("--report", help="Ask the network whether it arrived.")] = False,
    service_centre: Annotated[str, typer.Option(metavar="NUMBER", help="Without it the SIM's own.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print the messages as JSON.")] = False,
) -> None:
    """A text as PDUs, and for each the number that AT+CMGS takes."""
    try:
        made = pdu.submit(
            text,
            to=to,
            reference=reference,
            validity_min=validity_min,
            report=report,
            service_centre=service_centre,
        )
    except (pdu.BadNumber, TextTooLong) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(EXIT_USAGE) from error
    if as_json:
        typer.echo(json.dumps([{"pdu": one.pdu, "length": one.length} for one in made]))
        return
    for one in made:
        typer.echo(f"AT+CMGS={one.length}\n{one.pdu}")


@app.command()
def decode(
    pdus: Annotated[list[str], typer.Argument(metavar="PDU", help="Messages in hex; several are put together.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print the fields as JSON.")] = False,
) -> None:
    """The fields of messages. Exit code 0: read; 1: it cannot be read, and says where."""
    try:
        found = [reading.read(one) for one in pdus]
    except reading.BadPdu as error:
        typer.echo(f"This is no message: {error}.", err=True)
        raise typer.Exit(EXIT_UNREADABLE) from error
    whole = found[0] if len(found) == 1 else reading.joined(found) | {"messages": found}
    if as_json:
        typer.echo(json.dumps(whole, ensure_ascii=False))
    else:
        _show(whole)


def _show(fields: dict[str, Any]) -> None:
    for name, value in fields.items():
        if name != "messages":
            typer.echo(f"{name:<24} {json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else value}")
    for number, one in enumerate(fields.get("messages", ()), start=1):
        typer.echo(f"--- {number}")
        _show(one)
