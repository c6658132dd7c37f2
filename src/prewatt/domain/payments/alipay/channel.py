"""Alipay behind the house's own words."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx

from prewatt.domain.payments import signatures
from prewatt.domain.payments.alipay import reading, signing
from prewatt.domain.payments.alipay.settings import Settings
from prewatt.domain.payments.asking import BILL_BYTES_MAX, BILL_SECONDS_MAX, ask
from prewatt.domain.payments.channel import (
    Ask,
    BackAsk,
    BackFact,
    BillLine,
    Fact,
    Forged,
    Lead,
    NotTaken,
    Opens,
    Reply,
    Standing,
    Unreachable,
    Way,
)
from prewatt.domain.payments.spelling import SKEW, china, fen_of, from_china, is_over, text_of, yuan

SUBJECT_MAX, REASON_MAX = 128, 128
OLDEST = timedelta(hours=26)  # it tells for 25 h, and nobody promises that it stamps and signs each time anew
NO_ORDER = "ACQ.TRADE_NOT_EXIST"
PAID_ALREADY = "ACQ.TRADE_HAS_SUCCESS"
NO_BILL = "isp.bill_not_exist"
DONE, BUSY = "10000", frozenset({"10003", "20000"})
_PAGES = {
    Way.PAGE: ("alipay.trade.page.pay", "FAST_INSTANT_TRADE_PAY"),
    Way.PHONE: ("alipay.trade.wap.pay", "QUICK_WAP_WAY"),
}


class Alipay:
    name = "alipay"
    ways = frozenset({Way.PAGE, Way.PHONE, Way.CODE})

    def __init__(self, settings: Settings, client: httpx.Client) -> None:
        self._settings, self._client = settings, client
        self._key = signatures.private_key(settings.private_key)
        self._public = signatures.public_key(settings.public_key)
        self._codec = signing.codec(settings.charset)

    def create(self, ask: Ask, *, now: datetime) -> Lead:
        order = {
            "out_trade_no": ask.order_no,
            "total_amount": yuan(ask.amount_fen),
            "subject": ask.subject[:SUBJECT_MAX],
            "time_expire": china(ask.expires_at),
        }
        if ask.way in _PAGES:  # nothing is asked: the payer's browser carries the signed order
            method, product = _PAGES[ask.way]
            more = {"notify_url": ask.notify_url, "return_url": ask.return_url}
            signed = self._signed(method, order | {"product_code": product}, now=now, more=more)
            return Lead(Opens.VISIT, self._settings.gateway + "?" + urlencode(signed, encoding=self._codec))
        try:
            said = self._ask("alipay.trade.precreate", order, now=now, more={"notify_url": ask.notify_url})
            if said["out_trade_no"] != ask.order_no:
                raise ValueError("an answer about another order")
            return Lead(Opens.SCAN, text_of(said["qr_code"]))
        except NotTaken as error:
            if error.code == PAID_ALREADY:
                raise Unreachable("it says that this order is paid") from error
            raise
        except (ValueError, KeyError) as error:
            raise Unreachable("an answer that cannot be read") from error

    def read_notice(self, headers: Mapping[str, str], body: bytes, *, now: datetime) -> Fact | BackFact:  # noqa: ARG002 - nothing is signed in them
        values, encoding = signing.form(body)
        message = signing.text(values, without=signing.OF_NOTICE).encode(encoding)
        if values.get("sign_type") != "RSA2" or not signatures.is_signed(message, values.get("sign", ""), self._public):
            raise Forged("the signature is wrong")
        if (values.get("app_id"), values.get("seller_id")) != (self._settings.app_id, self._settings.seller_id):
            raise Forged("for another app or seller")
        if (values.get("trans_currency") or "CNY") != "CNY" or values.get("notify_type") != "trade_status_sync":
            raise Forged("in another currency, or about something that is no payment")
        try:
            self._check_age(from_china(values["notify_time"]), now)
            is_back = values.get("out_biz_no") and values.get("refund_fee")
            return reading.back_notice(values) if is_back else reading.fact(values)
        except (ValueError, KeyError, OverflowError) as error:
            raise Forged("signed, and not to be understood") from error

    def _check_age(self, at: datetime, now: datetime) -> None:
        if not -OLDEST <= at - now <= SKEW:
            raise Forged("told at a time that cannot be")

    def reply(self, *, taken: bool) -> Reply:
        return Reply(200, "text/plain", b"success" if taken else b"fail")

    def query(self, order_no: str, *, created_at: datetime, now: datetime) -> Fact:  # noqa: ARG002 - others need it
        try:
            said = self._ask("alipay.trade.query", {"out_trade_no": order_no}, now=now)
            if (said.get("trans_currency") or "CNY") != "CNY":
                raise Forged("in another currency")
            fact = reading.fact(said)
        except NotTaken as error:
            if error.code == NO_ORDER:
                return Fact(order_no, Standing.ABSENT, raw=str(error))
            raise Unreachable(str(error)) from error
        except (ValueError, KeyError) as error:
            raise Unreachable("an answer that cannot be read") from error
        if fact.order_no != order_no:
            raise Forged("an answer about another order")
        return fact

    def close(self, order_no: str, *, created_at: datetime, now: datetime) -> Fact:  # noqa: ARG002 - others need it
        """An order whose code nobody scanned is ABSENT; it ends by its own time. Never `cancel`: that would refund."""
        try:
            said = self._ask("alipay.trade.close", {"out_trade_no": order_no}, now=now)
        except NotTaken as error:
            standing = {NO_ORDER: Standing.ABSENT, PAID_ALREADY: Standing.PAID}.get(error.code, Standing.UNKNOWN)
            return Fact(order_no, standing, raw=str(error))
        if said.get("out_trade_no", order_no) != order_no:
            raise Unreachable("an answer about another order")
        return Fact(order_no, Standing.CLOSED)

    def refund(self, ask: BackAsk, *, now: datetime) -> BackFact:
        """`fund_change` N is no refusal: asked before, or the money is on its way. Then it is asked about."""
        wanted = {
            "out_trade_no": ask.order_no,
            "out_request_no": ask.back_no,
            "refund_amount": yuan(ask.amount_fen),
            "refund_reason": ask.reason[:REASON_MAX] or "退款",
        }
        said = self._ask("alipay.trade.refund", wanted, now=now)
        if said.get("out_trade_no") != ask.order_no:
            raise Unreachable("an answer about another order")
        if said.get("fund_change") != "Y":
            return self.query_refund(ask, now=now)
        trade_no = str(said.get("trade_no", ""))
        return BackFact(ask.back_no, ask.order_no, Standing.PAID, channel_no=trade_no, raw=reading.raw(said))

    def query_refund(self, ask: BackAsk, *, now: datetime) -> BackFact:
        """No status in a good answer: it has not heard of it, or is at it still."""
        wanted = {"out_trade_no": ask.order_no, "out_request_no": ask.back_no}
        try:
            said = self._ask("alipay.trade.fastpay.refund.query", wanted, now=now)
            done = said.get("refund_status") == "REFUND_SUCCESS"
            if done and (said["out_request_no"], said["out_trade_no"]) != (ask.back_no, ask.order_no):
                raise ValueError("an answer about another refund")
            fen = fen_of(text_of(said["refund_amount"])) if done else None
        except NotTaken as error:
            if error.code == NO_ORDER:
                return BackFact(ask.back_no, ask.order_no, Standing.ABSENT, raw=str(error))
            raise Unreachable(str(error)) from error
        except (ValueError, KeyError) as error:
            raise Unreachable("an answer that cannot be read") from error
        standing = Standing.PAID if done else Standing.UNKNOWN
        trade_no = str(said.get("trade_no", ""))
        return BackFact(ask.back_no, ask.order_no, standing, fen, trade_no, reading.raw(said))

    def bill(self, day: date, *, now: datetime) -> Sequence[BillLine]:
        """The address of the bill is signed; the file is held against its own count."""
        if not is_over(day, now):
            raise Unreachable("that day is not over")
        method = "alipay.data.dataservice.bill.downloadurl.query"
        try:
            said = self._ask(method, {"bill_type": "trade", "bill_date": day.isoformat()}, now=now)
            url = text_of(said["bill_download_url"])
            if urlsplit(url).scheme not in {"https", urlsplit(self._settings.gateway).scheme}:
                raise ValueError("a bill in the open")
            answer = ask(self._client, "GET", url, bytes_max=BILL_BYTES_MAX, seconds_max=BILL_SECONDS_MAX)
            if answer.status != 200:
                raise Unreachable(f"the bill cannot be fetched ({answer.status})")
            return reading.bill_lines(answer.body)
        except NotTaken as error:
            if error.code == NO_BILL and is_over(day + timedelta(days=1), now):
                raise
            raise Unreachable(str(error)) from error  # it may be written still
        except (ValueError, KeyError) as error:
            raise Unreachable("a bill that cannot be read") from error

    def _signed(
        self, method: str, wanted: Mapping[str, str], *, now: datetime, more: Mapping[str, str]
    ) -> dict[str, str]:
        values = {
            "app_id": self._settings.app_id,
            "method": method,
            "format": "JSON",
            "charset": self._settings.charset,
            "sign_type": "RSA2",
            "timestamp": china(now),
            "version": "1.0",
            "biz_content": json.dumps(wanted, ensure_ascii=False, separators=(",", ":")),
            **{name: value for name, value in more.items() if value},
        }
        message = signing.text(values, without=signing.OF_REQUEST).encode(self._codec)
        return values | {"sign": signatures.sign(message, self._key)}

    def _ask(
        self, method: str, wanted: Mapping[str, str], *, now: datetime, more: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        """The verified node of the answer. Raises NotTaken, Unreachable; an unsigned refusal is none."""
        signed = self._signed(method, wanted, now=now, more=more or {})
        url = f"{self._settings.gateway}?{urlencode({'charset': self._settings.charset})}"
        headers = {"Content-Type": f"application/x-www-form-urlencoded;charset={self._settings.charset}"}
        answer = ask(
            self._client, "POST", url, content=urlencode(signed, encoding=self._codec).encode(), headers=headers
        )
        if answer.status != 200:
            raise Unreachable(f"answered {answer.status}")
        said = self._believed(answer.body, method)
        code = str(said.get("code", ""))
        if code == DONE:
            return said
        name = str(said.get("sub_code") or code)
        if code in BUSY or name.endswith("SYSTEM_ERROR") or name.startswith("aop."):
            raise Unreachable(name)
        raise NotTaken(name, str(said.get("sub_msg") or said.get("msg", "")))

    def _believed(self, body: bytes, method: str) -> dict[str, Any]:
        name = method.replace(".", "_") + "_response"
        try:
            answer = body.decode(self._codec)
            inside, signature = signing.node(answer, name if f'"{name}":' in answer else "error_response")
            if not signatures.is_signed(inside.encode(self._codec), signature, self._public):
                raise Unreachable("an answer that Alipay did not sign")
            said = json.loads(inside)
        except ValueError as error:
            raise Unreachable("an answer that cannot be read") from error
        if not isinstance(said, dict):
            raise Unreachable("an answer that cannot be read")
        return said
