"""WeChat's words in ours. What reaches this was verified; shapes that it does not know raise ValueError."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping
from typing import Any

from prewatt.domain.payments.channel import BackFact, BillLine, Fact, Forged, Line, Standing
from prewatt.domain.payments.spelling import fen_about, from_china, from_iso, text_of, whole
from prewatt.domain.payments.wechat.settings import Settings

STANDINGS = {
    "SUCCESS": Standing.PAID,
    "REFUND": Standing.PAID,  # was paid; what went back is another fact
    "NOTPAY": Standing.WAITING,
    "USERPAYING": Standing.WAITING,
    "PAYERROR": Standing.WAITING,
    "CLOSED": Standing.CLOSED,
    "REVOKED": Standing.CLOSED,
}
BACK_STANDINGS = {  # ABNORMAL: the payer's card is gone, and a person decides at the merchant platform
    "SUCCESS": Standing.PAID,
    "PROCESSING": Standing.WAITING,
    "CLOSED": Standing.CLOSED,
}
PRIVATE = frozenset({"payer", "user_received_account", "scene_info"})
CURRENCY = "CNY"


def document(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise ValueError("not JSON") from error
    if not isinstance(found, dict):
        raise ValueError("not an object")
    return found


def raw(said: Mapping[str, Any]) -> str:
    return json.dumps({name: value for name, value in said.items() if name not in PRIVATE}, ensure_ascii=False)


def fact(said: Mapping[str, Any], settings: Settings) -> Fact:
    """Of a notification or of a query. Raises Forged for another merchant, app or currency."""
    if (said.get("mchid"), said.get("appid")) != (settings.merchant_id, settings.app_id):
        raise Forged("for another merchant or app")
    standing = STANDINGS.get(text_of(said["trade_state"]), Standing.UNKNOWN)
    amount = said.get("amount")
    if standing == Standing.PAID and not isinstance(amount, dict):
        raise ValueError("paid, and no amount")
    if isinstance(amount, dict) and amount.get("currency", CURRENCY) != CURRENCY:
        raise Forged("in another currency")
    paid_at = said.get("success_time")
    return Fact(
        order_no=text_of(said["out_trade_no"]),
        standing=standing,
        amount_fen=whole(amount["total"]) if isinstance(amount, dict) and "total" in amount else None,
        channel_no=text_of(said.get("transaction_id", "")),
        paid_at=from_iso(text_of(paid_at)) if paid_at else None,
        raw=raw(said),
    )


def back_fact(said: Mapping[str, Any], settings: Settings) -> BackFact:
    """Answers carry no merchant; notifications do."""
    if said.get("mchid", settings.merchant_id) != settings.merchant_id:
        raise Forged("for another merchant")
    status = said.get("status", said.get("refund_status"))
    amount = said.get("amount")
    if not isinstance(amount, dict):
        raise ValueError("no amount")
    if amount.get("currency", CURRENCY) != CURRENCY:
        raise Forged("in another currency")
    return BackFact(
        back_no=text_of(said["out_refund_no"]),
        order_no=text_of(said["out_trade_no"]),
        standing=BACK_STANDINGS.get(text_of(status), Standing.UNKNOWN),
        amount_fen=whole(amount["refund"]),
        channel_no=text_of(said.get("refund_id", "")),
        raw=raw(said),
    )


def bill_lines(body: bytes) -> list[BillLine]:
    """`bill_type=ALL`: every field behind a backtick, two lines of sums at the end, which must agree."""
    rows = [[field.lstrip("`").strip() for field in row] for row in csv.reader(io.StringIO(body.decode("utf-8-sig")))]
    if len(rows) < 3 or "商户订单号" not in rows[0]:
        raise ValueError("not a bill")
    names, ends = rows[0], next((n for n, row in enumerate(rows) if row and row[0] == "总交易单数"), 0)
    if not ends or ends + 1 >= len(rows) or rows[ends + 1][0] != str(ends - 1):
        raise ValueError("the bill's own count does not agree")
    return [line for row in rows[1:ends] for line in _lines(dict(zip(names, row, strict=True)))]


def _lines(row: Mapping[str, str]) -> Iterator[BillLine]:
    is_back = row["交易状态"] == "REFUND"
    if row["交易状态"] not in {"SUCCESS", "REFUND"} or (is_back and row["退款状态"] in {"FAIL", "CLOSED"}):
        return
    if row["货币种类"] != CURRENCY:
        raise ValueError("a line in another currency")
    yield BillLine(
        kind=Line.BACK if is_back else Line.PAID,
        order_no=row["商户订单号"],
        channel_no=row["微信退款单号"] if is_back else row["微信订单号"],
        amount_fen=fen_about(row["申请退款金额"] if is_back else row["订单金额"]),
        fee_fen=fen_about(row["手续费"]),
        at=from_china(row["交易时间"]),
        back_no=row["商户退款单号"] if is_back else "",
        raw=json.dumps({k: v for k, v in row.items() if k != "用户标识"}, ensure_ascii=False),
    )
