"""The purchase count is a compare-and-swap: own + 1 is taken, equal depends on the firmware, the rest is refused."""

from __future__ import annotations

import pytest

from prewatt.sim.memory import Refused
from prewatt.sim.meter import Meter
from sim.meters import START_MS, at, meter


def recharge(one: Meter, amount_fen: int, count: int, *, now_ms: int = START_MS) -> dict[str, int]:
    one.apply("recharge", {"amount_fen": amount_fen, "count": count}, now_ms)
    return one.status(now_ms)


def test_own_count_plus_one_is_taken() -> None:
    shown = recharge(meter(0, opened_with_fen=500), 10_000, 1)
    assert (shown["purchase_count"], shown["balance_fen"], shown["bought_fen"]) == (1, 10_500, 10_500)


@pytest.mark.parametrize("count", [0, 3, 4, 65_535])
@pytest.mark.parametrize("firmware", ["2010", "2018"])
def test_a_count_that_is_neither_equal_nor_next_is_refused_and_changes_nothing(count: int, firmware: str) -> None:
    one = meter(0, spec={"firmware": firmware})
    before = recharge(one, 100, 1)
    with pytest.raises(Refused, match="count_mismatch"):
        recharge(one, 100, count)
    assert one.status(START_MS) == before


def test_an_equal_count_answers_the_present_state_on_2018_firmware() -> None:
    one = meter(0, spec={"firmware": "2018"})
    assert recharge(one, 100, 1) == recharge(one, 100, 1) == recharge(one, 99_999, 1)


def test_an_equal_count_is_refused_on_older_firmware() -> None:
    one = meter(0, spec={"firmware": "2010"})
    before = recharge(one, 100, 1)
    with pytest.raises(Refused, match="count_mismatch"):
        recharge(one, 100, 1)
    assert one.status(START_MS) == before


def test_up_to_the_ceiling_is_taken_and_a_fen_more_is_refused() -> None:
    one = meter(0, opened_with_fen=40_000, ceiling_fen=100_000)
    with pytest.raises(Refused, match="above_ceiling"):
        recharge(one, 60_001, 1)
    assert one.status(START_MS)["purchase_count"] == 0, "refused, so the purchase itself stays valid"
    assert recharge(one, 60_000, 1)["balance_fen"] == 100_000


def test_the_ceiling_looks_at_what_is_left_after_the_overdraft_is_paid() -> None:
    one = meter(1000, opened_with_fen=100, spec={"breaker": "failed"}, ceiling_fen=1_000)
    assert one.status(at(2))["balance_fen"] == -100
    assert recharge(one, 1_100, 1, now_ms=at(2))["balance_fen"] == 1_000


def test_a_ceiling_of_zero_is_none() -> None:
    assert recharge(meter(0, ceiling_fen=0), 10**9, 1)["balance_fen"] == 10**9 + 10_000


@pytest.mark.parametrize("amount_fen", [0, -1])
def test_nothing_and_less_than_nothing_cannot_be_bought(amount_fen: int) -> None:
    with pytest.raises(Refused, match="bad_amount"):
        recharge(meter(0), amount_fen, 1)


def test_without_an_account_a_purchase_is_refused() -> None:
    with pytest.raises(Refused, match="not_open"):
        recharge(meter(0, opened_with_fen=None), 100, 1)


def test_the_first_purchase_stores_the_customer_and_another_customer_is_refused() -> None:
    one = meter(0)
    one.recharge(amount_fen=100, count=1, customer="000000123456")
    with pytest.raises(Refused, match="customer_mismatch"):
        one.recharge(amount_fen=100, count=2, customer="000000999999")
    one.recharge(amount_fen=100, count=2, customer="000000123456")
    assert (one.memory.customer, one.purchase_count) == ("000000123456", 2)


def test_a_refund_counts_like_a_purchase_and_takes_the_amount_off_balance_and_bought() -> None:
    one = meter(0, opened_with_fen=5_000)
    one.apply("refund", {"amount_fen": 5_000, "count": 1}, START_MS)
    shown = one.status(START_MS)
    assert (shown["purchase_count"], shown["balance_fen"], shown["bought_fen"], shown["relay_closed"]) == (1, 0, 0, 0)


def test_more_than_the_balance_is_not_refunded_unless_the_meter_allows_debt() -> None:
    with pytest.raises(Refused, match="balance_too_small"):
        meter(0, opened_with_fen=5_000).apply("refund", {"amount_fen": 5_001, "count": 1}, START_MS)
    indebted = meter(0, opened_with_fen=5_000, spec={"refund_into_debt": True})
    indebted.apply("refund", {"amount_fen": 5_001, "count": 1}, START_MS)
    assert indebted.status(START_MS)["balance_fen"] == -1


def test_opening_sets_balance_and_count_absolutely_and_clears_debt() -> None:
    one = meter(1000, opened_with_fen=100, spec={"breaker": "failed"})
    recharge(one, 50, 1, now_ms=at(3))
    assert one.status(at(3))["balance_fen"] == -150
    one.apply("open", {"amount_fen": 700, "count": 0}, at(3))
    shown = one.status(at(3))
    assert (shown["balance_fen"], shown["purchase_count"], shown["state_arrears"]) == (700, 0, 0)
    assert shown["bought_fen"] - shown["balance_fen"] == one.deducted_fen


def test_the_last_twenty_purchases_are_kept() -> None:
    one = meter(0)
    for count in range(1, 31):
        recharge(one, count, count, now_ms=at(count))
    one.advance(at(31))
    kept = one.memory.recharges
    assert [line.purchase_count for line in kept] == list(range(11, 31))
    assert (kept[-1].amount_fen, kept[-1].balance_fen, kept[-1].at_ms) == (30, 10_000 + sum(range(31)), at(30))


def test_a_meter_that_does_not_check_the_count_believes_every_one() -> None:
    one = meter(0, spec={"firmware": "unchecked"})
    recharge(one, 100, 1)
    assert recharge(one, 100, 1)["bought_fen"] == 10_200, "the same order twice is money twice"
    assert recharge(one, 100, 9)["purchase_count"] == 9
