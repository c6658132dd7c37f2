"""Many orders by one form: who gets one, who does not and why, and that the same form is one batch."""

from __future__ import annotations

from typing import Any

import pytest

from counter import Counter
from prewatt.link.messages import Kind, Outcome

ALL = ["manual", "observed", "unverified", "simulated"]


@pytest.fixture
def counter(db: None) -> Counter:
    from prewatt.domain.estate.models import Meter

    one = Counter(meters=4)
    Meter.objects.update(allow=ALL)
    one.meters = list(Meter.objects.order_by("number"))
    for meter in one.meters:
        one.opened(meter, balance_fen=5000)
        one.read(meter, relay_closed=1, forced=0)
    return one


def place(counter: Counter, kind: Kind = Kind.LIMITS, batch_id: str = "b1", **changes: Any) -> Any:
    from prewatt.domain.estate.models import Meter
    from prewatt.domain.fleet.operations import place_batch

    asked: dict[str, Any] = {
        "batch_id": batch_id,
        "kind": kind,
        "meters": Meter.objects.all(),
        "operator": counter.admin,
        "now": counter.now,
    }
    if kind == Kind.LIMITS:
        asked["values"] = {"alarm1_fen": 3000, "alarm2_fen": 1000}
    return place_batch(**asked | changes)


def skips(batch: Any) -> dict[str, str]:
    return dict(batch.items.exclude(skip="").values_list("meter__number", "skip"))


def test_every_meter_gets_its_order_and_the_log_its_line(counter: Counter) -> None:
    from prewatt.domain.dispatch.models import MeterOrder
    from prewatt.domain.staff.models import LogEntry

    batch = place(counter)
    orders = MeterOrder.objects.filter(cause_kind="batch", cause_id=batch.pk)
    assert {order.meter_id for order in orders} == {meter.pk for meter in counter.meters}
    assert {tuple(sorted(order.values.items())) for order in orders} == {(("alarm1_fen", 3000), ("alarm2_fen", 1000))}
    assert LogEntry.objects.get(action="fleet.limits").after["orders"] == 4


def test_the_same_form_twice_is_one_batch(counter: Counter) -> None:
    from prewatt.domain.dispatch.models import MeterOrder

    assert place(counter) == place(counter)
    assert MeterOrder.objects.count() == 4


def test_a_form_is_not_used_for_another_batch(counter: Counter) -> None:
    from prewatt.domain.fleet.refusals import BatchIdTaken

    place(counter)
    with pytest.raises(BatchIdTaken):
        place(counter, Kind.READ)


def test_a_meter_out_of_use_a_lost_one_and_a_held_one_are_named(counter: Counter) -> None:
    from prewatt.domain.estate.models import Meter

    unused, lost, held, _good = counter.meters
    Meter.objects.filter(pk=unused.pk).update(active=False)
    counter.read(lost, lost=True)
    counter.read(held, forced=2)
    batch = place(counter, Kind.SWITCH_OFF, reason="work")
    assert skips(batch) == {unused.number: "inactive", lost.number: "lost", held.number: "held"}
    assert batch.items.filter(order__isnull=False).count() == 1


def test_a_model_without_the_order_and_values_without_a_place_are_named(counter: Counter) -> None:
    from prewatt.domain.estate.models import Meter

    no_command, shy, coarse, good = counter.meters
    Meter.objects.filter(pk=no_command.pk).update(profile="eastron-sdm630")
    Meter.objects.filter(pk=shy.pk).update(allow=["manual"])
    Meter.objects.filter(pk=coarse.pk).update(profile="acrel-ddsy1352")
    found = skips(place(counter, values={"overload_limit_w": 70_000}))
    assert found[no_command.number] == "no_command"
    assert found[shy.number] == "unverified"
    assert found[good.number] == "cannot"  # the register has sixteen bits


def test_what_a_meter_shows_already_is_not_sent_again(counter: Counter) -> None:
    from prewatt.domain.control import values

    first = counter.meters[0]
    values.shown([(first.pk, {"alarm1_fen": 3000, "alarm2_fen": 1000})], now=counter.now)
    assert skips(place(counter)) == {first.number: "same"}


def test_a_batch_of_which_nothing_is_sent_is_done(counter: Counter) -> None:
    from prewatt.domain.estate.models import Meter

    Meter.objects.update(active=False)
    batch = place(counter, Kind.READ)
    assert (batch.state, len(skips(batch))) == ("done", 4)


@pytest.mark.parametrize("values", [{}, {"alarm1_fen": -1}, {"alarm1_fen": True}, {"alarm1_fen": 1.5}, {"relay": 1}])
def test_values_that_are_none_are_refused(counter: Counter, values: dict[str, Any]) -> None:
    from prewatt.domain.fleet.refusals import BadValues

    with pytest.raises(BadValues):
        place(counter, values=values)


def test_alarm_2_does_not_lie_above_alarm_1(counter: Counter) -> None:
    from prewatt.domain.fleet.refusals import BadValues

    with pytest.raises(BadValues):
        place(counter, values={"alarm1_fen": 1000, "alarm2_fen": 1001})


@pytest.mark.parametrize("kind", [Kind.RECHARGE, Kind.REFUND, Kind.OPEN])
def test_money_is_never_ordered_for_many(counter: Counter, kind: Kind) -> None:
    from prewatt.domain.fleet.refusals import NotABatch

    with pytest.raises(NotABatch):
        place(counter, kind)


@pytest.mark.parametrize("who", ["reader", "cashier"])
def test_rights_are_asked(counter: Counter, who: str) -> None:
    from prewatt.domain.fleet.refusals import MayNot

    with pytest.raises(MayNot):
        place(counter, Kind.READ, operator=getattr(counter, who))


def test_a_foreign_building_is_not_there(counter: Counter) -> None:
    from prewatt.domain.fleet.refusals import NoMeters

    with pytest.raises(NoMeters):
        place(counter, Kind.READ, operator=counter.stranger)


def test_a_batch_is_bounded(counter: Counter, monkeypatch: pytest.MonkeyPatch) -> None:
    from prewatt.domain.fleet import operations
    from prewatt.domain.fleet.refusals import TooManyMeters

    monkeypatch.setattr(operations, "METERS_MAX", 3)
    with pytest.raises(TooManyMeters):
        place(counter, Kind.READ)


def test_trips_expire_and_readings_do_not(counter: Counter) -> None:
    from prewatt.domain.dispatch.models import MeterOrder

    place(counter, Kind.SWITCH_OFF, reason="work", batch_id="off")
    place(counter, Kind.READ, batch_id="read")
    assert not MeterOrder.objects.filter(cause_id="off", expires_at__isnull=True).exists()
    assert not MeterOrder.objects.filter(cause_id="read", expires_at__isnull=False).exists()


def test_what_is_on_its_way_is_not_ordered_twice(counter: Counter) -> None:
    place(counter, Kind.READ, batch_id="one")
    assert set(skips(place(counter, Kind.READ, batch_id="two")).values()) == {"pending"}


def test_progress_counts_what_became_of_each(counter: Counter) -> None:
    from prewatt.domain.fleet.operations import close_finished
    from prewatt.domain.fleet.queries import items, progress

    batch = place(counter, Kind.READ)
    counter.lease()
    orders = list(batch.items.order_by("meter__number").values_list("order_id", flat=True))
    for order_id, meter in list(zip(orders, counter.meters, strict=True))[:3]:
        outcome = Outcome.REFUSED if meter == counter.meters[0] else Outcome.DONE
        counter.settle(order_id, outcome, meter=meter, reason="meter_refused")
    now = progress(batch)
    assert (now.total, now.done, now.failed, now.waiting, now.percent) == (4, 2, 1, 1, 75)
    assert next(item.meter_id for item in items(batch, operator=counter.admin)) == counter.meters[0].pk
    assert close_finished(now=counter.now) == 0
    counter.settle(orders[3], Outcome.DONE, meter=counter.meters[3])
    assert close_finished(now=counter.now) == 1
    assert progress(batch).percent == 100


def test_a_stopped_batch_sends_nothing_more_and_recalls_what_left(counter: Counter) -> None:
    from prewatt.domain.dispatch.models import MeterOrder
    from prewatt.domain.dispatch.operations import lease
    from prewatt.domain.fleet.operations import stop_batch

    batch = place(counter, Kind.READ)
    left = {order.order_id for order in lease(gateway=counter.gateway, now=counter.now, limit=1)}
    stopped = stop_batch(batch_id=batch.pk, operator=counter.admin, now=counter.now)
    assert stopped.state == "stopped"
    assert MeterOrder.objects.filter(state="cancelled").count() == 3
    again = lease(gateway=counter.gateway, now=counter.now)
    assert {order.order_id for order in again} == left
    assert all(order.cancel for order in again)


def test_a_retry_is_a_new_order_for_what_failed(counter: Counter) -> None:
    from prewatt.domain.fleet.operations import retry_failed
    from prewatt.domain.fleet.queries import progress

    batch = place(counter)
    counter.lease()
    for item in batch.items.order_by("meter__number"):
        failed = item.meter_id == counter.meters[0].pk
        counter.settle(item.order_id, Outcome.REFUSED if failed else Outcome.DONE, meter=item.meter)
    again = retry_failed(batch_id=batch.pk, operator=counter.admin, now=counter.now)
    item = again.items.select_related("order").get(meter=counter.meters[0])
    assert (item.tries, item.order.state, item.order.values) == (2, "queued", {"alarm1_fen": 3000, "alarm2_fen": 1000})
    assert (progress(again).waiting, progress(again).done, again.state) == (1, 3, "running")


def test_gateways_get_a_window_at_a_time(counter: Counter, monkeypatch: pytest.MonkeyPatch) -> None:
    from prewatt.domain.dispatch import operations as dispatch

    monkeypatch.setattr(dispatch, "BATCH_WINDOW", 2)
    batch = place(counter, Kind.READ)
    first = dispatch.lease(gateway=counter.gateway, now=counter.now)
    assert len(first) == 2
    assert not dispatch.waiting(gateway=counter.gateway, now=counter.now)
    assert dispatch.lease(gateway=counter.gateway, now=counter.now) == []
    meter = batch.items.get(order=first[0].order_id).meter
    counter.settle(first[0].order_id, Outcome.DONE, meter=meter)
    assert dispatch.waiting(gateway=counter.gateway, now=counter.now)
    assert len(dispatch.lease(gateway=counter.gateway, now=counter.now)) == 1


def test_silent_meters_do_not_hold_up_the_others(counter: Counter, monkeypatch: pytest.MonkeyPatch) -> None:
    from prewatt.domain.dispatch import operations as dispatch

    monkeypatch.setattr(dispatch, "BATCH_WINDOW", 2)
    place(counter, Kind.READ)
    for order in dispatch.lease(gateway=counter.gateway, now=counter.now):
        one = next(meter for meter in counter.meters if meter.number == order.meter)
        counter.settle(order.order_id, Outcome.TAKEN, meter=one)
    assert len(dispatch.lease(gateway=counter.gateway, now=counter.later(seconds=61))) == 2


def test_money_does_not_wait_for_a_batch(counter: Counter, monkeypatch: pytest.MonkeyPatch) -> None:
    from prewatt.domain.dispatch import operations as dispatch

    monkeypatch.setattr(dispatch, "BATCH_WINDOW", 1)
    place(counter, Kind.READ)
    dispatch.lease(gateway=counter.gateway, now=counter.now)
    counter.sell()
    assert [order.kind for order in dispatch.lease(gateway=counter.gateway, now=counter.now)] == [Kind.RECHARGE]
