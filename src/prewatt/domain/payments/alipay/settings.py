"""What the open platform hands out."""

from __future__ import annotations

from dataclasses import dataclass, field

GATEWAY = "https://openapi.alipay.com/gateway.do"


@dataclass(frozen=True, slots=True)
class Settings:
    """Keys as PEM text. `public_key` is Alipay's own, not that of our app. `charset`: utf-8 or gbk."""

    app_id: str
    seller_id: str
    private_key: str = field(repr=False)
    public_key: str
    gateway: str = GATEWAY
    charset: str = "utf-8"
