"""A stream sealed by a passphrase: scrypt, then AES-256-GCM over pieces of one MiB.

    magic line | 4 bytes: length of the header | header (JSON) | piece | piece | ... | last piece

A piece's nonce is a random beginning, its number, and whether it is the last; the header goes into every tag. So a
piece that was altered, left out, doubled, moved or cut off is refused, and so is a file that ends too early.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import io
import json
import os
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from prewatt.domain.backups.refusals import ArchiveUnreadable, WrongPassphrase

MAGIC = b"prewatt sealed backup 1\n"
PIECE = 1024 * 1024
_TAG = 16
_COST, _COST_MAX = 2**17, 2**20  # 128 MiB for one guess; a file that asks for more than 1 GiB is not ours
_HEADER_MAX = 4096

CUT_SHORT = "This archive is cut short or was altered. Nothing was touched. Copy it again, or take another backup."
WRONG = "The passphrase is not the one this archive was sealed with. Nothing was touched. Type it again."


def _keys(passphrase: str, salt: bytes, cost: int) -> tuple[bytes, bytes]:
    """The key of the pieces, and one that only tells a wrong passphrase from an altered file."""
    both = Scrypt(salt=salt, length=64, n=cost, r=8, p=1).derive(passphrase.encode())
    return both[:32], both[32:]


def _check(key: bytes, salt: bytes) -> str:
    return hmac.new(key, b"prewatt backup" + salt, hashlib.sha256).hexdigest()


class SealedWriter(io.RawIOBase):
    """What is written here goes sealed into `target`. Close it: the last piece says that nothing is missing."""

    def __init__(self, target: BinaryIO, passphrase: str, *, cost: int = _COST) -> None:
        super().__init__()
        salt, self._prefix = os.urandom(16), os.urandom(7)
        key, check = _keys(passphrase, salt, cost)
        facts = {"salt": _text(salt), "nonce": _text(self._prefix), "cost": cost, "check": _check(check, salt)}
        self._header = json.dumps(facts, sort_keys=True).encode()
        self._cipher, self._target, self._number, self._waiting = AESGCM(key), target, 0, bytearray()
        target.write(MAGIC + len(self._header).to_bytes(4, "big") + self._header)

    def writable(self) -> bool:
        return True

    def write(self, data: bytes | bytearray | memoryview) -> int:  # type: ignore[override]
        self._waiting += data
        while len(self._waiting) > PIECE:  # one always stays back: it may be the last
            self._seal(bytes(self._waiting[:PIECE]), last=False)
            del self._waiting[:PIECE]
        return len(data)

    def finish(self) -> None:
        self._seal(bytes(self._waiting), last=True)
        self._waiting.clear()

    def _seal(self, piece: bytes, *, last: bool) -> None:
        self._target.write(self._cipher.encrypt(_nonce(self._prefix, self._number, last=last), piece, self._header))
        self._number += 1


class SealedReader(io.RawIOBase):
    """The other way. Raises WrongPassphrase, ArchiveUnreadable; a piece is checked before any of it is given out."""

    def __init__(self, source: BinaryIO, passphrase: str) -> None:
        super().__init__()
        self._source, self._number, self._ended, self._waiting = source, 0, False, b""
        self._header = _header(source)
        try:
            facts = json.loads(self._header)
            salt, self._prefix, cost = _bytes(facts["salt"]), _bytes(facts["nonce"]), int(facts["cost"])
            claimed = str(facts["check"])
        except (ValueError, KeyError, TypeError):
            raise ArchiveUnreadable(CUT_SHORT) from None
        if len(salt) != 16 or len(self._prefix) != 7 or not 2 <= cost <= _COST_MAX or cost & (cost - 1):
            raise ArchiveUnreadable(CUT_SHORT)
        key, check = _keys(passphrase, salt, cost)
        if not hmac.compare_digest(_check(check, salt), claimed):
            raise WrongPassphrase(WRONG)
        self._cipher, self._next = AESGCM(key), source.read(PIECE + _TAG)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        while not self._waiting and not self._ended:
            self._open()
        given = self._waiting[: len(buffer)]
        buffer[: len(given)] = given
        self._waiting = self._waiting[len(given) :]
        return len(given)

    def _open(self) -> None:
        piece, self._next = self._next, self._source.read(PIECE + _TAG)
        self._ended = not self._next
        try:
            nonce = _nonce(self._prefix, self._number, last=self._ended)
            self._waiting = self._cipher.decrypt(nonce, piece, self._header)
        except (InvalidTag, ValueError):
            raise ArchiveUnreadable(CUT_SHORT) from None
        self._number += 1


def is_sealed(source: BinaryIO) -> bool:
    """By its first line; the reader stands behind it then, else at the beginning again."""
    if source.read(len(MAGIC)) == MAGIC:
        return True
    source.seek(0)
    return False


def _header(source: BinaryIO) -> bytes:
    length = int.from_bytes(source.read(4), "big")
    header = source.read(length) if length <= _HEADER_MAX else b""
    if not header or len(header) != length:
        raise ArchiveUnreadable(CUT_SHORT)
    return header


def _nonce(prefix: bytes, number: int, *, last: bool) -> bytes:
    return prefix + number.to_bytes(4, "big") + (b"\x01" if last else b"\x00")


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _bytes(text: str) -> bytes:
    return base64.b64decode(text, validate=True)
