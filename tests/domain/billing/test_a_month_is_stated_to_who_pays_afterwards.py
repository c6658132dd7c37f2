"""后付费: a month is stated once its days are booked; what changes later stands on the next statement."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import DatabaseError, transaction

from counter import Counter

pytestmark = pytest.mark.django_db
OPENED = datetime(2026, 6, 1, 16, tzinfo=UTC)  # midnight of the second of June in Shanghai
JUNE, JULY = date(2026, 6, 1), date(2026, 7, 1)
IN_JULY, IN_AUGUST = datetime(2026, 7, 2, tzinfo=UTC), datetime(2026, 8, 2, tzinfo=UTC)


@pytest.fixture
def opening(counter: Counter) -> Any:
    from prewatt.domain.billing.operations import begin
    from prewatt.domain.estate.models import Opening
    from prewatt.domain.tariff.operations import assign, save_plan

    (meter,) = counter.meters
    facts: dict[str, Any] = {"operator": counter.admin, "now": OPENED - timedelta(days=1)}
    made = save_plan(
        plan=None, name="one", kind="flat", prices={"price_flat_e4": 10_000}, day=facts["now"].date(), **facts
    )
    assign(plan=made, meter_ids=[meter.pk], **facts)
    opening = Opening.objects.create(meter=meter, customer=counter.customer, opened_at=OPENED)
    begin(opening=opening, asked="o", billing="postpaid", overdraft_fen=0, switch_on_min_fen=0)
    counter.read(meter)
    return opening


def used(opening: Any, day: date, wh: int) -> None:
    """A closed day with the readings that bound it; closed again when it is there already."""
    from django.db.models import F

    from prewatt.domain.metering.models import Reading, UsageDay, UsageHour

    start_ms = round((OPENED + timedelta(days=(day - date(2026, 6, 2)).days)).timestamp() * 1000)
    end_ms = start_ms + 24 * 3_600_000
    for at_ms, register in ((start_ms, start_ms // 1_000_000), (end_ms, end_ms // 1_000_000)):
        Reading.objects.get_or_create(meter=opening.meter, taken_ms=at_ms, defaults={"energy_wh": register})
    at = {"meter": opening.meter, "start_ms": start_ms}
    if UsageHour.objects.filter(**at).update(energy_wh=wh) == 0:
        UsageHour.objects.create(**at, energy_wh=wh)
    of_day = {"meter": opening.meter, "day": day}
    if UsageDay.objects.filter(**of_day).update(energy_wh=wh, version=F("version") + 1) == 0:
        bounds = {"first_ms": start_ms, "last_ms": end_ms, "closed_at": OPENED}
        UsageDay.objects.create(**of_day, energy_wh=wh, **bounds)


def post(now: datetime) -> None:
    from prewatt.domain.settlement import post_closed_days

    post_closed_days(now=now)


def pay(counter: Counter, opening: Any, amount: str, at: datetime, sale_id: str) -> None:
    counter.sell(sale_id, amount, meter=opening.meter, now=at)


def make(now: datetime) -> int:
    from prewatt.domain.billing.statements import make as made

    return made(now=now)


def stated() -> list[Any]:
    from prewatt.domain.billing.models import Statement

    return list(Statement.objects.select_related("opening__standing").order_by("month"))


def a_june(opening: Any) -> None:
    used(opening, date(2026, 6, 2), 10_000)
    used(opening, date(2026, 6, 30), 20_000)


def test_a_month_is_stated_once_all_its_days_are_booked(counter: Counter, opening: Any) -> None:
    from prewatt.domain.metering.models import Reading

    used(opening, date(2026, 6, 2), 10_000)
    post(IN_JULY)
    assert make(IN_JULY) == 0  # the last of June is not closed
    used(opening, date(2026, 6, 30), 20_000)
    assert make(IN_JULY) == 0  # nor booked
    post(IN_JULY)
    assert (make(IN_JULY), make(IN_JULY)) == (1, 0)
    (june,) = stated()
    assert (june.month, june.first_day, june.last_day) == (JUNE, date(2026, 6, 2), date(2026, 6, 30))
    assert (june.energy_wh, june.used_fen, june.corrected_fen, june.open_fen) == (30_000, 3_000, 0, 3_000)
    assert june.days == [["2026-06-02", 10_000, 1_000], ["2026-06-30", 20_000, 2_000]]
    first, last = Reading.objects.order_by("taken_ms").first(), Reading.objects.order_by("taken_ms").last()
    assert (june.read_from_wh, june.read_to_wh) == (first.energy_wh, last.energy_wh)  # type: ignore[union-attr]


def test_the_month_that_runs_is_not_stated(counter: Counter, opening: Any) -> None:
    a_june(opening)
    post(IN_JULY)
    assert make(datetime(2026, 6, 30, 15, 59, tzinfo=UTC)) == 0


def test_a_late_reading_is_corrected_on_the_next_statement(counter: Counter, opening: Any) -> None:
    a_june(opening)
    post(IN_JULY)
    make(IN_JULY)
    before = stated()[0].used_fen
    used(opening, date(2026, 6, 30), 25_000)
    used(opening, date(2026, 7, 31), 1_000)
    post(IN_AUGUST)
    assert make(IN_AUGUST) == 1
    june, july = stated()
    assert (june.used_fen, july.used_fen, july.corrected_fen) == (before, 100, 500)
    assert (july.brought_fen, july.open_fen, july.billed_fen) == (3_000, 3_600, 3_600)


def test_payments_belong_to_the_month_they_came_in_and_pay_the_oldest_first(counter: Counter, opening: Any) -> None:
    from prewatt.domain.billing.models import Statement
    from prewatt.domain.billing.operations import rate_one
    from prewatt.domain.billing.statements import OPEN, left_fen

    a_june(opening)
    post(IN_JULY)
    pay(counter, opening, "5", datetime(2026, 6, 30, 15, tzinfo=UTC), "s1")  # still June in Shanghai
    pay(counter, opening, "27", datetime(2026, 6, 30, 17, tzinfo=UTC), "s2")
    make(IN_JULY)
    used(opening, date(2026, 7, 31), 10_000)
    post(IN_AUGUST)
    make(IN_AUGUST)
    june, july = stated()
    assert (june.paid_fen, june.open_fen) == (500, 2_500)
    assert (july.brought_fen, july.paid_fen, july.open_fen) == (2_500, 2_700, 800)
    assert [left_fen(one) for one in (june, july)] == [0, 800]
    assert list(Statement.objects.filter(OPEN)) == [july]
    rate_one(opening_id=opening.pk, now=IN_AUGUST)
    pay(counter, opening, "8", IN_AUGUST, "s3")
    assert [left_fen(one) for one in stated()] == [0, 0]


def test_an_account_that_ended_has_its_last_part_of_a_month(counter: Counter, opening: Any) -> None:
    from prewatt.domain.ledger import accounts, operations

    a_june(opening)
    post(IN_JULY)
    make(IN_JULY)
    pay(counter, opening, "35", IN_JULY, "s1")
    rest = {"debit": accounts.meter(opening.pk), "credit": accounts.REVENUE, "amount_fen": 500}
    operations.post(key="closing:c:used:1", cause=operations.Cause("closing", "c"), at=IN_JULY, **rest)
    opening.closed_at = IN_JULY
    opening.save()
    assert (make(IN_JULY), make(IN_AUGUST)) == (1, 0)
    _june, july = stated()
    assert (july.last_day, july.used_fen, july.open_fen) == (date(2026, 7, 2), 500, 0)


def test_who_pays_beforehand_gets_none(counter: Counter, opening: Any) -> None:
    from prewatt.domain.billing.models import Terms

    Terms.objects.update(billing="platform")
    a_june(opening)
    post(IN_JULY)
    assert make(IN_JULY) == 0


def test_what_was_stated_stands(counter: Counter, opening: Any) -> None:
    from prewatt.domain.billing.models import Statement

    a_june(opening)
    post(IN_JULY)
    make(IN_JULY)
    with pytest.raises(DatabaseError), transaction.atomic():
        Statement.objects.update(used_fen=1)
    with pytest.raises(DatabaseError), transaction.atomic():
        Statement.objects.all().delete()


def test_every_statement_adds_up_to_what_is_booked(counter: Counter, opening: Any) -> None:
    from prewatt.domain.ledger import accounts, queries

    a_june(opening)
    post(IN_JULY)
    make(IN_JULY)
    used(opening, date(2026, 6, 2), 3_000)
    used(opening, date(2026, 7, 31), 7_000)
    post(IN_AUGUST)
    make(IN_AUGUST)
    assert stated()[-1].open_fen == -queries.balance_fen(accounts.meter(opening.pk))
