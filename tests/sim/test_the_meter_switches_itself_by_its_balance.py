"""Alarms compare "at most", the relay opens at the exact moment, reminders come once, overdraft is paid first."""

from __future__ import annotations

import pytest

from prewatt.sim.memory import Refused
from prewatt.sim.meter import Meter
from sim.meters import START_MS, at, meter


def closed(one: Meter, now_ms: int) -> int:
    return one.status(now_ms)["relay_closed"]


def test_the_relay_opens_at_the_very_moment_the_money_is_gone_however_late_anybody_looks() -> None:
    one = meter(1000, opened_with_fen=150)
    # rounding half up, the 150th fen is gone after 1.495 kWh: 5382 s
    assert closed(one, at(seconds=5381, ms=999)) == 1
    late = meter(1000, opened_with_fen=150)
    for meter_looked_at in (one, late):
        shown = meter_looked_at.values(at(100))
        assert (shown["energy_wh"], shown["balance_fen"], shown["relay_closed"]) == (1495, 0, 0)
        assert (shown["state_arrears"], shown["relay_command"]) == (1, 0)


def test_it_opens_on_the_millisecond() -> None:
    one = meter(1000, opened_with_fen=150)
    assert closed(one, at(seconds=5381, ms=999)) == 1
    assert closed(one, at(seconds=5382)) == 0


def test_alarms_are_on_at_most_their_amount_and_off_a_fen_above() -> None:
    one = meter(1000, opened_with_fen=2_101, alarm1_fen=2_001, alarm2_fen=0)
    above, at_level = one.status(at(seconds=3582 - 36)), one.status(at(seconds=3582))
    assert (above["balance_fen"], above["state_alarm1"]) == (2_002, 0)
    assert (at_level["balance_fen"], at_level["state_alarm1"]) == (2_001, 1)
    assert at_level["relay_closed"] == 1, "alarm 1 does not trip"


def test_alarm_2_trips_once_as_a_reminder_when_the_balance_is_at_most_its_amount() -> None:
    one = meter(1000, opened_with_fen=1_100, alarm2_fen=1_000)
    assert closed(one, at(seconds=3582, ms=-1)) == 1
    tripped = one.status(at(seconds=3582))
    assert (tripped["balance_fen"], tripped["state_alarm2"], tripped["relay_closed"]) == (1_000, 1, 0)
    assert tripped["state_arrears"] == 0, "a reminder is not arrears"


@pytest.mark.parametrize("how", ["recharge", "command", "button", "time"])
def test_a_reminder_ends_by_recharge_command_button_or_time_and_does_not_come_again(how: str) -> None:
    one = meter(1000, opened_with_fen=1_100, reminder_restore_s=300 if how == "time" else 0)
    one.apply("limits", {"alarm2_fen": 2_000}, START_MS)
    assert closed(one, at(2)) == (1 if how == "time" else 0)
    if how == "recharge":
        one.apply("recharge", {"amount_fen": 1, "count": 1}, at(2))
    elif how == "command":
        one.apply("switch_on", {}, at(2))
    elif how == "button":
        one.press_button(at(2))
    assert closed(one, at(2)) == 1
    assert closed(one, at(5)) == 1, "still below alarm 2, but it has reminded"


def test_a_reminder_without_a_time_stays_and_with_a_time_ends_on_its_second() -> None:
    stays = meter(1000, opened_with_fen=1_100, alarm2_fen=1_000)
    ends = meter(1000, opened_with_fen=1_100, alarm2_fen=1_000, reminder_restore_s=255)
    assert closed(stays, at(500)) == 0
    assert (closed(ends, at(seconds=3582 + 254)), closed(ends, at(seconds=3582 + 255))) == (0, 1)


def test_above_alarm_2_again_the_reminder_is_armed_again() -> None:
    one = meter(1000, opened_with_fen=1_100, alarm2_fen=1_000)
    one.apply("recharge", {"amount_fen": 500, "count": 1}, at(2))
    assert closed(one, at(2)) == 1
    assert closed(one, at(8)) == 0


def test_raising_alarm_2_above_the_balance_trips_at_once() -> None:
    one = meter(1000, opened_with_fen=5_000)
    one.apply("limits", {"alarm2_fen": 6_000}, at(1))
    assert closed(one, at(1)) == 0


def test_with_an_overdraft_zero_only_reminds_and_the_limit_cuts() -> None:
    one = meter(1000, opened_with_fen=100, overdraft_limit_fen=300, reminder_restore_s=60)
    at_zero = one.status(at(seconds=3582))
    assert (at_zero["balance_fen"], at_zero["relay_closed"], at_zero["state_arrears"]) == (0, 0, 1)
    assert closed(one, at(seconds=3582 + 60)) == 1, "the reminder at zero ends by itself"
    in_debt = one.status(at(2))
    assert in_debt["overdraft_fen"] == -in_debt["balance_fen"] > 90
    cut = one.status(at(50))
    assert (cut["overdraft_fen"], cut["relay_closed"]) == (301, 0), "overdraft above its limit cuts, equal does not"
    with pytest.raises(Refused, match="arrears"):
        one.apply("switch_on", {}, at(50))


def test_an_overdraft_of_exactly_the_limit_is_not_cut() -> None:
    one = meter(1000, opened_with_fen=100, overdraft_limit_fen=300, reminder_restore_s=60)
    now = next(now for now in range(at(3), at(6), 1000) if one.status(now)["overdraft_fen"] == 300)
    one.apply("limits", {"overdraft_limit_fen": 300}, now)
    assert closed(one, now) == 1
    one.apply("limits", {"overdraft_limit_fen": 299}, now)
    assert closed(one, now) == 0


def test_a_refund_does_not_end_a_reminder() -> None:
    one = meter(1000, opened_with_fen=1_100, alarm2_fen=1_000)
    one.apply("refund", {"amount_fen": 1, "count": 1}, at(2))
    assert closed(one, at(2)) == 0


def test_the_next_recharge_pays_the_overdraft_first_and_closes_only_above_zero() -> None:
    one = meter(1000, opened_with_fen=100, overdraft_limit_fen=300, reminder_restore_s=60)
    assert one.status(at(50))["balance_fen"] == -301
    one.apply("recharge", {"amount_fen": 301, "count": 1}, at(50))
    assert (one.status(at(50))["balance_fen"], closed(one, at(50))) == (0, 0)
    one.apply("recharge", {"amount_fen": 50, "count": 2}, at(51))
    assert (one.status(at(51))["balance_fen"], closed(one, at(51))) == (50, 1)


def test_where_an_amount_to_close_is_set_less_does_not_close() -> None:
    one = meter(1000, opened_with_fen=100, close_from_fen=1_000)
    assert closed(one, at(3)) == 0
    one.apply("recharge", {"amount_fen": 999, "count": 1}, at(3))
    assert closed(one, at(3)) == 0
    one.apply("recharge", {"amount_fen": 1, "count": 2}, at(3))
    assert closed(one, at(3)) == 1


def test_a_breaker_that_failed_lets_the_balance_run_below_zero_and_the_next_purchase_pays_it() -> None:
    one = meter(1000, spec={"breaker": "failed"}, opened_with_fen=100)
    shown = one.status(at(3))
    assert (shown["balance_fen"], shown["relay_command"], shown["relay_closed"]) == (-200, 0, 1)
    one.apply("recharge", {"amount_fen": 1_000, "count": 1}, at(3))
    assert one.status(at(3))["balance_fen"] == 800


def test_hold_keeps_the_power_while_the_balance_counts_down_and_refuses_a_trip() -> None:
    one = meter(1000, opened_with_fen=100)
    one.apply("hold", {}, at(0.5))
    held = one.status(at(5))
    assert (held["balance_fen"], held["relay_closed"], held["forced"], held["state_arrears"]) == (-400, 1, 2, 1)
    with pytest.raises(Refused, match="on_hold"):
        one.apply("switch_off", {}, at(5))
    assert closed(one, at(5)) == 1
    one.apply("release", {}, at(6))
    assert closed(one, at(6)) == 0, "back in the prepaid logic there is no money"


def test_forced_off_overrides_a_good_balance_and_switch_on_ends_it() -> None:
    one = meter(1000)
    one.apply("switch_off", {}, at(1))
    assert (closed(one, at(2)), one.status(at(2))["forced"]) == (0, 1)
    one.apply("recharge", {"amount_fen": 100, "count": 1}, at(3))
    assert closed(one, at(3)) == 0, "money does not end a forced trip"
    one.apply("switch_on", {}, at(4))
    assert (closed(one, at(4)), one.status(at(4))["forced"]) == (1, 0)


def test_after_a_shunt_trip_commanded_on_and_power_back_are_two_facts() -> None:
    one = meter(1000, spec={"breaker": "shunt"})
    one.apply("switch_off", {}, at(1))
    one.apply("switch_on", {}, at(2))
    waiting = one.values(at(3))
    assert (waiting["relay_command"], waiting["relay_closed"], waiting["energy_wh"]) == (1, 0, 1000)
    assert one.close_breaker(at(4))
    assert one.values(at(5))["energy_wh"] == 2000


def test_a_shunt_breaker_springs_open_again_while_the_meter_says_off_and_a_caretaker_may_come() -> None:
    one = meter(1000, spec={"breaker": "shunt", "hand_s": 600}, opened_with_fen=100)
    assert one.status(at(2))["relay_closed"] == 0
    assert not one.close_breaker(at(2))
    one.apply("recharge", {"amount_fen": 900, "count": 1}, at(3))
    assert (closed(one, at(3, seconds=599)), closed(one, at(3, seconds=600))) == (0, 1)


def test_overload_trips_come_back_by_themselves_until_they_were_too_many() -> None:
    one = meter(6000, opened_with_fen=10_000, overload_limit_w=5000, overload_restore_s=60, overload_allowed=2)
    first = one.status(START_MS)
    assert (first["relay_closed"], first["overload_trips"], first["state_overload"]) == (0, 1, 1)
    assert one.status(at(seconds=61))["overload_trips"] == 2
    locked = one.status(at(10))
    assert (locked["overload_trips"], locked["relay_closed"]) == (3, 0)
    one.apply("limits", {"overload_limit_w": 7000}, at(10))
    one.apply("recharge", {"amount_fen": 100, "count": 1}, at(10))
    assert (closed(one, at(10)), one.status(at(10))["overload_trips"]) == (1, 0)


def test_equal_to_the_overload_limit_is_allowed_and_hold_does_not_trip() -> None:
    equal = meter(5000, overload_limit_w=5000)
    held = meter(6000, overload_limit_w=5000, forced=2)
    assert (closed(equal, at(1)), closed(held, at(1))) == (1, 1)
