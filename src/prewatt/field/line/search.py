"""Who is on this bus, and what are they?

Asks every unit one short question, and those that answer a few more. Never writes.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from prewatt.field.line.line import LineDown, LineError, NoAnswer
from prewatt.field.line.questions import answered, read_request
from prewatt.field.wire import dlt645, modbus
from prewatt.field.wire.errors import CrcMismatch, ExceptionAnswer, Malformed, Truncated, WireError
from prewatt.profiles import Block, Profile

DAMAGED_ASKS = 3  # a unit whose answer came damaged is asked so often before it is called garbled
LISTEN_S = 0.05
LONG_LOOK = 10  # registers: the energies of an Acrel meter, something of everybody's
DLT_FOUND_MAX = 64
_DIGIT_PAIRS = 6

# stored value of a quantity -> what a living meter can show; a name is matched by its beginning
_POSSIBLE = {
    "voltage_": (500, 5000),
    "frequency_hz": (4500, 6500),
    "power_factor": (-1000, 1000),
    "clock_ms": (1_262_304_000_000, 4_102_444_800_000),  # 2010 to 2100
    "ct_ratio": (1, 9999),
    "current_": (-10_000_000, 10_000_000),
    "power_": (-10_000_000, 10_000_000),
    "energy_wh": (0, 10**13),
}
_RATES = ("energy_sharp_wh", "energy_peak_wh", "energy_flat_wh", "energy_valley_wh")


class Asks(Protocol):
    """As much of a line as a search needs."""

    @property
    def stats(self) -> Counter[str]: ...

    def ask(self, request: Any, *, timeout_s: float) -> Awaitable[Any]: ...


@dataclass(slots=True)
class Found:
    """Who spoke. `note` is empty, `garbled` (every answer damaged) or `twice` (more bytes than one meter sends)."""

    unit: int = 0
    address: str = ""
    note: str = ""
    profiles: list[str] = field(default_factory=list)  # those that fit best; more than one: they cannot be told apart

    @property
    def label(self) -> str:
        return self.address or f"unit {self.unit}"


async def find_units(line: Asks, units: Iterable[int], *, timeout_s: float) -> AsyncIterator[tuple[int, Found | None]]:
    """Every unit asked, with what was found there. Raises LineError when the bus itself cannot be reached."""
    for unit in units:
        yield unit, await look(line, unit, timeout_s=timeout_s)


async def look(line: Asks, unit: int, *, timeout_s: float) -> Found | None:
    """Who answers at this unit. None: nobody. Raises NoAnswer where the question could not leave: nobody was asked."""
    damaged = 0
    for address in range(DAMAGED_ASKS):  # another register each time: no waiting for a late answer of the same look
        more_before = _surplus(line)
        try:
            await line.ask(modbus.read(unit, 0, 1 + address), timeout_s=timeout_s)
        except NoAnswer as silence:
            if not silence.sent:
                raise
            if not damaged:
                return None
            continue
        except LineError:
            raise
        except ExceptionAnswer as refusal:
            return None if refusal.exception in (10, 11) else Found(unit)
        except (CrcMismatch, Truncated, Malformed):
            damaged += 1
            continue
        except WireError:
            return None
        garbled = await _is_garbled(line, unit, timeout_s)
        await asyncio.sleep(LISTEN_S)  # a second meter with this address, a little slower, is still talking
        return Found(unit, note="garbled" if garbled else "twice" if _surplus(line) > more_before else "")
    return Found(unit, note="garbled") if damaged > 1 else None


async def _is_garbled(line: Asks, unit: int, timeout_s: float) -> bool:
    """Two meters that say the same in chorus sound like one. In a longer answer they differ."""
    try:
        await line.ask(modbus.read(unit, 0, LONG_LOOK), timeout_s=timeout_s)
    except LineDown:
        raise
    except (CrcMismatch, Truncated, Malformed):
        return True
    except (LineError, WireError):
        return False  # it has no such block
    return False


def _surplus(line: Asks) -> int:
    return line.stats["unasked_bytes"] + line.stats["doubled_answer"]


async def identify(line: Asks, found: Found, candidates: Sequence[Profile], *, timeout_s: float) -> list[str]:
    """The profiles that fit what the unit says, the best ones only. A guess: different models share registers."""
    modbus_only = [profile for profile in candidates if profile.protocol == "modbus-rtu"]
    return best({profile.name: await votes(line, found.unit, profile, timeout_s=timeout_s) for profile in modbus_only})


def best(votes: dict[str, int]) -> list[str]:
    """The names with the most votes; none when nothing fits."""
    most = max(votes.values(), default=0)
    return sorted(name for name, count in votes.items() if count == most) if most > 0 else []


async def votes(line: Asks, unit: int, profile: Profile, *, timeout_s: float) -> int:
    """How many quantities a living meter could show so; 0 as soon as one cannot be, or a register is refused."""
    values: dict[str, int] = {}
    for block in profile.sweep_blocks:
        read = await read_block(line, unit, profile, block, timeout_s=timeout_s)
        if read is None:
            return 0
        values |= read
    return count_votes(profile, values)


async def read_block(
    line: Asks, unit: int, profile: Profile, block: Block, *, timeout_s: float
) -> dict[str, int] | None:
    """One step of a guess. None: the unit has no such block. Raises NoAnswer where the question could not leave."""
    try:
        reply = await line.ask(read_request(profile, block, unit=unit), timeout_s=timeout_s)
    except LineDown:
        raise
    except NoAnswer as silence:
        if not silence.sent:
            raise
        return None
    except (LineError, WireError):
        return None
    return profile.decode(block, answered(reply))


def count_votes(profile: Profile, values: dict[str, int]) -> int:
    """How much of what was read a living meter of this model could show."""
    if not _possible(values):
        return 0
    if "clock_ms" in profile.quantities and "clock_ms" not in values:
        return 0
    return sum(1 for value in values.values() if value)


def _possible(values: dict[str, int]) -> bool:
    for name, value in values.items():
        for start, (low, high) in _POSSIBLE.items():
            if name.startswith(start) and value and not low <= value <= high:
                return False
    rates = [values[name] for name in _RATES if name in values]
    if len(rates) < len(_RATES) or not values.get("energy_wh"):
        return True
    deep_wh = values.get("energy_deep_wh", 0)
    return abs(values["energy_wh"] - sum(rates) - deep_wh) <= 50  # every register is cut off to its own step


class AddressSearch:
    """DL/T 645: ask any meter for its address; where several answer at once, ask again with more digits given."""

    def __init__(self) -> None:
        self._waiting = ["A" * 12]
        self._found = 0

    @property
    def left(self) -> int:
        """Questions that are known to be needed still."""
        return len(self._waiting) if self._found < DLT_FOUND_MAX else 0

    async def ask(self, line: Asks, *, timeout_s: float) -> tuple[str, Found | None]:
        """The next question, with who was heard alone. Raises LineError; one that did not leave stays the next."""
        mask = self._waiting[-1]
        try:
            reply = await line.ask(dlt645.ReadAddress(mask), timeout_s=timeout_s)
        except NoAnswer as silence:
            if not silence.sent:
                raise
            self._waiting.pop()
            return mask, None
        except LineError:
            raise
        except WireError:
            self._waiting.pop()
            self._waiting += _narrower(mask)
            return mask, None
        self._waiting.pop()
        self._found += 1
        return mask, Found(address=reply.data[::-1].hex() if len(reply.data) == 6 else reply.address)


async def find_addresses(line: Asks, *, timeout_s: float) -> AsyncIterator[tuple[str, Found | None]]:
    """Every question with who was heard alone. Raises LineError when the bus itself cannot be reached."""
    search = AddressSearch()
    while search.left:
        yield await search.ask(line, timeout_s=timeout_s)


def _narrower(mask: str) -> list[str]:
    """The mask with one more pair of digits fixed, from the end, where meters of one delivery differ."""
    known = len(mask.lstrip("A"))
    if known >= 2 * _DIGIT_PAIRS:
        return []
    head = "A" * (10 - known)
    return [f"{head}{pair:02d}{mask[12 - known :]}" for pair in range(99, -1, -1)]
