"""A batch and its preview ask the database the same few questions for three meters and for two hundred."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from counter import Counter
from prewatt.link.messages import Kind

ALL = ["manual", "observed", "unverified", "simulated"]
FEW, MANY = 3, 200
LIMITS = {"alarm1_fen": 3000, "alarm2_fen": 1000}


@pytest.fixture
def counter(db: None) -> Counter:
    from prewatt.domain.control.models import Reported
    from prewatt.domain.estate.models import Meter, Opening
    from prewatt.domain.metering.models import MeterState

    one = Counter(meters=0)
    made = Meter.objects.bulk_create(
        Meter(number=f"03{n:08d}", unit=n, profile="acrel-dtsy1352-nk", bus=one.bus, room=one.room, allow=ALL)
        for n in range(1, MANY + 1)
    )
    one.meters = made
    MeterState.objects.bulk_create(MeterState(meter=meter, taken_at=one.now, balance_fen=500) for meter in made)
    Reported.objects.bulk_create(Reported(meter=meter, read_at=one.now, alarm1_fen=1) for meter in made)
    Opening.objects.bulk_create(Opening(meter=meter, customer=one.customer, opened_at=one.now) for meter in made)
    return one


def asked(work: Any) -> int:
    with CaptureQueriesContext(connection) as seen:
        work()
    return len(seen)


def chosen(counter: Counter, number: int) -> Any:
    from prewatt.domain.estate.models import Meter

    return Meter.objects.filter(pk__in=[meter.pk for meter in counter.meters[:number]])


@pytest.mark.parametrize(("kind", "values"), [(Kind.LIMITS, LIMITS), (Kind.READ, None), (Kind.SWITCH_OFF, None)])
def test_a_preview_asks_the_same_for_many(counter: Counter, kind: Kind, values: Any) -> None:
    from prewatt.domain.fleet.preview import what_would_change

    few, many = (
        asked(lambda number=number: what_would_change(kind=kind, meters=chosen(counter, number), values=values))
        for number in (FEW, MANY)
    )
    assert few == many <= 6


@pytest.mark.parametrize(("kind", "values"), [(Kind.LIMITS, LIMITS), (Kind.READ, None)])
def test_a_batch_asks_the_same_for_many(counter: Counter, kind: Kind, values: Any) -> None:
    from prewatt.domain.dispatch.models import MeterOrder
    from prewatt.domain.fleet.operations import place_batch

    def place(number: int) -> None:
        place_batch(
            batch_id=f"b{number}",
            kind=kind,
            meters=chosen(counter, number),
            operator=counter.admin,
            now=counter.now,
            values=values,
        )

    place(1)  # what the person may do is known from now on
    MeterOrder.objects.update(state="done", ended_at=counter.now)
    few = asked(lambda: place(FEW))
    MeterOrder.objects.update(state="done", ended_at=counter.now)
    many = asked(lambda: place(MANY))
    assert few == many <= 20
    assert MeterOrder.objects.filter(cause_id=f"b{MANY}").count() == MANY
