"""远程控制: off by default, his own meter alone, never against hold or list, and not on against the property office."""

from __future__ import annotations

from typing import Any

import pytest

from counter import Counter
from prewatt.domain import commands
from prewatt.domain.control import cutting
from prewatt.domain.control.models import Cut, NeverCut, SwitchRules
from prewatt.domain.dispatch.models import MeterOrder
from prewatt.domain.staff.models import LogEntry
from prewatt.link.messages import Kind, Outcome


@pytest.fixture
def home(counter: Counter) -> Counter:
    SwitchRules.objects.create(tenant_on=True, tenant_off=True)
    counter.account = counter.opened(balance_fen=5000)  # type: ignore[attr-defined]
    counter.read(counter.meters[0], balance_fen=5000, relay_closed=1)
    return counter


def ask(home: Any, kind: Kind, **changes: Any) -> MeterOrder:
    asked: dict[str, Any] = {"order_id": "t1", "opening": home.account, "kind": kind, "now": home.now}
    return commands.by_tenant(**asked | ({"confirmed": "101"} if kind == Kind.SWITCH_OFF else {}) | changes)


def dark(home: Any, **values: Any) -> None:
    home.read(home.meters[0], **{"balance_fen": 5000, "relay_closed": 0} | values)


def test_off_and_on_are_orders_with_the_tenants_name_in_the_log(home: Any) -> None:
    order = ask(home, Kind.SWITCH_OFF)
    assert (order.kind, order.cause_kind, order.placed_by) == ("switch_off", "tenant", None)
    assert order.expires_at is not None
    entry = LogEntry.objects.get(action="switch_off")
    assert (entry.operator, entry.after["asked_by"]) == (None, "tenant K0001")
    assert Cut.objects.get(order=order).reason == "asked"
    assert ask(home, Kind.SWITCH_OFF).pk == order.pk
    home.lease()
    home.settle("t1", Outcome.DONE, relay_closed=0)
    dark(home)
    assert ask(home, Kind.SWITCH_ON, order_id="t2").kind == "switch_on"


def test_it_takes_nothing_from_what_one_person_may_switch_off_alone(home: Any) -> None:
    ask(home, Kind.SWITCH_OFF)
    assert cutting.alone_lately(cutting.rules(), now=home.now) == 0


@pytest.mark.parametrize(("on", "off", "kind"), [(False, False, Kind.SWITCH_ON), (True, False, Kind.SWITCH_OFF)])
def test_a_site_that_does_not_allow_it_refuses(home: Any, on: bool, off: bool, kind: Kind) -> None:
    SwitchRules.objects.update(tenant_on=on, tenant_off=off)
    if kind == Kind.SWITCH_ON:
        dark(home)
    with pytest.raises(commands.TenantMayNot):
        ask(home, kind)
    assert not MeterOrder.objects.exists()


def test_as_delivered_nothing_is_allowed() -> None:
    assert (SwitchRules().tenant_on, SwitchRules().tenant_off) == (False, False)


@pytest.mark.parametrize("kind", [Kind.HOLD, Kind.RELEASE, Kind.READ])
def test_nothing_else_is_ordered_by_a_tenant(home: Any, kind: Kind) -> None:
    with pytest.raises(commands.TenantMayNot):
        ask(home, kind)


def test_off_asks_for_the_rooms_number(home: Any) -> None:
    with pytest.raises(commands.NotConfirmed):
        ask(home, Kind.SWITCH_OFF, confirmed="102")


def test_never_against_a_hold_the_list_or_a_silent_meter(home: Any) -> None:
    home.read(home.meters[0], balance_fen=5000, relay_closed=1, forced=2)
    with pytest.raises(commands.MeterHeld):
        ask(home, Kind.SWITCH_OFF)
    home.read(home.meters[0], lost=True, balance_fen=5000, relay_closed=1, forced=0)
    with pytest.raises(commands.MeterLost):
        ask(home, Kind.SWITCH_OFF)
    home.read(home.meters[0], balance_fen=5000, relay_closed=1, forced=0)
    NeverCut.objects.create(room=home.room, kind="fire", set_at=home.now, set_by=home.admin)
    with pytest.raises(cutting.NeverCutThis):
        ask(home, Kind.SWITCH_OFF)
    assert not MeterOrder.objects.exists()


def test_on_needs_money(home: Any) -> None:
    dark(home, balance_fen=-1)
    with pytest.raises(commands.NotPaidYet):
        ask(home, Kind.SWITCH_ON)
    dark(home, balance_fen=1)
    assert ask(home, Kind.SWITCH_ON)


def cut(home: Any, reason: str) -> None:
    commands.command(
        order_id="c1",
        meter=home.meters[0],
        kind=Kind.SWITCH_OFF,
        operator=home.admin,
        reason=reason,
        override="now",
        confirmed="101",
        now=home.now,
    )
    home.lease()
    home.settle("c1", Outcome.DONE, relay_closed=0)
    dark(home)


@pytest.mark.parametrize("reason", ["danger", "work", "overload", "asked"])
def test_what_the_property_office_switched_off_stays_off(home: Any, reason: str) -> None:
    cut(home, reason)
    with pytest.raises(commands.CutByOthers):
        ask(home, Kind.SWITCH_ON)
    assert not commands.tenant_may(home.account, Kind.SWITCH_ON)


def test_who_went_dark_for_arrears_and_has_paid_comes_back(home: Any) -> None:
    cut(home, "arrears")
    assert ask(home, Kind.SWITCH_ON)


def test_what_is_already_so_is_not_ordered(home: Any) -> None:
    with pytest.raises(commands.NothingToSwitch):
        ask(home, Kind.SWITCH_ON)
    dark(home)
    with pytest.raises(commands.NothingToSwitch):
        ask(home, Kind.SWITCH_OFF)


def test_a_closed_or_inactive_account_switches_nothing(home: Any) -> None:
    home.account.inactive = True
    with pytest.raises(commands.TenantMayNot):
        ask(home, Kind.SWITCH_OFF)
    home.account.inactive, home.account.closed_at = False, home.now
    with pytest.raises(commands.TenantMayNot):
        ask(home, Kind.SWITCH_OFF)
