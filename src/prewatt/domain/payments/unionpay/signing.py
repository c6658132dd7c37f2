"""What is signed: the lower-case hex digest of the sorted fields. And whose certificate it may be signed with."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from urllib.parse import parse_qsl

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.x509.oid import NameOID

from prewatt.domain.payments import signatures
from prewatt.domain.payments.channel import Forged

FIELDS_MAX = 100
VERSION, METHOD = "5.1.0", "01"


def text(values: Mapping[str, str]) -> str:
    """`signPubKeyCert` belongs to it byte for byte, line ends and all."""
    return "&".join(f"{name}={values[name]}" for name in sorted(values) if values[name] and name != "signature")


def digest(values: Mapping[str, str]) -> bytes:
    return hashlib.sha256(text(values).encode()).hexdigest().encode()


def sign(values: Mapping[str, str], key: RSAPrivateKey) -> str:
    return signatures.sign(digest(values), key)


def serial(certificate_pem: str) -> str:
    """`certId`: decimal."""
    return str(x509.load_pem_x509_certificate(certificate_pem.strip().encode()).serial_number)


def form(body: bytes) -> dict[str, str]:
    """The decoded fields of a notification. Raises Forged."""
    try:
        raw = parse_qsl(body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=FIELDS_MAX)
    except ValueError as error:
        raise Forged("no form that can be read") from error
    return _once(raw)


def plain(body: bytes) -> dict[str, str]:
    """The fields of an answer, which stand there as they are: a + is a plus. Raises Forged."""
    try:
        parts = [part.partition("=") for part in body.decode().split("&") if part]
    except ValueError as error:
        raise Forged("no answer that can be read") from error
    return _once([(name, value) for name, _, value in parts])


def _once(raw: list[tuple[str, str]]) -> dict[str, str]:
    values = dict(raw)
    if len(values) != len(raw):
        raise Forged("a field comes twice")
    return values


def check(values: Mapping[str, str], *, middle: str, root: str, subject: str, at: datetime) -> None:
    """Signature, certificate, chain and name. `at` is the message's own time. Raises Forged."""
    if (values.get("version"), values.get("signMethod")) != (VERSION, METHOD):
        raise Forged("another version, or another way of signing")
    pem = values.get("signPubKeyCert", "")
    try:
        signer = x509.load_pem_x509_certificate(pem.encode())
        chain = [signer, *(x509.load_pem_x509_certificate(one.strip().encode()) for one in (middle, root))]
        if not signatures.is_signed(digest(values), values.get("signature", ""), signatures.public_key(pem)):
            raise Forged("the signature is wrong")
        _check_chain(chain, at)
        name = signer.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        fields = str(name[0].value).split("@") if len(name) == 1 else []
    except (ValueError, TypeError, InvalidSignature) as error:
        raise Forged("a certificate that UnionPay did not give out") from error
    if len(fields) < 3 or fields[2] != subject:
        raise Forged("signed in another name")


def _check_chain(chain: list[x509.Certificate], at: datetime) -> None:
    """From the signer to the root, which signs itself. Raises what `check` turns into Forged."""
    for one, issuer in zip(chain, [*chain[1:], chain[-1]], strict=True):
        one.verify_directly_issued_by(issuer)
        if not one.not_valid_before_utc <= at <= one.not_valid_after_utc:
            raise ValueError("not valid at that time")
    for issuer in chain[1:]:
        if not issuer.extensions.get_extension_for_class(x509.BasicConstraints).value.ca:
            raise ValueError("no authority")
