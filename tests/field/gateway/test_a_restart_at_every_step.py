"""The gateway dies before or after every single call of its journal; after the restart the money is there once."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from field.gateway.site import Site, recharge, run
from prewatt.field.gateway.journal import Pending, SqliteJournal, Taken
from prewatt.field.gateway.turns import Step
from prewatt.link.messages import Answer, Kind, Order, Outcome


class PowerCut(Exception):
    """Nothing after this happened."""


class FragileJournal(SqliteJournal):
    """Dies at the n-th durable call: before it is on the disk (even n) or just after (odd n)."""

    dies_at = -1

    def __init__(self, *args: Any, **options: Any) -> None:
        self.calls = 0
        super().__init__(*args, **options)

    def _maybe_die(self) -> None:
        self.calls += 1
        if self.calls - 1 == self.dies_at:
            raise PowerCut

    async def take(self, order: Order, *, now: int) -> Taken:
        self._maybe_die()
        taken = await super().take(order, now=now)
        self._maybe_die()
        return taken

    async def step(self, order_id: str, step: Step) -> None:
        self._maybe_die()
        await super().step(order_id, step)
        self._maybe_die()

    async def end(self, answer: Answer) -> None:
        self._maybe_die()
        await super().end(answer)
        self._maybe_die()

    async def pending(self, limit: int) -> Pending:
        self._maybe_die()
        return await super().pending(limit)

    async def acknowledge(self, seq: int) -> None:
        self._maybe_die()
        await super().acknowledge(seq)
        self._maybe_die()


def live_through(folder: Path, dies_at: int, order: Order) -> tuple[Site, Answer, bool]:
    """Whether it died at all, too."""

    async def story() -> tuple[Site, Answer, bool]:
        site = Site(folder)
        site.rest_ms = 20_000
        site.make_journal = lambda path: FragileJournal(path, threaded=False, synchronous="OFF")
        FragileJournal.dies_at = dies_at
        site.centre.place(order)
        site.start()
        for _ in range(1200):
            await asyncio.sleep(0.05)
            if site.crashed is not None or site.centre.outcome("o1"):
                break
        await asyncio.sleep(2)
        died = isinstance(site.crashed, PowerCut)
        FragileJournal.dies_at = -1
        if died:
            await site.kill()
            site.start()
        answer = await site.answer("o1")
        await asyncio.sleep(5)
        await site.stop()
        return site, answer, died

    return run(story())


@pytest.mark.parametrize("kind", [Kind.RECHARGE, Kind.REFUND])
def test_whatever_the_moment_of_death_the_money_moves_once(tmp_path: Path, kind: Kind) -> None:
    deaths = 0
    for dies_at in range(60):
        folder = tmp_path / str(dies_at)
        folder.mkdir()
        site, answer, died = live_through(folder, dies_at, recharge(kind=kind))
        assert answer.outcome is Outcome.DONE, dies_at
        memory = site.rooms[0].meter.memory
        expected = 25_000 if kind is Kind.RECHARGE else 5_000
        assert (memory.purchase_count, memory.bought_fen) == (2, expected), dies_at
        assert len(site.wire.writes) <= 2
        deaths += died
        if not died:
            break
    assert deaths >= 12


def test_what_was_journalled_is_continued_not_begun_again(tmp_path: Path) -> None:
    """Dead right after "writing" was stored, before the bytes left: the count of writes remembers it."""

    async def story() -> None:
        site = Site(tmp_path)

        class Cut(FragileJournal):
            async def step(self, order_id: str, step: Step) -> None:
                await super().step(order_id, step)
                raise PowerCut

        site.make_journal = lambda path: Cut(path, threaded=False, synchronous="OFF")
        site.start()
        site.centre.place(recharge())
        await asyncio.sleep(10)
        assert isinstance(site.crashed, PowerCut)
        await site.kill()
        assert site.wire.writes == []
        site.make_journal = lambda path: SqliteJournal(path, threaded=False, synchronous="OFF")
        site.start()
        answer = await site.answer("o1")
        assert answer.outcome is Outcome.DONE
        assert answer.writes == 2
        assert len(site.wire.writes) == 1
        await site.stop()

    run(story())
