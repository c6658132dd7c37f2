"""WeChat Pay, API v3, from the other side. Sources: the merchant documentation of pay.weixin.qq.com (product pages of
Native, H5, JSAPI; notification, refund and bill pages).
"""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import json
import re
import secrets
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from prewatt.sim.paying import keys as known
from prewatt.sim.paying.book import CHINA, Back, Book, Order, Refusal, State
from prewatt.sim.paying.keys import Keys
from prewatt.sim.paying.mischief import Mischief
from prewatt.sim.paying.talk import Request, Response, Telling, is_signed, sign

NAME = "wechat"
SKEW = timedelta(minutes=5)
_PAY = "/v3/pay/transactions/"
_ORDER = re.compile(r"/v3/pay/transactions/out-trade-no/([0-9A-Za-z_|*-]{6,32})(/close)?")
_REFUND = "/v3/refund/domestic/refunds"
_BILL, _FILE = "/v3/bill/tradebill", "/v3/billdownload/file"
_STATES = {State.WAITING: "NOTPAY", State.PAID: "SUCCESS", State.CLOSED: "CLOSED"}
# our own word -> status, code, words
_REFUSALS = {
    "absent": (404, "ORDER_NOT_EXIST", "订单不存在"),
    "paid": (400, "ORDERPAID", "订单已支付"),
    "closed": (400, "ORDER_CLOSED", "订单已关闭"),
    "other_amount": (400, "INVALID_REQUEST", "商户订单号重复"),
    "not_paid": (400, "INVALID_REQUEST", "订单未支付"),
    "too_much": (403, "NOT_ENOUGH", "退款金额超过可退金额"),
    "no_bill": (400, "NO_STATEMENT_EXIST", "账单文件不存在"),
}
_HEADS = (
    "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,应结订单金额,代金券金额,"
    "微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态,商品名称,商户数据包,手续费,费率,订单金额,申请退款金额,费率备注"
)
_SUMS = "总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额"


@dataclass(frozen=True, slots=True)
class WeChat:
    keys: Keys
    book: Book
    base: str

    @staticmethod
    def is_for(path: str) -> bool:
        return path.startswith("/v3/")

    def answer(self, request: Request, mischief: Mischief, *, now: datetime) -> Response:
        if why := self._wrong(request, now):
            return self._signed(401, {"code": "SIGN_ERROR", "message": why}, now)
        try:
            status, said = self._do(request, mischief, now)
        except Refusal as error:
            status, code, words = _REFUSALS.get(error.why, (400, "PARAM_ERROR", error.why))
            said = {"code": code, "message": words}
        except (ValueError, KeyError, TypeError) as error:
            status, said = 400, {"code": "PARAM_ERROR", "message": str(error)}
        return Response(status, said) if isinstance(said, bytes) else self._signed(status, said, now)

    def _do(self, request: Request, mischief: Mischief, now: datetime) -> tuple[int, Any]:
        path, given = request.path, {name: value[0] for name, value in parse_qs(request.query).items()}
        if request.method == "POST" and path.startswith(_PAY) and (kind := path.removeprefix(_PAY)) in _LEADS:
            return 200, self._create(kind, json.loads(request.body), now)
        if (one := _ORDER.fullmatch(path)) is not None:
            return self._close(one[1]) if one[2] else self._query(one[1], mischief)
        if path == _REFUND and request.method == "POST":
            return 200, self._give_back(json.loads(request.body), now)
        if path.startswith(f"{_REFUND}/"):
            return self._query_back(path.removeprefix(f"{_REFUND}/"), mischief)
        if path == _BILL:
            return 200, self._bill(date.fromisoformat(given["bill_date"]), now)
        if path == _FILE:
            return 200, self._file(date.fromisoformat(given["day"]))
        raise Refusal("no such interface")

    # --- orders ------------------------------------------------------------------------------------------------------

    def _create(self, kind: str, said: dict[str, Any], now: datetime) -> dict[str, str]:
        if (said["mchid"], said["appid"], said["amount"].get("currency", "CNY")) != (known.MERCHANT, known.APP, "CNY"):
            raise Refusal("merchant, app or currency")
        if kind == "jsapi" and not said["payer"]["openid"]:
            raise Refusal("no payer")
        order = self.book.create(
            Order(
                channel=NAME,
                order_no=said["out_trade_no"],
                amount_fen=_whole(said["amount"]["total"]),
                subject=said["description"],
                notify_url=said["notify_url"],
                return_url="",
                created_at=now,
                expires_at=datetime.fromisoformat(said["time_expire"]) if "time_expire" in said else _later(now),
                facts={"trade_type": {"native": "NATIVE", "h5": "MWEB", "jsapi": "JSAPI"}[kind]},
            )
        )
        address, prepay_id = f"{self.base}/pay/{NAME}/{order.order_no}", f"wx{order.order_no}"
        leads = {"native": address, "jsapi": prepay_id, "h5": f"{address}?prepay_id={prepay_id}&package=0"}
        return {_LEADS[kind]: leads[kind]}

    @staticmethod
    def visited(order: Order, query: str) -> None:
        """The page of H5 pays hears from its own address where the payer goes afterwards."""
        back = parse_qs(query).get("redirect_url", [""])[0]
        if order.facts["trade_type"] == "MWEB" and back.startswith(("http://", "https://")):
            order.return_url = back

    def _query(self, order_no: str, mischief: Mischief) -> tuple[int, dict[str, Any]]:
        if mischief.query_unknown:
            return 500, {"code": "SYSTEM_ERROR", "message": "系统错误"}
        return 200, self._shown(self.book.find(NAME, order_no), mischief)

    def _close(self, order_no: str) -> tuple[int, Any]:
        self.book.close(self.book.find(NAME, order_no))
        return 204, None

    def _shown(self, order: Order, mischief: Mischief) -> dict[str, Any]:
        shown: dict[str, Any] = {
            "appid": "wxsomebodyelse" if mischief.app else known.APP,
            "mchid": "1900009999" if mischief.merchant else known.MERCHANT,
            "out_trade_no": order.order_no,
            "trade_type": order.facts["trade_type"],
            "trade_state": _STATES[order.state],
            "trade_state_desc": order.state.value,
        }
        if order.paid_at is None:
            return shown
        fen = order.amount_fen if mischief.amount_fen is None else mischief.amount_fen
        currency = "USD" if mischief.currency else "CNY"
        return shown | {
            "transaction_id": order.channel_no,
            "bank_type": "OTHERS",
            "success_time": _iso(order.paid_at),
            "payer": {"openid": "oSandbox"},
            "amount": {"total": fen, "payer_total": fen, "currency": currency, "payer_currency": "CNY"},
        }

    # --- refunds -----------------------------------------------------------------------------------------------------

    def _give_back(self, said: dict[str, Any], now: datetime) -> dict[str, Any]:
        order = self.book.find(NAME, said["out_trade_no"])
        if _whole(said["amount"]["total"]) != order.amount_fen:
            raise Refusal("the total is not the order's")
        back = self.book.give_back(order, said["out_refund_no"], _whole(said["amount"]["refund"]), now=now)
        return _back_shown(order, back) | {"status": "PROCESSING"}

    def _query_back(self, back_no: str, mischief: Mischief) -> tuple[int, dict[str, Any]]:
        if mischief.query_unknown:
            return 500, {"code": "SYSTEM_ERROR", "message": "系统错误"}
        try:
            return 200, _back_shown(*self.book.back(NAME, back_no))
        except Refusal:
            return 404, {"code": "RESOURCE_NOT_EXISTS", "message": "退款单不存在"}

    # --- the daily bill ----------------------------------------------------------------------------------------------

    def _bill(self, day: date, now: datetime) -> dict[str, str]:
        if day >= now.astimezone(CHINA).date():
            raise Refusal("no_bill")
        digest = hashlib.sha1(self._file(day), usedforsecurity=False).hexdigest()
        url = f"{self.base}{_FILE}?day={day.isoformat()}"
        return {"hash_type": "SHA1", "hash_value": digest, "download_url": url}

    def _file(self, day: date) -> bytes:
        rows = [_line(order, back) for order, back in self.book.movements(NAME, day)]
        if not rows:
            raise Refusal("no_bill")
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\r\n")
        writer.writerow(_HEADS.split(","))
        writer.writerows([f"`{field}" for field in row] for row in rows)
        writer.writerow(_SUMS.split(","))
        writer.writerow([f"`{len(rows)}", "`0.00", "`0.00", "`0.00", "`0.00", "`0.00", "`0.00"])
        return ("\ufeff" + text.getvalue()).encode()

    # --- notifications -----------------------------------------------------------------------------------------------

    def told(self, order: Order, mischief: Mischief, *, now: datetime) -> Telling:
        return self._telling(order.notify_url, "TRANSACTION.SUCCESS", self._shown(order, mischief), mischief, now)

    def told_back(self, order: Order, back: Back, mischief: Mischief, *, now: datetime) -> Telling:
        shown = {**_back_shown(order, back), "mchid": known.MERCHANT, "refund_status": "SUCCESS"}
        del shown["status"]
        return self._telling(order.notify_url, "REFUND.SUCCESS", shown, mischief, now)

    def _telling(self, url: str, event: str, shown: dict[str, Any], mischief: Mischief, now: datetime) -> Telling:
        nonce, associated = secrets.token_hex(6), "transaction"
        plain = json.dumps(shown, ensure_ascii=False).encode()
        sealed = AESGCM(self.keys.api_v3_key.encode()).encrypt(nonce.encode(), plain, associated.encode())
        body = json.dumps(
            {
                "id": secrets.token_hex(16),
                "create_time": _iso(now),
                "event_type": event,
                "resource_type": "encrypt-resource",
                "resource": {
                    "algorithm": "AEAD_AES_256_GCM",
                    "ciphertext": base64.b64encode(sealed).decode(),
                    "associated_data": associated,
                    "nonce": nonce,
                },
                "summary": "支付成功",
            },
            ensure_ascii=False,
        ).encode()
        return Telling(url, body, self._seal(body, now - timedelta(seconds=mischief.late_by_s), mischief))

    # --- signatures --------------------------------------------------------------------------------------------------

    def _wrong(self, request: Request, now: datetime) -> str:
        scheme, _, rest = request.headers.get("authorization", "").partition(" ")
        said = dict(re.findall(r'(\w+)="([^"]*)"', rest))
        if scheme != "WECHATPAY2-SHA256-RSA2048" or said.keys() != _PROOF:
            return "no authorization of API v3"
        if (said["mchid"], said["serial_no"].upper()) != (known.MERCHANT, self.keys.merchant.serial_hex):
            return "another merchant or certificate"
        if abs(now.timestamp() - int(said["timestamp"])) > SKEW.total_seconds():
            return "the time of the signature is off"
        lines = (request.method, request.target, said["timestamp"], said["nonce_str"])
        message = "".join(f"{line}\n" for line in lines).encode() + request.body + b"\n"
        good = is_signed(message, said["signature"], self.keys.merchant.key.public_key())
        return "" if good else "the signature is wrong"

    def _signed(self, status: int, said: Any, now: datetime) -> Response:
        body = b"" if said is None else json.dumps(said, ensure_ascii=False).encode()
        return Response(status, body, headers=self._seal(body, now, Mischief()))

    def _seal(self, body: bytes, at: datetime, mischief: Mischief) -> dict[str, str]:
        stamp, nonce = str(int(at.timestamp())), secrets.token_hex(16)
        signer = self.keys.stranger if mischief.forge else self.keys.wechat
        return {
            "Wechatpay-Timestamp": stamp,
            "Wechatpay-Nonce": nonce,
            "Wechatpay-Serial": "0BAD" if mischief.serial else self.keys.wechat.serial_hex,
            "Wechatpay-Signature-Type": "WECHATPAY2-SHA256-RSA2048",
            "Wechatpay-Signature": sign(f"{stamp}\n{nonce}\n".encode() + body + b"\n", signer.key),
        }


_LEADS = {"native": "code_url", "h5": "h5_url", "jsapi": "prepay_id"}
_PROOF = {"mchid", "nonce_str", "signature", "timestamp", "serial_no"}


def _whole(value: Any) -> int:
    if type(value) is not int or value <= 0:
        raise ValueError("an amount is a whole number of fen")
    return value


def _later(now: datetime) -> datetime:
    return now + timedelta(hours=2)


def _iso(at: datetime) -> str:
    return at.astimezone(CHINA).isoformat(timespec="seconds")


def _back_shown(order: Order, back: Back) -> dict[str, Any]:
    return {
        "refund_id": back.channel_no,
        "out_refund_no": back.back_no,
        "transaction_id": order.channel_no,
        "out_trade_no": order.order_no,
        "channel": "ORIGINAL",
        "user_received_account": "支付用户零钱",
        "success_time": _iso(back.at),
        "create_time": _iso(back.at),
        "status": "SUCCESS",
        "amount": {
            "total": order.amount_fen,
            "refund": back.amount_fen,
            "payer_total": order.amount_fen,
            "payer_refund": back.amount_fen,
            "currency": "CNY",
        },
    }


def _yuan(fen: int) -> str:
    return f"{fen // 100}.{fen % 100:02d}"


def _line(order: Order, back: Back | None) -> list[str]:
    at = back.at if back else order.paid_at
    fee_fen = -(-order.amount_fen * 6 // 1000) if back is None else 0
    told = f"{at.astimezone(CHINA):%Y-%m-%d %H:%M:%S}" if at else ""
    head = [told, known.APP, known.MERCHANT, "0", "", order.channel_no, order.order_no, "oSandbox"]
    what = [order.facts["trade_type"], "REFUND" if back else "SUCCESS", "OTHERS", "CNY"]
    paid = ["0.00", "0.00"] if back else [_yuan(order.amount_fen), "0.00"]
    gone = [back.channel_no, back.back_no, _yuan(back.amount_fen), "0.00", "ORIGINAL", "SUCCESS"] if back else None
    tail = ["0.00" if back else _yuan(order.amount_fen), _yuan(back.amount_fen) if back else "0.00", ""]
    return [
        *head,
        *what,
        *paid,
        *(gone or ["0", "0", "0.00", "0.00", "", ""]),
        order.subject,
        "",
        _yuan(fee_fen),
        "0.60%",
        *tail,
    ]
