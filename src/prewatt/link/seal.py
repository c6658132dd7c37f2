"""Sealed envelopes between gateway and centre. What is not exactly what the other end sealed is refused, by name.

    header  "PW" 1 | suite | direction | type | key version 4 | gateway length 1 | gateway | boot 8 | sequence 4
            | reply to: boot 8, sequence 4 (zero in requests)
    body    GCM: ciphertext ‖ tag 16, nonce = boot ‖ sequence
            3des-cbc: IV 8 ‖ ciphertext ‖ HMAC-SHA256 over header ‖ IV ‖ ciphertext (encrypt, then MAC)

The whole header is authenticated. `boot` grows with every start and is durable before the first message, so a nonce
never
repeats under a key; restoring a backup means a new key version. The inside is one byte (0 plain, 1 deflate) and
MessagePack.
Triple DES gets a key of its own for every message, so no key comes near its limit of 2^20 blocks.
"""

from __future__ import annotations

import hmac
import os
import struct
import zlib
from enum import IntEnum
from typing import TypeVar

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.padding import PKCS7

from prewatt.link.keys import Direction, LinkKeys, Suite, derive
from prewatt.link.messages import Message

ENVELOPE_BYTES_MAX = 1 << 20
MESSAGE_BYTES_MAX = 4 << 20  # after inflating
SEQUENCE_MAX = 0xFFFFFFFF
WINDOW_BITS = 62
SKEW_MS_MAX = 24 * 3600 * 1000
_DEFLATE_FROM = 512
_MAGIC = b"PW\x01"
_SUITES = {Suite.AES_256_GCM: 1, Suite.SM4_GCM: 2, Suite.TRIPLE_DES: 3}
_FIXED = struct.Struct(">3sBBBI")
_COUNTERS = struct.Struct(">QIQI")

M = TypeVar("M", bound=Message)


class Type(IntEnum):
    """What is inside. Part of what is authenticated, so that an order list cannot be given for a batch's reply."""

    BATCH = 1
    BATCH_REPLY = 2
    ORDERS = 3
    ORDERS_REPLY = 4
    CONFIG_REQUEST = 5
    CONFIG = 6


class SealError(Exception):
    """An envelope that was not believed. Nothing in it was used."""

    code = "seal"


class MalformedEnvelope(SealError):
    """Not an envelope, cut short, or too large."""

    code = "malformed"


class WrongGateway(SealError):
    code = "wrong_gateway"


class WrongDirection(SealError):
    code = "wrong_direction"


class WrongSuite(SealError):
    """Another suite than this gateway is set to. Suites are never negotiated:
    this may be an attempt to weaken the link.
    """

    code = "wrong_suite"


class WrongKeyVersion(SealError):
    code = "wrong_key_version"


class WrongType(SealError):
    code = "wrong_type"


class WrongReply(SealError):
    """A reply to another message than the one that was sent."""

    code = "wrong_reply"


class Forged(SealError):
    """The seal does not fit: changed on the way, or sealed with another key."""

    code = "forged"


class Replayed(SealError):
    """This message was taken before, or is older than what was taken since."""

    code = "replayed"


class ClockSkew(SealError):
    """The sender's clock is off by more than a day: its readings would land in wrong days."""

    code = "clock_skew"


class Header(msgspec.Struct, frozen=True):
    """What an envelope says of itself, before it is believed."""

    suite: str
    direction: int
    type: int
    key_version: int
    gateway: str
    boot: int
    sequence: int
    reply_to: tuple[int, int] = (0, 0)

    def pack(self) -> bytes:
        name = self.gateway.encode()
        fixed = _FIXED.pack(_MAGIC, _SUITES[Suite(self.suite)], self.direction, self.type, self.key_version)
        return fixed + bytes((len(name),)) + name + _COUNTERS.pack(self.boot, self.sequence, *self.reply_to)

    @property
    def nonce(self) -> bytes:
        return struct.pack(">QI", self.boot, self.sequence)


def peek(envelope: bytes) -> tuple[Header, int]:
    """(header, where the body begins), nothing believed yet: the centre looks up the gateway's keys with it.

    Raises MalformedEnvelope.
    """
    try:
        magic, suite, direction, kind, version = _FIXED.unpack_from(envelope)
        length = envelope[_FIXED.size]
        start = _FIXED.size + 1
        gateway = envelope[start : start + length].decode()
        boot, sequence, *reply_to = _COUNTERS.unpack_from(envelope, start + length)
        name = next(name for name, number in _SUITES.items() if number == suite)
    except (struct.error, IndexError, UnicodeDecodeError, StopIteration):
        raise MalformedEnvelope("not a sealed envelope") from None
    if magic != _MAGIC or not gateway.isprintable() or len(envelope) > ENVELOPE_BYTES_MAX:
        raise MalformedEnvelope("not a sealed envelope of this version, or too large")
    header = Header(name, direction, kind, version, gateway, boot, sequence, (reply_to[0], reply_to[1]))
    return header, start + length + _COUNTERS.size


# --- sealing --------------------------------------------------------------------------------------------------------


def seal(
    message: Message,
    *,
    keys: LinkKeys,
    direction: Direction,
    kind: Type,
    boot: int,
    sequence: int,
    reply_to: tuple[int, int] = (0, 0),
) -> bytes:
    """(boot, sequence) must never have been used before with these keys and direction: the caller counts, durably."""
    if not 0 < sequence <= SEQUENCE_MAX:
        raise MalformedEnvelope("the sequence of this boot is used up: start again")
    header = Header(keys.suite, direction, kind, keys.version, keys.gateway, boot, sequence, reply_to)
    associated = header.pack()
    envelope = associated + _encrypt(keys, header, associated, _pack(message))
    if len(envelope) > ENVELOPE_BYTES_MAX:
        raise MalformedEnvelope(f"the message is too large to seal ({len(envelope)} bytes)")
    return envelope


def _pack(message: Message) -> bytes:
    plain = msgspec.msgpack.encode(message)
    return b"\x01" + zlib.compress(plain, 1) if len(plain) >= _DEFLATE_FROM else b"\x00" + plain


def _encrypt(keys: LinkKeys, header: Header, associated: bytes, plain: bytes) -> bytes:
    direction = Direction(header.direction)
    if keys.suite == Suite.AES_256_GCM:
        return AESGCM(derive(keys, direction, 32)).encrypt(header.nonce, plain, associated)
    if keys.suite == Suite.SM4_GCM:
        return sm4_gcm_encrypt(derive(keys, direction, 16), header.nonce, plain, associated)
    cipher_key, mac_key = _triple_des_keys(keys, header)
    iv = os.urandom(8)
    sealed = iv + triple_des_cbc_encrypt(cipher_key, iv, plain)
    return sealed + hmac.digest(mac_key, associated + sealed, "sha256")


# --- opening --------------------------------------------------------------------------------------------------------


def unseal(
    envelope: bytes,
    message_type: type[M],
    *,
    keys: LinkKeys,
    direction: Direction,
    kind: Type,
    reply_to: tuple[int, int] = (0, 0),
) -> tuple[Header, M]:
    """The message, if it is exactly what the other end sealed for this. Raises a named SealError.

    Replay is the caller's to check (`accept`): it needs what was taken before.
    """
    header, start = peek(envelope)
    if header.gateway != keys.gateway:
        raise WrongGateway(f"sealed for gateway {header.gateway!r}")
    if header.suite != keys.suite:
        raise WrongSuite(f"sealed with {header.suite}, this gateway is set to {keys.suite}")
    if header.key_version != keys.version:
        raise WrongKeyVersion(f"sealed with key version {header.key_version}, this is {keys.version}")
    if header.direction != direction:
        raise WrongDirection("sealed for the other direction")
    if header.type != kind:
        raise WrongType(f"holds a message of type {header.type}, expected {int(kind)}")
    if header.reply_to != reply_to:
        raise WrongReply("answers another message")
    plain = _decrypt(keys, header, envelope[:start], envelope[start:])
    return header, _unpack(plain, message_type)


def _decrypt(keys: LinkKeys, header: Header, associated: bytes, sealed: bytes) -> bytes:
    direction = Direction(header.direction)
    try:
        if keys.suite == Suite.AES_256_GCM:
            return AESGCM(derive(keys, direction, 32)).decrypt(header.nonce, sealed, associated)
        if keys.suite == Suite.SM4_GCM:
            return sm4_gcm_decrypt(derive(keys, direction, 16), header.nonce, sealed, associated)
        return _triple_des_open(keys, header, associated, sealed)
    except (InvalidTag, ValueError):
        raise Forged("the seal does not fit; nothing in the message was used") from None


def _triple_des_open(keys: LinkKeys, header: Header, associated: bytes, sealed: bytes) -> bytes:
    cipher_key, mac_key = _triple_des_keys(keys, header)
    body, mac = sealed[:-32], sealed[-32:]
    if len(sealed) < 48 or not hmac.compare_digest(mac, hmac.digest(mac_key, associated + body, "sha256")):
        raise InvalidTag
    return triple_des_cbc_decrypt(cipher_key, body[:8], body[8:])


def _triple_des_keys(keys: LinkKeys, header: Header) -> tuple[bytes, bytes]:
    """Three independent parts for the cipher and a separate MAC key, of this message only."""
    material = derive(keys, Direction(header.direction), 24 + 32, header.nonce)
    return material[:24], material[24:]


def _unpack(plain: bytes, message_type: type[M]) -> M:
    try:
        if plain[:1] == b"\x01":
            inflater = zlib.decompressobj()
            body = inflater.decompress(plain[1:], MESSAGE_BYTES_MAX)
            if inflater.unconsumed_tail or not inflater.eof:
                raise MalformedEnvelope("the message is larger than allowed, or cut short")
        else:
            body = plain[1:]
        return msgspec.msgpack.decode(body, type=message_type)
    except (zlib.error, msgspec.MsgspecError) as error:
        raise MalformedEnvelope(f"the message cannot be read: {error}") from None


# --- primitives, tested with published vectors ----------------------------------------------------------------------


def sm4_gcm_encrypt(key: bytes, nonce: bytes, plain: bytes, associated: bytes) -> bytes:
    """Ciphertext ‖ tag 16."""
    encryptor = Cipher(algorithms.SM4(key), modes.GCM(nonce)).encryptor()
    encryptor.authenticate_additional_data(associated)
    return encryptor.update(plain) + encryptor.finalize() + encryptor.tag


def sm4_gcm_decrypt(key: bytes, nonce: bytes, sealed: bytes, associated: bytes) -> bytes:
    """Raises InvalidTag or ValueError."""
    decryptor = Cipher(algorithms.SM4(key), modes.GCM(nonce, sealed[-16:])).decryptor()
    decryptor.authenticate_additional_data(associated)
    return decryptor.update(sealed[:-16]) + decryptor.finalize()


def triple_des_cbc_encrypt(key: bytes, iv: bytes, plain: bytes) -> bytes:
    padder = PKCS7(64).padder()
    encryptor = Cipher(TripleDES(key), modes.CBC(iv)).encryptor()
    return encryptor.update(padder.update(plain) + padder.finalize()) + encryptor.finalize()


def triple_des_cbc_decrypt(key: bytes, iv: bytes, sealed: bytes) -> bytes:
    """Raises ValueError."""
    decryptor = Cipher(TripleDES(key), modes.CBC(iv)).decryptor()
    unpadder = PKCS7(64).unpadder()
    plain = unpadder.update(decryptor.update(sealed) + decryptor.finalize())
    return plain + unpadder.finalize()


# --- replay ---------------------------------------------------------------------------------------------------------


class Window(msgspec.Struct, frozen=True):
    """What was taken from one gateway: the newest (boot, sequence), and which of the 62 before it (bit 0:
    the newest itself).
    """

    boot: int = 0
    sequence: int = 0
    bits: int = 0


def accept(window: Window, boot: int, sequence: int) -> Window:
    """The window after taking this message. Raises Replayed.

    Several messages of a gateway may overtake each other a little.
    """
    if (boot, sequence) > (window.boot, window.sequence):
        shift = sequence - window.sequence if boot == window.boot else WINDOW_BITS
        bits = (window.bits << shift if shift < WINDOW_BITS else 0) | 1
        return Window(boot, sequence, bits & (1 << WINDOW_BITS) - 1)
    behind = window.sequence - sequence
    if boot != window.boot or behind >= WINDOW_BITS or window.bits >> behind & 1:
        raise Replayed(
            "this message was taken before, or is older than what was taken since. If it goes on, the gateway's "
            "journal was replaced or restored: enrol the gateway again"
        )
    return Window(window.boot, window.sequence, window.bits | 1 << behind)


def check_clock(sent_at_ms: int, now_ms: int, skew_ms_max: int = SKEW_MS_MAX) -> int:
    """How far the sender's clock is ahead, in milliseconds. Raises ClockSkew beyond the limit."""
    skew_ms = sent_at_ms - now_ms
    if abs(skew_ms) > skew_ms_max:
        raise ClockSkew(
            f"the gateway's clock is off by {abs(skew_ms) // 3_600_000} hours; its readings would land in wrong days. "
            "Set the clock; what it has journalled waits there."
        )
    return skew_ms
