"""`prewatt sms`: a text as the messages that a modem sends, and back."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer

from prewatt.domain.notices.modem.dialogue import Modem
from prewatt.domain.notices.modem.port import BAUDS, SerialPort
from prewatt.domain.notices.modem.refusals import Again, ModemError, NotKnown
from prewatt.domain.notices.sms import pdu, reading
from prewatt.domain.notices.sms.parts import TextTooLong

app = typer.Typer(no_args_is_help=True)

EXIT_UNREADABLE = 1
EXIT_USAGE = 2
EXIT_AGAIN = 75
_NEXT = {
    Again.LATER: "The message was not sent; try again in a minute.",
    Again.FEW_TIMES: "The message was not sent; try again, but not for ever.",
    Again.NOT_THIS_NUMBER: "The message was not sent; this number will not take it.",
    Again.NOT_THIS_MESSAGE: "The message was not sent; this text will not go out.",
    Again.CLEAN_UP: "The message was not sent; delete what is stored on the SIM and try again.",
    Again.PERSON: "No message goes out until somebody looks at the modem, its SIM or its contract.",
}


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


@app.command()
def send(  # noqa: PLR0917 - typer calls it by keywords
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What to say.")],
    to: Annotated[str, typer.Option(metavar="NUMBER", help="Whom: digits, + before a country's number.")],
    port: Annotated[str, typer.Option(metavar="PATH", help="The modem's serial port, such as /dev/ttyUSB0.")],
    baud: Annotated[int, typer.Option(help=f"One of {', '.join(map(str, BAUDS))}.")] = 115200,
    wait_s: Annotated[int, typer.Option(min=0, max=600, help="Wait so long for the network's reports.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print the references as JSON.")] = False,
) -> None:
    """Send a text through a modem, once. Exit code 0: it went out; 1: it did not; 75: try again later."""
    if baud not in BAUDS:
        raise typer.BadParameter(f"{baud} is none of {', '.join(map(str, BAUDS))}", param_hint="--baud")
    try:
        messages = pdu.submit(text, to=to, reference=int(time.time()) % 256, report=wait_s > 0)
    except (pdu.BadNumber, TextTooLong) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(EXIT_USAGE) from error
    with _spoken(port, baud) as modem:
        references = [modem.send(one) for one in messages]
        reports = _arrived(modem, references, wait_s)
    if as_json:
        typer.echo(json.dumps({"references": references, "arrived": [reports.get(one) for one in references]}))
        return
    for one in references:
        said = {True: "arrived", False: "did not arrive", None: "handed over"}[reports.get(one)]
        typer.echo(f"{said}: message {one}")


@app.command()
def modem(
    port: Annotated[str, typer.Option(metavar="PATH", help="The modem's serial port, such as /dev/ttyUSB0.")],
    baud: Annotated[int, typer.Option(help=f"One of {', '.join(map(str, BAUDS))}.")] = 115200,
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
) -> None:
    """Whether a modem can send: its signal, its network, its service centre."""
    if baud not in BAUDS:
        raise typer.BadParameter(f"{baud} is none of {', '.join(map(str, BAUDS))}", param_hint="--baud")
    with _spoken(port, baud) as found:
        health = found.health()
    facts = {
        "signal_dbm": health.signal_dbm,
        "registration": health.registration,
        "registered": health.registered,
        "operator": health.operator,
        "service_centre": health.service_centre,
    }
    if as_json:
        typer.echo(json.dumps(facts, ensure_ascii=False))
    else:
        _show(facts)
    if not health.registered:
        raise typer.Exit(EXIT_AGAIN)


@contextmanager
def _spoken(path: str, baud: int) -> Iterator[Modem]:
    """A modem that is awake; what it refuses ends the command with a sentence."""
    try:
        port = SerialPort(path, baud=baud)
        try:
            found = Modem(port)
            found.start()
            yield found
        finally:
            port.close()
    except NotKnown as error:
        typer.echo(f"{error}. It may have gone out: sending it again may deliver it twice.", err=True)
        raise typer.Exit(EXIT_UNREADABLE) from error
    except ModemError as error:
        typer.echo(f"{error}. {_NEXT[error.again]}", err=True)
        later = error.again in {Again.LATER, Again.FEW_TIMES}
        raise typer.Exit(EXIT_AGAIN if later else EXIT_UNREADABLE) from error


def _arrived(modem: Modem, references: list[int], wait_s: int) -> dict[int, bool | None]:
    found: dict[int, bool | None] = {}
    until = time.monotonic() + wait_s
    while time.monotonic() < until and any(found.get(one) is None for one in references):
        found |= {one.reference: one.arrived for one in modem.reports()}
        time.sleep(0.2)
    return found


def _show(fields: dict[str, Any]) -> None:
    for name, value in fields.items():
        if name != "messages":
            typer.echo(f"{name:<24} {json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else value}")
    for number, one in enumerate(fields.get("messages", ()), start=1):
        typer.echo(f"--- {number}")
        _show(one)
