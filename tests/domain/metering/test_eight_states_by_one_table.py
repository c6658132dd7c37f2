from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prewatt.domain.metering.states import Facts, State, all_states, net_fen, state

GOOD = {"opened": True, "balance_fen": 10_000, "relay_closed": 1, "forced": 0, "alarm1_fen": 5000, "alarm2_fen": 2000}


def facts(**changes: object) -> Facts:
    return Facts(**GOOD | changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "shown"),
    [
        ({}, State.OPEN),
        ({"opened": False}, State.NONE),
        ({"lost": True}, State.LOST),
        ({"forced": 2}, State.HOLD),
        ({"relay_closed": 0}, State.OFF),
        ({"balance_fen": 0}, State.OWE),
        ({"balance_fen": -1}, State.OWE),
        ({"balance_fen": 0, "overdraft_fen": 318}, State.OWE),
        ({"balance_fen": 1}, State.AL2),
        ({"balance_fen": 2000}, State.AL2),
        ({"balance_fen": 2001}, State.AL1),
        ({"balance_fen": 5000}, State.AL1),
        ({"balance_fen": 5001}, State.OPEN),
        ({"balance_fen": None, "relay_closed": None, "forced": None}, State.OPEN),
        ({"alarm1_fen": 0, "alarm2_fen": 0, "balance_fen": 1}, State.OPEN),
        ({"alarm1_fen": 1000, "alarm2_fen": 2000, "balance_fen": 1500}, State.AL2),
    ],
)
def test_each_state_has_its_condition(changes: dict[str, object], shown: State) -> None:
    assert state(facts(**changes)) == shown


# When several hold, the first is shown; the words are those of the pages.
PRECEDENCE = ["none", "lost", "hold", "off", "owe", "al2", "al1", "open"]
CAUSES: dict[str, dict[str, object]] = {
    "none": {"opened": False},
    "lost": {"lost": True},
    "hold": {"forced": 2},
    "off": {"relay_closed": 0},
    "owe": {"balance_fen": -500},
}


def test_the_order_of_precedence_is_the_agreed_one() -> None:
    assert [one.value for one in State] == PRECEDENCE


@pytest.mark.parametrize(("first", "second"), list(itertools.combinations(CAUSES, 2)))
def test_of_two_that_hold_the_first_is_shown(first: str, second: str) -> None:
    assert state(facts(**CAUSES[second] | CAUSES[first])) == first


@given(
    opened=st.booleans(),
    lost=st.booleans(),
    balance_fen=st.none() | st.integers(-10_000, 10_000),
    overdraft_fen=st.none() | st.integers(0, 500),
    relay_closed=st.sampled_from([None, 0, 1]),
    forced=st.sampled_from([None, 0, 1, 2]),
    alarm1_fen=st.integers(0, 8000),
    alarm2_fen=st.integers(0, 8000),
)
def test_there_is_always_one_to_show_and_the_others_stand_behind_it_in_order(**known: object) -> None:
    found = all_states(Facts(**known))  # type: ignore[arg-type]
    assert found[0] == state(Facts(**known))  # type: ignore[arg-type]
    assert [one.value for one in found] == [one for one in PRECEDENCE if one in found]
    assert len({State.OWE, State.AL2, State.AL1, State.OPEN} & set(found)) <= 1
    assert (found == (State.NONE,)) == (not known["opened"])


@pytest.mark.parametrize(
    ("balance", "overdraft", "net"),
    [(500, 0, 500), (500, None, 500), (0, 318, -318), (-318, 318, -318), (None, 5, None)],
)
def test_arrears_are_one_figure_however_a_meter_shows_them(
    balance: int | None, overdraft: int | None, net: int | None
) -> None:
    assert net_fen(facts(balance_fen=balance, overdraft_fen=overdraft)) == net
