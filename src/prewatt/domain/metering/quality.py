"""功率因数 and 三相不平衡: sums of each closed day, so that no report reads raw readings over more than one day.

Power factor of a day: active energy by apparent energy, Σ P by Σ (P / factor) over its readings. Imbalance of the
phases: (highest - lowest phase current) by the highest, weighted by it: Σ (highest - lowest) by Σ highest. Both are
the same on either side of a transformer, so the ratio does not enter. The worst reading of a day counts only under
some load: what a standby lamp does says nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass
from datetime import date
from typing import Any

from django.db import connection

from prewatt.units.values import round_half_up

COLUMNS = ("power_w", "power_factor_e3", "current_a_ma", "current_b_ma", "current_c_ma")
LOAD_PART = 10  # a reading is under load from a tenth of the day's highest on
FACTOR_MAX_E3 = 1000
FACTOR_MIN_E3 = 2  # what is less is an idle meter's, or a switch's state of before the column held factors


@dataclass(frozen=True, slots=True)
class Sums:
    """Of one day, or of several. `looks` showed a power factor under power, `phase_looks` three currents."""

    looks: int = 0
    active_w: int = 0
    apparent_va: int = 0
    factor_min_e3: int | None = None
    phase_looks: int = 0
    spread_ma: int = 0
    highest_ma: int = 0
    unbalance_max_e3: int | None = None

    @property
    def factor_e3(self) -> int | None:
        return part_e3(self.active_w, self.apparent_va)

    @property
    def unbalance_e3(self) -> int | None:
        return part_e3(self.spread_ma, self.highest_ma)


def part_e3(part: int, whole: int) -> int | None:
    """In thousandths; None of nothing."""
    return round_half_up(part * 1000, whole) if whole > 0 else None


@dataclass(frozen=True, slots=True)
class Look:
    """What one reading says. Signs tell the direction of power and whether it leads or lags: neither matters here."""

    power_w: int | None
    factor_e3: int | None
    currents_ma: tuple[int | None, int | None, int | None]

    @property
    def apparent_va(self) -> int | None:
        factor_e3 = abs(self.factor_e3 or 0)
        if not self.power_w or not FACTOR_MIN_E3 <= factor_e3 <= FACTOR_MAX_E3:
            return None
        return round_half_up(abs(self.power_w) * FACTOR_MAX_E3, factor_e3)

    @property
    def phases(self) -> tuple[int, int] | None:
        """(spread, highest) in mA; None without three currents, and while none flows."""
        known = [abs(one) for one in self.currents_ma if one is not None]
        if len(known) < len(self.currents_ma) or not any(known):
            return None
        return max(known) - min(known), max(known)

    @property
    def unbalance_e3(self) -> int | None:
        phases = self.phases
        return None if phases is None else round_half_up(phases[0] * 1000, phases[1])


def look(row: Sequence[int | None]) -> Look:
    """From a reading's `COLUMNS`."""
    power_w, factor_e3, a, b, c = row
    return Look(power_w, factor_e3, (a, b, c))


def of_day(rows: Iterable[Sequence[int | None]]) -> Sums | None:
    """The sums of one day's readings (their `COLUMNS`); None when none of them says anything."""
    looks = [look(row) for row in rows if any(value is not None for value in row[1:])]
    powered = [(abs(one.power_w or 0), one.apparent_va, abs(one.factor_e3 or 0)) for one in looks if one.apparent_va]
    phased = [one.phases for one in looks if one.phases is not None]
    if not powered and not phased:
        return None
    load_w = max((power_w for power_w, _va, _factor in powered), default=0)
    load_ma = max((highest for _spread, highest in phased), default=0)
    return Sums(
        looks=len(powered),
        active_w=sum(power_w for power_w, _va, _factor in powered),
        apparent_va=sum(va for _w, va, _factor in powered if va is not None),
        factor_min_e3=min((factor for power_w, _va, factor in powered if power_w * LOAD_PART >= load_w), default=None),
        phase_looks=len(phased),
        spread_ma=sum(spread for spread, _highest in phased),
        highest_ma=sum(highest for _spread, highest in phased),
        unbalance_max_e3=max(
            (round_half_up(spread * 1000, highest) for spread, highest in phased if highest * LOAD_PART >= load_ma),
            default=None,
        ),
    )


_NAMES = tuple(Sums.__dataclass_fields__)
_STORE = (
    f"INSERT INTO metering_qualityday (meter_id, day, {', '.join(_NAMES)}) "  # noqa: S608 - ours
    f"VALUES (%s, %s{', %s' * len(_NAMES)}) ON CONFLICT (meter_id, day) DO UPDATE SET "
    + ", ".join(f"{name} = excluded.{name}" for name in _NAMES)
)


def store(meter_id: int, days: Mapping[date, Sums]) -> None:
    """A day that is closed again is written over."""
    if not days:
        return
    day_kept: Any = connection.ops.adapt_datefield_value
    with connection.cursor() as cursor:
        cursor.executemany(_STORE, [(meter_id, day_kept(day), *astuple(sums)) for day, sums in days.items()])
