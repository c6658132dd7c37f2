"""Virtual time: the clock jumps, the order is the same every time, and nothing may wait for the real world."""

from __future__ import annotations

import asyncio
import time

import pytest

from prewatt.sim import virtual
from prewatt.sim.virtual import Deadlock, NotVirtual, VirtualLoop

START_MS = 1_790_000_000_000


def test_a_year_of_sleep_takes_no_time() -> None:
    async def sleeper() -> tuple[float, int]:
        await asyncio.sleep(365 * 86400)
        return asyncio.get_running_loop().time(), virtual.now_ms()

    assert virtual.run(sleeper(), start_ms=START_MS) == (365 * 86400, START_MS + 365 * 86400 * 1000)


def test_timers_of_equal_time_run_in_the_order_in_which_they_were_set() -> None:
    async def order() -> list[int]:
        loop, seen = asyncio.get_running_loop(), list[int]()
        for number in range(500):
            loop.call_at(7.0 if number % 3 else 5.0, seen.append, number)
        await asyncio.sleep(8)
        return seen

    expected = [n for n in range(500) if n % 3 == 0] + [n for n in range(500) if n % 3]
    assert virtual.run(order()) == expected


def test_a_timer_set_for_a_millisecond_finds_that_millisecond() -> None:
    async def due() -> list[int]:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        seen = []
        for _ in range(2000):
            target = loop.now_ms() + 7
            await asyncio.sleep((target - loop.now_ms()) / 1000)
            seen.append(loop.now_ms() - target)
        return seen

    assert set(virtual.run(due(), start_ms=START_MS)) == {0}


def test_time_limits_work_and_cancelled_ones_do_not_pile_up() -> None:
    async def limits() -> int:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        for _ in range(5000):
            async with asyncio.timeout(3600):
                await asyncio.sleep(0.001)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(2):
                await loop.create_future()
        return len(loop._timers)

    assert virtual.run(limits()) < 2500


def test_a_deadlock_is_named_instead_of_hanging() -> None:
    async def never() -> None:
        await asyncio.get_running_loop().create_future()

    async def both() -> None:
        await asyncio.gather(asyncio.create_task(never(), name="gateway"), asyncio.create_task(never(), name="centre"))

    with pytest.raises(Deadlock, match="centre, gateway"):
        virtual.run(both())


def test_threads_sockets_and_files_are_refused_by_name() -> None:
    async def thread() -> None:
        await asyncio.to_thread(time.sleep, 0)

    async def socket() -> None:
        await asyncio.get_running_loop().create_connection(asyncio.Protocol, "127.0.0.1", 9)

    async def file() -> None:
        asyncio.get_running_loop().add_reader(0, print)

    for coroutine, word in ((thread, "thread"), (socket, "thread|socket"), (file, "file 0")):
        with pytest.raises(NotVirtual, match=word):
            virtual.run(coroutine())


def test_the_same_seed_gives_the_same_run_and_another_seed_another() -> None:
    async def story() -> list[tuple[float, int]]:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        seen: list[tuple[float, int]] = []

        async def actor(number: int) -> None:
            for _ in range(50):
                await asyncio.sleep(loop.random.randrange(5) / 10)
                seen.append((loop.time(), number))

        await asyncio.gather(*(actor(n) for n in range(20)))
        return seen

    assert virtual.run(story(), seed=1) == virtual.run(story(), seed=1)
    assert virtual.run(story(), seed=1) != virtual.run(story(), seed=2)


def test_what_is_left_running_is_cancelled_in_order() -> None:
    ended: list[str] = []

    async def worker(name: str) -> None:
        try:
            await asyncio.sleep(1e9)
        finally:
            ended.append(name)

    async def main() -> None:
        for number in range(12):
            asyncio.get_running_loop().create_task(worker(str(number)))
        await asyncio.sleep(1)

    virtual.run(main())
    assert ended == [str(n) for n in range(12)]


def test_the_virtual_clock_is_not_for_a_real_loop() -> None:
    async def ask() -> int:
        return virtual.now_ms()

    with pytest.raises(NotVirtual):
        asyncio.run(ask())
