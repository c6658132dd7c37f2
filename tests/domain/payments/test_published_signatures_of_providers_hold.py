"""Every published vector, and its twin that must be refused. The sources stand in tests/vectors/payments.json."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Any

import pytest

import vector_files
from prewatt.domain.payments import signatures
from prewatt.domain.payments.channel import Forged
from prewatt.domain.payments.wechat import signing as wechat


def _named(group: str) -> dict[str, Any]:
    return {param.values[0]["name"]: param.values[0] for param in vector_files.group("payments.json", group)}


WECHAT = _named("wechat_pay_v3")


def _lower(headers: dict[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


@pytest.mark.parametrize(
    "name", ["W1 SHA256-RSA2048", "W5 request signature", "W5 request signature, slashes unescaped"]
)
def test_wechat_signatures_over_a_text(name: str) -> None:
    given = WECHAT[name]["input"]
    signed = given["message"].encode(), given["signature_b64"], signatures.public_key(given["public_key_pem"])
    assert signatures.is_signed(*signed) is WECHAT[name]["expected"]["valid"]


def test_wechat_lines_make_the_signed_text() -> None:
    text = WECHAT["W5 request signature"]["input"]["message"]
    method, target, timestamp, nonce, body, end = text.split("\n")
    assert end == ""
    assert wechat.message(method, target, timestamp, nonce, body) == text.encode()


@pytest.mark.parametrize("name", ["W2 AEAD, 16-byte key", "W4 AEAD, 32-byte key"])
def test_wechat_inside_is_opened(name: str) -> None:
    given, expected = WECHAT[name]["input"], WECHAT[name]["expected"]
    nonce, aad = given["nonce_text"], given["aad_text"]
    plain = wechat.opened(given["ciphertext_b64"], key=given["key_text"], nonce=nonce, associated=aad)
    if "plain_text" in expected:
        assert plain.decode() == expected["plain_text"]
    else:
        assert (len(plain), hashlib.sha256(plain).hexdigest()) == (expected["plain_length"], expected["plain_sha256"])
    with pytest.raises(Forged):
        wechat.opened(given["ciphertext_b64"], key=given["key_text"], nonce=nonce, associated=aad + "x")


def test_a_whole_wechat_notification_is_believed_within_five_minutes_only() -> None:
    given = WECHAT["W3 whole notification"]["input"]
    headers, body = _lower(given["headers"]), given["body"].encode()
    platform = {headers["wechatpay-serial"]: given["certificate_pem"]}
    at = datetime.fromtimestamp(int(given["now_unix"]), UTC)
    wechat.check(headers, body, platform, now=at)
    late = datetime.fromtimestamp(int(WECHAT["W3 the same, ten minutes later"]["input"]["now_unix"]), UTC)
    with pytest.raises(Forged, match="five minutes"):
        wechat.check(headers, body, platform, now=late)
    with pytest.raises(Forged, match="wrong"):
        wechat.check(headers, body + b" ", platform, now=at)
    with pytest.raises(Forged, match="do not know"):
        wechat.check(headers, body, {"another": given["certificate_pem"]}, now=at)


def test_a_wechat_answer_is_believed() -> None:
    given = WECHAT["W5 response signature"]["input"]
    headers, body = _lower(given["headers"]), given["body"].encode()
    platform = {headers["wechatpay-serial"]: given["public_key_pem"]}
    at = datetime.fromtimestamp(int(headers["wechatpay-timestamp"]), UTC)
    wechat.check(headers, body, platform, now=at)
    with pytest.raises(Forged):
        wechat.check(headers | {"wechatpay-nonce": "x"}, body, platform, now=at)
