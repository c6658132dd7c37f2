"""A day that a meter counted by bands, and that an account or a price begins in, is shared by its registers."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from counter import Counter

pytestmark = pytest.mark.django_db
FIRST = date(2026, 6, 2)
MIDNIGHT = datetime(2026, 6, 1, 16, tzinfo=UTC)  # of the second of June in Shanghai
TEN = MIDNIGHT + timedelta(hours=10)
OLD = {"sharp": 20_000, "peak": 10_000, "flat": 7_000, "valley": 3_000, "deep": 2_000}
NEW = {"sharp": 30_000, "peak": 20_000, "flat": 9_000, "valley": 5_000, "deep": 4_000}
BANDS = ("sharp", "peak", "flat", "valley", "deep")


def prices(e4: dict[str, int]) -> dict[str, int]:
    return {f"price_{band}_e4": value for band, value in e4.items()}


def plan_of(counter: Counter, meter: Any, name: str, e4: dict[str, int], at: datetime) -> Any:
    from prewatt.domain.tariff.operations import assign, save_plan

    made = save_plan(plan=None, name=name, kind="tou", prices=prices(e4), operator=counter.admin, now=at, day=at.date())
    assign(plan=made, meter_ids=[meter.pk], operator=counter.admin, now=at)
    return made


def account(counter: Counter, opened_at: datetime) -> Any:
    from prewatt.domain.billing.operations import begin
    from prewatt.domain.estate.models import Opening

    (meter,) = counter.meters
    plan_of(counter, meter, "old", OLD, MIDNIGHT - timedelta(days=2))
    opening = Opening.objects.create(meter=meter, customer=counter.customer, opened_at=opened_at)
    begin(opening=opening, asked="p", billing="platform", overdraft_fen=0, switch_on_min_fen=0)
    return opening


def looks(counter: Counter, *found: tuple[datetime, dict[str, int]]) -> None:
    """Readings of the registers, and the days they close."""
    from prewatt.domain.metering.operations import close_days, record_readings
    from prewatt.link.messages import Reading

    batch = []
    for at, wh in found:
        values = {"energy_wh": sum(wh.values()), **{f"energy_{band}_wh": wh.get(band, 0) for band in BANDS}}
        batch.append(Reading(meter=counter.meters[0].number, taken_at_ms=round(at.timestamp() * 1000), values=values))
    record_readings(batch, gateway=counter.gateway, now=found[-1][0])
    close_days(now=found[-1][0] + timedelta(hours=2))


def cost_fen(opening: Any) -> int:
    from prewatt.domain.billing.rating import days_of, of_days

    return of_days(opening, days_of(opening))


NIGHT = (TEN, {"valley": 8_000, "flat": 2_000})
EVENING = (MIDNIGHT + timedelta(days=1), {"valley": 8_000, "flat": 6_000, "peak": 5_000})
NEXT = (MIDNIGHT + timedelta(days=1, hours=1), {"valley": 8_500, "flat": 6_000, "peak": 5_000})


def test_the_night_before_an_account_began_is_not_its_own(counter: Counter) -> None:
    opening = account(counter, TEN)
    looks(counter, (MIDNIGHT, {}), NIGHT, EVENING, NEXT)
    assert cost_fen(opening) == 4 * 70 + 5 * 100


def test_a_price_from_ten_oclock_charges_what_is_used_from_ten_oclock(counter: Counter) -> None:
    opening = account(counter, MIDNIGHT)
    plan_of(counter, opening.meter, "new", NEW, TEN)
    looks(counter, (MIDNIGHT, {}), NIGHT, EVENING, NEXT)
    assert cost_fen(opening) == 8 * 30 + 2 * 70 + 4 * 90 + 5 * 200


def test_between_readings_the_registers_stand_on_a_straight_line(counter: Counter) -> None:
    opening = account(counter, MIDNIGHT)
    plan_of(counter, opening.meter, "new", NEW, TEN)
    around = [
        (TEN - timedelta(minutes=30), {"valley": 8_000}),
        (TEN + timedelta(minutes=30), {"valley": 8_000, "flat": 1_000}),
    ]
    looks(counter, (MIDNIGHT, {}), *around, EVENING, NEXT)
    assert cost_fen(opening) == 8 * 30 + 35 + (5_500 * 9 + 50) // 100 + 5 * 200


def test_what_the_registers_cannot_tell_is_shared_by_time(counter: Counter) -> None:
    """The day is known, its readings are gone: nothing is charged twice, and nothing is left out."""
    from prewatt.domain.metering.models import Reading

    opening = account(counter, MIDNIGHT)
    plan_of(counter, opening.meter, "new", NEW, MIDNIGHT + timedelta(hours=12))
    looks(counter, (MIDNIGHT, {}), EVENING, NEXT)
    Reading.objects.all().delete()
    assert cost_fen(opening) == (8 * 30 + 6 * 70 + 5 * 100 + 8 * 50 + 6 * 90 + 5 * 200) // 2


def test_a_late_reading_that_shares_the_day_otherwise_is_booked(counter: Counter) -> None:
    """The day's sums stay; what of it was used before the new price does not."""
    from prewatt.domain.metering.operations import close_days, close_hours
    from prewatt.domain.settlement import post_closed_days, used_fen

    opening = account(counter, MIDNIGHT)
    plan_of(counter, opening.meter, "new", NEW, TEN)
    for found in ((MIDNIGHT, {}), EVENING, NEXT), (NIGHT,):
        looks(counter, *found)
        close_hours(now=NEXT[0])
        close_days(now=NEXT[0] + timedelta(hours=2))
        post_closed_days(now=NEXT[0])
        assert used_fen(opening.pk) == cost_fen(opening)
    assert used_fen(opening.pk) == 8 * 30 + 2 * 70 + 4 * 90 + 5 * 200


def test_a_day_waits_for_its_hours(counter: Counter) -> None:
    """What they are about to become is what it costs: neither booked twice nor by what is out of date."""
    from prewatt.domain.metering.models import UsageDay
    from prewatt.domain.metering.operations import close_hours
    from prewatt.domain.settlement import post_closed_days, used_fen

    opening = account(counter, MIDNIGHT)
    looks(counter, (MIDNIGHT, {}), NIGHT, EVENING, NEXT)
    post_closed_days(now=NEXT[0])
    assert (used_fen(opening.pk), UsageDay.objects.get().posted_version) == (0, 0)
    close_hours(now=NEXT[0])
    post_closed_days(now=NEXT[0])
    assert (used_fen(opening.pk), UsageDay.objects.get().posted_version) == (cost_fen(opening), 1)


def test_the_page_that_explains_the_day_says_the_same(counter: Counter) -> None:
    from prewatt.domain.explaining.days import month

    opening = account(counter, TEN)
    plan_of(counter, opening.meter, "new", NEW, TEN + timedelta(hours=2))
    noon = (TEN + timedelta(hours=2), {"valley": 8_000, "flat": 2_000, "peak": 2_000})
    looks(counter, (MIDNIGHT, {}), NIGHT, noon, EVENING, NEXT)
    days = {one.day: one.fen for one in month(opening=opening, first=date(2026, 6, 1)).days}
    assert days[FIRST] == cost_fen(opening) == 2 * 100 + 4 * 90 + 3 * 200


def test_the_day_that_runs_is_priced_as_far_as_the_registers_have_told_it(counter: Counter) -> None:
    """An account that ends at noon owes its morning, though no day is closed yet."""
    from prewatt.domain.billing.rating import so_far

    opening = account(counter, TEN)
    noon = (TEN + timedelta(hours=2), {"valley": 8_000, "flat": 5_000, "peak": 1_000})
    looks(counter, (MIDNIGHT, {}), NIGHT, noon)
    assert (so_far(opening).fen, so_far(opening).until) == (3 * 70 + 100, noon[0])
