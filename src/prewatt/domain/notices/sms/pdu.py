"""Writing SMS-SUBMIT for a modem (3GPP TS 23.040, clauses 9.1.2 and 9.2.2.2)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from prewatt.domain.notices.sms import parts

NUMBER = re.compile(r"\+?[0-9]{1,20}")
INTERNATIONAL, UNKNOWN = 0x91, 0x81
SUBMIT, RELATIVE, REPORT, HEADED = 0x01, 0x10, 0x20, 0x40
UCS2 = 0x08
VALIDITY_MIN_MAX = 63 * 7 * 24 * 60
DAY_MIN = 24 * 60


class BadNumber(ValueError):
    """No telephone number: digits, with one leading + where the country's number is in it."""


@dataclass(frozen=True, slots=True)
class Pdu:
    """`length` is what AT+CMGS takes: octets without the service centre's field."""

    pdu: str
    length: int


def submit(
    text: str,
    *,
    to: str,
    reference: int = 0,
    validity_min: int = DAY_MIN,
    report: bool = False,
    service_centre: str = "",
) -> list[Pdu]:
    """The messages that carry a text, in their order. `reference` tells the parts of one text from another's.

    Without a service centre the SIM's own is used. Raises BadNumber, parts.TextTooLong.
    """
    found = parts.cut(text)
    several = len(found.segments) > 1
    first = SUBMIT | RELATIVE | (REPORT if report else 0) | (HEADED if several else 0)
    head = bytes((first, 0)) + address(to) + bytes((0, 0 if found.gsm7 else UCS2, validity(validity_min)))
    centre = _service_centre(service_centre)
    made = []
    for number, one in enumerate(found.segments, start=1):
        header = parts.header(reference, len(found.segments), number) if several else b""
        counted = one.units + (-(-len(header) * 8 // 7) if found.gsm7 else len(header))
        tpdu = head + bytes((counted,)) + header + one.data
        made.append(Pdu((centre + tpdu).hex().upper(), len(tpdu)))
    return made


def address(number: str) -> bytes:
    """Count of digits, type, digits by twos with their places changed."""
    kind, digits = _parts_of(number)
    return bytes((len(digits), kind)) + semi_octets(digits)


def _service_centre(number: str) -> bytes:
    """Its length counts octets, not digits."""
    if not number:
        return b"\x00"
    kind, digits = _parts_of(number)
    packed = semi_octets(digits)
    return bytes((len(packed) + 1, kind)) + packed


def _parts_of(number: str) -> tuple[int, str]:
    if not NUMBER.fullmatch(number):
        raise BadNumber(f"{number[:40]!r} is no telephone number: up to 20 digits, + before a country's number")
    return (INTERNATIONAL if number.startswith("+") else UNKNOWN), number.removeprefix("+")


def semi_octets(digits: str) -> bytes:
    even = digits + "F" * (len(digits) % 2)
    return bytes.fromhex("".join(even[at + 1] + even[at] for at in range(0, len(even), 2)))


def validity(minutes: int) -> int:
    """TP-VP, relative: the shortest that is not shorter (clause 9.2.3.12.1)."""
    if not 0 < minutes <= VALIDITY_MIN_MAX:
        raise ValueError(f"a message is kept for 1 to {VALIDITY_MIN_MAX} minutes, not {minutes}")
    if minutes <= DAY_MIN // 2:
        return -(-minutes // 5) - 1
    if minutes <= DAY_MIN:
        return 143 + -(-(minutes - DAY_MIN // 2) // 30)
    if minutes <= 30 * DAY_MIN:
        return 166 + -(-minutes // DAY_MIN)
    return 192 + max(5, -(-minutes // (7 * DAY_MIN)))
