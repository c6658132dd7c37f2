"""The worker makes each meter's outlook from its closed days once a day; lists and cards lay the balance on it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from counter import Counter
from prewatt.domain.estate.models import Meter
from prewatt.domain.metering.foreseeing import foresee
from prewatt.domain.metering.models import UsageDay
from prewatt.domain.metering.queries import today

FEN_PER_KWH = 80
OPENED_LONG_AGO = timedelta(days=400)


@pytest.fixture
def counter(db: None) -> Counter:
    from prewatt.domain.estate.models import Opening

    one = Counter(meters=3)
    one.meters = list(Meter.objects.order_by("number"))
    for meter in one.meters:
        one.opened(meter)
    Opening.objects.update(opened_at=one.now - OPENED_LONG_AGO)
    return one


def close(meter: Meter, counter: Counter, *, days: int, kwh: int, **facts: Any) -> None:
    first = today(counter.now)
    UsageDay.objects.bulk_create(
        UsageDay(
            meter=meter,
            day=first - timedelta(days=back),
            energy_wh=kwh * 1000,
            **{"deducted_fen": kwh * FEN_PER_KWH, "first_ms": 0, "last_ms": 0, "closed_at": counter.now} | facts,
        )
        for back in range(1, days + 1)
    )


def lines(counter: Counter) -> dict[int, Any]:
    from prewatt.domain.metering.board import lines

    return {line.meter.pk: line for line in lines([meter.pk for meter in counter.meters], now=counter.now)}


def test_a_balance_is_laid_on_the_days_to_come(counter: Counter) -> None:
    busy, idle, unknown = counter.meters
    for meter in counter.meters:
        counter.read(meter, balance_fen=8000, overdraft_fen=0, relay_closed=1, forced=0)
    close(busy, counter, days=30, kwh=10)
    close(idle, counter, days=30, kwh=0)
    assert foresee(now=counter.now) == 2
    assert foresee(now=counter.now) == 0  # once a day
    found = lines(counter)
    assert found[busy.pk].left.days == pytest.approx(10, abs=0.3)
    assert found[busy.pk].left.low < found[busy.pk].left.days < found[busy.pk].left.high
    assert found[idle.pk].idle
    assert found[idle.pk].days_left is None
    assert found[unknown.pk].left is None
    assert not found[unknown.pk].idle


def test_a_sale_moves_the_estimate_at_once(counter: Counter) -> None:
    busy = counter.meters[0]
    close(busy, counter, days=30, kwh=10)
    foresee(now=counter.now)
    counter.read(busy, balance_fen=1600, overdraft_fen=0)
    before = lines(counter)[busy.pk].left.days
    counter.read(busy, balance_fen=16_000, overdraft_fen=0)
    assert lines(counter)[busy.pk].left.days == pytest.approx(10 * before, rel=0.1)


def test_the_days_before_the_present_tenant_say_nothing_of_him(counter: Counter) -> None:
    from prewatt.domain.estate.models import Opening
    from prewatt.domain.forecast.models import Outlook

    busy = counter.meters[0]
    close(busy, counter, days=30, kwh=100)
    UsageDay.objects.filter(meter=busy, day__gte=today(counter.now) - timedelta(days=5)).update(
        energy_wh=10_000, deducted_fen=10 * FEN_PER_KWH
    )
    Opening.objects.filter(meter=busy).update(opened_at=counter.now - timedelta(days=6))
    foresee(now=counter.now)
    assert Outlook.objects.get(meter=busy).mean_fen == pytest.approx(10 * FEN_PER_KWH, rel=0.05)


def test_days_bridged_over_a_long_gap_are_left_out(counter: Counter) -> None:
    from prewatt.domain.forecast.models import Outlook

    busy = counter.meters[0]
    close(busy, counter, days=30, kwh=10)
    bridged = UsageDay.objects.filter(meter=busy, day__lt=today(counter.now) - timedelta(days=20))
    bridged.update(energy_wh=1, gap_s_max=86_400)
    foresee(now=counter.now)
    assert Outlook.objects.get(meter=busy).known_days == 20


def test_without_a_known_price_nothing_is_said(counter: Counter) -> None:
    busy = counter.meters[0]
    counter.read(busy, balance_fen=8000, overdraft_fen=0)
    close(busy, counter, days=30, kwh=10, deducted_fen=None)
    assert foresee(now=counter.now) == 1
    assert lines(counter)[busy.pk].left is None


def test_the_dashboard_counts_whose_money_ends_by_the_forecast(counter: Counter) -> None:
    from prewatt.domain.metering import board, site

    busy, other, _third = counter.meters
    for meter, fen in ((busy, 1600), (other, 8000)):
        counter.read(meter, balance_fen=fen, overdraft_fen=0, relay_closed=1, forced=0)
        close(meter, counter, days=30, kwh=10)
    foresee(now=counter.now)
    short = site.runs_out(board.board(operator=counter.admin), days=3, rows=5, now=counter.now)
    assert (short.count, [line.meter.pk for line in short.lines]) == (1, [busy.pk])


def test_an_estimate_is_shown_as_one() -> None:
    from django.utils.translation import override

    from prewatt.domain.forecast.rule import Left
    from prewatt.web.parts import formats

    with override("en"):
        assert formats.lasting(Left(6.2, 4.4, 8.1)) == "6 days, 4 to 8"
        assert formats.lasting(Left(0.62, 0.5, 0.8)) == "0.6 days, 0.5 to 0.8"
        assert formats.lasting(Left(366, 366, 366)) == "more than a year"
    with override("zh-hans"):
        assert formats.lasting(Left(6.2, 4.4, 8.1)) == "6 天（4～8 天）"
