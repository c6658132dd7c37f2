"""WeChat Pay and Alipay as strangers wrote them: they sign, verify and decrypt as our channels and our sandbox do."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import alipay as alipay_sdk
import httpx
import pytest
import time_machine
import wechatpayv3
from wechatpayv3 import utils as wechat_utils

from domain.payments.opposite import channels, now
from prewatt.domain.payments.channel import Ask, Fact, Forged, Standing, Way
from prewatt.domain.payments.spelling import CHINA
from prewatt.sim.paying import keys as known
from prewatt.sim.paying.mischief import GOOD
from prewatt.sim.paying.server import Sandbox, running

NOTIFY = "http://127.0.0.1:9/paying/"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with running(hurry=100.0) as made:
        yield made


@pytest.fixture
def given(sandbox: Sandbox) -> dict[str, Any]:
    handed_out: dict[str, Any] = known.for_the_merchant(sandbox.keys, sandbox.base)
    return handed_out


@pytest.fixture
def wechat(sandbox: Sandbox, given: dict[str, Any]) -> wechatpayv3.WeChatPay:
    mine = given["wechat"]
    sdk = wechatpayv3.WeChatPay(
        wechatpay_type=wechatpayv3.WeChatPayType.NATIVE,
        mchid=mine["merchant_id"],
        private_key=mine["private_key"],
        cert_serial_no=mine["serial"],
        appid=mine["app_id"],
        apiv3_key=mine["api_v3_key"],
        notify_url=NOTIFY + "wechat",
        public_key=sandbox.keys.wechat.public_pem,
        public_key_id=sandbox.keys.wechat.serial_hex,
    )
    sdk._core._gate_way = sandbox.base
    return sdk


@pytest.fixture
def alipay(sandbox: Sandbox, given: dict[str, Any]) -> alipay_sdk.AliPay:
    mine = given["alipay"]
    sdk = alipay_sdk.AliPay(
        appid=mine["app_id"],
        app_notify_url=NOTIFY + "alipay",
        app_private_key_string=mine["private_key"],
        alipay_public_key_string=mine["alipay_public_key"],
    )
    sdk._gateway = f"{sandbox.base}/gateway.do"
    return sdk


def asked(order_no: str, way: Way = Way.CODE) -> Ask:
    at = now().replace(microsecond=0)
    back = "http://127.0.0.1:9/b"
    return Ask(order_no, 12_345, "电费 + 测试/A101", way, at, at + timedelta(minutes=9), NOTIFY, back, "openid-1")


def pay(sandbox: Sandbox, channel: str, order_no: str) -> None:
    page = f"{sandbox.base}/pay/{channel}/{order_no}"
    assert httpx.post(page, data={"do": "pay"}).status_code in {200, 303}


# --- they speak with our sandbox --------------------------------------------------


def said(answer: tuple[int, Any]) -> dict[str, Any]:
    assert answer[0] == 200, answer
    found: dict[str, Any] = json.loads(answer[1])
    return found


def test_wechats_other_client_buys_and_gives_back_at_the_sandbox(
    sandbox: Sandbox, wechat: wechatpayv3.WeChatPay
) -> None:
    order_no = "SDKWECHAT0001"
    amount = {"total": 12_345, "currency": "CNY"}
    assert said(wechat.pay(description="电费/A101", out_trade_no=order_no, amount=amount))["code_url"]
    assert said(wechat.query(out_trade_no=order_no))["trade_state"] == "NOTPAY"
    pay(sandbox, "wechat", order_no)
    paid = said(wechat.query(out_trade_no=order_no))
    assert (paid["trade_state"], paid["amount"]["total"]) == ("SUCCESS", 12_345)
    back = {"refund": 45, "total": 12_345, "currency": "CNY"}
    said(wechat.refund(out_refund_no="SDKWECHATB1", amount=back, out_trade_no=order_no))
    assert said(wechat.query_refund("SDKWECHATB1"))["amount"]["refund"] == 45
    said(wechat.pay(description="电费", out_trade_no="SDKWECHAT0002", amount=amount))
    assert wechat.close("SDKWECHAT0002")[0] == 204


def test_another_merchants_key_is_refused(sandbox: Sandbox, wechat: wechatpayv3.WeChatPay) -> None:
    wechat._core._private_key = sandbox.keys.stranger.key
    amount = {"total": 1, "currency": "CNY"}
    assert wechat.pay(description="x", out_trade_no="SDKWECHAT0009", amount=amount)[0] == 401


def in_china() -> dict[str, str]:
    """The library writes the machine's own time; Alipay reads China's."""
    return {"timestamp": f"{datetime.now(CHINA):%Y-%m-%d %H:%M:%S}"}


def test_alipays_other_client_buys_and_gives_back_at_the_sandbox(sandbox: Sandbox, alipay: alipay_sdk.AliPay) -> None:
    order = {"out_trade_no": "SDKALIPAY0001"}
    wanted = order | {"total_amount": "123.45", "subject": "电费 + 测试/A101"}
    assert alipay.server_api("alipay.trade.precreate", wanted, **in_china())["qr_code"]
    assert alipay.server_api("alipay.trade.query", order, **in_china())["trade_status"] == "WAIT_BUYER_PAY"
    pay(sandbox, "alipay", "SDKALIPAY0001")
    paid = alipay.server_api("alipay.trade.query", order, **in_china())
    assert (paid["trade_status"], paid["total_amount"]) == ("TRADE_SUCCESS", "123.45")
    back = order | {"refund_amount": "0.45", "out_request_no": "SDKALIPAYB1"}
    assert alipay.server_api("alipay.trade.refund", back, **in_china())["fund_change"] == "Y"
    asked_again = order | {"out_request_no": "SDKALIPAYB1"}
    found = alipay.server_api("alipay.trade.fastpay.refund.query", asked_again, **in_china())
    assert found["refund_amount"] == "0.45"


# --- they sign what we sign --------------------------------------------------


class Overheard:
    """A client of ours that nobody answers: what it would have sent."""

    def __init__(self) -> None:
        self.requests: list[httpx.Request] = []
        self.client = httpx.Client(transport=httpx.MockTransport(self._hear))

    def _hear(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        raise httpx.ConnectError("nobody")


@pytest.mark.parametrize("way", [Way.CODE, Way.PHONE, Way.INSIDE])
def test_our_requests_to_wechat_are_signed_as_the_other_client_signs_them(
    given: dict[str, Any], wechat: wechatpayv3.WeChatPay, way: Way
) -> None:
    """RSA with PKCS 1 padding says the same of the same: so the headers are equal letter by letter."""
    overheard = Overheard()
    with pytest.raises(Exception, match="ConnectError"):
        channels(given, overheard.client)["wechat"].create(asked("SIGNED0001", way), now=now())
    (request,) = overheard.requests
    scheme, _, proof = request.headers["authorization"].partition(" ")
    ours = dict(part.split("=", 1) for part in proof.split(","))
    ours = {name: value.strip('"') for name, value in ours.items()}
    with time_machine.travel(int(ours["timestamp"]), tick=False):
        theirs = wechat_utils.build_authorization(
            request.url.raw_path.decode(),
            "POST",
            given["wechat"]["merchant_id"],
            given["wechat"]["serial"],
            wechat._core._private_key,
            data=request.content.decode(),
            nonce_str=ours["nonce_str"],
        )
    assert scheme == theirs.partition(" ")[0]
    parts = dict(part.split("=", 1) for part in theirs.partition(" ")[2].split(","))
    assert ours == {name: value.strip('"') for name, value in parts.items()}


def test_what_wechats_own_page_is_handed_is_signed_as_the_other_client_signs_it(
    given: dict[str, Any], wechat: wechatpayv3.WeChatPay
) -> None:
    with httpx.Client() as client:
        lead = channels(given, client)["wechat"].create(asked("BRIDGE0001", Way.INSIDE), now=now())
    told = lead.fields
    assert told["paySign"] == wechat.sign([told["appId"], told["timeStamp"], told["nonceStr"], told["package"]])


@pytest.mark.parametrize("way", [Way.PAGE, Way.PHONE, Way.CODE])
def test_our_requests_to_alipay_are_signed_as_the_other_client_signs_them(
    given: dict[str, Any], alipay: alipay_sdk.AliPay, way: Way
) -> None:
    overheard = Overheard()
    channel = channels(given, overheard.client)["alipay"]
    if way == Way.CODE:
        with pytest.raises(Exception, match="ConnectError"):
            channel.create(asked("SIGNED0002", way), now=now())
        (request,) = overheard.requests
        told = dict(parse_qsl(request.url.query.decode()) + parse_qsl(request.content.decode()))
    else:
        told = dict(parse_qsl(urlsplit(channel.create(asked("SIGNED0002", way), now=now()).url).query))
    signature = told.pop("sign")
    assert parse_qs(alipay.sign_data(dict(told)))["sign"] == [signature]


# --- they believe what our sandbox tells --------------------------------------------------


def test_a_notification_of_wechat_says_the_same_to_both(
    sandbox: Sandbox, given: dict[str, Any], wechat: wechatpayv3.WeChatPay
) -> None:
    with httpx.Client() as client:
        ours = channels(given, client)["wechat"]
        ours.create(asked("TOLD0001"), now=now())
        pay(sandbox, "wechat", "TOLD0001")
        order = sandbox.desk.book.find("wechat", "TOLD0001")
        told = sandbox.desk._protocols["wechat"].told(order, GOOD, now=now())
        headers = {name.lower(): value for name, value in told.headers.items()}
        fact = ours.read_notice(headers, told.body, now=now())
        theirs = wechat.callback(headers, told.body)
        assert isinstance(fact, Fact)
        assert theirs["event_type"] == "TRANSACTION.SUCCESS"
        inside = theirs["resource"]
        assert (inside["out_trade_no"], inside["transaction_id"]) == (fact.order_no, fact.channel_no)
        assert (inside["amount"]["total"], fact.standing) == (fact.amount_fen, Standing.PAID)
        assert wechat.callback(headers, told.body + b" ") is None
        with pytest.raises(Forged):
            ours.read_notice(headers, told.body + b" ", now=now())


def test_a_notification_of_alipay_says_the_same_to_both(
    sandbox: Sandbox, given: dict[str, Any], alipay: alipay_sdk.AliPay
) -> None:
    with httpx.Client() as client:
        ours = channels(given, client)["alipay"]
        ours.create(asked("TOLD0002"), now=now())
        pay(sandbox, "alipay", "TOLD0002")
        order = sandbox.desk.book.find("alipay", "TOLD0002")
        told = sandbox.desk._protocols["alipay"].told(order, GOOD, now=now())
        fact = ours.read_notice({}, told.body, now=now())
        assert isinstance(fact, Fact)
        values = dict(parse_qsl(told.body.decode()))
        signature = values.pop("sign")
        assert alipay.verify(dict(values), signature)
        assert (values["out_trade_no"], values["total_amount"]) == (fact.order_no, "123.45")
        assert fact.amount_fen == 12_345
        assert not alipay.verify(values | {"total_amount": "123.46"}, signature)
        with pytest.raises(Forged):
            ours.read_notice({}, told.body.replace(b"123.45", b"123.46"), now=now())
