"""交接班: what should be in the drawer, what is, and why they differ. A closed shift stays as it was handed over."""

from __future__ import annotations

from typing import Any

import pytest

from counter import Counter
from prewatt.domain.staff.models import LogEntry
from prewatt.domain.vending import shifts
from prewatt.domain.vending.models import Reversal, Sale, Shift
from prewatt.domain.vending.operations import change_settings, close_shift, open_shift, refund, reverse
from prewatt.domain.vending.shifts import (
    DifferenceUnexplained,
    NoShift,
    NotYours,
    PiecesDiffer,
    ShiftClosedAlready,
    ShiftOpenAlready,
)


@pytest.fixture
def counter(db: None) -> Counter:
    one = Counter()
    one.opened()
    return one


def opened(counter: Counter, shift_id: str = "h1", amount: Any = "200", **changes: Any) -> Shift:
    asked = {"shift_id": shift_id, "float_amount": amount, "operator": counter.cashier, "now": counter.now}
    return open_shift(**asked | changes)


def closed(counter: Counter, counted: Any, shift_id: str = "h1", **changes: Any) -> Shift:
    asked = {"shift_id": shift_id, "counted": counted, "operator": counter.cashier, "now": counter.now}
    return close_shift(**asked | changes)


def shift_needed(counter: Counter) -> None:
    change_settings(
        methods=["cash", "card"],
        default_method="cash",
        shift_needed=True,
        payee="",
        operator=counter.admin,
        now=counter.now,
    )


def test_the_drawer_holds_float_and_cash_sales_only(counter: Counter) -> None:
    shift = opened(counter)
    counter.sell("s1", "100")
    counter.sell("s2", "50", tender="wechat")
    counter.sell("s3", "70", operator=counter.admin)
    found = shifts.drawer(shift)
    assert (found.expected_fen, found.cash.sold_fen, found.total.sold_fen) == (30_000, 10_000, 15_000)
    assert [one.tender for one in found.methods] == ["cash", "wechat"]


def test_cash_paid_back_leaves_the_drawer_when_the_meter_confirms(counter: Counter) -> None:
    shift = opened(counter, operator=counter.admin)
    counter.sell("s1", "100", operator=counter.admin)
    counter.arrive("s1")
    reverse(reversal_id="r1", sale_id="s1", operator=counter.admin, now=counter.now)
    assert (shifts.drawer(shift).expected_fen, shifts.drawer(shift).on_the_way_back) == (30_000, 1)
    counter.arrive("r1")
    found = shifts.drawer(shift)
    assert (found.expected_fen, found.cash.reversed_fen, found.on_the_way_back) == (20_000, 10_000, 0)


def test_one_open_shift_a_cashier(counter: Counter) -> None:
    first = opened(counter)
    assert opened(counter) == first
    with pytest.raises(ShiftOpenAlready):
        opened(counter, "h2")
    opened(counter, "h3", operator=counter.admin)
    assert Shift.objects.count() == 2


def test_a_difference_needs_its_reason(counter: Counter) -> None:
    opened(counter)
    counter.sell("s1", "100")
    with pytest.raises(DifferenceUnexplained, match=r"-5\.00"):
        closed(counter, "295")
    assert shifts.current(counter.cashier) is not None
    shift = closed(counter, "295", reason="gave 5 too much")
    assert (shift.expected_fen, shift.counted_fen, shift.difference_fen) == (30_000, 29_500, -500)
    assert LogEntry.objects.get(action="shift.close").after["reason"] == "gave 5 too much"


def test_notes_and_coins_must_come_to_the_sum(counter: Counter) -> None:
    opened(counter)
    with pytest.raises(PiecesDiffer, match="150"):
        closed(counter, "200", pieces={10_000: 1, 5_000: 1})
    assert closed(counter, "200", pieces={10_000: 2}).pieces == {"10000": 2}


def test_a_closed_shift_is_never_edited(counter: Counter) -> None:
    from django.db import DatabaseError, transaction

    opened(counter)
    shift = closed(counter, "200")
    assert closed(counter, "200") == shift
    with pytest.raises(ShiftClosedAlready):
        closed(counter, "100", reason="no")
    for broken in (
        lambda: Shift.objects.filter(pk="h1").update(counted_fen=1, reason="x"),
        lambda: Shift.objects.filter(pk="h1").update(closed_at=None),
        lambda: Shift.objects.filter(pk="h1").delete(),
    ):
        with pytest.raises(DatabaseError), transaction.atomic():
            broken()


def test_the_sheet_stays_as_it_was_handed_over(counter: Counter) -> None:
    opened(counter)
    counter.sell("s1", "100")
    shift = closed(counter, "300")
    counter.sell("s2", "10")
    assert Sale.objects.get(pk="s2").shift is None
    assert shifts.drawer(shift).cash.sold_fen == 10_000


def test_what_the_meter_confirms_between_two_shifts_is_paid_from_the_next_drawer(counter: Counter) -> None:
    opened(counter, operator=counter.admin)
    counter.sell("s1", "100", operator=counter.admin)
    counter.arrive("s1")
    reverse(reversal_id="r1", sale_id="s1", operator=counter.admin, now=counter.now)
    closed(counter, "300", operator=counter.admin)
    counter.arrive("r1")
    assert Reversal.objects.get(pk="r1").shift is None
    second = opened(counter, "h2", "300", operator=counter.admin)
    assert shifts.drawer(second).expected_fen == 20_000


def test_money_paid_back_without_any_shift_is_in_nobodys_drawer(counter: Counter) -> None:
    opened(counter, operator=counter.admin)
    closed(counter, "200", operator=counter.admin)
    counter.sell("s1", "100")
    counter.arrive("s1")
    refund(refund_id="r1", meter=counter.meters[0], amount="5", tender="cash", operator=counter.admin, now=counter.now)
    counter.arrive("r1")
    assert shifts.drawer(opened(counter, "h2", operator=counter.admin)).expected_fen == 20_000


def test_a_site_may_want_a_shift_before_every_sale(counter: Counter) -> None:
    shift_needed(counter)
    with pytest.raises(NoShift):
        counter.sell("s1", "100")
    assert Sale.objects.count() == 0
    opened(counter)
    assert counter.sell("s1", "100").shift_id == "h1"
    closed(counter, "300")
    assert counter.sell("s1", "100").shift_id == "h1", "the same form again finds the first sale"
    with pytest.raises(NoShift):
        counter.sell("s2", "100")


def test_another_cashiers_shift_is_closed_by_finance_with_a_reason(counter: Counter) -> None:
    opened(counter)
    with pytest.raises(NotYours):
        closed(counter, "200", operator=counter.reader, reason="he went home")
    with pytest.raises(NotYours):
        closed(counter, "200", operator=counter.admin)
    shift = closed(counter, "200", operator=counter.admin, reason="he went home")
    assert (shift.operator, shift.closed_by) == (counter.cashier, counter.admin)


def test_who_sees_which_shifts(counter: Counter) -> None:
    opened(counter)
    opened(counter, "h2", operator=counter.admin)
    seen = {who: shifts.shifts(operator=who).count() for who in (counter.admin, counter.cashier, counter.stranger)}
    assert seen == {counter.admin: 2, counter.cashier: 1, counter.stranger: 0}
