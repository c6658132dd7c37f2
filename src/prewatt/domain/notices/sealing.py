"""Secrets at rest: sealed with AES-256-GCM under a key that follows from the site's own, which is not in the database.

What a person types may also name where the secret stands: `env:PREWATT_NOTICES_…` or `file:NAME`, a file in the folder
`secrets` of the site's data. Nothing else of the machine can be named.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import re
from collections.abc import Mapping

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings

NONCE_BYTES = 12
FILE_BYTES_MAX = 16 * 1024
ENVIRONMENT = re.compile(r"PREWATT_NOTICES_[A-Z0-9_]{1,64}")
FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class CannotOpen(Exception):
    """The site's key is another one, or what was to hold the secret does not. Its words carry no secret."""


def seal(facts: Mapping[str, object]) -> bytes:
    nonce = os.urandom(NONCE_BYTES)
    return nonce + AESGCM(_key()).encrypt(nonce, json.dumps(facts, ensure_ascii=False).encode(), b"")


def opened(sealed: bytes | memoryview | None) -> dict[str, str]:
    """Raises CannotOpen."""
    if not sealed:
        return {}
    data = bytes(sealed)
    try:
        plain = AESGCM(_key()).decrypt(data[:NONCE_BYTES], data[NONCE_BYTES:], b"")
    except (InvalidTag, ValueError) as error:
        raise CannotOpen("the site's secret key has changed; type the carrier's secrets in again") from error
    found: dict[str, str] = json.loads(plain)
    return found


def _key() -> bytes:
    return hmac.digest(settings.SECRET_KEY.encode(), b"prewatt notices", hashlib.sha256)


def looked_up(secret: str) -> str:
    """The secret itself, or what the environment or the file that it names holds. Raises CannotOpen."""
    kind, mark, name = secret.partition(":")
    if mark and kind == "env" and ENVIRONMENT.fullmatch(name):
        found = os.environ.get(name, "")
    elif mark and kind == "file" and FILE.fullmatch(name):
        found = _file(name)
    else:
        return secret
    if not found:
        raise CannotOpen(f"{kind}:{name} holds nothing")
    return found


def _file(name: str) -> str:
    try:
        with (settings.DATA_DIR / "secrets" / name).open("rb") as file:
            return file.read(FILE_BYTES_MAX).decode().strip()
    except (OSError, ValueError) as error:
        raise CannotOpen(f"file:{name} cannot be read") from error
