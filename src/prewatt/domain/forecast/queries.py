"""How long money lasts, of as many meters as a page shows: one query for all of them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from django.conf import settings

from prewatt.domain.forecast import rule
from prewatt.domain.forecast.models import Outlook
from prewatt.domain.forecast.rule import Left

DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class Ahead:
    """A meter's outlook, ready to lay a balance on it."""

    curve: rule.Curve
    made: rule.Outlook

    @property
    def idle(self) -> bool:
        """No use lately: nothing to wait for."""
        return not self.curve.sums[-1]

    def left(self, balance_fen: int | None, *, now: datetime) -> Left | None:
        """None where the balance is not known or used up, or nothing is used."""
        if balance_fen is None or balance_fen <= 0:
            return None
        return rule.days_left(balance_fen, self.curve, self.made, at_days=_since(self.made.first, now))

    def days(self, balance_fen: int, *, now: datetime) -> float | None:
        """`left` without its interval, for who asks of thousands."""
        if balance_fen <= 0 or self.idle:
            return None
        return rule.point_left(balance_fen, self.curve, at_days=_since(self.made.first, now))

    def at_most(self, days: float, *, now: datetime) -> int:
        """Fen that will hardly be exceeded within so many days: the upper end of the interval."""
        begins = _since(self.made.first, now)
        return round((self.curve.used(begins + days) - self.curve.used(begins)) * rule.factor(self.made, days))


def _since(first: date, now: datetime) -> float:
    zone = ZoneInfo(settings.TIME_ZONE)
    return max(0.0, (now - datetime.combine(first, time(), zone)).total_seconds() / DAY_S)


_KEPT = ("meter_id", "first", "sums_fen", "known_days", "day_spread", "level_spread")


def ahead(meter_ids: Collection[int]) -> dict[int, Ahead]:
    """A meter of which too little is known is absent. Thousands at once: no model is made for each."""
    kept = Outlook.objects.filter(meter__in=meter_ids, known_days__gt=0).values_list(*_KEPT)
    return {pk: _ahead(*row) for pk, *row in kept}


def _ahead(first: date, sums_fen: Sequence[int], known: int, day_spread: float, level_spread: float) -> Ahead:
    return Ahead(rule.Curve(tuple(sums_fen)), rule.Outlook(first, (), known, day_spread, level_spread))
