"""What is signed, and how a notification's inside is opened. Pure."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from datetime import datetime

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from prewatt.domain.payments import signatures
from prewatt.domain.payments.channel import Forged
from prewatt.domain.payments.spelling import SKEW

SCHEME = "WECHATPAY2-SHA256-RSA2048"
NONCE_BYTES, TAG_BYTES = 12, 16


def message(*parts: str | bytes) -> bytes:
    """Each part on a line of its own, the last one too."""
    return b"".join((part.encode() if isinstance(part, str) else part) + b"\n" for part in parts)


def authorization(
    *,
    method: str,
    target: str,
    body: bytes,
    merchant_id: str,
    serial: str,
    key: RSAPrivateKey,
    nonce: str,
    timestamp: int,
) -> str:
    """`target` is path and query as they are sent; `body` the exact bytes."""
    signature = signatures.sign(message(method, target, str(timestamp), nonce, body), key)
    facts = {
        "mchid": merchant_id,
        "nonce_str": nonce,
        "signature": signature,
        "timestamp": str(timestamp),
        "serial_no": serial,
    }
    return SCHEME + " " + ",".join(f'{name}="{value}"' for name, value in facts.items())


def check(headers: Mapping[str, str], body: bytes, platform: Mapping[str, str], *, now: datetime) -> None:
    """An answer or a notification. Header names in lower case. Raises Forged."""
    timestamp, nonce = headers.get("wechatpay-timestamp", ""), headers.get("wechatpay-nonce", "")
    serial, signature = headers.get("wechatpay-serial", ""), headers.get("wechatpay-signature", "")
    pem = platform.get(serial)
    if pem is None:
        raise Forged("signed with a key that we do not know")
    if not signatures.is_signed(message(timestamp, nonce, body), signature, signatures.public_key(pem)):
        raise Forged("the signature is wrong")
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 11):
        raise Forged("no time that can be read")
    if abs(now.timestamp() - int(timestamp)) > SKEW.total_seconds():
        raise Forged("signed more than five minutes from now")


def opened(ciphertext: str, *, key: str, nonce: str, associated: str) -> bytes:
    """AEAD_AES_256_GCM with the tag at the end. Raises Forged."""
    try:
        raw = base64.b64decode(ciphertext, validate=True)
        if len(nonce.encode()) != NONCE_BYTES or len(raw) < TAG_BYTES:
            raise Forged("the inside cannot be opened")
        return AESGCM(key.encode()).decrypt(nonce.encode(), raw, associated.encode() or None)
    except (binascii.Error, ValueError, InvalidTag) as error:
        raise Forged("the inside cannot be opened") from error
