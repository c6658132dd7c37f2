"""Reading what a modem brings: SMS-DELIVER, SMS-SUBMIT and SMS-STATUS-REPORT (3GPP TS 23.040, clause 9.2.2).

Whatever the bytes are, the answer is fields or `BadPdu`: what comes in over the air is written by others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any

from prewatt.domain.notices.sms import alphabet

PDU_BYTES_MAX = 300
TYPES = {0: "DELIVER", 1: "SUBMIT", 2: "STATUS-REPORT"}
CONCAT_8, CONCAT_16 = 0x00, 0x08
ALPHANUMERIC = 5
_DIGITS = "0123456789*#abc"


class BadPdu(ValueError):
    """These bytes are no message that can be read. The sentence says where they stop making sense."""


class _Bytes:
    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def take(self, count: int, what: str) -> bytes:
        if self.at + count > len(self.data):
            raise BadPdu(f"it ends within {what}: octet {self.at + 1} of {len(self.data)}")
        self.at += count
        return self.data[self.at - count : self.at]

    def octet(self, what: str) -> int:
        return self.take(1, what)[0]

    def rest(self) -> bytes:
        return self.take(len(self.data) - self.at, "nothing")


def read(pdu: str) -> dict[str, Any]:
    """The fields of one PDU in hex, with its service centre's field in front. Raises BadPdu."""
    try:
        data = bytes.fromhex(pdu)
    except ValueError:
        raise BadPdu("it is not written in hex") from None
    if len(data) > PDU_BYTES_MAX:
        raise BadPdu(f"it has {len(data)} octets; no message is longer than {PDU_BYTES_MAX}")
    left = _Bytes(data)
    fields: dict[str, Any] = {"smsc": _centre(left)}
    first = left.octet("the first octet")
    fields |= {"first_octet": f"{first:02X}", "udhi": bool(first & 0x40), "type": TYPES.get(first & 3)}
    match first & 3:
        case 0:
            return fields | _deliver(left, first)
        case 1:
            return fields | _submit(left, first)
        case 2:
            return fields | _report(left)
    raise BadPdu("its type 3 is reserved")


def joined(messages: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The text of several messages in their order. `joined_ok`: each part of one text is there, once."""
    keys = [one.get("concat") for one in messages]
    whole = all(keys) and len({(key["ref"], key["total"]) for key in keys if key}) == 1
    seen = sorted(key["seq"] for key in keys if key)
    good = whole and seen == list(range(1, (keys[0] or {}).get("total", 0) + 1))
    texts = sorted(messages, key=lambda one: one["concat"]["seq"]) if whole else messages
    return {
        "text": "".join(one.get("text", "") for one in texts),
        "parts": len(messages),
        "alphabet": messages[0].get("alphabet") if messages else None,
        "joined_ok": good,
    }


def _centre(left: _Bytes) -> str | None:
    length = left.octet("the service centre")
    if length == 0:
        return None
    held = left.take(length, "the service centre")
    return _number(held[0], held[1:], (length - 1) * 2)


def _deliver(left: _Bytes, first: int) -> dict[str, Any]:
    fields = _address(left)
    pid, dcs = left.octet("TP-PID"), left.octet("TP-DCS")
    fields |= {"pid": pid, "dcs": dcs, "time": _time(left.take(7, "the time stamp"))}
    return fields | {"status_report_requested": bool(first & 0x20)} | _user_data(left, first, dcs)


def _submit(left: _Bytes, first: int) -> dict[str, Any]:
    fields: dict[str, Any] = {"mr": left.octet("TP-MR")} | _address(left)
    pid, dcs = left.octet("TP-PID"), left.octet("TP-DCS")
    fields |= {"pid": pid, "dcs": dcs} | _validity(left, first >> 3 & 3)
    return fields | {"status_report_requested": bool(first & 0x20)} | _user_data(left, first, dcs)


def _report(left: _Bytes) -> dict[str, Any]:
    """`status` below 32: arrived; below 64: still trying; else it did not arrive (clause 9.2.3.15)."""
    fields: dict[str, Any] = {"mr": left.octet("TP-MR")} | _address(left)
    fields |= {"time": _time(left.take(7, "the time stamp")), "done_at": _time(left.take(7, "the time of discharge"))}
    status = left.octet("TP-ST")
    return fields | {"status": status, "arrived": True if status < 32 else None if status < 64 else False}


def _validity(left: _Bytes, form: int) -> dict[str, Any]:
    if form == 2:
        return {"validity_relative": left.octet("TP-VP")}
    if form == 3:
        return {"validity_absolute": _time(left.take(7, "TP-VP"))}
    return {"validity_enhanced": left.take(7, "TP-VP").hex()} if form == 1 else {}


def _address(left: _Bytes) -> dict[str, Any]:
    digits, kind = left.octet("the number"), left.octet("the number")
    if digits > 20:
        raise BadPdu(f"its number has {digits} digits; 20 are the most")
    return {"number": _number(kind, left.take(-(-digits // 2), "the number"), digits), "toa": f"{kind:02X}"}


def _number(kind: int, data: bytes, digits: int) -> str:
    if kind >> 4 & 7 == ALPHANUMERIC:
        return alphabet.text_of(alphabet.unpack(data, digits * 4 // 7))
    found = "".join(f"{octet & 15:x}{octet >> 4:x}" for octet in data)[:digits].rstrip("f")
    if "f" in found:
        raise BadPdu("its number has a filler between digits")
    return "+" * (kind >> 4 & 7 == 1) + "".join(_DIGITS[int(digit, 16)] for digit in found)


def _time(data: bytes) -> str:
    """ISO 8601 with the network's own offset, in quarters of an hour (clause 9.2.3.11)."""
    twos = [(octet & 15) * 10 + (octet >> 4) for octet in data[:6]]
    quarters = (data[6] & 7) * 10 + (data[6] >> 4)
    offset = timedelta(minutes=15 * quarters) * (-1 if data[6] & 8 else 1)
    try:
        year, month, day, hour, minute, second = twos
        at = datetime(2000 + year, month, day, hour, minute, second, tzinfo=timezone(offset))
    except ValueError as error:
        raise BadPdu(f"its time is none: {error}") from None
    return at.isoformat()


def _user_data(left: _Bytes, first: int, dcs: int) -> dict[str, Any]:
    udl, data = left.octet("TP-UDL"), left.rest()
    coding = _coding(dcs)
    fields: dict[str, Any] = {"udl": udl, "alphabet": coding}
    header = _header(data) if first & 0x40 else b""
    if header:
        fields |= _concat(header) | {"udh": header.hex(" ")}
    return fields | _text(coding, udl, data, header)


def _coding(dcs: int) -> str:
    """TP-DCS (3GPP TS 23.038, clause 4)."""
    group = dcs >> 4
    if group < 8:
        return "compressed" if dcs & 0x20 else ("gsm7", "8bit", "ucs2", "reserved")[dcs >> 2 & 3]
    if group == 0xF:
        return "8bit" if dcs & 4 else "gsm7"
    return "ucs2" if group == 0xE else "gsm7" if group in {0xC, 0xD} else "reserved"


def _header(data: bytes) -> bytes:
    if not data or data[0] + 1 > len(data):
        raise BadPdu("its header is longer than its text")
    return data[: data[0] + 1]


def _concat(header: bytes) -> dict[str, Any]:
    at = 1
    while at + 1 < len(header):
        kind, length = header[at], header[at + 1]
        found = concatenation(kind, header[at + 2 : at + 2 + length])
        if found:
            return {"concat": found}
        at += 2 + length
    return {}


def concatenation(kind: int, value: bytes) -> dict[str, int] | None:
    """What an information element says of a text's parts; None where it is another element, or broken."""
    width = {CONCAT_8: 1, CONCAT_16: 2}.get(kind)
    if width is None or len(value) != width + 2:
        return None
    total, number = value[width], value[width + 1]
    if not 1 <= number <= total:
        return None
    return {"ref": int.from_bytes(value[:width], "big"), "total": total, "seq": number, "ref_bits": 8 * width}


def _text(coding: str, udl: int, data: bytes, header: bytes) -> dict[str, Any]:
    if coding == "gsm7":
        before = -(-len(header) * 8 // 7)
        septets = alphabet.unpack(data[len(header) :], max(0, udl - before), fill_bits=-len(header) * 8 % 7)
        short = len(septets) < udl - before
        return {"text": alphabet.text_of(septets), **_cut_short(short)}
    held = data[len(header) : max(udl, len(header))]
    short = len(data) < udl
    if coding == "ucs2":
        return {"text": held[: len(held) // 2 * 2].decode("utf-16-be", "replace"), **_cut_short(short)}
    return {"data": held.hex(), **_cut_short(short)}


def _cut_short(short: bool) -> dict[str, bool]:
    """Others' programs write lengths that are not there; what did come is still worth reading."""
    return {"cut_short": True} if short else {}
