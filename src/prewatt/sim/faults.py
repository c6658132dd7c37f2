"""Misfortune by seed. Every fault that happens is drawn and written down here: a run can be told, and repeated.

An exchange (one request and its answer) suffers at most one fault; besides that, meters fall silent or lose power and
lines are cut for a while at moments of their own.
"""

from __future__ import annotations

import random
import tomllib
from collections import Counter, deque
from pathlib import Path
from typing import Any

import msgspec

LOG_MAX = 200_000
DAY_MS = 86_400_000

# what can happen to one exchange
READ_FAULTS = (
    "lost_request",
    "lost_answer",
    "corrupted",
    "truncated",
    "doubled",
    "late",
    "split",
    "noise",
    "refused",
)
# and to a write besides
WRITE_FAULTS = ("denied_applied", "claimed_not_applied", "half", "reset_in_write")
KINDS = READ_FAULTS + WRITE_FAULTS


class FaultsError(ValueError):
    """The faults file is wrong. The message names the key; correct it and start again."""


class Trouble(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Something that comes so many times a day and lasts between `seconds[0]` and `seconds[1]`."""

    per_day: float = 0.0
    seconds: tuple[float, float] = (5.0, 60.0)


class Plan(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How much misfortune: `rates` of exchanges (0.01 = one in a hundred), and what comes by itself."""

    rates: dict[str, float] = {}
    silence: Trouble = Trouble()  # of one meter
    reset: Trouble = Trouble(seconds=(2.0, 8.0))  # of one meter, between exchanges
    cut: Trouble = Trouble()  # of one line
    late_s_max: float = 2.0  # a late answer comes after the master's next request, or after this long
    clock_ppm_max: int = 0  # each meter's clock runs away by up to this, either way

    def __post_init__(self) -> None:
        unknown = sorted(set(self.rates) - set(KINDS))
        if unknown:
            raise FaultsError(f"rates: unknown {', '.join(unknown)}; there are {', '.join(KINDS)}")
        if any(rate < 0 for rate in self.rates.values()) or sum(self.rates.values()) > 1:
            raise FaultsError("rates: shares of all exchanges, none below 0, together at most 1")


def _level(read: float, write: float, troubles: float, ppm: int) -> Plan:
    weights = {"lost_request": 2, "lost_answer": 3, "noise": 2, "corrupted": 2, "refused": 0.5}
    weights |= dict.fromkeys(("truncated", "doubled", "late", "split"), 1)
    rates = {kind: read * weight / sum(weights.values()) for kind, weight in weights.items()}
    rates |= dict.fromkeys(WRITE_FAULTS, write / len(WRITE_FAULTS))
    return Plan(
        rates=rates,
        silence=Trouble(per_day=0.5 * troubles, seconds=(10.0, 900.0)),
        reset=Trouble(per_day=0.2 * troubles, seconds=(2.0, 8.0)),
        cut=Trouble(per_day=0.3 * troubles, seconds=(2.0, 1800.0)),
        clock_ppm_max=ppm,
    )


LEVELS = {
    "none": Plan(),
    "mild": _level(0.005, 0.01, 0.3, 20),
    "rough": _level(0.04, 0.10, 2.0, 100),
    "brutal": _level(0.15, 0.40, 10.0, 500),
}


def load_plan(path: Path) -> Plan:
    """From a TOML file; `level = "rough"` may give the rest. Raises FaultsError."""
    try:
        table: dict[str, Any] = tomllib.loads(path.read_text())
        level = table.pop("level", "none")
        base: dict[str, Any] = msgspec.to_builtins(LEVELS[level])
        rates = {**base.pop("rates"), **table.pop("rates", {})}
        return msgspec.convert({**base, **table, "rates": rates}, Plan)
    except KeyError as error:
        raise FaultsError(f"{path}: level {error} is none of {', '.join(LEVELS)}") from None
    except (OSError, tomllib.TOMLDecodeError, msgspec.ValidationError, FaultsError) as error:
        raise FaultsError(f"{path}: {error}") from error


class Injected(msgspec.Struct, frozen=True):
    """One fault that happened. `detail` is what a person needs to follow the story."""

    at_ms: int
    bus: str
    meter: str
    kind: str
    detail: str = ""


class Faults:
    """Draws misfortune and remembers it. The same seed and the same course of events draw the same."""

    def __init__(self, seed: int = 0, plan: Plan | str = "none") -> None:
        self.plan = LEVELS[plan] if isinstance(plan, str) else plan
        self.seed = seed
        self.random = random.Random(f"faults {seed}")  # noqa: S311 - a seed that can be repeated is the point
        self.counts: Counter[str] = Counter()
        self.log: deque[Injected] = deque(maxlen=LOG_MAX)
        rates = self.plan.rates
        self._reads = [(kind, rates[kind]) for kind in READ_FAULTS if rates.get(kind)]
        self._writes = self._reads + [(kind, rates[kind]) for kind in WRITE_FAULTS if rates.get(kind)]
        self._read_rate = sum(rate for _, rate in self._reads)
        self._write_rate = sum(rate for _, rate in self._writes)

    def draw(self, *, is_write: bool) -> str | None:
        """What happens to this exchange, if anything. Not yet written down: `record` it when it takes effect."""
        at = self.random.random()
        if at >= (self._write_rate if is_write else self._read_rate):
            return None
        for kind, rate in self._writes if is_write else self._reads:
            if at < rate:
                return kind
            at -= rate
        return None

    def record(self, at_ms: int, bus: str, meter: str, kind: str, detail: str = "") -> None:
        self.counts[kind] += 1
        self.log.append(Injected(at_ms, bus, meter, kind, detail))

    def spells(self, name: str, trouble: Trouble) -> Spells:
        """The times at which this trouble comes to `name`, drawn apart from everything else."""
        return Spells(random.Random(f"{self.seed} {name}"), trouble)  # noqa: S311

    def clock_ppm(self, number: str) -> int:
        limit = self.plan.clock_ppm_max
        return random.Random(f"{self.seed} clock {number}").randint(-limit, limit)  # noqa: S311

    # --- what a fault does to bytes ----------------------------------------------------------------------

    def corrupt(self, data: bytes) -> bytes:
        """One byte with one to three bits turned over."""
        damaged = bytearray(data)
        at = self.random.randrange(len(damaged))
        for bit in self.random.sample(range(8), self.random.randint(1, 3)):
            damaged[at] ^= 1 << bit
        return bytes(damaged)

    def truncate(self, data: bytes) -> bytes:
        return data[: self.random.randrange(1, max(2, len(data)))]

    def split(self, data: bytes) -> list[bytes]:
        cuts = sorted(self.random.sample(range(1, len(data)), min(self.random.randint(1, 3), len(data) - 1)))
        return [data[start:end] for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True)]

    def noise(self) -> bytes:
        return self.random.randbytes(self.random.randint(1, 12))


class Spells:
    """Bad spells of one meter or line: ask with a time that never goes back."""

    def __init__(self, chance: random.Random, trouble: Trouble) -> None:
        self._random = chance
        self._trouble = trouble
        self.start_ms: int | None = None  # of the present spell, or of the next one
        self.end_ms = 0

    def current(self, now_ms: int) -> tuple[int, int] | None:
        """The spell that began last, as (start, end), if it began since the last call or is still on."""
        if self._trouble.per_day <= 0:
            return None
        if self.start_ms is None:
            self._next(now_ms)
        found = None
        while self.start_ms is not None and self.start_ms <= now_ms:
            found = self.start_ms, self.end_ms
            if self.end_ms > now_ms:
                break
            self._next(self.end_ms)
        return found

    def upcoming(self, now_ms: int) -> tuple[int, int] | None:
        """The next spell that is not over, as (start, end)."""
        self.current(now_ms)
        return None if self.start_ms is None else (self.start_ms, self.end_ms)

    def _next(self, after_ms: int) -> None:
        self.start_ms = after_ms + 1 + round(self._random.expovariate(self._trouble.per_day) * DAY_MS)
        self.end_ms = self.start_ms + round(1000 * self._random.uniform(*self._trouble.seconds))
