"""票据模板: a text for each kind, of the site and of each building; filling it in is plain replacement."""

from __future__ import annotations

from typing import Any

import pytest

from counter import Counter
from prewatt.domain.estate.models import Wording
from prewatt.domain.vending.models import Reversal
from prewatt.domain.vending.operations import reverse
from prewatt.domain.vending.printing import paper
from prewatt.domain.vending.receipt_template import KNOWN, LENGTH_MAX, sample, template_of
from prewatt.domain.vending.receipt_text import KINDS, OF_A_LINE, OF_THE_ARTICLE, SHIPPED, VARIABLE, Paper, laid_out

ARTICLE = """# 预付电费收款票
用户编号: #MUserID || 开票日期: #MCreateTime || 票号: #MBillID
| 收费项目 | 电表编号 | 主楼号 | 购电次数 | 收费方式 | 收费金额 | 备注 |
| #MSaleType | #MMeterID | #MBlockID | #MUseTimes | #MPayType | #MSaleMoney | #MRemark |
会计金额(大写): #MAllMoney || 小写 #MAllMoney
操作员: #MCreateName || 收款人: #MUserName || 开票单位: (盖章有效)
备注: 请核对收款金额, 本次收款为预收电费, 不作为凭证。"""


def said(found: Paper) -> str:
    rows = [row for block in found.blocks for row in (block.head, *block.rows)]
    cells = [cell.text for row in rows for cell in row] + [one for block in found.blocks for one in block.parts]
    return "\n".join([found.title, *cells])


def filled(text: str, **more: str) -> str:
    whole = {"#AmountCapitals": "壹元整", "#AmountFigures": "1.00", "#CashierName": "李会计", "#MUserName": "海风"}
    return said(laid_out(text, whole | {f"#{name}": value for name, value in more.items()}, [{}], red=False))


@pytest.fixture
def counter(db: None) -> Counter:
    one = Counter()
    one.opened()
    return one


@pytest.fixture
def engineer(client: Any, counter: Counter) -> Any:
    client.force_login(counter.admin)
    client.cookies["django_language"] = "en"
    return client


def test_the_articles_own_receipt_is_filled_word_for_word(counter: Counter) -> None:
    sale = counter.sell("s1", "978.50")
    text = said(paper(sale, together=False, operator=counter.cashier, now=counter.now, template=ARTICLE))
    assert set(VARIABLE.findall(ARTICLE)) == set(OF_THE_ARTICLE)
    assert len(OF_THE_ARTICLE) == 13
    assert not VARIABLE.search(text)
    assert "会计金额(大写): 玖佰柒拾捌元伍角" in text
    assert "小写 978.50" in text
    assert "收款人: cashier" in text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("大写 #MAllMoney || 小写 #MAllMoney", "大写 壹元整\n小写 1.00"),
        ("小写 #MAllMoney || 大写 #MAllMoney", "小写 1.00\n大写 壹元整"),
        ("¥#MAllMoney（大写：#MAllMoney）", "¥1.00（大写：壹元整）"),
        ("#MAllMoney || #MAllMoney || #MAllMoney", "壹元整\n1.00\n1.00"),
        ("大写 #MAllMoney || 大写 #MAllMoney", "大写 壹元整\n大写 壹元整"),
        ("用户 #MUserName || 收款人：#MUserName || 收款人 #MUserName", "用户 海风\n收款人：李会计\n收款人 李会计"),
        ("#AmountFigures || #AmountCapitals || #CashierName", "1.00\n壹元整\n李会计"),
    ],
)
def test_a_name_with_two_meanings_is_told_by_its_place(text: str, shown: str) -> None:
    assert filled(f"#MBillID\n{text}") == f"\n#MBillID\n{shown}"


def test_a_part_with_a_question_mark_is_left_out_while_its_field_is_empty() -> None:
    text = "? 其中抵扣欠费 #PaidOffNegative\n票号 #MBillID || ? 原票号 #FirstBillID"
    assert filled(text, PaidOffNegative="", FirstBillID="", MBillID="S1") == "\n票号 S1"
    assert (
        filled(text, PaidOffNegative="3.20", FirstBillID="S0", MBillID="S1")
        == "\n其中抵扣欠费 3.20\n票号 S1\n原票号 S0"
    )


def test_a_value_is_never_read_as_a_template() -> None:
    assert filled("#MUserName", MUserName="#MAllMoney | {{ 7 }} <b> || x") == "\n#MAllMoney | {{ 7 }} <b> || x"


def test_money_used_below_zero_stands_on_the_paper(counter: Counter) -> None:
    counter.read(counter.meters[0], balance_fen=-320, purchase_count=0, bought_fen=0)
    sale = counter.sell("s1", "100")
    text = said(paper(sale, together=False, operator=counter.cashier, now=counter.now))
    assert "其中抵扣欠费（余额为负时已用的电）：¥3.20" in text
    assert "其中电费：¥100.00" in text
    assert "服务费及公摊：¥0.00" in text


def test_a_red_receipt_names_the_first_even_where_its_text_forgets_it(counter: Counter) -> None:
    counter.sell("s1", "100")
    counter.arrive("s1")
    reverse(reversal_id="r1", sale_id="s1", operator=counter.admin, now=counter.now, note="输错")
    counter.arrive("r1")
    row = Reversal.objects.get(pk="r1")
    found = paper(row, together=False, operator=counter.admin, now=counter.now, template="#MBillID #MAllMoney")
    assert found.red
    assert "原票号：S2026-000001" in said(found)
    assert "冲正" in said(paper(row, together=False, operator=counter.admin, now=counter.now))


def test_kinds_inherit_from_the_site_and_an_opening_from_the_sale(counter: Counter, engineer: Any) -> None:
    building = counter.building
    own = {kind: f"# {kind}\n#MBillID #MAllMoney" for kind in KINDS}
    engineer.post("/settings/receipt/", {"text": own["sale"]})
    engineer.post("/settings/receipt/?kind=refund", {"text": own["refund"]})
    engineer.post(f"/settings/receipt/{building.pk}/?kind=reversal", {"text": own["reversal"]})
    assert [template_of(building, kind) for kind in KINDS] == [own["sale"], own["sale"], own["refund"], own["reversal"]]
    assert template_of(None, "reversal") == SHIPPED["reversal"]
    engineer.post(f"/settings/receipt/{building.pk}/?kind=opening", {"text": own["opening"]})
    assert template_of(building, "opening") == own["opening"]
    for kind in KINDS:
        engineer.post("/settings/receipt/", {"text": ""}, QUERY_STRING=f"kind={kind}")
        engineer.post(f"/settings/receipt/{building.pk}/", {"text": ""}, QUERY_STRING=f"kind={kind}")
    assert not Wording.objects.exists()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("#MBillID #MAllMoney #Nonsense", "#Nonsense is no field"),
        ("#MBillID #MAllMoney 发票", "not a tax invoice"),
        ("#MBillID #MAllMoney\n" * 41, "more than 40 lines"),
        ("#MBillID #MAllMoney\n|" + "a|" * 13, "more than 12 columns"),
        ("#MBillID #MAllMoney" + "x" * LENGTH_MAX, f"longer than {LENGTH_MAX}"),
    ],
)
def test_what_cannot_be_a_receipt_is_refused(engineer: Any, text: str, why: str) -> None:
    answer = engineer.post("/settings/receipt/?kind=refund", {"text": text})
    assert answer.status_code == 422
    assert why in answer.content.decode()
    assert not Wording.objects.exists()


@pytest.mark.parametrize("kind", KINDS)
def test_the_shipped_texts_are_whole_and_never_say_tax_invoice(kind: str) -> None:
    found = sample(SHIPPED[kind], kind)
    assert not VARIABLE.search(said(found))
    assert "发票" not in said(found)
    assert found.red == (kind in {"refund", "reversal"})
    assert set(VARIABLE.findall(SHIPPED[kind])) <= KNOWN
    assert OF_A_LINE <= KNOWN


def test_while_somebody_types_the_paper_alone_comes_back_and_nothing_is_kept(engineer: Any) -> None:
    typed = {"text": "# 试印<b>\n票号 #MBillID || #AmountCapitals", "look": "1"}
    answer = engineer.post("/settings/receipt/?kind=reversal", typed, headers={"HX-Request": "true"})
    page = answer.content.decode()
    assert "<html" not in page
    assert "试印&lt;b&gt;" in page
    assert "C2026-000002" in page
    assert not Wording.objects.exists()
