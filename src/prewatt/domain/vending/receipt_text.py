"""What a receipt says. `fields` are the `#M…` variables of one document; `laid_out` fills a template with them.

A template is plain text: the first line that begins with `# ` is the title; lines between bars `| a | b |` are a table,
and a row that holds a variable of a line is repeated for every line; `a || b` are parts of one line, side by side.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from django.utils import timezone

from prewatt.domain.vending.capitals import capitals
from prewatt.domain.vending.models import Refund, Reversal, Sale

if TYPE_CHECKING:
    from datetime import datetime

    from prewatt.domain.staff.models import Operator

Document = Sale | Refund | Reversal
VARIABLE = re.compile(r"#M[A-Za-z]+")
# They differ from line to line of a payment; all others stand once on the paper.
OF_A_LINE = frozenset(
    {"#MSaleType", "#MMeterID", "#MBlockID", "#MRoomID", "#MUseTimes", "#MSaleMoney", "#MLineBillID", "#MPayType"}
)
PARTS = ("存根联", "客户联", "记账联")  # on paper always in Chinese, as the receipt itself
KINDS = {"sale": "预收电费", "refund": "退电", "reversal": "冲正"}
TENDERS = {
    "cash": "现金",
    "wechat": "微信支付",
    "alipay": "支付宝",
    "card": "银行卡",
    "transfer": "转账",
    "unionpay": "银联",
}
DEFAULT = """# 预付电费收款票
用户编号：#MUserID || 用户名称：#MUserName || 开票日期：#MCreateTime || 票号：#MBillID
| 收费项目 | 户号 | 电表编号 | 主楼号 | 购电次数 | 收费方式 | 收费金额（元） |
| #MSaleType | #MRoomID | #MMeterID | #MBlockID | #MUseTimes | #MPayType | #MSaleMoney |
会计金额（大写）：人民币#MAllMoney || （小写）：¥#MAllMoney
备注：#MRemark
开票单位（盖章有效）：#MPayee || 操作员：#MCreateName || 收款人：#MPayeeName
请核对收款金额，并妥善保管本票。本次收款为预收电费，不作为凭证。"""


@dataclass(frozen=True, slots=True)
class Block:
    """One line of the paper in its parts, or a table: its head and its rows."""

    parts: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Paper:
    title: str
    blocks: tuple[Block, ...]
    red: bool  # 红字: money went back
    fen: int = field(default=0)


def kind_of(document: Document) -> str:
    if isinstance(document, Sale):
        return "sale"
    return "reversal" if isinstance(document, Reversal) else "refund"


def fields(
    documents: Sequence[Document], *, printed_by: Operator, now: datetime, payee: str = ""
) -> tuple[dict[str, str], list[dict[str, str]]]:
    """The variables of the whole paper, and those of each line. All documents are one customer's."""
    first = documents[0]
    total_fen = sum(one.amount_fen for one in documents)
    issued = first.sold_at if isinstance(first, Sale) else first.state_at
    whole = {
        "#MUserID": first.customer.number,
        "#MUserName": first.customer.name,
        "#MCreateTime": f"{timezone.localtime(issued):%Y-%m-%d %H:%M:%S}",
        "#MBillID": _receipts(documents),
        "#MRemark": _remark(first),
        "#MAllMoneyUpper": capitals(total_fen),
        "#MAllMoneyLower": _figures(total_fen),
        "#MCreateName": str(first.operator),
        "#MPayee": payee,
        "#MPayeeName": str(first.operator),
        "#MPrintTime": f"{timezone.localtime(now):%Y-%m-%d %H:%M:%S}",
        "#MPrintName": str(printed_by),
    }
    return whole, [_line(one) for one in documents]


def _receipts(documents: Sequence[Document]) -> str:
    if len(documents) == 1:
        return documents[0].receipt
    numbers = sorted(one.number or 0 for one in documents)
    unbroken = numbers == list(range(numbers[0], numbers[-1] + 1))
    return f"{documents[0].series}-{numbers[0]:06d}" + (
        f"~{numbers[-1]:06d}" if unbroken else "".join(f"、{number:06d}" for number in numbers[1:])
    )


def _line(one: Document) -> dict[str, str]:
    room = one.meter.room
    count = (one.order.after or {}).get("purchase_count", one.order.count) if one.order else None
    return {
        "#MSaleType": KINDS[kind_of(one)],
        "#MMeterID": one.meter.number,
        "#MRoomID": room.number if room else "",
        "#MBlockID": room.floor.building.name if room else "",
        "#MUseTimes": "" if count is None else str(count),
        "#MPayType": TENDERS.get(one.tender, one.tender),
        "#MSaleMoney": _figures(one.amount_fen),
        "#MLineBillID": one.receipt,
    }


def _remark(one: Document) -> str:
    if isinstance(one, Sale):
        return ""
    named = f"原票号 {one.sale.receipt}" if one.sale else ""
    return "；".join(part for part in (named, one.note) if part)


def _figures(fen: int) -> str:
    return f"{fen // 100:,}.{fen % 100:02d}"


def laid_out(template: str, whole: Mapping[str, str], lines: Sequence[Mapping[str, str]], *, red: bool) -> Paper:
    """`#MAllMoney` stands for the capitals where it first occurs, for the figures afterwards, as in the article."""
    title, blocks, table, filled = "", [], [], _Filler(whole)
    for text in template.strip().splitlines():
        if text.startswith("|"):
            table += _rows(text, lines, filled)
            continue
        if table:
            blocks.append(Block(rows=tuple(table)))
            table = []
        if text.startswith("# ") and not title:
            title = filled(text[2:].strip())
        else:
            blocks.append(Block(parts=tuple(filled(part.strip()) for part in text.split("||"))))
    if table:
        blocks.append(Block(rows=tuple(table)))
    return Paper(title, tuple(blocks), red)


def _rows(text: str, lines: Sequence[Mapping[str, str]], filled: _Filler) -> list[tuple[str, ...]]:
    cells = [cell.strip() for cell in text.strip().strip("|").split("|")]
    if not OF_A_LINE & set(VARIABLE.findall(text)):
        return [tuple(filled(cell) for cell in cells)]
    return [tuple(filled(cell, line) for cell in cells) for line in lines]


class _Filler:
    """Puts values in the place of variables. A name it does not know stays, so that a slip is seen on the paper."""

    def __init__(self, whole: Mapping[str, str]) -> None:
        self._whole = whole
        self._capitals_written = False

    def __call__(self, text: str, line: Mapping[str, str] | None = None) -> str:
        known = {**self._whole, **(line or {})}
        return VARIABLE.sub(lambda found: self._value(found.group(), known), text)

    def _value(self, name: str, known: Mapping[str, str]) -> str:
        if name == "#MAllMoney":
            capitals_now, self._capitals_written = not self._capitals_written, True
            return known["#MAllMoneyUpper" if capitals_now else "#MAllMoneyLower"]
        return known.get(name, name)
