"""Alipay's open gateway from the other side: page, wap and precreate, query, close, refund, bill, notifications.
Sources: opendocs.alipay.com, the interface pages of those methods and "async notification".
"""

from __future__ import annotations

import io
import json
import secrets
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

from prewatt.sim.paying import keys as known
from prewatt.sim.paying.book import CHINA, Back, Book, Order, Refusal, State
from prewatt.sim.paying.keys import Keys
from prewatt.sim.paying.mischief import Mischief
from prewatt.sim.paying.talk import HTML, Request, Response, Telling, is_signed, see_other, sign

NAME = "alipay"
GATEWAY, FILE = "/gateway.do", "/alipay/bill"
SKEW = timedelta(minutes=15)
_STATES = {State.WAITING: "WAIT_BUYER_PAY", State.PAID: "TRADE_SUCCESS", State.CLOSED: "TRADE_CLOSED"}
_REFUSALS = {  # ours -> theirs, words
    "absent": ("ACQ.TRADE_NOT_EXIST", "交易不存在"),
    "paid": ("ACQ.TRADE_HAS_SUCCESS", "交易已被支付"),
    "closed": ("ACQ.TRADE_HAS_CLOSE", "交易已经关闭"),
    "other_amount": ("ACQ.CONTEXT_INCONSISTENT", "交易信息被篡改"),
    "not_paid": ("ACQ.TRADE_STATUS_ERROR", "交易状态不合法"),
    "too_much": ("ACQ.REFUND_AMT_NOT_EQUAL_TOTAL", "退款金额超限"),
    "no_bill": ("isp.bill_not_exist", "账单不存在"),
}
_HEADS = (
    "支付宝交易号,商户订单号,业务类型,商品名称,创建时间,完成时间,门店编号,门店名称,操作员,终端号,对方账户,订单金额（元）,商家实收（元）,"
    "支付宝红包（元）,集分宝（元）,支付宝优惠（元）,商家优惠（元）,券核销金额（元）,券名称,商家红包消费金额（元）,卡消费金额（元）,"
    "退款批次号/请求号,服务费（元）,分润（元）,备注"
)


@dataclass(frozen=True, slots=True)
class Alipay:
    keys: Keys
    book: Book
    base: str

    @staticmethod
    def is_for(path: str) -> bool:
        return path == GATEWAY or path.startswith(f"{FILE}/")

    def answer(self, request: Request, mischief: Mischief, *, now: datetime) -> Response:
        if request.path != GATEWAY:
            return Response(
                200, self._zip(date.fromisoformat(request.path.removeprefix(f"{FILE}/"))), "application/zip"
            )
        given = dict(parse_qsl(request.query, keep_blank_values=True))
        given |= dict(parse_qsl(request.body.decode(), keep_blank_values=True))
        if why := self._wrong(given, now):
            return self._said(given.get("method", "error"), {"code": "40002", "msg": "Invalid Arguments", **why})
        try:
            return self._do(given, mischief, now)
        except Refusal as error:
            code, words = _REFUSALS.get(error.why, ("isv.invalid-parameter", error.why))
            failed = {"code": "40004", "msg": "Business Failed", "sub_code": code, "sub_msg": words}
            return self._said(given["method"], failed)
        except (ValueError, KeyError) as error:
            failed = {"code": "40002", "msg": "Invalid Arguments", "sub_code": "isv.invalid-parameter"}
            return self._said(given["method"], failed | {"sub_msg": str(error)})

    def _do(self, given: Mapping[str, str], mischief: Mischief, now: datetime) -> Response:
        method, wanted = given["method"], json.loads(given["biz_content"])
        if method in {"alipay.trade.page.pay", "alipay.trade.wap.pay"}:
            order = self._create(given, wanted, now)
            return see_other(f"{self.base}/pay/{NAME}/{order.order_no}")
        if mischief.query_unknown and method in {"alipay.trade.query", "alipay.trade.fastpay.refund.query"}:
            busy = {"code": "20000", "msg": "Service Currently Unavailable", "sub_code": "isp.unknow-error"}
            return self._said(method, busy | {"sub_msg": "系统繁忙"})
        asked = {
            "alipay.trade.precreate": self._precreate,
            "alipay.trade.query": self._query,
            "alipay.trade.close": self._close,
            "alipay.trade.refund": self._give_back,
            "alipay.trade.fastpay.refund.query": self._query_back,
            "alipay.data.dataservice.bill.downloadurl.query": self._bill,
        }.get(method)
        if asked is None:
            raise Refusal("no such method")
        return self._said(method, {"code": "10000", "msg": "Success", **asked(given, wanted, mischief, now)})

    # --- orders ------------------------------------------------------------------------------------------------------

    def _create(self, given: Mapping[str, str], wanted: Mapping[str, Any], now: datetime) -> Order:
        expires = wanted.get("time_expire")
        return self.book.create(
            Order(
                channel=NAME,
                order_no=wanted["out_trade_no"],
                amount_fen=_fen(wanted["total_amount"]),
                subject=wanted["subject"],
                notify_url=given.get("notify_url", ""),
                return_url=given.get("return_url", ""),
                created_at=now,
                expires_at=_from_china(expires) if expires else now + timedelta(hours=2),
            )
        )

    def _precreate(self, given: Any, wanted: Any, _mischief: Mischief, now: datetime) -> dict[str, str]:
        order = self._create(given, wanted, now)
        return {"out_trade_no": order.order_no, "qr_code": f"{self.base}/pay/{NAME}/{order.order_no}"}

    def _query(self, _given: Any, wanted: Any, mischief: Mischief, _now: datetime) -> dict[str, str]:
        order = self.book.find(NAME, wanted["out_trade_no"])
        fen = order.amount_fen if mischief.amount_fen is None else mischief.amount_fen
        shown = {
            "out_trade_no": order.order_no,
            "trade_no": order.channel_no or _trade_no(order),
            "trade_status": _STATES[order.state],
            "total_amount": _yuan(fen),
            "buyer_logon_id": "sand***@example.com",
        }
        return shown | ({"send_pay_date": _china(order.paid_at)} if order.paid_at else {})

    def _close(self, _given: Any, wanted: Any, _mischief: Mischief, _now: datetime) -> dict[str, str]:
        order = self.book.find(NAME, wanted["out_trade_no"])
        if order.state == State.PAID:
            raise Refusal("not_paid")  # ACQ.TRADE_STATUS_ERROR is what it says of a paid trade
        self.book.close(order)
        return {"out_trade_no": order.order_no, "trade_no": _trade_no(order)}

    # --- refunds -----------------------------------------------------------------------------------------------------

    def _give_back(self, _given: Any, wanted: Any, _mischief: Mischief, now: datetime) -> dict[str, str]:
        order = self.book.find(NAME, wanted["out_trade_no"])
        back_no = wanted.get("out_request_no", order.order_no)
        known_already = back_no in order.backs
        back = self.book.give_back(order, back_no, _fen(wanted["refund_amount"]), now=now)
        return {
            "out_trade_no": order.order_no,
            "trade_no": order.channel_no,
            "fund_change": "N" if known_already else "Y",
            "refund_fee": _yuan(order.back_fen),
            "gmt_refund_pay": _china(back.at),
            "buyer_logon_id": "sand***@example.com",
        }

    def _query_back(self, _given: Any, wanted: Any, _mischief: Mischief, _now: datetime) -> dict[str, str]:
        """A refund that it does not know is answered with success and nothing else."""
        order = self.book.find(NAME, wanted["out_trade_no"])
        back = order.backs.get(wanted["out_request_no"])
        if back is None:
            return {}
        return {
            "out_trade_no": order.order_no,
            "trade_no": order.channel_no,
            "out_request_no": back.back_no,
            "refund_status": "REFUND_SUCCESS",
            "refund_amount": _yuan(back.amount_fen),
            "total_amount": _yuan(order.amount_fen),
        }

    # --- the daily bill ----------------------------------------------------------------------------------------------

    def _bill(self, _given: Any, wanted: Any, _mischief: Mischief, now: datetime) -> dict[str, str]:
        day = date.fromisoformat(wanted["bill_date"])
        if wanted["bill_type"] != "trade" or day >= now.astimezone(CHINA).date():
            raise Refusal("no_bill")
        if not list(self.book.movements(NAME, day)):
            raise Refusal("no_bill")
        return {"bill_download_url": f"{self.base}{FILE}/{day.isoformat()}"}

    def _zip(self, day: date) -> bytes:
        rows = [_line(order, back) for order, back in self.book.movements(NAME, day)]
        stem = f"{known.ALIPAY_SELLER}0156_{day:%Y%m%d}_业务明细"
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as made:
            made.writestr(f"{stem}.csv", _details(rows, day).encode("gb18030"))
            made.writestr(f"{stem}(汇总).csv", f"#支付宝业务汇总查询\r\n#笔数：{len(rows)}\r\n".encode("gb18030"))
        return packed.getvalue()

    # --- notifications -----------------------------------------------------------------------------------------------

    def told(self, order: Order, mischief: Mischief, *, now: datetime) -> Telling:
        fen = order.amount_fen if mischief.amount_fen is None else mischief.amount_fen
        return self._telling(order, mischief, now, {"total_amount": _yuan(fen), "receipt_amount": _yuan(fen)})

    def told_back(self, order: Order, back: Back, mischief: Mischief, *, now: datetime) -> Telling:
        gone = {"refund_fee": _yuan(order.back_fen), "gmt_refund": _china(back.at), "out_biz_no": back.back_no}
        return self._telling(order, mischief, now, gone | {"total_amount": _yuan(order.amount_fen)})

    def _telling(self, order: Order, mischief: Mischief, now: datetime, more: Mapping[str, str]) -> Telling:
        said = {
            "notify_time": _china(now - timedelta(seconds=mischief.late_by_s)),
            "notify_type": "trade_status_sync",
            "notify_id": secrets.token_hex(16),
            "app_id": "2021009999999999" if mischief.app else known.ALIPAY_APP,
            "auth_app_id": known.ALIPAY_APP,
            "charset": "utf-8",
            "version": "1.0",
            "trade_no": order.channel_no,
            "out_trade_no": order.order_no,
            "out_biz_no": "",
            "trans_currency": "USD" if mischief.currency else "",
            "buyer_id": "2088000000000002",
            "seller_id": "2088009999999999" if mischief.merchant else known.ALIPAY_SELLER,
            "trade_status": _STATES[order.state],
            "subject": order.subject,
            "gmt_create": _china(order.created_at),
            "gmt_payment": _china(order.paid_at) if order.paid_at else "",
            **more,
        }
        signer = self.keys.stranger if mischief.forge else self.keys.alipay
        said["sign"], said["sign_type"] = sign(_joined(said), signer.key), "RSA2"
        headers = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
        return Telling(order.notify_url, urlencode(said, quote_via=quote).encode(), headers, good=(b"success",))

    def back_to_the_shop(self, order: Order, *, now: datetime) -> str:
        """Where the payer's browser goes after paying: signed, and no proof of anything."""
        said = {
            "app_id": known.ALIPAY_APP,
            "method": "alipay.trade.page.pay.return",
            "out_trade_no": order.order_no,
            "trade_no": order.channel_no,
            "total_amount": _yuan(order.amount_fen),
            "seller_id": known.ALIPAY_SELLER,
            "timestamp": _china(now),
            "charset": "utf-8",
            "version": "1.0",
        }
        said["sign"], said["sign_type"] = sign(_joined(said), self.keys.alipay.key), "RSA2"
        return f"{order.return_url}{'&' if '?' in order.return_url else '?'}{urlencode(said)}"

    # --- signatures --------------------------------------------------------------------------------------------------

    def _wrong(self, given: Mapping[str, str], now: datetime) -> dict[str, str] | None:
        if (given.get("app_id"), given.get("sign_type")) != (known.ALIPAY_APP, "RSA2"):
            return {"sub_code": "isv.invalid-app-id", "sub_msg": "无效的AppID参数"}
        try:
            stamped = _from_china(given["timestamp"])
        except (KeyError, ValueError):
            return {"sub_code": "isv.invalid-timestamp", "sub_msg": "非法的时间戳参数"}
        if abs(now - stamped) > SKEW:
            return {"sub_code": "isv.invalid-timestamp", "sub_msg": "非法的时间戳参数"}
        message = _joined({name: value for name, value in given.items() if name != "sign"})
        if not is_signed(message, given.get("sign", ""), self.keys.merchant.key.public_key()):
            return {"sub_code": "isv.invalid-signature", "sub_msg": "无效签名"}
        return None

    def _said(self, method: str, said: Mapping[str, Any]) -> Response:
        """The signature is over the node as it stands in the text."""
        if method in {"alipay.trade.page.pay", "alipay.trade.wap.pay"}:
            words = f"<h1>{said.get('sub_code', '')}</h1><p>{said.get('sub_msg', '')}</p>"
            return Response(200, words.encode(), HTML)
        node = json.dumps(said, ensure_ascii=False, separators=(",", ":"))
        name = json.dumps(f"{method.replace('.', '_')}_response")
        signature = sign(node.encode(), self.keys.alipay.key)
        text = f'{{{name}:{node},"sign":{json.dumps(signature)}}}'
        return Response(200, text.encode(), "application/json;charset=utf-8")


def _joined(said: Mapping[str, str]) -> bytes:
    return "&".join(f"{name}={said[name]}" for name in sorted(said) if said[name] != "").encode()


def _details(rows: list[list[str]], day: date) -> str:
    head = ["#支付宝业务明细查询", f"#账号：[{known.ALIPAY_SELLER}0156]", f"#起始日期：[{day} 00:00:00]"]
    mark = "#-----------------------------------------业务明细列表"
    body = ["\t,".join(row) for row in rows]
    backs = sum(row[2] == "退款" for row in rows)
    sums = [f"#交易合计：{len(rows) - backs}笔，商家实收共…元", f"#退款合计：{backs}笔，商家实收退款共…元"]
    foot = [f"{mark}结束------------------------------------", *sums, "#导出时间：[…]"]
    return "\r\n".join([*head, f"{mark}----------------------------------------", _HEADS, *body, *foot]) + "\r\n"


def _line(order: Order, back: Back | None) -> list[str]:
    fen = -back.amount_fen if back else order.amount_fen
    fee_fen = 0 if back else -(-order.amount_fen * 6 // 1000)
    at = back.at if back else order.paid_at
    what = ["退款" if back else "交易", order.subject, _china(order.created_at), _china(at) if at else ""]
    money = [_yuan(fen), _yuan(fen), "0.00", "0.00", "0.00", "0.00", "0.00", "", "0.00", "0.00"]
    tail = [back.back_no if back else "", _yuan(-fee_fen), "0.00", ""]
    return [order.channel_no, order.order_no, *what, "", "", "", "", "sand***@example.com", *money, *tail]


def _trade_no(order: Order) -> str:
    return order.channel_no or f"{order.created_at.astimezone(CHINA):%Y%m%d}22001{order.order_no[-15:]}"


def _china(at: datetime) -> str:
    return f"{at.astimezone(CHINA):%Y-%m-%d %H:%M:%S}"


def _from_china(text: str) -> datetime:
    form = "%Y-%m-%d %H:%M:%S" if text.count(":") == 2 else "%Y-%m-%d %H:%M"
    return datetime.strptime(text, form).replace(tzinfo=CHINA)


def _yuan(fen: int) -> str:
    return f"{'-' if fen < 0 else ''}{abs(fen) // 100}.{abs(fen) % 100:02d}"


def _fen(text: Any) -> int:
    whole, _, part = str(text).partition(".")
    if not whole.isdigit() or not (part or "0").isdigit() or len(part) > 2:
        raise ValueError("an amount is yuan with at most two decimals")
    fen = int(whole) * 100 + int(part.ljust(2, "0") or 0)
    if fen <= 0:
        raise ValueError("an amount is above zero")
    return fen
