"""每日用能横表: a row for each meter and a column for each day, as an accountant lays a year out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from django.db.models import F, QuerySet, Value
from django.db.models.functions import Coalesce

from prewatt.domain.estate.models import Meter
from prewatt.domain.metering.models import UsageDay
from prewatt.domain.metering.quick import raw
from prewatt.domain.reports.energy import Wanted, meters_wanted, tenant_at

if TYPE_CHECKING:
    from prewatt.domain.staff.models import Operator

CHUNK = 500  # meters whose days are read at once: 183,000 of a year


class What(StrEnum):
    ENERGY = "energy_wh"
    MONEY = "deducted_fen"


@dataclass(frozen=True)
class Spread:
    """Meters as a register asks for rows. Each row is a dict with `days`: a value for each day, None where none is
    closed, and `total`. Only the rows that are shown, or written, are looked up.
    """

    meters: QuerySet[Meter, Any]
    days: Sequence[date]
    what: What

    def order_by(self, *names: str) -> Spread:
        return replace(self, meters=self.meters.order_by(*names))

    def count(self) -> int:
        return self.meters.count()

    def __len__(self) -> int:
        return self.count()

    def __getitem__(self, part: slice) -> list[dict[str, Any]]:
        return list(self._filled(list(self.meters[part])))

    def iterator(self, chunk_size: int = 0) -> Iterator[dict[str, Any]]:  # noqa: ARG002 - as a query set has it
        rows = list(self.meters)
        for at in range(0, len(rows), CHUNK):
            yield from self._filled(rows[at : at + CHUNK])

    def _filled(self, rows: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        found = self._values([row["pk"] for row in rows])
        for row in rows:
            values = found[row["pk"]]
            known = [one for one in values if one is not None]
            yield {**row, "days": values, "total": sum(known) if known else None}

    def _values(self, keys: Sequence[int]) -> Mapping[int, list[int | None]]:
        found: dict[int, list[int | None]] = {pk: [None] * len(self.days) for pk in keys}
        place: dict[date | str, int] = {day: at for at, day in enumerate(self.days)}
        place |= {day.isoformat(): at for day, at in place.items() if isinstance(day, date)}  # as some drivers give it
        rows = UsageDay.objects.filter(meter__in=keys, day__gte=self.days[0], day__lte=self.days[-1]).order_by()
        for meter, day, value in raw(rows.values_list("meter_id", "day", self.what.value)):
            found[meter][place[day]] = value
        return found


def spread(*, operator: Operator, wanted: Wanted, what: What) -> Spread:
    """Of every meter in the scope, those out of use too: what they counted stays counted."""
    named = (
        Meter.objects.for_operator(operator)
        .filter(meters_wanted(wanted, ""))
        .annotate(
            room_number=Coalesce(F("room__number"), Value("")),
            building_name=Coalesce(F("room__floor__building__name"), Value("")),
            tenant=tenant_at("pk", wanted.end_ms),
        )
    )
    rows: QuerySet[Meter, Any] = named.values("pk", "number", "room_number", "building_name", "tenant")
    many = (wanted.last_day - wanted.first_day).days + 1
    return Spread(rows, [wanted.first_day + timedelta(days=at) for at in range(many)], what)
