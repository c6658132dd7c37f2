"""总览: figures of the day, ledger against meters, what needs a person. Empty houses say what to do."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from counter import Counter, yuan

pytestmark = pytest.mark.django_db
PART = {"HX-Request": "true"}
ID = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def counter() -> Counter:
    one = Counter(meters=2)
    one._now = datetime.now(UTC)
    one.opened(balance_fen=yuan("50"))
    return one


@pytest.fixture
def admin(counter: Counter, client: Any) -> Any:
    client.cookies["django_language"] = "en"
    client.force_login(counter.admin)
    return client


def test_a_sale_is_in_the_income_at_once(counter: Counter, admin: Any) -> None:
    counter.sell(ID, "100.50")
    page = admin.get("/")
    assert page.context["seen"].income.income_fen == yuan("100.50")
    assert "100.50" in page.content.decode()


def test_books_agree_before_between_and_after_a_sale(counter: Counter, admin: Any) -> None:
    assert admin.get("/").context["seen"].books.agrees
    counter.sell(ID, "100")
    assert admin.get("/").context["seen"].books.agrees
    counter.lease()
    moving = admin.get("/").context["seen"].books
    assert (moving.agrees, moving.compared, moving.moving) == (True, 0, 1)
    counter.arrive(ID)
    after = admin.get("/").context["seen"].books
    assert (after.agrees, after.compared) == (True, 1)


def test_a_meter_with_money_that_nobody_booked_is_named(counter: Counter, admin: Any) -> None:
    counter.read(counter.meters[0], balance_fen=yuan("150"), bought_fen=yuan("100"))
    seen = admin.get("/").context["seen"]
    assert seen.books.differing == (counter.meters[0].number,)
    assert seen.books.meters_fen - seen.books.books_fen == yuan("100")
    assert "1 differs" in admin.get("/").content.decode()


def test_the_poorest_come_first(counter: Counter, admin: Any) -> None:
    counter.opened(counter.meters[1], balance_fen=-1260)
    counter.read(counter.meters[0], balance_fen=1842)
    page = admin.get("/")
    assert [need.standing.state.value for need in page.context["seen"].needs] == ["owe", "al2"]
    assert "−12.60" in page.content.decode()


def test_a_house_without_meters_says_what_to_do(counter: Counter, client: Any) -> None:
    client.cookies["django_language"] = "en"
    client.force_login(counter.stranger)
    assert "No meters yet" in client.get("/").content.decode()


def test_the_figures_refresh_without_the_charts(admin: Any) -> None:
    text = admin.get("/?part=figures", headers=PART).content.decode()
    assert 'id="figures" hx-swap-oob="true"' in text
    assert "data-chart" not in text


def test_a_cashier_without_sight_of_meters_lands_at_the_counter(counter: Counter, client: Any) -> None:
    counter.cashier.role.rights = ["sell"]
    counter.cashier.role.save()
    client.force_login(counter.cashier)
    assert client.get("/").url == "/sale/"


def test_yesterday_is_compared_as_far_as_today_is_known() -> None:
    from prewatt.web.console.overview import _until

    hours = [1000] * 24
    assert _until(hours, datetime(2026, 11, 22, 2, 30, tzinfo=UTC)) == 10_500  # half past ten in Shanghai
    assert _until(hours[:3], datetime(2026, 11, 22, 2, 30, tzinfo=UTC)) == 3000
    assert _until([], datetime(2026, 11, 22, 2, 30, tzinfo=UTC)) == 0
