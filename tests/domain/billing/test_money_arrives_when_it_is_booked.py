"""售电, 退电, 冲正 and 销户 of an account whose balance lives in the ledger: no order to a meter carries its money."""

from __future__ import annotations

from typing import Any

import pytest

from counter import Counter
from prewatt.domain.billing.queries import available_fen
from prewatt.link.messages import Outcome

pytestmark = pytest.mark.django_db


@pytest.fixture
def opening(counter: Counter) -> Any:
    """Opened at the counter, on a meter with a flat price of one yuan."""
    from prewatt.domain.vending.platform import open_on_platform

    plan(counter)
    asked = {"opening_id": "o1", "meter": counter.meters[0], "customer": counter.customer, "operator": counter.admin}
    counter.read(counter.meters[0])
    return open_on_platform(**asked, billing_kind="platform", switch_on_min="5", overdraft="10", now=counter.now)


def plan(counter: Counter) -> None:
    from prewatt.domain.tariff.operations import assign, save_plan

    now = counter.now
    counter.meters[0].allow = ["manual", "observed", "unverified", "simulated"]
    counter.meters[0].save()
    made = save_plan(
        plan=None,
        name="one",
        kind="flat",
        prices={"price_flat_e4": 10_000},
        operator=counter.admin,
        now=now,
        day=now.date(),
    )
    assign(plan=made, meter_ids=[counter.meters[0].pk], operator=counter.admin, now=now)
    counter.later(minutes=1)


def use(counter: Counter, opening: Any, wh: int) -> None:
    """An hour after the opening, closed and priced."""
    from prewatt.domain.billing.operations import rate_one
    from prewatt.domain.metering.models import UsageHour

    start_ms = (round(opening.opened_at.timestamp()) // 3600 + 1) * 3_600_000
    UsageHour.objects.create(meter=opening.meter, start_ms=start_ms, energy_wh=wh)
    rate_one(opening_id=opening.pk, now=counter.later(hours=3))
    counter.read(opening.meter)


def orders(kind: str) -> Any:
    from prewatt.domain.dispatch.models import MeterOrder

    return MeterOrder.objects.filter(kind=kind)


def faults() -> list[Any]:
    from prewatt.domain.audit.verify import verify

    return list(verify().findings)


def test_a_sale_has_arrived_when_it_is_booked(counter: Counter, opening: Any) -> None:
    sale = counter.sell(amount="2000")  # above the meter's ceiling: it holds none of it
    assert (sale.state, sale.order, sale.balance_before_fen) == ("arrived", None, 0)
    assert (available_fen(opening.pk), orders("recharge").count()) == (200_000, 0)
    assert counter.sell(amount="2000").pk == sale.pk
    assert available_fen(opening.pk) == 200_000
    assert faults() == []


def test_the_meter_never_cuts_by_itself(counter: Counter, opening: Any) -> None:
    assert [(one.kind, one.cause_kind) for one in orders("switch_on")] == [("switch_on", "opening")]
    assert not orders("open").exists()


def test_a_refund_takes_what_is_left_and_no_more(counter: Counter, opening: Any) -> None:
    from prewatt.domain.vending.operations import refund
    from prewatt.domain.vending.returning import MoreThanBalance

    counter.sell(amount="100")
    use(counter, opening, 30_000)  # priced, not posted yet
    asked = {"meter": counter.meters[0], "tender": "cash", "operator": counter.admin}
    with pytest.raises(MoreThanBalance):
        refund(refund_id="r1", amount="70.01", now=counter.now, **asked)
    row = refund(refund_id="r1", amount="70", now=counter.now, **asked)
    assert (row.state, bool(row.number), row.order, available_fen(opening.pk)) == ("done", True, None, 0)
    assert refund(refund_id="r1", amount="70", now=counter.now, **asked).pk == row.pk
    assert faults() == []


def test_a_reversal_is_whole_and_at_once(counter: Counter, opening: Any) -> None:
    from prewatt.domain.vending.operations import reverse

    sale = counter.sell(amount="100")
    row = reverse(reversal_id="v1", sale_id=sale.pk, operator=counter.admin, now=counter.now, note="wrong meter")
    sale.refresh_from_db()
    assert (row.state, sale.state, available_fen(opening.pk)) == ("done", "reversed", 0)
    assert faults() == []


def test_a_closed_account_pays_out_what_was_not_used(counter: Counter, opening: Any) -> None:
    from prewatt.domain.vending.closing import advance, close_account

    counter.sell(amount="100")
    use(counter, opening, 30_000)
    for order in orders("switch_on"):
        counter.lease()
        counter.settle(order.pk, Outcome.DONE, relay_closed=1)
    closing = close_account(
        closing_id="c1", customer=counter.customer, operator=counter.admin, tender="cash", now=counter.now
    )
    for kind, after in (("switch_off", {"relay_closed": 0}), ("read", {"energy_wh": 30_000})):
        counter.lease()
        (order,) = orders(kind)
        counter.settle(order.pk, Outcome.DONE, **after)
        advance(now=counter.now)
    (line,) = closing.lines.all()
    assert (line.state, line.back_fen, line.used_fen) == ("done", 7_000, 3_000)
    assert faults() == []


@pytest.mark.parametrize(("amount", "back"), [("14.99", False), ("15", True)])
def test_money_switches_on_who_was_cut_for_arrears(counter: Counter, opening: Any, amount: str, back: bool) -> None:
    """Ten yuan are owed, and five are the least to switch on."""
    use(counter, opening, 10_000)
    was_cut(counter, opening, "arrears")
    counter.sell(amount=amount)
    assert orders("switch_on").filter(cause_kind="sale").exists() == back


def test_money_does_not_undo_what_a_person_switched_off(counter: Counter, opening: Any) -> None:
    was_cut(counter, opening, "operator")
    counter.sell(amount="100")
    assert not orders("switch_on").filter(cause_kind="sale").exists()


def was_cut(counter: Counter, opening: Any, why: str) -> None:
    from prewatt.domain.dispatch.operations import place
    from prewatt.link.messages import Kind

    counter.lease()
    counter.settle(orders("switch_on").get().pk, Outcome.DONE, relay_closed=1)
    cut = place(order_id="cut", meter=opening.meter, kind=Kind.SWITCH_OFF, cause=(why, ""), now=counter.now)
    counter.lease()
    counter.settle(cut.pk, Outcome.DONE, relay_closed=0)


def test_a_queued_trip_for_arrears_is_withdrawn(counter: Counter, opening: Any) -> None:
    from prewatt.domain.dispatch.operations import place
    from prewatt.link.messages import Kind

    place(order_id="cut", meter=opening.meter, kind=Kind.SWITCH_OFF, cause=("arrears", ""), now=counter.now)
    counter.sell(amount="4.99")
    assert orders("switch_off").get().state == "queued"
    counter.sell("s2", amount="0.01")
    assert orders("switch_off").get().state == "cancelled"


def test_a_trip_that_was_called_back_too_late_gives_power_back(counter: Counter, opening: Any) -> None:
    """The gateway had it, and had done it, when the money came."""
    from prewatt.domain.dispatch.operations import place
    from prewatt.link.messages import Kind

    counter.lease()
    counter.settle(orders("switch_on").get().pk, Outcome.DONE, relay_closed=1)
    place(order_id="cut", meter=opening.meter, kind=Kind.SWITCH_OFF, cause=("arrears", ""), now=counter.now)
    counter.lease()
    counter.settle("cut", Outcome.TAKEN)
    counter.sell(amount="100")
    assert not orders("switch_on").exclude(cause_kind="opening").exists()
    for _ in range(2):  # the answer comes twice
        counter.settle("cut", Outcome.DONE, relay_closed=0)
    assert [(one.pk, one.state) for one in orders("switch_on").filter(cause_kind="recalled")] == [("cut.on", "queued")]


def test_a_trip_that_nobody_called_back_stays(counter: Counter, opening: Any) -> None:
    was_cut(counter, opening, "arrears")
    assert not orders("switch_on").exclude(cause_kind="opening").exists()


def test_an_account_needs_a_price(counter: Counter) -> None:
    from prewatt.domain.estate.models import Opening
    from prewatt.domain.vending.platform import NoPricePlan, open_on_platform

    with pytest.raises(NoPricePlan):
        open_on_platform(
            opening_id="o1",
            meter=counter.meters[0],
            customer=counter.customer,
            billing_kind="platform",
            operator=counter.admin,
            now=counter.now,
        )
    assert not Opening.objects.exists()


def test_money_that_left_no_platform_account_is_found(counter: Counter, opening: Any) -> None:
    from prewatt.domain.billing.models import Terms
    from prewatt.domain.vending.operations import refund

    counter.sell(amount="100")
    asked = {"meter": counter.meters[0], "tender": "cash", "operator": counter.admin}
    refund(refund_id="r1", amount="70", now=counter.now, **asked)
    Terms.objects.all().delete()
    said = " ".join(one.what for one in faults())
    assert "sale:s1:account has no sale" in said
    assert "refund:r1:account takes money off no platform account" in said


def test_nothing_is_paid_back_from_a_balance_that_nobody_knows(counter: Counter, opening: Any) -> None:
    from prewatt.domain.billing.models import Standing
    from prewatt.domain.vending.checks import ReadingTooOld
    from prewatt.domain.vending.operations import refund

    counter.sell(amount="100")
    counter.read(opening.meter)
    Standing.objects.update(refused="no price")
    with pytest.raises(ReadingTooOld):
        refund(refund_id="r1", meter=opening.meter, amount="1", tender="cash", operator=counter.admin, now=counter.now)


def test_the_meters_own_money_is_not_compared(counter: Counter, opening: Any) -> None:
    """It may show whatever it held before: the books know better."""
    from prewatt.domain.reconciliation.models import Line
    from prewatt.domain.reconciliation.operations import daily

    counter.sell(amount="100")
    counter.read_all(purchase_count=7, bought_fen=12_345, balance_fen=1, energy_wh=5)
    daily(now=counter.later(days=1))
    assert not Line.objects.filter(opening=opening.pk).exists()
    assert faults() == []


def test_lists_go_by_what_the_ledger_says_after_every_booking(counter: Counter, opening: Any) -> None:
    from prewatt.domain.billing.models import Standing
    from prewatt.domain.billing.queries import standing, standings
    from prewatt.domain.metering.queries import standing as of_the_meter
    from prewatt.domain.vending.operations import refund

    def left() -> list[int | None]:
        one = standing(opening.pk)
        lists = (standings()[opening.pk].available_fen, of_the_meter(counter.meters[0]).balance_fen)
        return [available_fen(opening.pk), one.available_fen if one else None, *lists]

    counter.sell(amount="100")
    assert left() == [10_000] * 4
    use(counter, opening, 30_000)
    assert left() == [7_000] * 4
    refund(refund_id="r1", meter=counter.meters[0], amount="20", tender="cash", operator=counter.admin, now=counter.now)
    assert left() == [5_000] * 4
    Standing.objects.update(put_fen=1)
    assert [one.what for one in faults()] == ["lists go by 1 fen put on the account; the ledger put 8000 there"]


def test_a_payment_is_told_to_programs_as_credit(counter: Counter, opening: Any) -> None:
    import json

    from prewatt.domain.webhooks.models import Delivery, Endpoint

    facts: dict[str, Any] = {"created_at": counter.now, "created_by": counter.admin}
    Endpoint.objects.create(name="x", url="https://example.com/", nonce="n", form_id="f", events=["credit"], **facts)
    sale = counter.sell(amount="100")
    told = json.loads(Delivery.objects.get().body)
    assert (told["event"], told["data"]["cause_id"], told["data"]["balance_fen"]) == ("credit", sale.pk, 10_000)
    assert (told["data"]["order"], told["data"]["purchase_count"]) == (None, None)
