"""The dialogue with a modem. One command at a time; what it says of itself meanwhile is kept, and is never an answer.

A message counts as sent when the modem has named its reference. Silence after the PDU went out is `NotKnown`.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from prewatt.domain.notices.modem.port import Port
from prewatt.domain.notices.modem.refusals import Again, ModemError, ModemGone, NotKnown, refusal
from prewatt.domain.notices.sms import reading
from prewatt.domain.notices.sms.pdu import Pdu

CTRL_Z, ESCAPE = b"\x1a", b"\x1b"
ANSWER_S = 10.0
SEND_S = 75.0  # a network takes up to a minute
WAKE_TRIES = 4
BYTES_MAX = 64 * 1024  # of one answer: whoever says more is no modem
KEPT_MAX = 1000
PROMPT = b"> "
_ERROR = re.compile(r"\+(CMS|CME) ERROR: (\d+)")
_OWN = ("+CDS:", "+CDSI:", "+CMT:", "+CMTI:", "+CREG:", "RING", "NO CARRIER", "^", "+CIEV:", "+CUSD:")
_REGISTERED = {0: "not searching", 1: "home", 2: "searching", 3: "refused", 4: "unknown", 5: "roaming"}


@dataclass(frozen=True, slots=True)
class Health:
    """`signal_dbm` is None where the modem does not know it."""

    signal_dbm: int | None
    registration: str
    operator: str
    service_centre: str

    @property
    def registered(self) -> bool:
        return self.registration in {"home", "roaming"}


@dataclass(frozen=True, slots=True)
class Report:
    """`arrived` is None while the network still tries."""

    reference: int
    number: str
    arrived: bool | None
    status: int
    done_at: str


class Modem:
    """Speaks through a port that is open. Every call raises ModemError, whose `again` says what to do, or ModemGone."""

    def __init__(self, port: Port, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._port, self._clock = port, clock
        self._held = b""
        self._said: list[str] = []

    def start(self) -> Health:
        """Wake it, and set it to PDU mode with delivery reports. Safe to call again after anything."""
        self._wake()
        self.command("AT+CMEE=1")
        self._check_sim()
        self.command("AT+CMGF=0")
        for wish in ("AT+CSMS=0", "AT+CNMI=2,1,0,1,0"):  # reports are wished for; some modems know neither
            self._try(wish)
        return self.health()

    def health(self) -> Health:
        return Health(self._signal(), self._registration(), self._operator(), self._service_centre())

    def send(self, one: Pdu) -> int:
        """Hand a message over. Returns the reference that its report will carry. Raises NotKnown, ModemError."""
        self._write(f"AT+CMGS={one.length}\r".encode())
        self._wait_for_prompt()
        try:
            self._write(one.pdu.encode() + CTRL_Z)
            answer = self._answer("AT+CMGS", one.pdu, SEND_S)
        except ModemGone as error:
            raise NotKnown(f"{error}, while a message was handed over") from error
        except _Silent as error:
            raise NotKnown(f"the modem did not answer for {SEND_S:.0f} s after the message was handed over") from error
        for line in answer:
            if found := re.fullmatch(r"\+CMGS: ?(\d+).*", line):
                return int(found[1])
        raise NotKnown("the modem said OK and no reference")

    def clean_up(self) -> None:
        """Delete every stored message: a full SIM takes none, and some then send none."""
        self.command("AT+CMGD=1,4")

    def reports(self) -> list[Report]:
        """Delivery reports that came meanwhile, each once. What cannot be read is dropped."""
        self._listen()
        found, left, lines = [], [], iter(self._said)
        for line in lines:
            if not line.startswith("+CDS:"):
                left.append(line)
                continue
            report = _report(next(lines, ""))
            if report is not None:
                found.append(report)
        self._said = left[-KEPT_MAX:]
        return found

    def command(self, text: str, *, timeout_s: float = ANSWER_S) -> list[str]:
        """The lines of its answer, without the OK. Raises ModemError."""
        self._write(f"{text}\r".encode())
        try:
            return self._answer(text, "", timeout_s)
        except _Silent as error:
            raise ModemError(f"the modem does not answer {text}", again=Again.LATER) from error

    # --- what it is asked -------------------------------------------------------------------------------------------

    def _wake(self) -> None:
        """It may wait for a PDU of ours that was broken off, and echo, and measure our speed by the first letters."""
        for _ in range(WAKE_TRIES):
            self._held = b""
            self._write(ESCAPE + b"\rAT\r")
            try:
                self._answer("AT", "", 2.0)
            except (_Silent, ModemError):
                continue
            self._try("ATE0")
            self._listen()
            return
        raise ModemError("nothing at this port answers AT; is it a modem, and at this speed?", again=Again.PERSON)

    def _check_sim(self) -> None:
        state = self._value("AT+CPIN?", "+CPIN:")
        if state != "READY":
            raise ModemError(f"the SIM cannot be used: it says {state or 'nothing'}", again=Again.PERSON)

    def _signal(self) -> int | None:
        level = self._value("AT+CSQ", "+CSQ:").partition(",")[0].strip()
        return 2 * int(level) - 113 if level.isdigit() and int(level) <= 31 else None

    def _registration(self) -> str:
        state = self._value("AT+CREG?", "+CREG:").partition(",")[2].partition(",")[0].strip()
        return _REGISTERED.get(int(state), "unknown") if state.isdigit() else "unknown"

    def _operator(self) -> str:
        named = re.search(r'"([^"]*)"', self._value("AT+COPS?", "+COPS:"))
        return named[1] if named else ""

    def _service_centre(self) -> str:
        named = re.search(r'"([^"]*)"', self._value("AT+CSCA?", "+CSCA:"))
        return named[1] if named else ""

    def _value(self, text: str, prefix: str) -> str:
        try:
            lines = self.command(text)
        except ModemError as error:
            if error.code is None or error.again is Again.PERSON:
                raise
            return ""
        return next((line.removeprefix(prefix).strip() for line in lines if line.startswith(prefix)), "")

    def _try(self, text: str) -> None:
        try:
            self.command(text)
        except ModemError as error:
            if error.again is Again.LATER and error.code is None:
                raise  # it does not answer at all

    # --- bytes ------------------------------------------------------------------------------------------------------

    def _write(self, data: bytes) -> None:
        self._listen()
        self._port.write(data)

    def _listen(self) -> None:
        """What it says unasked before we speak."""
        while more := self._port.read(0.0):
            self._held += more
            self._check_size()
        for line in self._lines():
            self._said.append(line)
        del self._said[:-KEPT_MAX]

    def _wait_for_prompt(self) -> None:
        """Nothing has gone out before it: whatever happens here, the message may be sent again."""
        until = self._clock() + ANSWER_S
        while not self._held.lstrip(b"\r\n").startswith(PROMPT.rstrip()):
            for line in self._lines():
                if self._judge(line, "AT+CMGS"):  # its echo, or the second line of something that it says of itself
                    self._said.append(line)
            if self._held.lstrip(b"\r\n").startswith(PROMPT.rstrip()):
                break
            if self._clock() >= until or not self._more(until):
                self._port.write(ESCAPE)
                raise ModemError("the modem does not ask for the message", again=Again.LATER)
        self._held = self._held.lstrip(b"\r\n").removeprefix(PROMPT.rstrip()).lstrip(b" ")

    def _judge(self, line: str, asked: str) -> bool:
        """Whether this line is part of the answer. Raises ModemError for a refusal."""
        if found := _ERROR.fullmatch(line):
            raise refusal(int(found[2])) if found[1] == "CMS" else _equipment(int(found[2]))
        if line == "ERROR":
            raise ModemError(f"the modem does not know or not want {asked}", again=Again.FEW_TIMES, code=-1)
        prefix = asked.removeprefix("AT").partition("=")[0].rstrip("?")
        if line.startswith(_OWN) and not (prefix and line.startswith(f"{prefix}:")):
            self._said.append(line)
            return False
        return True

    def _answer(self, asked: str, echo: str, timeout_s: float) -> list[str]:
        until = self._clock() + timeout_s
        found: list[str] = []
        after_report = False
        while True:
            for line in self._lines():
                if after_report:
                    self._said.append(line)
                    after_report = False
                elif line == "OK":
                    return found
                elif line not in {asked, echo} and self._judge(line, asked):
                    found.append(line)
                else:
                    after_report = line.startswith(("+CDS:", "+CMT:"))
            if not self._more(until):
                raise _Silent

    def _more(self, until: float) -> bool:
        more = self._port.read(until - self._clock())
        self._held += more
        self._check_size()
        return bool(more)

    def _check_size(self) -> None:
        if len(self._held) > BYTES_MAX:
            self._held = b""
            raise ModemError("what is at this port talks without end; it is no modem", again=Again.PERSON)

    def _lines(self) -> Iterator[str]:
        """Whole lines; what is not ended yet stays."""
        while (end := self._held.find(b"\n")) >= 0:
            line, self._held = self._held[:end], self._held[end + 1 :]
            text = line.decode("ascii", "replace").strip("\r\n \x00\x1a\x1b")
            if text:
                yield text


class _Silent(Exception):
    pass


def _equipment(code: int) -> ModemError:
    """+CME ERROR (3GPP TS 27.007, clause 9.2): SIM and network; the rest is the command's own."""
    needs = {
        10: "no SIM is inserted",
        11: "the SIM asks for its PIN",
        12: "the SIM asks for its PUK",
        13: "the SIM does not work",
        15: "the SIM does not fit",
        16: "the PIN is wrong",
        17: "the SIM asks for its second PIN",
    }
    if code in needs:
        return ModemError(f"{needs[code]} (+CME ERROR: {code})", again=Again.PERSON, code=code)
    if code in {14, 30, 31}:
        said = {14: "the SIM is busy", 30: "there is no network", 31: "the network did not answer"}[code]
        return ModemError(f"{said} (+CME ERROR: {code})", again=Again.LATER, code=code)
    return ModemError(f"the modem refused the command (+CME ERROR: {code})", again=Again.FEW_TIMES, code=code)


def _report(pdu: str) -> Report | None:
    try:
        fields: dict[str, Any] = reading.read(pdu)
    except reading.BadPdu:
        return None
    if fields["type"] != "STATUS-REPORT":
        return None
    return Report(fields["mr"], fields["number"], fields["arrived"], fields["status"], fields["done_at"])
