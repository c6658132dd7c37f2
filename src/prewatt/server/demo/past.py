"""What the demo's meters lived through before it started: one forward run of the simulator's own meter a room.

The run is quick because it looks at the meter only when a tenant buys and at midnight. The meter's memory at each
midnight is kept, so that any day can be lived again later, in any order and at any fineness, to the same figures
(`days.py`). Times are UTC milliseconds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from typing import Any

import msgspec

from prewatt.link.messages import Reading
from prewatt.profiles import Block, Profile, load
from prewatt.server.demo import tower
from prewatt.server.demo.tower import RoomPlan, Wanted
from prewatt.sim import loads
from prewatt.sim.memory import Memory, MeterSpec
from prewatt.sim.meter import Meter

DAYS = 60
DAY_MS = 86_400_000
HOUR_MS = 3_600_000
ZONE_MS = 28_800_000  # the demo's site stands in Zhuhai
ENDLESS_FEN = 90_000_000
SHOP_AMOUNTS = (100_000, 150_000, 200_000, 300_000)
OFFICE_AMOUNTS = (20_000, 30_000, 50_000, 80_000)
REMINDER_S = 60  # the reminder trip at alarm 2 lasts a minute
# The balance at which the last purchase aims, for rooms that the demo shows in a state.
AIMS_FEN = {Wanted.AL1: 3_600, Wanted.AL2: 1_000, Wanted.OWE: -700, Wanted.HOLD: 5_000}


class Purchase(msgspec.Struct, frozen=True):
    """One credit on the meter with the two readings that prove it. `count` 0 is the opening."""

    at_ms: int
    amount_fen: int
    count: int
    before: dict[str, int]
    after: dict[str, int]


class Switched(msgspec.Struct, frozen=True):
    at_ms: int
    command: str
    before: dict[str, int]
    after: dict[str, int]


class Outage(msgspec.Struct, frozen=True):
    """Nothing was heard of the meter for so long; it lived on."""

    from_ms: int
    until_ms: int

    def holds(self, at_ms: int) -> bool:
        return self.from_ms <= at_ms < self.until_ms


class Life(msgspec.Struct):
    """One room's meter from the first midnight to the demo's start."""

    index: int
    start_ms: int
    end_ms: int
    purchases: list[Purchase] = []
    switched: list[Switched] = []
    midnights: list[dict[str, Any]] = []  # the meter's memory at start_ms + k days
    last: dict[str, Any] = {}  # `Meter.memory_dict()` at end_ms
    silent_from_ms: int | None = None  # a lost meter: alive, but the line to it is not
    outages: list[Outage] = []
    lows: list[Reading] = []  # looks at which its credit had just fallen to a limit (`lows.py`)


@contextmanager
def living(end_ms: int, *, workers: int, live: Callable[[int, int], Life]) -> Iterator[Callable[[], list[Life]]]:
    """All 152, on so many processes, from now on; call what is given to wait for them."""
    rooms = range(len(tower.rooms()))
    with ProcessPoolExecutor(workers, mp_context=get_context("fork")) as pool:
        lives = pool.map(live, rooms, [end_ms] * len(rooms), chunksize=10)
        yield lambda: list(lives)


def first_midnight_ms(end_ms: int) -> int:
    """Local midnight so many whole days before the day of `end_ms`."""
    return (end_ms + ZONE_MS) // DAY_MS * DAY_MS - ZONE_MS - DAYS * DAY_MS


def spec(room: RoomPlan, *, speed: int = 1) -> MeterSpec:
    return MeterSpec(
        number=room.meter, ct_ratio=room.ct_ratio, clock_ppm=room.index % 5 - 2, salt=room.index, speed=speed
    )


def room_load(room: RoomPlan, *, speed: int = 1, start_ms: int = 0) -> loads.RoomLoad:
    names = loads.names()
    return loads.RoomLoad(
        names[room.index % len(names)], mean_wh=room.mean_wh, seed=room.index, speed=speed, start_ms=start_ms
    )


def new_meter(room: RoomPlan, at_ms: int) -> Meter:
    """As it was installed: not opened, the site's limits set."""
    memory = Memory(
        alarm1_fen=tower.ALARM1_FEN,
        alarm2_fen=tower.ALARM2_FEN,
        ceiling_fen=tower.CEILING_FEN,
        overdraft_limit_fen=room.overdraft_fen,
        reminder_restore_s=REMINDER_S,
        clock_set_ms=at_ms,
        clock_set_at_ms=at_ms,
    )
    if room.flat:
        memory.prices_e4 = [tower.FLAT_E4] * 5
    return Meter(spec(room), room_load(room), memory, now_ms=at_ms)


def look(profile: Profile, blocks: tuple[Block, ...], meter: Meter, at_ms: int) -> dict[str, int]:
    """What a gateway would read at this moment: the meter's registers, through the profile, back to quantities."""
    shown = meter.values(at_ms)
    values: dict[str, int] = {}
    for block in blocks:
        values |= profile.decode(block, profile.show(block, shown))
    return values


def live(index: int, end_ms: int) -> Life:
    room = tower.rooms()[index]
    life = Life(index=index, start_ms=first_midnight_ms(end_ms), end_ms=end_ms)
    if room.wanted is Wanted.LOST:
        life.silent_from_ms = end_ms - (5 + index % 40) * HOUR_MS
    _Tenant(room, life).live()
    return life


class _Tenant:
    """Buys by habit: on a working hour of the day on which the credit gets low, in round amounts."""

    def __init__(self, room: RoomPlan, life: Life) -> None:
        self._room, self._life = room, life
        self._meter = new_meter(room, life.start_ms)
        self._profile = load(tower.PROFILE)
        shop = room.floor <= tower.SHOP_FLOORS
        self._amounts = SHOP_AMOUNTS if shop else OFFICE_AMOUNTS
        self._low_fen = 15_000 + room.index % 4 * 5_000 if shop else 4_000 + room.index % 5 * 2_000
        self._bought_last = False

    def live(self) -> None:
        errands = self._errands()
        for day in range(DAYS + 1):
            midnight_ms = self._life.start_ms + day * DAY_MS
            self._meter.advance(midnight_ms)
            self._life.midnights.append(self._meter.memory.to_dict())
            for at_ms, name in errands.get(day, []):
                if at_ms < (self._life.silent_from_ms or self._life.end_ms):
                    self._run(name, at_ms)
        self._meter.advance(self._life.end_ms)
        self._life.last = self._meter.memory_dict()

    def _errands(self) -> dict[int, list[tuple[int, str]]]:
        """Day -> what may happen then, at its moment: a look at the meter, or an operator's switching."""
        errands: dict[int, list[tuple[int, str]]] = {}
        if self._room.wanted is not Wanted.NONE:
            errands = {day: [(self._shopping_ms(day), "shop")] for day in range(self._opening_day(), DAYS + 1)}
        if self._room.wanted in (Wanted.OFF, Wanted.HOLD):
            name = "switch_off" if self._room.wanted is Wanted.OFF else "hold"
            day = DAYS - (1 if name == "switch_off" else 9)
            errands[day].append((self._life.start_ms + day * DAY_MS + 18 * HOUR_MS + self._room.index * 60_000, name))
        return errands

    def _opening_day(self) -> int:
        """Most rooms opened on the first day, one in twelve later."""
        return 0 if self._room.index % 12 else 5 + self._room.index % 35

    def _shopping_ms(self, day: int) -> int:
        """Between 9 and 17 o'clock, on a minute and second of one's own."""
        minute = (self._room.index * 211 + day * 97) % 480
        return self._life.start_ms + day * DAY_MS + 9 * HOUR_MS + minute * 60_000 + self._room.index % 60 * 1000

    def _run(self, name: str, at_ms: int) -> None:
        if name != "shop":
            before = self._look(at_ms)
            self._meter.apply(name, {}, at_ms)
            self._life.switched.append(Switched(at_ms, name, before, self._look(at_ms + 1000)))
        elif not self._life.purchases:
            first = 0 if self._room.wanted in AIMS_FEN else self._room.index % 4
            self._buy("open", self._amounts[first], 0, at_ms)
        elif amount_fen := self._wants(at_ms):
            self._buy("recharge", amount_fen, len(self._life.purchases), at_ms)

    def _wants(self, at_ms: int) -> int:
        """How much is bought now; 0: nothing. The last purchase aims at the balance that the demo wants to show."""
        self._meter.advance(at_ms)
        balance_fen = self._meter.balance_fen
        if self._bought_last or balance_fen >= self._low_fen:
            return 0
        usual = self._amounts[(self._room.index + len(self._life.purchases)) % 4]
        aim_fen = AIMS_FEN.get(self._room.wanted)
        still_used_fen = self._cost_until_end(at_ms)
        if aim_fen is None:
            over_fen = balance_fen + usual - still_used_fen
            return usual + 10_000 if 0 <= over_fen < tower.ALARM1_FEN + 3_000 else usual
        exact = aim_fen + still_used_fen - balance_fen
        if exact > 2 * usual:
            return usual
        self._bought_last = True
        return max(0, (exact + 500) // 1000 * 1000)

    def _cost_until_end(self, at_ms: int) -> int:
        """What the room will still use: a copy of the meter with endless credit lives it."""
        memory = Memory.from_dict(self._meter.memory.to_dict())
        memory.credit_fen, memory.ceiling_fen = ENDLESS_FEN, 0
        copy = Meter(self._meter.spec, self._meter.load, memory, now_ms=at_ms)
        before = copy.deducted_fen
        copy.advance(self._life.end_ms)
        return copy.deducted_fen - before

    def _buy(self, command: str, amount_fen: int, count: int, at_ms: int) -> None:
        before = self._look(at_ms)
        self._meter.apply(command, {"amount_fen": amount_fen, "count": count}, at_ms)
        self._life.purchases.append(Purchase(at_ms, amount_fen, count, before, self._look(at_ms + 600)))

    def _look(self, at_ms: int) -> dict[str, int]:
        return look(self._profile, self._profile.money_blocks, self._meter, at_ms)
