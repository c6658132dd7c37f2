"""Virtual time: an asyncio event loop whose clock jumps to the next timer, so that a day takes as long as its work.

Nothing here waits, nothing here is a thread or a socket. The same coroutines, callbacks and timers in the same order
give the same run to the byte: timers of equal time run in the order in which they were set.
"""

from __future__ import annotations

import asyncio
import heapq
import random
from asyncio import events
from collections.abc import Callable, Coroutine
from contextvars import Context
from itertools import count
from typing import Any, NoReturn, TypeVar, TypeVarTuple

_T = TypeVar("_T")
_Ts = TypeVarTuple("_Ts")
_TASKS_NAMED_MAX = 5


class Deadlock(RuntimeError):
    """Everybody waits and no timer is set: on a real loop this would hang for ever. Running it again gives the same."""


class NotVirtual(RuntimeError):
    """Threads, sockets and processes live in real time. Give the code a port that this loop can drive instead."""


class VirtualLoop(asyncio.BaseEventLoop):
    """An event loop without a clock. `time()` is seconds since the run began; `now_ms()` the UTC time it stands for."""

    def __init__(self, *, start_ms: int = 0, seed: int = 0) -> None:
        super().__init__()
        self.start_ms = start_ms
        self.random = random.Random(seed)  # noqa: S311 - a seed that can be repeated is the point
        self._now = 0.0
        self._timers: list[tuple[float, int, asyncio.TimerHandle]] = []
        self._timer_numbers = count()
        self._task_numbers = count(1)
        self._cancelled = 0

    def time(self) -> float:
        return self._now

    def now_ms(self) -> int:
        """UTC milliseconds, to the nearest: a timer set for a millisecond finds that millisecond when it fires."""
        return self.start_ms + round(self._now * 1000)

    def call_at(
        self, when: float, callback: Callable[[*_Ts], object], *args: *_Ts, context: Context | None = None
    ) -> asyncio.TimerHandle:
        handle = asyncio.TimerHandle(when, callback, args, self, context)
        heapq.heappush(self._timers, (when, next(self._timer_numbers), handle))
        handle._scheduled = True  # type: ignore[attr-defined]  # asyncio then tells us of a cancellation
        return handle

    def create_task(self, coro: Any, *, name: object = None, context: Context | None = None) -> asyncio.Task[Any]:
        """As asyncio, but an unnamed task is numbered within this run, not within the process."""
        return super().create_task(coro, name=str(name or f"task-{next(self._task_numbers)}"), context=context)

    def _run_once(self) -> None:
        """One turn: jump if nobody is ready, then run everybody who is."""
        ready = self._ready  # type: ignore[attr-defined]
        if not ready and not self._stopping:  # type: ignore[attr-defined]
            self._jump()
        for _ in range(len(ready)):
            handle = ready.popleft()
            if not handle._cancelled:
                handle._run()

    def _jump(self) -> None:
        timers, ready = self._timers, self._ready  # type: ignore[attr-defined]
        while timers and timers[0][2].cancelled():
            heapq.heappop(timers)
            self._cancelled -= 1
        if not timers:
            raise Deadlock(f"nothing is scheduled, and these wait for ever: {self._who_waits()}")
        self._now = max(self._now, timers[0][0])
        while timers and timers[0][0] <= self._now:
            handle = heapq.heappop(timers)[2]
            handle._scheduled = False  # type: ignore[attr-defined]
            if handle.cancelled():
                self._cancelled -= 1
            ready.append(handle)

    def _timer_handle_cancelled(self, _handle: asyncio.TimerHandle) -> None:
        """Time limits are set and cancelled with every frame: sweep them out before they are most of the heap."""
        self._cancelled += 1
        if self._cancelled > 1000 and self._cancelled * 2 > len(self._timers):
            self._timers = [timer for timer in self._timers if not timer[2].cancelled()]
            heapq.heapify(self._timers)
            self._cancelled = 0

    def _who_waits(self) -> str:
        names = sorted(task.get_name() for task in asyncio.all_tasks(self))
        more = f" and {len(names) - _TASKS_NAMED_MAX} more" if len(names) > _TASKS_NAMED_MAX else ""
        return ", ".join(names[:_TASKS_NAMED_MAX]) + more

    def call_soon_threadsafe(
        self, callback: Callable[[*_Ts], object], *args: *_Ts, context: Context | None = None
    ) -> asyncio.Handle:
        return self.call_soon(callback, *args, context=context)

    def run_in_executor(self, _executor: Any, func: Callable[..., Any], *_args: Any) -> NoReturn:  # type: ignore[override]
        raise NotVirtual(f"{getattr(func, '__name__', func)} asked for a thread; a run on virtual time has none")

    def add_reader(self, fd: Any, *_args: Any) -> NoReturn:  # type: ignore[override]
        raise NotVirtual(f"file {fd} was watched on virtual time; use a pipe of the simulator")

    async def create_connection(self, *_args: Any, **_kwargs: Any) -> NoReturn:
        raise NotVirtual("a socket was opened on virtual time; use a pipe of the simulator")

    async def create_server(self, *_args: Any, **_kwargs: Any) -> NoReturn:
        raise NotVirtual("a socket was opened on virtual time; use a pipe of the simulator")

    def _process_events(self, _event_list: object) -> None:
        """Nothing comes from outside."""

    def _write_to_self(self) -> None:
        """Nobody can be waiting in a selector."""


def now_ms() -> int:
    """UTC milliseconds of the running virtual loop. Raises NotVirtual on any other."""
    loop = asyncio.get_running_loop()
    if not isinstance(loop, VirtualLoop):
        raise NotVirtual("this is a real event loop: inject its clock instead of asking the virtual one")
    return loop.now_ms()


def run(coroutine: Coroutine[Any, Any, _T], *, start_ms: int = 0, seed: int = 0) -> _T:
    """Run to the end on a fresh virtual loop and hand back the result; what is left running is cancelled, in order.

    Raises Deadlock when everybody waits for somebody who will never come.
    """
    loop = VirtualLoop(start_ms=start_ms, seed=seed)
    outer = events._get_running_loop()
    if outer is not None:
        raise NotVirtual("virtual time cannot run inside a running event loop")
    try:
        return loop.run_until_complete(coroutine)
    finally:
        _end(loop)


def _end(loop: VirtualLoop) -> None:
    """Cancel what is left, oldest first (all_tasks is a set and would forget the order)."""
    try:
        left = sorted(asyncio.all_tasks(loop), key=_age)
        for task in left:
            task.cancel()
        if left:
            loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        loop.run_until_complete(loop.shutdown_asyncgens())
    finally:
        loop.close()


def _age(task: asyncio.Task[Any]) -> tuple[int, str]:
    name = task.get_name()
    tail = name.rpartition("-")[2]
    return (int(tail) if name.startswith("task-") and tail.isdigit() else 0, name)
