"""What a day cost, line by line: the lines add up to the charge, whatever the plan and the load."""

from __future__ import annotations

from datetime import date, time, timedelta
from fractions import Fraction
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from prewatt.domain.tariff.rules.charging import price
from prewatt.domain.tariff.rules.explaining import by_day
from prewatt.domain.tariff.rules.plan import Plan
from prewatt.domain.tariff.rules.timeline import Interval, seconds
from random_plans import plans
from tariffs import at, plan, use

QUICK = settings(max_examples=40, deadline=None)
TOU = {
    "prices": {"peak": "1.2", "flat": "0.8", "valley": "0.3"},
    "tables": {
        "a": [{"at": "00:00", "band": "valley"}, {"at": "08:00", "band": "peak"}, {"at": "11:00", "band": "flat"},
              {"at": "18:00", "band": "peak"}, {"at": "22:00", "band": "valley"}]
    },
    "calendar": [{"table": "a"}],
}  # fmt: skip


@st.composite
def hours(draw: Any) -> list[Interval]:
    start_s, chance = seconds(at("2026-03-25 00:00")), Random(draw(st.integers(0, 10**6)))
    return [
        Interval(start_s + n * 3600, start_s + (n + 1) * 3600, chance.randrange(0, 30_000))
        for n in range(draw(st.integers(1, 300)))
    ]


@QUICK
@given(plans(), hours())
def test_the_days_add_up_to_the_charge_to_the_fen(chosen: Plan, load: list[Interval]) -> None:
    bill, days = price(chosen, load), list(by_day(chosen, load))
    assert sum(one.fen for one in days) == bill.fen
    assert sum(one.wh for one in days) == bill.wh


@QUICK
@given(plans(), hours())
def test_the_lines_of_a_day_and_its_rest_are_its_charge(chosen: Plan, load: list[Interval]) -> None:
    so_far = Fraction(0)
    for one in by_day(chosen, load):
        assert sum((part.exact for part in one.parts), Fraction(0)) + one.rest == one.fen
        so_far += one.rest
    if chosen.rounding.each == "total":
        # at most half a fen for each span that was begun, and never more, however many days there were
        spans = len(price(chosen, load).statements)
        assert abs(so_far) <= Fraction(spans, 2)


@QUICK
@given(plans(), hours())
def test_the_lines_of_all_days_are_the_lines_of_the_bill(chosen: Plan, load: list[Interval]) -> None:
    def sums(lines: Any) -> dict[Any, Fraction]:
        found: dict[Any, Fraction] = {}
        for one in lines:
            key = (one.kind, one.version, one.name, one.band, one.step, one.rate_e8)
            found[key] = found.get(key, Fraction(0)) + one.exact
        return {key: value for key, value in found.items() if value}

    whole = [line for statement in price(chosen, load).statements for line in statement.lines]
    assert sums(part for one in by_day(chosen, load) for part in one.parts) == sums(whole)


def test_a_line_says_when_its_period_holds() -> None:
    (day,) = by_day(plan(TOU), [use("2026-05-06 09:00", "2"), use("2026-05-06 19:00", "1")])
    (line,) = day.parts
    assert (line.band, line.wh, line.rate_e8, line.exact) == ("peak", 3000, 120_000_000, 360)
    assert line.clock == ((time(8), time(11)), (time(18), time(22)))


def test_a_day_in_which_the_ladder_is_climbed_shows_both_steps() -> None:
    steps = {"ladder": {"steps": [{"up_to_kwh": "10", "price": "0.5"}, {"price": "0.8"}]}}
    first, second = by_day(plan(steps), [use("2026-05-06 09:00", "8"), use("2026-05-07 09:00", "5")])
    assert [(part.step, part.wh) for part in first.parts] == [(1, 8000)]
    assert [(part.step, part.wh, part.exact) for part in second.parts] == [(1, 2000, 100), (2, 3000, 240)]


def test_a_fee_of_the_month_stands_on_its_first_day_alone() -> None:
    fees = {"price": "0.5", "fees": [{"name": "service", "amount": "3", "every": "month"}]}
    first, second = by_day(plan(fees), [use("2026-05-06 09:00", "1"), use("2026-05-07 09:00", "1")])
    assert [(part.kind, part.name, part.exact) for part in first.parts] == [
        ("energy", "", 50),
        ("fee", "service", 300),
    ]
    assert [part.kind for part in second.parts] == ["energy"]


def test_fractions_of_a_fen_are_carried_and_never_lost() -> None:
    load = [use(f"2026-05-{day:02d} 09:00", "0.001") for day in range(1, 31)]
    days = list(by_day(plan({"price": "0.3"}), load))  # 0.03 fen a day
    assert [one.fen for one in days].count(1) == 1
    assert days[-1].day - days[0].day == timedelta(days=29)
    assert days[0].day == date(2026, 5, 1)
