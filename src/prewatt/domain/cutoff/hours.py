"""When nobody is switched off: the site's protected hours, weekends, public holidays and days of its own. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo

LOOK_DAYS = 60  # no rest of the calendar is longer; whoever protects every hour of every day is told "never"


@dataclass(frozen=True, slots=True)
class Hours:
    """`rests` says which days are protected whole. The span may pass midnight; an empty one protects no hour."""

    zone: tzinfo
    protect: bool
    begins: time
    ends: time
    rests: Callable[[date], bool]

    def protected(self, at: datetime) -> bool:
        if not self.protect:
            return False
        local = at.astimezone(self.zone)
        return self.rests(local.date()) or self._in_span(local.time().replace(tzinfo=None))

    def _in_span(self, at: time) -> bool:
        if self.begins <= self.ends:
            return self.begins <= at < self.ends
        return at >= self.begins or at < self.ends

    def free_from(self, at: datetime) -> datetime | None:
        """The first moment from `at` on that is not protected; None: there is none in sight."""
        return self._first(at, protected=False)

    def protected_from(self, at: datetime) -> datetime | None:
        """The first moment from `at` on that is protected; None: there is none in sight."""
        return self._first(at, protected=True)

    def _first(self, at: datetime, *, protected: bool) -> datetime | None:
        if self.protected(at) == protected:
            return at
        day = at.astimezone(self.zone).date()
        marks = sorted({time(), self.begins, self.ends})
        for step in range(LOOK_DAYS + 1):
            for mark in marks:
                edge = datetime.combine(day + timedelta(days=step), mark, self.zone)
                if edge > at and self.protected(edge) == protected:
                    return edge.astimezone(at.tzinfo)
        return None
