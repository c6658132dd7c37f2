"""The demo's readings of the past, in the background: today and yesterday first, then from the beginning.

`python -m prewatt.server.demo.history`. Stopped half-way, it goes on where it was: what is there twice is once.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from functools import cache
from multiprocessing import get_context

from prewatt.link.messages import Reading
from prewatt.server.demo import days, files
from prewatt.server.demo.build import WORKERS
from prewatt.server.demo.files import Files, report
from prewatt.server.demo.past import DAYS, Life

ORDER = (DAYS, DAYS - 1, *range(DAYS - 1))
FIRST = 2  # after so many days the hours are closed, so that today's chart is there early
TOGETHER = 1000  # readings in one transaction: the demo's cashier sells meanwhile
AHEAD = 3  # days made while one is being stored
ROOMS_PER_TASK = 38


@cache
def _lives() -> list[Life]:
    return Files.of_environment().read_lives()


def main() -> None:
    folder = Files.of_environment()
    done = files.read(folder.history).get("days", 0)
    if done < len(ORDER):
        with ProcessPoolExecutor(WORKERS, mp_context=get_context("fork")) as pool:
            pool.submit(int).result()  # the processes start now, before this one opens the database
            _store(folder, done, _made(pool, ORDER[done:]))
    _close(folder)
    files.write(folder.history, {"days": len(ORDER), "closed": True})


def _made(pool: ProcessPoolExecutor, order: tuple[int, ...]) -> Iterator[list[Reading]]:
    """Each day's readings, made on other processes a few days ahead."""
    shares = [
        range(start, min(start + ROOMS_PER_TASK, len(_lives()))) for start in range(0, len(_lives()), ROOMS_PER_TASK)
    ]
    coming = [[pool.submit(_share, day, share) for share in shares] for day in order[:AHEAD]]
    for place in range(len(order)):
        tasks = coming.pop(0)
        if place + AHEAD < len(order):
            coming.append([pool.submit(_share, order[place + AHEAD], share) for share in shares])
        yield [reading for task in tasks for reading in task.result()]


def _share(day: int, rooms: range) -> list[Reading]:
    return [reading for index in rooms for reading in days.readings(_lives()[index], day)]


def _store(folder: Files, done: int, made: Iterator[list[Reading]]) -> None:
    from prewatt.server import ready

    ready.centre()
    from prewatt.domain.estate.models import Gateway
    from prewatt.domain.metering import operations as metering
    from prewatt.domain.turns import give_way
    from prewatt.server.demo import estate

    gateway = Gateway.objects.get(code=estate.GATEWAY)
    for count, readings in enumerate(made, done + 1):
        for start in range(0, len(readings), TOGETHER):
            metering.record_readings(readings[start : start + TOGETHER], gateway=gateway, now=datetime.now(UTC))
            give_way()
        files.write(folder.history, {"days": count})
        report(folder, "history", count, len(ORDER))
        if count == FIRST:
            metering.close_hours(now=datetime.now(UTC))


def _close(folder: Files) -> None:
    """Hours, days, and the money of the days: what the worker does from now on."""
    from prewatt.server import ready

    ready.centre()
    from prewatt.domain import settlement
    from prewatt.domain.metering import operations as metering
    from prewatt.domain.metering.models import UsageDay
    from prewatt.domain.turns import give_way

    now = datetime.now(UTC)
    report(folder, "closing", 0, 1)
    metering.close_hours(now=now)
    metering.close_days(now=now)
    total, posted = UsageDay.objects.filter(posted_version=0).count(), 0
    while True:
        step = settlement.post_closed_days(now=now, limit=200)
        if not step:
            return
        give_way()
        posted += step
        report(folder, "closing", min(posted, total), total)


if __name__ == "__main__":
    main()
