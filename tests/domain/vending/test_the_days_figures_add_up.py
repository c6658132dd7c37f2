"""财务收入 = 售电 - 冲正 - 退电, by seller and way of paying, on the day on which the money moved."""

from __future__ import annotations

from datetime import UTC, date, datetime

from counter import Counter
from prewatt.domain.vending.models import Sale
from prewatt.domain.vending.operations import refund, reverse
from prewatt.domain.vending.queries import figures, refunds, reversals, sales, total

DAY = date(2026, 6, 1)


def busy(counter: Counter) -> None:
    counter.opened()
    for sale_id, amount, tender, operator in (
        ("s1", "100", "cash", counter.cashier),
        ("s2", "50.50", "wechat", counter.cashier),
        ("s3", "30", "cash", counter.admin),
    ):
        counter.sell(sale_id, amount, tender=tender, operator=operator)
        counter.arrive(sale_id)
    reverse(reversal_id="v1", sale_id="s3", operator=counter.admin, now=counter.now)
    counter.arrive("v1")
    meter = counter.meters[0]
    refund(refund_id="r1", meter=meter, amount="10", tender="cash", operator=counter.admin, now=counter.now)
    counter.arrive("r1")
    refund(refund_id="r2", meter=meter, amount="1", tender="cash", operator=counter.admin, now=counter.now)


def test_each_seller_and_way_of_paying_has_a_row_and_the_sum_is_the_drawers(counter: Counter) -> None:
    busy(counter)
    rows = figures(operator=counter.admin, first_day=DAY, last_day=DAY)
    assert {(row.seller, row.tender): (row.sold_fen, row.reversed_fen, row.refunded_fen) for row in rows} == {
        ("admin", "cash"): (3_000, 3_000, 1_000),
        ("cashier", "cash"): (10_000, 0, 0),
        ("cashier", "wechat"): (5_050, 0, 0),
    }
    whole = total(rows)
    assert whole.income_fen == counter.drawer_fen("cash") + counter.drawer_fen("wechat") == 14_050
    assert whole.sold_count == 3


def test_another_days_money_and_other_buildings_are_not_in_it(counter: Counter) -> None:
    busy(counter)
    assert figures(operator=counter.admin, first_day=date(2026, 6, 2), last_day=date(2026, 6, 2)) == []
    assert figures(operator=counter.stranger, first_day=DAY, last_day=DAY) == []
    assert not sales(operator=counter.stranger).exists()


def test_the_business_day_is_the_sites_own(counter: Counter) -> None:
    counter.opened()
    sale = counter.sell("s1", "1", now=datetime(2026, 12, 31, 16, 0, tzinfo=UTC))  # midnight in Shanghai
    assert (sale.business_day, sale.receipt) == (date(2027, 1, 1), "S2027-000001")
    assert counter.sell("s2", "1").receipt == "S2026-000001"


def test_lists_are_found_by_what_stands_on_the_receipt(counter: Counter) -> None:
    busy(counter)

    def found(**asked: object) -> list[str]:
        return [sale.pk for sale in sales(operator=counter.admin, **asked)]  # type: ignore[arg-type]

    assert found() == ["s3", "s2", "s1"]
    assert found(text="s2026-000002") == ["s2"]
    assert found(text="张三") == found(text=counter.meters[0].number[-5:]) == ["s3", "s2", "s1"]
    assert found(tender="wechat") == ["s2"]
    assert found(state="reversed") == ["s3"]
    assert found(seller_id=counter.cashier.pk) == ["s2", "s1"]
    assert found(first_day=date(2026, 6, 2)) == []
    assert [row.pk for row in refunds(operator=counter.admin, first_day=DAY, last_day=DAY)] == ["r1"]
    assert [row.sale_id for row in reversals(operator=counter.admin)] == ["s3"]
    assert Sale.objects.count() == 3
