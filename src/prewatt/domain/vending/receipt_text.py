"""What a receipt says. `fields` are the `#…` variables of one paper; `laid_out` puts them into a template's text.

A template is plain text, and filling it in is plain replacement: the first line that begins with `# ` is the title;
lines between bars `| a | b |` are a table, and a row that holds a variable of a line is repeated for every line;
`a || b` are parts of one line, side by side; a line or part that begins with `? ` is left out while one of its
variables is empty.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.utils import timezone

from prewatt.domain.vending.capitals import capitals
from prewatt.domain.vending.look import net_fen
from prewatt.domain.vending.models import Refund, Reversal, Sale

if TYPE_CHECKING:
    from datetime import datetime

    from prewatt.domain.staff.models import Operator

Document = Sale | Refund | Reversal
VARIABLE = re.compile(r"#[A-Z][A-Za-z]+")
# The thirteen of the original system.
OF_THE_ARTICLE = (
    "#MUserID #MCreateTime #MBillID #MSaleType #MMeterID #MBlockID #MUseTimes #MPayType #MSaleMoney #MRemark "
    "#MAllMoney #MCreateName #MUserName"
).split()
# They differ from line to line of a payment; all others stand once on the paper.
OF_A_LINE = frozenset(
    "#MSaleType #MMeterID #MBlockID #MUseTimes #MPayType #MSaleMoney #LineBillID #LineNumber #Room #Floor #Building "
    "#MeterNumber #PurchaseCount #Method #LineAmount #Reading #BalanceBefore #BalanceAfter #PaidOffNegative".split()
)
# Names that templates may still use.
SAME = {
    "#MAllMoneyUpper": "#AmountCapitals",
    "#MAllMoneyLower": "#AmountFigures",
    "#MPayee": "#PayeeUnit",
    "#MPayeeName": "#CashierName",
    "#MPrintTime": "#PrintedAt",
    "#MPrintName": "#PrintedBy",
    "#MRoomID": "#Room",
    "#MLineBillID": "#LineBillID",
}
MONEY = frozenset(
    "#MSaleMoney #LineAmount #AmountFigures #EnergyMoney #ServiceMoney #BalanceBefore #BalanceAfter "
    "#PaidOffNegative".split()
)
PARTS = ("存根联", "客户联", "记账联")  # on paper always in Chinese, as the receipt itself
KINDS = ("sale", "opening", "refund", "reversal")
ITEMS = {"sale": "预收电费", "opening": "开户预收电费", "refund": "退电", "reversal": "冲正"}
NAMES = {"sale": "售电", "opening": "开户", "refund": "退电", "reversal": "冲正"}
TENDERS = {
    "cash": "现金",
    "wechat": "微信支付",
    "alipay": "支付宝",
    "card": "银行卡",
    "transfer": "转账",
    "unionpay": "银联",
}
DEFAULT = """# 预付电费收款票
用户编号：#MUserID || 用户名称：#PayerName || 开票日期：#MCreateTime || 票号：#MBillID
| 收费项目 | 户号 | 电表编号 | 主楼号 | 购电次数 | 收费方式 | 收费金额（元） | 备注 |
| #MSaleType | #Room | #MMeterID | #MBlockID | #MUseTimes | #MPayType | #MSaleMoney | #MRemark |
会计金额（大写）：人民币#MAllMoney || 小写：¥#MAllMoney
其中电费：¥#EnergyMoney || 服务费及公摊：¥#ServiceMoney || ? 充值后余额：¥#BalanceAfter
? 其中抵扣欠费（余额为负时已用的电）：¥#PaidOffNegative
操作员：#MCreateName || 收款人：#MUserName || 开票单位（盖章有效）：#PayeeUnit
备注：请核对收款金额，并妥善保管本票。本次收款为预收电费，不作为凭证。"""
_BACK = """# 预付电费{name}票（红字）
用户编号：#MUserID || 用户名称：#PayerName || 开票日期：#MCreateTime || 票号：#MBillID
| {name}项目 | 户号 | 电表编号 | 主楼号 | 购电次数 | 退款方式 | 退款金额（元） |
| #MSaleType | #Room | #MMeterID | #MBlockID | #MUseTimes | #MPayType | #MSaleMoney |
退款金额（大写）：人民币#MAllMoney || 小写：¥#MAllMoney
? 原票号：#FirstBillID || ? 原开票日期：#FirstCreateTime || ? 退后余额：¥#BalanceAfter
? {name}原因：#Reason
操作员：#MCreateName || 付款人：#CashierName || 领款人（签字）： || 开票单位（盖章有效）：#PayeeUnit
备注：请当面核对退款金额，并妥善保管本票。本票为红字票，不作为凭证。"""
SHIPPED = {
    "sale": DEFAULT,
    "opening": DEFAULT,
    "refund": _BACK.format(name="退电"),
    "reversal": _BACK.format(name="冲正"),
}


@dataclass(frozen=True, slots=True)
class Cell:
    text: str
    money: bool = False


@dataclass(frozen=True, slots=True)
class Block:
    """One line of the paper in its parts, or a table: its head and its rows."""

    parts: tuple[str, ...] = ()
    head: tuple[Cell, ...] = ()
    rows: tuple[tuple[Cell, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Paper:
    title: str
    blocks: tuple[Block, ...]
    red: bool  # 红字: money went back
    receipt: str = ""
    code: str = ""  # the sealed text of its QR code

    @property
    def above(self) -> tuple[Block, ...]:
        """Down to the last table; what is below stands beside the QR code."""
        return self.blocks[: self._cut()]

    @property
    def below(self) -> tuple[Block, ...]:
        return self.blocks[self._cut() :]

    def _cut(self) -> int:
        return max((at for at, block in enumerate(self.blocks, start=1) if block.head), default=0)


def kind_of(document: Document) -> str:
    if isinstance(document, Sale):
        return "opening" if document.first else "sale"
    return "reversal" if isinstance(document, Reversal) else "refund"


def issued_at(document: Document) -> datetime:
    """When its number was given."""
    return document.sold_at if isinstance(document, Sale) else document.state_at


def fields(
    documents: Sequence[Document], *, printed_by: Operator, now: datetime, payee: str = ""
) -> tuple[dict[str, str], list[dict[str, str]]]:
    """The variables of the whole paper, and those of each line. All documents are one customer's."""
    first = documents[0]
    total_fen = sum(one.amount_fen for one in documents)
    energy_fen = sum(energy_money_fen(one) for one in documents)
    named = first_sale(first)
    lines = [_line(one, at) for at, one in enumerate(documents, start=1)]
    whole = {
        "#MUserID": first.customer.number,
        "#MUserName": first.customer.name,
        "#MCreateTime": _moment(issued_at(first)),
        "#MBillID": receipts_of(documents),
        "#MRemark": _remark(first, named),
        "#MCreateName": str(first.operator),
        "#AmountCapitals": capitals(total_fen),
        "#AmountFigures": figures(total_fen),
        "#EnergyMoney": figures(energy_fen),
        "#ServiceMoney": figures(total_fen - energy_fen),
        "#PayerName": first.customer.name,
        "#PayeeUnit": payee,
        "#CashierName": str(first.operator),
        "#Kind": NAMES[kind_of(first)],
        "#FirstBillID": named.receipt if named else "",
        "#FirstCreateTime": _moment(named.sold_at) if named else "",
        "#Reason": "" if isinstance(first, Sale) else first.note,
        "#Lines": str(len(documents)),
        "#PrintedAt": _moment(now),
        "#PrintedBy": str(printed_by),
    }
    return whole | _once(lines, documents), lines


def _once(lines: Sequence[Mapping[str, str]], documents: Sequence[Document]) -> dict[str, str]:
    """Variables of a line, outside a table: those of the only line; of several, what can be added up."""
    if len(lines) == 1:
        return dict(lines[0])
    paid_off_fen = sum(_paid_off_fen(one) or 0 for one in documents)
    return dict.fromkeys(OF_A_LINE, "") | {"#PaidOffNegative": figures(paid_off_fen) if paid_off_fen else ""}


def energy_money_fen(one: Document) -> int:
    """What of it is money for energy: all of it. A meter is charged with nothing else; whoever comes to sell service
    charges or shared costs takes them off here, and every paper shows the two apart.
    """
    return one.amount_fen


def first_sale(one: Document) -> Sale | None:
    """The receipt that a red one names: the sale turned round, else the account's last purchase before it."""
    if isinstance(one, Sale):
        return None
    if one.sale is not None:
        return one.sale
    return (
        Sale.objects.filter(opening=one.opening_id, sold_at__lte=one.asked_at).order_by("-sold_at", "-number").first()
    )


def receipts_of(documents: Sequence[Document]) -> str:
    """S2026-000123, S2026-000123~000125 or S2026-000123、000127."""
    if len(documents) == 1:
        return documents[0].receipt
    numbers = sorted(one.number or 0 for one in documents)
    unbroken = numbers == list(range(numbers[0], numbers[-1] + 1))
    return f"{documents[0].series}-{numbers[0]:06d}" + (
        f"~{numbers[-1]:06d}" if unbroken else "".join(f"、{number:06d}" for number in numbers[1:])
    )


def _line(one: Document, at: int) -> dict[str, str]:
    room = one.meter.room
    before, after = (one.order.before or {}, one.order.after or {}) if one.order else ({}, {})
    count = after.get("purchase_count", one.order.count) if one.order else None
    paid_off_fen = _paid_off_fen(one)
    said = {
        "#MSaleType": ITEMS[kind_of(one)],
        "#MMeterID": one.meter.number,
        "#MBlockID": room.floor.building.name if room else "",
        "#MUseTimes": "" if count is None else str(count),
        "#MPayType": TENDERS.get(one.tender, one.tender),
        "#MSaleMoney": figures(one.amount_fen),
        "#Room": room.number if room else "",
        "#Floor": str(room.floor) if room else "",
        "#LineBillID": one.receipt,
        "#LineNumber": str(at),
        "#BalanceBefore": _balance(before) if before else _known(getattr(one, "balance_before_fen", None)),
        "#BalanceAfter": _balance(after),
        "#Reading": f"{after['energy_wh'] / 1000:.2f}" if "energy_wh" in after else "",
        "#PaidOffNegative": figures(paid_off_fen) if paid_off_fen else "",
    }
    return said | {
        "#MeterNumber": said["#MMeterID"],
        "#Building": said["#MBlockID"],
        "#PurchaseCount": said["#MUseTimes"],
        "#Method": said["#MPayType"],
        "#LineAmount": said["#MSaleMoney"],
    }


def _paid_off_fen(one: Document) -> int | None:
    """What of a sale went to energy that was used below zero (过零): as the meter stood before it."""
    if not isinstance(one, Sale):
        return None
    before = (one.order and one.order.before) or {}
    stood_fen = net_fen(before) if "balance_fen" in before else one.balance_before_fen
    return min(one.amount_fen, -stood_fen) if stood_fen is not None and stood_fen < 0 else None


def _balance(values: Mapping[str, Any]) -> str:
    return figures(net_fen(values)) if "balance_fen" in values else ""


def _known(fen: int | None) -> str:
    return "" if fen is None else figures(fen)


def _remark(one: Document, named: Sale | None) -> str:
    if isinstance(one, Sale):
        return ""
    return "；".join(part for part in (f"原票号 {named.receipt}" if named else "", one.note) if part)


def figures(fen: int) -> str:
    """1,409.50; a minus in front where it is below zero."""
    return f"{'-' if fen < 0 else ''}{abs(fen) // 100:,}.{abs(fen) % 100:02d}"


def _moment(at: datetime) -> str:
    return f"{timezone.localtime(at):%Y-%m-%d %H:%M:%S}"


def laid_out(
    template: str,
    whole: Mapping[str, str],
    lines: Sequence[Mapping[str, str]],
    *,
    red: bool,
    code: str = "",
) -> Paper:
    """The template's text with its variables filled in. A red paper names the first receipt even where the text does
    not.
    """
    filled = _Filler(whole)
    title = ""
    blocks: list[Block] = []
    for text in template.strip().splitlines():
        if text.startswith("|"):
            _into_table(blocks, text, lines, filled)
        elif text.startswith("# ") and not title:
            title = filled(text[2:].strip())
        else:
            parts = [filled.part(part.strip()) for part in text.split("||")]
            kept = tuple(part for part in parts if part is not None)
            blocks += [Block(parts=kept)] if kept else []
    named = whole.get("#FirstBillID", "")
    if red and named and named not in filled.written:
        blocks.append(Block(parts=(f"原票号：{named}",)))
    return Paper(title, tuple(blocks), red, whole.get("#MBillID", ""), code)


def _into_table(blocks: list[Block], text: str, lines: Sequence[Mapping[str, str]], filled: _Filler) -> None:
    """A table's first line is its head; what follows without another line between belongs to it."""
    cells = [cell.strip() for cell in text.strip().strip("|").split("|")]
    varied = bool(OF_A_LINE & {SAME.get(name, name) for name in VARIABLE.findall(text)})
    rows = tuple(
        tuple(Cell(filled(cell, line), _is_money(cell)) for cell in cells) for line in (lines if varied else [{}])
    )
    if not (blocks and blocks[-1].head):
        unnamed = tuple(Cell("") for _ in cells)
        blocks.append(Block(head=unnamed, rows=rows) if varied else Block(head=rows[0]))
        return
    table = blocks[-1]
    money = [any(row[at].money for row in rows if at < len(row)) for at in range(len(table.head))]
    head = tuple(Cell(cell.text, cell.money or now) for cell, now in zip(table.head, money, strict=True))
    blocks[-1] = Block(head=head, rows=(*table.rows, *rows))


def _is_money(cell: str) -> bool:
    return bool(MONEY & set(VARIABLE.findall(cell)))


class _Filler:
    """Puts values in the place of variables. A name it does not know stays, so that a slip is seen on the paper.

    Two names of the article stand for two things each, told apart by their place: `#MAllMoney` is the amount in
    capitals behind 大写 and in figures behind 小写 or ¥ (with neither, capitals first and figures afterwards);
    `#MUserName` is the cashier behind 收款人 and the customer anywhere else.
    """

    def __init__(self, whole: Mapping[str, str]) -> None:
        self._whole = whole
        self._capitals_written = False
        self.written = ""

    def __call__(self, text: str, line: Mapping[str, str] | None = None) -> str:
        known = {**self._whole, **(line or {})}
        done = VARIABLE.sub(lambda found: self._value(found.group(), known, text[: found.start()]), text)
        self.written += done + "\n"
        return done

    def part(self, text: str) -> str | None:
        """None: it begins with `? `, and one of its variables is empty."""
        if not text.startswith("? "):
            return self(text)
        text = text[2:].strip()
        names = [SAME.get(name, name) for name in VARIABLE.findall(text)]
        return None if any(self._whole.get(name, "x") == "" for name in names) else self(text)

    def _value(self, name: str, known: Mapping[str, str], before: str) -> str:
        if name == "#MAllMoney":
            return known["#AmountCapitals" if self._in_capitals(before) else "#AmountFigures"]
        if name == "#MUserName" and before.rstrip("：: ").endswith("收款人"):
            return known["#CashierName"]
        return known.get(SAME.get(name, name), name)

    def _in_capitals(self, before: str) -> bool:
        upper, lower = before.rfind("大写"), max(before.rfind("小写"), before.rfind("¥"), before.rfind("￥"))
        capitals_now = upper > lower if max(upper, lower) >= 0 else not self._capitals_written
        self._capitals_written = self._capitals_written or capitals_now
        return capitals_now
