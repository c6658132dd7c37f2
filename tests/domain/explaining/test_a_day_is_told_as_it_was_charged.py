"""A month of an account: what the plan makes of each day, what was charged, and every reason why they differ."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from counter import Counter

pytestmark = pytest.mark.django_db
FIRST = date(2026, 6, 1)
MIDNIGHT = datetime(2026, 5, 31, 16, tzinfo=UTC)  # of the first of June in Shanghai
FLAT = {"price_flat_e4": 8000}
TOU = {
    "price_sharp_e4": 12000,
    "price_peak_e4": 10000,
    "price_flat_e4": 7000,
    "price_valley_e4": 3000,
    "price_deep_e4": 2000,
}


@pytest.fixture
def opening(counter: Counter) -> Any:
    opening = counter.opened()
    opening.opened_at = MIDNIGHT - timedelta(days=10)
    opening.save()
    return opening


def plan(
    counter: Counter, opening: Any, prices: Mapping[str, int], *, kind: str = "flat", at: datetime = MIDNIGHT
) -> Any:
    from prewatt.domain.tariff.operations import assign, save_plan

    facts: dict[str, Any] = {"operator": counter.admin, "now": at, "day": FIRST}
    made = save_plan(plan=None, name=f"{kind} {at:%F}", kind=kind, prices=prices, **facts)
    assign(plan=made, meter_ids=[opening.meter_id], operator=counter.admin, now=at)
    return made


def used(opening: Any, day: date, wh: int, fen: int | None, *, filled: int = 0, late_ms: int = 0, **bands: int) -> None:
    """A closed day with its hours, all of it in the first one."""
    from prewatt.domain.metering.models import UsageDay, UsageHour

    start_ms = round((MIDNIGHT + (day - FIRST)).timestamp() * 1000)
    UsageDay.objects.create(
        meter=opening.meter,
        day=day,
        energy_wh=wh,
        deducted_fen=fen,
        first_ms=start_ms,
        last_ms=start_ms + 24 * 3_600_000 - late_ms,
        closed_at=MIDNIGHT,
        **{f"energy_{band}_wh": value for band, value in bands.items()},
    )
    for hour in range(24):
        UsageHour.objects.create(
            meter=opening.meter,
            start_ms=start_ms + hour * 3_600_000,
            energy_wh=wh if hour == 0 else 0,
            filled=hour < filled,
        )


def told(opening: Any) -> Any:
    from prewatt.domain.explaining.days import month

    return month(opening=opening, first=FIRST)


def test_a_day_charged_as_the_plan_says_has_nothing_to_explain(counter: Counter, opening: Any) -> None:
    plan(counter, opening, FLAT)
    used(opening, date(2026, 6, 3), 10_000, 800)
    (day,) = told(opening).days
    ((part,),) = [[one.part for one in day.lines]]
    assert (part.wh, part.rate_e8, part.exact) == (10_000, 80_000_000, 800)
    assert (day.fen, day.charged_fen, day.difference_fen, day.why) == (800, 800, 0, ())


def test_the_bands_are_those_that_the_meter_counted(counter: Counter, opening: Any) -> None:
    plan(counter, opening, TOU, kind="tou")
    used(opening, date(2026, 6, 3), 10_000, 640, peak=4_000, valley=4_000, sharp=1_000, deep=1_000)
    (day,) = told(opening).days
    assert [(one.part.band, one.part.wh, one.part.exact) for one in day.lines] == [
        ("sharp", 1_000, 120),
        ("peak", 4_000, 400),
        ("valley", 4_000, 120),
        ("deep", 1_000, 20),
    ]
    assert (day.fen, day.difference_fen) == (660, -20)


def test_what_the_ledger_booked_is_what_was_charged(counter: Counter, opening: Any) -> None:
    from prewatt.domain.settlement import post_usage_day

    plan(counter, opening, FLAT)
    used(opening, date(2026, 6, 3), 10_000, 800)
    post_usage_day(opening=opening, day=date(2026, 6, 3), deducted_fen=790, now=counter.now)
    post_usage_day(opening=opening, day=date(2026, 6, 3), deducted_fen=780, now=counter.now)
    (day,) = told(opening).days
    assert (day.charged_fen, day.difference_fen) == (780, -20)


def why(day: Any) -> list[str]:
    from prewatt.domain.explaining.days import Why

    names = {str(text): name for name, text in vars(Why).items() if name.isupper()}
    return [names[str(one)] for one in day.why]


def test_each_difference_has_its_reason(counter: Counter, opening: Any) -> None:
    plan(counter, opening, FLAT)
    used(opening, date(2026, 6, 3), 10_000, 801)
    used(opening, date(2026, 6, 4), 10_000, 700, filled=5)
    used(opening, date(2026, 6, 5), 24_000, 1_930, late_ms=600_000)
    used(opening, date(2026, 6, 6), 10_000, 500)
    used(opening, date(2026, 6, 7), 10_000, None)
    found = {one.day.day: why(one) for one in told(opening).days}
    assert found == {3: ["ROUNDING"], 4: ["GAP"], 5: ["BORDER"], 6: ["UNKNOWN"], 7: ["NOT_CHARGED"]}


def test_a_register_behind_a_transformer_tells_less_than_the_meters_money(counter: Counter, opening: Any) -> None:
    opening.meter.ct_ratio = 20
    opening.meter.save()
    plan(counter, opening, FLAT)
    used(opening, date(2026, 6, 3), 86_000, 6_869)
    (day,) = told(opening).days
    assert (day.difference_fen, why(day)) == (-11, ["STEPS"])


def test_a_meter_that_shows_another_price_is_told(counter: Counter, opening: Any) -> None:
    from prewatt.domain.control.models import Reported

    plan(counter, opening, FLAT)
    prices = {f"price_{band}_e4": 9000 for band in ("sharp", "peak", "flat", "valley", "deep")}
    Reported.objects.create(meter=opening.meter, read_at=counter.now, **prices)
    used(opening, date(2026, 6, 6), 10_000, 900)
    (day,) = told(opening).days
    assert (day.fen, day.charged_fen, why(day)) == (800, 900, ["OTHER_PRICE"])


def test_a_price_that_changed_within_the_day_shows_both(counter: Counter, opening: Any) -> None:
    plan(counter, opening, FLAT)
    plan(counter, opening, {"price_flat_e4": 9000}, at=MIDNIGHT + timedelta(days=2, minutes=30))
    used(opening, date(2026, 6, 3), 10_000, 800)
    (day,) = told(opening).days
    assert [(one.part.wh, one.part.rate_e8) for one in day.lines] == [(5_000, 80_000_000), (5_000, 90_000_000)]
    assert [one.source.plan_name for one in day.lines] == ["flat 2026-05-31", "flat 2026-06-02"]
    assert (day.fen, why(day)) == (850, ["CHANGED"])


def test_a_day_before_the_first_plan_is_not_made_up(counter: Counter, opening: Any) -> None:
    used(opening, date(2026, 6, 3), 10_000, 800)
    (day,) = told(opening).days
    assert (day.fen, day.charged_fen, day.difference_fen, day.lines) == (None, 800, None, ())


def test_a_ladder_counts_from_the_beginning_of_its_month(counter: Counter, opening: Any) -> None:
    from prewatt.domain.tariff.models import PlanVersion

    made = plan(counter, opening, FLAT)
    document = {
        "format": "prewatt-tariff-1",
        "name": "steps",
        "versions": [{"ladder": {"steps": [{"up_to_kwh": "15", "price": "0.5"}, {"price": "0.9"}]}}],
    }
    PlanVersion.objects.create(
        plan=made,
        number=9,
        effective_from=MIDNIGHT + timedelta(seconds=60),
        document=document,
        created_at=MIDNIGHT,
        created_by=counter.admin,
    )
    used(opening, date(2026, 6, 3), 10_000, 500)
    used(opening, date(2026, 6, 4), 10_000, 700)
    first, second = told(opening).days
    assert [(one.part.step, one.part.wh) for one in first.lines] == [(1, 10_000)]
    assert [(one.part.step, one.part.wh) for one in second.lines] == [(1, 5_000), (2, 5_000)]
    assert (first.difference_fen, second.fen) == (0, 700)


def test_an_account_pays_from_the_moment_it_was_opened(counter: Counter, opening: Any) -> None:
    """The platform prices the same stretch: half an hour of the day's only hour with use."""
    from prewatt.domain.billing.rating import of_days
    from prewatt.domain.metering.models import UsageDay

    plan(counter, opening, FLAT)
    opening.opened_at = MIDNIGHT + timedelta(days=2, minutes=30)
    opening.save()
    used(opening, date(2026, 6, 3), 10_000, 400)
    used(opening, date(2026, 6, 4), 333, 27)
    first, second = told(opening).days
    assert (first.fen, first.difference_fen, second.fen) == (400, 0, 27)
    assert first.fen + second.fen == of_days(opening, UsageDay.objects.all())
