"""票据模板: the paper's text with its `#M…` variables, of the site and of each building, or the shipped one."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils.translation import gettext as _

from prewatt.domain.estate.changes import By
from prewatt.domain.estate.models import Building, Wording
from prewatt.domain.estate.refusals import FieldsRefused
from prewatt.domain.estate.scope import check_building, check_site
from prewatt.domain.vending.receipt_text import DEFAULT, VARIABLE, Paper, laid_out

if TYPE_CHECKING:
    from prewatt.domain.staff.models import Operator

KEY, LANGUAGE = "receipt", "zh"
LENGTH_MAX = 4000
# One receipt as it might be printed.
SAMPLE_WHOLE = {
    "#MUserID": "K0018",
    "#MUserName": "海风西餐厅",
    "#MCreateTime": "2026-11-22 10:42:07",
    "#MBillID": "S2026-000123",
    "#MRemark": "",
    "#MAllMoneyUpper": "贰佰元整",
    "#MAllMoneyLower": "200.00",
    "#MCreateName": "李会计",
    "#MPayee": "海棠湾物业管理有限公司",
    "#MPayeeName": "李会计",
    "#MPrintTime": "2026-11-22 10:42:09",
    "#MPrintName": "李会计",
}
SAMPLE_LINE = {
    "#MSaleType": "预收电费",
    "#MMeterID": "030001040A",
    "#MRoomID": "0306",
    "#MBlockID": "A座",
    "#MUseTimes": "18",
    "#MPayType": "微信支付",
    "#MSaleMoney": "200.00",
    "#MLineBillID": "S2026-000123",
}
KNOWN = frozenset({*SAMPLE_WHOLE, *SAMPLE_LINE, "#MAllMoney"})


def own(building: Building | None) -> str:
    """What the building itself (for None: the site) wrote; empty where it wrote nothing."""
    found = Wording.objects.filter(key=KEY, language=LANGUAGE, building=building)
    return found.values_list("text", flat=True).first() or ""


def template_of(building: Building | None) -> str:
    """The text that a receipt of this building is printed from."""
    return (own(building) if building else "") or own(None) or DEFAULT


def sample(template: str) -> Paper:
    """A sale of 200 yuan, laid out."""
    return laid_out(template, SAMPLE_WHOLE, [SAMPLE_LINE], red=False)


@transaction.atomic
def set_template(*, building: Building | None, text: str, operator: Operator, now: datetime, address: str = "") -> None:
    """Keep it; an empty text inherits again. Refuses variables that no receipt has, and a paper without an amount."""
    if building:
        check_building(operator, building)
    else:
        check_site(operator)
    text = text.replace("\r\n", "\n").strip()
    said = _problem(text)
    if said:
        raise FieldsRefused({"text": said})
    before = own(building)
    found = Wording.objects.filter(key=KEY, language=LANGUAGE, building=building)
    if not text:
        found.delete()
    elif not found.update(text=text):
        Wording.objects.create(key=KEY, language=LANGUAGE, building=building, text=text)
    if text != before:
        target = f"building {building.code}" if building else "site"
        By(operator, address, now).log(
            "vending.receipt_template", target, before={"text": before}, after={"text": text}
        )


def _problem(text: str) -> str:
    if not text:
        return ""
    if len(text) > LENGTH_MAX:
        return _("is longer than %(max)s characters.") % {"max": LENGTH_MAX}
    named = VARIABLE.findall(text)
    unknown = [name for name in named if name not in KNOWN]
    if unknown:
        return _("%(name)s is no field of a receipt.") % {"name": unknown[0]}
    if not {"#MAllMoney", "#MAllMoneyLower", "#MSaleMoney"} & set(named):
        return _("names no amount: a receipt without one is none. Use #MAllMoney.")
    if not {"#MBillID", "#MLineBillID"} & set(named):
        return _("names no receipt number. Use #MBillID.")
    return ""
