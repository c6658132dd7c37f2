"""Walk the table: from every state every step, with and without money."""

from __future__ import annotations

import pytest

from prewatt.domain.dispatch.states import FINAL, LATE_FACTS, OPEN, TABLE, State, Step, after

REFUSALS = (State.REFUSED, State.EXPIRED, State.CANCELLED)


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("step", Step)
def test_every_step_from_every_state_is_decided(state: State, step: Step) -> None:
    following = after(state, step, money=True)
    assert following is None or following in State
    if following is None and (state, step) in LATE_FACTS:
        assert after(state, step, money=False) is LATE_FACTS[state, step]


def test_every_state_is_reached_and_left_or_final() -> None:
    reached = {State.QUEUED} | {following for (state, _), following in TABLE.items() if following != state}
    left = {state for (state, _), following in TABLE.items() if following != state}
    assert reached == set(State)
    assert left == OPEN
    assert {State.DONE, State.REFUSED, State.EXPIRED, State.CANCELLED} == FINAL


@pytest.mark.parametrize("state", FINAL)
@pytest.mark.parametrize("step", Step)
def test_a_settled_money_order_never_changes_again(state: State, step: Step) -> None:
    assert after(state, step, money=True) in (None, state)


@pytest.mark.parametrize("state", REFUSALS)
def test_a_late_done_after_a_settled_refusal_is_a_contradiction_for_money(state: State) -> None:
    assert after(state, Step.DONE, money=True) is None
    assert after(state, Step.DONE, money=False) is State.DONE


@pytest.mark.parametrize("step", [Step.REFUSED, Step.EXPIRED, Step.CANCELLED])
def test_a_refusal_after_done_is_a_contradiction(step: Step) -> None:
    assert after(State.DONE, step, money=True) is None


@pytest.mark.parametrize("state", State)
def test_only_a_person_decides_and_only_what_is_unclear(state: State) -> None:
    for step, following in ((Step.DECIDED_APPLIED, State.DONE), (Step.DECIDED_NOT, State.REFUSED)):
        assert after(state, step, money=True) is (following if state is State.UNCLEAR else None)


@pytest.mark.parametrize("state", State)
def test_an_order_that_left_the_centre_is_never_simply_withdrawn(state: State) -> None:
    assert (after(state, Step.WITHDRAW, money=True) is State.CANCELLED) == (state is State.QUEUED)


def test_the_same_answer_again_changes_nothing() -> None:
    for (state, step), following in TABLE.items():
        if step.value in State.values and step is not Step.LAPSE:
            assert after(following, step, money=True) in (following, None)
            assert after(state, step, money=True) is following
            assert after(following, step, money=True) == following
