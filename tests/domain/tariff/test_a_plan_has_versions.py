"""A version is a document that holds from an instant on; until then it may be withdrawn, afterwards nothing changes."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from counter import NOW, Counter

HOUR = timedelta(hours=1)
LADDER = {
    "format": "prewatt-tariff-1",
    "name": "居民",
    "settlement": {"every": "month"},
    "versions": [{"price": "0.5", "ladder": {"steps": [{"up_to_kwh": "10", "add": "0"}, {"add": "0.3"}]}}],
}


def flat(price: str) -> dict[str, Any]:
    return {"format": "prewatt-tariff-1", "name": "P", "versions": [{"price": price}]}


def add(counter: Counter, document: Any, **more: Any) -> Any:
    from prewatt.domain.tariff.versions import add_version

    asked = {"key": "k1", "plan": None, "name": "P", "effective_from": None, "operator": counter.admin, "now": NOW}
    return add_version(document=document, day=NOW.date(), **asked | more)


def cost(counter: Counter, start: Any, end: Any, wh: int) -> int:
    from prewatt.domain.tariff.pricing import charged_fen, priced, rules_of
    from prewatt.domain.tariff.rules.timeline import Interval

    return charged_fen(priced(rules_of(counter.meters[0].pk), [Interval.between(start, end, wh)]))


def use(counter: Counter, plan: Any) -> None:
    from prewatt.domain.tariff.operations import assign

    assign(plan=plan, meter_ids=[counter.meters[0].pk], operator=counter.admin, now=NOW)


def refused(code: str, counter: Counter, document: Any, **more: Any) -> Any:
    from prewatt.domain.staff.refusals import Refused
    from prewatt.domain.tariff.models import PlanVersion

    before = PlanVersion.objects.count()
    with pytest.raises(Refused) as caught:
        add(counter, document, **more)
    assert caught.value.code == code
    assert PlanVersion.objects.count() == before
    return caught.value


def test_a_new_plan_takes_a_document_and_the_same_form_again_is_the_same(counter: Counter) -> None:
    made = add(counter, json.dumps(LADDER))
    assert add(counter, json.dumps(LADDER)).pk == made.pk
    made.plan.refresh_from_db()
    assert (made.number, made.plan.kind, made.plan.price_flat_e4, made.plan.version) == (1, "full", 5000, 1)


def test_the_ladder_prices_the_meter(counter: Counter) -> None:
    use(counter, add(counter, LADDER).plan)
    assert cost(counter, NOW, NOW + HOUR, 20_000) == 500 + 800


def test_exact_digits_survive_the_database(counter: Counter) -> None:
    from prewatt.domain.tariff.models import PlanVersion
    from prewatt.domain.tariff.pricing import read

    text = '{"format": "prewatt-tariff-1", "name": "P", "versions": [{"price": 0.72631234}]}'
    made = PlanVersion.objects.get(pk=add(counter, text).pk)
    assert read(made.document).versions[0].rates_e8 == {"all": 72_631_234}
    assert made.plan.kind == "full", "a meter takes four decimals"


def test_a_version_to_come_takes_effect_at_its_time(counter: Counter) -> None:
    from prewatt.domain.tariff.versions import take_effect

    plan = add(counter, flat("0.5")).plan
    add(counter, flat("0.9"), plan=plan, key="k2", effective_from=NOW + 2 * HOUR)
    assert take_effect(now=NOW + HOUR) == 0
    assert take_effect(now=NOW + 2 * HOUR) == 1
    assert take_effect(now=NOW + 3 * HOUR) == 0
    plan.refresh_from_db()
    assert (plan.price_flat_e4, plan.version) == (9000, 2)


def test_a_version_to_come_is_withdrawn_and_one_that_holds_is_not(counter: Counter) -> None:
    from prewatt.domain.tariff.versions import HoldsAlready, take_effect, withdraw

    first = add(counter, flat("0.5"))
    use(counter, first.plan)
    later = add(counter, flat("0.9"), plan=first.plan, key="k2", effective_from=NOW + HOUR)
    for _time in range(2):
        withdraw(version=later, operator=counter.admin, now=NOW + HOUR / 2)
    assert take_effect(now=NOW + 2 * HOUR) == 0
    assert cost(counter, NOW + HOUR, NOW + 2 * HOUR, 10_000) == 500
    with pytest.raises(HoldsAlready):
        withdraw(version=first, operator=counter.admin, now=NOW + HOUR)
    again = add(counter, flat("0.8"), plan=first.plan, key="k3", effective_from=NOW + HOUR)
    assert again.number == 3, "a withdrawn version keeps its number and leaves its moment"


@pytest.mark.parametrize(
    ("document", "place"),
    [
        ("{", ""),
        (flat("x"), "/versions/0/price"),
        (flat("0.5") | {"versions": [{"price": "1"}, {"price": "2", "from": "2027-01-01"}]}, "/versions"),
        (flat("0.5") | {"versions": [{"price": "1", "from": "2027-01-01"}]}, "/versions/0/from"),
        ('{"format": "prewatt-tariff-1", "format": "x"}', ""),
        ([1], ""),
    ],
)
def test_a_wrong_document_is_refused_with_its_place(counter: Counter, document: Any, place: str) -> None:
    found = refused("bad_document", counter, json.dumps(document) if isinstance(document, list) else document)
    assert place in [fault.pointer for fault in found.faults]


def test_nothing_is_decided_for_the_past_or_twice_for_one_moment(counter: Counter) -> None:
    plan = add(counter, flat("0.5")).plan
    refused("in_the_past", counter, flat("0.9"), plan=plan, key="k2", effective_from=NOW - timedelta(seconds=1))
    add(counter, flat("0.9"), plan=plan, key="k2", effective_from=NOW + HOUR)
    refused("instant_taken", counter, flat("0.8"), plan=plan, key="k3", effective_from=NOW + HOUR)


def test_who_may_not_change_settings_changes_no_plan(counter: Counter) -> None:
    refused("no_right", counter, flat("0.5"), operator=counter.cashier)


def test_the_dearest_step_and_fees_per_kwh_are_held_against_the_cap(counter: Counter) -> None:
    from prewatt.domain.tariff.operations import set_purchase

    set_purchase(from_day=NOW.date(), prices={"price_flat_e4": 7_000}, operator=counter.admin, now=NOW)
    refused("above_cap", counter, LADDER)
    with_fee = flat("0.69") | {"versions": [{"price": "0.69", "fees": [{"name": "公摊", "per_kwh": "0.02"}]}]}
    refused("above_cap", counter, with_fee)
    assert add(counter, LADDER, reason="as the grid company charges it").number == 1
    assert add(counter, flat("0.7"), key="k2", name="Q").number == 1


instants = st.integers(1, 72).map(lambda hours: NOW + hours * HOUR)
prices = st.integers(1, 20_000).map(lambda e4: f"{e4 / 10_000:.4f}")


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(two=st.tuples(prices, prices), at=instants, wh=st.integers(0, 10**6), version=st.booleans())
def test_what_is_decided_for_later_changes_nothing_before_it(
    counter: Counter, two: tuple[str, str], at: Any, wh: int, version: bool
) -> None:
    """Neither a version nor another plan changes the price of what is used until then; what comes after is its own."""
    from django.db import transaction

    from prewatt.domain.tariff.operations import assign

    first, second = two
    with transaction.atomic():
        plan = add(counter, flat(first)).plan
        use(counter, plan)
        before = cost(counter, NOW, at, wh)
        if version:
            add(counter, flat(second), plan=plan, key="k2", effective_from=at)
        else:
            other = add(counter, flat(second), key="k2", name="Q").plan
            assign(plan=other, meter_ids=[counter.meters[0].pk], operator=counter.admin, now=at)
        assert cost(counter, NOW, at, wh) == before
        after = cost(counter, at, at + HOUR, wh)
        assert after == cost(counter, at + 5 * HOUR, at + 6 * HOUR, wh)
        assert (after == cost(counter, NOW, NOW + HOUR, wh)) or first != second
        transaction.set_rollback(True)


def test_another_settlement_begins_another_statement(counter: Counter) -> None:
    """A ladder of months gives way to one of years within an hour: the hour is cut, and each counts its own."""
    from prewatt.domain.tariff.pricing import charged_fen, priced, rules_of
    from prewatt.domain.tariff.rules.timeline import Interval

    plan = add(counter, LADDER).plan
    use(counter, plan)
    add(counter, LADDER | {"settlement": {"every": "year"}}, plan=plan, key="k2", effective_from=NOW + HOUR / 2)
    found = rules_of(counter.meters[0].pk)
    assert [one.sources[0].number for one in found] == [1, 2]
    bills = priced(found, [Interval.between(NOW, NOW + HOUR, 20_000)])
    assert [bill.wh for _rules, bill in bills] == [10_000, 10_000]
    assert charged_fen(bills) == 1000, "neither has left its first step"
