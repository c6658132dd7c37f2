"""The worker's loops: each runs one bounded domain call again and again, on its own thread and database connection.

A loop that fails says so, waits longer each time, and goes on; it never takes the others along. A loop whose call did a
full batch runs again almost at once, so that a backlog is worked off without a backlog of loops.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from zoneinfo import ZoneInfo

import structlog

BACK_OFF_S_MAX = 60.0
JOIN_S_MAX = 8.0
REST_S = 0.11  # even with more to do: who waits for SQLite's one writer looks again at least every 100 ms

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Loop:
    name: str
    every_s: float
    work: Callable[[datetime], int]  # one bounded piece of work; returns how many things it did
    batch: int = 1_000_000_000  # that many things done means that more is waiting


class Worker:
    def __init__(self, loops: Sequence[Loop], *, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._now = now
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=(loop,), name=loop.name, daemon=True) for loop in loops
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> bool:
        """Ask every loop to end after its present piece of work. True when all did within the time."""
        self._stop.set()
        deadline_s = time.monotonic() + JOIN_S_MAX
        for thread in self._threads:
            thread.join(max(0.0, deadline_s - time.monotonic()))
        return not any(thread.is_alive() for thread in self._threads)

    def _run(self, loop: Loop) -> None:
        failures = 0
        while not self._stop.is_set():
            try:
                done = loop.work(self._now())
                failures = 0
            except Exception as error:  # the loop's own bulkhead: said aloud, tried again later
                done, failures = 0, failures + 1
                _complain(loop, error, failures)
            if done:
                log.debug("worker_did", loop=loop.name, things=done)
            self._stop.wait(_pause_s(loop, failures) if done < loop.batch else REST_S)
        _let_go_of_database()


def _pause_s(loop: Loop, failures: int) -> float:
    return loop.every_s if not failures else min(BACK_OFF_S_MAX, max(loop.every_s, 0.5) * 2 ** min(failures, 10))


def _complain(loop: Loop, error: Exception, failures: int) -> None:
    log.error("worker_loop_failed", loop=loop.name, failures=failures, error=f"{type(error).__name__}: {error}")
    _let_go_of_database()


def _let_go_of_database() -> None:
    from django.db import connections

    connections.close_all()


def centre_loops() -> list[Loop]:
    """What a centre does beside answering requests."""
    from prewatt.domain import settlement
    from prewatt.domain.alarms import escalating
    from prewatt.domain.alarms import operations as alarms
    from prewatt.domain.backups import operations as backups
    from prewatt.domain.billing import operations as billing
    from prewatt.domain.billing import statements
    from prewatt.domain.cutoff import keeping
    from prewatt.domain.cutoff import operations as cutoff
    from prewatt.domain.dispatch import operations as dispatch
    from prewatt.domain.fleet import operations as fleet
    from prewatt.domain.fleet import plans as fleet_plans
    from prewatt.domain.ledger import sealing
    from prewatt.domain.lists import exports
    from prewatt.domain.metering import foreseeing
    from prewatt.domain.metering import operations as metering
    from prewatt.domain.notices import asking
    from prewatt.domain.notices import sending as notices
    from prewatt.domain.payments import matching, repairing
    from prewatt.domain.payments.models import Provider
    from prewatt.domain.reconciliation import operations as reconciliation
    from prewatt.domain.reports import summing
    from prewatt.domain.staff import sealing as staff_sealing
    from prewatt.domain.tariff import versions
    from prewatt.domain.vending import closing, presetting
    from prewatt.domain.webhooks import delivering as webhooks
    from prewatt.web.parts import exporting

    return [
        Loop("seals", 2.0, lambda _now: sealing.seal(), batch=sealing.SEALS_TOGETHER),
        Loop("log_seals", 2.0, lambda _now: staff_sealing.seal_log(), batch=staff_sealing.SEALS_TOGETHER),
        Loop("checkpoints", 30.0, lambda now: sealing.checkpoint(now=now)),
        Loop("day_seals", 300.0, _seal_yesterday),
        Loop("expiry", 5.0, lambda now: dispatch.expire(now=now)),
        Loop("batches", 5.0, lambda now: fleet.close_finished(now=now)),
        Loop("plans", 10.0, lambda now: versions.take_effect(now=now), batch=versions.PLANS_TOGETHER),
        Loop("plans_sent", 10.0, lambda now: fleet_plans.send_due(now=now)),
        Loop("closings", 1.0, lambda now: closing.advance(now=now), batch=200),
        Loop("presets", 2.0, lambda now: presetting.open_waiting(now=now), batch=presetting.PER_TURN),
        Loop("lost", 15.0, lambda now: metering.mark_lost(now=now)),
        Loop("alarms", 15.0, lambda now: alarms.watch(now=now)),
        Loop("escalation", 20.0, lambda now: escalating.escalate(now=now)),
        Loop("cutoff", 60.0, lambda now: cutoff.tend(now=now)),
        Loop("keeping", 60.0, lambda now: keeping.tend(now=now)),
        Loop("load", 60.0, lambda now: metering.take_load(now=now)),
        Loop("hours", 60.0, lambda now: metering.close_hours(now=now)),
        Loop("days", 300.0, lambda now: metering.close_days(now=now)),
        Loop("rating", 60.0, lambda now: billing.rate(now=now)),
        Loop("outlooks", 300.0, lambda now: foreseeing.foresee(now=now), batch=foreseeing.TOGETHER),
        # One for each provider: a payer waits for no other's time limit.
        *(
            Loop(f"payments-{name}", 1.0, partial(_ask_channel, name), batch=repairing.TOGETHER)
            for name in Provider.values
        ),
        Loop("payments", 5.0, lambda now: repairing.follow(now=now)),
        Loop("bills", 60.0, lambda now: matching.tend(now=now)),
        Loop("webhooks", 2.0, webhooks.deliver, batch=webhooks.TOGETHER),
        Loop("old_webhooks", 600.0, webhooks.sweep, batch=webhooks.SWEPT),
        # Three, so that a modem that waits for its network keeps no log-in code waiting at another carrier.
        *(Loop(f"notices-{number}", 1.0, notices.work, batch=notices.TOGETHER) for number in (1, 2, 3)),
        Loop("notice_reports", 20.0, asking.ask, batch=asking.TOGETHER),
        Loop("no_reports", 3600.0, asking.forget),
        Loop("old_notices", 3600.0, notices.sweep, batch=notices.SWEPT),
        Loop("backups", 5.0, backups.work),
        Loop("restored", 10.0, lambda now: settlement.compare_restored(now=now)),
        # Two, so that a small file does not wait for somebody else's long one.
        *(Loop(f"exports-{number}", 2.0, exporting.work, batch=1) for number in (1, 2)),
        Loop("old_exports", 300.0, lambda now: exports.sweep(now=now)),
        Loop("sales_days", 60.0, lambda now: summing.sum_days(now=now)),
        Loop("reconciliation", 300.0, lambda now: reconciliation.daily(now=now)),
        Loop("usage", 60.0, lambda now: settlement.post_closed_days(now=now), batch=2000),
        Loop("statements", 600.0, lambda now: statements.make(now=now), batch=200),
    ]


def _ask_channel(name: str, now: datetime) -> int:
    from prewatt.domain.payments import repairing

    return repairing.ask_channel(name, now=now)


def _seal_yesterday(now: datetime) -> int:
    from django.conf import settings

    from prewatt.domain.ledger import sealing
    from prewatt.domain.ledger.models import DaySeal

    yesterday = now.astimezone(ZoneInfo(settings.TIME_ZONE)).date() - timedelta(days=1)
    if DaySeal.objects.filter(day=yesterday).exists():
        return 0
    return 1 if sealing.seal_day(day=yesterday, now=now) else 0
