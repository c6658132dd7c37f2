"""试算: what a plan would have cost on the use that was, by the same rules to the same fen."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from counter import Counter
from prewatt.domain.tariff.rules.charging import price
from prewatt.domain.tariff.rules.plan import Plan
from prewatt.domain.tariff.rules.timeline import Interval
from tariffs import plan

pytestmark = pytest.mark.django_db
FIRST = date(2026, 5, 1)
MIDNIGHT = datetime(2026, 4, 30, 16, tzinfo=UTC)
TABLES = {
    "tables": {"a": [{"at": "00:00", "band": "valley"}, {"at": "08:00", "band": "peak"}]},
    "calendar": [{"table": "a"}],
}
LADDER = {"ladder": {"steps": [{"up_to_kwh": "20", "price": "0.5"}, {"price": "0.9"}]}}
BY_HOURS = {"prices": {"peak": "1.1", "valley": "0.3"}, **TABLES}


@pytest.fixture
def counter() -> Counter:
    return Counter(meters=2)


def used(meter: Any, day: int, hours: list[int], **bands: int) -> None:
    from prewatt.domain.metering.models import UsageDay, UsageHour

    start_ms = round((MIDNIGHT + timedelta(days=day - 1)).timestamp() * 1000)
    UsageDay.objects.create(
        meter=meter,
        day=FIRST + timedelta(days=day - 1),
        energy_wh=sum(hours),
        deducted_fen=100,
        first_ms=start_ms,
        last_ms=start_ms,
        closed_at=MIDNIGHT,
        **{f"energy_{band}_wh": wh for band, wh in bands.items()},
    )
    UsageHour.objects.bulk_create(
        [UsageHour(meter=meter, start_ms=start_ms + at * 3_600_000, energy_wh=wh) for at, wh in enumerate(hours)]
    )


def month(counter: Counter) -> None:
    for day in range(1, 21):
        used(counter.meters[0], day, [day * 10 + at for at in range(24)], peak=day * 100, valley=50)
        used(counter.meters[1], day, [333] * 24)


def tried(counter: Counter, chosen: Plan, **more: Any) -> Any:
    from prewatt.domain.explaining.whatif import what_if

    asked = {"first": FIRST, "last": date(2026, 5, 31), "now": datetime(2026, 6, 2, tzinfo=UTC)} | more
    return what_if(plan=chosen, meters=counter.meters, **asked)


def scalar(meter: Any, chosen: Plan) -> int:
    from prewatt.domain.metering.models import UsageHour

    rows = UsageHour.objects.filter(meter=meter).values_list("start_ms", "energy_wh")
    return price(chosen, [Interval(at // 1000, at // 1000 + 3600, wh) for at, wh in rows]).fen


@pytest.mark.parametrize("document", [{"price": "0.7263"}, BY_HOURS, LADDER, {"price": "0.5", "minimum": "80"}])
def test_it_comes_to_the_same_fen_as_the_rules_one_by_one(counter: Counter, document: dict[str, Any]) -> None:
    month(counter)
    chosen = plan(document)
    found = tried(counter, chosen)
    assert [one.then_fen for one in found.rows] == [scalar(meter, chosen) for meter in counter.meters]
    assert (found.first, found.last) == (FIRST, date(2026, 5, 20))


def test_periods_that_the_meter_counted_are_taken_from_its_days(counter: Counter) -> None:
    month(counter)
    prices = {"prices": {"sharp": "1.2", "peak": "1.0", "flat": "0.7", "valley": "0.3", "deep": "0.2"}}
    first, second = tried(counter, plan(prices)).rows
    assert first.then_fen == 2_130  # 21 kWh peak, 1 kWh valley
    assert second.then_fen == 11_189  # counts no periods: 159.84 kWh at 0.70


def test_a_ladder_over_the_meters_own_periods_is_priced_day_by_day(counter: Counter) -> None:
    month(counter)
    steps = [{"up_to_kwh": "10", "add": "0"}, {"add": "0.1"}]
    prices = {"prices": {"peak": "1.0", "flat": "0.7", "valley": "0.3"}, "ladder": {"steps": steps}}
    first, _second = tried(counter, plan(prices)).rows
    assert first.then_fen == 2_130 + 120  # 12 kWh above the tenth


def test_it_is_held_against_the_plan_of_today(counter: Counter) -> None:
    from prewatt.domain.tariff.operations import assign, save_plan

    month(counter)
    facts: dict[str, Any] = {"operator": counter.admin, "now": MIDNIGHT + timedelta(days=10), "day": FIRST}
    made = save_plan(plan=None, name="now", kind="flat", prices={"price_flat_e4": 8000}, **facts)
    assign(plan=made, meter_ids=[counter.meters[1].pk], operator=counter.admin, now=facts["now"])
    first, second = tried(counter, plan({"price": "0.7"})).rows
    assert (first.now_fen, first.base_fen, first.charged_fen) == (None, 2_000, 2_000)
    assert (second.now_fen, second.then_fen, second.difference_fen) == (12_787, 11_189, -1_598)
    assert second.change_permille == -125


def test_use_without_a_price_is_said_and_not_guessed(counter: Counter) -> None:
    month(counter)
    found = tried(counter, plan({"ladder": {"steps": [{"up_to_kwh": "1", "price": "0.5"}]}}))
    assert found.rows == ()
    assert "no price above" in found.refused


def test_meters_without_a_closed_day_are_left_out(counter: Counter) -> None:
    used(counter.meters[1], 3, [100] * 24)
    found = tried(counter, plan({"price": "0.5"}))
    assert [(one.meter.pk, one.wh, one.then_fen) for one in found.rows] == [(counter.meters[1].pk, 2_400, 120)]
