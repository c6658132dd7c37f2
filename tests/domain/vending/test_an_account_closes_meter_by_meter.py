from __future__ import annotations

from typing import Any

import pytest
from django.db import DatabaseError, transaction

from counter import Counter
from leavers import Leavers
from prewatt.domain.audit.verify import verify
from prewatt.domain.dispatch.models import Contradiction
from prewatt.domain.estate.models import Opening
from prewatt.domain.ledger import accounts
from prewatt.domain.ledger.queries import balance_fen
from prewatt.domain.settlement import accept_late, decide
from prewatt.domain.vending.checks import AccountClosed, AccountEnding, NoRight, OutOfScope, Refused
from prewatt.domain.vending.closing import (
    MeterOnHold,
    NothingToClose,
    OrdersUnderWay,
    OtherArrears,
    ReadingNeeded,
    SecondPerson,
    Typed,
    TypedReasonNeeded,
    TypedTooHigh,
)
from prewatt.domain.vending.closing_queries import closings, progress
from prewatt.domain.vending.models import Refund, Sale
from prewatt.domain.vending.operations import (
    advance,
    close_account,
    collect_arrears,
    open_account,
    try_again,
    type_reading,
    withdraw,
)
from prewatt.domain.vending.records import Closing, LineState
from prewatt.link.messages import Outcome
from tamper import run, tampering


@pytest.fixture
def leavers(counter: Counter) -> Leavers:
    """One customer with two meters, 100 and 60 yuan sold; 30 of the first are used."""
    leavers = Leavers(counter)
    leavers.account("100", used_fen=3_000)
    leavers.account("60")
    return leavers


def close(leavers: Leavers, closing_id: str = "c1", **changes: Any) -> Closing:
    counter = leavers.counter
    asked: dict[str, Any] = {
        "closing_id": closing_id,
        "customer": counter.customer,
        "operator": counter.cashier,
        "now": counter.now,
        "tender": "cash",
    }
    return close_account(**asked | changes)


def test_all_meters_are_read_emptied_and_paid_back_in_one_act(leavers: Leavers) -> None:
    counter = leavers.counter
    drawer_fen = counter.drawer_fen()
    closing = close(leavers)
    assert close(leavers).pk == closing.pk
    leavers.answer_all()
    closing.refresh_from_db()
    lines = list(closing.lines.order_by("code"))
    assert (closing.state, [line.state for line in lines]) == ("done", ["done", "done"])
    assert [(line.balance_fen, line.back_fen, line.used_fen) for line in lines] == [
        (7_000, 7_000, 3_000),
        (6_000, 6_000, 0),
    ]
    assert [line.energy_wh for line in lines] == [leavers.energy_wh, leavers.energy_wh]
    assert drawer_fen - counter.drawer_fen() == 13_000
    assert not Opening.objects.filter(closed_at__isnull=True).exists()
    assert [balance_fen(accounts.meter(line.opening_id)) for line in lines] == [0, 0]
    assert sorted(Refund.objects.values_list("series", "number", "state")) == [
        ("T2026", 1, "done"),
        ("T2026", 2, "done"),
    ]
    assert balance_fen(accounts.REVENUE) == 3_000
    assert verify().findings == []


def test_a_meter_that_went_on_counting_is_read_again(leavers: Leavers) -> None:
    """It refuses to give back what it no longer holds; nothing is paid for that attempt."""
    counter = leavers.counter
    close(leavers, openings=[Opening.objects.get(meter=counter.meters[0])])
    leavers.answer_all(rounds=2)  # off, and read
    (order,) = counter.lease()
    assert (order.kind, order.amount_fen) == ("refund", 7_000)
    leavers.use(counter.meters[0], 25)
    leavers.carry_out(order)
    leavers.answer_all()
    line = Closing.objects.get().lines.get()
    assert (line.state, line.attempt, line.back_fen, line.used_fen) == (LineState.DONE, 2, 6_975, 3_025)
    assert sorted(Refund.objects.values_list("amount_fen", "state")) == [(6_975, "done"), (7_000, "refused")]
    assert verify().findings == []


def test_arrears_are_collected_and_the_account_ends(leavers: Leavers) -> None:
    counter = leavers.counter
    meter = counter.meters[0]
    leavers.use(meter, 8_234)
    opening = Opening.objects.get(meter=meter)
    close(leavers, openings=[opening])
    leavers.answer_all()
    line = Closing.objects.get().lines.get()
    assert (line.state, line.balance_fen) == (LineState.OWES, -1_234)
    asked: dict[str, Any] = {
        "closing_id": "c1",
        "opening_id": opening.pk,
        "tender": "cash",
        "operator": counter.cashier,
    }
    with pytest.raises(OtherArrears):
        collect_arrears(**asked, amount="12.33", now=counter.now)
    drawer_fen = counter.drawer_fen()
    sale = collect_arrears(**asked, amount="12.34", now=counter.now)
    assert collect_arrears(**asked, amount="12.34", now=counter.now).pk == sale.pk
    line.refresh_from_db()
    assert (line.state, line.paid_fen, line.used_fen) == (LineState.DONE, 1_234, 11_234)
    assert counter.drawer_fen() - drawer_fen == 1_234
    assert (sale.receipt, sale.state) == ("S2026-000003", "arrived")
    assert not counter.lease()  # nothing goes to the meter
    assert verify().findings == []


def test_money_that_waits_is_paid_back_at_once(leavers: Leavers) -> None:
    counter = leavers.counter
    counter.sell("s1", "50")
    counter.lease()
    counter.settle("s1", Outcome.REFUSED, reason="above_ceiling")
    assert counter.wallet_fen() == 5_000
    close(leavers)
    assert (counter.wallet_fen(), Sale.objects.get(pk="s1").state) == (0, "returned")
    leavers.answer_all()
    assert Closing.objects.get().state == "done"
    assert verify().findings == []


def test_what_is_on_its_way_is_named_and_blocks(leavers: Leavers) -> None:
    counter = leavers.counter
    counter.sell("s1", "50")
    with pytest.raises(OrdersUnderWay, match=r"meter 0300000000: recharge of 50.00 yuan \(queued\)"):
        close(leavers)
    counter.lease()
    counter.settle("s1", Outcome.UNCLEAR, purchase_count=9)
    with pytest.raises(OrdersUnderWay, match="unclear"):
        close(leavers)
    assert not Closing.objects.exists()


def test_while_it_ends_nobody_sells_refunds_or_closes_again(leavers: Leavers) -> None:
    counter = leavers.counter
    close(leavers)
    with pytest.raises(AccountEnding):
        counter.sell("s9", "10")
    with pytest.raises(AccountEnding):
        close(leavers, "c2")
    leavers.answer_all()
    with pytest.raises(NothingToClose):
        close(leavers, "c3")
    with pytest.raises(AccountClosed):
        counter.sell("s9", "10")


def test_a_silent_meter_needs_its_reading_by_two_people(leavers: Leavers) -> None:
    counter = leavers.counter
    meter = counter.meters[0]
    counter.read(meter, lost=True)
    with pytest.raises(ReadingNeeded, match=meter.number):
        close(leavers)
    typed = {meter.pk: Typed(70_000, 6_800, "表已拆, 拆表单 17")}
    refused: list[tuple[type[Refused], dict[str, Any]]] = [
        (SecondPerson, {"typed_readings": typed}),
        (SecondPerson, {"typed_readings": typed, "second_person": counter.cashier}),
        (NoRight, {"typed_readings": typed, "second_person": counter.reader}),
        (TypedReasonNeeded, {"typed_readings": {meter.pk: Typed(1, 1, " ")}, "second_person": counter.second}),
        (TypedTooHigh, {"typed_readings": {meter.pk: Typed(1, 10_001, "x")}, "second_person": counter.second}),
    ]
    for error, asked in refused:
        with pytest.raises(error):
            close(leavers, **asked)
    close(leavers, typed_readings=typed, second_person=counter.second)
    line = Closing.objects.get().lines.get(meter=meter)
    assert (line.state, line.how, line.back_fen, line.used_fen) == (LineState.DONE, "typed", 6_800, 3_200)
    assert not line.meter.orders.exclude(kind="open").exists()
    leavers.answer_all()
    assert Closing.objects.get().state == "done"
    assert verify().findings == []


def test_a_meter_that_falls_silent_on_the_way_is_typed_later(leavers: Leavers) -> None:
    counter = leavers.counter
    opening = Opening.objects.get(meter=counter.meters[0])
    close(leavers)
    counter.lease()
    asked: dict[str, Any] = {"closing_id": "c1", "opening_id": opening.pk, "typed": Typed(None, -500, "烧毁")}
    people = {"operator": counter.cashier, "second_person": counter.second}
    line = type_reading(**asked, **people, now=counter.now)
    assert type_reading(**asked, **people, now=counter.now).state == line.state == LineState.OWES
    counter.later(minutes=2)
    leavers.answer_all()  # the meter comes back after all: its late answers move nothing
    line.refresh_from_db()
    assert (line.state, line.balance_fen) == (LineState.OWES, -500)
    collect_arrears(
        closing_id="c1", opening_id=opening.pk, amount="5", tender="wechat", operator=counter.cashier, now=counter.now
    )
    assert Closing.objects.get().state == "done"
    assert verify().findings == []


def test_a_meter_on_hold_must_be_released_first(leavers: Leavers) -> None:
    leavers.counter.read(leavers.counter.meters[0], forced=2)
    with pytest.raises(MeterOnHold):
        close(leavers)


def test_withdrawn_it_goes_on_as_before_and_has_its_power(leavers: Leavers) -> None:
    counter = leavers.counter
    opening = Opening.objects.get(meter=counter.meters[0])
    close(leavers, openings=[opening])
    leavers.answer_all(rounds=1)
    asked: dict[str, Any] = {"closing_id": "c1", "opening_id": opening.pk, "operator": counter.cashier}
    withdraw(**asked, now=counter.now)
    assert withdraw(**asked, now=counter.now).state == LineState.WITHDRAWN
    assert Closing.objects.get().state == "withdrawn"
    assert [order.kind for order in counter.lease() if not order.cancel] == ["release"]
    counter.sell("s9", "10")
    assert verify().findings == []


def test_a_refund_that_is_cancelled_or_refused_again_and_again_waits_for_a_person(leavers: Leavers) -> None:
    counter = leavers.counter
    opening = Opening.objects.get(meter=counter.meters[0])
    close(leavers, openings=[opening])
    for _ in range(5):
        leavers.answer_all(rounds=2)
        (order,) = counter.lease()
        leavers.tell(order, Outcome.REFUSED, reason="not_taken")
        advance(now=counter.now)
    line = Closing.objects.get().lines.get()
    assert (line.state, line.reason, line.back_fen) == (LineState.STUCK, "not_taken", 0)
    try_again(closing_id="c1", opening_id=opening.pk, operator=counter.cashier, now=counter.now)
    leavers.answer_all()
    line.refresh_from_db()
    assert (line.state, line.back_fen) == (LineState.DONE, 7_000)
    assert verify().findings == []


@pytest.mark.parametrize("applied", [True, False])
def test_an_unclear_refund_waits_for_a_persons_word(leavers: Leavers, applied: bool) -> None:
    counter = leavers.counter
    meter = counter.meters[0]
    close(leavers, openings=[Opening.objects.get(meter=meter)])
    leavers.answer_all(rounds=2)
    (order,) = counter.lease()
    if applied:
        leavers.holds[meter.number] |= {"balance_fen": 0, "bought_fen": 3_500, "purchase_count": 1}
    leavers.tell(order, Outcome.UNCLEAR)
    advance(now=counter.now)
    line = Closing.objects.get().lines.get()
    assert line.state == LineState.UNCLEAR
    assert not advance(now=counter.now)
    decide(order_id=order.order_id, applied=applied, operator=counter.admin, reason="读表", now=counter.now)
    leavers.answer_all()
    line.refresh_from_db()
    assert (line.state, line.back_fen, line.used_fen) == (LineState.DONE, 7_000, 3_000)
    assert verify().findings == []


def test_the_record_is_never_edited(leavers: Leavers) -> None:
    close(leavers)
    leavers.answer_all()
    line = Closing.objects.get().lines.first()
    assert line is not None
    for change in ({"back_fen": 1}, {"state": "reading"}, {"meter": leavers.counter.meter("X")}):
        with pytest.raises(DatabaseError), transaction.atomic():
            type(line).objects.filter(pk=line.pk).update(**change)
    with pytest.raises(DatabaseError), transaction.atomic():
        Closing.objects.update(note="x")
    with pytest.raises(DatabaseError), transaction.atomic():
        type(line).objects.filter(pk=line.pk)._raw_delete("default")


def test_a_tampered_closing_is_named(leavers: Leavers) -> None:
    close(leavers)
    leavers.answer_all()
    with tampering():
        run("UPDATE vending_closingline SET back_fen = 6999 WHERE code = 'c1.1'")
        assert [finding.kind for finding in verify().findings] == ["ended_line_booked"]
    with tampering():
        run("UPDATE ledger_transfer SET cause_id = 'c1.7' WHERE key = 'closing:c1.1:used:1'")
        assert {"ended_as_recorded", "ended_line_booked"} <= {finding.kind for finding in verify().findings}


def test_who_may_not_close_accounts_is_refused(leavers: Leavers) -> None:
    counter = leavers.counter
    with pytest.raises(NoRight):
        close(leavers, operator=counter.reader)
    with pytest.raises(OutOfScope):
        close(leavers, operator=counter.stranger)


def test_the_meter_opens_again_for_the_next(leavers: Leavers) -> None:
    counter = leavers.counter
    meter = counter.meters[0]
    close(leavers)
    leavers.answer_all()
    open_account(
        opening_id="again",
        meter=meter,
        customer=counter.customer,
        first_amount="20",
        tender="cash",
        operator=counter.cashier,
        now=counter.now,
    )
    (order,) = counter.lease()
    leavers.carry_out(order)
    assert leavers.holds[meter.number]["balance_fen"] == 2_000
    assert [order.kind for order in counter.lease()] == ["release"]  # it was switched off for the closing
    counter.sell("s1", "5")
    leavers.answer_all()
    assert Sale.objects.get(pk="s1").state == "arrived"
    assert verify().findings == []


def test_progress_says_what_a_person_can_do(leavers: Leavers) -> None:
    counter = leavers.counter
    close(leavers)
    found = progress("c1")
    assert [(one.step, one.may) for one in found.lines] == [("reading", ("type_reading", "withdraw"))] * 2
    leavers.answer_all(rounds=2)
    assert [one.step for one in progress("c1").lines] == ["settling", "settling"]
    counter.read(counter.meters[0], lost=True)
    assert [one.lost for one in progress("c1").lines] == [True, False]
    leavers.answer_all()
    found = progress("c1")
    assert (found.ended, found.back_fen, [row.receipt for row in found.back]) == (
        True,
        13_000,
        ["T2026-000001", "T2026-000002"],
    )
    assert list(closings(operator=counter.admin, text="张三")) == [found.closing]
    assert not closings(operator=counter.stranger).exists()


def test_what_two_people_book_after_the_end_leaves_the_account_empty(leavers: Leavers) -> None:
    """A late answer proves that the meter did take what was settled as refused, and paid back long ago."""
    counter = leavers.counter
    meter = counter.meters[0]
    counter.sell("s1", "50")
    counter.lease()
    counter.settle("s1", Outcome.REFUSED, reason="not_taken")
    close(leavers, openings=[Opening.objects.get(meter=meter)])
    leavers.answer_all()
    counter.settle("s1", Outcome.DONE, purchase_count=1, bought_fen=5_500, balance_fen=5_000)
    kept = Contradiction.objects.get()
    accept_late(
        contradiction_id=kept.pk, operator=counter.admin, second_person=counter.second, reason="读表", now=counter.now
    )
    line = Closing.objects.get().lines.get()
    assert balance_fen(accounts.ADJUSTMENT) != 0
    assert balance_fen(accounts.meter(line.opening_id)) == 0
    assert verify().findings == []
