"""清退: bills, what was charged above them, two persons, the wallet, and the books that stay true."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from counter import Counter

pytestmark = pytest.mark.django_db
MAY = date(2026, 5, 1)
RUN = "run-1"


@pytest.fixture
def counter() -> Counter:
    return Counter(meters=2)


@pytest.fixture
def openings(counter: Counter) -> list[Any]:
    found = []
    for meter in counter.meters:
        opening = counter.opened(meter, balance_fen=100_000)
        opening.opened_at = datetime(2026, 4, 1, tzinfo=UTC)
        opening.save()
        found.append(opening)
    return found


def used(counter: Counter, opening: Any, day: date, wh: int, fen: int, **bands: int) -> None:
    """A closed day that the ledger knows."""
    from prewatt.domain.metering.models import UsageDay
    from prewatt.domain.settlement import post_usage_day

    facts = {f"energy_{band}_wh": value for band, value in bands.items()}
    UsageDay.objects.create(
        meter=opening.meter,
        day=day,
        energy_wh=wh,
        deducted_fen=fen,
        first_ms=0,
        last_ms=0,
        closed_at=counter.now,
        posted_version=1,
        **facts,
    )
    post_usage_day(opening=opening, day=day, deducted_fen=fen, now=counter.now)


def month(counter: Counter, openings: list[Any]) -> None:
    """Two tenants: 0.90 and 0.80 yuan a kWh. The last day of May is closed too."""
    used(counter, openings[0], date(2026, 5, 10), 100_000, 9_000)
    used(counter, openings[0], date(2026, 5, 31), 100_000, 9_000)
    used(counter, openings[1], date(2026, 5, 10), 50_000, 4_000)


def bill(counter: Counter, *, wh: int = 300_000, fen: int = 24_000, **more: Any) -> Any:
    """0.80 yuan a kWh."""
    from prewatt.domain.resale.operations import Written, keep_bill

    written: dict[str, Any] = {"energy_wh": {"flat": wh}, "amount_fen": {"flat": fen}}
    asked: dict[str, Any] = {"building": None, "month": MAY, "operator": counter.admin, "now": counter.now}
    placed = {name: more.pop(name) for name in ("building", "month", "operator", "as_price") if name in more}
    return keep_bill(written=Written(**written | more), **asked | placed)


def give(counter: Counter, shown_fen: int = 2_000, **changes: Any) -> Any:
    from prewatt.domain.resale.operations import clear_back

    asked: dict[str, Any] = {
        "run_id": RUN,
        "building": None,
        "first": MAY,
        "last": MAY,
        "shown_fen": shown_fen,
        "reason": "市监局决定",
        "operator": counter.admin,
        "second_person": counter.second,
        "now": counter.now,
    }
    return clear_back(**asked | changes)


def wallet(counter: Counter) -> int:
    return counter.wallet_fen()


def findings() -> list[str]:
    from prewatt.domain.audit import books
    from prewatt.domain.audit.report import Report

    def tick(_check: str, _done: int, _total: int) -> None:
        pass

    report = Report()
    return [one.what for check in (books.ledger, books.causes) for one in check(report, tick)]


def test_the_bill_is_held_against_what_was_charged(counter: Counter, openings: list[Any]) -> None:
    from prewatt.domain.resale.queries import against

    month(counter, openings)
    found = against(bill(counter))
    assert [(one.wh, one.charged_fen, one.allowed_fen, one.over_fen) for one in found.accounts] == [
        (200_000, 18_000, 16_000, 2_000),
        (50_000, 4_000, 4_000, 0),
    ]
    assert (found.resold_wh, found.loss_wh, found.charged_fen, found.over_fen) == (250_000, 50_000, 22_000, 2_000)


def test_periods_are_compared_by_period(counter: Counter, openings: list[Any]) -> None:
    from prewatt.domain.resale.queries import against

    used(counter, openings[0], date(2026, 5, 10), 10_000, 1_000, peak=10_000)
    made = bill(
        counter,
        energy_wh={"peak": 100_000, "valley": 100_000},
        amount_fen={"peak": 10_000, "valley": 4_000},
        items=[("基本电费", 2_000)],
    )
    (one, _other) = against(made).accounts
    assert (one.charged_fen, one.allowed_fen, one.over_fen) == (1_000, 1_100, 0)


def test_what_was_too_much_goes_to_the_wallet_and_the_books_are_true(counter: Counter, openings: list[Any]) -> None:
    month(counter, openings)
    bill(counter)
    run = give(counter)
    assert (run.total_fen, wallet(counter)) == (2_000, 2_000)
    assert findings() == []


def test_the_same_run_again_is_the_same_run(counter: Counter, openings: list[Any]) -> None:
    month(counter, openings)
    bill(counter)
    assert give(counter).pk == give(counter).pk
    assert wallet(counter) == 2_000


def test_another_run_gives_only_what_is_left(counter: Counter, openings: list[Any]) -> None:
    """The bill is corrected to 0.70 yuan a kWh: ten fen a kWh more go back, and nothing twice."""
    from prewatt.domain.resale.refusals import NothingOver

    month(counter, openings)
    bill(counter)
    give(counter)
    with pytest.raises(NothingOver):
        give(counter, run_id="run-2")
    bill(counter, fen=21_000)
    give(counter, 2_500, run_id="run-3")
    assert wallet(counter) == 4_500
    assert findings() == []


def test_two_runs_that_did_not_see_each_other_cannot_both_stand(counter: Counter, openings: list[Any]) -> None:
    from prewatt.domain.resale.models import ClearBack, ClearBackLine

    month(counter, openings)
    bill(counter)
    first = give(counter)
    line = first.lines.get()
    other = ClearBack.objects.get(pk=RUN)
    other.pk = "run-2"
    other.save(force_insert=True)
    line.pk, line.run = None, other
    with pytest.raises(IntegrityError), transaction.atomic():
        line.save()
    with pytest.raises(IntegrityError), transaction.atomic():
        ClearBackLine.objects.filter(run=first).update(fen=2_001)


def test_it_takes_two_persons_a_reason_and_the_figures_that_were_shown(counter: Counter, openings: list[Any]) -> None:
    from prewatt.domain.resale import refusals

    month(counter, openings)
    bill(counter)
    for changes, refused in (
        ({"second_person": None}, refusals.SecondPersonNeeded),
        ({"second_person": counter.admin}, refusals.SecondPersonNeeded),
        ({"second_person": counter.cashier}, refusals.NoRight),
        ({"second_person": counter.stranger}, refusals.NoRight),
        ({"operator": counter.cashier}, refusals.NoRight),
        ({"operator": counter.stranger}, refusals.NoRight),
        ({"reason": " "}, refusals.WhyNeeded),
        ({"shown_fen": 1_999}, refusals.OtherFigures),
        ({"first": date(2026, 4, 1)}, refusals.NoBills),
    ):
        with pytest.raises(refused):
            give(counter, **changes)
    assert wallet(counter) == 0


def test_a_month_that_runs_is_not_given_back_yet(counter: Counter, openings: list[Any]) -> None:
    from prewatt.domain.resale.refusals import MonthNotOver

    month(counter, openings)
    bill(counter)
    bill(counter, month=date(2026, 6, 1))
    with pytest.raises(MonthNotOver):
        give(counter, last=date(2026, 6, 1))


def test_it_is_paid_out_once_with_a_red_receipt(counter: Counter, openings: list[Any]) -> None:
    from prewatt.domain.resale.operations import pay_out

    month(counter, openings)
    bill(counter)
    give(counter)
    facts: dict[str, Any] = {"run_id": RUN, "opening_id": openings[0].pk, "tender": "cash", "operator": counter.admin}
    first = pay_out(now=counter.now, **facts)
    assert pay_out(now=counter.now, **facts).pk == first.pk
    assert (first.amount_fen, first.state, wallet(counter), counter.drawer_fen()) == (2_000, "done", 0, -2_000)
    assert first.receipt
    assert findings() == []


def test_what_the_wallet_no_longer_holds_is_not_paid(counter: Counter, openings: list[Any]) -> None:
    from prewatt.domain.ledger import accounts, operations
    from prewatt.domain.resale.operations import pay_out
    from prewatt.domain.resale.refusals import NothingToPay

    month(counter, openings)
    bill(counter)
    give(counter)
    operations.post(
        key="elsewhere",
        cause=operations.Cause("sale", "x"),
        debit=accounts.wallet(counter.customer.pk),
        credit=accounts.REVENUE,
        amount_fen=1,
        at=counter.now,
    )
    with pytest.raises(NothingToPay):
        pay_out(run_id=RUN, opening_id=openings[0].pk, tender="cash", operator=counter.admin, now=counter.now)


def test_the_audit_finds_a_transfer_that_no_run_decided(counter: Counter, openings: list[Any]) -> None:
    from prewatt.domain.ledger import accounts, operations

    month(counter, openings)
    bill(counter)
    give(counter)
    operations.post(
        key=f"clear_back:{RUN}:999",
        cause=operations.Cause("clear_back", RUN),
        debit=accounts.REVENUE,
        credit=accounts.wallet(counter.customer.pk),
        amount_fen=500,
        at=counter.now,
    )
    found = findings()
    assert any("is not what a run gave back" in one for one in found)
    assert any("2500 are booked" in one for one in found)


def test_a_bill_is_corrected_by_entering_it_again_and_the_log_has_both(counter: Counter) -> None:
    from prewatt.domain.resale.models import PurchaseBill
    from prewatt.domain.staff.models import LogEntry

    bill(counter, items=[("基金", 100)])
    bill(counter, fen=25_000)
    made = PurchaseBill.objects.get()
    assert (made.amount_flat_fen, made.items.count()) == (25_000, 0)
    last = LogEntry.objects.filter(action="resale.bill").latest("pk")
    assert (last.before["amount_flat_fen"], last.after["amount_flat_fen"]) == (24_000, 25_000)
    assert last.before["items"] == {"基金": 100}


def test_the_bill_becomes_the_price_that_plans_are_held_against(counter: Counter) -> None:
    from prewatt.domain.tariff.queries import purchase

    bill(counter, as_price=True, items=[("基金", 3_000)])
    paid = purchase(day=date(2026, 5, 15))
    assert paid is not None
    assert (paid.from_day, paid.price_flat_e4, paid.markup_permille) == (MAY, 9_000, 0)


def test_a_bill_that_cannot_be_is_refused(counter: Counter) -> None:
    from prewatt.domain.resale.refusals import BadBill

    for changes in (
        {"wh": 0, "fen": 0},
        {"wh": 0},
        {"fen": 0},
        {"wh": -1},
        {"items": [("退补", -30_000)]},
        {"items": [("", 1)]},
        {"markup_permille": 1_001},
        {"shared_fen": 100},
        {"shared_fen": 0, "shared_basis": "x"},
        {"month": date(2026, 5, 2)},
        {"month": date(2026, 7, 1)},
    ):
        with pytest.raises(BadBill):
            bill(counter, **changes)


def test_bills_are_entered_by_who_may_and_for_his_own_building(counter: Counter) -> None:
    from prewatt.domain.estate.models import Building
    from prewatt.domain.resale.queries import bills
    from prewatt.domain.resale.refusals import NoRight

    counter.stranger.buildings.add(Building.objects.create(name="B座", code="B"))
    for changes in (
        {"operator": counter.cashier},
        {"operator": counter.stranger},
        {"operator": counter.stranger, "building": counter.building},
    ):
        with pytest.raises(NoRight):
            bill(counter, **changes)
    bill(counter)
    bill(counter, building=counter.building)
    assert bills(operator=counter.admin).count() == 2
    assert bills(operator=counter.stranger).count() == 0


def test_two_accounts_on_one_meter_each_have_their_own_days(counter: Counter, openings: list[Any]) -> None:
    from prewatt.domain.resale.queries import against

    used(counter, openings[0], date(2026, 5, 10), 10_000, 900)
    openings[0].closed_at = datetime(2026, 5, 12, tzinfo=UTC)
    openings[0].save()
    later = counter.opened(counter.meters[0], balance_fen=100_000)
    later.opened_at = datetime(2026, 5, 15, tzinfo=UTC)
    later.save()
    used(counter, later, date(2026, 5, 20), 5_000, 450)
    found = {one.opening.pk: (one.wh, one.charged_fen) for one in against(bill(counter)).accounts}
    assert found == {openings[0].pk: (10_000, 900), later.pk: (5_000, 450), openings[1].pk: (0, 0)}
    assert timedelta(0) < later.opened_at - openings[0].closed_at
