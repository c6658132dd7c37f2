"""From the tables to the class: prices sent and shown, ratios of the past, orders given up, registers that fell."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from counter import Counter
from prewatt.domain.control.models import Desired, Reported
from prewatt.domain.metering.models import UsageDay
from prewatt.domain.metering.queries import today
from prewatt.domain.reconciliation.accepting import look
from prewatt.domain.reconciliation.classify import Cause
from prewatt.link.messages import Outcome

pytestmark = pytest.mark.django_db
SENT = {f"price_{band}_e4": 8_000 for band in ("sharp", "peak", "flat", "valley", "deep")}


@pytest.fixture
def counter(db: None) -> Counter:
    one = Counter()
    one.opened()
    one.sell("s0", "100")
    one.arrive("s0")
    Desired.objects.create(meter=one.meters[0], sent_at=one.now, **SENT)
    return one


def used(counter: Counter, n: int, deducted_fen: int, **more: Any) -> None:
    """Day `n` after the first: 10 kWh in the flat band, 8.00 yuan by what was sent."""
    facts = {"energy_wh": 10_000, "energy_flat_wh": 10_000, "first_ms": 0, "last_ms": 0, "closed_at": counter.now}
    day = today(counter.now) + timedelta(days=n)
    UsageDay.objects.create(meter=counter.meters[0], day=day, deducted_fen=deducted_fen, **facts | more)


def causes(counter: Counter) -> dict[Cause, int]:
    found = look(counter.meters[0].openings.get(), now=counter.later(days=3))
    assert found is not None
    return {part.cause: part.amount_fen for part in found[1].parts}


def test_a_price_that_the_meter_does_not_show_is_told(counter: Counter) -> None:
    Reported.objects.create(meter=counter.meters[0], read_at=counter.now, **SENT | {"price_flat_e4": 6_000})
    used(counter, 1, 600)
    used(counter, 2, 800)
    assert causes(counter) == {Cause.PRICE: 200}


def test_the_day_on_which_prices_were_sent_is_not_judged(counter: Counter) -> None:
    used(counter, 0, 600)
    assert causes(counter) == {}


def test_a_ratio_of_the_past_is_known(counter: Counter) -> None:
    from prewatt.domain.estate.models import RatioChange

    RatioChange.objects.create(meter=counter.meters[0], at=counter.now, ratio=37)
    used(counter, 1, 800 * 37)
    assert causes(counter) == {Cause.RATIO: 800 - 800 * 37}


def test_a_day_with_a_gap_waits(counter: Counter) -> None:
    used(counter, 1, 0, gap_s_max=86_400)
    assert causes(counter) == {Cause.NOT_READ: 0}


def test_an_order_that_was_refused_here_and_is_on_the_meter_is_found(counter: Counter) -> None:
    counter.sell("s1", "30")
    counter.lease()
    counter.settle("s1", Outcome.REFUSED, reason="above_ceiling")
    counter.read_all(balance_fen=13_000, purchase_count=2, bought_fen=13_000, energy_wh=1)
    assert causes(counter) == {Cause.MISSED: 3_000}


def test_a_register_and_count_that_fell_are_another_meter(counter: Counter) -> None:
    counter.read_all(balance_fen=10_000, purchase_count=1, bought_fen=10_000, energy_wh=9_000)
    counter.read_all(balance_fen=0, purchase_count=0, bought_fen=0, energy_wh=4_000)
    assert causes(counter) == {Cause.CHANGED: -10_000}
