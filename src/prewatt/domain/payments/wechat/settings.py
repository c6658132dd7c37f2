"""What the merchant platform hands out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

BASE = "https://api.mch.weixin.qq.com"
LOGIN = "https://open.weixin.qq.com"
OPENID = "https://api.weixin.qq.com"


@dataclass(frozen=True, slots=True)
class Settings:
    """Keys as PEM text. `platform` holds, by serial, platform certificates and WeChat Pay public keys (`PUB_KEY_ID_…`),
    old and new side by side while they change over.
    """

    merchant_id: str
    app_id: str
    serial: str  # of the merchant's certificate, hex
    private_key: str = field(repr=False)
    api_v3_key: str = field(repr=False)  # 32 characters
    platform: Mapping[str, str]
    base: str = BASE
    app_secret: str = field(
        default="", repr=False
    )  # of the official account: pays inside WeChat, by the payer's openid
    login: str = LOGIN
    openid: str = OPENID
