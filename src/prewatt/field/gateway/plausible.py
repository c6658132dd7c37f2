"""Quarantine: a reading that cannot be true is not believed, and never becomes the baseline for the next.

A register that counts up may not go backwards, nor rise faster than the meter's rating allows; a balance falls by what
can have been used, and rises only with a purchase. A meter that was exchanged or reset tells its new story again and
again: after `CONSISTENT_MIN` readings that agree with each other it is believed again, with an event.
"""

from __future__ import annotations

import msgspec

from prewatt.field.gateway.recharge import Limits, limits_used
from prewatt.field.gateway.turns import Values

CONSISTENT_MIN = 3
CONSISTENT_MS_MIN = 10_000
COUNT_STEP_MAX = 50
POWER_MARGIN = 2  # instantaneous values peak above the rating
_HOUR_MS = 3_600_000
_STEP_WH = 20  # two steps of 0.01 kWh: the reading before may have been just below one, this one just above
COUNTERS = (
    "energy_wh",
    "energy_sharp_wh",
    "energy_peak_wh",
    "energy_flat_wh",
    "energy_valley_wh",
    "energy_deep_wh",
    "energy_export_wh",
)


# All that a next reading is compared with: thousands of meters each keep one such set.
_KEPT = (*COUNTERS, "balance_fen", "purchase_count")


class Verdict(msgspec.Struct, frozen=True):
    """Whether a reading is believed. `again`: it was believed against the baseline, as the meter's new story."""

    believed: bool
    reason: str = ""
    again: bool = False


GOOD = Verdict(believed=True)


class _Seen:
    """The last value of each quantity and when it was read."""

    __slots__ = ("counters_at", "money_at", "values")

    def __init__(self) -> None:
        self.values: dict[str, int] = {}
        self.counters_at = self.money_at = 0

    def take(self, values: Values, at: int) -> None:
        kept = self.values
        for name in _KEPT:
            if name in values:
                kept[name] = values[name]
        if "energy_wh" in values:
            self.counters_at = at
        if "balance_fen" in values:
            self.money_at = at


class Quarantine:
    """The memory of one meter's last believed reading."""

    __slots__ = ("_other", "_other_count", "_other_since", "_seen", "limits")

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._seen = _Seen()
        self._other: _Seen | None = None  # the other story: readings that agree with each other, not with the baseline
        self._other_since = 0
        self._other_count = 0

    def rebase(self, values: Values, *, at: int) -> None:
        """These values are proven: an order of ours was read back."""
        self._seen.take(values, at)
        self._other = None

    def judge(self, values: Values, *, at: int) -> Verdict:
        reason = implausible(self._seen, values, at=at, limits=self.limits)
        if not reason:
            self._seen.take(values, at)
            self._other = None
            return GOOD
        return self._disbelieve(values, at=at, reason=reason)

    def _disbelieve(self, values: Values, *, at: int, reason: str) -> Verdict:
        if self._other is None or implausible(self._other, values, at=at, limits=self.limits):
            self._other, self._other_since, self._other_count = _Seen(), at, 0
        self._other.take(values, at)
        self._other_count += 1
        if self._other_count < CONSISTENT_MIN or at - self._other_since < CONSISTENT_MS_MIN:
            return Verdict(believed=False, reason=reason)
        self._seen.take(values, at)
        self._other = None
        return Verdict(believed=True, reason=reason, again=True)


def implausible(seen: _Seen, values: Values, *, at: int, limits: Limits) -> str:
    """Why this reading cannot follow what was seen, as a short code; empty: it can."""
    return (
        _counters(seen, values, at=at, limits=limits)
        or _money(seen, values, at=at, limits=limits)
        or _power(values, limits)
    )


def _counters(seen: _Seen, values: Values, *, at: int, limits: Limits) -> str:
    """Behind a CT a register may move in steps of the CT ratio, so the ratio widens both the step and the rise."""
    before = seen.values
    rise_max = (limits.rating_w * max(0, at - seen.counters_at) // _HOUR_MS + 1 + _STEP_WH) * limits.ct_ratio
    for name in COUNTERS:
        if name in values and name in before:
            rise = values[name] - before[name]
            if rise < 0:
                return f"backwards_{name}"
            if rise > rise_max:
                return f"jump_{name}"
    return ""


def _money(seen: _Seen, values: Values, *, at: int, limits: Limits) -> str:
    before = seen.values
    count = values.get("purchase_count", before.get("purchase_count", 0))  # a look at settings alone shows none
    bought = count - before.get("purchase_count", count)
    if bought < 0:
        return "backwards_purchase_count"
    if bought > COUNT_STEP_MAX:
        return "jump_purchase_count"
    if bought or "balance_fen" not in values or "balance_fen" not in before:
        return ""
    fall = before["balance_fen"] - values["balance_fen"]
    if fall < 0 and "purchase_count" in values and "purchase_count" in before:
        return "rise_balance_fen"
    return "jump_balance_fen" if fall > limits_used(limits, at - seen.money_at) else ""


def _power(values: Values, limits: Limits) -> str:
    beyond = abs(values.get("power_w", 0)) > POWER_MARGIN * limits.rating_w * limits.ct_ratio
    return "beyond_rating_power_w" if beyond else ""
