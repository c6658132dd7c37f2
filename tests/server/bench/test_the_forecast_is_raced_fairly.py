"""The benchmark of the forecast: what the naive ones say, what is true, and that nobody looks ahead."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from prewatt.domain.forecast import rule
from prewatt.server.bench import forecast as bench

MONDAY = date(2024, 1, 1)


def _days(count: int, *, start: date = MONDAY) -> dict[date, int]:
    return {start + timedelta(days=number): 100 + number for number in range(count)}


def test_the_naive_ones_are_what_they_are_called() -> None:
    first = MONDAY + timedelta(days=28)
    assert bench.last_week(_days(28), first) == [*range(121, 128), *range(121, 128)]
    assert bench.recent_mean(_days(28), first) == [124.0] * 14


def test_the_truth_is_the_moment_within_the_day_and_a_missing_day_has_none() -> None:
    days = dict.fromkeys(_days(5), 100)
    assert bench.true_days(250, days, MONDAY) == 2.5
    assert bench.true_days(600, days, MONDAY) is None
    del days[MONDAY + timedelta(days=1)]
    assert bench.true_days(250, days, MONDAY) is None


def test_nobody_sees_a_day_that_is_still_to_come(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[date, date]] = []
    real = rule.outlook

    def watched(history: dict[date, int], *, first: date) -> rule.Outlook | None:
        seen.append((max(history), first))
        return real(history, first=first)

    monkeypatch.setattr(rule, "outlook", watched)
    race = bench.Race()
    race.run(_days(200), bench.origins(MONDAY, 10, 10))
    assert race.origins == 14
    assert all(newest < first for newest, first in seen)


def test_an_hour_that_was_never_recorded_makes_its_day_unknown() -> None:
    from prewatt.sim import loads

    name = next(name for name in loads.names() if loads.column(name).gaps)
    start = loads.column(name).gaps[0][0]
    first = date.fromisoformat(loads.span()[0][:10])
    assert first + timedelta(days=start // 24) not in bench.recorded(name)


def test_it_beats_both_on_some_of_the_loads_too() -> None:
    found = bench.measure(every=19)
    mine, *naive = (its["days_ahead"]["1"]["mae_percent_of_mean_day"] for its in found["contenders"].values())
    assert mine < min(naive)
    assert found["interval_80"]["7"]["inside_percent"] == pytest.approx(80, abs=12)
