"""Provider's bill, attempts, credits: each class of difference, and how a day closes."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from counter import NOW
from paying import Paying
from prewatt.domain.payments import giving, matching, repairing
from prewatt.domain.payments.channel import BillLine, Line
from prewatt.domain.payments.models import Attempt, Bill, Difference, Kind, State, Why
from prewatt.domain.payments.refusals import NotClosable
from prewatt.domain.vending.checks import NoRight

DAY = date(2026, 6, 1)


def _morning(paying: Paying) -> Bill:
    """The next day at eleven: the bill has come."""
    matching.tend(now=NOW + timedelta(hours=25))
    return Bill.objects.get(channel="alipay", day=DAY)


def _kinds(bill: Bill) -> list[str]:
    return sorted(bill.differences.filter(ended_at=None).values_list("kind", flat=True))


def _sold(paying: Paying, order_id: str = "o1", **more: Any) -> Attempt:
    attempt = paying.paid(paying.begin(order_id, **more))
    paying.counter.arrive(attempt.order_no)
    return attempt


def test_a_day_on_which_everything_agrees_closes_by_itself(paying: Paying) -> None:
    paying.counter.opened()
    _sold(paying)
    bill = _morning(paying)
    assert (bill.paid_fen, bill.fee_fen, bill.matched, _kinds(bill)) == (100_00, 60, 1, [])
    assert bill.closed_at is not None
    assert bill.signed_by is None


def test_before_ten_nobody_asks_and_a_silent_provider_is_asked_again(paying: Paying) -> None:
    paying.counter.opened()
    _sold(paying)
    paying.alipay.calls = 0
    matching.tend(now=NOW + timedelta(hours=20))
    assert paying.alipay.calls == 0
    paying.alipay.down = True
    assert _morning(paying).fetched_at is None
    paying.alipay.down = False
    matching.tend(now=NOW + timedelta(hours=26))
    assert Bill.objects.get(channel="alipay").closed_at is not None


def test_paid_at_the_provider_and_unknown_to_us(paying: Paying) -> None:
    paying.counter.opened()
    _sold(paying)
    paying.alipay.extra.append(BillLine(Line.PAID, "SOMEBODY1", "AL1", 5_00, 3, NOW))
    assert _kinds(_morning(paying)) == [Kind.NOT_OURS]


def test_what_the_bill_knows_and_no_notification_told_is_asked_for_and_booked(paying: Paying) -> None:
    paying.counter.opened()
    attempt = paying.begin()
    repairing.tend(now=paying.counter.later(minutes=31))
    paying.alipay.pay(attempt.order_no, now=paying.counter.now)
    assert paying.fresh(attempt).state == State.CLOSED
    bill = _morning(paying)
    attempt = paying.fresh(attempt)
    assert (attempt.state, attempt.why) == (State.PAID, Why.LATE)
    assert _kinds(bill) == [Kind.NOT_CREDITED]
    paying.books_are_clean()


def test_known_as_paid_and_not_on_the_bill(paying: Paying) -> None:
    paying.counter.opened()
    attempt = _sold(paying)
    paying.alipay.hidden.add(attempt.order_no)
    bill = _morning(paying)
    assert _kinds(bill) == [Kind.NOT_ON_BILL]
    assert bill.closed_at is None


def test_what_was_paid_before_midnight_may_stand_on_the_next_days_bill(paying: Paying) -> None:
    paying.counter.opened()
    attempt = _sold(paying)
    paying.alipay.orders[attempt.order_no].paid_at = NOW + timedelta(hours=14, minutes=1)  # a minute past midnight
    bill = _morning(paying)
    assert _kinds(bill) == [Kind.NOT_ON_BILL]
    matching.tend(now=NOW + timedelta(hours=49))
    matching.tend(now=NOW + timedelta(hours=50))
    bill.refresh_from_db()
    assert (_kinds(bill), bill.closed_at is not None) == ([], True)


def test_paid_and_not_credited_ends_when_the_meter_has_it(paying: Paying) -> None:
    paying.counter.opened()
    attempt = paying.paid(paying.begin())
    bill = _morning(paying)
    assert _kinds(bill) == [Kind.NOT_CREDITED]
    paying.counter.arrive(attempt.order_no)
    matching.compare(bill, now=NOW + timedelta(hours=26))
    bill.refresh_from_db()
    assert bill.closed_at is not None


def test_credited_and_not_paid(paying: Paying) -> None:
    paying.counter.opened()
    attempt = _sold(paying)
    Attempt.objects.filter(pk=attempt.pk).update(state=State.UNKNOWN, next_ask_at=None)
    paying.alipay.orders.clear()
    assert Kind.NOT_PAID in _kinds(_morning(paying))


def test_the_amounts_differ(paying: Paying) -> None:
    paying.counter.opened()
    attempt = _sold(paying)
    paying.alipay.orders[attempt.order_no].amount_fen = 99_00
    bill = _morning(paying)
    found = bill.differences.get()
    assert (found.kind, found.ours_fen, found.theirs_fen) == (Kind.AMOUNT, 100_00, 99_00)


def _given_back(paying: Paying) -> str:
    paying.counter.opened()
    one, two = paying.begin(), paying.begin(channel="wechat")
    paying.paid(two)
    paying.counter.arrive(two.order_no)
    attempt = paying.paid(one)
    back = giving.give_back(
        form_id="f1",
        attempt=attempt,
        amount="100",
        reason="twice",
        operator=paying.counter.admin,
        now=paying.counter.now,
    )
    repairing.tend(now=paying.counter.now)
    return back.back_no


def test_a_refund_that_agrees(paying: Paying) -> None:
    _given_back(paying)
    bill = _morning(paying)
    assert (_kinds(bill), bill.matched, bill.back_fen) == ([], 2, 100_00)


def test_a_refund_is_missing_differs_or_stands_twice(paying: Paying) -> None:
    no = _given_back(paying)
    paying.alipay.hidden.add(no)
    bill = _morning(paying)
    assert _kinds(bill) == [Kind.BACK_MISSING]
    paying.alipay.hidden.clear()
    for extra, kind in ((50_00, Kind.BACK_AMOUNT), (100_00, Kind.BACK_TWICE)):
        ask = paying.alipay.backs[no]
        lines = [BillLine(Line.BACK, ask.order_no, "B", fen, 0, NOW, back_no=no) for fen in (extra, 100_00)]
        rows = list(paying.alipay.bill(DAY, now=NOW))
        kept = [one for one in rows if one.kind == Line.PAID] + (lines[:1] if kind == Kind.BACK_AMOUNT else lines)
        Difference.objects.all().delete()
        matching._keep(bill, kept, "", NOW)
        matching.compare(bill, now=NOW)
        assert _kinds(bill) == [kind]


def test_a_refund_that_nobody_here_asked_for(paying: Paying) -> None:
    paying.counter.opened()
    attempt = _sold(paying)
    paying.alipay.extra.append(BillLine(Line.BACK, attempt.order_no, "B9", 1_00, 0, NOW, back_no="FOREIGN"))
    assert _kinds(_morning(paying)) == [Kind.BACK_UNKNOWN]


def test_what_the_provider_books_by_itself_is_a_difference_of_its_own(paying: Paying) -> None:
    paying.counter.opened()
    attempt = _sold(paying)
    paying.alipay.extra.append(BillLine(Line.OTHER, attempt.order_no, "CB1", 100_00, 0, NOW))
    paying.alipay.extra.append(BillLine(Line.FEE, "", "FEE1", 7, 0, NOW))
    bill = _morning(paying)
    assert (_kinds(bill), bill.fee_fen) == ([Kind.PROVIDER], 67)
    assert bill.differences.get().attempt == attempt


def test_a_day_closes_when_the_last_difference_is_explained(paying: Paying) -> None:
    paying.counter.opened()
    _sold(paying)
    paying.alipay.extra.append(BillLine(Line.PAID, "SOMEBODY1", "AL1", 5_00, 3, NOW))
    bill = _morning(paying)
    by: dict[str, Any] = {"operator": paying.counter.admin, "now": NOW + timedelta(hours=26)}
    found = matching.take_over(difference=bill.differences.get(), **by)
    assert found.owner == paying.counter.admin
    with pytest.raises(NotClosable):
        matching.explain(difference=found, word=" ", **by)
    matching.explain(difference=found, word="the canteen's own order", **by)
    bill.refresh_from_db()
    assert bill.closed_at == by["now"]
    matching.tend(now=NOW + timedelta(hours=27))
    assert Difference.objects.count() == 1


def test_a_person_signs_for_what_stays_unexplained(paying: Paying) -> None:
    paying.counter.opened()
    attempt = _sold(paying)
    paying.alipay.hidden.add(attempt.order_no)
    bill = _morning(paying)
    by: dict[str, Any] = {"now": NOW + timedelta(hours=26)}
    for nobody in (paying.counter.cashier, paying.counter.stranger):
        with pytest.raises(NoRight):
            matching.sign(bill=bill, note="so", operator=nobody, **by)
    with pytest.raises(NotClosable):
        matching.sign(bill=bill, note="", operator=paying.counter.admin, **by)
    bill = matching.sign(bill=bill, note="the bank confirms it by telephone", operator=paying.counter.admin, **by)
    assert bill.signed_by == paying.counter.admin
    assert bill.differences.filter(ended_at=None).count() == 1
