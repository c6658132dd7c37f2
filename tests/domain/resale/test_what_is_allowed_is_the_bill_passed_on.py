"""What a tenant may be charged: the bill, passed on. Never more goes back than was charged."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from prewatt.domain.resale.allowance import Paid, allowed_fen, over_fen, rate_e8

QUICK = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
BANDS = ("sharp", "peak", "flat", "valley", "deep")


@st.composite
def paids(draw: Any) -> Paid:
    wh = {band: draw(st.integers(0, 10**9)) for band in BANDS}
    wh["flat"] += 1
    fen = {band: draw(st.integers(1, 10**8)) if used else 0 for band, used in wh.items()}
    return Paid(wh, fen, draw(st.integers(0, 10**7)))


def test_a_period_costs_what_the_bill_says_and_its_share_of_the_rest() -> None:
    paid = Paid({"peak": 1_000_000, "valley": 1_000_000}, {"peak": 100_000, "valley": 30_000}, other_fen=20_000)
    assert rate_e8(paid.price("peak")) == 110_000_000
    assert rate_e8(paid.mean()) == 75_000_000
    assert allowed_fen(paid, {"peak": 10_000, "valley": 0}, 10_000) == 1_100
    assert allowed_fen(paid, {}, 10_000) == 750


def test_a_mark_up_is_added_only_where_it_is_allowed() -> None:
    paid = Paid({"flat": 1_000_000}, {"flat": 80_000})
    assert allowed_fen(paid, {}, 10_000) == 800
    assert allowed_fen(Paid(paid.wh, paid.fen, markup_permille=50), {}, 10_000) == 840


def test_energy_that_no_period_counted_costs_the_mean() -> None:
    paid = Paid({"peak": 1_000_000, "valley": 1_000_000}, {"peak": 100_000, "valley": 30_000})
    assert allowed_fen(paid, {"peak": 4_000}, 10_000) == 400 + 390


@QUICK
@given(paids(), st.integers(1, 50))
def test_the_whole_bill_passed_on_is_the_bill(paid: Paid, parts: int) -> None:
    """Cut among tenants by period, to half a fen each."""
    share = {band: wh // parts for band, wh in paid.wh.items()}
    rest = {band: wh - share[band] * (parts - 1) for band, wh in paid.wh.items()}
    passed_on = allowed_fen(paid, share, sum(share.values())) * (parts - 1) + allowed_fen(
        paid, rest, sum(rest.values())
    )
    assert abs(passed_on - paid.total_fen) * 2 <= parts


@QUICK
@given(st.integers(0, 10**9), st.integers(0, 10**9), st.lists(st.integers(0, 10**9), max_size=5))
def test_never_more_goes_back_than_was_charged(charged: int, allowed: int, raised: list[int]) -> None:
    """However often a bill is corrected and a run is made again."""
    given_back = 0
    for less in [0, *raised]:
        back = over_fen(charged, max(0, allowed - less), given_back)
        assert back >= 0
        given_back += back
    assert given_back <= charged
