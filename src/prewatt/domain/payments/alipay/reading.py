"""Alipay's words in ours. What reaches this was verified; shapes that it does not know raise ValueError."""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile
from collections.abc import Mapping
from typing import Any

from prewatt.domain.payments.asking import BILL_BYTES_MAX
from prewatt.domain.payments.channel import BackFact, BillLine, Fact, Line, Standing
from prewatt.domain.payments.spelling import fen_about, fen_of, from_china, text_of

STANDINGS = {
    "WAIT_BUYER_PAY": Standing.WAITING,
    "TRADE_SUCCESS": Standing.PAID,
    "TRADE_FINISHED": Standing.PAID,  # and can no longer be refunded
    "TRADE_CLOSED": Standing.CLOSED,  # unpaid, or refunded whole
}
PRIVATE = re.compile(r"^(buyer_|sign|auth_app_id|fund_bill_list|open_id)")
TRADE, REFUND = "交易", "退款"
_COUNT = re.compile(r"#\s*(交易|退款)合计：([0-9]+)笔")


def raw(said: Mapping[str, Any]) -> str:
    return json.dumps({k: v for k, v in said.items() if not PRIVATE.match(k)}, ensure_ascii=False)


def fact(said: Mapping[str, Any]) -> Fact:
    """Of a notification or of a query's answer."""
    standing = STANDINGS.get(text_of(said["trade_status"]), Standing.UNKNOWN)
    total = said.get("total_amount")
    if standing == Standing.PAID and total is None:
        raise ValueError("paid, and no amount")
    at = said.get("gmt_payment") or said.get("send_pay_date")
    return Fact(
        order_no=text_of(said["out_trade_no"]),
        standing=standing,
        amount_fen=fen_of(text_of(total)) if total is not None else None,
        channel_no=text_of(said.get("trade_no", "")),
        paid_at=from_china(text_of(at)[:19]) if at else None,
        raw=raw(said),
    )


def back_notice(said: Mapping[str, Any]) -> BackFact:
    """The notification after a refund. Its `refund_fee` is the sum of all refunds of the trade, not this one's."""
    return BackFact(
        back_no=text_of(said["out_biz_no"]),
        order_no=text_of(said["out_trade_no"]),
        standing=Standing.PAID,
        channel_no=text_of(said.get("trade_no", "")),
        raw=raw(said),
    )


def bill_lines(body: bytes) -> list[BillLine]:
    """A zip with the lines in one GBK file and the sums in another."""
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            held = [(_name(one), one) for one in archive.infolist()]
            found = [one for name, one in held if name.endswith(".csv") and "汇总" not in name]
            if len(found) != 1 or found[0].file_size > BILL_BYTES_MAX:
                raise ValueError("not one file of lines")
            with archive.open(found[0]) as file:
                lines = file.read(BILL_BYTES_MAX + 1).decode("gb18030")
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError) as error:
        raise ValueError("not a bill") from error
    return _lines(lines)


def _name(one: zipfile.ZipInfo) -> str:
    """Names are GBK without saying so; zipfile then reads them as code page 437."""
    return one.filename if one.flag_bits & 0x800 else one.filename.encode("cp437").decode("gb18030")


def _lines(text: str) -> list[BillLine]:
    rows = [[cell.strip() for cell in row] for row in csv.reader(io.StringIO(text)) if row]
    names = next((row for row in rows if row[0] == "支付宝交易号"), None)
    if names is None:
        raise ValueError("not a bill")
    told = {kind: int(count) for kind, count in _COUNT.findall(text)}
    if set(told) != {TRADE, REFUND}:
        raise ValueError("a bill without its own count")
    data = rows[rows.index(names) + 1 :]
    lines = [_line(dict(zip(names, row, strict=False))) for row in data if not row[0].startswith("#")]
    counted = {TRADE: sum(x.kind == Line.PAID for x in lines), REFUND: sum(x.kind == Line.BACK for x in lines)}
    if counted != told:
        raise ValueError("the bill's own count does not agree")
    return lines


def _line(row: Mapping[str, str]) -> BillLine:
    """Amounts of refunds are negative there, and so are the fees of trades."""
    kind = {TRADE: Line.PAID, REFUND: Line.BACK}.get(row["业务类型"], Line.OTHER)
    amount = fen_about(row["订单金额（元）"])
    return BillLine(
        kind=kind,
        order_no=row["商户订单号"],
        channel_no=row["支付宝交易号"],
        amount_fen=-amount if kind == Line.BACK else amount,
        fee_fen=-fen_about(row["服务费（元）"]),
        at=from_china(row["完成时间"]),
        back_no=row["退款批次号/请求号"] if kind == Line.BACK else "",
        raw=json.dumps({k: v for k, v in row.items() if k != "对方账户"}, ensure_ascii=False),
    )
