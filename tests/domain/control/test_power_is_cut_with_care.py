"""The guards before a dark room: reason, protected hours, never-cut list, limit, second person, stop."""

from __future__ import annotations

from datetime import UTC, datetime, time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counter import Counter
from prewatt.domain.staff.refusals import Refused
from prewatt.link.messages import Kind

MONDAY_TEN = datetime(2026, 6, 1, 2, 0, tzinfo=UTC)  # ten in the morning in Shanghai


@pytest.fixture
def counter(db: None) -> Counter:
    from prewatt.domain.estate.models import Meter

    one = Counter(meters=8)
    Meter.objects.update(allow=["manual", "observed", "unverified", "simulated"])
    one.meters = list(Meter.objects.order_by("number"))
    for meter in one.meters:
        one.read(meter, relay_closed=1, forced=0)
    return one


def cut(counter: Counter, nth: int = 0, **changes: Any) -> Any:
    """One room, by hand."""
    from prewatt.domain.commands import command

    asked: dict[str, Any] = {
        "order_id": f"c{nth}",
        "meter": counter.meters[nth],
        "kind": Kind.SWITCH_OFF,
        "operator": counter.admin,
        "reason": "work",
        "confirmed": "101",
        "now": counter.now,
    }
    return command(**asked | changes)


def cut_many(counter: Counter, count: int, batch_id: str = "b1", **changes: Any) -> Any:
    from prewatt.domain.estate.models import Meter
    from prewatt.domain.fleet.operations import place_batch

    asked: dict[str, Any] = {
        "batch_id": batch_id,
        "kind": Kind.SWITCH_OFF,
        "meters": Meter.objects.filter(pk__in=[meter.pk for meter in counter.meters[:count]]),
        "operator": counter.admin,
        "reason": "work",
        "now": counter.now,
    }
    return place_batch(**asked | changes)


def orders() -> int:
    from prewatt.domain.dispatch.models import MeterOrder

    return MeterOrder.objects.count()


def refused(code: str, call: Any, *args: Any, **changes: Any) -> None:
    before = orders()
    with pytest.raises(Refused) as error:
        call(*args, **changes)
    assert error.value.code == code
    assert orders() == before


@pytest.mark.parametrize("reason", ["", "property_fee", "because"])
def test_the_reason_is_one_of_the_list(counter: Counter, reason: str) -> None:
    refused("reason_needed", cut, counter, reason=reason)
    refused("reason_needed", cut_many, counter, 2, reason=reason)


@pytest.mark.parametrize("note", ["欠物业费三个月", "Property fee unpaid"])
def test_a_property_fee_is_no_ground_in_other_words_either(counter: Counter, note: str) -> None:
    refused("property_fee", cut, counter, reason="arrears", note=note)
    refused("property_fee", cut_many, counter, 2, reason="arrears", note=note)


def test_the_list_of_reasons_knows_no_property_fee() -> None:
    from prewatt.domain.control.models import Reason

    assert not [word for code, word in Reason.choices if "fee" in f"{code} {word}".lower()]


def test_at_night_only_with_a_word_why_it_cannot_wait(counter: Counter) -> None:
    night = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)  # eight in the evening
    refused("protected_hours", cut, counter, now=night)
    refused("protected_hours", cut_many, counter, 2, now=night)
    order = cut(counter, now=night, override="water in the meter room")
    assert order.cut.override == "water in the meter room"


def test_power_comes_back_at_any_hour(counter: Counter) -> None:
    night = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
    counter.read(counter.meters[0], relay_closed=0)
    assert cut(counter, kind=Kind.SWITCH_ON, now=night).kind == "switch_on"


@pytest.mark.parametrize("of", ["meter", "room"])
def test_what_is_never_cut_is_refused_by_name(counter: Counter, of: str) -> None:
    from prewatt.domain.control.operations import may_be_cut, never_cut

    first = counter.meters[0]
    thing = first if of == "meter" else counter.room
    mark = never_cut(thing=thing, kind="fire", operator=counter.admin, now=counter.now)
    refused("never_cut", cut, counter)
    batch = cut_many(counter, 2)
    skipped = dict(batch.items.exclude(skip="").values_list("meter__number", "skip"))
    assert skipped == dict.fromkeys([one.number for one in counter.meters[: 1 if of == "meter" else 2]], "vital")
    may_be_cut(mark=mark, operator=counter.admin, now=counter.now)
    assert cut(counter).kind == "switch_off"


def test_one_person_cuts_five_in_ten_minutes_and_no_more(counter: Counter) -> None:
    for nth in range(3):
        cut(counter, nth)
    cut_many(counter, 5, meters=_of(counter, 3, 5))
    refused("second_person_needed", cut, counter, 5)
    refused("second_person_needed", cut_many, counter, 0, batch_id="b2", meters=_of(counter, 5, 8))
    counter.later(minutes=10)
    assert cut(counter, 5).kind == "switch_off"


def _of(counter: Counter, begin: int, end: int) -> Any:
    from prewatt.domain.estate.models import Meter

    return Meter.objects.filter(pk__in=[meter.pk for meter in counter.meters[begin:end]])


def test_a_second_person_opens_the_limit_and_is_named(counter: Counter) -> None:
    from prewatt.domain.staff.models import LogEntry

    batch = cut_many(counter, 8, second_person=counter.second)
    assert batch.items.filter(order__cut__second_person=counter.second).count() == 8
    assert LogEntry.objects.get(action="fleet.switch_off").after["second_person"] == "second"


@pytest.mark.parametrize("who", ["admin", "cashier", "stranger"])
def test_the_second_person_is_another_who_may_it_here(counter: Counter, who: str) -> None:
    refused("second_person_may_not", cut_many, counter, 8, second_person=getattr(counter, who))


def test_a_second_person_who_was_switched_off_does_not_count(counter: Counter) -> None:
    counter.second.is_active = False
    counter.second.save()
    refused("second_person_may_not", cut_many, counter, 8, second_person=counter.second)


def test_what_came_to_nothing_does_not_use_up_the_limit(counter: Counter) -> None:
    from prewatt.domain.fleet.operations import stop_batch

    batch = cut_many(counter, 5)
    stop_batch(batch_id=batch.pk, operator=counter.admin, now=counter.now)
    assert cut(counter, 5).kind == "switch_off"


def test_the_limit_is_the_sites_own(counter: Counter) -> None:
    from prewatt.domain.control.operations import set_rules

    rules: dict[str, Any] = {
        "limit_count": 0,
        "limit_minutes": 10,
        "protect": False,
        "protected_from": time(18),
        "protected_until": time(8),
        "protect_weekends": True,
    }
    set_rules(operator=counter.admin, now=counter.now, **rules)
    refused("second_person_needed", cut, counter)
    refused("no_right", set_rules, operator=counter.cashier, now=counter.now, **rules)
    refused("rules_out_of_range", set_rules, operator=counter.admin, now=counter.now, **rules | {"limit_minutes": 0})


def test_while_the_stop_is_on_no_batch_of_trips_leaves(counter: Counter) -> None:
    from prewatt.domain.control.operations import lift_stop
    from prewatt.domain.dispatch import operations as dispatch
    from prewatt.domain.fleet.operations import stop_site

    batch = cut_many(counter, 2)
    stop_site(operator=counter.admin, why="typhoon", now=counter.now)
    assert set(batch.items.values_list("order__state", flat=True)) == {"cancelled"}
    refused("site_stopped", cut_many, counter, 2, batch_id="b2")
    dispatch.place(
        order_id="auto", meter=counter.meters[0], kind=Kind.SWITCH_OFF, now=counter.now, cause=("arrears", "")
    )
    assert not dispatch.waiting(gateway=counter.gateway, now=counter.now)
    assert dispatch.lease(gateway=counter.gateway, now=counter.now) == []
    lift_stop(operator=counter.admin, why="over", now=counter.now)
    assert [order.order_id for order in dispatch.lease(gateway=counter.gateway, now=counter.now)] == ["auto"]


def test_while_the_stop_is_on_power_still_comes_back_and_money_still_arrives(counter: Counter) -> None:
    from prewatt.domain.dispatch import operations as dispatch
    from prewatt.domain.fleet.operations import stop_site

    counter.opened()
    stop_site(operator=counter.admin, why="typhoon", now=counter.now)
    counter.read(counter.meters[1], relay_closed=0)
    cut_many(counter, 0, kind=Kind.SWITCH_ON, meters=_of(counter, 1, 2))
    counter.sell()
    kinds = {order.kind for order in dispatch.lease(gateway=counter.gateway, now=counter.now)}
    assert kinds == {Kind.SWITCH_ON, Kind.RECHARGE}


def test_the_stop_needs_a_word_a_right_and_is_logged_once(counter: Counter) -> None:
    from prewatt.domain.control.cutting import stop
    from prewatt.domain.fleet.operations import stop_site
    from prewatt.domain.staff.models import LogEntry

    refused("reason_needed", stop_site, operator=counter.admin, why="  ", now=counter.now)
    refused("no_right", stop_site, operator=counter.cashier, why="typhoon", now=counter.now)
    first = stop_site(operator=counter.admin, why="typhoon", now=counter.now)
    assert stop_site(operator=counter.second, why="again", now=counter.now) == first == stop()
    assert LogEntry.objects.filter(action="control.stop").count() == 1


@given(st.times(), st.times(), st.datetimes(timezones=st.just(UTC)))
def test_a_span_and_its_complement_never_both_protect(begin: time, end: time, at: datetime) -> None:
    from prewatt.domain.control.cutting import is_protected
    from prewatt.domain.control.models import SwitchRules

    now = at.replace(year=2026, month=6, day=min(at.day, 30))
    one = SwitchRules(protected_from=begin, protected_until=end, protect_weekends=False)
    other = SwitchRules(protected_from=end, protected_until=begin, protect_weekends=False)
    if begin != end:
        assert is_protected(one, now=now) != is_protected(other, now=now)


def test_weekends_and_holidays_are_protected() -> None:
    from prewatt.domain.control.cutting import is_protected
    from prewatt.domain.control.models import SwitchRules

    rules = SwitchRules(protected_days=["2026-06-01"])
    saturday = datetime(2026, 6, 6, 2, 0, tzinfo=UTC)
    assert is_protected(rules, now=MONDAY_TEN)
    assert is_protected(rules, now=saturday)
    assert not is_protected(SwitchRules(protect_weekends=False), now=saturday)
    assert not is_protected(SwitchRules(), now=MONDAY_TEN)
