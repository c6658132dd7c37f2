"""Meters that count down by themselves: held before the night that their money would not last, released after it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

from prewatt.domain.control import operations as control
from prewatt.domain.control.models import Cut, SwitchRules
from prewatt.domain.cutoff import keeping, telling
from prewatt.domain.cutoff.models import FairRules, Keep
from prewatt.domain.dispatch.models import MeterOrder
from prewatt.link.messages import Outcome

if TYPE_CHECKING:
    from conftest import Tower

pytestmark = pytest.mark.django_db
ZONE = ZoneInfo("Asia/Shanghai")
EVENING = datetime(2026, 6, 2, 17, 45, tzinfo=ZONE)  # a Tuesday; protected from 18:00 to 08:00
MORNING = datetime(2026, 6, 3, 8, 1, tzinfo=ZONE)


def at(tower: Tower, when: datetime, **read: Any) -> int:
    """A pass at that time, the meter read a minute before."""
    from prewatt.domain.metering.models import MeterState

    tower._now = when - timedelta(minutes=1)
    MeterState.objects.filter(meter=tower.meters[0]).update(taken_at=tower._now, **read)
    return keeping.tend(now=when)


def poor(tower: Tower, balance_fen: int = 500, per_day_fen: int = 2_000, allow: str = "unverified") -> Any:
    tower.meters[0].allow = ["manual", "observed", allow]
    tower.meters[0].save()
    opening = tower.opened(tower.meters[0], balance_fen=balance_fen)
    tower.read(tower.meters[0], relay_closed=1, forced=0, per_day_fen=per_day_fen, overdraft_fen=0)
    return opening


def orders() -> list[tuple[str, str]]:
    return list(MeterOrder.objects.order_by("placed_at").values_list("kind", "cause_kind"))


def done(tower: Tower, kind: str, when: datetime) -> None:
    tower._now = when
    for order in MeterOrder.objects.filter(kind=kind, state="queued"):
        tower.lease()
        tower.settle(order.pk, Outcome.DONE)


def test_money_that_will_not_last_the_night_is_held_shortly_before_it(tower: Tower) -> None:
    poor(tower)
    assert at(tower, EVENING - timedelta(hours=1)) == 0
    assert at(tower, EVENING) == 1
    keep = Keep.objects.get()
    assert keep.until == datetime(2026, 6, 3, 8, tzinfo=ZONE)
    assert (keep.most_fen, keep.for_grace, orders()) == (20_000, False, [("hold", "keep")])
    assert at(tower, EVENING + timedelta(minutes=1)) == 0  # once


def test_money_that_lasts_is_left_alone(tower: Tower) -> None:
    poor(tower, balance_fen=3_000)
    assert at(tower, EVENING) == 0


def test_it_is_released_when_the_protected_time_is_over_and_not_before(tower: Tower) -> None:
    poor(tower)
    at(tower, EVENING)
    done(tower, "hold", EVENING)
    assert at(tower, MORNING - timedelta(minutes=5), forced=2, balance_fen=0, overdraft_fen=900) == 0
    assert at(tower, MORNING, forced=2) == 1
    assert orders()[-1] == ("release", "keep")
    assert Cut.objects.get().operator is None  # it goes dark by our hand: it counts into the limit
    done(tower, "release", MORNING)
    at(tower, MORNING + timedelta(minutes=1), forced=0, relay_closed=0)
    assert (Keep.objects.get().ended_why, Keep.objects.get().ended_at is not None) == ("time", True)


def test_the_weekend_is_one_protected_time(tower: Tower) -> None:
    poor(tower)
    at(tower, datetime(2026, 6, 5, 17, 50, tzinfo=ZONE))
    assert Keep.objects.get().until == datetime(2026, 6, 8, 8, tzinfo=ZONE)


def test_the_bound_of_the_debt_ends_it_at_any_hour(tower: Tower) -> None:
    poor(tower)
    at(tower, EVENING)
    done(tower, "hold", EVENING)
    night = EVENING + timedelta(hours=6)
    assert at(tower, night, forced=2, balance_fen=0, overdraft_fen=19_999) == 0
    assert at(tower, night, forced=2, balance_fen=0, overdraft_fen=20_000) == 1


def test_a_payment_ends_it(tower: Tower) -> None:
    poor(tower)
    at(tower, EVENING)
    done(tower, "hold", EVENING)
    assert at(tower, EVENING + timedelta(hours=1), forced=2, balance_fen=10_000) == 1
    assert not Cut.objects.exists()  # nobody goes dark


@pytest.mark.parametrize("what", ["stop", "never", "limit", "lost"])
def test_nobody_goes_dark_by_a_release_that_a_trip_would_not_be_allowed(tower: Tower, what: str) -> None:
    poor(tower)
    at(tower, EVENING)
    done(tower, "hold", EVENING)
    if what == "stop":
        control.start_stop(operator=tower.admin, why="drill", now=tower.now)
    if what == "never":
        control.never_cut(thing=tower.room, kind="lift", operator=tower.admin, now=tower.now)
    if what == "limit":
        SwitchRules.objects.update_or_create(pk=1, defaults={"limit_count": 0})
    at(tower, MORNING, forced=2, balance_fen=0, overdraft_fen=900, lost=what == "lost")
    assert ("release", "keep") not in orders()


def test_who_took_the_switch_into_his_own_hand_keeps_it(tower: Tower) -> None:
    poor(tower)
    at(tower, EVENING)
    done(tower, "hold", EVENING)
    MeterOrder.objects.create(
        id="h", meter=tower.meters[0], kind="hold", state="done", cause_kind="operator", placed_at=tower.now
    )
    at(tower, MORNING, forced=2)
    assert Keep.objects.get().ended_why == "by_hand"
    assert ("release", "keep") not in orders()


def test_a_model_whose_hold_nobody_has_proven_is_not_held(tower: Tower) -> None:
    poor(tower, allow="manual")
    assert at(tower, EVENING) == 0


def test_a_site_may_do_without_it(tower: Tower) -> None:
    FairRules.objects.create(pk=1, keep=False)
    poor(tower)
    assert at(tower, EVENING) == 0


def test_a_grace_holds_the_meter_in_daylight_up_to_its_amount(tower: Tower) -> None:
    opening = poor(tower)
    noon = datetime(2026, 6, 2, 12, tzinfo=ZONE)
    granted = {"grace_id": "g", "opening": opening, "amount_fen": 5_000, "reason": "pays on Friday"}
    telling.grant(**granted, until=noon + timedelta(days=3), operator=tower.admin, now=noon)
    assert at(tower, noon) == 1
    keep = Keep.objects.get()
    assert (keep.for_grace, keep.most_fen, keep.until) == (True, 5_000, noon + timedelta(days=3))


def test_a_grace_that_a_person_ends_ends_its_hold(tower: Tower) -> None:
    opening = poor(tower)
    noon = datetime(2026, 6, 2, 12, tzinfo=ZONE)
    granted = {"grace_id": "g", "opening": opening, "amount_fen": 5_000, "reason": "pays on Friday"}
    telling.grant(**granted, until=noon + timedelta(days=3), operator=tower.admin, now=noon)
    at(tower, noon)
    done(tower, "hold", noon)
    later = noon + timedelta(hours=1)
    assert at(tower, later, forced=2) == 0
    for _twice in range(2):
        telling.end_grace(opening=opening, grace_id="g", reason="has moved out", operator=tower.admin, now=later)
    assert at(tower, later, forced=2) == 1
    assert orders()[-1] == ("release", "keep")
    with pytest.raises(telling.NoGrace):
        telling.end_grace(opening=opening, reason="again", operator=tower.admin, now=later)
