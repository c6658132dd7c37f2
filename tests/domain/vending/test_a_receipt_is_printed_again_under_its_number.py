"""打印 and 补打: one number, counted prints, and what stands on the paper."""

from __future__ import annotations

from typing import Any

import pytest

from counter import Counter
from prewatt.domain.staff.models import LogEntry
from prewatt.domain.vending.checks import NoRight
from prewatt.domain.vending.models import Print, Refund, Sale
from prewatt.domain.vending.operations import print_receipt, refund, reverse, sell_many
from prewatt.domain.vending.printing import NotNumbered, PrintIdTaken, find, paper
from prewatt.domain.vending.receipt_text import DEFAULT, VARIABLE, laid_out


@pytest.fixture
def counter(db: None) -> Counter:
    one = Counter(meters=2)
    for meter in one.meters:
        one.opened(meter)
    return one


def printed(counter: Counter, document: Any, print_id: str = "p1", **changes: Any) -> Print:
    asked = {"print_id": print_id, "document": document, "operator": counter.cashier, "now": counter.now}
    return print_receipt(**asked | changes)


def on_paper(counter: Counter, document: Any, **more: Any) -> str:
    found = paper(document, together=True, operator=counter.cashier, now=counter.now, **more)
    rows = [row for block in found.blocks for row in (block.head, *block.rows)]
    cells = [cell.text for row in rows for cell in row] + [one for block in found.blocks for one in block.parts]
    return "\n".join([found.title, *cells])


def test_the_first_print_is_one_and_every_later_one_is_counted(counter: Counter) -> None:
    sale = counter.sell("s1", "100")
    assert [printed(counter, sale, f"p{n}").nth for n in (1, 2, 3)] == [1, 2, 3]
    assert printed(counter, sale, "p2").nth == 2
    assert [one.action for one in LogEntry.objects.filter(action__in=("print", "reprint")).order_by("pk")] == [
        "print",
        "reprint",
        "reprint",
    ]
    assert Sale.objects.get(pk="s1").receipt == "S2026-000001"


def test_a_button_prints_one_receipt_only(counter: Counter) -> None:
    printed(counter, counter.sell("s1", "100"))
    with pytest.raises(PrintIdTaken):
        printed(counter, counter.sell("s2", "5"))


def test_money_that_is_not_paid_back_yet_has_no_paper(counter: Counter) -> None:
    counter.sell("s1", "100")
    counter.arrive("s1")
    refund(refund_id="r1", meter=counter.meters[0], amount="5", tender="cash", operator=counter.admin, now=counter.now)
    with pytest.raises(NotNumbered):
        printed(counter, Refund.objects.get(pk="r1"))
    counter.arrive("r1")
    assert printed(counter, Refund.objects.get(pk="r1")).series == "T2026"


def test_who_may_not_take_money_prints_nothing(counter: Counter) -> None:
    with pytest.raises(NoRight):
        printed(counter, counter.sell("s1", "100"), operator=counter.reader)


def test_a_receipt_of_another_building_is_not_found(counter: Counter) -> None:
    sale = counter.sell("s1", "100")
    assert find("S2026", 1, operator=counter.cashier) == sale
    assert find("S2026", 1, operator=counter.stranger) is None


def test_the_paper_says_everything_in_figures_and_capitals(counter: Counter) -> None:
    sale = counter.sell("s1", "140.50")
    text = on_paper(counter, sale)
    for said in ("预付电费收款票", "K0001", "张三", "S2026-000001", "0300000000", "A座", "101", "现金", "140.50"):
        assert said in text
    assert "人民币壹佰肆拾元零伍角" in text
    assert "¥140.50" in text
    assert not VARIABLE.search(text)


def test_a_payment_prints_its_lines_together_with_their_sum(counter: Counter) -> None:
    lines = [(f"s{at}", meter, "50") for at, meter in enumerate(counter.meters)]
    sell_many(payment_id="p", lines=lines, tender="cash", operator=counter.cashier, now=counter.now)
    text = on_paper(counter, Sale.objects.get(pk="s0"))
    assert all(meter.number in text for meter in counter.meters)
    assert "S2026-000001~000002" in text
    assert "人民币壹佰元整" in text
    assert printed(counter, Sale.objects.get(pk="s0"), together=True).nth == 1
    assert printed(counter, Sale.objects.get(pk="s0"), together=True).nth == 1
    assert printed(counter, Sale.objects.get(pk="s1"), "p2").nth == 2, "its line was on the first paper"


def test_a_red_receipt_names_the_one_it_turns_round(counter: Counter) -> None:
    counter.sell("s1", "100")
    counter.arrive("s1")
    row = reverse(reversal_id="r1", sale_id="s1", operator=counter.admin, now=counter.now, note="输错户号")
    counter.arrive("r1")
    row.refresh_from_db()
    found = paper(row, together=False, operator=counter.admin, now=counter.now)
    text = on_paper(counter, row)
    assert found.red
    assert "冲正" in text
    assert "原票号：S2026-000001" in text
    assert "输错户号" in text


def test_a_site_writes_its_own_template_and_a_slip_is_seen(counter: Counter) -> None:
    sale = counter.sell("s1", "1")
    text = on_paper(counter, sale, template="# 收据\n#MAllMoney || #MAllMoney || #MNonsense")
    assert text == "收据\n壹元整\n1.00\n#MNonsense"


def test_every_variable_of_the_article_can_be_filled(counter: Counter) -> None:
    sale = counter.sell("s1", "1")
    article = "UserID CreateTime BillID SaleType MeterID BlockID UseTimes PayType SaleMoney Remark AllMoney CreateName"
    names = [f"#M{name}" for name in [*article.split(), "UserName"]]
    assert not set(names) & set(VARIABLE.findall(on_paper(counter, sale, template="\n".join(f"|{n}|" for n in names))))
    assert laid_out(DEFAULT.splitlines()[0], {}, [], red=False).title == "预付电费收款票"
