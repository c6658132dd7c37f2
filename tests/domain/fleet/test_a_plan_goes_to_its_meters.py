"""A version that takes effect is sent once if it was wanted; what no meter can hold is refused with the ways out."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from counter import NOW, Counter

HOUR = timedelta(hours=1)


@pytest.fixture
def counter(db: None) -> Counter:
    from prewatt.domain.estate.models import Meter

    one = Counter(meters=2)
    Meter.objects.update(allow=["manual", "observed", "unverified", "simulated"])
    one.meters = list(Meter.objects.order_by("number"))
    return one


def version(counter: Counter, price: str, *, more: dict[str, Any] | None = None, **asked: Any) -> Any:
    from prewatt.domain.tariff.versions import add_version

    document = {"format": "prewatt-tariff-1", "name": "P", "versions": [{"price": price} | (more or {})]}
    given = {"key": price, "plan": None, "name": price, "effective_from": None, "now": NOW, "day": NOW.date()}
    return add_version(document=document, operator=counter.admin, **given | asked)


def used(counter: Counter, made: Any) -> Any:
    from prewatt.domain.tariff.operations import assign

    assign(plan=made.plan, meter_ids=[one.pk for one in counter.meters], operator=counter.admin, now=NOW)
    return made.plan


def place(counter: Counter, plan: Any, **more: Any) -> Any:
    from prewatt.domain.estate.models import Meter
    from prewatt.domain.fleet.operations import place_batch
    from prewatt.link.messages import Kind

    meters, who = Meter.objects.all(), counter.admin
    return place_batch(batch_id="b", kind=Kind.PRICES, meters=meters, plan=plan, operator=who, now=NOW, **more)


def told() -> list[int]:
    from prewatt.domain.dispatch.models import MeterOrder

    return [one.values["price_flat_e4"] for one in MeterOrder.objects.order_by("meter__number")]


def test_it_is_sent_once_when_it_takes_effect(counter: Counter) -> None:
    from prewatt.domain.fleet.plans import send_due
    from prewatt.domain.tariff.versions import take_effect

    plan = used(counter, version(counter, "0.5"))
    version(counter, "0.6", plan=plan, effective_from=NOW + HOUR, send=True)
    take_effect(now=NOW + HOUR / 2)
    assert send_due(now=NOW + HOUR / 2) == 0
    take_effect(now=NOW + HOUR)
    assert [send_due(now=NOW + HOUR), send_due(now=NOW + HOUR), send_due(now=NOW + 2 * HOUR)] == [1, 0, 0]
    assert told() == [6000, 6000]


def test_it_is_only_offered_where_nobody_asked_for_it(counter: Counter) -> None:
    from prewatt.domain.fleet.plans import send_due
    from prewatt.domain.tariff.versions import take_effect

    version(counter, "0.6", plan=used(counter, version(counter, "0.5")), effective_from=NOW + HOUR)
    take_effect(now=NOW + HOUR)
    assert send_due(now=NOW + HOUR) == 0


def test_it_is_left_to_people_when_its_maker_may_no_longer_order(counter: Counter) -> None:
    from prewatt.domain.fleet.plans import send_due
    from prewatt.domain.tariff.versions import take_effect

    plan = used(counter, version(counter, "0.5"))
    version(counter, "0.6", plan=plan, effective_from=NOW + HOUR, send=True)
    counter.admin.role = counter.reader.role
    counter.admin.save()
    take_effect(now=NOW + HOUR)
    assert send_due(now=NOW + HOUR) == 0


LADDER = {"ladder": {"steps": [{"up_to_kwh": "10", "add": "0"}, {"add": "0.3"}]}}
FEE = {"fees": [{"name": "公摊", "amount": "3"}]}


@pytest.mark.parametrize("more", [LADDER, FEE, {"free": {"kwh": "5"}}, {"minimum": "5"}])
def test_what_five_prices_cannot_say_goes_to_no_meter(counter: Counter, more: dict[str, Any]) -> None:
    from prewatt.domain.tariff.operations import NotForMeters

    for meter in counter.meters:
        counter.opened(meter)
    plan = used(counter, version(counter, "0.5", more=more))
    for round_down in (False, True):
        with pytest.raises(NotForMeters):
            place(counter, plan, round_down=round_down)
    assert told() == []


def test_it_is_used_without_an_order_where_the_meter_does_not_count_the_money(counter: Counter) -> None:
    from prewatt.domain.billing.models import Billing, Terms
    from prewatt.domain.fleet.models import BatchItem
    from prewatt.domain.tariff.models import PlanUse

    own, platform = counter.meters
    counter.opened(own)
    Terms.objects.create(opening=counter.opened(platform), asked="a", billing=Billing.PLATFORM)
    plan = version(counter, "0.5", more=LADDER).plan
    batch = place(counter, plan)
    assert (batch.state, told()) == ("done", [])
    assert dict(BatchItem.objects.values_list("meter", "skip")) == {own.pk: "own", platform.pk: "platform"}
    assert list(PlanUse.objects.values_list("meter", "plan")) == [(platform.pk, plan.pk)]


def test_a_price_of_six_decimals_goes_only_rounded_down(counter: Counter) -> None:
    from prewatt.domain.tariff.operations import TooFine

    plan = used(counter, version(counter, "0.726399"))
    with pytest.raises(TooFine):
        place(counter, plan)
    place(counter, plan, round_down=True)
    assert told() == [7263, 7263]


def test_a_meter_of_whole_fen_takes_a_finer_price_only_rounded_down() -> None:
    from prewatt import profiles
    from prewatt.domain.fleet.sorting import _lowered

    row = profiles.load("acrel-dtsy1352-nk").command("prices")
    coarse = replace(row, fields=tuple(replace(one, numerator=100, denominator=1) for one in row.fields))
    assert _lowered({"price_flat_e4": 7263, "price_peak_e4": 9900}, coarse) == {
        "price_flat_e4": 7200,
        "price_peak_e4": 9900,
    }
    assert _lowered({"price_flat_e4": 7263}, row) == {"price_flat_e4": 7263}
    assert _lowered({"price_flat_e4": 99}, coarse) == {"price_flat_e4": 99}, "nothing is not a price"


def test_beside_finer_meters_a_coarse_one_gets_none_or_the_next_lower_price(counter: Counter) -> None:
    from prewatt.domain.dispatch.models import MeterOrder
    from prewatt.domain.estate.models import Meter
    from prewatt.domain.fleet.models import BatchItem
    from prewatt.domain.fleet.operations import place_batch
    from prewatt.link.messages import Kind

    Meter.objects.filter(pk=counter.meters[0].pk).update(profile="acrel-adf400l")
    plan = used(counter, version(counter, "0.7263"))
    place(counter, plan)
    assert (told(), BatchItem.objects.exclude(skip="").get().skip) == ([7263], "cannot")
    asked: dict[str, Any] = {"kind": Kind.PRICES, "plan": plan, "operator": counter.admin, "now": NOW}
    place_batch(batch_id="c", meters=Meter.objects.filter(pk=counter.meters[0].pk), round_down=True, **asked)
    assert MeterOrder.objects.get(meter=counter.meters[0]).values["price_flat_e4"] == 7200
