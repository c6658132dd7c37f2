"""UnionPay 全渠道 5.1.0 from the other side: gateway and phone page, query, refund, the settlement file, notifications.
Sources: open.unionpay.com, the technical pages of 网关支付 and 手机支付 (WAP), message format 5.1.0.
"""

from __future__ import annotations

import base64
import hashlib
import io
import secrets
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from urllib.parse import parse_qsl, quote, urlencode

from prewatt.sim.paying import keys as known
from prewatt.sim.paying.book import CHINA, Back, Book, Order, Refusal, State
from prewatt.sim.paying.keys import Keys
from prewatt.sim.paying.mischief import Mischief
from prewatt.sim.paying.talk import HTML, Request, Response, Telling, is_signed, see_other, sign

NAME = "unionpay"
FRONT, APP = "/gateway/api/frontTransReq.do", "/gateway/api/appTransReq.do"
BACK, QUERY, FILE = "/gateway/api/backTransReq.do", "/gateway/api/queryTrans.do", "/"
VERSION, CURRENCY = "5.1.0", "156"
FORM = "application/x-www-form-urlencoded;charset=UTF-8"
_REFUSALS = {
    "absent": ("34", "查无此交易"),
    "paid": ("12", "重复交易"),
    "closed": ("36", "交易已超时"),
    "other_amount": ("12", "重复交易"),
    "not_paid": ("35", "原交易状态不正确"),
    "too_much": ("36", "与原交易信息不符"),
    "no_bill": ("98", "文件不存在"),
}


@dataclass(frozen=True, slots=True)
class UnionPay:
    keys: Keys
    book: Book
    base: str

    @staticmethod
    def is_for(path: str) -> bool:
        return path in {FRONT, APP, BACK, QUERY, FILE}

    def answer(self, request: Request, mischief: Mischief, *, now: datetime) -> Response:
        paths = {FRONT: self._front, APP: self._front, BACK: self._back, QUERY: self._query, FILE: self._file}
        asked = paths[request.path]
        given = dict(parse_qsl(request.body.decode(), keep_blank_values=True))
        if why := self._wrong(given):
            return self._failed(request.path, given, "11", why)
        try:
            return asked(given, mischief, now)
        except Refusal as error:
            code, words = _REFUSALS.get(error.why, ("10", error.why))
            return self._failed(request.path, given, code, words)
        except (ValueError, KeyError) as error:
            return self._failed(request.path, given, "10", str(error))

    # --- orders ------------------------------------------------------------------------------------------------------

    def _front(self, given: Mapping[str, str], _mischief: Mischief, now: datetime) -> Response:
        if (given["txnType"], given["currencyCode"]) != ("01", CURRENCY):
            raise Refusal("txnType or currency")
        expires = given.get("payTimeout")
        order = self.book.create(
            Order(
                channel=NAME,
                order_no=given["orderId"],
                amount_fen=_whole(given["txnAmt"]),
                subject=given.get("orderDesc", ""),
                notify_url=given["backUrl"],
                return_url=given.get("frontUrl", ""),
                created_at=now,
                expires_at=_from_china(expires) if expires else now + timedelta(minutes=15),
                facts={"txnTime": given["txnTime"], "bizType": given["bizType"]},
            )
        )
        return see_other(f"{self.base}/pay/{NAME}/{order.order_no}")

    def _query(self, given: Mapping[str, str], mischief: Mischief, now: datetime) -> Response:
        """By order number and its time: of a payment or of a refund."""
        if mischief.query_unknown:
            return self._said(given, {"respCode": "05", "respMsg": "系统繁忙"}, now)
        try:
            order, back = self.book.back(NAME, given["orderId"])
            shown = self._shown_back(order, back)
        except Refusal:
            order = self.book.find(NAME, given["orderId"])
            shown = self._shown(order, mischief)
        if shown["txnTime"] != given["txnTime"]:
            raise Refusal("absent")
        return self._said(given, {"respCode": "00", "respMsg": "成功", **shown}, now)

    def _shown(self, order: Order, mischief: Mischief) -> dict[str, str]:
        fen = order.amount_fen if mischief.amount_fen is None else mischief.amount_fen
        origin = {
            State.PAID: ("00", "交易成功"),
            State.WAITING: ("05", "交易处理中"),
            State.CLOSED: ("36", "交易已超时"),
        }
        code, words = origin[order.state]
        shown = {
            "txnType": "01",
            "orderId": order.order_no,
            "txnTime": order.facts["txnTime"],
            "txnAmt": str(fen),
            "currencyCode": "840" if mischief.currency else CURRENCY,
            "origRespCode": code,
            "origRespMsg": words,
        }
        return shown | self._numbers(order.channel_no, order.paid_at)

    def _shown_back(self, order: Order, back: Back) -> dict[str, str]:
        return {
            "txnType": "04",
            "orderId": back.back_no,
            "txnTime": order.facts[f"back:{back.back_no}"],
            "txnAmt": str(back.amount_fen),
            "currencyCode": CURRENCY,
            "origQryId": _query_id(order.channel_no),
            "reqReserved": order.facts[f"own:{back.back_no}"],
            "origRespCode": "00",
            "origRespMsg": "交易成功",
            **self._numbers(back.channel_no, back.at),
        }

    @staticmethod
    def _numbers(channel_no: str, at: datetime | None) -> dict[str, str]:
        if at is None:
            return {}
        told = at.astimezone(CHINA)
        return {
            "queryId": _query_id(channel_no),
            "traceNo": channel_no[-6:],
            "traceTime": f"{told:%m%d%H%M%S}",
            "settleDate": f"{told:%m%d}",
            "settleAmt": "",
        }

    # --- refunds -----------------------------------------------------------------------------------------------------

    def _back(self, given: Mapping[str, str], _mischief: Mischief, now: datetime) -> Response:
        if given["txnType"] not in {"04", "31"}:
            raise Refusal("txnType")
        paid = next((one for one in self.book.orders() if one.channel == NAME and _is(one, given["origQryId"])), None)
        if paid is None:
            raise Refusal("absent")
        back = self.book.give_back(paid, given["orderId"], _whole(given["txnAmt"]), now=now)
        paid.facts[f"back:{back.back_no}"] = given["txnTime"]
        paid.facts[f"url:{back.back_no}"] = given["backUrl"]
        paid.facts[f"own:{back.back_no}"] = given.get("reqReserved", "")
        shown = {"respCode": "00", "respMsg": "成功[0000000]", "queryId": _query_id(back.channel_no)}
        return self._said(given, shown, now)

    # --- the settlement file -----------------------------------------------------------------------------------------

    def _file(self, given: Mapping[str, str], _mischief: Mischief, now: datetime) -> Response:
        day = _day_of(given["settleDate"], now.astimezone(CHINA).date())
        if day >= now.astimezone(CHINA).date():
            raise Refusal("no_bill")
        rows = [_line(order, back) for order, back in self.book.movements(NAME, day)]
        if not rows:
            raise Refusal("no_bill")
        name = f"{known.UNIONPAY_MERCHANT}_{day:%Y%m%d}.zip"
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as made:
            made.writestr(f"INN{day:%y%m%d}88ZM_{known.UNIONPAY_MERCHANT}", "\r\n".join(rows).encode("gbk") + b"\r\n")
        content = base64.b64encode(zlib.compress(packed.getvalue())).decode()
        return self._said(given, {"respCode": "00", "respMsg": "成功", "fileName": name, "fileContent": content}, now)

    # --- notifications -----------------------------------------------------------------------------------------------

    def told(self, order: Order, mischief: Mischief, *, now: datetime) -> Telling:  # noqa: ARG002 - all three are called alike
        shown = self._shown(order, mischief)
        del shown["origRespCode"], shown["origRespMsg"]
        return self._telling(order.notify_url, order, shown, mischief)

    def told_back(self, order: Order, back: Back, mischief: Mischief, *, now: datetime) -> Telling:  # noqa: ARG002 - all three are called alike
        shown = self._shown_back(order, back)
        del shown["origRespCode"], shown["origRespMsg"]
        return self._telling(order.facts[f"url:{back.back_no}"], order, shown, mischief)

    def _telling(self, url: str, order: Order, shown: Mapping[str, str], mischief: Mischief) -> Telling:
        merchant = "777290058189999" if mischief.merchant else known.UNIONPAY_MERCHANT
        more = {"respCode": "00", "respMsg": "success", "merId": merchant, "bizType": order.facts["bizType"]}
        sealed = self._sealed(_FIXED | more | dict(shown), mischief)
        return Telling(url, urlencode(sealed, quote_via=quote).encode(), {"Content-Type": FORM})

    # --- signatures --------------------------------------------------------------------------------------------------

    def _wrong(self, given: Mapping[str, str]) -> str:
        if (given.get("version"), given.get("signMethod")) != (VERSION, "01"):
            return "version or signMethod"
        if given.get("merId") != known.UNIONPAY_MERCHANT:
            return "merId"
        if given.get("certId") != str(self.keys.merchant.certificate.serial_number):
            return "certId"
        good = is_signed(_digest(given), given.get("signature", ""), self.keys.merchant.key.public_key())
        return "" if good else "验证签名失败"

    def _failed(self, path: str, given: Mapping[str, str], code: str, words: str) -> Response:
        if path in {FRONT, APP}:
            return Response(200, f"<h1>{code}</h1><p>{words}</p>".encode(), HTML)
        return self._said(given, {"respCode": code, "respMsg": words}, None)

    def _said(self, given: Mapping[str, str], shown: Mapping[str, str], _now: datetime | None) -> Response:
        """Fields that were asked come back; joined as k=v without any escaping, as the real one does."""
        echoed = {name: given[name] for name in _ECHOED if name in given}
        sealed = self._sealed(_FIXED | echoed | dict(shown), Mischief())
        text = "&".join(f"{name}={value}" for name, value in sealed.items() if value != "")
        return Response(200, text.encode(), FORM)

    def _sealed(self, said: Mapping[str, str], mischief: Mischief) -> dict[str, str]:
        signer = self.keys.stranger if mischief.forge else self.keys.union
        shown = self.keys.stranger if mischief.serial else signer
        whole = {name: value for name, value in said.items() if value != ""}
        whole["signPubKeyCert"] = shown.certificate_pem.replace("\n", "\r\n")
        return whole | {"signature": sign(_digest(whole), signer.key)}


_FIXED = {
    "version": VERSION,
    "encoding": "UTF-8",
    "signMethod": "01",
    "txnSubType": "01",
    "accessType": "0",
}
_ECHOED = ("bizType", "txnType", "merId", "orderId", "txnTime", "txnAmt", "currencyCode", "origQryId", "reqReserved")


def _digest(said: Mapping[str, str]) -> bytes:
    joined = "&".join(f"{name}={said[name]}" for name in sorted(said) if name != "signature" and said[name] != "")
    return hashlib.sha256(joined.encode()).hexdigest().encode()


def _query_id(number: str) -> str:
    """21 digits, where the others give 28."""
    return number[:14] + number[-7:]


def _is(order: Order, channel_no: str) -> bool:
    return order.state == State.PAID and secrets.compare_digest(_query_id(order.channel_no), channel_no)


def _whole(text: str) -> int:
    if not text.isdigit() or not 0 < int(text) < 10**12:
        raise ValueError("txnAmt is a whole number of fen")
    return int(text)


def _from_china(text: str) -> datetime:
    return datetime.strptime(text, "%Y%m%d%H%M%S").replace(tzinfo=CHINA)


def _day_of(settle: str, today: date) -> date:
    """MMDD of this year, or of the last one."""
    day = date(today.year, int(settle[:2]), int(settle[2:]))
    return day if day <= today else day.replace(year=today.year - 1)


def _line(order: Order, back: Back | None) -> str:
    """A line of the ZM file: fields of fixed width, a blank between them."""
    at = back.at if back else order.paid_at
    told = f"{at.astimezone(CHINA):%m%d%H%M%S}" if at else ""
    fen = back.amount_fen if back else order.amount_fen
    fee_fen = 0 if back else -(-order.amount_fen * 6 // 1000)
    number = _query_id(back.channel_no if back else order.channel_no)
    cells: dict[int, str] = {  # by the number of the field, as the format of the ZM file counts them
        1: "S30" if back else "S22",  # 交易代码
        2: "00000001",  # 代理机构
        3: "00000001",  # 发送机构
        4: number[-6:],  # 系统跟踪号
        5: told,  # 交易传输时间
        6: "6216***********1234",  # 账号
        7: f"{fen:012d}",  # 交易金额
        8: "5411",  # 商户类别
        9: "07",  # 终端类型
        10: number,  # 查询流水号
        12: back.back_no if back else order.order_no,  # 商户订单号
        16: f"{'C' if back else 'D'}{fee_fen:012d}",  # 商户手续费
        17: f"{'D' if back else 'C'}{fen - fee_fen:012d}",  # 结算金额
        20: "04" if back else "01",  # 交易类型
        21: "00" if back else "01",  # 交易子类
        22: "000201",  # 业务类型
        27: _query_id(order.channel_no) if back else "",  # 原交易查询流水号
        28: known.UNIONPAY_MERCHANT,
        35: order.facts.get(f"own:{back.back_no}", "") if back else "",  # 商户自定义域
    }
    return " ".join(cells.get(n, "").ljust(width)[:width] for n, width in enumerate(_WIDTHS, 1))


_WIDTHS = [
    int(width)
    for width in (
        "3 11 11 6 10 19 12 4 2 21 2 32 2 6 10 13 13 4 15 2 2 6 2 4 32 1 21 15 1 15 32 13 13 8 32 13 13 12 2 1 131"
    ).split()
]
