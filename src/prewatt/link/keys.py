"""Keys of one gateway: agreed once at enrolment, then one for each direction and version. Never in logs or URLs.

master = HKDF-SHA256(X25519 shared secret, salt = SHA-256(one-time code), info = both public keys)
key    = HKDF-SHA256(master, info = "prewatt link 1" ‖ suite ‖ gateway ‖ direction ‖ key version)
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
from enum import IntEnum, StrEnum
from functools import lru_cache
from pathlib import Path

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

MASTER_BYTES = 32
_SCRYPT_N = 2**15


class Suite(StrEnum):
    """How messages are sealed. Set per gateway, never negotiated on the line."""

    AES_256_GCM = "aes-256-gcm"
    SM4_GCM = "sm4-gcm"
    TRIPLE_DES = "3des-cbc"


TRIPLE_DES_WARNING = (
    "3des-cbc: NIST has disallowed triple DES for new protection since 2024. It keeps the promise of the original "
    "product in name only; no public wire format of that is known. Prefer aes-256-gcm, or sm4-gcm where SM algorithms "
    "are asked for."
)


class Direction(IntEnum):
    UP = 1  # gateway to centre
    DOWN = 2


class KeyUnusable(Exception):
    """The keys of this gateway cannot be read or are not allowed here. Enrol again, or give the right passphrase."""


class LinkKeys(msgspec.Struct, frozen=True, kw_only=True):
    """What both ends keep: the gateway in a file of its own, the centre wrapped in its database."""

    gateway: str
    suite: str
    version: int
    master: bytes

    def __repr__(self) -> str:
        return f"LinkKeys({self.gateway}, {self.suite}, version {self.version})"


def derive(keys: LinkKeys, direction: Direction, size: int, use: bytes = b"") -> bytes:
    """The key of one direction; `use` tells apart several keys of it."""
    info = b"\0".join(
        (b"prewatt link 1", keys.suite.encode(), keys.gateway.encode(), bytes((direction,)), b"%d" % keys.version, use)
    )
    return HKDF(algorithm=SHA256(), length=size, salt=None, info=info).derive(keys.master)


# --- enrolment ------------------------------------------------------------------------------------------------------


def new_exchange() -> tuple[X25519PrivateKey, bytes]:
    """(private half, public half to send)."""
    private = X25519PrivateKey.generate()
    return private, private.public_key().public_bytes_raw()


def normal_code(code: str) -> str:
    """A one-time code as typed, without what people change: case, spaces, dashes, O for 0, I and L for 1."""
    text = "".join(code.upper().split()).replace("-", "")
    return text.replace("O", "0").replace("I", "1").replace("L", "1")


def agree(*, private: X25519PrivateKey, own_public: bytes, other_public: bytes, code: str) -> bytes:
    """The master secret of a gateway. Both ends get the same; the order of the public halves does not matter.

    Raises ValueError when the other half is no X25519 key, or a weak one.
    """
    shared = private.exchange(X25519PublicKey.from_public_bytes(other_public))
    salt = hashlib.sha256(code.encode()).digest()
    info = b"prewatt enrolment 1" + b"".join(sorted((own_public, other_public)))
    return HKDF(algorithm=SHA256(), length=MASTER_BYTES, salt=salt, info=info).derive(shared)


# --- at rest --------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=64)
def _wrapping_key(passphrase: str, salt: bytes) -> bytes:
    return Scrypt(salt=salt, length=32, n=_SCRYPT_N, r=8, p=1).derive(passphrase.encode())


def wrap(secret: bytes, passphrase: str, *, context: str, salt: bytes | None = None) -> bytes:
    """`secret` encrypted under a passphrase, bound to `context` (whose key it is)."""
    salt = salt or os.urandom(16)
    nonce = os.urandom(12)
    return salt + nonce + AESGCM(_wrapping_key(passphrase, salt)).encrypt(nonce, secret, context.encode())


def unwrap(wrapped: bytes, passphrase: str, *, context: str) -> bytes:
    """Raises KeyUnusable when the passphrase or the context is another one."""
    salt, nonce, sealed = wrapped[:16], wrapped[16:28], wrapped[28:]
    try:
        return AESGCM(_wrapping_key(passphrase, salt)).decrypt(nonce, sealed, context.encode())
    except (InvalidTag, ValueError):
        raise KeyUnusable(
            f"the keys of {context} cannot be opened: the passphrase (PREWATT_MASTER_KEY) is not the one they were "
            "wrapped with. Set the old one again, or enrol the gateway again."
        ) from None


def save(path: Path, keys: LinkKeys, passphrase: str | None = None) -> None:
    """Write the gateway's own key file, readable by its owner only; the old one stays whole until the new one is."""
    master = wrap(keys.master, passphrase, context=keys.gateway) if passphrase else keys.master
    content = {
        "gateway": keys.gateway,
        "suite": keys.suite,
        "version": keys.version,
        "wrapped": bool(passphrase),
        "master": base64.b64encode(master).decode(),
    }
    new = path.with_suffix(".new")
    new.unlink(missing_ok=True)
    handle = os.open(new, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with os.fdopen(handle, "w") as file:
        json.dump(content, file)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)


def load(path: Path, passphrase: str | None = None) -> LinkKeys:
    """Raises KeyUnusable with what to do."""
    try:
        content = json.loads(path.read_text())
        master = base64.b64decode(content["master"])
        gateway, suite, version = content["gateway"], content["suite"], content["version"]
    except FileNotFoundError:
        raise KeyUnusable(f"{path}: no keys yet. Enrol this gateway: prewatt gateway enrol") from None
    except (OSError, ValueError, KeyError) as error:
        raise KeyUnusable(f"{path}: cannot be read ({error}). Enrol this gateway again.") from None
    if content.get("wrapped"):
        if not passphrase:
            raise KeyUnusable(f"{path}: is wrapped by a passphrase; set PREWATT_MASTER_KEY")
        master = unwrap(master, passphrase, context=gateway)
    return LinkKeys(gateway=gateway, suite=suite, version=version, master=master)
