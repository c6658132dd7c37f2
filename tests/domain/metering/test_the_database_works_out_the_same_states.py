"""The rule of the eight states stands twice, in Python and as an expression: the two never differ."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from counter import NOW, Counter

pytestmark = pytest.mark.django_db

FEN = st.none() | st.sampled_from([-1, 0, 1, 1999, 2000, 2001, 4999, 5000, 5001]) | st.integers(-9000, 9000)
FACTS = st.fixed_dictionaries(
    {
        "lost": st.booleans(),
        "balance_fen": FEN,
        "overdraft_fen": st.none() | st.integers(0, 3000),
        "relay_closed": st.sampled_from([None, 0, 1]),
        "forced": st.sampled_from([None, 0, 1, 2]),
    }
)


@given(facts=FACTS, alarms=st.tuples(st.integers(0, 6000), st.integers(0, 6000)), opened=st.booleans())
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_state_and_balance_are_those_of_the_pure_rule(
    counter: Counter, facts: dict[str, Any], alarms: tuple[int, int], opened: bool
) -> None:
    from prewatt.domain.estate.models import Meter, Opening
    from prewatt.domain.metering import board
    from prewatt.domain.metering.queries import standing

    meter = counter.meters[0]
    Meter.objects.update(alarm1_fen=alarms[0], alarm2_fen=alarms[1])
    if not Opening.objects.exists():
        counter.opened()
    Opening.objects.update(closed_at=None if opened else NOW)
    counter.read(meter, **facts)
    one = standing(Meter.objects.select_related("state").get())
    [seen] = board.board(operator=counter.admin)
    assert (seen.shown, seen.net_fen) == (one.state.value, one.balance_fen)


@given(
    facts=FACTS,
    money=st.tuples(FEN.map(lambda fen: fen or 0), st.integers(0, 9000)),
    billing=st.sampled_from(["platform", "postpaid"]),
    refused=st.sampled_from(["", "no price"]),
)
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_where_the_platform_bills_the_ledger_is_asked_and_not_the_meter(
    counter: Counter, facts: dict[str, Any], money: tuple[int, int], billing: str, refused: str
) -> None:
    from prewatt.domain.billing.models import Standing, Terms
    from prewatt.domain.billing.operations import begin
    from prewatt.domain.estate.models import Meter, Opening
    from prewatt.domain.metering import board
    from prewatt.domain.metering.queries import standing

    Meter.objects.update(alarm1_fen=5000, alarm2_fen=2000)
    if not Opening.objects.exists():
        begin(opening=counter.opened(), asked="o", billing=billing, overdraft_fen=0, switch_on_min_fen=0)
    Terms.objects.update(billing=billing)
    Standing.objects.update(put_fen=money[0], rated_fen=money[1], refused=refused)
    counter.read(counter.meters[0], **facts)
    one = standing(Meter.objects.select_related("state").get())
    [seen] = board.board(operator=counter.admin)
    assert (seen.shown, seen.net_fen) == (one.state.value, one.balance_fen)
    assert one.balance_fen == (None if refused else money[0] - money[1])
    assert billing == "platform" or not {"owe", "al1", "al2"} & set(one.states)


def test_a_meter_that_was_never_read_is_lost_once_it_has_an_account(counter: Counter) -> None:
    from prewatt.domain.metering import board
    from prewatt.domain.metering.models import MeterState

    assert [one.shown for one in board.board(operator=counter.admin)] == ["none"]
    counter.opened()
    MeterState.objects.all().delete()
    assert [one.shown for one in board.board(operator=counter.admin)] == ["lost"]


def test_a_tenant_who_left_and_one_who_came_are_one_line(counter: Counter) -> None:
    from prewatt.domain.estate.models import Opening
    from prewatt.domain.metering import board

    counter.opened()
    Opening.objects.update(closed_at=NOW)
    counter.opened(balance_fen=100_000)
    assert board.board(operator=counter.admin).count() == 1
    assert sum(board.counts(board.board(operator=counter.admin)).values()) == 1


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("11", (11, 11)),
        ("11-20", (11, 20)),
        ("20 - 11", (11, 20)),
        ("11F–20F", (11, 20)),
        ("-2", (-2, -2)),
        ("B2", (-2, -2)),
        ("", None),
        ("tenth", None),
        ("1-", None),
        ("1-2-3", None),
        ("99999", None),
    ],
)
def test_floors_are_a_number_or_a_span(text: str, span: tuple[int, int] | None) -> None:
    from prewatt.domain.metering.board import span as span_of

    assert span_of(text) == span


def test_a_selection_never_reaches_beyond_the_operators_buildings(counter: Counter) -> None:
    from prewatt.domain.metering.board import Chosen, Wanted, resolve

    own = counter.meters[0].pk
    named = Chosen(ids=frozenset({own, own + 1}))
    assert resolve(named, operator=counter.admin).meters == (own,)
    assert resolve(named, operator=counter.admin).dropped == 1
    assert resolve(named, operator=counter.stranger) == type(resolve(named, operator=counter.admin))((), 2)
    assert resolve(Chosen(all_of=Wanted()), operator=counter.stranger).meters == ()
    assert resolve(Chosen(all_of=Wanted()), operator=counter.admin).meters == (own,)
    assert resolve(Chosen(all_of=Wanted(), but=frozenset({own})), operator=counter.admin).meters == ()
