"""The modem as a carrier: kept open, looked at, and given one part after the other."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import ClassVar

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from prewatt.domain.notices.carrying import Field, Handed, Letter, Report, Room
from prewatt.domain.notices.modem.dialogue import Modem
from prewatt.domain.notices.modem.port import BAUDS, SerialPort
from prewatt.domain.notices.modem.refusals import Again, ModemError
from prewatt.domain.notices.refusals import CarrierRefused
from prewatt.domain.notices.sms import parts, pdu

LOOK_S = 20.0
# Serial ports only: what is opened here is written to.
PATH = re.compile(r"/dev/(tty[A-Za-z]{1,8}[0-9]{1,3}|serial/by-(id|path)/[A-Za-z0-9._:@+-]{1,120}|pts/[0-9]{1,5})")


class GsmModem:
    look_s: ClassVar[float | None] = LOOK_S
    reporting: ClassVar[bool] = True

    def __init__(self, settings: Mapping[str, str], _secrets: Mapping[str, str]) -> None:
        self._port = SerialPort(settings["path"], baud=int(settings["baud"]))
        try:
            self._modem = Modem(self._port)
            self._modem.start()
        except ModemError:
            self._port.close()
            raise

    def parts(self, letter: Letter) -> int:
        return len(self._pdus(letter))

    def send(self, letter: Letter, handed: Handed) -> None:
        for one in self._pdus(letter)[len(letter.handed) :]:
            handed(str(self._sent(one)))

    def _sent(self, one: pdu.Pdu) -> int:
        """A full SIM is emptied once; what it still refuses then is for later."""
        try:
            return self._modem.send(one)
        except ModemError as error:
            if error.again is not Again.CLEAN_UP:
                raise
        self._modem.clean_up()
        return self._modem.send(one)

    @staticmethod
    def _pdus(letter: Letter) -> list[pdu.Pdu]:
        try:
            return pdu.submit(
                letter.text,
                to=letter.to,
                reference=letter.id % 256,
                validity_min=min(max(5, letter.valid_min), pdu.VALIDITY_MIN_MAX),
                report=True,
            )
        except pdu.BadNumber as error:
            raise CarrierRefused(str(error), again=Again.NOT_THIS_NUMBER) from error
        except parts.TextTooLong as error:
            raise CarrierRefused(str(error), again=Again.NOT_THIS_MESSAGE) from error

    def reports(self) -> Sequence[Report]:
        return [Report(str(one.reference), one.number, one.arrived) for one in self._modem.reports()]

    def health(self) -> Mapping[str, object]:
        found = self._modem.health()
        return {
            "signal_dbm": found.signal_dbm,
            "registration": found.registration,
            "reachable": found.registered,
            "operator": found.operator,
            "service_centre": found.service_centre,
        }

    def close(self) -> None:
        self._port.close()


def wrong(settings: Mapping[str, str]) -> dict[str, str]:
    found = {}
    if not PATH.fullmatch(settings["path"]):
        found["path"] = _("This is no serial port. Write /dev/ttyUSB0 or /dev/serial/by-id/….")
    if settings["baud"] not in {str(one) for one in BAUDS}:
        found["baud"] = _("One of %(speeds)s.") % {"speeds": ", ".join(map(str, BAUDS))}
    return found


ROOM = Room(
    (
        Field("path", gettext_lazy("Serial port"), shipped="/dev/ttyUSB0"),
        Field("baud", gettext_lazy("Speed"), shipped="115200"),
    ),
    GsmModem,
    wrong,
    LOOK_S,
)
