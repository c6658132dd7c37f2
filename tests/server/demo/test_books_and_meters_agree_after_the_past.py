"""One room of each kind through the whole past: real operations, real readings, real closing, then the real audit."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from prewatt.domain import settlement
from prewatt.domain.audit import verify
from prewatt.domain.estate.models import Gateway, Opening
from prewatt.domain.ledger import accounts
from prewatt.domain.ledger.queries import balance_fen
from prewatt.domain.metering import operations as metering
from prewatt.domain.metering.models import MeterState, Reading, UsageDay
from prewatt.domain.vending.models import Sale
from prewatt.server.demo import days, estate, past, sales, tower
from prewatt.server.demo.past import DAYS, Life, Purchase

END_MS = 1_795_315_320_000
ONE_OF_EACH = sorted({room.wanted: room.index for room in tower.rooms()}.values())


@pytest.fixture
def lives(db: None) -> list[Life]:
    estate.build(ports=list(range(15001, 15009)), now=_at(past.first_midnight_ms(END_MS)))
    return [past.live(index, END_MS) for index in ONE_OF_EACH]


def _at(at_ms: int) -> datetime:
    return datetime.fromtimestamp(at_ms / 1000, UTC)


def test_from_the_first_sale_to_the_last_reading(lives: list[Life]) -> None:
    sales.replay(lives, progress=lambda done, total: None)
    sales.last_look(lives)
    gateway, now = Gateway.objects.get(), _at(END_MS)
    for day in range(DAYS + 1):
        looks = [look for life in lives for look in days.readings(life, day)]
        metering.record_readings(looks, gateway=gateway, now=now)
    metering.close_hours(now=now)
    metering.close_days(now=now)
    while settlement.post_closed_days(now=now):
        pass

    assert Sale.objects.count() == sum(len(life.purchases) for life in lives)
    assert Sale.objects.exclude(state="arrived").count() == 0
    report = verify.verify()
    assert report.findings == []
    for life in lives:
        if life.purchases:
            _agrees(life)


def test_one_account_goes_over_to_the_platform(db: None) -> None:
    """The room's meter has its account and its credit when the demo begins, and is asked to give it up."""
    from prewatt.domain.vending.records import ClosingLine
    from prewatt.server.demo import billed

    estate.build(ports=list(range(15001, 15009)), now=_at(past.first_midnight_ms(END_MS)))
    life = past.live(next(room.index for room in tower.rooms() if room.number == billed.ROOM), END_MS)
    sales.replay([life], progress=lambda done, total: None)
    sales.last_look([life])
    billed.hand_over(now=_at(END_MS))
    line = ClosingLine.objects.select_related("order").get()
    assert (line.closing.kind, line.state, line.order.kind if line.order else "") == ("rebill", "reading", "switch_off")


def _agrees(life: Life) -> None:
    """Credit on the meter's account is the meter's own balance where its last closed day ended."""
    opening = Opening.objects.get(meter__number=tower.rooms()[life.index].meter)
    last_day = UsageDay.objects.filter(meter=opening.meter).order_by("-day").first()
    assert last_day is not None
    ended = Reading.objects.get(meter=opening.meter, taken_ms=last_day.last_ms)
    assert ended.balance_fen is not None
    assert ended.overdraft_fen is not None
    later_fen = sum(one.amount_fen for one in life.purchases if one.at_ms > last_day.last_ms)
    net_fen = ended.balance_fen if ended.balance_fen < 0 else ended.balance_fen - ended.overdraft_fen
    assert balance_fen(accounts.meter(opening.pk)) == net_fen + later_fen


def test_lost_meters_are_lost_and_the_others_are_not(lives: list[Life]) -> None:
    sales.replay(lives, progress=lambda done, total: None)
    sales.last_look(lives)
    lost = {tower.rooms()[life.index].meter for life in lives if life.silent_from_ms}
    assert set(MeterState.objects.filter(lost=True).values_list("meter__number", flat=True)) == lost


def test_a_purchase_that_the_ledger_would_number_otherwise_stops_everything(lives: list[Life]) -> None:
    life = next(life for life in lives if len(life.purchases) > 2)
    second = life.purchases[1]
    life.purchases[1] = Purchase(second.at_ms, second.amount_fen, 5, second.before, second.after)
    with pytest.raises(sales.TwoStories):
        sales.replay([life], progress=lambda done, total: None)
