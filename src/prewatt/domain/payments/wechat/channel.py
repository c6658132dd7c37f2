"""WeChat Pay behind the house's own words."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import httpx

from prewatt.domain.payments import signatures
from prewatt.domain.payments.asking import BILL_BYTES_MAX, BILL_SECONDS_MAX, Answer, ask
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
from prewatt.domain.payments.spelling import CHINA, is_over, text_of
from prewatt.domain.payments.wechat import reading, signing
from prewatt.domain.payments.wechat.settings import Settings

SUBJECT_BYTES_MAX = 127
REASON_BYTES_MAX = 80
PAID_ALREADY = frozenset({"ORDERPAID", "ORDER_PAID"})
CLOSED_ALREADY = frozenset({"ORDERCLOSED", "ORDER_CLOSED"})
NO_ORDER = frozenset({"ORDER_NOT_EXIST", "ORDERNOTEXIST"})
NO_REFUND = frozenset({"RESOURCE_NOT_EXISTS", "REFUND_NOT_EXISTS"})
AGAIN = frozenset({"SYSTEM_ERROR", "SYSTEMERROR", "BIZERR_NEED_RETRY", "FREQUENCY_LIMITED", "STATEMENT_CREATING"})
_PATHS = {Way.CODE: "native", Way.PHONE: "h5", Way.INSIDE: "jsapi"}


class WeChat:
    name = "wechat"
    ways = frozenset(_PATHS)

    def __init__(self, settings: Settings, client: httpx.Client) -> None:
        self._settings, self._client = settings, client
        self._key = signatures.private_key(settings.private_key)
        for pem in settings.platform.values():  # a key that is none is found here, not at the first notification
            signatures.public_key(pem)

    def create(self, ask: Ask, *, now: datetime) -> Lead:
        path = f"/v3/pay/transactions/{_PATHS[ask.way]}"
        try:
            said = self._ask("POST", path, self._order(ask), now=now)
            return self._lead(ask, said, now)
        except NotTaken as error:
            if error.code in PAID_ALREADY:
                raise Unreachable("it says that this order is paid") from error
            raise
        except (ValueError, KeyError) as error:
            raise Unreachable("an answer that cannot be read") from error

    def _order(self, ask: Ask) -> dict[str, Any]:
        order: dict[str, Any] = {
            "appid": self._settings.app_id,
            "mchid": self._settings.merchant_id,
            "description": _cut(ask.subject, SUBJECT_BYTES_MAX),
            "out_trade_no": ask.order_no,
            "time_expire": ask.expires_at.astimezone(CHINA).isoformat(timespec="seconds"),
            "notify_url": ask.notify_url,
            "amount": {"total": ask.amount_fen, "currency": reading.CURRENCY},
        }
        if ask.way == Way.PHONE:
            order["scene_info"] = {"payer_client_ip": ask.address or "127.0.0.1", "h5_info": {"type": "Wap"}}
        if ask.way == Way.INSIDE:
            order["payer"] = {"openid": ask.payer}
        return order

    def _lead(self, ask: Ask, said: Mapping[str, Any], now: datetime) -> Lead:
        if ask.way == Way.CODE:
            return Lead(Opens.SCAN, text_of(said["code_url"]))
        if ask.way == Way.PHONE:
            url = text_of(said["h5_url"])
            if urlsplit(url).scheme not in {"https", "http"}:
                raise ValueError("not an address")
            mark = "&" if urlsplit(url).query else "?"
            back = f"{mark}redirect_url={quote(ask.return_url, safe='')}" if ask.return_url else ""
            return Lead(Opens.VISIT, url + back)
        return Lead(Opens.BRIDGE, fields=self._bridge(text_of(said["prepay_id"]), now))

    def _bridge(self, prepay_id: str, now: datetime) -> dict[str, str]:
        app_id, timestamp, nonce = self._settings.app_id, str(int(now.timestamp())), secrets.token_hex(16)
        package = f"prepay_id={prepay_id}"
        signature = signatures.sign(signing.message(app_id, timestamp, nonce, package), self._key)
        return {
            "appId": app_id,
            "timeStamp": timestamp,
            "nonceStr": nonce,
            "package": package,
            "signType": "RSA",
            "paySign": signature,
        }

    @property
    def knows_payers(self) -> bool:
        """Has the site an official account, by which it learns a payer's openid?"""
        return bool(self._settings.app_secret)

    def ask_who(self, back_url: str, mark: str) -> str:
        """Where a browser inside WeChat goes, to come back to `back_url` with `code` and with `state`, which is `mark`.

        `mark` is letters and digits.
        """
        asked = {"appid": self._settings.app_id, "redirect_uri": back_url, "response_type": "code"}
        query = urlencode({**asked, "scope": "snsapi_base", "state": mark})
        return f"{self._settings.login}/connect/oauth2/authorize?{query}#wechat_redirect"

    def who(self, code: str) -> str:
        """The openid behind a code, which is good once. Raises NotTaken, Unreachable."""
        asked = {"appid": self._settings.app_id, "secret": self._settings.app_secret, "code": code}
        query = urlencode({**asked, "grant_type": "authorization_code"})
        answer = ask(self._client, "GET", f"{self._settings.openid}/sns/oauth2/access_token?{query}")
        try:
            said = reading.document(answer.body)
            if "errcode" in said:
                raise NotTaken(str(said["errcode"]), str(said.get("errmsg", "")))
            return text_of(said["openid"])
        except (ValueError, KeyError, TypeError) as error:
            raise Unreachable("an answer that cannot be read") from error

    def read_notice(self, headers: Mapping[str, str], body: bytes, *, now: datetime) -> Fact | BackFact:
        signing.check(headers, body, self._settings.platform, now=now)
        try:
            said = reading.document(body)
            inside = reading.document(self._inside(said["resource"]))
            if text_of(said["event_type"]).startswith("REFUND."):
                return reading.back_fact(inside, self._settings)
            if said["event_type"] == "TRANSACTION.SUCCESS":
                return reading.fact(inside, self._settings)
        except (ValueError, KeyError, TypeError) as error:
            raise Forged("signed, and not to be understood") from error
        raise Forged("signed, about something that is no payment")

    def _inside(self, resource: Mapping[str, Any]) -> bytes:
        if resource["algorithm"] != "AEAD_AES_256_GCM":
            raise ValueError("another algorithm")
        return signing.opened(
            text_of(resource["ciphertext"]),
            key=self._settings.api_v3_key,
            nonce=text_of(resource["nonce"]),
            associated=text_of(resource.get("associated_data", "")),
        )

    def reply(self, *, taken: bool) -> Reply:
        if taken:
            return Reply(200, "application/json", b'{"code":"SUCCESS"}')
        return Reply(500, "application/json", '{"code":"FAIL","message":"失败"}'.encode())

    def query(self, order_no: str, *, created_at: datetime, now: datetime) -> Fact:  # noqa: ARG002 - others need it
        path = f"/v3/pay/transactions/out-trade-no/{quote(order_no, safe='')}"
        try:
            said = self._ask("GET", path + "?" + urlencode({"mchid": self._settings.merchant_id}), now=now)
            fact = reading.fact(said, self._settings)
        except NotTaken as error:
            if error.code in NO_ORDER:
                return Fact(order_no, Standing.ABSENT, raw=str(error))
            raise Unreachable(str(error)) from error
        except (ValueError, KeyError, TypeError) as error:
            raise Unreachable("an answer that cannot be read") from error
        if fact.order_no != order_no:
            raise Forged("an answer about another order")
        return fact

    def close(self, order_no: str, *, created_at: datetime, now: datetime) -> Fact:  # noqa: ARG002 - others need it
        path = f"/v3/pay/transactions/out-trade-no/{quote(order_no, safe='')}/close"
        try:
            self._ask("POST", path, {"mchid": self._settings.merchant_id}, now=now)
        except NotTaken as error:
            return Fact(order_no, _after_closing(error.code), raw=str(error))
        except ValueError as error:
            raise Unreachable("an answer that cannot be read") from error
        return Fact(order_no, Standing.CLOSED)

    def refund(self, ask: BackAsk, *, now: datetime) -> BackFact:
        wanted = {
            "out_trade_no": ask.order_no,
            "out_refund_no": ask.back_no,
            "reason": _cut(ask.reason, REASON_BYTES_MAX),
            "amount": {"refund": ask.amount_fen, "total": ask.total_fen, "currency": reading.CURRENCY},
        }
        if not ask.reason:
            del wanted["reason"]
        try:
            return self._back(ask, self._ask("POST", "/v3/refund/domestic/refunds", wanted, now=now))
        except (ValueError, KeyError, TypeError) as error:
            raise Unreachable("an answer that cannot be read") from error

    def query_refund(self, ask: BackAsk, *, now: datetime) -> BackFact:
        try:
            path = f"/v3/refund/domestic/refunds/{quote(ask.back_no, safe='')}"
            return self._back(ask, self._ask("GET", path, now=now))
        except NotTaken as error:
            if error.code in NO_REFUND:
                return BackFact(ask.back_no, ask.order_no, Standing.ABSENT, raw=str(error))
            raise Unreachable(str(error)) from error
        except (ValueError, KeyError, TypeError) as error:
            raise Unreachable("an answer that cannot be read") from error

    def _back(self, ask: BackAsk, said: Mapping[str, Any]) -> BackFact:
        fact = reading.back_fact(said, self._settings)
        if (fact.back_no, fact.order_no) != (ask.back_no, ask.order_no):
            raise Unreachable("an answer about another refund")
        return fact

    def bill(self, day: date, *, now: datetime) -> Sequence[BillLine]:
        """The place of the bill and its hash are signed; the file itself is held against the hash."""
        if not is_over(day, now):
            raise Unreachable("that day is not over")
        try:
            query = urlencode({"bill_date": day.isoformat(), "bill_type": "ALL"})
            said = self._ask("GET", f"/v3/bill/tradebill?{query}", now=now)
            url = text_of(said["download_url"])
            if said["hash_type"] != "SHA1" or urlsplit(url)[:2] != urlsplit(self._settings.base)[:2]:
                raise ValueError("a bill somewhere else, or with another hash")
            answer = self._send("GET", url, b"", now=now, bytes_max=BILL_BYTES_MAX, seconds_max=BILL_SECONDS_MAX)
            found = hashlib.sha1(answer.body, usedforsecurity=False).hexdigest()
            if answer.status != 200 or found != text_of(said["hash_value"]).lower():
                raise Unreachable("the bill does not agree with its signed hash")
            return reading.bill_lines(answer.body)
        except (ValueError, KeyError, TypeError) as error:
            raise Unreachable("a bill that cannot be read") from error

    def _ask(self, method: str, target: str, wanted: Mapping[str, Any] | None = None, *, now: datetime) -> Any:
        """The verified answer's document. Raises NotTaken, Unreachable; an unsigned refusal is none."""
        body = json.dumps(wanted, ensure_ascii=False, separators=(",", ":")).encode() if wanted is not None else b""
        answer = self._send(method, self._settings.base + target, body, now=now)
        try:
            signing.check(answer.headers, answer.body, self._settings.platform, now=now)
        except Forged as error:
            raise Unreachable(f"an answer ({answer.status}) that cannot be believed: {error}") from error
        said = reading.document(answer.body) if answer.body else {}
        if 200 <= answer.status < 300 and answer.status != 202:
            return said
        code, words = str(said.get("code", answer.status)), str(said.get("message", ""))
        if answer.status in {202, 429} or answer.status >= 500 or code in AGAIN:
            raise Unreachable(f"{code}: {words}")
        raise NotTaken(code, words)

    def _send(self, method: str, url: str, body: bytes, *, now: datetime, **bounds: Any) -> Answer:
        parts = urlsplit(url)
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        proof = signing.authorization(
            method=method,
            target=target,
            body=body,
            merchant_id=self._settings.merchant_id,
            serial=self._settings.serial,
            key=self._key,
            nonce=secrets.token_hex(16),
            timestamp=int(now.timestamp()),
        )
        headers = {"Authorization": proof, "Accept": "application/json", "Content-Type": "application/json"}
        return ask(self._client, method, url, content=body or None, headers=headers, **bounds)


def _after_closing(code: str) -> Standing:
    if code in PAID_ALREADY:
        return Standing.PAID
    if code in CLOSED_ALREADY:
        return Standing.CLOSED
    return Standing.ABSENT if code in NO_ORDER else Standing.UNKNOWN


def _cut(text: str, bytes_max: int) -> str:
    return text.encode()[:bytes_max].decode(errors="ignore")
