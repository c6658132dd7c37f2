"""拉闸, 合闸, 保电, 恢复 and 抄表 by hand: right, building, reason, the number typed, and what would be pointless."""

from __future__ import annotations

from typing import Any

import pytest

from counter import Counter
from prewatt.domain import commands
from prewatt.link.messages import Kind


@pytest.fixture
def counter(db: None) -> Counter:
    one = Counter()
    one.opened(balance_fen=5000)
    return one


def give(counter: Counter, kind: Kind = Kind.SWITCH_OFF, **changes: Any) -> Any:
    asked: dict[str, Any] = {
        "order_id": "c1",
        "meter": counter.meters[0],
        "kind": kind,
        "operator": counter.admin,
        "reason": "work",
        "confirmed": "101",
        "now": counter.now,
    }
    return commands.command(**asked | changes)


def orders() -> int:
    from prewatt.domain.dispatch.models import MeterOrder

    return MeterOrder.objects.count()


def test_switching_off_is_placed_expires_and_is_logged_with_its_reason(counter: Counter) -> None:
    from prewatt.domain.staff.models import LogEntry

    order = give(counter)
    assert (order.kind, order.state) == ("switch_off", "queued")
    assert order.expires_at is not None
    entry = LogEntry.objects.get(action="switch_off")
    assert (entry.after["reason"], entry.operator) == ("work", counter.admin)


def test_the_same_form_twice_is_one_order(counter: Counter) -> None:
    assert give(counter).pk == give(counter).pk
    assert orders() == 1


def test_a_form_is_not_used_for_another_order(counter: Counter) -> None:
    give(counter)
    with pytest.raises(commands.CommandIdTaken):
        give(counter, Kind.HOLD)


@pytest.mark.parametrize("reason", ["", "   "])
def test_switching_off_needs_a_reason(counter: Counter, reason: str) -> None:
    with pytest.raises(commands.CommandReasonNeeded):
        give(counter, reason=reason)
    assert orders() == 0


@pytest.mark.parametrize("typed", ["", "102", "1 01"])
def test_switching_off_needs_the_number_of_the_room(counter: Counter, typed: str) -> None:
    with pytest.raises(commands.NotConfirmed):
        give(counter, confirmed=typed)
    assert orders() == 0


@pytest.mark.parametrize("kind", [Kind.SWITCH_ON, Kind.HOLD, Kind.RELEASE, Kind.READ])
def test_what_makes_nobody_dark_needs_neither(counter: Counter, kind: Kind) -> None:
    assert give(counter, kind, reason="", confirmed="").kind == kind.value


def test_a_meter_on_hold_is_not_switched_off(counter: Counter) -> None:
    counter.read(counter.meters[0], forced=2)
    with pytest.raises(commands.MeterHeld):
        give(counter)
    assert give(counter, Kind.RELEASE).kind == "release"


@pytest.mark.parametrize("kind", [Kind.SWITCH_OFF, Kind.SWITCH_ON, Kind.HOLD, Kind.RELEASE])
def test_a_lost_meter_is_only_asked_to_be_read(counter: Counter, kind: Kind) -> None:
    counter.read(counter.meters[0], lost=True)
    with pytest.raises(commands.MeterLost):
        give(counter, kind)
    assert give(counter, Kind.READ).kind == "read"


def test_a_meter_out_of_use_gets_no_order(counter: Counter) -> None:
    counter.meters[0].active = False
    with pytest.raises(commands.MeterOutOfUse):
        give(counter, Kind.READ)


@pytest.mark.parametrize("kind", [Kind.RECHARGE, Kind.REFUND, Kind.OPEN, Kind.PRICES])
def test_money_is_never_ordered_by_hand(counter: Counter, kind: Kind) -> None:
    with pytest.raises(commands.NotACommand):
        give(counter, kind)
    assert orders() == 0


@pytest.mark.parametrize("kind", list(commands.RIGHTS))
def test_rights_and_buildings_are_asked_first(counter: Counter, kind: Kind) -> None:
    for who, code in ((counter.reader, "no_right"), (counter.cashier, "no_right"), (counter.stranger, "out_of_scope")):
        with pytest.raises(commands.Refused) as refused:
            give(counter, kind, operator=who)
        assert refused.value.code == code
    assert orders() == 0
