"""A meter that was prepaid, billed by the platform now: held against its own balance, and cut only by order."""

from __future__ import annotations

from typing import Any

import pytest

from counter import Counter
from prewatt.domain.commands import command
from prewatt.domain.dispatch.models import MeterOrder
from prewatt.domain.estate.models import Meter, Opening
from prewatt.domain.vending import platform
from prewatt.link.messages import Kind, Outcome

pytestmark = pytest.mark.django_db


@pytest.fixture
def opening(counter: Counter) -> Any:
    from prewatt.domain.tariff.operations import assign, save_plan

    Meter.objects.update(allow=["manual", "observed", "unverified", "simulated"])
    (meter,) = counter.meters = list(Meter.objects.all())
    facts: dict[str, Any] = {"kind": "flat", "prices": {"price_flat_e4": 10_000}, "operator": counter.admin}
    made = save_plan(plan=None, name="one", now=counter.now, day=counter.now.date(), **facts)
    assign(plan=made, meter_ids=[meter.pk], operator=counter.admin, now=counter.now)
    counter.later(minutes=1)
    counter.read(meter, prepaid_open=1, balance_fen=0, relay_closed=1, forced=0)
    return platform.open_on_platform(**asked(counter), billing_kind="platform", now=counter.now)


def asked(counter: Counter) -> dict[str, Any]:
    return {"opening_id": "o1", "meter": counter.meters[0], "customer": counter.customer, "operator": counter.admin}


def held(counter: Counter) -> None:
    """Its gateway has carried the order out."""
    counter.lease()
    for order in MeterOrder.objects.filter(state="leased"):
        counter.settle(order.pk, Outcome.DONE, forced=2, relay_closed=1)
    counter.read(counter.meters[0], forced=2, relay_closed=1)


def by_hand(counter: Counter, kind: Kind, **more: Any) -> Any:
    facts: dict[str, Any] = {"order_id": f"x-{kind}", "meter": counter.meters[0], "operator": counter.admin}
    return command(kind=kind, now=counter.now, **facts | more)


def preview(kind: Kind) -> Any:
    from prewatt.domain.fleet.preview import what_would_change

    return what_would_change(kind=kind, meters=Meter.objects.order_by("number"))


def test_it_is_put_on_hold_by_the_order_that_begins_it(counter: Counter, opening: Any) -> None:
    (order,) = MeterOrder.objects.all()
    assert (order.kind, order.values) == ("switch_on", {"hold": 1})
    assert platform.kept_on(Meter.objects.all()) == {opening.meter_id}


@pytest.mark.parametrize("kind", [Kind.RELEASE, Kind.HOLD])
def test_it_is_not_given_back_to_its_own_balance(counter: Counter, opening: Any, kind: Kind) -> None:
    held(counter)
    with pytest.raises(platform.PlatformKeepsItOn):
        by_hand(counter, kind)
    found = preview(kind)
    assert (found.changes, found.skips) == ([], {"billed": 1})
    Opening.objects.update(closed_at=counter.now)
    if kind == Kind.RELEASE:
        assert by_hand(counter, kind).state == "queued"


def test_it_can_be_switched_off_all_the_same(counter: Counter, opening: Any) -> None:
    held(counter)
    (change,) = preview(Kind.SWITCH_OFF).changes
    assert change.values == {}
    order = by_hand(counter, Kind.SWITCH_OFF, reason="arrears", confirmed="101", override="x")
    assert order.values == {"release": 1}


def test_whom_a_person_holds_keeps_his_power(counter: Counter, opening: Any) -> None:
    """Held before the platform took over, and not by its order."""
    from prewatt.domain.commands import MeterHeld
    from prewatt.domain.dispatch.operations import place

    held(counter)
    place(order_id="h", meter=counter.meters[0], kind=Kind.HOLD, operator=counter.admin, now=counter.now)
    held(counter)
    with pytest.raises(MeterHeld):
        by_hand(counter, Kind.SWITCH_OFF, reason="arrears", confirmed="101", override="x")
    assert preview(Kind.SWITCH_OFF).skips == {"held": 1}


def test_for_arrears_it_is_cut_although_it_is_on_hold(counter: Counter, opening: Any) -> None:
    from prewatt.domain.cutoff import facts

    held(counter)
    (known,) = facts.accounts(facts.rules(), now=counter.now, only=[opening.pk])
    assert (known.account.platform, known.account.held) == (True, False)


def test_one_that_cannot_be_held_is_not_taken_over(counter: Counter) -> None:
    from prewatt.domain.tariff.operations import assign, save_plan

    (meter,) = counter.meters
    Meter.objects.update(profile="acrel-adf400l", allow=["manual", "observed", "unverified", "simulated"])
    facts: dict[str, Any] = {"kind": "flat", "prices": {"price_flat_e4": 10_000}, "operator": counter.admin}
    made = save_plan(plan=None, name="one", now=counter.now, day=counter.now.date(), **facts)
    assign(plan=made, meter_ids=[meter.pk], operator=counter.admin, now=counter.now)
    counter.later(minutes=1)
    counter.read(meter, prepaid_open=1)
    with pytest.raises((platform.CutsByItself, platform.NoRelay)):
        platform.open_on_platform(**asked(counter), billing_kind="platform", now=counter.now)
