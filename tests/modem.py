"""A GSM modem on a pseudo-terminal: AT commands, delays, refusals, reports, and a cable that is pulled.

It keeps the PDUs that were handed over; what they say is for others to decode.
"""

from __future__ import annotations

import contextlib
import os
import re
import select
import threading
import time
import tty
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

REPORT = "07911326040000F006{mr:02X}{to}6211320190402362113201905023{status:02X}"


@dataclass
class Modem:
    """Set its fields from a test before the command that is to meet them."""

    sim: str = "READY"
    registered: int = 1
    signal: int = 21
    errors: list[int] = field(default_factory=list)  # of the next AT+CMGS, before anything is sent
    failures: list[int] = field(default_factory=list)  # after the PDU was handed over
    silent: set[str] = field(default_factory=set)  # commands it does not answer
    says: list[str] = field(default_factory=list)  # unasked, before the next answer
    swallow: bool = False  # the network takes the message, the modem says nothing
    echo: bool = True
    full: bool = False
    report_status: int | None = None  # sends a delivery report with it after each message that asks for one
    sent: list[str] = field(default_factory=list)
    heard: list[str] = field(default_factory=list)
    _reference: int = 40
    _waiting: int | None = None  # octets of the PDU that it waits for

    def __post_init__(self) -> None:
        self._master, slave = os.openpty()
        tty.setraw(slave)
        self.path, self._slave = os.ttyname(slave), slave
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def unplug(self) -> None:
        self._stop.set()
        self._thread.join(5)
        with contextlib.suppress(OSError):
            os.close(self._slave)
        with contextlib.suppress(OSError):
            os.close(self._master)

    def _run(self) -> None:
        held = b""
        while not self._stop.is_set():
            if not select.select((self._master,), (), (), 0.05)[0]:
                continue
            try:
                held += os.read(self._master, 4096)
            except OSError:
                time.sleep(0.01)  # nobody has it open
                continue
            held = self._take(held)

    def _take(self, held: bytes) -> bytes:
        while True:
            if self._waiting is not None:
                found = re.match(rb"(?s)(.*?)([\x1a\x1b])", held)
                if not found:
                    return held
                held = held[found.end() :]
                self._message(found[1].decode(), ended=found[2] == b"\x1a")
                continue
            line, mark, rest = held.partition(b"\r")
            if not mark:
                return held
            held = rest
            self._command(line.replace(b"\x1b", b"").replace(b"\n", b"").decode("ascii", "replace"))

    def _say(self, *lines: str) -> None:
        os.write(self._master, "".join(f"\r\n{line}\r\n" for line in lines).encode())

    def _command(self, line: str) -> None:
        if not line:
            return
        self.heard.append(line)
        if self.echo:
            os.write(self._master, line.encode() + b"\r")
        if any(line.startswith(one) for one in self.silent):
            return
        while self.says:
            self._say(self.says.pop(0))
        self._answer(line)

    def _answer(self, line: str) -> None:
        answers: dict[str, Callable[[], list[str]]] = {
            "AT+CPIN?": lambda: [f"+CPIN: {self.sim}"],
            "AT+CSQ": lambda: [f"+CSQ: {self.signal},99"],
            "AT+CREG?": lambda: [f"+CREG: 0,{self.registered}"],
            "AT+COPS?": lambda: ['+COPS: 0,0,"CHINA MOBILE"'],
            "AT+CSCA?": lambda: ['+CSCA: "+8613800100500",145'],
            "AT+CGMI": lambda: ["SIMCOM_Ltd"],
            "AT+CGMM": lambda: ["SIM800"],
            "AT+CGMR": lambda: ["Revision:1418B05SIM800L24"],
            "AT+CGSN": lambda: ["353142033840706"],
            "AT+CIMI": lambda: ["460001234567890"],
            "AT+CSCS?": lambda: ['+CSCS: "GSM"'],
            "AT+CSCS=?": lambda: ['+CSCS: ("IRA","GSM","UCS2")'],
            "AT+CSMS?": lambda: ["+CSMS: 0,1,1,1"],
            "AT+CMGF=?": lambda: ["+CMGF: (0,1)"],
            "AT+CPMS=?": lambda: ['+CPMS: ("SM"),("SM"),("SM")'],
        }
        if line == "ATE0":
            self.echo = False
        if line == "AT+CPIN?" and not self.sim:
            self._say("+CME ERROR: 10")
        elif line.startswith("AT+CMGS="):
            self._wants(int(line.removeprefix("AT+CMGS=")))
        elif line.startswith("AT+CMGD="):
            self.full = False
            self._say("OK")
        elif line in answers:
            self._say(*answers[line](), "OK")
        elif (
            line.startswith(("AT+CMEE", "AT+CMGF=0", "AT+CNMI", "AT+CSCS=", "AT+CFUN=", "AT+CPMS=", "AT+CSMS=", "ATE"))
            or line == "AT"
        ):
            self._say("OK")
        else:
            self._say("ERROR")

    def _wants(self, octets: int) -> None:
        if self.full:
            self._say("+CMS ERROR: 322")
        elif self.errors:
            self._say(f"+CMS ERROR: {self.errors.pop(0)}")
        else:
            self._waiting = octets
            os.write(self._master, b"\r\n> ")

    def _message(self, pdu: str, *, ended: bool) -> None:
        wanted, self._waiting = self._waiting, None
        if not ended:
            return
        data = bytes.fromhex(pdu)
        if len(data) - 1 - data[0] != wanted:
            self._say("+CMS ERROR: 304")
        elif self.failures:
            self._say(f"+CMS ERROR: {self.failures.pop(0)}")
        else:
            self._sends(pdu, data)

    def _sends(self, pdu: str, data: bytes) -> None:
        self.sent.append(pdu)
        self._reference = self._reference % 255 + 1
        if self.swallow:
            return
        self._say(f"+CMGS: {self._reference}", "OK")
        first = data[0] + 1
        if self.report_status is not None and data[first] & 0x20:
            digits = data[first + 2]
            to = data[first + 2 : first + 4 + (digits + 1) // 2].hex().upper()
            report = REPORT.format(mr=self._reference, to=to, status=self.report_status)
            self._say(f"+CDS: {len(report) // 2 - 8}", report)


@contextlib.contextmanager
def modem(**given: object) -> Iterator[Modem]:
    found = Modem(**given)  # type: ignore[arg-type]
    try:
        yield found
    finally:
        found.unplug()
