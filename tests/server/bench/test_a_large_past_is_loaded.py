"""The past of a large site: as many rows as asked for, and nothing in it that reports could stumble over."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import pytest
from django.db.models import Count, Max, Min, Sum

from counter import NOW, Counter
from prewatt.domain.ledger.models import Account, Transfer
from prewatt.domain.metering.models import BuildingHour, MeterState, Reading, UsageDay, UsageHour, UsageMonth
from prewatt.domain.metering.queries import today
from prewatt.domain.vending.models import Sale
from prewatt.server.bench.reports_load import SERIES, Size, load

pytestmark = pytest.mark.django_db
METERS, DAYS = 40, 365


@pytest.fixture
def found() -> dict[str, int]:
    size = Size(meters=METERS, years=1, hours_days=4, readings_days=2, readings_every_min=60)
    return load(size, now=NOW, seller=Counter(meters=0).admin)


def falls(one: Reading, following: Reading) -> bool:
    assert one.energy_wh is not None
    assert following.energy_wh is not None
    return one.meter_id == following.meter_id and following.energy_wh < one.energy_wh


def moved_fen(code: str, side: str) -> int:
    accounts = Account.objects.filter(code=code).values("pk")
    moving = Transfer.objects.filter(kind__in=("posted", "confirmed"), **{f"{side}__in": accounts})
    return moving.aggregate(fen=Sum("amount_fen"))["fen"] or 0


def test_the_past_of_a_site_is_whole(found: dict[str, int]) -> None:
    days = UsageDay.objects.values("meter").annotate(n=Count("pk"), first=Min("day"), last=Max("day"))
    whole = {(DAYS, today(NOW) - timedelta(days=DAYS), today(NOW) - timedelta(days=1))}
    assert {(one["n"], one["first"], one["last"]) for one in days} == whole
    assert found["days"] == UsageDay.objects.count() == METERS * DAYS

    assert UsageMonth.objects.aggregate(wh=Sum("energy_wh")) == UsageDay.objects.aggregate(wh=Sum("energy_wh"))

    assert found["readings"] == Reading.objects.count() == METERS * 2 * 24
    assert [one for one in pairwise(Reading.objects.order_by("meter_id", "taken_ms")) if falls(*one)] == []
    assert UsageHour.objects.aggregate(n=Count("pk"))["n"] >= found["hours"] == METERS * 3 * 24
    assert BuildingHour.objects.aggregate(wh=Sum("energy_wh")) == UsageHour.objects.aggregate(wh=Sum("energy_wh"))

    past = Sale.objects.filter(series=SERIES)
    openings = past.values("opening").distinct().count()
    assert past.count() == openings * 24
    assert sorted(past.values_list("number", flat=True)) == list(range(1, past.count() + 1))
    assert found["sales"] == Sale.objects.count()
    sold_fen = Sale.objects.aggregate(fen=Sum("amount_fen"))["fen"]
    assert moved_fen("tender", "debit") == moved_fen("meter", "credit") == sold_fen
    assert moved_fen("wallet", "debit") == moved_fen("wallet", "credit") == sold_fen
    assert MeterState.objects.aggregate(fen=Sum("bought_fen"))["fen"] == sold_fen
    assert {one.business_day for one in past} == {today(one.sold_at) for one in past}
