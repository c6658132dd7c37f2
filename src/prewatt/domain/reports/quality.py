"""Power factor and balance of the phases: many meters by their closed days, one meter's day as it was read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from django.db.models import Max, Min, Sum

from prewatt.domain.estate.models import Meter
from prewatt.domain.metering import quality
from prewatt.domain.metering.closing import day_start_ms
from prewatt.domain.metering.models import QualityDay, Reading
from prewatt.domain.metering.quality import Look, Sums
from prewatt.domain.metering.queries import zone
from prewatt.domain.metering.scope import Scope, everything, meters
from prewatt.domain.metering.usage import Days

if TYPE_CHECKING:
    from prewatt.domain.staff.models import Operator

FACTOR_LOW_E3 = 900  # under it a building pays more for its own purchase
UNBALANCE_HIGH_E3 = 150


class Line(NamedTuple):
    """One meter over the days that were asked for."""

    meter: int
    number: str
    circuit: str
    room: str
    building: str
    sums: Sums

    @property
    def low(self) -> bool:
        factor_e3 = self.sums.factor_e3
        return factor_e3 is not None and factor_e3 < FACTOR_LOW_E3

    @property
    def unbalanced(self) -> bool:
        unbalance_e3 = self.sums.unbalance_e3
        return unbalance_e3 is not None and unbalance_e3 > UNBALANCE_HIGH_E3


def lines(*, operator: Operator, scope: Scope, days: Days) -> list[Line]:
    """His meters that showed a power factor or three currents in these days. Two queries, over sums of days."""
    mine = meters(operator=operator, scope=scope)
    found = QualityDay.objects.filter(day__range=(days.first, days.last)).order_by()
    if not everything(operator, scope):
        found = found.filter(meter__in=mine.values("pk"))
    rows = found.values_list("meter_id").annotate(
        Sum("looks"),
        Sum("active_w"),
        Sum("apparent_va"),
        Min("factor_min_e3"),
        Sum("phase_looks"),
        Sum("spread_ma"),
        Sum("highest_ma"),
        Max("unbalance_max_e3"),
    )
    sums = {pk: Sums(*(None if one is None else int(one) for one in its)) for pk, *its in rows}  # type: ignore[arg-type]
    named = mine.order_by("number").values_list(
        "pk", "number", "circuit", "room__number", "room__floor__building__name"
    )
    return [
        Line(pk, number, circuit, room or "", building or "", sums[pk])
        for pk, number, circuit, room, building in named
        if pk in sums
    ]


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
