"""N+1: however many rows a page has, it asks the database the same number of questions."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from counter import Counter

pytestmark = pytest.mark.django_db
PART = {"HX-Request": "true"}
FEW, MANY = 2, 14
# Every page with a list that grows with the meters, their tenants, sales or orders.
PAGES = (
    "/",
    "/?part=figures",
    "/building/",
    "/building/live/?building=A",
    "/fleet/",
    "/fleet/?state=owe",
    "/fleet/?sort=lasts",
    "/fleet/?cols=state,room,tenant,plan,differs,building,floor,gateway,bus",
    "/fleet/live/?ids={ids}",
    "/fleet/batches/",
    "/fleet/batches/b1/",
    "/sale/find/?q=0300",
    "/sale/today/",
    "/sales/?from=&to=",
    "/customers/",
    "/orders/",
)


def _grow(counter: Counter, to: int) -> None:
    """So many meters, each with a tenant of its own, a plan, a sale, an order and a place in a batch.

    Every second account is billed by the platform.
    """
    from prewatt.domain.billing.operations import begin
    from prewatt.domain.control import values
    from prewatt.domain.dispatch import operations as dispatch
    from prewatt.domain.estate.models import Customer, Floor, Meter, Room
    from prewatt.domain.fleet.operations import place_batch
    from prewatt.domain.tariff.models import Plan, PlanUse
    from prewatt.link.messages import Kind

    prices = {f"price_{band}_e4": 7000 for band in ("sharp", "peak", "flat", "valley", "deep")}
    while len(counter.meters) < to:
        number = len(counter.meters)
        meter = counter.meter(f"0300{number:06d}")
        floor = Floor.objects.create(building=counter.building, number=10 + number)
        meter.room = Room.objects.create(floor=floor, number=f"9{number:02d}")
        meter.save()
        counter.meters.append(meter)
        counter.customer = Customer.objects.create(number=f"T{number}", name=f"租户{number}", created_at=counter.now)
        account = counter.opened(meter, balance_fen=-100)
        counter.read(meter, relay_closed=1, forced=0, power_w=900, per_day_fen=500)
        if number % 2:
            begin(opening=account, asked=f"o{number}", billing="platform", overdraft_fen=0, switch_on_min_fen=0)
        plan = Plan.objects.create(
            name=f"p{number}", created_at=counter.now, changed_at=counter.now, created_by=counter.admin, **prices
        )
        PlanUse.objects.create(meter=meter, plan=plan, since=counter.now, operator=counter.admin)
        values.sent([(meter.pk, {"alarm1_fen": 6000})], now=counter.now)
        values.shown([(meter.pk, {"alarm1_fen": 5000})], now=counter.now)
        counter.sell(f"sale-{number}", meter=meter)
        dispatch.place(order_id=f"read-{number}", meter=meter, kind=Kind.READ, operator=counter.admin, now=counter.now)
    mine = Meter.objects.filter(pk__in=[meter.pk for meter in counter.meters])
    place_batch(batch_id=f"b{to}", kind=Kind.CLOCK, meters=mine, operator=counter.admin, now=counter.now)


@pytest.fixture
def counter(db: None) -> Counter:
    one = Counter(meters=0)
    _grow(one, FEW)
    return one


def _asked(client: Any, counter: Counter, path: str) -> int:
    """Once to fill what is kept between requests, once to count."""
    from prewatt.domain.fleet.models import Batch

    newest = Batch.objects.order_by("-placed_at").first()
    assert newest is not None
    address = path.format(ids=",".join(str(meter.pk) for meter in counter.meters)).replace("/b1/", f"/{newest.pk}/")
    headers = PART if "part=" in path or "live" in path or "find" in path else {}
    client.get(address, headers=headers)
    with CaptureQueriesContext(connection) as captured:
        response = client.get(address, headers=headers)
    assert response.status_code == 200, address
    return len(captured)


@pytest.mark.parametrize("path", PAGES)
def test_seven_times_the_rows_are_the_same_number_of_queries(counter: Counter, client: Any, path: str) -> None:
    client.force_login(counter.admin)
    few = _asked(client, counter, path)
    _grow(counter, MANY)
    many = _asked(client, counter, path)
    assert many <= few
