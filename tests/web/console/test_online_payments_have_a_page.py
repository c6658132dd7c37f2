"""The operator's screen of what tenants paid by themselves: every rule of a payment has its place there."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest

from counter import NOW, Counter
from paying import Paying
from prewatt.domain.payments import matching
from prewatt.domain.payments.channel import BillLine, Line
from prewatt.domain.payments.models import Attempt, Became, Bill, PaidBack

DAYS = "?from=2026-06-01&to=2026-06-02"


@pytest.fixture
def paying(counter: Counter, client: Any) -> Iterator[Paying]:
    made = Paying(counter)
    counter.opened()
    client.force_login(counter.admin)
    client.cookies["django_language"] = "en"
    yield made
    made.unplug()


def _kept(paying: Paying) -> Attempt:
    one, two = paying.begin(), paying.begin(channel="wechat")
    paying.counter.arrive(paying.paid(one).order_no)
    return paying.paid(two)


def _text(answer: Any) -> str:
    return str(answer.content.decode())


def test_paid_and_credited_stand_apart_in_the_list(paying: Paying, client: Any) -> None:
    attempt = paying.paid(paying.begin())
    assert attempt.order_no in _text(client.get(f"/online/{DAYS}&state=sending"))
    assert attempt.order_no not in _text(client.get(f"/online/{DAYS}&state=credited"))
    paying.counter.arrive(attempt.order_no)
    assert attempt.order_no in _text(client.get(f"/online/{DAYS}&state=credited"))


def test_the_page_says_why_money_waits_and_what_can_be_done(paying: Paying, client: Any) -> None:
    attempt = _kept(paying)
    text = _text(client.get(f"/online/payments/{attempt.pk}/"))
    for part in ("Two payments for one order", "Send on to the meter", "Pay back", "Take note", "Other tries to pay"):
        assert part in text
    assert attempt.pk in _text(client.get(f"/online/{DAYS}&state=kept"))


def test_it_is_paid_back_once_however_often_the_button_is_pressed(paying: Paying, client: Any) -> None:
    attempt = _kept(paying)
    form = {"form_id": "f" * 32, "amount": "30", "reason": "paid twice", "tender": "wechat"}
    for _ in range(2):
        assert client.post(f"/online/payments/{attempt.pk}/back/", form).status_code == 302
    assert PaidBack.objects.get().amount_fen == 30_00
    answer = client.post(f"/online/payments/{attempt.pk}/back/", form | {"form_id": "e" * 32, "amount": "70.01"})
    assert answer.status_code == 422
    assert "At most 70.00 yuan are left of it." in _text(answer)
    assert 'value="70.01"' in _text(answer)


def test_it_is_sent_on_and_noted_from_its_page(paying: Paying, client: Any) -> None:
    attempt = _kept(paying)
    assert client.post(f"/online/payments/{attempt.pk}/note/", {"note": "the tenant calls"}).status_code == 302
    assert "the tenant calls" in _text(client.get(f"/online/payments/{attempt.pk}/"))
    assert client.post(f"/online/payments/{attempt.pk}/send-on/").status_code == 302
    assert paying.fresh(attempt).became == Became.SALE


def test_a_stranger_sees_none_of_it(paying: Paying, client: Any) -> None:
    attempt = _kept(paying)
    client.force_login(paying.counter.stranger)
    assert client.get(f"/online/payments/{attempt.pk}/").status_code == 404
    assert attempt.pk not in _text(client.get(f"/online/{DAYS}"))
    assert client.post(f"/online/payments/{attempt.pk}/back/", {"amount": "1"}).status_code == 404
    paying.hear(paying.alipay, ({"x-signature": "no"}, b"{}"))
    assert "10.1.1.1" not in _text(client.get("/online/messages/"))


def test_a_message_that_was_not_believed_is_shown(paying: Paying, client: Any) -> None:
    paying.hear(paying.alipay, ({"x-signature": "no"}, b"{}"))
    assert "10.1.1.1" in _text(client.get("/online/messages/"))


def _bill(paying: Paying) -> Bill:
    attempt = paying.paid(paying.begin())
    paying.counter.arrive(attempt.order_no)
    paying.alipay.extra.append(BillLine(Line.PAID, "SOMEBODY1", "AL1", 5_00, 3, NOW))
    paying.alipay.extra.append(BillLine(Line.OTHER, "", "CB1", 9_00, 0, NOW))
    matching.tend(now=NOW + timedelta(hours=25))
    return Bill.objects.get(day=date(2026, 6, 1))


def test_a_difference_is_taken_over_and_explained(paying: Paying, client: Any) -> None:
    bill = _bill(paying)
    text = _text(client.get(f"/online/bills/{bill.pk}/"))
    assert "paid at the provider, unknown to us" in text
    assert "SOMEBODY1" in _text(client.get("/online/differences/"))
    for one in bill.differences.all():
        assert client.post(f"/online/differences/{one.pk}/take-over/").status_code == 302
        assert client.post(f"/online/differences/{one.pk}/explain/", {"word": ""}).status_code == 422
        assert client.post(f"/online/differences/{one.pk}/explain/", {"word": "the canteen"}).status_code == 302
    text = _text(client.get(f"/online/bills/{bill.pk}/"))
    assert "closed: everything agrees or is explained" in text
    assert "the canteen" in text


def test_a_day_is_signed_with_a_reason_only(paying: Paying, client: Any) -> None:
    bill = _bill(paying)
    assert client.post(f"/online/bills/{bill.pk}/sign/", {"note": ""}).status_code == 422
    assert client.post(f"/online/bills/{bill.pk}/sign/", {"note": "asked the bank"}).status_code == 302
    bill.refresh_from_db()
    assert bill.signed_by == paying.counter.admin


def test_differences_are_exported_and_counted_in_the_frame(paying: Paying, client: Any) -> None:
    _bill(paying)
    assert client.get("/online/differences/?export=xlsx")["Content-Type"].startswith("application/vnd")
    from prewatt.domain.payments import queries

    assert queries.to_care_for(operator=paying.counter.admin) == 2
    assert queries.to_care_for(operator=paying.counter.stranger) == 0
