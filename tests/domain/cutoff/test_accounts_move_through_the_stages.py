"""The worker's pass: notices are written once, the trip is ordered when all was told, a payment ends all of it."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

from prewatt.domain.billing import operations as billing
from prewatt.domain.billing.models import Billing, Terms
from prewatt.domain.billing.models import Standing as BilledStanding
from prewatt.domain.control import operations as control
from prewatt.domain.control.models import Cut, SwitchRules
from prewatt.domain.cutoff import facts, operations
from prewatt.domain.cutoff.models import FairRules, Notice, Standing
from prewatt.domain.dispatch.models import MeterOrder
from prewatt.domain.staff.models import LogEntry

if TYPE_CHECKING:
    from conftest import Tower

pytestmark = pytest.mark.django_db
ZONE = ZoneInfo("Asia/Shanghai")


def trips(**wanted: Any) -> list[MeterOrder]:
    return list(MeterOrder.objects.filter(kind="switch_off", **wanted).order_by("placed_at"))


def words() -> list[str]:
    return list(Notice.objects.order_by("at").values_list("word", flat=True))


def test_who_has_enough_is_on_no_list(tower: Tower) -> None:
    tower.billed(tower.meters[0], 5_001)
    assert tower.tend() == 0
    assert not Standing.objects.exists()


def test_each_word_is_said_once_at_its_mark(tower: Tower) -> None:
    opening = tower.billed(tower.meters[0], 5_000)
    tower.pass_days(2)
    assert (words(), tower.standing(opening).stage) == (["first"], "warned")
    tower.owes(opening, 2_000)
    tower.pass_days(2)
    assert (words(), tower.standing(opening).stage) == (["first", "again"], "again")
    assert not trips()


def test_the_trip_is_ordered_when_all_was_told_and_the_days_are_over(tower: Tower) -> None:
    opening = tower.billed(tower.meters[0], 0)
    began = tower.at
    tower.pass_days(4)
    (trip,) = trips()
    assert words() == ["first", "again", "reminder", "last"]
    assert trip.placed_at - began >= timedelta(days=3)
    assert 8 <= trip.placed_at.astimezone(ZONE).hour < 18
    assert (trip.cause_kind, trip.cause_id, trip.placed_by) == ("arrears", str(opening.pk), None)
    assert (trip.expires_at - trip.placed_at).total_seconds() <= 600
    cut = Cut.objects.get(order=trip)
    assert (cut.reason, cut.operator) == ("arrears", None)
    assert LogEntry.objects.get(action="cutoff.cut").after["order"] == trip.pk
    assert tower.standing(opening).trip == trip


def test_nothing_is_cut_while_nobody_told_the_tenant(tower: Tower) -> None:
    opening = tower.billed(tower.meters[0], 0)
    tower.pass_days(6, told=False)
    assert not trips()
    assert tower.standing(opening).why == "not_told"


def test_a_payment_calls_a_queued_trip_back_and_ends_the_stages(tower: Tower) -> None:
    opening = tower.billed(tower.meters[0], 0)
    while not trips():
        tower.tend(tower.at + timedelta(minutes=30))
        tower.tell_all()
    tower.owes(opening, 100)  # enough to be out of debt
    tower.tend()
    assert [(one.state, one.reason) for one in trips()] == [("cancelled", "paid")]
    tower.tend()
    assert tower.standing(opening).stage == "warned"  # a new episode: still low, told anew
    assert Notice.objects.filter(opening=opening, open=True).count() == 1
    tower.owes(opening, 10_000)
    tower.tend()
    assert not Standing.objects.exists()


def test_the_stop_keeps_every_trip_here(tower: Tower) -> None:
    opening = tower.billed(tower.meters[0], 0)
    control.start_stop(operator=tower.admin, why="fire drill", now=tower.at)
    tower.pass_days(4)
    tower.tend(tower.at + timedelta(hours=2))  # the last notice of this day is told by now
    assert not trips()
    assert tower.standing(opening).why == "stopped"


def test_what_is_never_cut_is_told_and_not_cut(tower: Tower) -> None:
    opening = tower.billed(tower.meters[0], 0)
    control.never_cut(thing=tower.meters[0], kind="fire", operator=tower.admin, now=tower.at)
    tower.pass_days(5)
    assert not trips()
    assert tower.standing(opening).why == "never"


def test_the_limit_per_minutes_spreads_the_trips(tower: Tower) -> None:
    SwitchRules.objects.create(pk=1, limit_count=1, limit_minutes=60)
    for meter in tower.meters:
        tower.billed(meter, 0)
    tower.pass_days(4, step=timedelta(minutes=20))
    at = [one.placed_at for one in trips()]
    assert len({one.meter_id for one in trips()}) == 3
    assert all(later - first >= timedelta(minutes=60) for first, later in pairwise(at))


def test_a_site_may_cut_by_hand_only(tower: Tower) -> None:
    FairRules.objects.create(pk=1, automatic=False)
    opening = tower.billed(tower.meters[0], 0)
    tower.pass_days(5)
    assert not trips()
    assert tower.standing(opening).why == "by_hand"


def test_a_meter_that_counts_down_by_itself_is_told_and_never_cut_by_us(tower: Tower) -> None:
    opening = tower.opened(tower.meters[0], balance_fen=0)
    tower.read(tower.meters[0], relay_closed=1, forced=0)
    tower.pass_days(5)
    assert not trips()
    assert tower.standing(opening).why == "meter_cuts"
    assert words() == ["first", "again", "reminder"]


def test_who_is_switched_on_again_is_told_again_before_the_next_cut(tower: Tower) -> None:
    opening = tower.billed(tower.meters[0], 0)
    while not trips():
        tower.tend(tower.at + timedelta(minutes=30))
        tower.tell_all()
    trips()[0].__class__.objects.update(state="done", ended_at=tower.at)
    tower.read(tower.meters[0], relay_closed=0)
    tower.tend()
    assert tower.standing(opening).stage == "off"
    tower.read(tower.meters[0], relay_closed=1)
    tower.tend(tower.at + timedelta(minutes=40))
    assert len(trips()) == 1
    assert words()[-1] == "last"
    assert Notice.objects.filter(word="last").count() == 2


def test_an_account_that_closed_stands_on_no_list(tower: Tower) -> None:
    opening = tower.billed(tower.meters[0], 0)
    tower.tend()
    opening.closed_at = tower.at
    opening.save()
    tower.tend()
    assert not Standing.objects.exists()
    assert not Notice.objects.filter(open=True).exists()


def test_a_quiet_pass_only_reads(tower: Tower, django_assert_max_num_queries: Any) -> None:
    for meter in tower.meters:
        tower.billed(meter, 4_000)
    tower.tend()
    with django_assert_max_num_queries(19):
        assert tower.tend() == 0


def test_the_books_of_the_platform_say_what_is_left(counter: Any) -> None:
    """No stand-in: terms and what the use has cost, as billing keeps them."""
    opening = counter.opened(balance_fen=99_999)  # what the meter shows counts for nothing
    terms = {"billing": Billing.PLATFORM, "overdraft_fen": 100, "switch_on_min_fen": 0}
    billing.begin(opening=opening, asked="f", **terms)
    BilledStanding.objects.filter(pk=opening.pk).update(rated_fen=700, rated_until=counter.now)
    (one,) = facts.accounts(facts.rules(), now=counter.now)
    assert (one.account.platform, one.account.money_fen, one.account.usable_fen) == (True, -700, -600)
    assert one.account.read_at is not None
    Terms.objects.update(billing=Billing.POSTPAID)
    assert operations.tend(now=counter.now) == 0  # who pays afterwards is not reminded here
