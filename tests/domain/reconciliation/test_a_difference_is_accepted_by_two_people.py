"""Accepting a difference: books and meter agree again by one transfer that two people stand behind."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import DatabaseError, transaction

from counter import Counter
from prewatt.domain.audit.verify import verify
from prewatt.domain.dispatch.models import CountCorrection
from prewatt.domain.ledger.models import Transfer
from prewatt.domain.reconciliation import accepting
from prewatt.domain.reconciliation.accepting import accept, look
from prewatt.domain.reconciliation.models import Acceptance
from prewatt.domain.staff.models import LogEntry

pytestmark = pytest.mark.django_db


@pytest.fixture
def counter(db: None) -> Counter:
    one = Counter(meters=2)
    for n, meter in enumerate(one.meters):
        one.opened(meter)
        one.sell(f"s{n}", "100", meter=meter)
        one.arrive(f"s{n}")
    foreign(one)
    return one


def foreign(counter: Counter, fen: int = 5_000, count: int = 2) -> None:
    """Somebody recharged the first meter past us."""
    counter.read_all(
        counter.meters[0], balance_fen=10_000 + fen, purchase_count=count, bought_fen=10_000 + fen, energy_wh=1
    )


def take(counter: Counter, **changes: Any) -> Acceptance:
    asked: dict[str, Any] = {
        "accept_id": "a1",
        "opening": counter.meters[0].openings.get(),
        "amount_fen": 5_000,
        "count_delta": 1,
        "reason": "charged by the maker's hand unit",
        "operator": counter.admin,
        "second_person": counter.second,
        "now": counter.now,
    }
    return accept(**asked | changes)


def meters_wrong() -> list[str]:
    return [f"{one.check} {one.kind} {one.row}" for one in verify().findings if one.check in ("meters", "causes")]


def test_books_and_meter_agree_afterwards_and_the_audit_says_so(counter: Counter) -> None:
    assert meters_wrong()
    made = take(counter)
    assert (made.cause, made.amount_fen, made.count_delta) == ("foreign", 5_000, 1)
    assert made.evidence["seen"]["bought_meter_fen"] == 15_000
    assert meters_wrong() == []
    seen = look(made.opening, now=counter.now)
    assert seen is not None
    assert (seen[0].verdict, seen[0].books_fen, seen[1].parts) == ("equal", 15_000, ())
    assert CountCorrection.objects.get().delta == 1
    assert LogEntry.objects.get(action="reconciliation.accept").after["second_person"] == "second"


def test_a_second_press_finds_the_first(counter: Counter) -> None:
    assert take(counter) == take(counter)
    assert Transfer.objects.filter(cause_kind="difference").count() == 1
    assert CountCorrection.objects.count() == 1
    with pytest.raises(accepting.OtherUse):
        take(counter, amount_fen=1)


def refused(counter: Counter, error: type[Exception], **changes: Any) -> None:
    with pytest.raises(error):
        take(counter, **changes)
    assert not Acceptance.objects.exists()
    assert not Transfer.objects.filter(cause_kind="difference").exists()


def test_it_takes_two_different_people_with_the_right(counter: Counter) -> None:
    refused(counter, accepting.SecondPersonNeeded, second_person=None)
    refused(counter, accepting.SecondPersonNeeded, second_person=counter.admin)
    refused(counter, accepting.SecondPersonMayNot, second_person=counter.cashier)
    refused(counter, accepting.SecondPersonMayNot, second_person=counter.stranger)
    refused(counter, accepting.MayNot, operator=counter.cashier)
    refused(counter, accepting.MayNot, operator=counter.stranger)
    refused(counter, accepting.ReasonNeeded, reason="  ")


def test_what_an_open_order_may_still_explain_is_not_accepted(counter: Counter) -> None:
    counter.sell("s9", "50")
    refused(counter, accepting.OrderOpen)


def test_only_what_was_on_the_screen_is_accepted(counter: Counter) -> None:
    refused(counter, accepting.Moved, amount_fen=4_999)
    foreign(counter, fen=0, count=1)
    refused(counter, accepting.NothingDiffers)


def test_a_lost_recharge_is_taken_off_the_books(counter: Counter) -> None:
    counter.read_all(counter.meters[0], balance_fen=0, purchase_count=0, bought_fen=0, energy_wh=1)
    made = take(counter, amount_fen=-10_000, count_delta=-1)
    assert made.cause == "missed"
    assert counter.on_meter_fen(made.opening) == 0
    assert meters_wrong() == []


def test_another_acceptance_turns_it_round_and_nothing_else_can(counter: Counter) -> None:
    made = take(counter)
    foreign(counter, fen=0, count=1)
    assert take(counter, accept_id="a2", amount_fen=-5_000, count_delta=-1).amount_fen == -made.amount_fen
    assert meters_wrong() == []
    for touch in (lambda: Acceptance.objects.update(amount_fen=1), lambda: Acceptance.objects.all().delete()):
        with pytest.raises(DatabaseError), transaction.atomic():
            touch()


def test_a_counter_that_was_set_back_is_not_mended_by_a_transfer(counter: Counter) -> None:
    from prewatt.domain.ledger import accounts
    from prewatt.domain.ledger import operations as ledger

    opening = counter.meters[0].openings.get()
    ledger.post(
        key="usage:1",
        cause=ledger.Cause("usage", f"{opening.pk}:2026-06-01"),
        amount_fen=500,
        debit=accounts.meter(opening.pk),
        credit=accounts.REVENUE,
        at=counter.now,
    )
    foreign(counter, fen=0, count=1)
    refused(counter, accepting.NotByTransfer, amount_fen=-500, count_delta=0)


def test_the_audit_finds_a_transfer_that_nobody_accepted(counter: Counter) -> None:
    from prewatt.domain.ledger import accounts
    from prewatt.domain.ledger import operations as ledger

    opening = counter.meters[0].openings.get()
    ledger.post(
        key="difference:none",
        cause=ledger.Cause("difference", "none"),
        debit=accounts.ADJUSTMENT,
        credit=accounts.meter(opening.pk),
        amount_fen=5_000,
        at=counter.now,
    )
    assert any("difference_accepted" in one for one in meters_wrong())


def test_the_audit_finds_an_acceptance_without_its_transfer(counter: Counter) -> None:
    Acceptance.objects.create(
        id="x",
        opening=counter.meters[0].openings.get(),
        meter=counter.meters[0],
        cause="foreign",
        amount_fen=1,
        count_delta=0,
        reason="x",
        evidence={},
        operator=counter.admin,
        second_person=counter.second,
        at=counter.now,
    )
    assert any("accepted_booked" in one for one in meters_wrong())
