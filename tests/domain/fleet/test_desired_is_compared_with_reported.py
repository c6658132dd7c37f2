"""What was sent, what the meter shows, where they differ, and sending it again."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counter import Counter
from prewatt.domain.control.values import differences
from prewatt.link.messages import Kind, Outcome, Reading

NAMES = st.sampled_from(["alarm1_fen", "alarm2_fen", "price_flat_e4"])
VALUES = st.dictionaries(NAMES, st.integers(0, 5))


@given(VALUES, VALUES)
def test_a_difference_is_what_both_know_and_do_not_agree_on(sent: dict[str, int], shown: dict[str, int]) -> None:
    found = differences(sent, shown)
    assert {**shown, **{name: wanted for name, (wanted, _seen) in found.items()}} == {
        name: sent.get(name, value) for name, value in shown.items()
    }
    assert all(wanted != seen for wanted, seen in found.values())


@pytest.fixture
def counter(db: None) -> Counter:
    from prewatt.domain.estate.models import Meter

    one = Counter(meters=3)
    Meter.objects.update(allow=["manual", "observed", "unverified", "simulated"])
    one.meters = list(Meter.objects.order_by("number"))
    return one


def place(counter: Counter, kind: Kind, values: dict[str, int], batch_id: str = "b1") -> Any:
    from prewatt.domain.estate.models import Meter
    from prewatt.domain.fleet.operations import place_batch

    return place_batch(
        batch_id=batch_id,
        kind=kind,
        meters=Meter.objects.all(),
        values=values,
        operator=counter.admin,
        now=counter.now,
    )


def look(counter: Counter, meter: Any, **values: int) -> None:
    """A gateway read these registers."""
    from prewatt.domain.metering.operations import record_readings

    at = counter.now
    reading = Reading(meter=meter.number, taken_at_ms=round(at.timestamp() * 1000), values=values)
    assert record_readings([reading], gateway=counter.gateway, now=at).foreign == ()


def differing(counter: Counter) -> list[Any]:
    from prewatt.domain.fleet.queries import differences_of, differing_meters

    return differences_of(differing_meters(operator=counter.admin))


LIMITS = {"alarm1_fen": 3000, "alarm2_fen": 1000}


def test_sent_is_what_left_not_what_was_withdrawn(counter: Counter) -> None:
    from prewatt.domain.control.models import Desired
    from prewatt.domain.fleet.operations import stop_batch

    batch = place(counter, Kind.LIMITS, LIMITS)
    assert not Desired.objects.exists()
    stop_batch(batch_id=batch.pk, operator=counter.admin, now=counter.now)
    counter.lease()
    assert not Desired.objects.exists()
    place(counter, Kind.LIMITS, LIMITS, "b2")
    counter.lease()
    assert [one.known() for one in Desired.objects.all()] == [LIMITS] * 3


def test_a_later_order_replaces_only_what_it_names(counter: Counter) -> None:
    from prewatt.domain.control.models import Desired

    place(counter, Kind.LIMITS, LIMITS)
    counter.lease()
    place(counter, Kind.LIMITS, {"alarm2_fen": 500}, "b2")
    counter.lease()
    assert Desired.objects.get(meter=counter.meters[0]).known() == LIMITS | {"alarm2_fen": 500}


def test_a_meter_that_shows_something_else_differs_by_name(counter: Counter) -> None:
    place(counter, Kind.LIMITS, LIMITS)
    counter.lease()
    first, second, _silent = counter.meters
    look(counter, first, **LIMITS)
    look(counter, second, alarm1_fen=3000, alarm2_fen=2000)
    found = differing(counter)
    assert [(one.meter, one.off, one.on_its_way) for one in found] == [(second, {"alarm2_fen": (1000, 2000)}, True)]


def test_a_look_without_a_setting_leaves_what_was_shown(counter: Counter) -> None:
    from prewatt.domain.control.models import Reported

    first = counter.meters[0]
    look(counter, first, price_flat_e4=7000)
    look(counter, first, alarm1_fen=3000)
    look(counter, first, energy_wh=5, balance_fen=7)
    assert Reported.objects.get(meter=first).known() == {"price_flat_e4": 7000, "alarm1_fen": 3000}


def test_a_full_look_with_the_prices_is_kept(counter: Counter) -> None:
    from prewatt.domain.control.models import Reported

    look(counter, counter.meters[0], energy_wh=5, price_flat_e4=7000, alarm1_fen=1)
    assert Reported.objects.get().known() == {"price_flat_e4": 7000, "alarm1_fen": 1}


def test_what_differs_is_sent_again_and_only_that(counter: Counter) -> None:
    from prewatt.domain.estate.models import Meter
    from prewatt.domain.fleet.operations import send_again
    from prewatt.domain.fleet.refusals import NothingDiffers

    def again(batch_id: str) -> Any:
        return send_again(
            batch_id=batch_id,
            kind=Kind.LIMITS,
            meters=Meter.objects.all(),
            operator=counter.admin,
            now=counter.now,
        )

    batch = place(counter, Kind.LIMITS, LIMITS)
    counter.lease()
    first = counter.meters[0]
    item = batch.items.get(meter=first)
    look(counter, first, alarm1_fen=3000, alarm2_fen=2000)
    with pytest.raises(NothingDiffers):
        again("b2")  # its order is still on its way
    counter.settle(item.order_id, Outcome.REFUSED, meter=first, reason="not_taken")
    sent = again("b3").items.get().order
    assert (sent.meter_id, sent.values) == (first.pk, {"alarm2_fen": 1000})


def test_a_foreign_building_differs_for_nobody_else(counter: Counter) -> None:
    from prewatt.domain.fleet.queries import differing_meters

    place(counter, Kind.LIMITS, LIMITS)
    counter.lease()
    look(counter, counter.meters[0], alarm1_fen=1, alarm2_fen=1)
    assert differing_meters(operator=counter.admin).count() == 1
    assert differing_meters(operator=counter.stranger).count() == 0


def test_pages_judge_a_meter_by_what_it_confirmed(counter: Counter) -> None:
    batch = place(counter, Kind.LIMITS, LIMITS)
    counter.lease()
    first, second, _third = counter.meters
    counter.settle(batch.items.get(meter=first).order_id, Outcome.DONE, meter=first)
    counter.settle(batch.items.get(meter=second).order_id, Outcome.REFUSED, meter=second)
    for meter in (first, second):
        meter.refresh_from_db()
    assert (first.alarm1_fen, first.alarm2_fen) == (3000, 1000)
    assert (second.alarm1_fen, second.alarm2_fen) == (5000, 2000)
