"""The secret of an endpoint, and the signature that it makes.

It is not in the database: it follows from the site's secret key and a random word, so a stolen database signs nothing.
`check_digest` tells when the site's key has become another one.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from datetime import datetime

from django.conf import settings

HEADER = "Prewatt-Signature"


def new_nonce() -> str:
    return secrets.token_hex(16)


def secret(nonce: str) -> str:
    key = hmac.digest(settings.SECRET_KEY.encode(), b"prewatt webhook " + nonce.encode(), "sha256")
    return "whsec_" + key.hex()


def check_digest(nonce: str) -> str:
    return hashlib.sha256(secret(nonce).encode()).hexdigest()


def signature(nonce: str, body: bytes, now: datetime) -> str:
    """`t=<seconds>,v1=<hex>`: HMAC-SHA256 over the seconds, a full stop, and the body, under the secret's text."""
    seconds = int(now.timestamp())
    mac = hmac.digest(secret(nonce).encode(), f"{seconds}.".encode() + body, "sha256")
    return f"t={seconds},v1={mac.hex()}"
