"""What the facts say becomes one episode, however often the watch looks, however many look at once."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from counter import Counter
from prewatt.domain.alarms import operations
from prewatt.domain.alarms.models import Alarm, Kind
from prewatt.link.messages import Outcome

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _heard(counter: Counter) -> None:
    """The gateway is there."""
    _hear(counter)
    counter.opened(balance_fen=90_000)


def _hear(counter: Counter) -> None:
    counter.gateway.last_seen_at = counter._now
    counter.gateway.save(update_fields=["last_seen_at"])


def watch(counter: Counter) -> int:
    _hear(counter)
    return operations.watch(now=counter.now)


def balance(counter: Counter, fen: int) -> None:
    counter.read(counter.meters[0], balance_fen=fen)


def episodes() -> list[tuple[str, bool]]:
    """(kind, goes on), the oldest first."""
    return [(one.kind, one.until is None) for one in Alarm.objects.order_by("pk")]


@pytest.mark.parametrize(
    ("fen", "kind"),
    [(5001, None), (5000, "al1"), (2001, "al1"), (2000, "al2"), (1, "al2"), (0, "owe"), (-1, "owe")],
)
def test_the_edge_of_a_threshold_is_where_the_states_have_it(counter: Counter, fen: int, kind: str | None) -> None:
    from prewatt.domain.metering import board

    balance(counter, fen)
    watch(counter)
    assert episodes() == ([(kind, True)] if kind else [])
    shown = {one.shown for one in board.board(operator=counter.admin)}
    assert shown == {kind or "open"}


def test_looking_again_finds_nothing_new(counter: Counter) -> None:
    balance(counter, 1500)
    assert [watch(counter) for _time in range(3)] == [1, 0, 0]
    assert episodes() == [("al2", True)]


def test_a_balance_that_falls_and_is_paid_is_one_episode_a_level(counter: Counter) -> None:
    for fen in (4000, 3000, 1500, 800, -200, -700):
        balance(counter, fen)
        watch(counter)
    assert episodes() == [("al1", False), ("al2", False), ("owe", True)]
    assert [(one.value, one.worst, one.threshold) for one in Alarm.objects.order_by("pk")] == [
        (4000, 3000, 5000),
        (1500, 800, 2000),
        (-200, -700, 0),
    ]
    balance(counter, 50_000)
    watch(counter)
    assert episodes() == [("al1", False), ("al2", False), ("owe", False)]


def test_one_level_ends_when_the_next_begins(counter: Counter) -> None:
    balance(counter, 4000)
    watch(counter)
    balance(counter, 1500)
    read_at = counter._now
    watch(counter)
    first, second = Alarm.objects.order_by("pk")
    assert first.until == second.since == read_at


def test_no_account_no_money_alarm(counter: Counter) -> None:
    from prewatt.domain.estate.models import Opening

    balance(counter, -100)
    watch(counter)
    Opening.objects.update(closed_at=counter.now)
    watch(counter)
    assert episodes() == [("owe", False)]


def test_the_next_tenant_has_an_episode_of_his_own(counter: Counter) -> None:
    from prewatt.domain.estate.models import Opening

    balance(counter, -100)
    watch(counter)
    Opening.objects.update(closed_at=counter.now)
    Opening.objects.create(meter=counter.meters[0], customer=counter.other_customer(), opened_at=counter.now)
    watch(counter)
    assert episodes() == [("owe", False), ("owe", True)]
    assert [one.opening.customer.name for one in Alarm.objects.order_by("pk")] == ["张三", "李四"]


def test_a_meter_out_of_use_is_in_no_alarm(counter: Counter) -> None:
    from prewatt.domain.estate.models import Meter

    balance(counter, -100)
    watch(counter)
    Meter.objects.update(active=False)
    watch(counter)
    assert episodes() == [("owe", False)]


def test_a_meter_that_is_lost_and_back_within_minutes_is_one_episode(counter: Counter) -> None:
    meter = counter.meters[0]
    counter.read(meter, lost=True, lost_since=counter._now, last_error="no_answer")
    watch(counter)
    counter.read(meter, lost=False, lost_since=None)
    watch(counter)
    assert episodes() == [("lost", False)]
    counter.later(seconds=100)
    counter.read(meter, lost=True, lost_since=counter._now)
    watch(counter)
    assert episodes() == [("lost", True)]
    assert Alarm.objects.get().times == 2
    assert Alarm.objects.get().detail == "no_answer"
    counter.read(meter, lost=False, lost_since=None)
    watch(counter)
    counter.later(seconds=operations.AGAIN_S + 10)
    counter.read(meter, lost=True, lost_since=counter._now)
    watch(counter)
    assert episodes() == [("lost", False), ("lost", True)]


def test_a_meter_never_heard_of_is_lost_once_somebody_pays_for_it(counter: Counter) -> None:
    from prewatt.domain.metering.models import MeterState

    counter.meter("0300099999")
    watch(counter)
    assert episodes() == []
    MeterState.objects.all().delete()
    watch(counter)
    assert episodes() == [("lost", True)]


def test_an_overload_does_not_flap_at_its_threshold(counter: Counter) -> None:
    meter = counter.meters[0]
    meter.overload_limit_w = 5000
    meter.save()
    powers = (5000, 5001, 4999, 5200, 4750, 4749)
    seen = []
    for power_w in powers:
        counter.read(meter, power_w=power_w)
        watch(counter)
        seen.append(episodes())
    assert seen == [[], *[[("overload", True)]] * 4, [("overload", False)]]
    assert Alarm.objects.get().worst == 5200


def test_the_meters_own_word_is_an_overload_too(counter: Counter) -> None:
    counter.read(counter.meters[0], state_overload=1)
    watch(counter)
    assert episodes() == [("overload", True)]


def test_a_silent_gateway_is_an_alarm_of_its_own(counter: Counter) -> None:
    _hear(counter)
    heard = counter._now
    operations.watch(now=counter.later(seconds=120))
    assert episodes() == []
    operations.watch(now=counter.later(seconds=1))
    assert episodes() == [("gateway", True)]
    assert Alarm.objects.get().since == heard
    watch(counter)
    assert episodes() == [("gateway", False)]


def test_an_unclear_order_is_a_conflict_until_somebody_decides(counter: Counter) -> None:
    from prewatt.domain import settlement

    counter.sell("s1", "100")
    counter.lease()
    counter.settle("s1", Outcome.UNCLEAR, reason="count_mismatch", purchase_count=7)
    watch(counter)
    assert [(one.kind, one.value, one.threshold, one.detail) for one in Alarm.objects.all()] == [
        ("count", 7, 1, "count_mismatch")
    ]
    settlement.decide(order_id="s1", applied=False, reason="seen on the meter", operator=counter.admin, now=counter.now)
    watch(counter)
    assert episodes() == [("count", False)]


def test_a_count_that_the_books_cannot_explain_is_a_conflict_until_they_agree(counter: Counter) -> None:
    from prewatt.domain.reconciliation import operations as reconciliation

    counter.sell("s1", "100")
    counter.arrive("s1")
    counter.read_all(counter.meters[0], balance_fen=100_000, purchase_count=3, bought_fen=10_000)
    reconciliation.daily(now=counter.now)
    watch(counter)
    assert [(one.kind, one.value, one.threshold) for one in Alarm.objects.all()] == [("count", 3, 1)]
    counter.later(days=1)
    counter.read_all(counter.meters[0], balance_fen=100_000, purchase_count=1, bought_fen=10_000)
    reconciliation.daily(now=counter.now)
    watch(counter)
    assert episodes() == [("count", False)]


def _tell(counter: Counter, code: str, **detail: Any) -> None:
    from prewatt.domain.estate.models import GatewayEvent

    GatewayEvent.objects.create(
        gateway=counter.gateway, at=counter.now, code=code, meter_number=counter.meters[0].number, detail=detail
    )


def test_a_clock_is_wrong_until_it_was_set(counter: Counter) -> None:
    _tell(counter, "clock_drift", drift_s=-400)
    watch(counter)
    counter.later(days=5)
    counter.read(counter.meters[0])
    watch(counter)
    assert episodes() == [("clock", True)]
    assert Alarm.objects.get().value == -400
    _tell(counter, "clock_set")
    watch(counter)
    assert episodes() == [("clock", False)]


def _full(counter: Counter, *, off_s: int) -> None:
    """A full reading through the gateway's door, with the meter's own clock."""
    from prewatt.domain.metering.operations import record_readings
    from prewatt.link.messages import Reading

    at = counter.now
    at_ms = round(at.timestamp() * 1000)
    values = {"energy_wh": 1000, "balance_fen": 90_000, "clock_ms": at_ms + 1000 * off_s}
    reading = Reading(meter=counter.meters[0].number, taken_at_ms=at_ms, values=values)
    assert record_readings([reading], gateway=counter.gateway, now=at).added == 1


@pytest.mark.parametrize("days", [0, 5])
def test_a_clock_is_right_again_when_a_later_look_shows_so_whoever_set_it(counter: Counter, days: int) -> None:
    _full(counter, off_s=0)  # before it was found wrong: proves nothing
    _tell(counter, "clock_drift", drift_s=-400)
    watch(counter)
    counter.later(days=days)
    _full(counter, off_s=-400)
    watch(counter)
    counter.read(counter.meters[0])  # a look at the status alone shows no clock
    watch(counter)
    assert episodes() == [("clock", True)]
    _full(counter, off_s=-61)
    watch(counter)
    assert episodes() == [("clock", True)]
    _full(counter, off_s=-59)
    watch(counter)
    assert episodes() == [("clock", False)]
    assert watch(counter) == 0


def test_an_impossible_reading_stands_until_a_believed_one_comes(counter: Counter) -> None:
    _tell(counter, "quarantined", reason="backwards_energy_wh")
    watch(counter)
    assert [(one.kind, one.detail) for one in Alarm.objects.all()] == [("impossible", "backwards_energy_wh")]
    counter.read(counter.meters[0])
    watch(counter)
    watch(counter)
    assert episodes() == [("impossible", False)]


def test_another_gateways_word_about_this_meter_counts_nothing(counter: Counter) -> None:
    from prewatt.domain.estate.models import GatewayEvent

    _tell(counter, "quarantined")
    GatewayEvent.objects.update(gateway=counter.other_gateway)
    watch(counter)
    assert episodes() == []


def test_a_crash_between_leaves_nothing_half_done(counter: Counter, monkeypatch: pytest.MonkeyPatch) -> None:
    balance(counter, 4000)
    watch(counter)
    balance(counter, 1000)
    end, begin = operations._end, operations._go_on

    def crash(*_args: Any) -> Any:
        raise RuntimeError("the power went")

    monkeypatch.setattr(operations, "_go_on", crash)
    with pytest.raises(RuntimeError):
        watch(counter)
    assert episodes() == [("al1", True)]
    monkeypatch.setattr(operations, "_go_on", begin)
    assert operations._end is end
    watch(counter)
    assert episodes() == [("al1", False), ("al2", True)]


def test_who_finds_another_at_it_leaves_it_to_him(counter: Counter) -> None:
    from prewatt.domain.alarms.models import Pass

    balance(counter, 1000)
    Pass.objects.create(pk=1, held_until=counter.now + timedelta(seconds=30))
    assert watch(counter) == 0
    assert episodes() == []
    counter.later(seconds=40)
    assert watch(counter) == 1


def test_who_was_overtaken_after_his_look_looks_again(counter: Counter, monkeypatch: pytest.MonkeyPatch) -> None:
    """Written from an old look, his pass would begin what the other one has begun and ended already."""
    balance(counter, 1000)
    watch(counter)
    look, looks = operations._look, []

    def look_and_be_overtaken(now: datetime) -> Any:
        news = look(now)
        looks.append(len(news))
        if len(looks) == 1:
            watch(counter)
        return news

    balance(counter, 4000)
    counter.later(seconds=20)
    monkeypatch.setattr(operations, "_look", look_and_be_overtaken)
    assert operations.watch(now=counter.now + timedelta(seconds=1)) == 0
    assert looks == [2, 2, 0]  # his, the other one's, his second
    assert episodes() == [("al2", False), ("al1", True)]


def test_who_was_alone_looks_once(counter: Counter, monkeypatch: pytest.MonkeyPatch) -> None:
    look, looks = operations._look, []
    monkeypatch.setattr(operations, "_look", lambda now: looks.append(now) or look(now))
    balance(counter, 1000)
    watch(counter)
    balance(counter, 20_000)
    counter.later(seconds=20)
    watch(counter)
    assert len(looks) == 3  # the very first pass has nobody before it and looks twice


def test_the_database_refuses_a_second_episode(counter: Counter) -> None:
    """Even a worker that was taken for dead and goes on writes nothing twice."""
    balance(counter, 1000)
    news = operations._look(counter.now)
    watch(counter)
    operations._write(news, counter.now)
    assert episodes() == [("al2", True)]


def test_a_pass_asks_the_same_few_questions_of_many_meters(
    counter: Counter, django_assert_max_num_queries: Any
) -> None:
    for n in range(40):
        counter.opened(counter.meter(f"03001{n:05d}"), balance_fen=100 - n * 10)
    with django_assert_max_num_queries(42):
        assert watch(counter) == 40
    with django_assert_max_num_queries(18):
        assert watch(counter) == 0


def test_every_kind_has_a_word() -> None:
    from prewatt.web.parts import words

    assert set(words.ALARMS) == set(Kind)
