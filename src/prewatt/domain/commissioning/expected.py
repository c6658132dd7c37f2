"""How long a scan of a bus will take, said before it begins. Reads only."""

from __future__ import annotations

import contextlib
from urllib.parse import parse_qsl, urlsplit

from prewatt import profiles
from prewatt.domain.commissioning.queries import meters
from prewatt.domain.estate.models import Bus, Meter
from prewatt.link.looking import Figures, dlt645_questions, modbus_questions, question_s
from prewatt.link.messages import InquiryKind
from prewatt.profiles import ProfileError

BAUD = 9600  # of an address that names none


def scan_s(bus: Bus, *, kind: InquiryKind, first_unit: int, last_unit: int) -> int:
    """At most so many seconds, if the bus goes on as it does. On DL/T 645 the range says nothing: anybody is asked."""
    known = meters(bus)
    figures = _figures(bus, known)
    if figures.dlt645:
        questions = dlt645_questions(meter.address for meter in known)
    else:
        inside = sum(first_unit <= meter.unit <= last_unit for meter in known)
        questions = modbus_questions(
            last_unit - first_unit + 1, meters=inside, guess=kind in (InquiryKind.SCAN, InquiryKind.IDENTIFY)
        )
    return round(questions * question_s(figures))


def speaks_dlt645(known: list[Meter]) -> bool:
    """A bus speaks one protocol: that of its first meter whose model is known, as its gateway takes it."""
    for meter in known:
        with contextlib.suppress(ProfileError):
            return profiles.load(meter.profile).protocol.startswith("dlt645")
    return False


def _figures(bus: Bus, known: list[Meter]) -> Figures:
    probing = Meter.objects.filter(bus=bus, active=True, state__lost=True).exists()
    return Figures(_char_s(bus.url), speaks_dlt645(known), bool(known), probing)


def _char_s(url: str) -> float:
    """Of one character; Modbus TCP has none that counts."""
    parts = urlsplit(url)
    if parts.scheme == "tcp":
        return 0.0
    options = dict(parse_qsl(parts.query))
    baud = options.get("baud", "")
    bits = 10 + (options.get("parity", "N") != "N") + (options.get("stop") == "2")
    return bits / (int(baud) if baud.isdecimal() and int(baud) else BAUD)
