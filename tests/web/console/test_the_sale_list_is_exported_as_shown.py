"""The sale list: its filters, its sums, and the Excel file of exactly that."""

from __future__ import annotations

from typing import Any

import pytest

from counter import Counter, yuan
from workbooks import opened

pytestmark = pytest.mark.django_db
TENANT = '=HYPERLINK("http://x")'


@pytest.fixture
def counter() -> Counter:
    one = Counter(meters=2)
    one.customer.name = TENANT
    one.customer.save()
    one.opened(one.meters[0], balance_fen=yuan("50"))
    one.sell("a" * 32, "100", tender="cash")
    one.sell("b" * 32, "20.05", tender="wechat")
    return one


@pytest.fixture
def admin(counter: Counter, client: Any) -> Any:
    client.force_login(counter.admin)
    return client


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("from=&to=", 2),
        ("from=2026-06-01&to=2026-06-01", 2),
        ("from=2026-06-02&to=", 0),
        ("tender=wechat", 1),
        ("what=refund", 0),
        ("text=S2026-000002", 1),
        ("text=101", 2),
        ("state=arrived", 0),
        ("state=paid", 2),
    ],
)
def test_every_filter_narrows_the_list_and_the_file_alike(admin: Any, query: str, found: int) -> None:
    assert admin.get(f"/sales/?{query}").context["table"].page.paginator.count == found
    rows = opened(admin.get(f"/sales/?{query}&export=xlsx")).values
    assert len([row for row in rows if row[0] != "合计"]) == found


def test_the_list_begins_with_today(admin: Any) -> None:
    chips = admin.get("/sales/").context["table"].chips()
    assert len(chips) == 2
    assert admin.get(chips[0].without.replace("?", "/sales/?")).context["table"].ask["from"] is None


def test_the_sums_belong_to_the_filters(admin: Any) -> None:
    page = admin.get("/sales/?tender=wechat")
    assert page.context["sums"].sold_fen == yuan("20.05")
    assert "20.05" in page.content.decode()


def test_a_tenants_name_stays_text_in_the_file_and_on_the_page(admin: Any) -> None:
    *rows, last = opened(admin.get("/sales/?from=&cols=customer,amount&sort=amount&export=xlsx")).rows
    assert [(row[0].value, row[0].data_type) for row in rows] == [(TENANT, "s")] * 2
    assert [row[1].value for row in rows] == [20.05, 100]
    assert [cell.value for cell in last] == ["合计", 120.05]
    assert "&quot;http://x" in admin.get("/sales/?from=").content.decode()


def test_the_seller_filter_shows_a_limited_operator_only_himself(counter: Counter, client: Any) -> None:
    client.force_login(counter.stranger)
    fields = {one.filter.key: one for one in client.get("/sales/").context["table"].fields()}
    assert [label for _value, label in fields["seller"].options] == ["stranger"]
