"""计费方式变更: the balance goes from the meter to the ledger, or back, exactly once; nothing is charged twice."""

from __future__ import annotations

from typing import Any

import pytest

from counter import Counter
from leavers import Leavers
from prewatt.domain.audit.verify import verify
from prewatt.domain.billing.models import Billing, Terms
from prewatt.domain.billing.queries import available_fen
from prewatt.domain.dispatch.models import MeterOrder
from prewatt.domain.estate.models import Meter, Opening
from prewatt.domain.ledger import accounts
from prewatt.domain.ledger.queries import balance_fen
from prewatt.domain.vending import rebilling
from prewatt.domain.vending.operations import advance, change_billing, try_again, withdraw
from prewatt.domain.vending.platform import NoPricePlan
from prewatt.domain.vending.records import Closing, ClosingLine, LineState
from prewatt.link.messages import Outcome


@pytest.fixture
def leavers(counter: Counter) -> Leavers:
    """An account of 100 yuan that its meter bills, 30 used; the meter has a flat price of one yuan."""
    from prewatt.domain.tariff.operations import assign, save_plan

    Meter.objects.update(allow=["manual", "observed", "unverified", "simulated"])
    counter.meters = list(Meter.objects.order_by("pk"))
    now = counter.now
    facts: dict[str, Any] = {"kind": "flat", "prices": {"price_flat_e4": 10_000}, "operator": counter.admin}
    made = save_plan(plan=None, name="one", now=now, day=now.date(), **facts)
    assign(plan=made, meter_ids=[counter.meters[0].pk], operator=counter.admin, now=now)
    leavers = Leavers(counter)
    counter.later(minutes=1)
    leavers.account("100", used_fen=3_000)
    return leavers


def change(leavers: Leavers, to: Billing | None = Billing.PLATFORM, rebill_id: str = "b1", **more: Any) -> Closing:
    counter = leavers.counter
    opening = Opening.objects.filter(meter=counter.meters[0]).order_by("-pk")[0]
    asked: dict[str, Any] = {"opening": opening, "to": to, "operator": counter.cashier, "now": counter.now}
    return change_billing(rebill_id=rebill_id, **asked | more)


def line(rebill_id: str = "b1") -> ClosingLine:
    return ClosingLine.objects.get(closing=rebill_id)


def held(leavers: Leavers) -> dict[str, int]:
    return leavers.holds[leavers.counter.meters[0].number]


def account(leavers: Leavers) -> Opening:
    return Opening.objects.get(meter=leavers.counter.meters[0], closed_at=None)


def test_what_the_meter_held_is_the_ledgers_exactly_once(leavers: Leavers) -> None:
    old = account(leavers)
    drawer_fen = leavers.counter.drawer_fen()
    act = change(leavers, overdraft="10", switch_on_min="5")
    assert change(leavers, overdraft="10").pk == act.pk
    leavers.answer_all()
    new = account(leavers)
    assert (line().state, line().new_opening, line().carried_fen, line().used_fen) == ("done", new, 7_000, 3_000)
    assert (new.customer, new.pk != old.pk, available_fen(new.pk), held(leavers)["balance_fen"]) == (
        old.customer,
        True,
        7_000,
        0,
    )
    terms = Terms.objects.get(pk=new.pk)
    assert (terms.billing, terms.overdraft_fen, terms.switch_on_min_fen) == ("platform", 1_000, 500)
    assert balance_fen(accounts.carried(line().code)) == balance_fen(accounts.meter(old.pk)) == 0
    assert (leavers.counter.drawer_fen(), Closing.objects.get().state) == (drawer_fen, "done")
    leavers.counter.sell("s2", "10")
    assert (available_fen(new.pk), MeterOrder.objects.filter(kind="recharge").count()) == (8_000, 0)
    assert verify().findings == []


def test_the_meter_is_held_so_that_its_empty_balance_cuts_nobody(leavers: Leavers) -> None:
    change(leavers)
    leavers.answer_all()
    orders = MeterOrder.objects.filter(kind__in=("switch_off", "switch_on")).order_by("placed_at")
    assert [(one.kind, one.values, one.state) for one in orders] == [
        ("switch_off", {}, "done"),
        ("switch_on", {"hold": 1}, "done"),
    ]


def test_what_the_ledger_has_left_becomes_the_meters_balance(leavers: Leavers) -> None:
    """There and back: the old credit of the meter, and what it counted on meanwhile, mean nothing then."""
    from prewatt.domain.billing.operations import rate_one
    from prewatt.domain.metering.models import UsageHour

    change(leavers)
    leavers.answer_all()
    here = account(leavers)
    start_ms = (round(here.opened_at.timestamp()) // 3600 + 1) * 3_600_000
    UsageHour.objects.create(meter=here.meter, start_ms=start_ms, energy_wh=20_000)
    rate_one(opening_id=here.pk, now=leavers.counter.later(hours=3))
    leavers.use(here.meter, 2_111)  # its own counting, below zero by now
    change(leavers, None, "b2")
    leavers.answer_all()
    new = account(leavers)
    assert (line("b2").state, line("b2").carried_fen, line("b2").used_fen) == ("done", 5_000, 2_000)
    assert (held(leavers)["balance_fen"], leavers.counter.on_meter_fen(new), balance_fen(accounts.meter(here.pk))) == (
        5_000,
        5_000,
        0,
    )
    assert not Terms.objects.filter(pk=new.pk).exists()
    assert MeterOrder.objects.filter(kind="switch_off", values={"release": 1}).count() == 1
    assert MeterOrder.objects.filter(kind="prices", state="done").exists()
    assert MeterOrder.objects.filter(kind="release", opening=new, state="done").exists()
    leavers.counter.sell("s3", "10")
    leavers.answer_all()
    assert held(leavers)["balance_fen"] == 6_000
    assert verify().findings == []


def test_it_is_charged_up_to_the_reading_that_ends_it(leavers: Leavers) -> None:
    """Nobody has closed the running hour yet: what was used in it belongs to the platform, not to the meter."""
    from prewatt.domain.metering.operations import record_readings
    from prewatt.link.messages import Reading

    change(leavers)
    leavers.answer_all()
    here, counter = account(leavers), leavers.counter
    counter.later(hours=2)
    for wh in (leavers.energy_wh, leavers.energy_wh + 4_000):
        counter.later(minutes=5)
        at_ms = round(counter.now.timestamp() * 1000)
        read = Reading(meter=here.meter.number, taken_at_ms=at_ms, values={"energy_wh": wh})
        record_readings([read], gateway=counter.gateway, now=counter.now)
    change(leavers, None, "b2")
    leavers.answer_all()
    assert (line("b2").carried_fen, line("b2").used_fen, held(leavers)["balance_fen"]) == (6_600, 400, 6_600)


def test_money_that_the_meter_does_not_give_up_stays_its_own(leavers: Leavers) -> None:
    change(leavers)
    for kind, outcome in (("switch_off", Outcome.DONE), ("read", Outcome.DONE), ("refund", Outcome.CANCELLED)):
        (order,) = leavers.counter.lease()
        assert order.kind == kind
        leavers.tell(order, outcome)
        advance(now=leavers.counter.now)
    old = account(leavers)
    assert (line().state, leavers.counter.on_meter_fen(old), Terms.objects.exists()) == ("stuck", 10_000, False)
    asked: dict[str, Any] = {"closing_id": "b1", "opening_id": old.pk, "operator": leavers.counter.cashier}
    try_again(**asked, now=leavers.counter.now)
    leavers.answer_all()
    assert (line().state, available_fen(account(leavers).pk)) == ("done", 7_000)
    assert verify().findings == []


def test_withdrawn_it_is_billed_as_before_and_has_power(leavers: Leavers) -> None:
    change(leavers)
    old = account(leavers)
    asked: dict[str, Any] = {"closing_id": "b1", "opening_id": old.pk, "operator": leavers.counter.cashier}
    withdraw(**asked, now=leavers.counter.now)
    leavers.answer_all()
    assert (line().state, account(leavers).pk, MeterOrder.objects.filter(kind="release").count()) == (
        LineState.WITHDRAWN,
        old.pk,
        1,
    )


def test_what_cannot_be_settled_is_refused_by_name(leavers: Leavers) -> None:
    counter = leavers.counter
    meter = counter.meters[0]
    with pytest.raises(rebilling.BilledSoAlready):
        change(leavers, None)
    Meter.objects.update(allow=["manual", "observed", "unverified"])
    with pytest.raises(rebilling.KeepsItsMoney):
        change(leavers)
    Meter.objects.update(allow=["manual", "observed", "unverified", "simulated"])
    leavers.use(meter, 7_500)
    with pytest.raises(rebilling.InArrears):
        change(leavers)
    leavers.use(meter, -7_500)
    counter.sell("s2", "10")
    with pytest.raises(rebilling.closing.OrdersUnderWay):
        change(leavers)
    (order,) = counter.lease()
    leavers.tell(order, Outcome.REFUSED)
    with pytest.raises(rebilling.MoneyWaits):
        change(leavers)
    assert not Closing.objects.exists()


def test_without_a_price_the_platform_takes_nobody_over(leavers: Leavers) -> None:
    other = leavers.account("10", number="BARE")
    with pytest.raises(NoPricePlan):
        change(leavers, opening=other)


def test_a_meter_takes_no_more_than_it_can_hold(leavers: Leavers) -> None:
    change(leavers)
    leavers.answer_all()
    leavers.counter.sell("s2", "5000")
    leavers.read(leavers.counter.meters[0])
    with pytest.raises(rebilling.AboveItsCeiling):
        change(leavers, None, "b2")
    Meter.objects.update(allow=["manual", "observed", "unverified"])
    with pytest.raises(rebilling.TakesNoMoney):
        change(leavers, None, "b2")
