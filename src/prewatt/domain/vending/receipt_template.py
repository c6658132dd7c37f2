"""票据模板: the paper's text with its `#…` variables, for each kind: a building's own, the site's or ours."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils.translation import gettext as _

from prewatt.domain.estate.changes import By
from prewatt.domain.estate.models import Building, Wording
from prewatt.domain.estate.refusals import FieldsRefused
from prewatt.domain.estate.scope import check_building, check_site
from prewatt.domain.vending.receipt_text import (
    DEFAULT,
    ITEMS,
    NAMES,
    OF_A_LINE,
    OF_THE_ARTICLE,
    SAME,
    SHIPPED,
    VARIABLE,
    Paper,
    laid_out,
)

if TYPE_CHECKING:
    from prewatt.domain.staff.models import Operator

__all__ = ["DEFAULT", "KNOWN", "LENGTH_MAX", "inherited", "own", "sample", "set_template", "template_of"]

KEYS = {
    "sale": "receipt",
    "opening": "receipt.opening",
    "refund": "receipt.refund",
    "reversal": "receipt.reversal",
}
LANGUAGE = "zh"
LENGTH_MAX = 4000
LINES_MAX, COLUMNS_MAX = 40, 12
# One receipt as it might be printed.
SAMPLE_LINE = {
    "#MSaleType": "预收电费",
    "#MMeterID": "030001040A",
    "#MBlockID": "A座",
    "#MUseTimes": "18",
    "#MPayType": "微信支付",
    "#MSaleMoney": "200.00",
    "#LineBillID": "S2026-000123",
    "#LineNumber": "1",
    "#LineAmount": "200.00",
    "#Room": "0306",
    "#Floor": "3F",
    "#Building": "A座",
    "#MeterNumber": "030001040A",
    "#PurchaseCount": "18",
    "#Method": "微信支付",
    "#Reading": "18640.25",
    "#BalanceBefore": "-3.20",
    "#BalanceAfter": "196.80",
    "#PaidOffNegative": "3.20",
}
SAMPLE_WHOLE = SAMPLE_LINE | {
    "#MUserID": "K0018",
    "#MUserName": "海风西餐厅",
    "#MCreateTime": "2026-11-22 10:42:07",
    "#MBillID": "S2026-000123",
    "#MRemark": "",
    "#MCreateName": "李会计",
    "#AmountCapitals": "贰佰元整",
    "#AmountFigures": "200.00",
    "#EnergyMoney": "200.00",
    "#ServiceMoney": "0.00",
    "#PayerName": "海风西餐厅",
    "#PayeeUnit": "海棠湾物业管理有限公司",
    "#CashierName": "李会计",
    "#Kind": "售电",
    "#FirstBillID": "",
    "#FirstCreateTime": "",
    "#Reason": "",
    "#Lines": "1",
    "#PrintedAt": "2026-11-22 10:42:09",
    "#PrintedBy": "李会计",
}
KNOWN = frozenset({*SAMPLE_WHOLE, "#MAllMoney"})
assert {*OF_THE_ARTICLE, *OF_A_LINE, *SAME.values()} <= KNOWN
_RED = {
    "#FirstBillID": "S2026-000120",
    "#FirstCreateTime": "2026-11-22 10:31:40",
    "#Reason": "输错户号",
    "#MRemark": "原票号 S2026-000120；输错户号",
    "#BalanceBefore": "200.00",
    "#BalanceAfter": "0.00",
    "#PaidOffNegative": "",
}
_OF_KIND: dict[str, dict[str, str]] = {
    "sale": {},
    "opening": {"#MUseTimes": "0", "#PurchaseCount": "0", "#BalanceBefore": "", "#PaidOffNegative": ""},
    "refund": _RED | dict.fromkeys(("#MBillID", "#LineBillID"), "T2026-000007"),
    "reversal": _RED | dict.fromkeys(("#MBillID", "#LineBillID"), "C2026-000002"),
}


def own(building: Building | None, kind: str = "sale") -> str:
    """What the building itself (for None: the site) wrote; empty where it wrote nothing."""
    found = Wording.objects.filter(key=KEYS[kind], language=LANGUAGE, building=building)
    return found.values_list("text", flat=True).first() or ""


def inherited(building: Building | None, kind: str = "sale") -> str:
    """What holds where it wrote nothing. An opening is printed as a sale unless it has a text of its own."""
    site = own(None, kind) if building else ""
    if site or kind != "opening":
        return site or SHIPPED[kind]
    return (own(building) if building else "") or own(None) or SHIPPED[kind]


def template_of(building: Building | None, kind: str = "sale") -> str:
    """The text that a receipt of this building and kind is printed from."""
    return own(building, kind) or inherited(building, kind)


def sample(template: str, kind: str = "sale") -> Paper:
    """A receipt of 200 yuan, laid out."""
    said = {"#MSaleType": ITEMS[kind], "#Kind": NAMES[kind], **_OF_KIND[kind]}
    red = kind in {"refund", "reversal"}
    return laid_out(template, SAMPLE_WHOLE | said, [SAMPLE_LINE | said], red=red, code="PW1/SAMPLE")


@transaction.atomic
def set_template(
    *,
    building: Building | None,
    text: str,
    operator: Operator,
    now: datetime,
    kind: str = "sale",
    address: str = "",
) -> None:
    """Keep it; an empty text inherits again. Refuses variables that no receipt has, and a paper without an amount."""
    if building:
        check_building(operator, building)
    else:
        check_site(operator)
    text = text.replace("\r\n", "\n").strip()
    said = _problem(text)
    if said:
        raise FieldsRefused({"text": said})
    before = own(building, kind)
    if text == before:
        return
    found = Wording.objects.filter(key=KEYS[kind], language=LANGUAGE, building=building)
    if not text:
        found.delete()
    elif not found.update(text=text):
        Wording.objects.create(key=KEYS[kind], language=LANGUAGE, building=building, text=text)
    By(operator, address, now).log(
        "vending.receipt_template",
        f"building {building.code}" if building else "site",
        before={"kind": kind, "text": before},
        after={"kind": kind, "text": text},
    )


def _problem(text: str) -> str:
    if not text:
        return ""
    if len(text) > LENGTH_MAX:
        return _("is longer than %(max)s characters.") % {"max": LENGTH_MAX}
    if text.count("\n") >= LINES_MAX:
        return _("has more than %(max)s lines.") % {"max": LINES_MAX}
    if any(line.startswith("|") and line.strip().strip("|").count("|") >= COLUMNS_MAX for line in text.split("\n")):
        return _("has a table of more than %(max)s columns.") % {"max": COLUMNS_MAX}
    if "发票" in text:
        return _("calls itself 发票. It is a receipt for money paid in advance, not a tax invoice: say 票据 or 收款票.")
    written = VARIABLE.findall(text)
    unknown = [name for name in written if SAME.get(name, name) not in KNOWN]
    if unknown:
        return _("%(name)s is no field of a receipt.") % {"name": unknown[0]}
    named = {SAME.get(name, name) for name in written}
    if not {"#MAllMoney", "#AmountFigures", "#AmountCapitals", "#MSaleMoney", "#LineAmount"} & named:
        return _("names no amount: a receipt without one is none. Use #MAllMoney.")
    if not {"#MBillID", "#LineBillID"} & named:
        return _("names no receipt number. Use #MBillID.")
    return ""
