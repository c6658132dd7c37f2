"""Death of a process on virtual time: at any call of any port, before or after its effect.

A killed process does nothing more: every port of a dead life refuses. Code that is still on its way out (`finally`,
`except`) finds no line, no disk and no centre, exactly as after kill -9. What its journal had committed stays.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from prewatt.field.line.pipe import Lost, Pipe, Receive
from prewatt.link.messages import Batch, BatchReply, Config, ConfigRequest, OrdersReply, OrdersRequest
from prewatt.link.port import CentrePort
from prewatt.server.torture.history import History

T = TypeVar("T")
WRITE_DEATHS = 200  # around a write to a meter death is worth so many elsewhere
STEP_DEATH_MAX = 0.1
_WRITES = (0x06, 0x10)


class ProcessDead(BaseException):
    """Kill -9. Not an Exception: nothing may handle it and go on."""


class Life:
    """One life of a process. `step` stands at every port call and decides whether this is the moment."""

    def __init__(self, name: str, *, chance: float, luck: random.Random, history: History) -> None:
        self.name = name
        self.alive = True
        self._chance = chance
        self._luck = luck
        self._history = history
        self.on_death: Callable[[], None] = lambda: None

    def step(self, where: str, *, times: int = 1) -> None:
        """`times`: how much likelier than elsewhere death is here."""
        if not self.alive:
            raise ProcessDead(f"{self.name} is dead")
        if self._chance and self._luck.random() < min(STEP_DEATH_MAX, times * self._chance):
            self.kill(where)
            raise ProcessDead(f"{self.name} killed at {where}")

    def kill(self, where: str) -> None:
        if self.alive:
            self.alive = False
            self._history.note("kill", process=self.name, at=where)
            self.on_death()


class MortalPipe:
    """A pipe that dies with its process: nothing more is sent, what still comes falls on the floor."""

    def __init__(self, pipe: Pipe, life: Life) -> None:
        self._pipe = pipe
        self._life = life

    async def open(self, receive: Receive, lost: Lost) -> None:
        self._life.step("pipe.open")
        alive = self._life
        await self._pipe.open(
            lambda data: receive(data) if alive.alive else None, lambda why: lost(why) if alive.alive else None
        )

    def write(self, data: bytes) -> None:
        times = WRITE_DEATHS if is_write(data) else 1
        self._life.step("pipe.write.before", times=times)
        self._pipe.write(data)
        self._life.step("pipe.write.after", times=times)

    def close(self) -> None:
        self._pipe.close()


def is_write(frame: bytes) -> bool:
    """Modbus RTU: does the frame change something?"""
    return len(frame) > 1 and frame[1] in _WRITES


class MortalCentre:
    """The centre as a dying gateway sees it: the message may have arrived although the reply never did."""

    def __init__(self, centre: CentrePort, life: Life) -> None:
        self._centre = centre
        self._life = life

    async def send(self, batch: Batch) -> BatchReply:
        return await self._call("send", self._centre.send(batch))

    async def orders(self, request: OrdersRequest) -> OrdersReply:
        return await self._call("orders", self._centre.orders(request))

    async def config(self, request: ConfigRequest) -> Config:
        return await self._call("config", self._centre.config(request))

    async def _call(self, name: str, call: Coroutine[Any, Any, T]) -> T:
        try:
            self._life.step(f"centre.{name}.before")
        except ProcessDead:
            call.close()
            raise
        answer = await call
        self._life.step(f"centre.{name}.after")
        return answer


class MortalJournal:
    """Every call of the journal is a moment to die: before it is on the disk, or just after."""

    def __init__(self, journal: object, life: Life) -> None:
        self._journal = journal
        self._life = life

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._journal, name)
        return self._mortal(name, value) if callable(value) else value

    def _mortal(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        life = self._life

        def mortal(*args: Any, **kwargs: Any) -> Any:
            life.step(f"journal.{name}.before")
            result = call(*args, **kwargs)
            if hasattr(result, "__await__"):
                return self._awaited(name, result)
            life.step(f"journal.{name}.after")
            return result

        return mortal

    async def _awaited(self, name: str, result: Awaitable[Any]) -> Any:
        value = await result
        self._life.step(f"journal.{name}.after")
        return value
