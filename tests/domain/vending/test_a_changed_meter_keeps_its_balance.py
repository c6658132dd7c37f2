from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from counter import Counter
from leavers import Leavers
from prewatt.domain.audit.verify import verify
from prewatt.domain.estate.models import Meter, Opening
from prewatt.domain.ledger import accounts
from prewatt.domain.ledger.queries import balance_fen
from prewatt.domain.metering.models import UsageDay
from prewatt.domain.metering.operations import close_days, close_hours, record_readings
from prewatt.domain.settlement import decide
from prewatt.domain.vending.changing import NewCeiling, SameMeter
from prewatt.domain.vending.closing import ClosingIdTaken, SecondPerson, Typed
from prewatt.domain.vending.models import Refund
from prewatt.domain.vending.opening import AlreadyOpen
from prewatt.domain.vending.operations import (
    advance,
    carry_again,
    change_meter,
    collect_arrears,
    in_place,
    pay_back_carried,
)
from prewatt.domain.vending.records import Closing, ClosingLine, LineState
from prewatt.link.messages import Outcome, Reading


@pytest.fixture
def leavers(counter: Counter) -> Leavers:
    """An account of 100 yuan, 30 used, and a new meter that stands ready."""
    leavers = Leavers(counter)
    leavers.account("100", used_fen=3_000)
    leavers.know(counter.meter("NEW"))
    return leavers


def new(_leavers: Leavers) -> Meter:
    return Meter.objects.get(number="NEW")


def change(leavers: Leavers, change_id: str = "x1", **changes: Any) -> Closing:
    counter = leavers.counter
    asked: dict[str, Any] = {
        "change_id": change_id,
        "opening": Opening.objects.get(meter=counter.meters[0]),
        "new_meter": new(leavers),
        "operator": counter.cashier,
        "now": counter.now,
    }
    return change_meter(**asked | changes)


def line() -> ClosingLine:
    return ClosingLine.objects.get()


def carried_fen() -> int:
    return balance_fen(accounts.carried(line().code))


def test_the_balance_leaves_the_old_meter_before_the_new_one_has_it(leavers: Leavers) -> None:
    counter = leavers.counter
    old = counter.meters[0]
    drawer_fen = counter.drawer_fen()
    act = change(leavers)
    assert change(leavers).pk == act.pk
    leavers.answer_all(rounds=3)
    assert (leavers.holds[old.number]["balance_fen"], leavers.holds["NEW"]["balance_fen"]) == (0, 0)
    assert (line().state, line().carried_fen, carried_fen()) == (LineState.CARRYING, 7_000, 7_000)
    leavers.answer_all()
    opening = Opening.objects.get(meter=new(leavers))
    assert (line().state, line().new_opening, line().used_fen) == (LineState.DONE, opening, 3_000)
    assert (leavers.holds["NEW"]["balance_fen"], counter.on_meter_fen(opening), carried_fen()) == (7_000, 7_000, 0)
    assert (opening.customer, counter.drawer_fen() - drawer_fen) == (counter.customer, 0)
    old.refresh_from_db()
    assert (old.active, Closing.objects.get().state) == (False, "done")
    counter.sell("s2", "10", meter=new(leavers))
    leavers.answer_all()
    assert verify().findings == []


def test_a_dead_meters_balance_is_carried_on_two_peoples_word(leavers: Leavers) -> None:
    counter = leavers.counter
    old = counter.meters[0]
    counter.read(old, lost=True)
    typed = Typed(70_500, 6_543, "烧毁, 按最后抄表")
    with pytest.raises(SecondPerson):
        change(leavers, typed=typed)
    change(leavers, typed=typed, second_person=counter.second)
    assert (line().state, carried_fen()) == (LineState.CARRYING, 6_543)
    leavers.answer_all()
    assert (line().state, line().energy_wh, line().used_fen) == (LineState.DONE, 70_500, 3_457)
    assert leavers.holds["NEW"]["balance_fen"] == 6_543
    assert leavers.holds[old.number]["balance_fen"] == 7_000  # whatever it holds, nobody asks it again
    assert not old.orders.exclude(kind="open").exists()
    assert verify().findings == []


def test_a_new_meter_at_the_old_address_waits_until_it_hangs_there(leavers: Leavers) -> None:
    counter = leavers.counter
    old = counter.meters[0]
    Meter.objects.filter(number="NEW").update(active=False, unit=old.unit)
    change(leavers)
    leavers.answer_all()
    assert (line().state, new(leavers).active, carried_fen()) == (LineState.SWAP, True, 7_000)
    assert not counter.lease()
    asked: dict[str, Any] = {"change_id": "x1", "operator": counter.cashier}
    in_place(**asked, now=counter.now)
    assert in_place(**asked, now=counter.now).state == LineState.CARRYING
    leavers.answer_all()
    assert (line().state, leavers.holds["NEW"]["balance_fen"]) == (LineState.DONE, 7_000)
    assert verify().findings == []


@pytest.mark.parametrize("ending", ["again", "other", "paid"])
def test_what_the_new_meter_does_not_take_waits_and_is_never_lost(leavers: Leavers, ending: str) -> None:
    counter = leavers.counter
    change(leavers)
    leavers.answer_all(rounds=4)
    (order,) = counter.lease()
    leavers.tell(order, Outcome.REFUSED, reason="unverified_write")
    advance(now=counter.now)
    assert (line().state, line().reason, carried_fen()) == (LineState.NOT_CARRIED, "unverified_write", 7_000)
    assert verify().findings == []
    asked: dict[str, Any] = {"change_id": "x1", "operator": counter.cashier, "now": counter.now}
    match ending:
        case "again":
            assert carry_again(**asked).state == carry_again(**asked).state == LineState.CARRYING
        case "other":
            other = counter.meter("OTHER")
            leavers.know(other)
            carry_again(**asked, new_meter=other)
        case _:
            drawer_fen = counter.drawer_fen()
            pay_back_carried(**asked, tender="cash")
            pay_back_carried(**asked, tender="cash")
            assert (drawer_fen - counter.drawer_fen(), Refund.objects.get().receipt) == (7_000, "T2026-000001")
    leavers.answer_all()
    assert (line().state, carried_fen()) == (LineState.DONE, 0)
    assert (Opening.objects.filter(closed_at=None).count(), line().carried_fen) == (
        (0, 0) if ending == "paid" else (1, 7_000)
    )
    assert verify().findings == []


@pytest.mark.parametrize("applied", [True, False])
def test_an_unclear_opening_of_the_new_meter_is_decided(leavers: Leavers, applied: bool) -> None:
    counter = leavers.counter
    change(leavers)
    leavers.answer_all(rounds=4)
    (order,) = counter.lease()
    if applied:
        leavers.holds["NEW"] |= {"balance_fen": 7_000, "bought_fen": 7_500}
    leavers.tell(order, Outcome.UNCLEAR)
    advance(now=counter.now)
    assert line().state == LineState.UNCLEAR
    decide(
        order_id=order.order_id,
        applied=applied,
        operator=counter.admin,
        second_person=counter.second,
        reason="读表",
        now=counter.now,
    )
    leavers.answer_all()
    assert line().state == (LineState.DONE if applied else LineState.NOT_CARRIED)
    assert carried_fen() == (0 if applied else 7_000)
    assert verify().findings == []


def test_arrears_are_paid_before_a_new_meter_opens_at_zero(leavers: Leavers) -> None:
    counter = leavers.counter
    leavers.use(counter.meters[0], 7_500)
    change(leavers)
    leavers.answer_all()
    assert (line().state, line().balance_fen) == (LineState.OWES, -500)
    collect_arrears(
        closing_id="x1",
        opening_id=line().opening_id,
        amount="5",
        tender="cash",
        operator=counter.cashier,
        now=counter.now,
    )
    leavers.answer_all()
    assert (line().state, line().carried_fen, leavers.holds["NEW"]["balance_fen"]) == (LineState.DONE, 0, 0)
    assert verify().findings == []


def test_what_cannot_be_changed_is_refused(leavers: Leavers) -> None:
    counter = leavers.counter
    with pytest.raises(SameMeter):
        change(leavers, new_meter=counter.meters[0])
    Meter.objects.filter(number="NEW").update(ceiling_fen=6_999)
    with pytest.raises(NewCeiling):
        change(leavers)
    taken = leavers.account("5", number="TAKEN")
    with pytest.raises(AlreadyOpen):
        change(leavers, new_meter=taken.meter)
    other = leavers.account("5", number="THEIRS", customer=counter.other_customer())
    Meter.objects.filter(number="NEW").update(ceiling_fen=0)
    change(leavers)
    with pytest.raises(ClosingIdTaken):
        change(leavers, opening=other)


def test_the_tenants_prices_and_limits_go_along(leavers: Leavers) -> None:
    counter = leavers.counter
    old = counter.meters[0]
    prices = {"price_flat_e4": 8_800, "alarm1_fen": 7_000, "circuit": "2#"}
    Meter.objects.filter(pk=old.pk).update(**prices)
    Meter.objects.filter(number="NEW").update(room=None, allow=["manual", "simulated"])
    change(leavers)
    leavers.answer_all(rounds=4)
    made = new(leavers)
    assert {name: getattr(made, name) for name in prices} == prices
    assert made.room == old.room
    sent = {order.kind: order.values for order in counter.lease()}
    assert sent["prices"] == {"price_flat_e4": 8_800}
    assert sent["limits"]["alarm1_fen"] == 7_000


def test_the_days_energy_is_the_old_meters_part_and_the_new_ones(leavers: Leavers) -> None:
    """The old meter has no later reading that would end its day: it ends with its last one, even with a typed one."""
    counter = leavers.counter
    old = counter.meters[0]
    counter.later(hours=2)
    counter.read(old, lost=True)
    change(leavers, typed=Typed(leavers.energy_wh + 1_500, 6_543, "烧毁"), second_person=counter.second)
    leavers.answer_all()
    looks = [
        Reading(meter="NEW", taken_at_ms=round(at.timestamp() * 1000), values={"energy_wh": wh})
        for at, wh in ((counter.now, 200), (counter.later(hours=3), 2_700), (counter.later(days=1), 2_700))
    ]
    record_readings(looks, gateway=None, now=counter.now)
    closed = close_days(now=counter.now)
    days = UsageDay.objects.filter(day=date(2026, 6, 1)).values_list("meter", "energy_wh")
    assert (closed, dict(days)) == (2, {old.pk: 1_500, new(leavers).pk: 2_500})
    assert close_days(now=counter.later(days=1)) == 0  # nothing waits for a reading that never comes
    assert close_hours(now=counter.now) == 2
    assert verify().findings == []


def test_the_new_meter_hangs_below_what_fed_the_old_one_and_feeds_what_that_fed(leavers: Leavers) -> None:
    counter = leavers.counter
    main, below = counter.meter("MAIN"), counter.meter("BELOW")
    Meter.objects.filter(pk=counter.meters[0].pk).update(parent=main)
    Meter.objects.filter(pk=below.pk).update(parent=counter.meters[0])
    change(leavers)
    leavers.answer_all(rounds=4)
    assert new(leavers).parent == main
    below.refresh_from_db()
    assert below.parent == new(leavers)
