"""Whatever knocks, the only complaint is Forged: nothing else may reach the door, and nothing unsigned a Fact."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from urllib.parse import urlencode

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.payments.opposite import channels
from prewatt.domain.payments import signatures
from prewatt.domain.payments.alipay import signing as alipay
from prewatt.domain.payments.channel import BackFact, Channel, Fact, Forged
from prewatt.domain.payments.unionpay import signing as unionpay
from prewatt.domain.payments.wechat import signing as wechat
from prewatt.sim.paying import keys as sandbox_keys

NOW = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
KEYS = sandbox_keys.make(now=NOW)
HANDED_OUT = sandbox_keys.for_the_merchant(KEYS, "http://127.0.0.1:9")
TEXT = st.text(max_size=40)
VALUES = st.dictionaries(
    st.sampled_from(
        "app_id seller_id notify_time notify_type trade_status total_amount out_trade_no out_biz_no refund_fee charset"
        " gmt_payment merId txnTime txnType txnAmt orderId respCode traceTime currencyCode x".split()
    ),
    TEXT
    | st.sampled_from(
        [
            sandbox_keys.ALIPAY_APP,
            sandbox_keys.ALIPAY_SELLER,
            sandbox_keys.UNIONPAY_MERCHANT,
            "20261123120000",
            "01",
            "04",
            "00",
            "2026-11-23 12:00:00",
            "trade_status_sync",
            "TRADE_SUCCESS",
            "0.01",
            "9999-99-99 00:00:00",
            "156",
            "gbk",
        ]
    ),
)


@pytest.fixture(scope="module")
def known() -> Iterator[Mapping[str, Channel]]:
    with httpx.Client() as client:
        yield channels(HANDED_OUT, client)


def _heard(channel: Channel, headers: Mapping[str, str], body: bytes) -> Fact | BackFact | None:
    try:
        return channel.read_notice(headers, body, now=NOW)
    except Forged:
        return None


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(body=st.binary(max_size=300), headers=st.dictionaries(TEXT, TEXT, max_size=4))
def test_bytes_are_forged(known: Mapping[str, Channel], body: bytes, headers: dict[str, str]) -> None:
    for channel in known.values():
        assert _heard(channel, headers, body) is None


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(values=VALUES, signature=TEXT)
def test_forms_that_nobody_signed_are_forged(
    known: Mapping[str, Channel], values: dict[str, str], signature: str
) -> None:
    said = values | {"sign": signature, "sign_type": "RSA2", "signature": signature, "signMethod": "01"}
    body = urlencode(said | {"version": "5.1.0", "signPubKeyCert": KEYS.union.certificate_pem}).encode()
    assert _heard(known["alipay"], {}, body) is None
    assert _heard(known["unionpay"], {}, body) is None


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(values=VALUES)
def test_forms_that_are_signed_and_senseless_raise_forged_at_most(
    known: Mapping[str, Channel], values: dict[str, str]
) -> None:
    """The provider's own key signed them: what comes out is a fact about our own app, or Forged."""
    values = {name: value for name, value in values.items() if name != "charset"}
    message = alipay.text(values, without=alipay.OF_NOTICE).encode("utf-8", errors="replace")
    signed = values | {"sign": signatures.sign(message, KEYS.alipay.key), "sign_type": "RSA2"}
    fact = _heard(known["alipay"], {}, urlencode(signed, errors="replace").encode())
    assert fact is None or values["app_id"] == sandbox_keys.ALIPAY_APP
    said = values | {"version": "5.1.0", "signMethod": "01", "signPubKeyCert": KEYS.union.certificate_pem}
    said["signature"] = unionpay.sign(said, KEYS.union.key)
    fact = _heard(known["unionpay"], {}, urlencode(said, errors="replace").encode())
    assert fact is None or values["merId"] == sandbox_keys.UNIONPAY_MERCHANT


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(body=st.binary(max_size=200) | st.recursive(st.none() | TEXT, st.lists).map(lambda x: repr(x).encode()))
def test_wechat_bodies_that_are_signed_and_senseless_are_forged(known: Mapping[str, Channel], body: bytes) -> None:
    timestamp = str(int(NOW.timestamp()))
    headers = {
        "wechatpay-timestamp": timestamp,
        "wechatpay-nonce": "n",
        "wechatpay-serial": KEYS.wechat.serial_hex,
        "wechatpay-signature": signatures.sign(wechat.message(timestamp, "n", body), KEYS.wechat.key),
    }
    wechat.check(headers, body, HANDED_OUT["wechat"]["platform"], now=NOW)
    assert _heard(known["wechat"], headers, body) is None
