"""Notifications on their way: in the order of their times, repeated until the merchant takes them or all is tried."""

from __future__ import annotations

import heapq
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import httpx

from prewatt.sim.paying.talk import Telling

# Gaps in seconds as WeChat documents them; Alipay and UnionPay wait longer, nobody waits less.
GAPS_S = (15, 15, 30, 180, 600, 1200, 1800, 1800, 1800, 3600, 10800, 10800, 10800, 21600, 21600)
TIMEOUT_S = 5.0
WAITING_MAX = 10_000


@dataclass(order=True)
class _Letter:
    at_s: float
    number: int
    telling: Callable[[], Telling] = field(compare=False)  # made when it is sent: its time is signed
    tries: int = field(compare=False)
    once: bool = field(compare=False)  # a copy: sent once, whatever the answer


class Post:
    """A thread of its own. `hurry` divides the gaps between two tries."""

    def __init__(self, *, hurry: float = 1.0) -> None:
        self._hurry = hurry
        self._waiting: list[_Letter] = []
        self._news = threading.Condition()
        self._number = 0
        self._over = False
        self.sent: list[tuple[str, int]] = []  # address, status (0: no answer), for whoever watches
        self._client = httpx.Client(timeout=TIMEOUT_S, follow_redirects=False)
        self._thread = threading.Thread(target=self._run, name="post", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        with self._news:
            self._over = True
            self._news.notify()
        self._thread.join(TIMEOUT_S + 1)
        self._client.close()

    def send(
        self, telling: Callable[[], Telling], *, copies: int = 1, delay_s: float = 0.0, first: bool = False
    ) -> None:
        """`first`: before everything that waits already."""
        with self._news:
            for copy in range(copies):
                self._number += 1
                at_s = 0.0 if first else time.monotonic() + delay_s
                number = -self._number if first else self._number
                if len(self._waiting) < WAITING_MAX:
                    heapq.heappush(self._waiting, _Letter(at_s, number, telling, 0, once=copy > 0))
            self._news.notify()

    def _run(self) -> None:
        while (letter := self._next()) is not None:
            telling = letter.telling()
            if not self._deliver(telling) and not letter.once and letter.tries < len(GAPS_S):
                letter.at_s = time.monotonic() + GAPS_S[letter.tries] / self._hurry
                letter.tries += 1
                with self._news:
                    heapq.heappush(self._waiting, letter)

    def _next(self) -> _Letter | None:
        with self._news:
            while not self._over:
                if not self._waiting:
                    self._news.wait()
                    continue
                left_s = self._waiting[0].at_s - time.monotonic()
                if left_s <= 0:
                    return heapq.heappop(self._waiting)
                self._news.wait(left_s)
        return None

    def _deliver(self, telling: Telling) -> bool:
        try:
            answer = self._client.post(telling.url, content=telling.body, headers=dict(telling.headers))
        except (httpx.HTTPError, httpx.InvalidURL):
            self.sent.append((telling.url, 0))
            return False
        self.sent.append((telling.url, answer.status_code))
        return answer.is_success and (not telling.good or answer.content.strip() in telling.good)
