"""How often one may ask, counted in this process by the minute."""

from __future__ import annotations

import threading
from datetime import datetime

from django.conf import settings

KNOWN_MAX = 10_000  # names remembered in one minute; beyond it nobody new is counted, and everybody known still is


class Minute:
    """So many of each name in one minute of the clock."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._minute = 0
        self._counts: dict[str, int] = {}

    def count(self, name: str, *, now: datetime) -> int:
        """One more; how many it were in this minute."""
        with self._lock:
            self._turn(now)
            if name not in self._counts and len(self._counts) >= KNOWN_MAX:
                return 1
            self._counts[name] = self._counts.get(name, 0) + 1
            return self._counts[name]

    def counted(self, name: str, *, now: datetime) -> int:
        with self._lock:
            self._turn(now)
            return self._counts.get(name, 0)

    def clear(self) -> None:
        with self._lock:
            self._counts.clear()

    def _turn(self, now: datetime) -> None:
        minute = int(now.timestamp()) // 60
        if minute != self._minute:
            self._minute, self._counts = minute, {}


requests, wrong = Minute(), Minute()


def requests_max() -> int:
    return int(settings.API_PER_MINUTE)


def wrong_max() -> int:
    """Wrong tokens of one address in a minute; then it is not listened to until the minute is over."""
    return int(settings.API_WRONG_PER_MINUTE)
