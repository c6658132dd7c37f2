"""One frame, told in fields with stable names: the inside of `prewatt frame decode`.

The fields are those of the published vectors. A frame with a fault is told as far as it can be, with `"ok": false`
and `"error"`.
"""

from __future__ import annotations

import struct
from typing import Any

from prewatt.field.wire import dlt645, modbus
from prewatt.field.wire.errors import ExceptionAnswer, WireError
from prewatt.field.wire.identifiers import (
    COMMAND_TEXTS,
    IDENTIFIERS_1997,
    IDENTIFIERS_2007,
    NAMES_2007,
    Identifier,
    number_text,
)

PROTOCOLS = ("modbus-rtu", "modbus-tcp", "dlt645")
SIDES = ("request", "response")
INPUT_BYTES_MAX = 1024
Fields = dict[str, Any]


def describe(data: bytes | str, protocol: str | None = None, side: str | None = None, *, full: bool = False) -> Fields:
    """Fields of one frame, or of a Modbus RTU request followed by its response.

    Protocol and side are guessed when not given. `full` adds what the vectors leave out: the data inside a Modbus TCP
    frame. Never raises on bad bytes: they become `{"ok": False, "error": name, …}`. Raises ValueError for text that is
    not hex.
    """
    frame = bytes.fromhex(data) if isinstance(data, str) else data
    if not frame:
        return _fault("empty")
    if len(frame) > INPUT_BYTES_MAX:
        return _fault("too_long")
    protocol = protocol or guess_protocol(frame)
    if protocol == "dlt645":
        return _dlt645(frame)
    if protocol == "modbus-tcp":
        return _tcp(frame, side, full=full)
    return _rtu(frame, side)


def guess_protocol(frame: bytes) -> str:
    """By checksum first, by shape second."""
    if modbus.crc16(frame) == 0 and len(frame) >= 4:
        return "modbus-rtu"
    place = dlt645.find(frame)
    if place is not None and place[1] and sum(place) <= len(frame):
        return "dlt645"
    if len(frame) > 7 and frame[2:4] == b"\0\0" and 6 + int.from_bytes(frame[4:6], "big") == len(frame):
        return "modbus-tcp"
    return "dlt645" if frame.lstrip(b"\xfe")[:1] == b"\x68" else "modbus-rtu"


def _fault(error: str, **fields: Any) -> Fields:
    return {"ok": False, "error": error, **fields}


# --- Modbus ---------------------------------------------------------------------------------------------------------


def _rtu(frame: bytes, side: str | None) -> Fields:
    if len(frame) < 4:
        return _fault("truncated", crc_ok=False)
    if modbus.crc16(frame):
        return _pair(frame) or _damaged(frame, side)
    if len(frame) > modbus.FRAME_BYTES_MAX:
        return _pair(frame) or _fault("too_long", crc_ok=True)
    fields = _pdu(frame[0], frame[1:-2], side)
    return {**fields, "crc_ok": True}


def _damaged(frame: bytes, side: str | None) -> Fields:
    fields = _pdu(frame[0], frame[1:-2], side)
    fields.pop("ok", None)
    fields.pop("error", None)
    computed = modbus.crc16(frame[:-2]).to_bytes(2, "little").hex(" ")
    sums = {"crc_ok": False, "crc_computed": computed, "crc_in_frame": frame[-2:].hex(" ")}
    return {**_fault("crc_mismatch"), **fields, **sums}


def _pair(frame: bytes) -> Fields | None:
    """A request and its response, one after the other: what a line trace shows."""
    for size in range(4, len(frame) - 3):
        if modbus.crc16(frame[:size]):
            continue
        asked = modbus.RtuServerReader().feed(frame[:size])
        if len(asked) == 1 and modbus.rtu_encode(asked[0]) == frame[:size]:
            return _exchange(asked[0], frame[size:])
    return None


def _exchange(request: modbus.Request, answer: bytes) -> Fields:
    told = _request(request.unit, modbus.request_pdu(request)) or {}
    reader = modbus.RtuReader(request)
    try:
        reply = reader.feed(answer)
        error: WireError | None = None if reply else reader.failure()
    except ExceptionAnswer as refusal:
        refused = {"unit": request.unit, "function": request.function, "exception": refusal.exception}
        return {"request": told, "response": refused, "crc_ok": True}
    except WireError as fault:
        reply, error = None, fault
    if reply is None or reader.garbage_bytes:
        return _fault(
            error.code if error else "garbage",
            request=told,
            accept_response=False,
            response_crc_ok=modbus.crc16(answer) == 0,
            is_exception=False,
        )
    response: Fields = _pdu(request.unit, answer[1:-2], "response")
    if reply.bits:
        response["bits"] = list(reply.bits)
    return {"request": told, "response": response, "crc_ok": True}


def _tcp(frame: bytes, side: str | None, *, full: bool) -> Fields:
    if len(frame) < 8:
        return _fault("truncated")
    transaction, protocol, length = struct.unpack_from(">HHH", frame)
    fields: Fields = {"transaction": transaction, "protocol": protocol, "length": length, "unit": frame[6]}
    fields["function"] = frame[7] & 0x7F
    if protocol:
        return _fault("wrong_protocol", **fields)
    if length != len(frame) - 6:
        return _fault("truncated" if length > len(frame) - 6 else "wrong_length", **fields)
    inside = _pdu(frame[6], frame[7:], side)
    if full or "error" in inside:
        return {**inside, **fields}
    return {**fields, **{key: inside[key] for key in ("exception",) if key in inside}}


def _pdu(unit: int, pdu: bytes, side: str | None) -> Fields:
    """Fields of function and data; what fits neither side is a fault by name."""
    if not pdu:
        return _fault("truncated", unit=unit)
    if pdu[0] & modbus.EXCEPTION_BIT:
        fields = {"unit": unit, "function": pdu[0] & 0x7F}
        if len(pdu) != 2 or side == "request":
            return _fault("wrong_length", **fields)
        return {**fields, "exception": pdu[1]}
    request = _request(unit, pdu) if side != "response" else None
    response = _response(unit, pdu) if side != "request" else None
    return request or response or _fault("wrong_length", unit=unit, function=pdu[0])


def _request(unit: int, pdu: bytes) -> Fields | None:
    """None: no request has this shape."""
    function, size = pdu[0], len(pdu)
    fields: Fields = {"unit": unit, "function": function}
    if function in (1, 2, 3, 4) and size == 5:
        address, count = struct.unpack_from(">HH", pdu, 1)
        count_max = modbus.BITS_READ_MAX if function < 3 else modbus.REGISTERS_READ_MAX
        return {**fields, "address": address, "count": count} if 0 < count <= count_max else None
    if function in (5, 6) and size == 5:
        address, value = struct.unpack_from(">HH", pdu, 1)
        return {**fields, "address": address, "value": value}
    if function in (15, 16) and size > 6 and size == 6 + pdu[5]:
        return _request_many(fields, pdu)
    if function == 22 and size == 7:
        address, mask_and, mask_or = struct.unpack_from(">HHH", pdu, 1)
        return {**fields, "address": address, "and_mask": mask_and, "or_mask": mask_or}
    if function == 23 and size > 10 and size == 10 + pdu[9]:
        read_address, read_count, address, count = struct.unpack_from(">HHHH", pdu, 1)
        fields = {**fields, "read_address": read_address, "read_count": read_count}
        written = {"write_address": address, "write_count": count, "registers": _words(pdu[10:])}
        return {**fields, **written} if pdu[9] == 2 * count else None
    return _other(fields, pdu, {8: 5, 7: 1, 11: 1, 12: 1, 17: 1, 24: 3, 43: 4})


def _request_many(fields: Fields, pdu: bytes) -> Fields | None:
    address, count = struct.unpack_from(">HH", pdu, 1)
    if pdu[0] == 16 and pdu[5] == 2 * count:
        return {**fields, "address": address, "count": count, "registers": _words(pdu[6:])}
    if pdu[0] == 15 and pdu[5] == (count + 7) // 8:
        return {**fields, "address": address, "count": count, "bits": list(modbus.unpack_bits(pdu[6:], count))}
    return None


def _response(unit: int, pdu: bytes) -> Fields | None:
    """None: no response has this shape."""
    function, size = pdu[0], len(pdu)
    fields: Fields = {"unit": unit, "function": function}
    if function in (1, 2, 3, 4, 23) and size > 2 and size == 2 + pdu[1]:
        if function < 3:
            return {**fields, "byte_count": pdu[1], "bits": list(modbus.unpack_bits(pdu[2:], 8 * pdu[1]))}
        return {**fields, "byte_count": pdu[1], "registers": _words(pdu[2:])} if pdu[1] % 2 == 0 else None
    if function in (5, 6) and size == 5:
        return _request(unit, pdu)
    if function in (15, 16) and size == 5:
        address, count = struct.unpack_from(">HH", pdu, 1)
        return {**fields, "address": address, "count": count}
    if function == 22 and size == 7:
        return _request(unit, pdu)
    if function in (17, 12, 24, 43) and size > 2:
        return {**fields, "data": pdu[1:].hex(" ")}
    return _other(fields, pdu, {8: 5, 7: 2, 11: 5})


def _other(fields: Fields, pdu: bytes, sizes: dict[int, int]) -> Fields | None:
    """Functions whose inside is told as bytes; an unknown function is told as well, for a maker may have his own."""
    if pdu[0] in (1, 2, 3, 4, 5, 6, 15, 16, 22, 23) or len(pdu) != sizes.get(pdu[0], len(pdu)):
        return None
    if pdu[0] == 8:
        return {**fields, "subfunction": int.from_bytes(pdu[1:3], "big"), "data": pdu[3:].hex(" ")}
    return {**fields, "data": pdu[1:].hex(" ")}


def _words(data: bytes) -> list[int]:
    return list(struct.unpack(f">{len(data) // 2}H", data))


# --- DL/T 645 -------------------------------------------------------------------------------------------------------


def _dlt645(data: bytes) -> Fields:
    place = dlt645.find(data)
    if place is None:
        return _fault("no_frame", accept=False)
    start, size = place
    if not size or start + size > len(data):
        return _fault("truncated", accept=False)
    if start + size < len(data):
        return _fault("wrong_length", accept=False, extra_bytes=len(data) - start - size)
    raw = data[start:]
    computed = sum(raw[:-2]) & 0xFF
    if computed != raw[-2]:
        return _fault(
            "checksum_mismatch", accept=False, checksum_computed=f"{computed:02X}", checksum_in_frame=f"{raw[-2]:02X}"
        )
    frame = dlt645.decode_frame(raw)
    version = _version(frame)
    fields: Fields = {
        "preamble": data[:start].hex(" "),
        "address": frame.address,
        "control": f"{frame.control:02X}",
        "direction": "slave" if frame.control & dlt645.FROM_METER else "master",
        "error": bool(frame.control & dlt645.REFUSED),
        "more_frames": bool(frame.control & dlt645.MORE),
        "function": f"{frame.function:02X}",
        "length": len(frame.data),
        "data": frame.data.hex(" "),
        "checksum": f"{raw[-2]:02X}",
        "checksum_ok": True,
        "version": version,
    }
    return {**fields, **(_inside_1997(frame) if version == "1997" else _inside_2007(frame))}


def _version(frame: dlt645.Frame) -> str:
    """1997 has functions of its own and two-byte identifiers; 03 with nothing inside is its 'read again'."""
    older = frame.function in (0x01, 0x02, 0x04, 0x0A, 0x0C, 0x0F, 0x10)
    return "1997" if older or (frame.function == 0x03 and not frame.data) else "2007"


def _inside_1997(frame: dlt645.Frame) -> Fields:
    if frame.control & dlt645.REFUSED:
        return _error_byte(frame)
    if frame.function not in (0x01, 0x02, 0x04) or len(frame.data) < 2:
        return {}
    di = int.from_bytes(frame.data[:2], "little")
    fields: Fields = {"di": f"{di:04X}"}
    if frame.control & dlt645.FROM_METER and di in IDENTIFIERS_1997:
        fields.update(_value(IDENTIFIERS_1997[di], frame.data[2:]))
    return fields


def _inside_2007(frame: dlt645.Frame) -> Fields:
    if frame.control & dlt645.REFUSED:
        return _error_byte(frame)
    answer = bool(frame.control & dlt645.FROM_METER)
    if frame.function == dlt645.READ_ADDRESS:
        return {"address_in_data": frame.data[::-1].hex().upper()} if answer and len(frame.data) == 6 else {}
    if frame.function == dlt645.CONTROL and not answer and len(frame.data) == 16:
        return {**_access(frame.data), **_control(frame.data)}
    if frame.function in (dlt645.READ, dlt645.READ_MORE, dlt645.WRITE, dlt645.SECURITY) and len(frame.data) >= 4:
        return _identified(frame, answer=answer)
    return {}


def _identified(frame: dlt645.Frame, *, answer: bool) -> Fields:
    di = int.from_bytes(frame.data[:4], "little")
    known = IDENTIFIERS_2007.get(di)
    name = known.name if known else NAMES_2007.get(di)
    fields: Fields = {"di": f"{di:08X}", **({"name": name} if name else {})}
    if frame.function == dlt645.READ and answer and known:
        fields.update(_value(known, frame.data[4:]))
        if di & 0xFF00 == 0xFF00 and "values" in fields and di < 0x01000000:
            fields["sum_of_rates_minus_total"] = _rates_minus_total(fields["values"])
    if frame.function == dlt645.READ and answer and di == 0x04000503 and len(frame.data) == 6:
        fields["state"] = dlt645.state_word_3(int.from_bytes(frame.data[4:], "little"))
    if frame.function == dlt645.WRITE and not answer and len(frame.data) >= 12:
        fields.update(_access(frame.data[4:]))
    if frame.function == dlt645.SECURITY and not answer and len(frame.data) >= 8:
        fields["operator"] = frame.data[4:8].hex().upper()
    return fields


def _value(known: Identifier, data: bytes) -> Fields:
    """The number, or the numbers of a block; nothing when the length or a digit does not fit: unknown is absent."""
    if not data or len(data) % known.size or (known.values == 1 and len(data) != known.size):
        return {}
    parts = [data[at : at + known.size] for at in range(0, len(data), known.size)]
    texts = [number_text(part, known.decimals, signed=known.signed) for part in parts]
    if None in texts:
        return {}
    fields: Fields = {"value": texts[0]} if known.values == 1 else {"values": texts}
    return {**fields, "unit": known.unit} if known.unit else fields


def _rates_minus_total(values: list[str]) -> str:
    cents = [int(value.replace(".", "")) for value in values]
    difference = sum(cents[1:]) - cents[0]
    sign = "-" if difference < 0 else ""
    return f"{sign}{abs(difference) // 100}.{abs(difference) % 100:02d}"


def _access(data: bytes) -> Fields:
    return {
        "password_level": f"{data[0]:02X}",
        "password": data[3:0:-1].hex().upper(),
        "operator": data[7:3:-1].hex().upper(),
    }


def _control(data: bytes) -> Fields:
    text = COMMAND_TEXTS.get(data[8], f"{data[8]:02X}")
    return {"command": text, "valid_until_ssmmhhDDMMYY": data[10:16].hex(" ")}


def _error_byte(frame: dlt645.Frame) -> Fields:
    return {"err_byte": f"{frame.data[0]:02X}"} if frame.data else {}
