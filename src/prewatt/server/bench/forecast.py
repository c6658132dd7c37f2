"""The forecast on weeks it has not seen, beside two naive ones: the same day last week, and the mean of recent days.

The recorded loads (152 meters, 104 weeks) are those of `prewatt.sim`. The second year is held out: every constant of
the rule was chosen on the first. The origin rolls on five days at a time, so that every weekday is one; at each origin
all three know the days before it and nothing else. Days in which an hour was never recorded are unknown to all, as
history and as truth.
"""

from __future__ import annotations

import json as text
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import accumulate
from typing import Any

from rich.console import Console
from rich.table import Table

from prewatt.domain.forecast import rule
from prewatt.sim import loads

STEP_DAYS = 5
LEADS = (1, 7, 14)
BALANCES_DAYS = (3, 7, 14, 28)
HELD_OUT_WEEK = 52
MEAN_DAYS = 7
WEEK = 7

History = Mapping[date, int]
Naive = Callable[[History, date], list[float]]


@dataclass(slots=True)
class Errors:
    absolute: list[float] = field(default_factory=list)
    symmetric: list[float] = field(default_factory=list)

    def add(self, said: float, true: float, mean: float) -> None:
        self.absolute.append(abs(said - true) / mean)
        self.symmetric.append(2 * abs(said - true) / (abs(said) + abs(true)) if said or true else 0.0)

    def figures(self) -> dict[str, float]:
        return {"mae_percent_of_mean_day": _percent(self.absolute), "smape_percent": _percent(self.symmetric)}


def _percent(values: Sequence[float]) -> float:
    return round(100 * sum(values) / len(values), 2)


@dataclass(slots=True)
class Score:
    """One contender's errors, by days ahead and by balance."""

    days: dict[int, Errors] = field(default_factory=lambda: {lead: Errors() for lead in LEADS})
    left: dict[int, list[float]] = field(default_factory=lambda: {size: [] for size in BALANCES_DAYS})

    def figures(self) -> dict[str, Any]:
        return {
            "days_ahead": {str(lead): errors.figures() for lead, errors in self.days.items()},
            "days_left_mae_days": {
                str(size): round(sum(offs) / len(offs), 3) for size, offs in self.left.items() if offs
            },
        }


@dataclass(slots=True)
class Covered:
    inside: dict[int, list[bool]] = field(default_factory=lambda: {size: [] for size in BALANCES_DAYS})
    widths: dict[int, list[float]] = field(default_factory=lambda: {size: [] for size in BALANCES_DAYS})

    def figures(self) -> dict[str, Any]:
        return {
            str(size): {
                "inside_percent": _percent(hits),
                "mean_width_days": round(sum(self.widths[size]) / len(hits), 2),
            }
            for size, hits in self.inside.items()
            if hits
        }


def last_week(known: History, first: date) -> list[float]:
    """The same weekday's newest known use."""
    newest = {day.weekday(): known[day] for day in sorted(known)[-4 * WEEK :]}
    days = [first + timedelta(days=step) for step in range(rule.AHEAD_DAYS)]
    return [float(newest.get(day.weekday(), 0)) for day in days]


def recent_mean(known: History, _first: date) -> list[float]:
    """The mean of the last seven known days: what the console went by before."""
    last = sorted(known)[-MEAN_DAYS:]
    return [sum(known[day] for day in last) / len(last)] * rule.AHEAD_DAYS


NAIVE: Mapping[str, Naive] = {"last_week": last_week, "recent_mean": recent_mean}


def recorded(name: str) -> dict[date, int]:
    """Wh of each day of one recorded meter; a day with an hour that was filled in is absent."""
    load = loads.RoomLoad(name, mean_wh=1000, zone_offset_s=0)
    first, hours = loads.span()
    start = datetime.fromisoformat(f"{first}+00:00")
    found: dict[date, int] = {}
    for number in range(hours // 24):
        begins = start + timedelta(days=number)
        at_ms = [int(begins.timestamp() * 1000) + hour * loads.HOUR_MS for hour in range(24)]
        if not any(load.is_filled(at) for at in at_ms):
            found[begins.date()] = sum(load.hour_wh(at) for at in at_ms)
    return found


@dataclass(slots=True)
class Race:
    scores: dict[str, Score] = field(default_factory=lambda: {name: Score() for name in ("forecast", *NAIVE)})
    covered: Covered = field(default_factory=Covered)
    origins: int = 0

    def run(self, days: History, firsts: Iterator[date]) -> None:
        mean = sum(days.values()) / len(days)
        for first in firsts:
            since = first - timedelta(days=rule.HISTORY_DAYS)
            known = {day: wh for day, wh in days.items() if since <= day < first}
            made = rule.outlook(known, first=first)
            if made is None or first - timedelta(days=1) not in known:
                continue
            self.origins += 1
            said = {name: naive(known, first) for name, naive in NAIVE.items()} | {"forecast": list(made.use)}
            for name, use in said.items():
                self._days(self.scores[name], use, days, first, mean)
            self._left(said, made, days, first, mean)

    def _days(self, score: Score, use: Sequence[float], days: History, first: date, mean: float) -> None:
        for lead, errors in score.days.items():
            true = days.get(first + timedelta(days=lead - 1))
            if true is not None:
                errors.add(use[lead - 1], true, mean)

    def _left(
        self, said: Mapping[str, Sequence[float]], made: rule.Outlook, days: History, first: date, mean: float
    ) -> None:
        for size in BALANCES_DAYS:
            balance = round(size * mean)
            true = true_days(balance, days, first)
            if true is None:
                continue
            for name, use in said.items():
                curve = rule.Curve(tuple(round(one) for one in accumulate(use)))
                self.scores[name].left[size].append(abs(curve.reached(balance) - true))
            left = rule.days_left(balance, rule.curve(made), made)
            if left is not None:
                self.covered.inside[size].append(left.low <= true <= left.high)
                self.covered.widths[size].append(left.high - left.low)


def true_days(balance: int, days: History, first: date) -> float | None:
    """When that much was really used; None where a day on the way was not recorded or the record ends."""
    used, day, number = 0, first, 0
    while day in days:
        if used + days[day] >= balance:
            return number + (balance - used) / days[day]
        used, day, number = used + days[day], day + timedelta(days=1), number + 1
    return None


def origins(first: date, week: int, weeks: int) -> Iterator[date]:
    begin = first + timedelta(days=WEEK * week)
    for number in range(0, WEEK * weeks, STEP_DAYS):
        yield begin + timedelta(days=number)


def measure(*, from_week: int = HELD_OUT_WEEK, until_week: int = 0, every: int = 1) -> dict[str, Any]:
    """`every`: only each so many meters, for a quick look. Until the record's end, where no week is named."""
    race = Race()
    first, hours = loads.span()
    begin = date.fromisoformat(first[:10])
    until_week = until_week or hours // 24 // WEEK
    names = loads.names()[::every]
    for name in names:
        race.run(recorded(name), origins(begin, from_week, until_week - from_week))
    return {
        "meters": len(names),
        "weeks": [from_week, until_week],
        "origins": race.origins,
        "contenders": {name: score.figures() for name, score in race.scores.items()},
        "interval_80": race.covered.figures(),
        "beats_both": beats_both(race),
    }


def beats_both(race: Race) -> bool:
    """On every lead, in both measures, and for every balance."""
    mine = _flat(race.scores["forecast"].figures())
    return all(
        value < other for name in NAIVE for value, other in zip(mine, _flat(race.scores[name].figures()), strict=True)
    )


def _flat(figures: Mapping[str, Any]) -> list[float]:
    ahead = [value for errors in figures["days_ahead"].values() for value in errors.values()]
    return [*ahead, *figures["days_left_mae_days"].values()]


def run(*, json: bool) -> None:
    found = measure()
    if json:
        print_json(found)
    else:
        show(found)


def print_json(found: Mapping[str, Any]) -> None:
    Console(soft_wrap=True).print_json(text.dumps(found))


def show(found: Mapping[str, Any]) -> None:
    console = Console()
    weeks = f"weeks {found['weeks'][0] + 1} to {found['weeks'][1]}"
    console.print(f"{found['meters']} recorded loads, held-out {weeks}, {found['origins']} forecasts")
    table = Table("", *(f"{lead} d ahead" for lead in LEADS), *(f"balance {size} d" for size in BALANCES_DAYS))
    for name, its in found["contenders"].items():
        ahead = [
            f"{one['mae_percent_of_mean_day']:.2f} / {one['smape_percent']:.2f} %" for one in its["days_ahead"].values()
        ]
        table.add_row(name, *ahead, *(f"± {value:.2f} d" for value in its["days_left_mae_days"].values()))
    covered = [f"{one['inside_percent']:.1f} % in" for one in found["interval_80"].values()]
    table.add_row("80 % interval", *[""] * len(LEADS), *covered)
    console.print(table)
    console.print("Days ahead: mean absolute error in % of a mean day / sMAPE. Balances: error of the days left.")
    console.print("The forecast beats both." if found["beats_both"] else "The forecast does NOT beat both.")
