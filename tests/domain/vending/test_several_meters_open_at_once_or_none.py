"""一户多表: one person, several meters, one form. All of them open, or none and nothing is booked."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from counter import Counter, yuan
from prewatt.link.messages import Outcome

FORM = uuid.UUID(int=7).hex
SIMULATED = ["manual", "observed", "unverified", "simulated"]


@pytest.fixture
def counter(db: None) -> Counter:
    one = Counter(meters=3)
    for meter in one.meters:
        meter.allow = SIMULATED
        meter.save()
    return one


def person(**changes: str) -> Any:
    from prewatt.domain.estate.customers import Person

    return Person(**{"number": "K0002", "name": "海风西餐厅", "phone": "13800000000", "password": "482913"} | changes)


def wanted(meter: Any, first: str = "100", **more: Any) -> Any:
    from prewatt.domain.vending.opening_many import Wanted

    return Wanted(meter=meter, first=first, **more)


def open_(counter: Counter, *lines: Any, **changes: Any) -> Any:
    from prewatt.domain.vending.opening_many import open_accounts

    asked: dict[str, Any] = {
        "form_id": FORM,
        "customer": person(),
        "wanted": lines,
        "tender": "cash",
        "operator": counter.cashier,
        "now": counter.now,
    }
    return open_accounts(**asked | changes)


def nothing_is_there() -> bool:
    from prewatt.domain.dispatch.models import MeterOrder
    from prewatt.domain.estate.models import Customer, Opening
    from prewatt.domain.ledger.models import Transfer

    return not (
        MeterOrder.objects.exists()
        or Opening.objects.exists()
        or Transfer.objects.exists()
        or Customer.objects.filter(number="K0002").exists()
    )


def test_a_new_person_opens_two_meters(counter: Counter) -> None:
    first, second = open_(counter, wanted(counter.meters[0]), wanted(counter.meters[1], "50", carried_in="3.20"))
    assert first.customer == second.customer
    assert (first.customer.name, first.customer.created_by) == ("海风西餐厅", counter.cashier)
    assert first.opened_by == counter.cashier
    assert counter.drawer_fen() == yuan("150")
    counter.customer = first.customer
    counter.arrive(_order(first), counter.meters[0])
    counter.arrive(_order(second), counter.meters[1])
    assert (counter.on_meter_fen(first), counter.on_meter_fen(second)) == (yuan("100"), yuan("53.20"))


def _order(opening: Any) -> str:
    return str(opening.orders.get(kind="open").pk)


def test_one_refused_meter_opens_none(counter: Counter) -> None:
    from prewatt.domain.vending.opening import OpeningAboveCeiling

    with pytest.raises(OpeningAboveCeiling) as refused:
        open_(counter, wanted(counter.meters[0]), wanted(counter.meters[1], "1000.01"))
    assert refused.value.meter_id == counter.meters[1].pk
    assert nothing_is_there()


def test_the_same_form_again_is_the_first_result(counter: Counter) -> None:
    lines = [wanted(counter.meters[0]), wanted(counter.meters[1])]
    first = open_(counter, *lines)
    assert open_(counter, *lines) == first
    assert counter.drawer_fen() == yuan("200")


def test_the_same_form_with_one_more_meter_is_refused(counter: Counter) -> None:
    from prewatt.domain.vending.opening import OpeningIdTaken

    open_(counter, wanted(counter.meters[0]))
    with pytest.raises(OpeningIdTaken):
        open_(counter, wanted(counter.meters[0]), wanted(counter.meters[1]))
    assert counter.drawer_fen() == yuan("100")


def test_a_known_person_takes_one_more_meter(counter: Counter) -> None:
    counter.opened(counter.meters[0])
    (added,) = open_(counter, wanted(counter.meters[1], "0"), customer=counter.customer)
    assert added.customer == counter.customer
    assert counter.drawer_fen() == 0


@pytest.mark.parametrize(
    ("lines", "code"),
    [((), "no_meter"), ((0, 0), "meter_twice")],
)
def test_a_form_without_a_meter_or_with_one_twice_is_refused(
    counter: Counter, lines: tuple[int, ...], code: str
) -> None:
    from prewatt.domain.vending.checks import Refused

    with pytest.raises(Refused) as refused:
        open_(counter, *(wanted(counter.meters[at]) for at in lines))
    assert refused.value.code == code
    assert nothing_is_there()


def test_an_open_meter_is_refused_and_its_settings_stay(counter: Counter) -> None:
    from prewatt.domain.vending.opening import AlreadyOpen
    from prewatt.domain.vending.terms import Terms

    counter.opened(counter.meters[0])
    with pytest.raises(AlreadyOpen):
        open_(counter, wanted(counter.meters[0], terms=Terms(ceiling_fen=1)))
    counter.meters[0].refresh_from_db()
    assert counter.meters[0].ceiling_fen == 100_000


def test_limits_and_prices_go_to_the_meter_with_it(counter: Counter) -> None:
    from prewatt.domain.dispatch.models import MeterOrder
    from prewatt.domain.vending.terms import read

    typed = read({"alarm1_fen": "60", "alarm2_fen": "20.5", "overload_limit_w": "8000", "price_flat_e4": "0.85"})
    open_(counter, wanted(counter.meters[0], terms=typed))
    orders = {order.kind: order.values for order in MeterOrder.objects.all()}
    assert orders["limits"] == {"alarm1_fen": 6000, "alarm2_fen": 2050, "overload_limit_w": 8000, "ceiling_fen": 100000}
    assert orders["prices"] == {"price_flat_e4": 8500}
    counter.meters[0].refresh_from_db()
    assert counter.meters[0].price_flat_e4 == 8500


def test_a_model_that_takes_no_limits_from_afar_is_sent_none(counter: Counter) -> None:
    from prewatt.domain.dispatch.models import MeterOrder
    from prewatt.domain.vending.terms import read

    counter.meters[0].allow = ["manual"]
    counter.meters[0].save()
    open_(counter, wanted(counter.meters[0], terms=read({"price_flat_e4": "0.85"})))
    assert list(MeterOrder.objects.values_list("kind", flat=True)) == ["open"]


def test_alarm_two_above_alarm_one_is_refused(counter: Counter) -> None:
    from prewatt.domain.vending.terms import BadTerm, Terms

    with pytest.raises(BadTerm):
        open_(counter, wanted(counter.meters[0], terms=Terms(alarm1_fen=1000, alarm2_fen=2000)))
    assert nothing_is_there()


@pytest.mark.parametrize("typed", ["1,2,3.456", "abc", "-5", "1e3", "100000000000"])
def test_a_term_that_is_no_figure_is_refused_by_its_field(typed: str) -> None:
    from prewatt.domain.vending.terms import BadTerm, read

    with pytest.raises(BadTerm) as refused:
        read({"ceiling_fen": typed})
    assert refused.value.field == "ceiling_fen"


def test_a_price_above_ten_yuan_is_a_slip() -> None:
    from prewatt.domain.vending.terms import BadTerm, read

    assert read({"price_flat_e4": "10"}).price_flat_e4 == 100_000
    with pytest.raises(BadTerm):
        read({"price_flat_e4": "10.0001"})


def test_holding_power_needs_its_own_right(counter: Counter) -> None:
    from prewatt.domain.dispatch.models import MeterOrder
    from prewatt.domain.vending.checks import NoRight

    with pytest.raises(NoRight):
        open_(counter, wanted(counter.meters[0], hold=True))
    assert nothing_is_there()
    open_(counter, wanted(counter.meters[0], hold=True), operator=counter.admin)
    assert MeterOrder.objects.filter(kind="hold").exists()


def test_a_stranger_and_a_reader_open_nothing(counter: Counter) -> None:
    from prewatt.domain.vending.checks import Refused

    for who in (counter.stranger, counter.reader):
        with pytest.raises(Refused):
            open_(counter, wanted(counter.meters[0]), operator=who)
    assert nothing_is_there()


def test_a_taken_user_number_names_its_field_and_opens_nothing(counter: Counter) -> None:
    from prewatt.domain.vending.opening_many import PersonRefused

    with pytest.raises(PersonRefused) as refused:
        open_(counter, wanted(counter.meters[0]), customer=person(number="K0001"))
    assert refused.value.field == "number"


def test_a_meter_that_refuses_leaves_the_other_open(counter: Counter) -> None:
    first, second = open_(counter, wanted(counter.meters[0]), wanted(counter.meters[1]))
    counter.customer = first.customer
    counter.arrive(_order(first), counter.meters[0])
    counter.lease()
    counter.settle(_order(second), Outcome.REFUSED, meter=counter.meters[1], reason="not_taken")
    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.closed_at, second.closed_at is not None) == (None, True)
    assert counter.wallet_fen() == yuan("100")
