"""The last register of a silent meter, typed by hand: never behind what it said, and far above only said twice."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from counter import Counter
from leavers import Leavers
from prewatt.domain.audit.verify import verify
from prewatt.domain.metering.models import MeterState, UsageDay
from prewatt.domain.metering.queries import today
from prewatt.domain.vending.closing import SecondPerson, Typed
from prewatt.domain.vending.final import TypedBelow, TypedFarAbove
from prewatt.domain.vending.operations import close_account
from prewatt.domain.vending.records import Closing, LineState

LAST_WH = 68_460


@pytest.fixture
def leavers(counter: Counter) -> Leavers:
    """One account of 100 yuan, its meter silent for ten days now; a day of it came to 2 kWh at most."""
    leavers = Leavers(counter)
    leavers.account("100")
    meter = counter.meters[0]
    at = counter.now - timedelta(days=10)
    MeterState.objects.filter(meter=meter).update(lost=True, energy_wh=LAST_WH, energy_at=at)
    for ago in (11, 12):
        UsageDay.objects.create(
            meter=meter,
            day=today(counter.now) - timedelta(days=ago),
            energy_wh=2_000,
            first_ms=0,
            last_ms=1,
            closed_at=at,
        )
    return leavers


def close(leavers: Leavers, energy_wh: int | None, *, sure: bool = False, **changes: Any) -> Closing:
    counter = leavers.counter
    typed = Typed(energy_wh, 5_000, "its display is dark", sure)
    asked: dict[str, Any] = {
        "closing_id": "c1",
        "customer": counter.customer,
        "operator": counter.cashier,
        "now": counter.now,
        "tender": "cash",
        "second_person": counter.second,
        "typed_readings": {counter.meters[0].pk: typed},
    }
    return close_account(**asked | changes)


def test_a_register_does_not_run_backwards(leavers: Leavers) -> None:
    for sure in (False, True):  # nobody's word turns it back
        with pytest.raises(TypedBelow, match=r"stood at 68\.460 kWh already, on 2026-05-"):
            close(leavers, LAST_WH - 100, sure=sure)
    assert not Closing.objects.exists()


def test_a_display_with_one_decimal_shows_a_little_less(leavers: Leavers) -> None:
    assert close(leavers, 68_400).lines.get().state == LineState.DONE


def test_a_digit_too_many_is_asked_about_and_counts_when_both_say_so(leavers: Leavers) -> None:
    with pytest.raises(TypedFarAbove, match=r"616\.140 kWh since then"):
        close(leavers, 684_600)
    with pytest.raises(SecondPerson):
        close(leavers, 684_600, sure=True, second_person=None)
    assert not Closing.objects.exists()
    assert close(leavers, 684_600, sure=True).lines.get().energy_wh == 684_600
    assert verify().findings == []


def test_what_it_can_have_used_since_needs_no_second_look(leavers: Leavers) -> None:
    close(leavers, LAST_WH + 5 * 2_000 * 11)  # five times its highest day, each day
    assert Closing.objects.get().state == "done"


def test_behind_a_transformer_the_register_rises_less(leavers: Leavers) -> None:
    meter = leavers.counter.meters[0]
    meter.ct_ratio = 10
    meter.save()
    with pytest.raises(TypedFarAbove):
        close(leavers, LAST_WH + 5 * 2_000 * 11)


def test_a_full_register_began_again(leavers: Leavers) -> None:
    MeterState.objects.filter(meter=leavers.counter.meters[0]).update(energy_wh=99_999_500)
    close(leavers, 1_500)
    assert Closing.objects.get().lines.get().energy_wh == 1_500


def test_without_days_behind_it_only_what_cannot_flow_is_asked_about(leavers: Leavers) -> None:
    UsageDay.objects.all().delete()
    with pytest.raises(TypedFarAbove):
        close(leavers, LAST_WH + 66_000 * 24 * 11)
    close(leavers, LAST_WH + 66_000 * 24 * 9)


def test_nothing_known_and_nothing_typed_are_no_contradiction(leavers: Leavers) -> None:
    close(leavers, None)
    assert Closing.objects.get().state == "done"
