"""How long a scan takes is known before it begins: from the line's speed and what the meters leave of it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from prewatt.link.looking import (
    INQUIRY_S_MAX,
    Figures,
    allowed_s,
    dlt645_questions,
    modbus_questions,
    question_s,
)

addresses = st.sets(st.integers(0, 9999).map("{:012d}".format), max_size=40)


def asked(known: set[str], end: str = "") -> int:
    """The search itself: everybody whose address ends so answers, and two at once are heard by nobody."""
    if sum(address.endswith(end) for address in known) < 2 or len(end) == 12:
        return 1
    return 1 + sum(asked(known, f"{pair:02d}{end}") for pair in range(100))


def test_a_slow_a_busy_and_a_silent_bus_take_longer() -> None:
    quick = question_s(Figures(10 / 9600))
    assert question_s(Figures(10 / 2400)) > quick
    assert question_s(Figures(10 / 9600, probing=True)) > quick
    assert question_s(Figures(10 / 9600, busy=False)) < quick / 10


def test_a_question_on_a_busy_bus_of_2400_baud_takes_seconds_and_not_half_a_minute() -> None:
    assert 5 < question_s(Figures(11 / 2400, dlt645=True)) < 8


def test_one_meter_is_heard_at_once_and_two_ask_for_a_hundred_questions_more() -> None:
    assert dlt645_questions([]) == dlt645_questions(["000000000011"]) == 1
    assert dlt645_questions(["000000000011", "000000000012"]) == 101
    assert dlt645_questions(["000000000111", "000000000211"]) == 201
    assert dlt645_questions(["000000000111", "000000000111"]) == 601, "two of one address are never heard alone"


@given(addresses)
def test_the_questions_are_those_of_the_search(known: set[str]) -> None:
    assert dlt645_questions(known) == asked(known)


def test_a_scan_for_models_asks_more_of_those_that_answer() -> None:
    assert modbus_questions(30, meters=20, guess=False) == 30
    assert modbus_questions(30, meters=20, guess=True) > 30


def test_it_is_allowed_more_than_is_expected_and_never_without_end() -> None:
    assert allowed_s(0) > 0
    assert allowed_s(1000) > 2 * 1000
    assert allowed_s(10**9) == INQUIRY_S_MAX
