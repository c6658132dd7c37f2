"""对账: where everything was honest nothing differs; one altered register is shown, and nothing else."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from counter import Counter
from prewatt.domain.reconciliation import operations, queries
from prewatt.domain.reconciliation.models import Line, Run, Total
from prewatt.domain.reconciliation.queries import Wanted
from prewatt.link.messages import Outcome

pytestmark = pytest.mark.django_db


@pytest.fixture
def counter(db: None) -> Counter:
    """Three accounts; the first bought twice and gave something back, the others bought once."""
    one = Counter(meters=3)
    for meter in one.meters:
        one.opened(meter)
    for n, meter in enumerate(one.meters):
        one.sell(f"s{n}", "100", meter=meter)
        one.arrive(f"s{n}")
    _refund(one)
    return one


def _refund(one: Counter) -> None:
    from prewatt.domain.vending.operations import refund

    refund(refund_id="r0", meter=one.meters[0], amount="30", tender="cash", operator=one.admin, now=one.now)
    one.arrive("r0")


def show(one: Counter, n: int, **changed: int) -> None:
    """The meter is read, and shows what it should, but for what is `changed`."""
    true = {"balance_fen": 7000, "purchase_count": 2, "bought_fen": 7000}
    if n:
        true = {"balance_fen": 10_000, "purchase_count": 1, "bought_fen": 10_000}
    one.read_all(one.meters[n], energy_wh=1, **true | changed)


def compared(one: Counter) -> dict[str, Line]:
    assert operations.daily(now=one.now) == 3
    return {
        line.meter.number[-1]: line
        for line in queries.lines(operator=one.admin, wanted=Wanted()).order_by("meter__number")
    }


def verdicts(one: Counter) -> dict[str, str]:
    return {number: line.verdict for number, line in compared(one).items()}


def test_honest_books_are_clean(counter: Counter) -> None:
    for n in range(3):
        show(counter, n)
    found = compared(counter)
    assert {line.verdict for line in found.values()} == {"equal"}
    assert [(line.purchases, line.count_books, line.books_fen, line.meter_fen) for line in found.values()] == [
        (2, 2, 7000, 7000),
        (1, 1, 10_000, 10_000),
        (1, 1, 10_000, 10_000),
    ]
    total = Total.objects.get()
    assert (total.accounts, total.equal, total.differs, total.unexplained_fen) == (3, 3, 0, 0)
    assert (total.books_fen, total.meters_fen) == (27_000, 27_000)


def test_what_a_money_order_proved_is_as_good_as_a_reading(counter: Counter) -> None:
    """Nothing was read since: the proofs speak."""
    assert set(verdicts(counter).values()) == {"equal"}


def test_an_altered_count_is_shown_and_nothing_else(counter: Counter) -> None:
    for n in range(3):
        show(counter, n)
    show(counter, 1, purchase_count=2)
    found = compared(counter)
    assert {number: line.verdict for number, line in found.items()} == {"0": "equal", "1": "differs", "2": "equal"}
    assert (found["1"].count_books, found["1"].count_meter, found["1"].unexplained_fen) == (1, 2, 0)
    assert Total.objects.get().differs == 1


def test_money_that_the_books_do_not_know_is_shown_to_the_fen(counter: Counter) -> None:
    show(counter, 2, bought_fen=10_001, balance_fen=10_001)
    line = compared(counter)["2"]
    assert (line.verdict, line.unexplained_fen, line.bought_books_fen, line.bought_meter_fen) == (
        "differs",
        -1,
        10_000,
        10_001,
    )
    assert line.books_fen - (line.meter_fen or 0) == -1


def test_a_missing_purchase_is_not_set_off_against_what_was_used(counter: Counter) -> None:
    show(counter, 2, bought_fen=9_000, balance_fen=8_800)
    line = compared(counter)["2"]
    assert (line.verdict, line.unexplained_fen, line.unbooked_fen) == ("differs", 1_000, 200)


def test_what_was_used_is_no_difference(counter: Counter) -> None:
    show(counter, 1, balance_fen=9_400)
    line = compared(counter)["1"]
    assert (line.verdict, line.unbooked_fen, line.unexplained_fen) == ("equal", 600, 0)


def test_more_booked_as_used_than_the_meter_has_deducted_is_a_difference(counter: Counter) -> None:
    from prewatt.domain.ledger import accounts
    from prewatt.domain.ledger import operations as ledger

    opening = counter.meters[1].openings.get()
    ledger.post(
        key="usage:1",
        cause=ledger.Cause("usage", f"{opening.pk}:2026-06-01"),
        amount_fen=500,
        debit=accounts.meter(opening.pk),
        credit=accounts.REVENUE,
        at=counter.now,
    )
    show(counter, 1, balance_fen=9_500)
    assert verdicts(counter)["1"] == "equal"
    show(counter, 1, balance_fen=9_600)
    counter.later(days=1)
    line = compared(counter)["1"]
    assert (line.verdict, line.unexplained_fen) == ("differs", -100)


def test_a_meter_that_holds_more_than_it_was_given_is_said_so(counter: Counter) -> None:
    show(counter, 1, balance_fen=10_300)
    line = compared(counter)["1"]
    assert (line.verdict, line.surplus_fen, line.unexplained_fen) == ("surplus", 300, 0)


@pytest.mark.parametrize("applied", [False, True])
def test_an_order_on_its_way_may_show_already_or_not_yet(counter: Counter, applied: bool) -> None:
    show(counter, 1)
    counter.sell("s9", "50", meter=counter.meters[1])
    counter.lease()
    if applied:
        show(counter, 1, purchase_count=2, bought_fen=15_000, balance_fen=15_000)
    line = compared(counter)["1"]
    assert (line.verdict, line.moving_fen, line.unexplained_fen) == ("moving", 5000 if applied else 0, 0)


def test_an_unclear_order_waits_for_a_person(counter: Counter) -> None:
    counter.sell("s9", "50", meter=counter.meters[1])
    counter.lease()
    counter.settle("s9", Outcome.UNCLEAR, meter=counter.meters[1], purchase_count=7)
    assert verdicts(counter)["1"] == "unclear"


def test_a_meter_not_read_since_its_account_opened_is_not_judged(counter: Counter) -> None:
    from prewatt.domain.dispatch.models import MeterOrder
    from prewatt.domain.metering.models import MeterState

    MeterOrder.objects.filter(meter=counter.meters[1]).update(after={})
    MeterState.objects.filter(meter=counter.meters[1]).update(taken_at=None)
    assert verdicts(counter)["1"] == "unread"


def test_every_part_adds_up(counter: Counter) -> None:
    """Books less meter is what the parts say, whatever the meter shows."""
    shown: list[dict[str, int]] = [
        {"balance_fen": 9_000},
        {"balance_fen": 11_000},
        {"bought_fen": 12_000, "balance_fen": 12_000},
        {"bought_fen": 9_000, "balance_fen": 1_000},
        {"purchase_count": 9, "bought_fen": 20_000, "balance_fen": -700},
    ]
    for changed in shown:
        counter.later(days=1)
        show(counter, 1, **changed)
        line = compared(counter)["1"]
        parts = (line.unbooked_fen or 0) + (line.unexplained_fen or 0) - (line.surplus_fen or 0) - line.moving_fen
        assert line.books_fen - (line.meter_fen or 0) == parts, changed


def test_it_is_compared_once_a_day_and_differences_of_past_days_stay(counter: Counter) -> None:
    show(counter, 1, purchase_count=2)
    assert [operations.daily(now=counter.now) for _time in range(2)] == [3, 0]
    counter.later(days=1)
    show(counter, 1)
    assert operations.daily(now=counter.now) == 3
    first, second = Run.objects.order_by("day")
    assert [line.verdict for line in Line.objects.filter(run=first)] == ["differs"]
    assert Line.objects.filter(run=second).count() == 3
    assert [(total.differs, total.accounts) for total in Total.objects.order_by("run")] == [(1, 3), (0, 3)]


def test_a_crash_leaves_the_day_to_be_compared_again(counter: Counter, monkeypatch: pytest.MonkeyPatch) -> None:
    from django.db import transaction

    def crash(*_args: Any) -> Any:
        raise RuntimeError("the power went")

    totals = operations._totals
    monkeypatch.setattr(operations, "_totals", crash)
    with pytest.raises(RuntimeError), transaction.atomic():
        operations.daily(now=counter.now)
    assert (Run.objects.count(), Line.objects.count()) == (0, 0)
    monkeypatch.setattr(operations, "_totals", totals)
    assert operations.daily(now=counter.now) == 3


def test_somebody_compares_again_and_a_double_click_is_one(counter: Counter) -> None:
    from prewatt.domain.staff.models import LogEntry

    show(counter, 1, purchase_count=2)
    operations.daily(now=counter.now)
    show(counter, 1)
    counter.later(seconds=operations.AGAIN_S + 1)
    first = operations.again(operator=counter.admin, now=counter.now)
    second = operations.again(operator=counter.admin, now=counter.now)
    assert first.at == second.at
    assert LogEntry.objects.filter(action="reconciliation.again").count() == 1
    assert Total.objects.get().differs == 0
    with pytest.raises(operations.NoRight):
        operations.again(operator=counter.cashier, now=counter.now)


def test_a_stranger_sees_no_line_and_no_sum(counter: Counter) -> None:
    operations.daily(now=counter.now)
    assert not queries.lines(operator=counter.stranger, wanted=Wanted()).exists()
    assert not queries.totals(operator=counter.stranger).exists()


def test_more_accounts_ask_no_more_questions(counter: Counter, django_assert_max_num_queries: Any) -> None:
    for n in range(60):
        counter.opened(counter.meter(f"03001{n:05d}"), balance_fen=100)
    with django_assert_max_num_queries(24):
        assert operations.daily(now=counter.now + timedelta(days=1)) == 63


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"balance_fen": 9_000},
        {"balance_fen": 11_000},
        {"purchase_count": 2},
        {"bought_fen": 9_999},
        {"bought_fen": 12_000, "balance_fen": 12_000},
        {"purchase_count": 2, "bought_fen": 15_000, "balance_fen": 15_000},
    ],
)
@pytest.mark.parametrize("sold", [False, True])
def test_the_audit_finds_the_same_meters(counter: Counter, changed: dict[str, int], sold: bool) -> None:
    from prewatt.domain.audit.verify import verify

    if sold:
        counter.sell("s9", "50", meter=counter.meters[1])
        counter.lease()
    show(counter, 1, **changed)
    found = {finding.row for finding in verify().findings if finding.check == "meters"}
    differing = {f"meter {line.meter.number}" for line in compared(counter).values() if line.verdict == "differs"}
    assert differing == found
