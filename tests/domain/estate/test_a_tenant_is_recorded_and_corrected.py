"""用户信息: recorded, corrected, logged; the enquiry password is kept as a hash and shown never."""

from __future__ import annotations

from typing import Any

import pytest

from counter import Counter


@pytest.fixture
def counter(db: None) -> Counter:
    return Counter()


def record(counter: Counter, *, operator: Any = None, **typed: str) -> Any:
    from prewatt.domain.estate.customers import Person, record

    given = {"number": "K0152", "name": "同舟茶饮", "phone": "13800000000", "password": "482913"} | typed
    return record(person=Person(**given), operator=operator or counter.cashier, now=counter.now)


def log() -> list[Any]:
    from prewatt.domain.staff.models import LogEntry

    return list(LogEntry.objects.order_by("pk"))


def test_the_enquiry_password_is_a_hash_and_never_in_the_log(counter: Counter) -> None:
    from prewatt.domain.estate.customers import password_fits

    customer = record(counter)
    assert "482913" not in customer.password
    assert password_fits(customer=customer, password="482913")
    assert not password_fits(customer=customer, password="482914")
    assert all("482913" not in str(entry.after) for entry in log())


def test_without_a_password_nobody_looks(counter: Counter) -> None:
    from prewatt.domain.estate.customers import password_fits

    assert not password_fits(customer=record(counter, password=""), password="")


def test_the_next_number_follows_the_newest(counter: Counter) -> None:
    from prewatt.domain.estate.customers import next_number

    assert next_number(counter.admin) == "K0002"
    record(counter)
    assert next_number(counter.admin) == "K0153"


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"number": "K0001"}, "number"),
        ({"number": ""}, "number"),
        ({"number": "K 1"}, "number"),
        ({"name": "  "}, "name"),
        ({"name": "名" * 129}, "name"),
        ({"phone": "call me"}, "phone"),
        ({"password": "12345"}, "password"),
        ({"note": "x" * 401}, "note"),
    ],
)
def test_what_is_not_right_is_refused_by_its_field(counter: Counter, typed: dict[str, str], field: str) -> None:
    from prewatt.domain.estate.customers import CustomerRefused
    from prewatt.domain.estate.models import Customer

    with pytest.raises(CustomerRefused) as refused:
        record(counter, **typed)
    assert refused.value.field == field
    assert Customer.objects.count() == 1


def test_a_change_is_logged_with_what_was_before(counter: Counter) -> None:
    from prewatt.domain.estate.customers import Person, change, password_fits

    customer = record(counter)
    typed = Person(number="ignored", name="海风西餐厅", phone="13800000000")
    changed = change(customer=customer, person=typed, operator=counter.cashier, now=counter.now)
    assert (changed.number, changed.name, changed.pinyin) == ("K0152", "海风西餐厅", "hfxct")
    assert password_fits(customer=changed, password="482913")
    assert (log()[-1].before, log()[-1].after) == ({"name": "同舟茶饮"}, {"name": "海风西餐厅"})


def test_who_may_only_read_records_nobody(counter: Counter) -> None:
    from prewatt.domain.estate.customers import MayNotChange

    with pytest.raises(MayNotChange):
        record(counter, operator=counter.reader)


def test_an_operator_sees_the_tenants_of_his_buildings_only(counter: Counter) -> None:
    from prewatt.domain.estate.models import Customer

    counter.opened()
    assert list(Customer.objects.for_operator(counter.stranger)) == []
    counter.stranger.buildings.add(counter.building)
    assert list(Customer.objects.for_operator(counter.stranger)) == [counter.customer]
    record(counter)  # without any account: for those who see every building
    assert Customer.objects.for_operator(counter.stranger).count() == 1
    assert Customer.objects.for_operator(counter.admin).count() == 2


def test_an_account_is_marked_inactive_and_logged(counter: Counter) -> None:
    from prewatt.domain.estate.customers import MayNotChange, mark

    opening = counter.opened()
    wanted: dict[str, Any] = {
        "opening": opening,
        "use": "商铺",
        "alarm1_notify": True,
        "alarm2_notify": True,
        "texts": False,
        "inactive": True,
    }
    with pytest.raises(MayNotChange):
        mark(**wanted, operator=counter.stranger, now=counter.now)
    marked = mark(**wanted, operator=counter.cashier, now=counter.now)
    assert (marked.use, marked.texts, marked.inactive) == ("商铺", False, True)
    assert log()[-1].after == {"use": "商铺", "texts": False, "inactive": True}
