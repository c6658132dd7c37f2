"""Every published vector, and its twin that must be refused. The sources stand in tests/vectors/payments.json."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

import vector_files
from prewatt.domain.payments import signatures
from prewatt.domain.payments.alipay import Alipay, Settings
from prewatt.domain.payments.alipay import signing as alipay
from prewatt.domain.payments.channel import Forged
from prewatt.domain.payments.unionpay import signing as unionpay
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


ALIPAY = _named("alipay")


def _alipay_holds(text: str, given: dict[str, Any]) -> bool:
    return signatures.is_signed(text.encode(), given["sign"], signatures.public_key(given["public_key_pem"]))


def test_an_alipay_request_keeps_its_sign_type() -> None:
    given, expected = ALIPAY["A1 request"]["input"], ALIPAY["A1 request"]["expected"]
    text = alipay.text(given["parameters"], without=alipay.OF_REQUEST)
    assert text == expected["string_to_sign"]
    assert _alipay_holds(text, given)
    assert not _alipay_holds(alipay.text(given["parameters"], without=alipay.OF_NOTICE), given)


def test_an_alipay_notification_leaves_its_sign_type_out_and_keeps_its_plus() -> None:
    vector = ALIPAY["A2 notification, plus sign in the subject"]
    given = dict(vector["input"])
    values, encoding = alipay.form(urlencode(given["parameters"]).encode())
    assert encoding == "utf-8"
    text = alipay.text(values, without=alipay.OF_NOTICE)
    assert text == vector["expected"]["string_to_verify"]
    signed = {"sign": values["sign"], "public_key_pem": given["public_key_pem"]}
    assert _alipay_holds(text, signed)
    for twin in ("A2 with sign_type kept", "A2 with + read as a space (decoded twice)"):
        wrong = ALIPAY[twin]["input"]["string_to_verify"]
        assert wrong != text
        assert not _alipay_holds(wrong, signed)
    assert not _alipay_holds(alipay.text(values, without=alipay.OF_REQUEST), signed)


def test_an_alipay_return_page_is_signed_and_is_no_notification() -> None:
    vector = ALIPAY["A3 return page"]
    values, _ = alipay.form(vector["input"]["query"].encode())
    text = alipay.text(values, without=alipay.OF_NOTICE)
    assert text == vector["expected"]["string_to_verify"]
    assert _alipay_holds(text, {"sign": values["sign"], "public_key_pem": vector["input"]["public_key_pem"]})
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    settings = Settings(values["app_id"], values["seller_id"], pem, vector["input"]["public_key_pem"])
    channel = Alipay(settings, httpx.Client())
    with pytest.raises(Forged, match="no payment"):
        channel.read_notice({}, vector["input"]["query"].encode(), now=datetime(2023, 12, 21, 6, 50, tzinfo=UTC))


@pytest.mark.parametrize("name", ["A4 answer", "A4 answer with one letter of the signature put before"])
def test_an_alipay_answer_is_signed_letter_by_letter(name: str) -> None:
    given = ALIPAY[name]["input"]
    answer = f'{{"x_response": {given["node"]} ,"sign":"{given["sign"]}"}}'
    inside, signature = alipay.node(answer, "x_response")
    assert inside == given["node"]
    assert _alipay_holds(inside, given | {"sign": signature}) is ALIPAY[name]["expected"]["valid"]


UNIONPAY = _named("unionpay")


def _unionpay_holds(values: dict[str, str], signature: str, pem: str) -> bool:
    return signatures.is_signed(unionpay.digest(values), signature, signatures.public_key(pem))


def test_a_unionpay_request_is_signed_over_the_hex_text_of_its_digest() -> None:
    given, expected = UNIONPAY["U1 request"]["input"], UNIONPAY["U1 request"]["expected"]
    values = given["parameters"]
    assert unionpay.text(values) == expected["string_to_sign"]
    assert unionpay.digest(values).decode() == expected["sha256_hex"]
    assert _unionpay_holds(values, given["signature_b64"], given["public_key_pem"])
    assert not _unionpay_holds(values | {"txnAmt": "2"}, given["signature_b64"], given["public_key_pem"])


@pytest.mark.parametrize("name", ["U2 front answer", "U3 query answer"])
def test_a_unionpay_answer_holds_with_its_certificate_byte_for_byte(name: str) -> None:
    given, expected = UNIONPAY[name]["input"], UNIONPAY[name]["expected"]
    values = given["parameters"]
    pem = values["signPubKeyCert"]
    assert unionpay.digest(values).decode() == expected["sha256_hex"]
    assert _unionpay_holds(values, given["signature_b64"], pem)
    without_cr = values | {"signPubKeyCert": pem.replace("\r", "")}
    assert not _unionpay_holds(without_cr, given["signature_b64"], pem)
    if name == "U2 front answer":
        twin = UNIONPAY["U2 with CR removed from the certificate text"]["input"]
        assert unionpay.digest(without_cr).decode() == twin["sha256_hex"]


def test_a_unionpay_answer_of_another_authority_is_forged_though_its_signature_holds() -> None:
    """The published one: we do not have its authority's certificate, so nobody may believe it here."""
    given = UNIONPAY["U2 front answer"]["input"]
    said = given["parameters"] | {"signature": given["signature_b64"]}
    pem = said["signPubKeyCert"]
    with pytest.raises(Forged, match="did not give out"):
        unionpay.check(said, middle=pem, root=pem, subject="中国银联股份有限公司", at=datetime(2022, 9, 8, tzinfo=UTC))
    with pytest.raises(Forged, match="another version"):
        unionpay.check(
            said | {"version": "5.0.0"}, middle=pem, root=pem, subject="", at=datetime(2022, 9, 8, tzinfo=UTC)
        )
    with pytest.raises(Forged, match="wrong"):
        unionpay.check(said | {"txnAmt": "2"}, middle=pem, root=pem, subject="", at=datetime(2022, 9, 8, tzinfo=UTC))
