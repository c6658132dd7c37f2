"""What a meter counted by bands from one moment of a day to another: where a price or an account begins inside it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from django.db.models import Max, Min

from prewatt.domain.metering import ratios as ratio_history
from prewatt.domain.metering.closing import RATES, Track
from prewatt.domain.metering.models import Reading


def between(meter_id: int, edges_ms: Sequence[int]) -> list[dict[str, int]] | None:
    """Wh by register (`energy_wh`, `energy_peak_wh` …) from edge to edge, on the straight line between the readings,
    as days are closed. None where no readings lie on both sides.
    """
    rows = Reading.objects.filter(meter_id=meter_id, energy_wh__isnull=False)
    before = rows.filter(taken_ms__lte=edges_ms[0]).aggregate(at=Max("taken_ms"))["at"]
    after = rows.filter(taken_ms__gte=edges_ms[-1]).aggregate(at=Min("taken_ms"))["at"]
    inside = rows.filter(taken_ms__gte=edges_ms[0] if before is None else before)
    found = list(
        (inside if after is None else inside.filter(taken_ms__lte=after))
        .order_by("taken_ms")
        .values_list("taken_ms", *RATES)
    )
    if len(found) < 2:
        return None
    ratios = ratio_history.of_meters([meter_id])[meter_id]
    tracks = {name: Track([row[0] for row in found], [row[at] for row in found]) for at, name in enumerate(RATES, 1)}
    return [
        {name: ratios.energy(track.value, from_ms, to_ms) for name, track in tracks.items() if track.at}
        for from_ms, to_ms in pairwise(edges_ms)
    ]
