"""对账 on its page: an altered meter stands out, an honest building is clean, and nobody sees another's money."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse

from counter import Counter
from prewatt.domain.reconciliation import operations
from prewatt.domain.reconciliation.models import Run

pytestmark = pytest.mark.django_db


@pytest.fixture
def counter(db: None) -> Counter:
    """Two meters with money; `plant` alters one."""
    one = Counter(meters=2)
    for n, meter in enumerate(one.meters):
        one.opened(meter)
        one.sell(f"s{n}", "100", meter=meter)
        one.arrive(f"s{n}")
        one.read_all(meter, balance_fen=10_000, purchase_count=1, bought_fen=10_000, energy_wh=1)
    return one


def plant(counter: Counter) -> None:
    counter.read_all(counter.meters[1], balance_fen=10_000, purchase_count=4, bought_fen=10_000, energy_wh=1)


def main(client: Any, who: Any, name: str, **query: str) -> str:
    client.force_login(who)
    found = client.get(reverse(f"console:{name}"), query)
    assert found.status_code == 200
    return str(found.content.decode()).partition("<main")[2].partition("</main>")[0]


def rows(text: str) -> str:
    return text.rpartition("<tbody>")[2].partition("</tbody>")[0]


def test_an_honest_building_has_no_difference(client: Any, counter: Counter) -> None:
    operations.daily(now=counter.now)
    assert rows(main(client, counter.admin, "reconciliation")).count("<tr>") == 2
    assert "<tbody>" not in main(client, counter.stranger, "reconciliation")
    only = main(client, counter.admin, "reconciliation", verdict="differs")
    assert counter.meters[1].number not in only


def test_an_altered_count_stands_in_the_list_of_differences_alone(client: Any, counter: Counter) -> None:
    plant(counter)
    operations.daily(now=counter.now)
    only = rows(main(client, counter.admin, "reconciliation", verdict="differs"))
    assert counter.meters[1].number in only
    assert counter.meters[0].number not in only
    first = rows(main(client, counter.admin, "reconciliation"))
    assert first.index(counter.meters[1].number) < first.index(counter.meters[0].number)
    assert counter.building.name in main(client, counter.admin, "reconciliation-days")


def test_a_past_day_shows_what_differed_then(client: Any, counter: Counter) -> None:
    plant(counter)
    operations.daily(now=counter.now)
    day = Run.objects.get().day
    counter.later(days=1)
    counter.read_all(counter.meters[1], balance_fen=10_000, purchase_count=1, bought_fen=10_000, energy_wh=1)
    operations.daily(now=counter.now)
    assert counter.meters[1].number in rows(main(client, counter.admin, "reconciliation", day=day.isoformat()))
    assert "<tbody>" not in main(client, counter.admin, "reconciliation", day="2020-01-01")


def test_it_is_compared_again_by_who_may(client: Any, counter: Counter) -> None:
    client.force_login(counter.cashier)
    assert client.post(reverse("console:reconciliation-again")).status_code == 403
    client.force_login(counter.admin)
    assert client.post(reverse("console:reconciliation-again")).status_code == 302
    assert Run.objects.get().by == counter.admin


def test_the_workbook_carries_the_sums_as_numbers(client: Any, counter: Counter) -> None:
    from io import BytesIO

    from python_calamine import CalamineWorkbook

    operations.daily(now=counter.now)
    client.force_login(counter.admin)
    found = client.get(reverse("console:reconciliation"), {"export": "xlsx", "cols": "number,books,meter,unexplained"})
    content = b"".join(found.streaming_content)
    cells = CalamineWorkbook.from_filelike(BytesIO(content)).get_sheet_by_index(0).to_python()
    numbers = {one.number for one in counter.meters}
    assert [row[1:4] for row in cells if row[0] in numbers] == [[100.0, 100.0, 0.0]] * 2
    assert any(row[1:4] == [200.0, 200.0, 0.0] for row in cells)
