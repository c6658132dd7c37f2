"""What the counter says of how long the money will last is what the meter's card and the lists say."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from counter import Counter, yuan
from prewatt.domain.estate.models import Meter, Opening
from prewatt.domain.metering.foreseeing import foresee
from prewatt.domain.metering.models import UsageDay
from prewatt.domain.metering.queries import today

A_DAY_FEN = 800
PART = {"HX-Request": "true"}


@pytest.fixture
def counter(db: None) -> Counter:
    one = Counter(meters=2)
    for meter in one.meters:
        one.opened(meter, balance_fen=yuan("80"))
    Opening.objects.update(opened_at=one.now - timedelta(days=400))
    return one


@pytest.fixture
def cashier(counter: Counter, client: Any) -> Any:
    client.force_login(counter.cashier)
    return client


def use(meter: Meter, counter: Counter, *, fen: int) -> None:
    first = today(counter.now)
    facts: dict[str, Any] = {"energy_wh": 10 * fen, "deducted_fen": fen, "first_ms": 0, "last_ms": 0}
    UsageDay.objects.bulk_create(
        UsageDay(meter=meter, day=first - timedelta(days=back), closed_at=counter.now, **facts) for back in range(1, 31)
    )
    foresee(now=counter.now)


def said(cashier: Any, meter: Meter, fen: str = "") -> str:
    response = cashier.get(f"/sale/tenant/{meter.pk}/lasts/", {"fen": fen} if fen else {}, headers=PART)
    assert response.status_code == 200
    return str(response.content.decode())


def test_it_is_the_figure_of_the_meters_card(counter: Counter, cashier: Any) -> None:
    from prewatt.web.console import tower

    use(counter.meters[0], counter, fen=A_DAY_FEN)
    shown = said(cashier, counter.meters[0])
    assert "10" in shown
    assert shown == tower.card(counter.meters[0], now=counter.now).lasts


def test_the_amount_is_counted_in_before_it_is_paid(counter: Counter, cashier: Any) -> None:
    use(counter.meters[0], counter, fen=A_DAY_FEN)
    assert "20" in said(cashier, counter.meters[0], str(yuan("80")))
    assert said(cashier, counter.meters[0], "none") == said(cashier, counter.meters[0])


def test_where_nobody_can_say_nothing_is_said(counter: Counter, cashier: Any) -> None:
    assert said(cashier, counter.meters[1]) == ""
    use(counter.meters[1], counter, fen=0)
    assert said(cashier, counter.meters[1]) == "近期未用电"
