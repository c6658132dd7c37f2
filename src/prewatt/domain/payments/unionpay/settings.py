"""What UnionPay hands out."""

from __future__ import annotations

from dataclasses import dataclass, field

GATEWAY = "https://gateway.95516.com/gateway/api"
FILES = "https://filedownload.95516.com/"
SUBJECT = "中国银联股份有限公司"


@dataclass(frozen=True, slots=True)
class Settings:
    """Certificates and the key as PEM text. The key comes in a .pfx file: `openssl pkcs12 -in … -nodes` opens it.

    `subject` is the third field of the common name under which UnionPay signs (040@…@SUBJECT@…); the test environment
    signs as `00040000:SIGN`. `notify_url` hears of refunds; without one only queries settle them.
    """

    merchant_id: str
    certificate: str
    private_key: str = field(repr=False)
    middle: str
    root: str
    subject: str = SUBJECT
    gateway: str = GATEWAY
    files: str = FILES
    notify_url: str = "http://www.specialUrl.com"  # UnionPay's own word for: tell nobody
