"""One meter at the end of a line, without a gateway: read it, write to it once, tell people what is wrong."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from prewatt.field.line import Line, LineDown, LineError, NoAnswer
from prewatt.field.line.questions import answered, read_request, write_request
from prewatt.field.wire import dlt645, modbus
from prewatt.field.wire.errors import (
    CorruptEcho,
    CrcMismatch,
    ErrorAnswer,
    ExceptionAnswer,
    Malformed,
    Truncated,
    WireError,
    WrongUnit,
)
from prewatt.profiles import Block, NotAllowed, Profile

EXIT_SILENT = 3
EXIT_WRONG_ANSWER = 4
EXIT_REFUSED = 5
EXIT_LINE = 6
EXIT_NOT_OBEYED = 7
EXIT_NOT_ALLOWED = 8

SWITCH_EXPIRES_S = 300  # DL/T 645: the meter itself refuses a command that arrives later


class MeterError(Exception):
    """What went wrong with this meter, for a person, and the exit code that says it to a script."""

    def __init__(self, message: str, code: str, exit_code: int) -> None:
        super().__init__(message)
        self.code = code
        self.exit_code = exit_code


@dataclass
class Device:
    """A meter and how to reach it. `unit` is its Modbus address; `address` the twelve digits of a DL/T 645 meter."""

    line: Line
    profile: Profile
    unit: int = 1
    address: str = ""
    timeout_s: float = 1.0
    zone_offset_s: int = 8 * 3600

    @property
    def label(self) -> str:
        return self.address or f"unit {self.unit}"

    async def read(self, blocks: tuple[Block, ...]) -> dict[str, int]:
        """Stored values of these blocks. Raises MeterError."""
        values: dict[str, int] = {}
        for block in blocks:
            request = read_request(self.profile, block, unit=self.unit, address=self.address)
            try:
                reply = await self.line.ask(request, timeout_s=self.timeout_s)
            except (LineError, WireError) as error:
                raise explain(error, self.line, self.label) from error
            values |= self.profile.decode(block, answered(reply), self.zone_offset_s)
        return values

    async def command(self, name: str, *, now: datetime) -> str | None:
        """Send a switching command exactly once. Returns why no good answer came; only a read-back decides.

        Raises NotAllowed before anything is sent, MeterError when nothing could be sent.
        """
        try:
            await self.line.ask(self._command_request(name, now), timeout_s=self.timeout_s)
        except LineError as error:
            if not error.sent:
                raise explain(error, self.line, self.label) from error
            return str(error)
        except WireError as error:
            return str(error)
        return None

    def _command_request(self, name: str, now: datetime) -> modbus.Request | dlt645.Control:
        if self.profile.protocol != "dlt645-2007":
            return write_request(self.profile.encode(name, {}), unit=self.unit)
        self.profile.command(name)
        local = now.astimezone(timezone(timedelta(seconds=self.zone_offset_s))) + timedelta(seconds=SWITCH_EXPIRES_S)
        expires = (local.year, local.month, local.day, local.hour, local.minute, local.second)
        return dlt645.Control(self.address, name, expires)


def explain(error: LineError | WireError, line: Line, label: str) -> MeterError:
    """The same fact in words that a person can act on."""
    message, exit_code = _explained(error, label)
    if two := twice_hint(line):
        message += f"\n{two}"
    return MeterError(message, error.code, exit_code)


def _explained(error: LineError | WireError, label: str) -> tuple[str, int]:
    match error:
        case LineDown():
            return f"Nothing was sent: {error}.", EXIT_LINE
        case NoAnswer():
            return (
                f"{label} is silent. Is it powered? Right address, baud and parity? A and B not swapped? "
                "`prewatt meter scan` looks for every meter on the bus.",
                EXIT_SILENT,
            )
        case LineError():
            return f"{error}. A second master on this bus?", EXIT_LINE
        case WrongUnit():
            return (
                f"{label} was asked, but somebody else answered ({error}). Nothing of it was used. "
                "Check the address that the meter itself shows, and that nobody else asks on this bus.",
                EXIT_WRONG_ANSWER,
            )
        case ExceptionAnswer() if error.exception in (10, 11):
            return f"A gateway on the way found {label} silent ({error}).", EXIT_SILENT
        case ExceptionAnswer():
            return (
                f"{label} answered, and refused: {error.name}. Probably another model than this profile describes; "
                "`prewatt meter scan` guesses the model.",
                EXIT_REFUSED,
            )
        case ErrorAnswer():
            return f"{label} answered, and refused: {error}.", EXIT_REFUSED
        case CrcMismatch() | Truncated() | Malformed() | CorruptEcho():
            return (
                f"The answer of {label} came damaged ({error}). Nothing of it was used. Two meters with this address "
                "answering at once look like this; so do a wrong parity, a missing terminator and a loose wire.",
                EXIT_WRONG_ANSWER,
            )
    return f"{label} was asked, and what came is not its answer ({error}). Nothing of it was used.", EXIT_WRONG_ANSWER


def twice_hint(line: Line) -> str:
    """More came than was asked for: the trace that two meters with one address leave."""
    if line.stats["unasked_bytes"] or line.stats["doubled_answer"]:
        return "More bytes came than one meter sends: probably two meters have this address. Unplug one and ask again."
    return ""


__all__ = ["Device", "MeterError", "NotAllowed", "explain", "twice_hint"]
