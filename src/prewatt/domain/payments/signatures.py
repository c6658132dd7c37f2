"""RSA signatures with SHA-256, as all three providers use them. Keys come as PEM text."""

from __future__ import annotations

import base64
import binascii
from functools import lru_cache

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key


class BadKey(ValueError):
    """A key or a certificate that cannot be read. Never repeats the key."""


@lru_cache(maxsize=16)
def private_key(pem: str) -> RSAPrivateKey:
    try:
        key = load_pem_private_key(pem.strip().encode(), password=None)
    except (ValueError, TypeError) as error:
        raise BadKey("not a private key in PEM without a password") from error
    if not isinstance(key, RSAPrivateKey):
        raise BadKey("not an RSA key")
    return key


@lru_cache(maxsize=16)
def public_key(pem: str) -> RSAPublicKey:
    """Of a public key, or of a certificate."""
    text = pem.strip()
    try:
        is_certificate = "BEGIN CERTIFICATE" in text
        key: object = (
            x509.load_pem_x509_certificate(text.encode()).public_key()
            if is_certificate
            else load_pem_public_key(text.encode())
        )
    except ValueError as error:
        raise BadKey("neither a public key nor a certificate in PEM") from error
    if not isinstance(key, RSAPublicKey):
        raise BadKey("not an RSA key")
    return key


def sign(message: bytes, key: RSAPrivateKey) -> str:
    return base64.b64encode(key.sign(message, padding.PKCS1v15(), hashes.SHA256())).decode()


def is_signed(message: bytes, signature: str, key: RSAPublicKey) -> bool:
    try:
        raw = base64.b64decode(signature, validate=True)
        key.verify(raw, message, padding.PKCS1v15(), hashes.SHA256())
    except (binascii.Error, ValueError, InvalidSignature):
        return False
    return True
