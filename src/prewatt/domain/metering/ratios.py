"""What a meter's register is multiplied with, and until when with what: a new ratio never reaches back."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from prewatt.domain.estate.models import Meter, RatioChange, ratio_in


@dataclass(frozen=True, slots=True)
class Ratios:
    """`latest` is what holds now; `before` has what held until a moment (ms), the oldest first."""

    latest: int
    before: tuple[tuple[int, int], ...] = ()

    def energy(self, value: Callable[[int], int], from_ms: int, to_ms: int) -> int:
        """What was used between two moments, of a register whose `value` is known at any moment."""
        total = 0
        for until_ms, ratio in self.before:
            if from_ms < until_ms:
                cut_ms = min(until_ms, to_ms)
                total += (value(cut_ms) - value(from_ms)) * ratio
                from_ms = cut_ms
        return total + (value(to_ms) - value(from_ms)) * self.latest


def of_meters(meter_ids: Iterable[int]) -> dict[int, Ratios]:
    ids = list(meter_ids)
    before: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
    for meter_id, at, ratio in RatioChange.objects.filter(meter__in=ids).values_list("meter_id", "at", "ratio"):
        before[meter_id].append((round(at.timestamp() * 1000), ratio))
    found = Meter.objects.filter(pk__in=ids).order_by().values_list("pk", ratio_in())
    return {pk: Ratios(latest, tuple(before[pk]) if pk in before else ()) for pk, latest in found}
