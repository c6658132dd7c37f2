"""The rule of the forecast: recent level × shape of the week, and the day on which a balance is used up. Pure.

A unit of use is whatever the history is in (Wh or fen). A day nobody knows is absent from the history: a gap is no use
of zero. The weather is not asked: what it did lately stands in the level, and the interval says what it may still do.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import accumulate
from math import exp, log, sqrt
from statistics import median

AHEAD_DAYS = 14  # predicted one by one; after them the second week goes on
HISTORY_DAYS = 56
WEEK = 7
LEFT_DAYS_MAX = 366.0  # longer is "more than a year"

_WEEK_KNOWN_MIN = 4  # days of a week that make a mean of it
_SHAPE_HALF_WEEKS = 6.0
_SHAPE_PRIOR = 0.5  # weeks of an even use that a new meter begins with; they fade as weeks are known
_ENOUGH = 3  # values that have a usual one
_SHAPE_MIN = 0.1  # a day that hardly counts says nothing of the level
_SHORT_HALF_DAYS, _LONG_HALF_DAYS = 1.0, 3.5
_FADING = 0.7  # of what is special about the last days, each day further on
_LAST_WEEK = 0.4  # how much the same day of last week says, far enough ahead
_SHAPE_CLIP = 2.0  # one Tuesday so many times the usual Tuesday is taken for that many times
_CLIP = 4.0  # one day so many times above or below the usual is taken for that many times
_USUAL_DAYS = 14

Like = Callable[[date], int]


def by_weekday(day: date) -> int:
    """Monday is 0. The plainest `Like`: says which weekday's use a day will have."""
    return day.weekday()


@dataclass(frozen=True, slots=True)
class Outlook:
    """The use of the coming days from `first` on, one figure a day, and how far it may be off.

    `day_spread` and `level_spread` are logarithmic: of a single day, and of the level that all days share.
    """

    first: date
    use: tuple[float, ...]
    known_days: int
    day_spread: float
    level_spread: float

    @property
    def idle(self) -> bool:
        """Nothing was used lately."""
        return not any(self.use)


def outlook(history: Mapping[date, int], *, first: date, like: Like = by_weekday) -> Outlook | None:
    """What is known of the days before `first` gives the days from it on; None where no day is known."""
    since = first - timedelta(days=HISTORY_DAYS)
    known = {day: max(0, value) for day, value in history.items() if since <= day < first}
    if not known:
        return None
    shape = _shape(known, first, like)
    levels = _levels(known, shape, like)
    ahead = [first + timedelta(days=step) for step in range(AHEAD_DAYS)]
    use = _ahead(ahead, shape=shape, level=_level(levels), lately=_lately(known, like), like=like)
    day_spread, level_spread = _spreads(levels, first)
    return Outlook(first, tuple(use), len(known), day_spread, level_spread)


def _shape(known: Mapping[date, int], first: date, like: Like) -> list[float]:
    """How much of a mean day each weekday uses; seven figures whose mean is 1."""
    ratios: list[list[tuple[float, float]]] = [[] for _weekday in range(WEEK)]
    for back in range(HISTORY_DAYS // WEEK):
        end = first - timedelta(days=back * WEEK)
        days = [day for step in range(1, WEEK + 1) if (day := end - timedelta(days=step)) in known]
        total = sum(known[day] for day in days)
        if len(days) < _WEEK_KNOWN_MIN or not total:
            continue
        weight = 0.5 ** (back / _SHAPE_HALF_WEEKS)
        for day in days:
            ratios[like(day)].append((known[day] * len(days) / total, weight))
    shape = [_mean_ratio(one) for one in ratios]
    mean = sum(shape) / WEEK
    return [ratio / mean for ratio in shape]


def _mean_ratio(found: Sequence[tuple[float, float]]) -> float:
    """Of one weekday, single ones far above the usual cut down; near 1 while few are known."""
    if not found:
        return 1.0
    most = _SHAPE_CLIP * median(ratio for ratio, _weight in found) if len(found) >= _ENOUGH else float(WEEK)
    prior = _SHAPE_PRIOR / len(found)
    total = sum(min(ratio, most) * weight for ratio, weight in found) + prior
    return total / (sum(weight for _ratio, weight in found) + prior)


# A day, what its use says of a mean day, and how much that counts.
_Said = tuple[date, float, float]


def _levels(known: Mapping[date, int], shape: Sequence[float], like: Like) -> list[_Said]:
    """Newest first. Single days far from the usual are cut down, so that one leak is not taken for the rule."""
    ratios = {day: shape[like(day)] for day in known}
    said = [(day, known[day] / ratios[day], ratios[day]) for day in sorted(known, reverse=True)]
    said = [one for one in said if one[2] >= _SHAPE_MIN] or said
    usual = median(level for _day, level, _ratio in said[:_USUAL_DAYS])
    if not usual:
        return said
    return [(day, min(max(level, usual / _CLIP), usual * _CLIP), ratio) for day, level, ratio in said]


def _level(levels: Sequence[_Said]) -> tuple[float, float]:
    """The level of the last day or two, and that of the last week or so."""
    return _weighted(levels, _SHORT_HALF_DAYS), _weighted(levels, _LONG_HALF_DAYS)


def _weighted(levels: Sequence[_Said], half_days: float) -> float:
    newest = levels[0][0]  # a meter that was long silent: its last known days are what there is
    weights: list[float] = [ratio * 0.5 ** ((newest - day).days / half_days) for day, _level, ratio in levels]
    return sum(weight * one[1] for weight, one in zip(weights, levels, strict=True)) / sum(weights)


def _lately(known: Mapping[date, int], like: Like) -> dict[int, int]:
    """The newest use of each weekday."""
    return {like(day): known[day] for day in sorted(known)[-2 * WEEK :]}


def _ahead(
    days: Sequence[date], *, shape: Sequence[float], level: tuple[float, float], lately: Mapping[int, int], like: Like
) -> list[float]:
    short, long = level
    found = []
    for step, day in enumerate(days):
        fresh = _FADING**step
        mine = (long + (short - long) * fresh) * shape[like(day)]
        weight = _LAST_WEEK * (1 - fresh) if like(day) in lately else 0.0
        found.append((1 - weight) * mine + weight * lately.get(like(day), 0))
    return found


_PRIOR_DAY, _PRIOR_LEVEL = 0.10, 0.06  # what an ordinary meter's days and weeks vary by
_PRIOR_DAYS, _PRIOR_WEEKS = 7.0, 3.0
_SPREAD_MAX = 1.0
_NEW = 0.5  # of a meter known for one day only


def _spreads(levels: Sequence[_Said], first: date) -> tuple[float, float]:
    """How much single days vary around their week, and one week from the other: of this meter, begun with a prior."""
    weeks: dict[int, list[float]] = {}
    for day, level, _ratio in levels:
        if level > 0:
            weeks.setdefault((first - day).days // WEEK, []).append(log(level))
    means = {back: sum(logs) / len(logs) for back, logs in weeks.items()}
    offs = [abs(one - means[back]) for back, logs in weeks.items() for one in logs]
    steps = [abs(means[back] - means[back + 1]) for back in means if back + 1 in means]
    daily = (_PRIOR_DAY * _PRIOR_DAYS + sum(offs)) / (_PRIOR_DAYS + len(offs))
    weekly = (_PRIOR_LEVEL * _PRIOR_WEEKS + sum(steps)) / (_PRIOR_WEEKS + len(steps))
    new = _NEW / max(1, len(levels))
    return min(_SPREAD_MAX, daily), min(_SPREAD_MAX, weekly + new)


# Tuned on the first year of the recorded loads, tested on the second (`prewatt bench forecast`).
_WIDTH = 1.35
_DRIFT_DAYS = 20.0


def factor(made: Outlook, days: float) -> float:
    """The sum of so many days lies within sum / factor and sum × factor, eight times of ten."""
    span = max(days, 0.25)
    variance = made.day_spread**2 / span + made.level_spread**2 * (0.5 + span / _DRIFT_DAYS)
    return exp(min(_WIDTH * sqrt(variance), 2.0))


@dataclass(frozen=True, slots=True)
class Curve:
    """Use added up: `sums[k]` is used by the end of day k after midnight of `first`; the last week goes on after it."""

    sums: tuple[int, ...]

    @property
    def per_day(self) -> float:
        """Of the second week: how it goes on."""
        return (self.sums[-1] - self.sums[-1 - WEEK]) / WEEK

    def used(self, at_days: float) -> float:
        """Used so many days after the beginning; a day is used up evenly."""
        whole = int(at_days)
        if whole >= len(self.sums):
            return self.sums[-1] + (at_days - len(self.sums)) * self.per_day
        before = self.sums[whole - 1] if whole else 0
        return before + (self.sums[whole] - before) * (at_days - whole)

    def reached(self, used: float) -> float:
        """So many days after the beginning that much is used."""
        at = bisect_left(self.sums, used)
        if at == len(self.sums):
            more = (used - self.sums[-1]) / self.per_day if self.per_day else LEFT_DAYS_MAX
            return len(self.sums) + min(more, LEFT_DAYS_MAX)
        before = self.sums[at - 1] if at else 0
        return at + (used - before) / (self.sums[at] - before)


def curve(made: Outlook, *, price: float = 1.0) -> Curve:
    """Whole units (fen, where `price` is fen per unit of use)."""
    return Curve(tuple(round(one * price) for one in accumulate(made.use)))


@dataclass(frozen=True, slots=True)
class Left:
    """So many days from now, probably between `low` and `high`."""

    days: float
    low: float
    high: float


def days_left(balance_fen: int, ahead: Curve, made: Outlook, *, at_days: float = 0.0) -> Left | None:
    """How long the balance lasts, `at_days` after midnight of the outlook's first day. None: no use to wait for."""
    if not ahead.sums[-1]:
        return None
    point = point_left(balance_fen, ahead, at_days=at_days)
    wide = factor(made, point)
    return Left(
        point,
        point_left(balance_fen / wide, ahead, at_days=at_days),
        point_left(balance_fen * wide, ahead, at_days=at_days),
    )


def point_left(balance_fen: float, ahead: Curve, *, at_days: float = 0.0) -> float:
    """Days until that much more is used, by the outlook itself."""
    if balance_fen <= 0:
        return 0.0
    return min(LEFT_DAYS_MAX, max(0.0, ahead.reached(ahead.used(at_days) + balance_fen) - at_days))
