"""One tenant, several meters, one payment: all lines or none, each with a receipt of its own."""

from __future__ import annotations

from typing import Any

import pytest

from counter import Counter
from prewatt.domain.ledger.models import Transfer
from prewatt.domain.vending.models import Payment, Sale, SaleState, Series
from prewatt.domain.vending.operations import reverse, sell_many
from prewatt.domain.vending.paying import LineRefused, NoLines, OtherTenant, PaymentIdTaken, SameMeterTwice
from prewatt.domain.vending.selling import SaleIdTaken


@pytest.fixture
def counter(db: None) -> Counter:
    one = Counter(meters=3)
    for meter in one.meters:
        one.opened(meter)
    return one


def pay(counter: Counter, *amounts: Any, payment_id: str = "p1", **changes: Any) -> Payment:
    lines = [(f"{payment_id}-{at}", counter.meters[at], amount) for at, amount in enumerate(amounts)]
    asked = {
        "payment_id": payment_id,
        "lines": lines,
        "tender": "cash",
        "operator": counter.cashier,
        "now": counter.now,
    }
    return sell_many(**asked | changes)


def nothing_booked() -> bool:
    return (Payment.objects.count(), Sale.objects.count(), Transfer.objects.count()) == (0, 0, 0)


def test_one_payment_is_a_sale_and_a_receipt_for_each_meter(counter: Counter) -> None:
    payment = pay(counter, "100", "50.50", "9")
    lines = list(payment.sales.order_by("number"))
    assert [(one.meter, one.amount_fen) for one in lines] == list(
        zip(counter.meters, (10_000, 5_050, 900), strict=True)
    )
    assert [one.receipt for one in lines] == ["S2026-000001", "S2026-000002", "S2026-000003"]
    assert (payment.amount_fen, counter.drawer_fen()) == (15_950, 15_950)
    for one in lines:
        counter.arrive(one.pk)
    assert set(payment.sales.values_list("state", flat=True)) == {SaleState.ARRIVED}


def test_a_second_click_finds_the_first_payment(counter: Counter) -> None:
    assert pay(counter, "100", "50") == pay(counter, "100.00", "50")
    assert (Payment.objects.count(), Sale.objects.count(), counter.drawer_fen()) == (1, 2, 15_000)


@pytest.mark.parametrize("amounts", [("100", "51"), ("100",), ("100", "50", "1")])
def test_the_same_form_with_other_amounts_is_refused(counter: Counter, amounts: Any) -> None:
    pay(counter, "100", "50")
    with pytest.raises(PaymentIdTaken, match="150"):
        pay(counter, *amounts)
    assert counter.drawer_fen() == 15_000


def test_one_refused_line_refuses_all_and_says_which_meter(counter: Counter) -> None:
    with pytest.raises(LineRefused, match=counter.meters[1].number) as refused:
        pay(counter, "100", "1000.01")
    assert refused.value.meter_id == counter.meters[1].pk
    assert refused.value.fits_fen == 100_000
    assert nothing_booked()
    assert not Series.objects.filter(last__gt=0).exists()


@pytest.mark.parametrize("amount", ["0", "-1", "1.005", "abc", 1.5])
def test_a_wrong_amount_in_any_line_refuses_all(counter: Counter, amount: Any) -> None:
    with pytest.raises(LineRefused):
        pay(counter, "100", amount)
    assert nothing_booked()


def test_no_line_and_the_same_meter_twice_are_refused(counter: Counter) -> None:
    with pytest.raises(NoLines):
        pay(counter)
    twice = [("a", counter.meters[0], "1"), ("b", counter.meters[0], "2")]
    with pytest.raises(SameMeterTwice):
        pay(counter, lines=twice)
    assert nothing_booked()


def test_two_tenants_are_two_payments(counter: Counter) -> None:
    from prewatt.domain.estate.models import Customer, Opening

    other = Customer.objects.create(number="K0002", name="李四", created_at=counter.now)
    Opening.objects.filter(meter=counter.meters[1]).update(customer=other)
    with pytest.raises(OtherTenant):
        pay(counter, "1", "1")
    assert nothing_booked()


def test_a_meter_of_another_building_refuses_all(counter: Counter) -> None:
    with pytest.raises(LineRefused):
        pay(counter, "1", "1", operator=counter.stranger)
    assert nothing_booked()


def test_a_line_that_was_sold_by_itself_is_not_sold_again(counter: Counter) -> None:
    counter.sell("p1-1", "50", meter=counter.meters[1])
    with pytest.raises(SaleIdTaken):
        pay(counter, "100", "50")
    assert (Payment.objects.count(), counter.drawer_fen()) == (0, 5_000)


def test_a_line_is_reversed_alone(counter: Counter) -> None:
    payment = pay(counter, "100", "50")
    for one in payment.sales.all():
        counter.arrive(one.pk)
    reverse(reversal_id="r1", sale_id="p1-1", operator=counter.admin, now=counter.now)
    counter.arrive("r1")
    assert list(payment.sales.order_by("pk").values_list("state", flat=True)) == ["arrived", "reversed"]
    assert counter.drawer_fen() == 10_000


def test_a_payment_is_never_edited(counter: Counter) -> None:
    from django.db import DatabaseError, transaction

    payment = pay(counter, "100", "50")
    for broken in (
        lambda: Payment.objects.filter(pk=payment.pk).update(amount_fen=1),
        lambda: payment.sales.update(payment=None),
        lambda: payment.sales.update(amount_fen=1),
        lambda: payment.sales.all().delete(),
    ):
        with pytest.raises(DatabaseError), transaction.atomic():
            broken()
