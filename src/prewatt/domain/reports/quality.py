"""Power factor and balance of the phases: many meters by their closed days, one meter's day as it was read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from django.db.models import Max, Min, Sum

from prewatt.domain.estate.models import Meter
from prewatt.domain.metering import quality
from prewatt.domain.metering.closing import day_start_ms
from prewatt.domain.metering.models import QualityDay, Reading
from prewatt.domain.metering.quality import Look, part_e3
from prewatt.domain.metering.queries import zone
from prewatt.domain.metering.quick import raw
from prewatt.domain.metering.scope import Scope, everything, meters
from prewatt.domain.metering.usage import Days

if TYPE_CHECKING:
    from prewatt.domain.staff.models import Operator

FACTOR_LOW_E3 = 900  # under it a building pays more for its own purchase
UNBALANCE_HIGH_E3 = 150


class Line(NamedTuple):
    """One meter over the days that were asked for; parts in thousandths, None where it shows no such thing."""

    meter: int
    number: str
    circuit: str
    room: str
    building: str
    factor_e3: int | None
    lowest_e3: int | None
    unbalance_e3: int | None
    worst_e3: int | None
    looks: int

    @property
    def low(self) -> bool:
        return self.factor_e3 is not None and self.factor_e3 < FACTOR_LOW_E3

    @property
    def unbalanced(self) -> bool:
        return self.unbalance_e3 is not None and self.unbalance_e3 > UNBALANCE_HIGH_E3


_SUMMED = (
    Sum("active_w"),
    Sum("apparent_va"),
    Min("factor_min_e3"),
    Sum("spread_ma"),
    Sum("highest_ma"),
    Max("unbalance_max_e3"),
    Sum("looks"),
    Sum("phase_looks"),
)


def lines(*, operator: Operator, scope: Scope, days: Days) -> list[Line]:
    """His meters that showed a power factor or three currents in these days. Two queries, over sums of days."""
    mine = meters(operator=operator, scope=scope)
    found = QualityDay.objects.filter(day__range=(days.first, days.last)).order_by()
    if not everything(operator, scope):
        found = found.filter(meter__in=mine.values("pk"))
    summed = {row[0]: row[1:] for row in raw(found.values_list("meter_id").annotate(*_SUMMED))}
    named = mine.order_by("number").values_list(
        "pk", "number", "circuit", "room__number", "room__floor__building__name"
    )
    return [_line(row, summed[row[0]]) for row in raw(named) if row[0] in summed]


def _line(named: tuple[Any, ...], summed: tuple[Any, ...]) -> Line:
    pk, number, circuit, room, building = named
    active_w, apparent_va, lowest, spread_ma, highest_ma, worst, looks, phase_looks = summed
    factor, unbalance = part_e3(int(active_w), int(apparent_va)), part_e3(int(spread_ma), int(highest_ma))
    seen = max(int(looks), int(phase_looks))
    return Line(pk, number, circuit, room or "", building or "", factor, lowest, unbalance, worst, seen)


@dataclass(frozen=True, slots=True)
class Moment:
    """One reading. Power and currents as they flow before the transformers."""

    at: datetime
    power_w: int | None
    factor_e3: int | None
    currents_ma: tuple[int | None, ...]
    unbalance_e3: int | None


def readings(*, meter: Meter, day: date) -> list[Moment]:
    """The readings of one day that showed a power factor or a current, in their order."""
    start_ms, end_ms = (day_start_ms(one, zone()) for one in (day, day + timedelta(days=1)))
    rows = Reading.objects.filter(meter=meter, taken_ms__gte=start_ms, taken_ms__lt=end_ms).order_by("taken_ms")
    found = [(at_ms, quality.look(its)) for at_ms, *its in rows.values_list("taken_ms", *quality.COLUMNS)]
    return [
        _moment(meter, at_ms, one)
        for at_ms, one in found
        if one.factor_e3 is not None or any(current is not None for current in one.currents_ma)
    ]


def _moment(meter: Meter, at_ms: int, one: Look) -> Moment:
    return Moment(
        at=datetime.fromtimestamp(at_ms / 1000, zone()),
        power_w=None if one.power_w is None else one.power_w * meter.ratio,
        factor_e3=one.factor_e3,
        currents_ma=tuple(None if ma is None else ma * meter.ct_ratio for ma in one.currents_ma),
        unbalance_e3=one.unbalance_e3,
    )
