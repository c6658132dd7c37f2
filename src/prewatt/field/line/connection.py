"""Keeps one pipe open: opens it, and again with back-off after a loss, in a task of its own that nobody waits for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from enum import StrEnum

from prewatt.field.line.pipe import Pipe, Receive

BACK_OFF_S_MIN = 0.5
BACK_OFF_S_MAX = 30.0


class State(StrEnum):
    CLOSED = "closed"  # nobody asked for it yet, or it was closed for good
    OPENING = "opening"
    UP = "up"
    WAITING = "waiting"  # it broke or could not be opened; the next attempt is set


# From where to where it may go; everything else is a mistake of ours.
STEPS: dict[State, frozenset[State]] = {
    State.CLOSED: frozenset({State.WAITING}),
    State.WAITING: frozenset({State.OPENING, State.CLOSED}),
    State.OPENING: frozenset({State.UP, State.WAITING, State.CLOSED}),
    State.UP: frozenset({State.WAITING, State.CLOSED}),
}


class Connection:
    """A pipe and its state."""

    def __init__(self, pipe: Pipe, receive: Receive, changed: Callable[[State], None]) -> None:
        """`changed` is called after every step."""
        self.pipe = pipe
        self.state = State.CLOSED
        self.reason: Exception | None = None  # why it is not up
        self.retry_at = 0.0  # loop time of the next attempt, while waiting
        self._receive, self._changed = receive, changed
        self._back_off_s = 0.0
        self._settled = asyncio.Event()  # the last attempt has ended, one way or the other
        self._up = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def first_attempt(self) -> None:
        """Open if nobody did yet, and wait for the end of that attempt. Returns at once between later attempts."""
        self._begin()
        await self._settled.wait()

    async def wait_up(self) -> None:
        """However long it takes."""
        self._begin()
        await self._up.wait()

    def _begin(self) -> None:
        if self.state is State.CLOSED:
            self._settled, self._up = asyncio.Event(), asyncio.Event()  # a closed line may be used on another loop
            self._reopen()

    def heard(self) -> None:
        """The other side speaks: its next loss is repaired at once. One that only takes calls and hangs up waits."""
        self._back_off_s = 0.0

    def lose(self, reason: Exception | None) -> None:
        """The pipe broke, or its owner no longer trusts it: drop it and open it again."""
        if self.state is State.UP:
            self.pipe.close()
            self.reason = reason
            self._reopen()

    def close(self) -> None:
        """For good, until somebody asks again."""
        if self._task is not None:
            self._task.cancel()
            self._task = None
        self.pipe.close()
        if self.state is not State.CLOSED:
            self._step(State.CLOSED)

    def _reopen(self) -> None:
        loop = asyncio.get_running_loop()
        if not self._back_off_s:
            self._settled.clear()
        self._schedule(loop.time())
        self._task = loop.create_task(self._keep_opening(loop))

    async def _keep_opening(self, loop: asyncio.AbstractEventLoop) -> None:
        while self.state is State.WAITING:
            if (wait_s := self.retry_at - loop.time()) > 0:
                await asyncio.sleep(wait_s)
            self._step(State.OPENING)
            try:
                await self.pipe.open(self._receive, self.lose)
            except OSError as error:
                self.reason = error
                self._settled.set()
                self._schedule(loop.time())
            else:
                self._task = self.reason = None
                self._settled.set()
                self._step(State.UP)

    def _schedule(self, now: float) -> None:
        self.retry_at = now + self._back_off_s
        self._back_off_s = min(max(2 * self._back_off_s, BACK_OFF_S_MIN), BACK_OFF_S_MAX)
        self._step(State.WAITING)

    def _step(self, state: State) -> None:
        assert state in STEPS[self.state], f"{self.state} -> {state}"
        self.state = state
        if state is State.UP:
            self._up.set()
        else:
            self._up.clear()
        self._changed(state)
