"""验票: a scanner types the code of a paper into a field, and the page says whether it is ours."""

from __future__ import annotations

from typing import Any

import pytest

from counter import Counter
from prewatt.domain.vending.operations import print_receipt
from prewatt.domain.vending.receipt_code import code


@pytest.fixture
def counter(db: None, client: Any) -> Counter:
    one = Counter()
    one.opened()
    client.force_login(one.cashier)
    client.cookies["django_language"] = "en"
    return one


def said(client: Any, text: str) -> str:
    answer = client.get("/receipts/", {"code": text})
    assert answer.status_code == 200
    return str(answer.content.decode())


def test_a_genuine_paper_stands_beside_what_the_books_say(client: Any, counter: Counter) -> None:
    sale = counter.sell("s1", "140.50")
    print_receipt(print_id="p1", document=sale, operator=counter.cashier, now=counter.now)
    page = said(client, code([sale]))
    for word in ("Genuine", "140.50", "张三", "S2026-000001", "/sales/s1/", "first print", "not laid yet"):
        assert word in page, word


def test_a_forged_paper_is_named_so_and_what_is_true_stands_beside_it(client: Any, counter: Counter) -> None:
    page = said(client, code([counter.sell("s1", "140.50")]).replace("/14050/", "/94050/"))
    assert "Forged" in page
    assert "940.50" in page
    assert "140.50" in page


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("S2026-000001", "The books have this number"),
        ("S2026-000009", "no receipt with this number"),
        ("<b>", "neither"),
    ],
)
def test_a_number_and_nonsense_are_answered(client: Any, counter: Counter, text: str, word: str) -> None:
    counter.sell("s1", "1")
    page = said(client, text)
    assert word in page
    assert '<b>"' not in page


def test_a_stranger_sees_nothing_of_another_building(client: Any, counter: Counter) -> None:
    text = code([counter.sell("s1", "140.50")])
    client.force_login(counter.stranger)
    page = said(client, text)
    assert "your books have no such receipt" in page
    assert "张三" not in page


def test_who_may_not_take_money_checks_nothing(client: Any, counter: Counter) -> None:
    client.force_login(counter.reader)
    assert client.get("/receipts/").status_code == 403
