"""Alarms for tests: a counter whose gateway is there, and a watch that looks."""

from __future__ import annotations

from counter import Counter
from prewatt.domain.alarms import operations
from prewatt.domain.alarms.models import Alarm


class Watching:
    """`look` hears the gateway and makes a pass."""

    def __init__(self, counter: Counter) -> None:
        self.counter = counter
        for meter in counter.meters:
            counter.opened(meter, balance_fen=90_000)

    def look(self, *, heard: bool = True) -> int:
        if heard:
            self.counter.gateway.last_seen_at = self.counter._now
            self.counter.gateway.save(update_fields=["last_seen_at"])
        return operations.watch(now=self.counter.now)

    def episodes(self) -> list[tuple[str, str, bool]]:
        """(kind, what it is about, goes on), the oldest first."""
        found = Alarm.objects.select_related("meter", "gateway", "bus", "carrier").order_by("pk")
        return [(one.kind, _about(one), one.until is None) for one in found]


def _about(one: Alarm) -> str:
    if one.meter is not None:
        return one.meter.number[-1]
    named = (one.gateway and one.gateway.code) or (one.bus and one.bus.code) or (one.carrier and one.carrier.name)
    return named or one.channel
