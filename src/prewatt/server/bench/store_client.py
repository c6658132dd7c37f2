"""One database of `prewatt bench store`: `python -m …` with PREWATT_DATABASE set.

Reads jobs from its input, one a line. Makes the readings of a job, prints `ready`, waits for a line, does it, and
prints one JSON line: rows committed and the CPU seconds of this process.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

METERS = 152
LOOK_MS = 1_800_000
_BEGAN_MS = 1_750_000_000_000


class Bench:
    """A tower's readings, a new stretch of time for every job."""

    def __init__(self) -> None:
        from prewatt.domain.estate.models import Bus, Gateway, Meter

        self.gateway = Gateway.objects.create(code="bench")
        buses = [Bus.objects.create(gateway=self.gateway, code=f"{n}", url="tcp://127.0.0.1:1") for n in range(8)]
        meters = [
            Meter(number=f"{n:010d}", bus=buses[n % 8], unit=n // 8 + 1, profile="acrel-dtsy1352-nk")
            for n in range(METERS)
        ]
        self.ids = {meter.number: meter.pk for meter in Meter.objects.bulk_create(meters)}
        self._looks = 0

    def batches(self, rows: int) -> list[list[Any]]:
        """Link messages as a gateway sends them: look after look over all meters, full batches."""
        from prewatt.link.messages import READINGS_PER_BATCH_MAX

        made = list(self._readings(rows))
        return [made[at : at + READINGS_PER_BATCH_MAX] for at in range(0, len(made), READINGS_PER_BATCH_MAX)]

    def _readings(self, rows: int) -> Iterator[Any]:
        from prewatt.domain.metering.models import STATE_COLUMNS
        from prewatt.link.messages import Reading

        for n in range(rows):
            place, number = self._looks + n // METERS, n % METERS
            values = dict.fromkeys(STATE_COLUMNS, 2 + number + place)
            values |= {"energy_wh": 10_000_000 + 700 * place, "bought_fen": 200_000, "balance_fen": 150_000 - place}
            values |= dict.fromkeys(("voltage_a_v", "voltage_b_v", "voltage_c_v"), 2200 + number)
            values |= dict.fromkeys(("relay_closed", "relay_command", "prepaid_open"), 1)
            values |= dict.fromkeys(("forced", "state_arrears", "state_alarm1", "state_alarm2", "state_overload"), 0)
            values["power_factor"] = 950
            at_ms = _BEGAN_MS + place * LOOK_MS + number * 160
            yield Reading(meter=f"{number:010d}", taken_at_ms=at_ms, values=values)
        self._looks += rows // METERS + 1

    def rows(self, batch: list[Any]) -> tuple[Any, list[tuple[int, ...]]]:
        from prewatt.domain.metering import storing

        kind = storing.shape(tuple(batch[0].values))
        return kind, [(self.ids[look.meter], look.taken_at_ms, *kind.values(look.values)) for look in batch]

    def copy(self, batches: list[list[Any]]) -> Callable[[], int]:
        """The limit: COPY of lines that were written before the clock started, into a table of the same layout."""
        from django.db import connection, transaction

        with connection.cursor() as cursor:
            cursor.execute(
                "CREATE TABLE IF NOT EXISTS bench_floor (LIKE metering_reading INCLUDING DEFAULTS INCLUDING INDEXES)"
            )
        made = [self.rows(batch) for batch in batches]
        texts = ["".join([kind.line % row for row in rows]) for kind, rows in made]
        command = f"COPY bench_floor ({made[0][0].columns}) FROM STDIN"

        def work() -> int:
            for text in texts:
                with transaction.atomic(), connection.cursor() as cursor, cursor.copy(command) as copy:
                    copy.write(text)
            return sum(len(rows) for _, rows in made)

        return work

    def store(self, batches: list[list[Any]]) -> Callable[[], int]:
        """Ours: from decoded values to committed rows, each once."""
        from django.db import transaction

        from prewatt.domain.metering import storing

        def work() -> int:
            added = 0
            for batch in batches:
                with transaction.atomic():
                    added += storing.insert(*self.rows(batch))
            return added

        return work

    def record(self, batches: list[list[Any]]) -> Callable[[], int]:
        """The whole operation: meters looked up, rows, newest states, hours and days marked for closing."""
        from prewatt.domain.metering.operations import record_readings

        now = datetime.now(UTC)
        return lambda: sum(record_readings(batch, gateway=self.gateway, now=now).added for batch in batches)

    def django(self, batches: list[list[Any]]) -> Callable[[], int]:
        """The usual way: model objects through bulk_create."""
        from prewatt.domain.metering.models import Reading
        from prewatt.domain.metering.storing import READING_COLUMNS

        def work() -> int:
            added = 0
            for batch in batches:
                objects = [
                    Reading(
                        meter_id=self.ids[look.meter],
                        taken_ms=look.taken_at_ms,
                        **{column: look.values[name] for name, column in READING_COLUMNS.items()},
                    )
                    for look in batch
                ]
                added += len(Reading.objects.bulk_create(objects, ignore_conflicts=True))
            return added

        return work

    def bytes_per_row(self) -> float:
        from django.db import connection

        from prewatt.domain.metering.models import Reading

        with connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                cursor.execute("SELECT pg_total_relation_size('metering_reading')")
            else:
                cursor.execute("SELECT sum(pgsize) FROM dbstat WHERE name LIKE '%metering_reading%'")
            return float(cursor.fetchone()[0]) / max(1, Reading.objects.count())


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def main() -> None:
    import django

    django.setup()
    bench = Bench()
    for line in sys.stdin:
        job, rows = line.split()
        if job == "size":
            _say(json.dumps(bench.bytes_per_row()))
            continue
        work = getattr(bench, job)(bench.batches(int(rows)))
        _say("ready")
        sys.stdin.readline()
        cpu, wall = _cpu_s(), time.perf_counter()
        done = work()
        _say(json.dumps({"rows": done, "cpu_s": _cpu_s() - cpu, "wall_s": time.perf_counter() - wall}))


if __name__ == "__main__":
    main()
