"""Reported beside desired: the newest look stands, whatever comes late, and a setting's own read-back counts."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from counter import Counter
from prewatt.domain.control import values
from prewatt.domain.control.models import Reported
from prewatt.domain.metering.operations import record_readings
from prewatt.link.messages import Kind, Outcome, Reading

pytestmark = pytest.mark.django_db


def look(counter: Counter, at: datetime, **shown: int) -> None:
    reading = Reading(meter=counter.meters[0].number, taken_at_ms=round(at.timestamp() * 1000), values=shown)
    record_readings([reading], gateway=counter.gateway, now=counter.now)


def known() -> dict[str, int]:
    return Reported.objects.get().known()


def test_a_look_that_comes_late_says_nothing_of_what_changed_since(counter: Counter) -> None:
    now, early = counter.now, counter.now - timedelta(hours=1)
    look(counter, now, price_flat_e4=9_000, price_deep_e4=3_000)
    look(counter, early, price_flat_e4=7_000, price_deep_e4=2_000, price_valley_e4=4_000)
    assert known() == {"price_flat_e4": 9_000, "price_deep_e4": 3_000, "price_valley_e4": 4_000}
    assert Reported.objects.get().read_at == now


def test_of_two_looks_of_one_message_the_newer_stands(counter: Counter) -> None:
    (meter,), now = counter.meters, counter.now
    values.shown_at([(now - timedelta(minutes=5), meter.pk, {"alarm1_fen": 1}), (now, meter.pk, {"alarm1_fen": 2})])
    assert known() == {"alarm1_fen": 2}


@pytest.mark.parametrize(("outcome", "deep_e4"), [(Outcome.DONE, 4_000), (Outcome.REFUSED, 3_000)])
def test_what_an_order_read_back_is_what_the_meter_shows(counter: Counter, outcome: Outcome, deep_e4: int) -> None:
    """No whole look may come for a day: a line that fails in the middle of one leaves a price out."""
    from prewatt.domain.dispatch.operations import place

    (meter,) = counter.meters
    look(counter, counter.now, price_flat_e4=7_000, price_deep_e4=3_000)
    wanted = {"price_flat_e4": 9_000, "price_deep_e4": 4_000}
    place(order_id="p1", meter=meter, kind=Kind.PRICES, values=wanted, now=counter.later(minutes=1))
    counter.lease()
    counter.settle("p1", outcome, price_flat_e4=9_000, price_deep_e4=deep_e4)
    assert known() == {"price_flat_e4": 9_000, "price_deep_e4": deep_e4}
