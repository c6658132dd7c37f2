"""UnionPay's words in ours. What reaches this was verified; shapes that it does not know raise ValueError."""

from __future__ import annotations

import base64
import io
import json
import re
import zipfile
import zlib
from collections.abc import Mapping
from datetime import date, datetime

from prewatt.domain.payments.asking import BILL_BYTES_MAX
from prewatt.domain.payments.channel import BackFact, BillLine, Fact, Line, Standing
from prewatt.domain.payments.spelling import from_china

GOOD = frozenset({"00", "A6"})
UNSURE = frozenset({"03", "04", "05", "42"})  # 42: the card was charged, after the order's time
PRIVATE = frozenset({"signature", "signPubKeyCert", "accNo", "customerInfo", "payCardNo"})
STAMP = "%Y%m%d%H%M%S"
# Bytes of each field of a line in INN…ZM_…: one blank stands between two fields.
WIDTHS = (
    *(3, 11, 11, 6, 10, 19, 12, 4, 2, 21, 2, 32, 2, 6, 10, 13, 13, 4, 15, 2, 2, 6, 2, 4, 32, 1, 21, 15, 1, 15, 32),
    *(13, 13, 8, 32, 13, 13, 12, 2, 1, 131),
)
SENT_AT, AMOUNT, QUERY_ID, ORDER, FEE, KIND, ORIGINAL, OWN = 4, 6, 9, 11, 15, 19, 26, 34
KINDS = {"01": Line.PAID, "04": Line.BACK}


def raw(said: Mapping[str, str]) -> str:
    return json.dumps({name: value for name, value in said.items() if name not in PRIVATE}, ensure_ascii=False)


def fen(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,12}", text, re.ASCII):
        raise ValueError("not a number of fen")
    return int(text)


def standing(code: str) -> Standing:
    """Of a payment. A try that failed leaves the order open until its time is over."""
    if code in GOOD:
        return Standing.PAID
    return Standing.UNKNOWN if code in UNSURE else Standing.WAITING


def back_standing(code: str) -> Standing:
    if code in GOOD:
        return Standing.PAID
    return Standing.UNKNOWN if code in UNSURE else Standing.CLOSED


def fact(said: Mapping[str, str], code: str) -> Fact:
    where = standing(code)
    return Fact(
        order_no=said["orderId"],
        standing=where,
        amount_fen=fen(said["txnAmt"]) if where == Standing.PAID or said.get("txnAmt") else None,
        channel_no=said.get("queryId", ""),
        paid_at=paid_at(said) if where == Standing.PAID else None,
        raw=raw(said),
    )


def paid_at(said: Mapping[str, str]) -> datetime:
    """`traceTime` has no year: the order's own, or the next."""
    ordered = from_china(said["txnTime"], STAMP)
    told = said.get("traceTime", "")
    if not re.fullmatch(r"[0-9]{10}", told, re.ASCII):
        return ordered
    year = int(said["txnTime"][:4])
    if told[:2] < said["txnTime"][4:6]:
        year += 1
    return from_china(f"{year}{told}", STAMP)


def back_fact(said: Mapping[str, str], code: str, order_no: str) -> BackFact:
    return BackFact(
        back_no=said["orderId"],
        order_no=order_no,
        standing=back_standing(code),
        amount_fen=fen(said["txnAmt"]) if said.get("txnAmt") else None,
        channel_no=said.get("queryId", ""),
        raw=raw(said),
    )


def bill_lines(content: str, day: date) -> list[BillLine]:
    """`fileContent`: base64 of a deflated zip that holds the merchant's lines (INN…ZM_…)."""
    try:
        unpacked = zlib.decompressobj()
        packed = unpacked.decompress(base64.b64decode(content, validate=True), BILL_BYTES_MAX)
        if unpacked.unconsumed_tail or not unpacked.eof:
            raise ValueError("too long, or torn off")
        with zipfile.ZipFile(io.BytesIO(packed)) as archive:
            found = [one for one in archive.infolist() if "ZM_" in one.filename]
            if sum(one.file_size for one in found) > BILL_BYTES_MAX:
                raise ValueError("too long")
            texts = [archive.read(one) for one in found]
    except (zlib.error, zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError) as error:
        raise ValueError("not a bill") from error
    if not texts:
        raise ValueError("a bill without lines")
    return [_line(_cells(line), day) for text in texts for line in text.splitlines() if line.strip()]


def _cells(line: bytes) -> list[str]:
    cells, at = [], 0
    for width in WIDTHS:
        cells.append(line[at : at + width].decode("gb18030").strip())
        at += width + 1
    return cells


def _line(cells: list[str], day: date) -> BillLine:
    """A refund's own order number is our `back_no`; which order it belongs to we wrote into its own field."""
    kind = KINDS.get(cells[KIND], Line.OTHER)
    is_back = kind == Line.BACK
    return BillLine(
        kind=kind,
        order_no=cells[OWN] if is_back else cells[ORDER],
        channel_no=cells[QUERY_ID],
        amount_fen=fen(cells[AMOUNT]),
        fee_fen=_signed(cells[FEE]),
        at=_at(cells[SENT_AT], day),
        back_no=cells[ORDER] if is_back else "",
        raw=json.dumps([cell for n, cell in enumerate(cells) if n != 5], ensure_ascii=False),  # 5: the card
    )


def _signed(text: str) -> int:
    """C: to the merchant, D: from the merchant, then fen. A fee is what is taken."""
    if not text:
        return 0
    sign = {"C": -1, "D": 1}.get(text[0])
    return fen(text.lstrip("0") or "0") if sign is None else sign * fen(text[1:].strip())


def _at(text: str, day: date) -> datetime:
    """No year in it: the settlement day's, or the one before at New Year."""
    year = day.year - (1 if int(text[:2]) > day.month else 0)
    return from_china(f"{year}{text}", STAMP)
