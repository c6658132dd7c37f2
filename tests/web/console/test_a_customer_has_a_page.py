"""开户查询 and 查看更多: who is found, what his page shows, and what may be changed there."""

from __future__ import annotations

from typing import Any

import pytest

from counter import Counter, yuan

pytestmark = pytest.mark.django_db


@pytest.fixture
def counter() -> Counter:
    one = Counter(meters=2)
    one.opened(balance_fen=yuan("50"))
    return one


def shown(response: Any) -> list[str]:
    return [cells[1].text for cells in response.context["table"].rows()]


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({}, 1),
        ({"text": "张"}, 1),
        ({"text": "K0001"}, 1),
        ({"text": "nobody"}, 0),
        ({"room": "101"}, 1),
        ({"room": "10"}, 0),
        ({"phone": "138"}, 0),
        ({"building": "A"}, 1),
        ({"account": "closed"}, 0),
        ({"account": "inactive"}, 0),
        ({"since": "7"}, 0),
    ],
)
def test_accounts_are_found(counter: Counter, client: Any, asked: dict[str, str], found: int) -> None:
    client.force_login(counter.reader)
    response = client.get("/customers/", asked)
    assert len(shown(response)) == found


def test_every_column_of_the_account_form_is_there(counter: Counter, client: Any) -> None:
    counter.sell()
    client.force_login(counter.reader)
    every = [column.key for column in client.get("/customers/").context["table"].register.columns]
    response = client.get("/customers/", {"cols": ",".join(every), "account": ""})
    (row,) = response.context["table"].rows()
    cells = {cell.column.key: cell.text for cell in row}
    assert (cells["number"], cells["meter"], cells["room"]) == ("K0001", "0300000000", "101")
    assert (cells["sold"], cells["count"], cells["ceiling"]) == ("100.00", "1", "1,000.00")
    assert client.get("/customers/", {"export": "xlsx"}).status_code == 200


def test_a_page_asks_no_more_the_more_there_are(counter: Counter, client: Any) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    client.force_login(counter.reader)
    client.get("/customers/")
    counts = []
    for _time in range(2):
        with CaptureQueriesContext(connection) as asked:
            client.get("/customers/")
        counts.append(len(asked))
        for n in range(6):
            counter.opened(counter.meter(f"0301{n:06d}{_time}"))
    assert counts[0] == counts[1]


def test_the_page_shows_meters_purchases_and_orders(counter: Counter, client: Any) -> None:
    sale = counter.sell()
    client.force_login(counter.cashier)
    text = client.get(f"/customers/{counter.customer.pk}/").content.decode()
    for expected in ("张三", "0300000000", sale.receipt, "50.00", "100.00"):
        assert expected in text
    assert client.get(f"/customers/{counter.customer.pk}/accounts/").status_code == 200


def test_the_page_is_asked_for_anew_when_the_last_order_has_ended(counter: Counter, client: Any) -> None:
    from prewatt.domain.vending.operations import open_account

    opening = open_account(
        opening_id="o1",
        meter=counter.meters[1],
        customer=counter.customer,
        first_amount="100",
        tender="cash",
        operator=counter.cashier,
        now=counter.now,
    )
    client.force_login(counter.cashier)
    at = f"/customers/{counter.customer.pk}/accounts/?moving=1"
    before = client.get(at)
    assert "HX-Refresh" not in before.headers
    assert [one.arriving for one in before.context["accounts"]] == [False, True]
    counter.arrive(opening.orders.get().pk, counter.meters[1])
    assert client.get(at).headers["HX-Refresh"] == "true"
    assert "HX-Refresh" not in client.get(at.replace("moving=1", "moving=0")).headers


def test_the_particulars_are_corrected(counter: Counter, client: Any) -> None:
    client.force_login(counter.cashier)
    at = f"/customers/{counter.customer.pk}/edit/"
    refused = client.post(at, {"name": "", "phone": "13900000000"})
    assert (refused.status_code, refused.context["typed"]["phone"]) == (422, "13900000000")
    assert client.post(at, {"name": "李四", "phone": "13900000000"}).status_code == 302
    counter.customer.refresh_from_db()
    assert (counter.customer.name, counter.customer.phone) == ("李四", "13900000000")


def test_an_account_is_marked(counter: Counter, client: Any) -> None:
    client.force_login(counter.cashier)
    opening = counter.customer.openings.get()
    given = {"use": "商铺", "inactive": "1", "texts": "1"}
    assert client.post(f"/customers/account/{opening.pk}/", given).status_code == 302
    opening.refresh_from_db()
    assert (opening.use, opening.inactive, opening.texts, opening.alarm1_notify) == ("商铺", True, True, False)


def test_a_stranger_finds_nobody_and_a_reader_changes_nothing(counter: Counter, client: Any) -> None:
    pk, opening = counter.customer.pk, counter.customer.openings.get()
    pages = [f"/customers/{pk}/", f"/customers/{pk}/accounts/", f"/customers/{pk}/edit/"]
    pages.append(f"/customers/account/{opening.pk}/")
    client.force_login(counter.stranger)
    assert [client.get(page).status_code for page in pages] == [404] * 4
    assert shown(client.get("/customers/")) == []
    client.force_login(counter.reader)
    assert [client.get(page).status_code for page in pages] == [200, 200, 403, 403]
    assert "/edit/" not in client.get(pages[0]).content.decode()


def test_who_sees_one_building_sees_of_a_tenant_only_what_is_there(counter: Counter, client: Any) -> None:
    from prewatt.domain.estate.models import Building, Floor, Room

    other = Building.objects.create(name="B座", code="B")
    meter = counter.meters[1]
    meter.room = Room.objects.create(floor=Floor.objects.create(building=other, number=1), number="B-7")
    meter.save()
    counter.opened(meter)
    counter.stranger.buildings.add(counter.building)
    client.force_login(counter.stranger)
    text = client.get(f"/customers/{counter.customer.pk}/").content.decode()
    assert "0300000000" in text
    assert meter.number not in text
