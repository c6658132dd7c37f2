"""What of the past the alarms are made of: when a tenant's credit fell to a limit, and nights on which a line was down.

Nothing here is an alarm. The looks are readings that the demo's history stores anyway (`days.py`), found early, so that
the centre's own watch can look at the meters at those moments while the sales are replayed (`sales.py`).
"""

from __future__ import annotations

from prewatt.link.messages import Reading
from prewatt.server.demo import days, past, tower
from prewatt.server.demo.past import DAY_MS, DAYS, HOUR_MS, Life, Outage
from prewatt.server.demo.tower import Wanted
from prewatt.sim.memory import E7_PER_FEN

LIMITS_FEN = (tower.ALARM1_FEN, tower.ALARM2_FEN, 0)
# One room in so many had a bad night, between 21:10 and 5:30 the next morning at most.
ONE_IN = 23
BAD_NIGHT = 5


def live(index: int, end_ms: int) -> Life:
    """`past.live`, and what the centre would have noticed of it."""
    life = past.live(index, end_ms)
    life.outages = _outages(life)
    life.lows = lows(life)
    return life


def _outages(life: Life) -> list[Outage]:
    room = tower.rooms()[life.index]
    if room.wanted is not Wanted.OPEN or life.index % ONE_IN != BAD_NIGHT:
        return []
    day = 24 + life.index % 31
    from_ms = life.start_ms + day * DAY_MS + 21 * HOUR_MS + life.index % 7 * 10 * 60_000
    return [Outage(from_ms, from_ms + (40 + life.index * 37 % 400) * 60_000)]


def lows(life: Life) -> list[Reading]:
    """The first look after each fall to a limit or below, in order of time."""
    if not life.purchases:
        return []
    found: list[Reading] = []
    depth = 0
    for day in range((life.purchases[0].at_ms - life.start_ms) // DAY_MS, DAYS + 1):
        depth = _of_day(life, day, depth, found)
    return found


def _of_day(life: Life, day: int, depth: int, found: list[Reading]) -> int:
    """How many limits the credit has fallen to when the day ends. Most days are nowhere near one, and cost nothing."""
    if not _near(life, day):
        return 0
    for meter, at_ms in days.living(life, day):
        meter.advance(at_ms)
        deeper = sum(meter.balance_fen <= limit for limit in LIMITS_FEN)
        if at_ms < life.purchases[0].at_ms:
            continue
        if deeper > depth:
            found.append(days.reading(life, meter, at_ms))
        depth = deeper
    return depth


def _near(life: Life, day: int) -> bool:
    """Was the credit at the first limit or below at any moment of the day? It only falls between purchases."""
    from_ms = life.start_ms + day * DAY_MS
    bought = [one for one in life.purchases if one.count and from_ms <= one.at_ms < from_ms + DAY_MS]
    marks = [one.before["balance_fen"] for one in bought]
    ends = [life.midnights[day], life.midnights[day + 1] if day < DAYS else life.last["memory"]]
    marks += [memory["credit_fen"] - memory["cost_e7"] // E7_PER_FEN for memory in ends]
    return min(marks) <= LIMITS_FEN[0] + 1
