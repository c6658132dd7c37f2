"""后付费: the statements of who pays afterwards stand in a list, on a page and on paper."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from counter import Counter

pytestmark = pytest.mark.django_db


def statement(counter: Counter, opening: Any, month: date, **more: Any) -> Any:
    from prewatt.domain.billing.models import Statement

    given: dict[str, Any] = {
        "first_day": month,
        "last_day": month.replace(day=28),
        "read_from_wh": 1_000_000,
        "read_to_wh": 1_042_500,
        "energy_wh": 42_500,
        "used_fen": 4_250,
        "corrected_fen": 0,
        "brought_fen": 0,
        "paid_fen": 0,
        "billed_fen": 4_250,
        "days": [[month.isoformat(), 42_500, 4_250]],
        "made_at": counter.now,
    }
    return Statement.objects.create(opening=opening, month=month, **given | more)


@pytest.fixture
def two(counter: Counter) -> list[Any]:
    from prewatt.domain.billing.models import Standing
    from prewatt.domain.billing.operations import begin

    opening = counter.opened()
    begin(opening=opening, asked="o", billing="postpaid", overdraft_fen=0, switch_on_min_fen=0)
    Standing.objects.update(put_fen=5_000)
    may = statement(counter, opening, date(2026, 5, 1))
    later = {"brought_fen": 4_250, "paid_fen": 5_000, "corrected_fen": -50, "billed_fen": 8_450}
    return [may, statement(counter, opening, date(2026, 6, 1), **later)]


def test_the_list_says_what_is_open_of_each_now(counter: Counter, client: Any, two: list[Any]) -> None:
    client.force_login(counter.admin)
    page = client.get("/statements/").content.decode()
    assert [one.number in page for one in two] == [True, True]
    assert "34.50" in page  # 84.50 billed, 50.00 paid
    assert "84.50" in page  # the sum below the list
    only_open = client.get("/statements/?state=open").content.decode()
    assert [one.number in only_open for one in two] == [False, True]
    may = client.get("/statements/?month=2026-05&text=101").content.decode()
    assert [one.number in may for one in two] == [True, False]


def test_its_page_shows_how_it_comes_about(counter: Counter, client: Any, two: list[Any]) -> None:
    client.force_login(counter.admin)
    page = client.get(f"/statements/{two[1].pk}/").content.decode()
    for text in ("1,042.50", "42.50", "−50.00", "34.50", "2026-06-01"):
        assert text in page, text


def test_it_is_printed(counter: Counter, client: Any, two: list[Any]) -> None:
    client.force_login(counter.admin)
    answer = client.get(f"/statements/{two[1].pk}/statement.pdf")
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/pdf")
    assert answer.content.startswith(b"%PDF")


def test_a_longer_list_asks_no_more(
    counter: Counter, client: Any, two: list[Any], django_assert_max_num_queries: Any
) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    client.force_login(counter.admin)
    client.get("/statements/")
    with CaptureQueriesContext(connection) as few:
        client.get("/statements/")
    for month in (1, 2, 3, 4):
        statement(counter, two[0].opening, date(2026, month, 1))
    with django_assert_max_num_queries(len(few)):
        client.get("/statements/")


def test_a_stranger_finds_none(counter: Counter, client: Any, two: list[Any]) -> None:
    client.force_login(counter.stranger)
    assert two[0].number not in client.get("/statements/").content.decode()
    assert client.get(f"/statements/{two[0].pk}/").status_code == 404
