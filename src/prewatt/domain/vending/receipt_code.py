"""The code on a receipt: what the paper says, sealed with the site's key, so that a forged paper is found.

Text of a QR code's cheapest letters: PW1/site/receipt/lines/fen/UTC time/id/seal. `site` tells keys apart, `id` is
the sale's, refund's or reversal's own, or the payment's where several lines stand on one paper. The seal is an
HMAC-SHA-256 over everything before it, its first hundred bits in base 32. Whoever copies a code onto another paper
copies its amount, too.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from prewatt.domain.vending.models import Payment, ReceiptKey, Sale
from prewatt.domain.vending.receipt_text import Document, issued_at

PREFIX = "PW1"
SEAL_LETTERS = 20
LENGTH_MAX = 300
_TIME = "%Y%m%dT%H%M%S"
_CODE = re.compile(
    r"PW1/(?P<site>[A-Z2-7]{6})/(?P<series>[A-Z]\d{4}[A-Z2-9]{0,3})-(?P<number>\d{6,9})/(?P<lines>\d{1,3})/(?P<fen>\d{1,15})"
    r"/(?P<at>\d{8}T\d{6})/(?P<id>[^\s/]{1,64})/(?P<seal>[A-Z2-7]{20})"
)


@dataclass(frozen=True, slots=True)
class Said:
    """What a code says of its paper. `genuine`: the seal is this site's."""

    series: str
    number: int
    lines: int
    amount_fen: int
    at: datetime
    id: str  # in capitals
    own: bool  # sealed with this site's key, as it claims
    genuine: bool

    @property
    def receipt(self) -> str:
        return f"{self.series}-{self.number:06d}"


def code(documents: Sequence[Document]) -> str:
    """The sealed text for the paper on which these documents stand: one, or all lines of a payment."""
    first = documents[0]
    secret = _secret()
    parts = (
        PREFIX,
        _site(secret),
        first.receipt,
        str(len(documents)),
        str(sum(one.amount_fen for one in documents)),
        issued_at(first).astimezone(UTC).strftime(_TIME),
        _id(documents),
    )
    body = "/".join(parts).upper()
    return f"{body}/{_seal(secret, body)}"


def read(text: str) -> Said | None:
    """What a scanned text says; None for a text that is no code of a receipt at all."""
    text = "".join(text.split()).upper()
    found = _CODE.fullmatch(text) if len(text) <= LENGTH_MAX else None
    if found is None:
        return None
    try:
        at = datetime.strptime(found["at"], _TIME).replace(tzinfo=UTC)
    except ValueError:
        return None
    secret = _secret()
    own = hmac.compare_digest(found["site"], _site(secret))
    return Said(
        series=found["series"],
        number=int(found["number"]),
        lines=int(found["lines"]),
        amount_fen=int(found["fen"]),
        at=at,
        id=found["id"],
        own=own,
        genuine=own and hmac.compare_digest(found["seal"], _seal(secret, text.rpartition("/")[0])),
    )


def fits(said: Said, documents: Sequence[Document]) -> bool:
    """Do the books say of these documents what the paper says?"""
    return (said.amount_fen, said.lines, said.id, said.at) == (
        sum(one.amount_fen for one in documents),
        len(documents),
        _id(documents).upper(),
        issued_at(documents[0]).astimezone(UTC).replace(microsecond=0),
    )


def _id(documents: Sequence[Document]) -> str:
    first = documents[0]
    if len(documents) > 1 and isinstance(first, Sale) and isinstance(first.payment, Payment):
        return first.payment.pk
    return first.pk


def _secret() -> bytes:
    key, _made = ReceiptKey.objects.get_or_create(pk=1, defaults={"secret": os.urandom(32)})
    return bytes(key.secret)


def _site(secret: bytes) -> str:
    return _letters(hashlib.sha256(b"prewatt receipt site" + secret).digest())[:6]


def _seal(secret: bytes, body: str) -> str:
    return _letters(hmac.digest(secret, body.encode(), "sha256"))[:SEAL_LETTERS]


def _letters(raw: bytes) -> str:
    return base64.b32encode(raw).decode()
