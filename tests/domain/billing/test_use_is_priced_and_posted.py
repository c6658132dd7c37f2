"""What an account's use costs: exactly, once, and the same however its days come."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from counter import Counter

pytestmark = pytest.mark.django_db
FIRST = date(2026, 6, 2)
MIDNIGHT = datetime(2026, 6, 1, 16, tzinfo=UTC)  # of the second of June in Shanghai
SLOW = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def account(counter: Counter, *, e4: int = 5555, overdraft_fen: int = 0, **more: Any) -> Any:
    """A platform account on a meter with a flat price, opened at midnight with nothing on it."""
    from prewatt.domain.billing.operations import begin
    from prewatt.domain.estate.models import Opening
    from prewatt.domain.tariff.operations import assign, save_plan

    meter = counter.meter(f"p{Opening.objects.count()}")
    facts: dict[str, Any] = {"operator": counter.admin, "now": MIDNIGHT - timedelta(days=1), "day": FIRST}
    made = save_plan(plan=None, name=meter.number, kind="flat", prices={"price_flat_e4": e4}, **facts)
    assign(plan=made, meter_ids=[meter.pk], operator=counter.admin, now=MIDNIGHT - timedelta(days=1))
    opening = Opening.objects.create(meter=meter, customer=counter.customer, opened_at=MIDNIGHT)
    terms = {"billing": "platform", "overdraft_fen": overdraft_fen, "switch_on_min_fen": 0} | more
    begin(opening=opening, asked=meter.number, **terms)
    counter.read(meter)
    return opening


def used(opening: Any, day: int, *wh: int) -> None:
    """A closed day (0 is the first) with its first hours; closed again when it is there already."""
    from django.db.models import F

    from prewatt.domain.metering.models import UsageDay

    start_ms = round((MIDNIGHT + timedelta(days=day)).timestamp() * 1000)
    bounds = {"first_ms": start_ms, "last_ms": start_ms + 24 * 3_600_000, "closed_at": MIDNIGHT}
    of_day = {"meter": opening.meter, "day": FIRST + timedelta(days=day)}
    if UsageDay.objects.filter(**of_day).update(energy_wh=sum(wh), version=F("version") + 1) == 0:
        UsageDay.objects.create(**of_day, energy_wh=sum(wh), **bounds)
    hours(opening, start_ms, *wh)


def hours(opening: Any, start_ms: int, *wh: int) -> None:
    from prewatt.domain.metering.models import UsageHour

    for hour, energy in enumerate(wh):
        at = {"meter_id": opening.meter_id, "start_ms": start_ms + hour * 3_600_000}
        if UsageHour.objects.filter(**at).update(energy_wh=energy) == 0:
            UsageHour.objects.create(**at, energy_wh=energy)


def post(counter: Counter) -> int:
    from prewatt.domain.settlement import post_closed_days

    return post_closed_days(now=counter.now)


def booked_fen(opening: Any) -> int:
    from prewatt.domain.settlement import used_fen

    return used_fen(opening.pk)


def test_days_are_posted_by_the_plan_and_not_by_the_meter(counter: Counter) -> None:
    from prewatt.domain.metering.models import UsageDay

    opening = account(counter)
    used(opening, 0, 1_001)
    UsageDay.objects.update(deducted_fen=99_999, counter_fen=99_999)  # the meter's own money is not asked
    assert (post(counter), booked_fen(opening)) == (1, 56)
    assert (post(counter), booked_fen(opening)) == (0, 56)


def test_a_day_closed_again_gives_a_correction(counter: Counter) -> None:
    from prewatt.domain.ledger.models import Transfer

    opening = account(counter)
    used(opening, 0, 10_000)
    post(counter)
    used(opening, 0, 4_000)
    post(counter)
    rows = Transfer.objects.filter(cause_kind="usage").order_by("pk")
    assert [(row.debit.code, row.amount_fen) for row in rows] == [("meter", 556), ("revenue", 334)]


def test_nothing_before_the_opening_is_charged(counter: Counter) -> None:
    opening = account(counter, e4=10_000)
    used(opening, -1, 50_000)
    used(opening, 0, 1_000)
    assert (post(counter), booked_fen(opening)) == (2, 100)


def test_the_running_day_counts_before_it_is_closed(counter: Counter) -> None:
    from prewatt.domain.billing.operations import rate
    from prewatt.domain.billing.queries import standing

    opening = account(counter, e4=10_000)
    used(opening, 0, 1_000)
    hours(opening, round((MIDNIGHT + timedelta(days=1)).timestamp() * 1000), 500, 500)
    assert rate(now=counter.later(days=3)) == 1
    seen = standing(opening.pk)
    assert seen is not None
    assert (seen.available_fen, seen.known_at) == (-200, MIDNIGHT + timedelta(days=1, hours=2))
    post(counter)  # booking a day moves nothing of it
    again = standing(opening.pk)
    assert again is not None
    assert (again.available_fen, booked_fen(opening)) == (-200, 100)


def test_use_without_a_price_is_no_balance(counter: Counter) -> None:
    from prewatt.domain.billing.operations import rate
    from prewatt.domain.billing.queries import standing
    from prewatt.domain.tariff.models import PlanChange

    opening = account(counter)
    opening.opened_at = PlanChange.objects.get(meter=opening.meter_id).since - timedelta(days=1)
    opening.save()
    used(opening, 0, 1_000)
    rate(now=counter.later(days=3))
    seen = standing(opening.pk)
    assert seen is not None
    assert seen.available_fen is None
    post(counter)
    assert booked_fen(opening) == 0


@SLOW
@given(
    days=st.lists(st.lists(st.integers(0, 9_999), min_size=1, max_size=4), min_size=1, max_size=5),
    order=st.randoms(use_true_random=False),
    e4=st.integers(1, 20_000),
)
def test_days_in_any_order_are_one_price(counter: Counter, days: list[list[int]], order: Any, e4: int) -> None:
    opening = account(counter, e4=e4)
    shuffled = list(enumerate(days))
    order.shuffle(shuffled)
    for day, wh in shuffled:
        used(opening, day, *wh)
        post(counter)
    total_wh = sum(sum(wh) for wh in days)
    assert booked_fen(opening) == (total_wh * e4 + 50_000) // 100_000


@SLOW
@given(
    first=st.lists(st.integers(0, 9_999), min_size=2, max_size=2),
    later=st.lists(st.integers(0, 9_999), min_size=2, max_size=2),
)
def test_a_late_reading_leads_to_the_same_money(counter: Counter, first: list[int], later: list[int]) -> None:
    opening = account(counter, e4=3_333)
    for day, wh in enumerate(first):
        used(opening, day, wh)
    post(counter)
    for day, wh in enumerate(later):
        used(opening, day, wh)
    post(counter)
    assert booked_fen(opening) == (sum(later) * 3_333 + 50_000) // 100_000


def test_an_account_is_priced_again_after_five_minutes(counter: Counter) -> None:
    """Not at every turn of the worker: hours close once an hour."""
    from prewatt.domain.billing.operations import rate

    opening = account(counter, e4=10_000)
    used(opening, 0, 1_000)
    now = counter.later(days=3)
    assert rate(now=now) == 1
    used(opening, 1, 2_000)
    assert rate(now=now + timedelta(minutes=4)) == 0
    assert rate(now=now + timedelta(minutes=5)) == 1


def test_days_that_wait_hold_up_no_other_meter(counter: Counter) -> None:
    """More of them than one turn takes: the meter behind them is booked all the same."""
    from prewatt.domain.metering.models import Dirty
    from prewatt.domain.settlement import post_closed_days

    stuck, behind = account(counter), account(counter)
    assert stuck.meter_id < behind.meter_id
    for day in range(3):
        used(stuck, day, 1_000)
    used(behind, 0, 1_000)
    Dirty.objects.update_or_create(meter=stuck.meter, defaults={"since_ms": 0, "days_since_ms": 0})
    assert post_closed_days(now=counter.now, limit=2) == 1
    assert (booked_fen(stuck), booked_fen(behind)) == (0, 56)


def test_lists_show_what_was_charged_and_not_what_the_meter_counted(counter: Counter) -> None:
    from prewatt.domain.metering import sums
    from prewatt.domain.metering.closing import _store_days
    from prewatt.domain.metering.models import MeterState, UsageDay, UsageMonth

    opening = account(counter)
    used(opening, 0, 1_000)
    UsageDay.objects.update(deducted_fen=999)  # by a prepaid logic of its own
    post(counter)
    (row,) = UsageDay.objects.all()
    assert (row.charged, row.deducted_fen) == (True, 56)
    assert (UsageMonth.objects.get().deducted_fen, MeterState.objects.get(meter=opening.meter).per_day_fen) == (56, 56)
    again = {"energy_wh": 1_000, "deducted_fen": 1_234}
    _store_days(opening.meter_id, {row.day: again}, counter.now, sums.Grown())
    assert UsageDay.objects.values_list("version", "deducted_fen").get() == (1, 56)
    _store_days(opening.meter_id, {row.day: again | {"energy_wh": 2_000}}, counter.now, sums.Grown())
    used(opening, 0, 2_000)
    post(counter)
    assert UsageDay.objects.values_list("deducted_fen", flat=True).get() == 111
