"""A site whose meters are read as a test says: link messages in, rows out. Times are minutes after a local midnight."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from prewatt.domain.estate import operations as estate
from prewatt.domain.estate.models import Bus, Meter
from prewatt.domain.metering import operations as metering
from prewatt.domain.metering.models import MeterState, UsageDay, UsageHour
from prewatt.link.messages import Reading

ZONE = ZoneInfo("Asia/Shanghai")
MIDNIGHT = datetime(2026, 6, 1, tzinfo=ZONE).astimezone(UTC)
MINUTE_MS, HOUR_MS = 60_000, 3_600_000
MIDNIGHT_MS = int(MIDNIGHT.timestamp() * 1000)


def at(minutes: float) -> datetime:
    return MIDNIGHT + timedelta(minutes=minutes)


def look(meter: Meter | str, minutes: float, **values: int) -> Reading:
    number = meter if isinstance(meter, str) else meter.number
    return Reading(meter=number, taken_at_ms=MIDNIGHT_MS + round(minutes * MINUTE_MS), values=values)


class Site:
    def __init__(self) -> None:
        self.gateway = estate.add_gateway(code="GW-A", buses=[("bus-1", "tcp://127.0.0.1:1")])
        self.other = estate.add_gateway(code="GW-B", buses=[("bus-1", "tcp://127.0.0.1:2")])
        self.meter = self.add("0300010401")
        self.strange = self.add("9900000001", gateway=self.other)

    def add(self, number: str, *, ct_ratio: int = 1, gateway: object = None) -> Meter:
        bus = Bus.objects.get(gateway=gateway or self.gateway)
        return estate.add_meter(
            number=number, bus=bus, unit=bus.meters.count() + 1, profile="acrel-dtsy1352-nk", ct_ratio=ct_ratio
        )

    def record(self, looks: Iterable[Reading], *, minutes: float | None = None) -> metering.Recorded:
        """Taken by the centre at once after the last look, or at `minutes`."""
        batch = list(looks)
        last_ms = max((one.taken_at_ms for one in batch), default=MIDNIGHT_MS)
        now = at(minutes) if minutes is not None else datetime.fromtimestamp(last_ms / 1000, UTC)
        return metering.record_readings(batch, gateway=self.gateway, now=now)

    def state(self, meter: Meter | None = None) -> MeterState:
        return MeterState.objects.get(meter=meter or self.meter)

    def close(self, minutes: float) -> None:
        metering.close_hours(now=at(minutes))
        metering.close_days(now=at(minutes))


def hours(meter: Meter) -> dict[float, tuple[int, bool]]:
    """Hour of the day -> (Wh, filled)."""
    rows = UsageHour.objects.filter(meter=meter).order_by("start_ms")
    return {(row.start_ms - MIDNIGHT_MS) / HOUR_MS: (row.energy_wh, row.filled) for row in rows}


def days(meter: Meter) -> dict[int, UsageDay]:
    """Day of June -> its row."""
    return {row.day.day: row for row in UsageDay.objects.filter(meter=meter).order_by("day")}
