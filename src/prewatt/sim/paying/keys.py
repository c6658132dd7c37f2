"""Keys of everybody in the play: the merchant, three providers, and UnionPay's certificate authority. Made at start."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.x509.oid import NameOID

BITS = 2048
VALID = timedelta(days=3650)
MERCHANT = "1900000001"
APP = "wxsandbox00000001"
ALIPAY_APP, ALIPAY_SELLER = "2021000000000001", "2088000000000001"
UNIONPAY_MERCHANT = "777290058184064"
UNIONPAY_SUBJECT = "041@Z12@00040000:SIGN"  # the third field is the name under which it signs


@dataclass(frozen=True, slots=True)
class Party:
    key: RSAPrivateKey
    certificate: x509.Certificate

    @property
    def serial_hex(self) -> str:
        return f"{self.certificate.serial_number:X}"

    @property
    def certificate_pem(self) -> str:
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode()

    @property
    def private_pem(self) -> str:
        return self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode()

    @property
    def public_pem(self) -> str:
        public = self.key.public_key()
        form = serialization.PublicFormat.SubjectPublicKeyInfo
        return public.public_bytes(serialization.Encoding.PEM, form).decode()


@dataclass(frozen=True, slots=True)
class Keys:
    merchant: Party
    wechat: Party
    alipay: Party
    union_root: Party
    union_middle: Party
    union: Party
    stranger: Party  # signs what is forged
    api_v3_key: str
    app_secret: str


def make(*, now: datetime) -> Keys:
    root = _party("CFCA sandbox root", now)
    middle = _party("CFCA sandbox middle", now, by=root, authority=True)
    return Keys(
        merchant=_party("merchant", now),
        wechat=_party("Tenpay.com sandbox", now),
        alipay=_party("alipay sandbox", now),
        union_root=root,
        union_middle=middle,
        union=_party(UNIONPAY_SUBJECT, now, by=middle),
        stranger=_party("stranger", now),
        api_v3_key=os.urandom(16).hex(),
        app_secret=os.urandom(16).hex(),
    )


def _party(name: str, now: datetime, *, by: Party | None = None, authority: bool = False) -> Party:
    key = rsa.generate_private_key(public_exponent=65537, key_size=BITS)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(by.certificate.subject if by else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + VALID)
        .add_extension(x509.BasicConstraints(ca=authority or by is None, path_length=None), critical=True)
    )
    return Party(key, made.sign(by.key if by else key, hashes.SHA256()))


def for_the_merchant(keys: Keys, base: str) -> dict[str, Any]:
    """What each provider's merchant platform hands out, and the addresses that stand in for the providers' own."""
    return {
        "wechat": {
            "base": base,
            "login": base,
            "openid": base,
            "merchant_id": MERCHANT,
            "app_id": APP,
            "app_secret": keys.app_secret,
            "serial": keys.merchant.serial_hex,
            "private_key": keys.merchant.private_pem,
            "api_v3_key": keys.api_v3_key,
            "platform": {keys.wechat.serial_hex: keys.wechat.certificate_pem},
        },
        "alipay": {
            "base": base,
            "app_id": ALIPAY_APP,
            "seller_id": ALIPAY_SELLER,
            "private_key": keys.merchant.private_pem,
            "alipay_public_key": keys.alipay.public_pem,
        },
        "unionpay": {
            "base": base,
            "merchant_id": UNIONPAY_MERCHANT,
            "certificate": keys.merchant.certificate_pem,
            "private_key": keys.merchant.private_pem,
            "root": keys.union_root.certificate_pem,
            "middle": keys.union_middle.certificate_pem,
            "subject": UNIONPAY_SUBJECT.split("@")[2],
        },
    }


def write(keys: Keys, base: str, path: Path) -> None:
    """For the centre to read; nobody else may."""
    made = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(made, "w", encoding="utf-8") as file:
        json.dump(for_the_merchant(keys, base), file, ensure_ascii=False, indent=1)
